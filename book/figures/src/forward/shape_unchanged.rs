use crate::axis::Axis;
use crate::data::Histogram;
use crate::ink::Ink;
use crate::lang::Lang;
use crate::number::decimal;
use crate::plot::{Frame, WIDTH, plot};
use crate::svg::{Svg, Type};

/// A skewed batch before and after normalization: the same shape, only moved and scaled.
///
/// The dot marks the mean, the bar one standard deviation to each side of it, both read off the histograms.
pub fn shape_unchanged(before: &Histogram, after: &Histogram, lang: Lang) -> String {
    const HEIGHT: f64 = 320.0;
    let mut svg = Svg::new(WIDTH, HEIGHT);
    let panels = [
        (before, lang.pick("정규화 전", "before"), "x", Ink::Blue),
        (after, lang.pick("정규화 후", "after"), "x̂", Ink::Green),
    ];
    for (i, (histogram, title, symbol, ink)) in panels.into_iter().enumerate() {
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
            let (mean, sd) = histogram.mean_and_sd();
            let height = top * 0.87;
            if sd > 0.0 {
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
        let before = Histogram { low: 0.0, high: 8.0, counts: vec![30, 20, 9, 3, 1] };
        let after = Histogram { low: -1.2, high: 4.0, counts: vec![30, 20, 9, 3, 1] };
        check(|lang| shape_unchanged(&before, &after, lang), "정규화 전", "before");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        let empty = Histogram { low: 0.0, high: 0.0, counts: vec![] };
        let one = Histogram { low: 0.0, high: 1.0, counts: vec![7] };
        well_made(&shape_unchanged(&empty, &one, Lang::Ko));
    }
}
