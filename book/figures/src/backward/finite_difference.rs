use crate::axis::{Axis, extent};
use crate::data::Series;
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, WIDTH, plot};
use crate::svg::{Svg, Type};

/// The error of a central difference against its step h, both logarithmic, a line for each scalar type.
///
/// A large dot marks the smallest error of each line. The guides beside it fall like 1/h where rounding rules and rise
/// like h² where the cut-off series does.
pub fn finite_difference(series: &[Series], lang: Lang) -> String {
    const HEIGHT: f64 = 420.0;
    let points = || series.iter().flat_map(|s| s.points).filter(|p| p.0 > 0.0 && p.1 > 0.0);
    let x = Axis::log_around(lang.pick("걸음 h", "step h"), points().map(|p| p.0));
    let (low, high) = extent(points().map(|p| p.0));
    let x = x.cut(low, high);
    let y = Axis::log_around(
        lang.pick("중앙 차분의 상대 오차", "relative error of the central difference"),
        points().map(|p| p.1),
    );

    let mut svg = Svg::new(WIDTH, HEIGHT);
    plot(&mut svg, &Frame::whole(HEIGHT), &x, &y, |plot| {
        for (i, line) in series.iter().enumerate() {
            let ink = Ink::series(i);
            plot.line(line.points, ink);
            let valid = line.points.iter().filter(|p| p.0 > 0.0 && p.1 > 0.0 && p.1.is_finite());
            let Some(&best) = valid.min_by(|a, b| a.1.total_cmp(&b.1)) else { continue };
            // Three times the error keeps the guides off the line they run along.
            let guide = |power: f64, h: f64| 3.0 * best.1 * libm::pow(h / best.0, power);
            let along = |power: f64, to: f64| {
                (0..=60)
                    .map(|i| best.0 * libm::pow(to / best.0, f64::from(i) / 60.0))
                    .map(|h| (h, guide(power, h)))
                    .filter(|p| p.1 >= y.low && p.1 <= y.high)
                    .collect::<Vec<_>>()
            };
            let (falling, rising) = (along(-1.0, low), along(2.0, high));
            plot.dashed(&falling, Ink::Muted);
            plot.dashed(&rising, Ink::Muted);
            plot.dots(&[best], 6.0, ink, 1.0);
            plot.note(best, (0.0, 18.0), Type::BODY.bold().middle().ink(ink), line.label);
            if i == 0 {
                let middle = |guide: &[(f64, f64)]| guide.get(guide.len() / 2).copied();
                if let (Some(falling), Some(rising)) = (middle(&falling), middle(&rising)) {
                    plot.note(falling, (8.0, -14.0), Type::SMALL, "∝ 1/h");
                    plot.note(
                        rising,
                        (-8.0, -14.0),
                        Type::SMALL.anchor(crate::svg::Anchor::End),
                        "∝ h²",
                    );
                }
            }
        }
    });
    svg.finish()
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
