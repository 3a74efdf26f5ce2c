use crate::axis::Axis;
use crate::data::Band;
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, WIDTH, middles, plot};
use crate::svg::Svg;

/// Test error, in percent, of networks whose variance is computed in different ways, with an interval over the
/// seeds; the points are at 0, 1, … and have the names of the offsets.
pub fn offset(names: &[String], ways: &[Band], lang: Lang) -> String {
    const HEIGHT: f64 = 400.0;
    const KEY: f64 = 30.0;
    let inks = || (0..).map(Ink::series);
    let mut svg = Svg::new(WIDTH, HEIGHT);
    svg.key(ways.iter().map(|way| way.label).zip(inks()));
    let last = names.len().saturating_sub(1).max(1) as f64;
    let name = lang.pick("픽셀에 더한 수", "number added to each pixel");
    let ticks = names.iter().enumerate().map(|(i, name)| (i as f64, name.clone()));
    let x = Axis::linear(name, -0.2, last + 0.2).ticks(ticks);
    let y = Axis::linear(lang.pick("시험 오차, %", "test error, %"), 0.0, 100.0);
    let frame = Frame::whole(HEIGHT - KEY).below(KEY);
    plot(&mut svg, &frame, &x, &y, |plot| {
        for (way, ink) in ways.iter().zip(inks()) {
            plot.banded_line(way, ink);
            plot.dots(&middles(way), 4.0, ink, 1.0);
        }
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
        let points = [0.0, 1.0].map(|x| Interval { x, low: 3.0, mid: 4.0, high: 9.0 });
        let (names, ways) = (["0", "64"].map(String::from), [Band { label: "A", points: &points }]);
        check(|lang| offset(&names, &ways, lang), "더한 수", "number added");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&offset(&[], &[], Lang::Ko));
        let wild = [Interval { x: 0.0, low: f64::NAN, mid: 2.0, high: f64::INFINITY }];
        well_made(&offset(&[], &[Band { label: "wild", points: &wild }], Lang::En));
    }
}
