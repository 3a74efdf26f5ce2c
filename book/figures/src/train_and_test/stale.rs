use crate::axis::{Axis, extent};
use crate::data::Band;
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, WIDTH, plot};
use crate::svg::{Svg, Type};

/// Test error, in percent, of one training by running statistics of several kinds, against steps; and the step from
/// which the learning rate is lower.
pub fn stale(bands: &[Band], slower_from: f64, lang: Lang) -> String {
    const HEIGHT: f64 = 400.0;
    let steps = || bands.iter().flat_map(|band| band.points).map(|p| p.x);
    let (first, last) = extent(steps());
    let (low, high) = extent(bands.iter().flat_map(|band| band.points).map(|p| p.mid));
    let x = Axis::log(lang.pick("학습 스텝", "training steps"), first, last)
        .ticks([10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0].map(|s: f64| (s, s.to_string())))
        .cut(first, last);
    let y = Axis::log(lang.pick("시험 오차, %", "test error, %"), low, high)
        .ticks([1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0].map(|e: f64| (e, e.to_string())))
        .cut(low * 0.85, high * 1.15);

    let mut svg = Svg::new(WIDTH, HEIGHT);
    let frame = Frame::whole(HEIGHT).names(bands.iter().map(|band| band.label));
    plot(&mut svg, &frame, &x, &y, |plot| {
        plot.drop_line((slower_from, high * 1.15), Ink::Muted);
        let slower = lang.pick("학습률을 낮춤", "lower rate");
        let style = Type::SMALL.anchor(crate::svg::Anchor::End).ink(Ink::Muted);
        plot.note((slower_from, high * 1.15), (-8.0, 10.0), style, slower);
        for (i, band) in bands.iter().enumerate() {
            plot.banded_line(band, Ink::series(i));
        }
        plot.names_of_bands(bands);
    });
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Interval;
    use crate::testing::{check, well_made};

    #[test]
    fn keeps_the_contract() {
        let points = |error: f64| {
            [(10.0, 3.0), (100.0, 2.0), (900.0, 1.0)].map(|(x, times)| {
                let mid = error * times;
                Interval { x, low: 0.9 * mid, mid, high: 1.1 * mid }
            })
        };
        let (a, b) = (points(9.0), points(3.0));
        let bands = [Band { label: "p", points: &a }, Band { label: "q", points: &b }];
        check(|lang| stale(&bands, 600.0, lang), "시험 오차", "test error");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&stale(&[], f64::NAN, Lang::Ko));
        let wild = [Interval { x: 0.0, low: f64::NAN, mid: 0.0, high: 2.0 }];
        well_made(&stale(&[Band { label: "wild", points: &wild }], 3.0, Lang::En));
    }
}
