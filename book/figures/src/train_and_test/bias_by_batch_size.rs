use crate::axis::{Axis, extent};
use crate::data::Interval;
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, STROKE, WIDTH, plot};
use crate::svg::{Svg, Type};

/// The batch variance is too small on average: its mean over σ², measured with an interval for each batch size, beside
/// the theory (m−1)/m.
///
/// `x` of each point is the batch size m.
pub fn bias_by_batch_size(measured: &[Interval], lang: Lang) -> String {
    const HEIGHT: f64 = 380.0;
    let (low, high) = extent(measured.iter().map(|p| p.x).filter(|&m| m >= 1.0));
    let (low, high) = (low.max(2.0), high.max(4.0));
    let powers = (1..=20).map(|k| libm::exp2(f64::from(k))).filter(|m| *m >= low && *m <= high);
    let x = Axis::log(lang.pick("배치 크기 m", "batch size m"), low, high)
        .cut(low / 1.15, high * 1.15)
        .ticks(powers.map(|m| (m, format!("{m}"))));
    let tallest = measured.iter().map(|p| p.high).filter(|v| v.is_finite()).fold(1.0, f64::max);
    let y = Axis::linear(
        lang.pick("배치 분산의 평균 ÷ 참 분산", "mean batch variance ÷ true variance"),
        0.0,
        tallest * 1.05,
    );
    let theory: Vec<_> = (0..=200)
        .map(|i| low * libm::pow(high / low, f64::from(i) / 200.0))
        .map(|m| (m, (m - 1.0) / m))
        .collect();

    let mut svg = Svg::new(WIDTH, HEIGHT);
    plot(&mut svg, &Frame::whole(HEIGHT), &x, &y, |plot| {
        plot.level(1.0, Ink::Muted);
        plot.line(&theory, Ink::Blue);
        for point in measured {
            let bar = [(point.x, point.low), (point.x, point.high)];
            plot.thin_line(&bar, Ink::Vermillion, STROKE);
        }
        let dots: Vec<_> = measured.iter().map(|p| (p.x, p.mid)).collect();
        plot.dots(&dots, 5.0, Ink::Vermillion, 1.0);
        let quarter = low * libm::pow(high / low, 0.28);
        let name = Type::BODY.bold();
        let words = lang.pick("이론 (m−1)/m", "theory (m−1)/m");
        plot.note((quarter, (quarter - 1.0) / quarter), (16.0, 26.0), name.ink(Ink::Blue), words);
        plot.note(
            (quarter, (quarter - 1.0) / quarter),
            (16.0, 50.0),
            name.ink(Ink::Vermillion),
            lang.pick("● 잰 값", "● measured"),
        );
    });
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, well_made};

    #[test]
    fn keeps_the_contract() {
        let measured = [2.0, 8.0, 32.0].map(|m| {
            let mid = (m - 1.0) / m;
            Interval { x: m, low: mid - 0.02, mid, high: mid + 0.02 }
        });
        check(|lang| bias_by_batch_size(&measured, lang), "이론", "theory");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&bias_by_batch_size(&[], Lang::Ko));
        let odd = [Interval { x: 0.0, low: f64::NAN, mid: f64::INFINITY, high: 1.0 }];
        well_made(&bias_by_batch_size(&odd, Lang::En));
    }
}
