use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::WIDTH;
use crate::svg::{Anchor, Paint, Svg, Type};

/// A tensor read as `outer × kept × inner`, and the name of what reads it so.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub label: &'a str,
    pub outer: usize,
    pub kept: usize,
    pub inner: usize,
}

/// The memory of a tensor of this shape, a strip for each view: its runs carry the number of the mean they belong to,
/// or of the γ and β. All runs of number 0 are coloured.
pub fn views(shape: &[usize], statistics: &[View], parameters: &View, lang: Lang) -> String {
    const TOP: f64 = 66.0;
    const ROW: f64 = 62.0;
    let height = TOP + ROW * statistics.len() as f64 + 86.0;
    let mut svg = Svg::new(WIDTH, height);
    let lengths: Vec<_> = shape.iter().map(ToString::to_string).collect();
    let name = format!("[N, C, H, W] = [{}]", lengths.join(", "));
    svg.text((4.0, 22.0), Type::BODY.bold(), &name);
    let head = lang.pick("같은 번호는 평균을 함께 씁니다", "equal numbers share a mean");
    svg.text((4.0, 50.0), Type::SMALL, head);
    for (i, view) in statistics.iter().enumerate() {
        strip(&mut svg, TOP + ROW * i as f64, view, Ink::Blue);
    }
    let below = TOP + ROW * statistics.len() as f64 + 20.0;
    let foot = lang.pick("같은 번호는 γ와 β를 함께 씁니다", "equal numbers share a γ and a β");
    svg.text((4.0, below), Type::SMALL, foot);
    strip(&mut svg, below + 10.0, parameters, Ink::Green);
    svg.finish()
}

fn strip(svg: &mut Svg, top: f64, view: &View, ink: Ink) {
    const LEFT: f64 = 104.0;
    const LENGTH: f64 = 432.0;
    const HEIGHT: f64 = 36.0;
    let View { label, outer, kept, inner } = *view;
    let line = top + HEIGHT / 2.0 + 6.0;
    svg.text((LEFT - 8.0, line), Type::SMALL.anchor(Anchor::End), label);
    let split = format!("{outer} × {kept} × {inner}");
    svg.text((LEFT + LENGTH + 8.0, line), Type::SMALL, &split);
    let runs = outer * kept;
    let (run, element) = (LENGTH / runs.max(1) as f64, LENGTH / (runs * inner).max(1) as f64);
    for r in 0..runs {
        let (x, k) = (LEFT + r as f64 * run, r % kept);
        let fill = if k == 0 { Paint::fill(ink, 0.45) } else { Paint::fill(Ink::Text, 0.04) };
        svg.rect((x, top), (run, HEIGHT), 0.0, &fill);
        for i in 1..inner {
            let x = x + i as f64 * element;
            svg.path([(x, top), (x, top + 6.0)], &Paint::stroke(Ink::Muted, 0.75));
            svg.path(
                [(x, top + HEIGHT - 6.0), (x, top + HEIGHT)],
                &Paint::stroke(Ink::Muted, 0.75),
            );
        }
        svg.rect((x, top), (run, HEIGHT), 0.0, &Paint::stroke(Ink::Text, 1.25));
        if run >= 20.0 {
            svg.text((x + run / 2.0, line), Type::SMALL.middle(), &k.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, well_made};

    const BATCH: View = View { label: "BN", outer: 2, kept: 4, inner: 6 };

    #[test]
    fn keeps_the_contract() {
        let rows = [BATCH, View { label: "IN", outer: 1, kept: 8, inner: 6 }];
        check(|lang| views(&[2, 4, 2, 3], &rows, &BATCH, lang), "같은 번호", "equal numbers");
        assert!(views(&[2, 4, 2, 3], &rows, &BATCH, Lang::En).contains("2 × 4 × 6"));
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&views(&[], &[], &View { kept: 0, ..BATCH }, Lang::Ko));
        well_made(&views(&[1], &[View { outer: 1000, ..BATCH }], &BATCH, Lang::En));
    }
}
