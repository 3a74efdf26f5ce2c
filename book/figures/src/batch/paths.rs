use crate::axis::Axis;
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, WIDTH, plot};
use crate::svg::Svg;

/// The points that gradient descent visits with batches of some size.
#[derive(Clone, Copy, Debug)]
pub struct Path<'a> {
    pub label: &'a str,
    pub points: &'a [(f64, f64)],
}

/// Paths of gradient descent on the same loss, a panel each, on lines of equal loss ½ dᵀ H d about its minimum.
/// `curvature` is H: its two diagonal elements and the one beside them.
pub fn paths(
    panels: &[Path],
    minimum: (f64, f64),
    curvature: (f64, f64, f64),
    lang: Lang,
) -> String {
    const HEIGHT: f64 = 300.0;
    let points = || panels.iter().flat_map(|panel| panel.points).copied().chain([minimum]);
    let mut svg = Svg::new(WIDTH, HEIGHT);
    for (i, panel) in panels.iter().enumerate() {
        let x = Axis::around("w", points().map(|p| p.0)).sparse();
        let name = if i == 0 { lang.pick("절편 b", "intercept b") } else { " " };
        let y = Axis::around(name, points().map(|p| p.1));
        let frame = Frame::column(i, panels.len(), HEIGHT).title(panel.label);
        plot(&mut svg, &frame, &x, &y, |plot| {
            for loss in [0.03, 0.3, 1.0, 3.0, 8.0] {
                let inside =
                    |&(w, b): &(f64, f64)| w >= x.low && w <= x.high && b >= y.low && b <= y.high;
                let level = ellipse(minimum, curvature, loss);
                for piece in level.split(|point| !inside(point)) {
                    plot.thin_line(piece, Ink::Muted, 0.75);
                }
            }
            plot.thin_line(panel.points, Ink::series(i), 1.75);
            plot.dots(panel.points, 2.5, Ink::series(i), 1.0);
            plot.dots(&[minimum], 4.5, Ink::Text, 1.0);
        });
    }
    svg.finish()
}

/// The points about `center` where ½ (a w² + 2 c w b + d b²) is `loss`.
fn ellipse(center: (f64, f64), (a, d, c): (f64, f64, f64), loss: f64) -> Vec<(f64, f64)> {
    let turn = |i: u32| 2.0 * core::f64::consts::PI * f64::from(i) / 180.0;
    let point = |angle: f64| {
        let (w, b) = (libm::cos(angle), libm::sin(angle));
        let radius = libm::sqrt(2.0 * loss / (a * w * w + 2.0 * c * w * b + d * b * b));
        (center.0 + radius * w, center.1 + radius * b)
    };
    (0..=180).map(|i| point(turn(i))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, well_made};

    #[test]
    fn a_level_has_one_loss() {
        for (w, b) in ellipse((1.0, 2.0), (2.0, 1.0, 0.5), 3.0) {
            let (w, b) = (w - 1.0, b - 2.0);
            let loss = 0.5 * (2.0 * w * w + 2.0 * 0.5 * w * b + b * b);
            assert!((loss - 3.0).abs() < 1e-12, "{loss}");
        }
    }

    #[test]
    fn keeps_the_contract() {
        let path = |label| Path { label, points: &[(0.0, 0.0), (1.0, 0.5), (1.5, 1.0)] };
        let panels = [path("1"), path("2"), path("3")];
        check(|lang| paths(&panels, (2.0, 1.0), (1.0, 1.0, 0.2), lang), "절편", "intercept");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&paths(&[], (0.0, 0.0), (1.0, 1.0, 0.0), Lang::Ko));
        let wild = Path { label: "wild", points: &[(f64::NAN, 0.0), (f64::INFINITY, 1.0)] };
        well_made(&paths(&[wild], (f64::NAN, 0.0), (0.0, 0.0, 0.0), Lang::En));
    }
}
