use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::WIDTH;
use crate::svg::{Anchor, Paint, Svg, Type};

/// A sample of two features, and where layer and RMS normalization take it.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    pub x: (f64, f64),
    pub layer: (f64, f64),
    pub rms: (f64, f64),
}

/// Samples of two features as points of a plane. At the left layer normalization: first onto the line of mean zero,
/// then along it to one of two places. At the right RMS normalization: straight towards the origin, onto the circle.
pub fn sphere(points: &[Point], lang: Lang) -> String {
    const SIDE: f64 = 304.0;
    const TOP: f64 = 56.0;
    const GAP: f64 = WIDTH - 2.0 - 2.0 * SIDE;
    /// From the origin to the edge.
    const REACH: f64 = 4.0;
    const UNIT: f64 = SIDE / 2.0 / REACH;
    let mut svg = Svg::new(WIDTH, TOP + SIDE + 6.0);
    let heads = [
        (
            lang.pick("층 정규화", "layer normalization"),
            lang.pick("사영하고, 나눕니다", "project, then divide"),
        ),
        (lang.pick("RMS 정규화", "RMS normalization"), lang.pick("나누기만 합니다", "divide only")),
    ];
    let near = |p: (f64, f64)| p.0.abs() <= REACH && p.1.abs() <= REACH;
    let seen = |p: &&Point| near(p.x) && near(p.layer) && near(p.rms);
    for (panel, (name, how)) in heads.into_iter().enumerate() {
        let left = 1.0 + panel as f64 * (SIDE + GAP);
        let at = |(a, b): (f64, f64)| (left + SIDE / 2.0 + a * UNIT, TOP + SIDE / 2.0 - b * UNIT);
        svg.text((left + SIDE / 2.0, 20.0), Type::BODY.bold().middle(), name);
        svg.text((left + SIDE / 2.0, 44.0), Type::SMALL.middle().ink(Ink::Muted), how);
        svg.rect((left, TOP), (SIDE, SIDE), 0.0, &Paint::stroke(Ink::Grid, 1.0));
        let axis = Paint::stroke(Ink::Grid, 1.0);
        svg.path([at((-REACH, 0.0)), at((REACH, 0.0))], &axis);
        svg.path([at((0.0, -REACH)), at((0.0, REACH))], &axis);
        let (x1, x2) = (at((REACH, 0.0)), at((0.0, REACH)));
        let muted = Type::SMALL.ink(Ink::Muted);
        svg.text((x1.0 - 6.0, x1.1 - 7.0), muted.anchor(Anchor::End), "x₁");
        svg.text((x2.0 - 7.0, x2.1 + 18.0), muted.anchor(Anchor::End), "x₂");

        // Where the mean is zero, and where the mean square is one.
        let ring = Paint::stroke(Ink::Green, 2.0);
        let label = match panel {
            0 => {
                svg.path([at((-REACH, REACH)), at((REACH, -REACH))], &ring);
                lang.pick("평균이 0인 직선", "the line of mean 0")
            }
            _ => {
                svg.circle(at((0.0, 0.0)), libm::sqrt(2.0) * UNIT, &ring);
                lang.pick("⟨x²⟩ = 1인 원", "the circle ⟨x²⟩ = 1")
            }
        };
        svg.text((left + 8.0, TOP + SIDE - 10.0), Type::SMALL.bold().ink(Ink::Green), label);
        for point in points.iter().filter(seen) {
            let (a, b) = point.x;
            let end = if panel == 0 {
                let foot = ((a - b) / 2.0, (b - a) / 2.0);
                svg.path([at(point.x), at(foot)], &Paint::stroke(Ink::Muted, 1.25).dashed());
                svg.arrow_along(&[at(foot), at(point.layer)], Ink::Blue, 2.5);
                point.layer
            } else {
                svg.arrow(at(point.x), at(point.rms), Ink::Blue);
                point.rms
            };
            svg.circle(at(point.x), 4.5, &Paint::fill(Ink::Vermillion, 1.0));
            svg.circle(at(end), 5.0, &Paint::fill(Ink::Blue, 1.0));
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
        let point = Point { x: (0.5, 3.5), layer: (-1.0, 1.0), rms: (0.2, 1.4) };
        check(|lang| sphere(&[point], lang), "나누기만", "divide only");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&sphere(&[], Lang::Ko));
        let odd = Point { x: (f64::NAN, 1.0), layer: (0.0, 0.0), rms: (f64::INFINITY, 9.0) };
        let far = Point { x: (1e9, 0.0), layer: (1.0, -1.0), rms: (1.4, 0.0) };
        well_made(&sphere(&[odd, far], Lang::En));
    }
}
