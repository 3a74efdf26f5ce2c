use core::f64::consts::PI;

use crate::axis::Axis;
use crate::data::{Histogram, gaussian, sample};
use crate::ink::Ink;
use crate::lang::Lang;
use crate::number::decimal;
use crate::plot::{Frame, WIDTH, plot};
use crate::svg::Svg;

/// The values of x̂ seen in batches of `m` values.
#[derive(Clone, Copy, Debug)]
pub struct BatchHistogram<'a> {
    pub m: usize,
    pub seen: &'a Histogram,
}

/// How x̂ is distributed in small batches of Gaussian values: bars as seen, the line as theory says (ε = 0).
///
/// Batches of two give ±1 and nothing else, of three an arcsine, of four a uniform distribution, and large ones come
/// close to the Gaussian, which every panel shows dashed. All panels have the same scale; peaks beyond it are cut.
pub fn small_batches(batches: &[BatchHistogram], lang: Lang) -> String {
    const KEY: f64 = 38.0;
    const ROW: f64 = 196.0;
    const COLUMNS: usize = 3;
    const TOP: f64 = 0.72;
    let rows = batches.len().div_ceil(COLUMNS);
    let mut svg = Svg::new(WIDTH, KEY + ROW * rows as f64);
    svg.key([
        (lang.pick("관측한 x̂", "observed x̂"), Ink::Blue),
        (lang.pick("이론", "theory"), Ink::Vermillion),
        (lang.pick("가우스 분포", "Gaussian"), Ink::Muted),
    ]);
    let widest = batches.iter().flat_map(|b| [b.seen.low.abs(), b.seen.high.abs()]);
    let reach = widest.filter(|v| v.is_finite()).fold(3.0, f64::max);
    let x = Axis::linear("", -reach, reach).ticks([-2.0, 0.0, 2.0].map(|v| (v, decimal(v, 0))));
    let y = Axis::linear("", 0.0, TOP).ticks([]);
    for (i, batch) in batches.iter().enumerate() {
        let frame = Frame::column(i % COLUMNS, COLUMNS, ROW - 10.0)
            .below(KEY + ROW * (i / COLUMNS) as f64)
            .title(format!("m = {}", batch.m));
        plot(&mut svg, &frame, &x, &y, |plot| {
            plot.histogram(batch.seen, Ink::Blue);
            plot.dashed(&sample(-reach, reach, 60, |t| gaussian(t, 0.0, 1.0)), Ink::Muted);
            if batch.m == 2 {
                for value in [-1.0, 1.0] {
                    plot.line(&[(value, 0.0), (value, TOP)], Ink::Vermillion);
                }
            }
            plot.line(&sample(-reach, reach, 600, |t| density(batch.m, t)), Ink::Vermillion);
        });
    }
    svg.finish()
}

/// The density of x̂ at `t` in a batch of `m` Gaussian values, for ε = 0; NaN where it has none.
fn density(m: usize, t: f64) -> f64 {
    let n = m as f64 - 1.0;
    let inside = 1.0 - t * t / n;
    match m {
        0..=2 => f64::NAN,
        // Where the Gamma functions would be needlessly large, the limit is within 0.0001.
        10_000.. => gaussian(t, 0.0, 1.0),
        _ if inside <= 0.0 => 0.0,
        _ => {
            let half = n / 2.0;
            let gammas = libm::lgamma(half) - libm::lgamma(half - 0.5);
            libm::exp(gammas) / libm::sqrt(PI * n) * libm::pow(inside, half - 1.5)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, well_made};

    #[test]
    fn four_values_are_uniform_and_many_gaussian() {
        let flat = 1.0 / (2.0 * libm::sqrt(3.0));
        assert!((density(4, 0.0) - flat).abs() < 1e-12 && (density(4, 1.5) - flat).abs() < 1e-12);
        assert!((density(9_999, 0.7) - gaussian(0.7, 0.0, 1.0)).abs() < 1e-4);
    }

    #[test]
    fn the_density_integrates_to_one() {
        for m in [5, 8, 64] {
            let points = sample(-9.0, 9.0, 20_000, |t| density(m, t));
            let area: f64 = points.iter().map(|p| p.1 * 18.0 / 20_000.0).sum();
            assert!((area - 1.0).abs() < 1e-4, "m = {m}: {area}");
        }
    }

    #[test]
    fn keeps_the_contract() {
        let seen = Histogram::of([-1.0, 0.3, 1.0], -3.0, 3.0, 30);
        let batches = [2, 3, 4, 64].map(|m| BatchHistogram { m, seen: &seen });
        check(|lang| small_batches(&batches, lang), "이론", "theory");
        assert!(small_batches(&batches, Lang::Ko).contains("m = 64"));
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&small_batches(&[], Lang::Ko));
        let seen = Histogram::of([], 0.0, 0.0, 0);
        let batches = [0, 1, 2, 1_000_000].map(|m| BatchHistogram { m, seen: &seen });
        well_made(&small_batches(&batches, Lang::En));
    }
}
