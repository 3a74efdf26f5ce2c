use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::WIDTH;
use crate::svg::{Anchor, Paint, Svg, Type};

/// Channels, samples and positions of the tensor drawn.
const C: usize = 4;
const N: usize = 3;
const S: usize = 4;
/// One step along C or N to the side and upwards, and one step along the positions upwards.
const STEP: (f64, f64) = (16.0, 8.0);
const RISE: f64 = 17.0;

/// The tensor as a block of N samples, C channels and H·W positions, once for each normalization: the cells that share
/// one mean are coloured (after Wu & He, 2018, figure 2).
pub fn cube(lang: Lang) -> String {
    const TOP: f64 = 40.0;
    let panel = WIDTH / 4.0;
    let tall = (C + N) as f64 * STEP.1 + S as f64 * RISE;
    let mut svg = Svg::new(WIDTH, TOP + tall + 86.0);
    // The cells of the last channel, or of the first sample, are those at the corner in front.
    let layers: [(&str, &str, &str, usize, usize); 4] = [
        (lang.pick("배치 정규화", "batch norm"), "C", "N·H·W", 1, N),
        (lang.pick("층 정규화", "layer norm"), "N", "C·H·W", C, 1),
        (lang.pick("인스턴스 정규화", "instance norm"), "N·C", "H·W", 1, 1),
        (lang.pick("그룹 정규화", "group norm"), "N·G", "(C/G)·H·W", C / 2, 1),
    ];
    for (i, (name, means, values, channels, samples)) in layers.into_iter().enumerate() {
        let left = i as f64 * panel;
        let corner = (left + 44.0 + C as f64 * STEP.0, TOP + tall);
        block(&mut svg, corner, |c, n| c + channels >= C && n < samples);

        let (x, foot) = (left + panel / 2.0, TOP + tall);
        svg.text((x, 20.0), Type::BODY.bold().middle(), name);
        let muted = Type::SMALL.ink(Ink::Muted);
        let beside = corner.1 - C as f64 * STEP.1 - S as f64 * RISE / 2.0 + 5.0;
        svg.text((left + 40.0, beside), muted.anchor(Anchor::End), "H, W");
        svg.text((corner.0 - 42.0, foot + 1.0), muted.middle(), "C");
        svg.text((corner.0 + 34.0, foot + 1.0), muted.middle(), "N");
        let count = lang.pick(format!("평균 {means}개"), format!("means: {means}"));
        svg.text((x, foot + 44.0), Type::SMALL.middle(), &count);
        svg.text((x, foot + 68.0), Type::SMALL.middle(), &format!("m = {values}"));
    }
    svg.finish()
}

/// The three faces that are seen, from the corner in front: the last channel and the first sample meet there.
fn block(svg: &mut Svg, corner: (f64, f64), shares: impl Fn(usize, usize) -> bool) {
    let at = |c: usize, n: usize, s: usize| {
        let (c, n) = ((C - c) as f64, n as f64);
        (corner.0 + (n - c) * STEP.0, corner.1 - (n + c) * STEP.1 - s as f64 * RISE)
    };
    let mut cell = |corners: [(f64, f64); 4], shares: bool, strength: f64| {
        let fill = if shares {
            Paint::fill(Ink::Blue, strength)
        } else {
            Paint::fill(Ink::Text, 0.08 * strength)
        };
        svg.polygon(corners, &fill.and_stroke(Ink::Muted, 0.75));
    };
    for s in 0..S {
        for c in 0..C {
            let face = [at(c, 0, s), at(c + 1, 0, s), at(c + 1, 0, s + 1), at(c, 0, s + 1)];
            cell(face, shares(c, 0), 0.75);
        }
        for n in 0..N {
            let face = [at(C, n, s), at(C, n + 1, s), at(C, n + 1, s + 1), at(C, n, s + 1)];
            cell(face, shares(C - 1, n), 0.95);
        }
    }
    for c in 0..C {
        for n in 0..N {
            let face = [at(c, n, S), at(c + 1, n, S), at(c + 1, n + 1, S), at(c, n + 1, S)];
            cell(face, shares(c, n), 0.55);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_contract() {
        crate::testing::check(cube, "인스턴스 정규화", "instance norm");
    }

    #[test]
    fn a_batch_mean_colours_a_whole_face() {
        let mut svg = Svg::new(WIDTH, WIDTH);
        block(&mut svg, (300.0, 300.0), |c, _| c == C - 1);
        let coloured = svg.finish().matches(Ink::Blue.css()).count();
        assert_eq!(coloured, N * S + S + N);
    }
}
