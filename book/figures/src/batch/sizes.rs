use crate::axis::{Axis, extent};
use crate::data::{Band, Interval};
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, STROKE, WIDTH, middles, plot};
use crate::svg::Svg;

/// Against the batch size: test error, in percent, after as many epochs, and for the largest batch after as many steps
/// as the smallest made; and the best learning rates, with a line that grows as the batch does.
pub fn sizes(errors: &[Interval], longer: Interval, rates: &[Interval], lang: Lang) -> String {
    const KEY: f64 = 30.0;
    const HEIGHT: f64 = 340.0;
    let mut svg = Svg::new(WIDTH, KEY + HEIGHT);
    let names = lang.pick(
        ["에포크 수가 같을 때", "스텝 수가 같을 때"],
        ["after as many epochs", "after as many steps"],
    );
    svg.key(names.into_iter().zip([Ink::Vermillion, Ink::Blue]));
    let (low, high) = extent(errors.iter().map(|p| p.x).filter(|x| *x > 0.0));
    let size = || {
        Axis::log(lang.pick("배치 크기", "batch size"), low, high)
            .ticks((0..16).map(|e| libm::exp2(f64::from(e))).map(named))
            .cut(low * 0.8, high * 1.25)
    };

    let title = lang.pick("시험 오차, %", "Test error, %");
    let frame = Frame::column(0, 2, HEIGHT).below(KEY).title(title);
    let all = errors.iter().chain([&longer]).flat_map(|p| [p.low, p.mid, p.high]);
    plot(&mut svg, &frame, &size(), &Axis::around("", all.chain([0.0])), |plot| {
        let band = Band { label: "", points: errors };
        plot.banded_line(&band, Ink::Vermillion);
        plot.dots(&middles(&band), 4.5, Ink::Vermillion, 1.0);
        plot.thin_line(&[(longer.x, longer.low), (longer.x, longer.high)], Ink::Blue, STROKE);
        plot.dots(&[(longer.x, longer.mid)], 5.5, Ink::Blue, 1.0);
    });

    let title = lang.pick("가장 좋은 학습률", "Best learning rate");
    let frame = Frame::column(1, 2, HEIGHT).below(KEY).title(title);
    let values = rates.iter().flat_map(|p| [p.low, p.mid, p.high]);
    let (least, most) = extent(values.filter(|v| *v > 0.0));
    let ticks = (-3..3).flat_map(|e| [1.0, 2.0, 5.0].map(|k| k * libm::exp10(f64::from(e))));
    let y = Axis::log("", least, most)
        .ticks(ticks.map(|v| (v, crate::number::decimal(v, if v < 1.0 { 2 } else { 0 }))))
        .cut(least * 0.85, most * 1.4);
    plot(&mut svg, &frame, &size(), &y, |plot| {
        if let Some(first) = rates.first() {
            let top = most * 1.4;
            let end = (high / first.x).min(top / first.mid);
            let line = [(first.x, first.mid), (first.x * end, first.mid * end)];
            plot.dashed(&line, Ink::Text);
        }
        let band = Band { label: "", points: rates };
        plot.banded_line(&band, Ink::Vermillion);
        plot.dots(&middles(&band), 4.5, Ink::Vermillion, 1.0);
    });
    svg.finish()
}

fn named(size: f64) -> (f64, String) {
    (size, size.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, well_made};

    fn at(x: f64, mid: f64) -> Interval {
        Interval { x, low: 0.8 * mid, mid, high: 1.2 * mid }
    }

    #[test]
    fn keeps_the_contract() {
        let (errors, rates) = ([at(8.0, 4.0), at(256.0, 20.0)], [at(8.0, 0.1), at(256.0, 1.0)]);
        check(|lang| sizes(&errors, at(256.0, 5.0), &rates, lang), "배치 크기", "batch size");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        let wild = Interval { x: 0.0, low: f64::NAN, mid: 0.0, high: f64::INFINITY };
        well_made(&sizes(&[], wild, &[], Lang::Ko));
        well_made(&sizes(&[wild], wild, &[wild], Lang::En));
    }
}
