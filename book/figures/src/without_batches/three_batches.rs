use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::WIDTH;
use crate::svg::{Paint, Svg, Type};

/// Whose values are in the mean and the variance that one sample is normalized by: a row for each method, a dot for
/// each sample. Tinted is what is averaged; ringed the sample that it is for.
pub fn three_batches(lang: Lang) -> String {
    const ROW: f64 = 62.0;
    const TOP: f64 = 58.0;
    const STEP: f64 = 19.0;
    /// Where the dots of the earlier batches, and of the two devices, begin.
    const STARTS: [f64; 3] = [176.0, 296.0, 474.0];
    const COUNTS: [usize; 3] = [5, 8, 8];
    /// Of the eight samples of the first device.
    const SAMPLE: usize = 2;
    let end = |i: usize| STARTS[i] + (COUNTS[i] as f64 - 1.0) * STEP;
    let heads = [
        lang.pick("지난 미니배치", "past batches"),
        lang.pick("장치 1의 미니배치", "batch of device 1"),
        lang.pick("장치 2의 미니배치", "batch of device 2"),
    ];
    let whole = |i: usize| (STARTS[i], end(i));
    // What is averaged within the step, and whether what was averaged before it counts.
    let rows = [
        (lang.pick("배치 정규화", "batch norm"), whole(1), false),
        (lang.pick("고스트", "ghost"), (STARTS[1], STARTS[1] + 3.0 * STEP), false),
        (lang.pick("동기화", "synchronized"), (STARTS[1], end(2)), false),
        (lang.pick("재정규화", "renormalization"), whole(1), true),
    ];

    let mut svg = Svg::new(WIDTH, TOP + rows.len() as f64 * ROW + 6.0);
    for (i, head) in heads.into_iter().enumerate() {
        svg.text(((STARTS[i] + end(i)) / 2.0, 20.0), Type::SMALL.middle().ink(Ink::Muted), head);
    }
    for (row, (name, averaged, past)) in rows.into_iter().enumerate() {
        let y = TOP + (row as f64 + 0.25) * ROW;
        svg.text((4.0, y + 6.0), Type::BODY.bold(), name);
        let mut frame = |(from, to): (f64, f64), paint: &Paint| {
            svg.rect((from - 11.5, y - 19.0), (to - from + 23.0, 38.0), 8.0, paint);
        };
        frame(averaged, &Paint::fill(Ink::Blue, 0.16).and_stroke(Ink::Blue, 1.5));
        if past {
            frame(whole(0), &Paint::stroke(Ink::Vermillion, 1.5).dashed());
        }
        for group in 0..STARTS.len() {
            for k in 0..COUNTS[group] {
                let x = STARTS[group] + k as f64 * STEP;
                let ink = match group {
                    0 if past => Ink::Vermillion,
                    _ if averaged.0 <= x && x <= averaged.1 => Ink::Blue,
                    _ => Ink::Grid,
                };
                svg.circle((x, y), 5.5, &Paint::fill(ink, 1.0));
                if group == 1 && k == SAMPLE {
                    svg.circle((x, y), 9.0, &Paint::stroke(Ink::Text, 2.0));
                }
            }
        }
        if past {
            let limits = lang.pick(
                "이동 평균에 맞추어 고칩니다, 한도 안에서",
                "corrected to their running average, within limits",
            );
            svg.text((STARTS[0] - 11.5, y + 40.0), Type::SMALL.ink(Ink::Muted), limits);
        }
    }
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::check;

    #[test]
    fn keeps_the_contract() {
        check(three_batches, "고스트", "ghost");
    }
}
