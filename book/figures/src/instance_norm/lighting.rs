use crate::axis::{Axis, extent};
use crate::data::Band;
use crate::ink::Ink;
use crate::lang::Lang;
use crate::number::decimal;
use crate::plot::{Frame, WIDTH, middles, plot};
use crate::svg::Svg;

/// As in the other figures that compare these layers; what is without one in the color of the text.
const INKS: [Ink; 6] =
    [Ink::Text, Ink::Vermillion, Ink::Green, Ink::Blue, Ink::Orange, Ink::Purple];

/// Test error, in percent, against the contrast of the test images at the left, and against their brightness at the
/// right: in both the same lines, with an interval over the seeds.
pub fn lighting(contrast: &[Band], brightness: &[Band], lang: Lang) -> String {
    const HEIGHT: f64 = 400.0;
    const KEY: f64 = 30.0;
    let mut svg = Svg::new(WIDTH, HEIGHT);
    svg.key(contrast.iter().map(|band| band.label).zip(INKS));
    for (i, bands) in [contrast, brightness].into_iter().enumerate() {
        let xs = || bands.iter().flat_map(|band| band.points).map(|point| point.x);
        let (low, high) = extent(xs());
        let ticks: Vec<_> = bands.first().into_iter().flat_map(|band| band.points).collect();
        let ticks = ticks.iter().map(|point| (point.x, decimal(point.x, 3)));
        let (title, x) = match i {
            0 => {
                let label = lang.pick("대비 a", "contrast a");
                (lang.pick("대비를 바꾸면", "Contrast changed"), Axis::log(label, low, high))
            }
            _ => {
                let label = lang.pick("밝기 b", "brightness b");
                (lang.pick("밝기를 바꾸면", "Brightness changed"), Axis::linear(label, low, high))
            }
        };
        let x = x.ticks(ticks).cut(low, high);
        let name = if i == 0 { lang.pick("시험 오차, %", "test error, %") } else { " " };
        let y = Axis::linear(name, 0.0, 100.0);
        let frame = Frame::column(i, 2, HEIGHT - KEY).below(KEY).title(title);
        plot(&mut svg, &frame, &x, &y, |plot| {
            for (band, ink) in bands.iter().zip(INKS) {
                plot.banded_line(band, ink);
                plot.dots(&middles(band), 4.0, ink, 1.0);
            }
        });
    }
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Interval;
    use crate::testing::{check, well_made};

    #[test]
    fn keeps_the_contract() {
        let points = |xs: [f64; 3]| xs.map(|x| Interval { x, low: 3.0, mid: 4.0, high: 9.0 });
        let (contrast, brightness) = (points([0.125, 1.0, 4.0]), points([-2.0, 0.0, 2.0]));
        let [contrast, brightness] =
            [&contrast, &brightness].map(|points| [Band { label: "IN", points }]);
        check(|lang| lighting(&contrast, &brightness, lang), "대비", "contrast");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&lighting(&[], &[], Lang::Ko));
        let wild = [Interval { x: 0.0, low: f64::NAN, mid: 2.0, high: f64::INFINITY }];
        let wild = [Band { label: "wild", points: &wild }];
        well_made(&lighting(&wild, &wild, Lang::En));
    }
}
