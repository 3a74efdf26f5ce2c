use crate::axis::{Axis, extent};
use crate::data::{Series, sample};
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, WIDTH, plot};
use crate::svg::{Anchor, Svg, Type};

/// The error of a central difference against its step h, both logarithmic, a line for each scalar type.
///
/// A large dot marks the smallest error of each line. The guides under the lowest line fall like 1/h, as rounding
/// errors do, and rise like h², as the neglected terms of the series do.
pub fn finite_difference(series: &[Series], lang: Lang) -> String {
    const HEIGHT: f64 = 420.0;
    let points = || series.iter().flat_map(|s| s.points).filter(|p| p.0 > 0.0 && p.1 > 0.0);
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
        let least = |p: &&(f64, f64)| p.1;
        if let Some(&best) = bests.iter().flatten().min_by(|a, b| least(a).total_cmp(&least(b))) {
            // A fifth of the error keeps the guides off the line that they run along.
            let guide = |power: f64, to: f64| {
                sample(0.0, 1.0, 60, |t| t)
                    .into_iter()
                    .map(|(t, _)| libm::pow(to / best.0, t))
                    .map(|ratio| (ratio * best.0, 0.2 * best.1 * libm::pow(ratio, power)))
                    .filter(|p| p.1 >= y.low && p.1 <= y.high)
                    .collect::<Vec<_>>()
            };
            let guides = [
                (guide(-1.0, low), "∝ 1/h", Anchor::End, -8.0),
                (guide(2.0, high), "∝ h²", Anchor::Start, 8.0),
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

/// The point of the smallest error that a logarithm can show.
fn best(line: &Series) -> Option<(f64, f64)> {
    let shown = line.points.iter().filter(|p| p.0 > 0.0 && p.1 > 0.0 && p.1.is_finite());
    shown.min_by(|a, b| a.1.total_cmp(&b.1)).copied()
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
