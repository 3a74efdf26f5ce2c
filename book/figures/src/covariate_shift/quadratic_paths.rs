use crate::axis::Axis;
use crate::ink::Ink;
use crate::lang::Lang;
use crate::number::decimal;
use crate::plot::{Frame, WIDTH, plot};
use crate::svg::{Svg, Type};

/// Gradient descent on the loss (a·x² + b·y²)/2: the two curvatures and the points that were visited.
#[derive(Clone, Copy, Debug)]
pub struct Descent<'a> {
    pub curvature: (f64, f64),
    pub path: &'a [(f64, f64)],
}

/// Two losses side by side, with contours: on the elongated one the path zigzags, on the round one it goes straight.
pub fn quadratic_paths(elongated: &Descent, round: &Descent, lang: Lang) -> String {
    /// Makes the panels square, so that round is round.
    const HEIGHT: f64 = 374.0;
    let both = [elongated, round];
    let visited = both.iter().flat_map(|d| d.path);
    let far = visited.flat_map(|p| [p.0.abs(), p.1.abs()]).filter(|v| v.is_finite());
    let reach = match far.fold(0.0, f64::max) * 1.15 {
        0.0 => 1.0,
        reach => reach,
    };

    let mut svg = Svg::new(WIDTH, HEIGHT);
    for (i, descent) in both.into_iter().enumerate() {
        let (a, b) = descent.curvature;
        let condition = decimal(a.max(b) / a.min(b), 1);
        let title = format!("{} {condition}", lang.pick("조건수", "condition number"));
        let x = Axis::linear("", -reach, reach).ticks([]);
        let y = Axis::linear("", -reach, reach).ticks([]);
        plot(&mut svg, &Frame::column(i, 2, HEIGHT - 30.0).title(title), &x, &y, |plot| {
            for level in 1..=7 {
                plot.thin_line(&contour(descent, reach, f64::from(level) / 5.0), Ink::Muted, 0.75);
            }
            plot.line(descent.path, Ink::series(i));
            plot.dots(descent.path, 3.5, Ink::series(i), 1.0);
            plot.dots(&[(0.0, 0.0)], 4.5, Ink::Text, 1.0);
        });
        let steps = descent.path.len().saturating_sub(1);
        let plural = if steps == 1 { "" } else { "s" };
        let steps = lang.pick(format!("스텝 {steps}번"), format!("{steps} step{plural}"));
        let middle = Frame::column(i, 2, HEIGHT).middle();
        svg.text((middle, HEIGHT - 12.0), Type::BODY.middle(), &steps);
    }
    svg.finish()
}

/// The ellipse on which the loss is that of the point at `share` of the reach along the flatter axis.
fn contour(descent: &Descent, reach: f64, share: f64) -> Vec<(f64, f64)> {
    let (a, b) = descent.curvature;
    let loss = a.min(b) * reach * reach * share * share;
    let inside = |&(x, y): &(f64, f64)| x.abs() <= reach && y.abs() <= reach;
    (0..=180)
        .map(|i| f64::from(i) * core::f64::consts::PI / 90.0)
        .map(|t| (libm::sqrt(loss / a) * libm::cos(t), libm::sqrt(loss / b) * libm::sin(t)))
        // A gap where the ellipse leaves the square.
        .map(|point| if inside(&point) { point } else { (f64::NAN, f64::NAN) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, well_made};

    #[test]
    fn keeps_the_contract() {
        let long = Descent { curvature: (25.0, 1.0), path: &[(1.0, 5.0), (-0.9, 4.6), (0.8, 4.2)] };
        let round = Descent { curvature: (1.0, 1.0), path: &[(4.0, 4.0), (0.0, 0.0)] };
        check(|lang| quadratic_paths(&long, &round, lang), "조건수 25", "condition number 25");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        let flat = Descent { curvature: (0.0, 0.0), path: &[] };
        let lost =
            Descent { curvature: (1.0, f64::NAN), path: &[(f64::INFINITY, 0.0), (0.0, 0.0)] };
        well_made(&quadratic_paths(&flat, &lost, Lang::Ko));
    }
}
