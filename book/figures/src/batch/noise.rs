use crate::axis::Axis;
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, WIDTH, end, plot};
use crate::svg::Svg;

/// The variance of the gradient of a mini-batch against its size, drawn with replacement and without, from so many
/// samples: dots as measured, and the formulas σ²/m and σ²/m · (n − m)/(n − 1) through them.
pub fn noise(
    with: &[(f64, f64)],
    without: &[(f64, f64)],
    samples: usize,
    variance: f64,
    lang: Lang,
) -> String {
    const HEIGHT: f64 = 370.0;
    let n = samples.max(2) as f64;
    let ticks = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];
    let x = Axis::log(lang.pick("배치 크기 m", "batch size m"), 1.0, n)
        .ticks(ticks.map(|m: f64| (m, m.to_string())))
        .cut(0.9, n * 1.1);
    let y = Axis::log(
        lang.pick("그레이디언트의 분산", "variance of the gradient"),
        variance / n / 4.0,
        variance * 1.2,
    );
    let y = y.cut(variance / n / 4.0, variance * 1.2);
    let curve = |f: &dyn Fn(f64) -> f64| -> Vec<_> {
        // Close together, for the last of them falls steeply.
        (0..400).map(|i| libm::pow(n, f64::from(i) / 400.0)).map(|m| (m, f(m))).collect()
    };
    let kinds = [
        (lang.pick("복원", "with replacement"), with, curve(&|m| variance / m), Ink::Vermillion),
        (
            lang.pick("비복원", "without"),
            without,
            curve(&|m| variance / m * (n - m) / (n - 1.0)),
            Ink::Blue,
        ),
    ];
    let mut svg = Svg::new(WIDTH, HEIGHT);
    let frame = Frame::whole(HEIGHT).names(kinds.iter().map(|kind| kind.0));
    plot(&mut svg, &frame, &x, &y, |plot| {
        for (_, measured, formula, ink) in &kinds {
            plot.thin_line(formula, *ink, 1.5);
            plot.dots(measured, 5.0, *ink, 1.0);
        }
        plot.names(kinds.iter().map(|(name, _, formula, ink)| (*name, end(formula), *ink)));
    });
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, well_made};

    #[test]
    fn keeps_the_contract() {
        let (with, without) = ([(1.0, 8.0), (4.0, 2.0)], [(1.0, 8.0), (4.0, 1.2)]);
        check(|lang| noise(&with, &without, 8, 8.0, lang), "비복원", "with replacement");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&noise(&[], &[], 0, f64::NAN, Lang::Ko));
        well_made(&noise(&[(0.0, f64::NAN)], &[], 3, 0.0, Lang::En));
    }
}
