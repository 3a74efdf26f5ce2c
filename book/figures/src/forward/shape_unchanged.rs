use crate::axis::Axis;
use crate::data::Histogram;
use crate::ink::Ink;
use crate::lang::Lang;
use crate::number::decimal;
use crate::plot::{Frame, WIDTH, plot};
use crate::svg::{Svg, Type};

/// A skewed batch before and after normalization: the same shape, only moved and scaled.
///
/// The dot marks the mean, the bar one standard deviation to each side of it.
pub fn shape_unchanged(before: &Histogram, after: &Histogram, lang: Lang) -> String {
    const HEIGHT: f64 = 320.0;
    let mut svg = Svg::new(WIDTH, HEIGHT);
    let panels = [
        (before, lang.pick("정규화 전", "before"), "x", Ink::Blue),
        (after, lang.pick("정규화 후", "after"), "x̂", Ink::Green),
    ];
    for (i, (histogram, title, symbol, ink)) in panels.into_iter().enumerate() {
        let (mean, sd) = (histogram.mean, histogram.sd);
        let x = Axis::linear(symbol, histogram.low, histogram.high);
        // A strip for mean and standard deviation under the bars' tops.
        let top = match histogram.tallest() {
            0.0 => 1.0,
            tallest => tallest * 1.3,
        };
        let y = Axis::linear("", 0.0, top).ticks([]);
        let frame = Frame::column(i, 2, HEIGHT).title(title);
        plot(&mut svg, &frame, &x, &y, |plot| {
            plot.histogram(histogram, ink);
            let height = top * 0.87;
            if mean.is_finite() && sd.is_finite() {
                plot.drop_line((mean, height), Ink::Text);
                plot.thin_line(&[(mean - sd, height), (mean + sd, height)], Ink::Text, 2.0);
                plot.dots(&[(mean, height)], 5.0, Ink::Text, 1.0);
                let words = lang.pick(("평균", "표준편차"), ("mean", "sd"));
                let text =
                    format!("{} {}, {} {}", words.0, decimal(mean, 2), words.1, decimal(sd, 2));
                let middle = f64::midpoint(histogram.low, histogram.high);
                plot.note((middle, top), (0.0, 6.0), Type::BODY.middle(), &text);
            }
        });
    }
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, well_made};

    #[test]
    fn keeps_the_contract() {
        let batch = [0.1, 0.2, 0.4, 0.5, 1.1, 1.3, 2.7, 6.0];
        let before = Histogram::of(batch, 0.0, 8.0, 5);
        let after = Histogram::of(batch.map(|x| (x - before.mean) / before.sd), -1.2, 4.0, 5);
        check(|lang| shape_unchanged(&before, &after, lang), "정규화 전", "before");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        let empty = Histogram::of([], 0.0, 0.0, 0);
        let one = Histogram::of([0.5, 1e300, f64::NAN], 0.0, 1.0, 1);
        well_made(&shape_unchanged(&empty, &one, Lang::Ko));
    }
}
