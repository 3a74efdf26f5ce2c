use crate::axis::{Axis, extent};
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, WIDTH, plot};
use crate::svg::Svg;

/// The values of one channel in a mini-batch, before and after normalization.
#[derive(Clone, Copy, Debug)]
pub struct Channel<'a> {
    pub before: &'a [f64],
    pub after: &'a [f64],
}

/// A dot for each value, a row for each channel, with a bar at the mean: channels that lay far apart come to lie one
/// above the other.
pub fn before_after(channels: &[Channel], lang: Lang) -> String {
    let height = 90.0 + 52.0 * channels.len().max(2) as f64;
    let mut svg = Svg::new(WIDTH, height);
    let column = |values: for<'a> fn(&Channel<'a>) -> &'a [f64]| -> Vec<&[f64]> {
        channels.iter().map(values).collect()
    };
    let sides = [
        (lang.pick("정규화 전", "before"), column(|channel| channel.before)),
        (lang.pick("정규화 후", "after"), column(|channel| channel.after)),
    ];
    for (i, (title, column)) in sides.into_iter().enumerate() {
        let (low, high) = extent(column.iter().copied().flatten().copied());
        let margin = (high - low) / 12.0;
        let x = Axis::linear("", low - margin, high + margin);
        // The first channel is at the top.
        let row = |channel: usize| channels.len() as f64 - channel as f64;
        let name = |channel| format!("{} {}", lang.pick("채널", "channel"), channel + 1);
        let names =
            (0..channels.len()).map(|c| (row(c), if i == 0 { name(c) } else { String::new() }));
        let y = Axis::linear("", 0.4, channels.len() as f64 + 0.6).ticks(names);
        let frame = if i == 0 {
            Frame { size: (WIDTH * 0.54, height), ..Frame::default() }
        } else {
            Frame { at: (WIDTH * 0.56, 0.0), size: (WIDTH * 0.44, height), ..Frame::default() }
        };
        plot(&mut svg, &frame.title(title), &x, &y, |plot| {
            for (c, values) in column.iter().enumerate() {
                let dots: Vec<_> = values
                    .iter()
                    .enumerate()
                    .map(|(dot, &value)| (value, row(c) + 0.45 * (golden(dot) - 0.5)))
                    .collect();
                plot.dots(&dots, 4.0, Ink::series(c), 0.6);
                let mean = values.iter().sum::<f64>() / values.len() as f64;
                plot.thin_line(&[(mean, row(c) - 0.33), (mean, row(c) + 0.33)], Ink::Text, 2.0);
            }
        });
    }
    svg.finish()
}

/// Numbers between 0 and 1 that stay apart, so that equal values do not hide each other.
fn golden(index: usize) -> f64 {
    (index as f64 * 0.618_033_988_749_895).fract()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, well_made};

    #[test]
    fn keeps_the_contract() {
        let channels = [
            Channel { before: &[1.0, 2.0, 3.0, 6.0], after: &[-1.0, -0.5, 0.0, 1.5] },
            Channel { before: &[100.0, 101.0], after: &[-1.0, 1.0] },
        ];
        check(|lang| before_after(&channels, lang), "채널 2", "channel 2");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&before_after(&[], Lang::Ko));
        let odd = [
            Channel { before: &[], after: &[f64::NAN] },
            Channel { before: &[5.0], after: &[0.0] },
        ];
        well_made(&before_after(&odd, Lang::En));
    }
}
