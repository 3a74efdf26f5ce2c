use crate::ink::Ink;
use crate::lang::Lang;
use crate::svg::{Anchor, Paint, Svg, Type};

/// The four effects that are reported of batch normalization, and what the experiments have found of each: a
/// full circle for what was shown, an empty one for what was not.
///
/// Of an effect whose experiment is not known nothing is said.
pub fn four_effects(passed: [Option<&[bool]>; 4], lang: Lang) -> String {
    const ROW: f64 = 76.0;
    const WIDTH: f64 = 640.0;
    let names = [
        lang.pick("처음 가중치에 덜 민감하다", "less sensitive to the first weights"),
        lang.pick("더 큰 학습률, 더 빠른 학습", "larger rates, faster learning"),
        lang.pick("깊은 시그모이드 신경망도 배운다", "deep sigmoid networks learn"),
        lang.pick("규제 효과, 드롭아웃의 필요가 줄어든다", "regularizes, less need for dropout"),
    ];
    let mut svg = Svg::new(WIDTH, 4.0 + ROW * 4.0);
    for (row, (name, passed)) in names.into_iter().zip(passed).enumerate() {
        let top = 4.0 + ROW * row as f64;
        let passed = passed.unwrap_or_default();
        let shown = passed.iter().filter(|passed| **passed).count();
        let (ink, verdict) = match shown {
            _ if passed.is_empty() => (Ink::Muted, "–"),
            0 => (Ink::Vermillion, lang.pick("재현되지 않음", "did not reproduce")),
            n if n == passed.len() => (Ink::Green, lang.pick("재현됨", "reproduced")),
            _ => (Ink::Orange, lang.pick("일부 재현됨", "partly reproduced")),
        };
        let paint = Paint::fill(ink, 0.12).and_stroke(ink, 1.5);
        svg.rect((4.0, top), (WIDTH - 8.0, ROW - 12.0), 8.0, &paint);
        let middle = top + (ROW - 12.0) / 2.0;
        svg.text((20.0, middle + 6.0), Type::BODY.bold(), name);
        svg.text((WIDTH - 18.0, middle - 4.0), Type::SMALL.anchor(Anchor::End), verdict);
        for (i, passed) in passed.iter().rev().enumerate() {
            let paint = Paint::fill(ink, if *passed { 1.0 } else { 0.0 }).and_stroke(ink, 2.0);
            svg.circle((WIDTH - 26.0 - 22.0 * i as f64, middle + 14.0), 6.0, &paint);
        }
    }
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, well_made};

    #[test]
    fn keeps_the_contract() {
        let passed: [Option<&[bool]>; 4] =
            [Some(&[true]), Some(&[true, false]), Some(&[false]), None];
        check(|lang| four_effects(passed, lang), "일부 재현됨", "partly reproduced");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&four_effects([Some(&[]), Some(&[true; 12]), None, None], Lang::Ko));
    }
}
