use crate::axis::{Axis, extent};
use crate::data::{Series, sample};
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, WIDTH, plot};
use crate::svg::{Anchor, Svg, Type};

/// The error of a central difference against its step h, both logarithmic, a line for each scalar type.
///
/// A large dot marks the smallest error of each line. The guides under the lowest line fall like 1/h, as rounding
/// errors do, and rise like h², as the neglected terms of the series do. An error
/// of exactly zero has no logarithm and leaves a gap.
pub fn finite_difference(series: &[Series], lang: Lang) -> String {
    const HEIGHT: f64 = 420.0;
    let points =
        || series.iter().flat_map(|s| s.points).copied().filter(|&point| has_logarithm(point));
    let x = Axis::log_around(lang.pick("걸음 h", "step h"), points().map(|p| p.0));
    let (low, high) = extent(points().map(|p| p.0));
    let x = x.cut(low, high);
    // A decade of room below for the guides.
    let errors = points().flat_map(|p| [p.1, p.1 / 10.0]);
    let name = lang.pick("중앙 차분의 상대 오차", "relative error of the central difference");
    let y = Axis::log_around(name, errors);

    let mut svg = Svg::new(WIDTH, HEIGHT);
    plot(&mut svg, &Frame::whole(HEIGHT), &x, &y, |plot| {
        let bests: Vec<_> = series.iter().map(best).collect();
        let lowest = series.iter().zip(&bests).filter_map(|(line, best)| Some((line, (*best)?)));
        if let Some((line, best)) = lowest.min_by(|a, b| a.1.1.total_cmp(&b.1.1)) {
            let mut shown: Vec<_> = line.points.iter().filter(|&&p| has_logarithm(p)).collect();
            shown.sort_by(|a, b| a.0.total_cmp(&b.0));
            // From each end of the line to its best step, at a fifth of the error, off the line itself.
            let guide = |end: Option<&&(f64, f64)>, power: f64| {
                let (h, error) = end.map_or(best, |end| **end);
                sample(0.0, 1.0, 60, |t| t)
                    .into_iter()
                    .map(|(t, _)| libm::pow(best.0 / h, t))
                    .map(|ratio| (ratio * h, 0.2 * error * libm::pow(ratio, power)))
                    .filter(|p| p.1 >= y.low && p.1 <= y.high)
                    .collect::<Vec<_>>()
            };
            let guides = [
                (guide(shown.first(), -1.0), "∝ 1/h", Anchor::End, -8.0),
                (guide(shown.last(), 2.0), "∝ h²", Anchor::Start, 8.0),
            ];
            for (points, name, anchor, aside) in guides {
                plot.dashed(&points, Ink::Muted);
                if let Some(&middle) = points.get(points.len() / 2) {
                    plot.note(middle, (aside, 12.0), Type::SMALL.anchor(anchor), name);
                }
            }
        }
        for (i, (line, best)) in series.iter().zip(bests).enumerate() {
            let ink = Ink::series(i);
            plot.line(line.points, ink);
            if let Some(best) = best {
                plot.dots(&[best], 6.0, ink, 1.0);
                // Between the two branches, where there is room.
                plot.note(best, (-6.0, -24.0), Type::BODY.bold().middle().ink(ink), line.label);
            }
        }
    });
    svg.finish()
}

fn has_logarithm((h, error): (f64, f64)) -> bool {
    h > 0.0 && error > 0.0 && h.is_finite() && error.is_finite()
}

/// The point of the smallest error.
fn best(line: &Series) -> Option<(f64, f64)> {
    let shown = line.points.iter().copied().filter(|&point| has_logarithm(point));
    shown.min_by(|a, b| a.1.total_cmp(&b.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, well_made};

    #[test]
    fn keeps_the_contract() {
        let series = [Series { label: "f64", points: &[(1e-8, 1e-8), (1e-5, 1e-10), (0.1, 1e-2)] }];
        check(|lang| finite_difference(&series, lang), "걸음 h", "step h");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&finite_difference(&[], Lang::Ko));
        let exact =
            [Series { label: "exact", points: &[(1e-3, 0.0), (0.0, 1.0), (1.0, f64::NAN)] }];
        well_made(&finite_difference(&exact, Lang::En));
    }
}
