use crate::axis::{Axis, extent};
use crate::data::Band;
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, WIDTH, end, middles, plot};
use crate::svg::Svg;

/// Test error, in percent, against the batch size of training: a panel for each network, in it a line and an interval
/// over the seeds for each normalization. The `x` of a point is the place of its batch size in `sizes`.
pub fn error_by_batch_size(sizes: &[usize], panels: &[(&str, &[Band])], lang: Lang) -> String {
    const HEIGHT: f64 = 380.0;
    let points = panels.iter().flat_map(|(_, lines)| *lines).flat_map(|band| band.points);
    let (low, high) = extent(points.flat_map(|p| [p.low, p.mid, p.high]).filter(|v| *v > 0.0));
    let mut svg = Svg::new(WIDTH, HEIGHT);
    for (i, (title, lines)) in panels.iter().enumerate() {
        let places = sizes.iter().enumerate().map(|(i, size)| (i as f64, size.to_string()));
        let x = Axis::linear(
            lang.pick("학습 배치 크기", "batch size in training"),
            -0.3,
            sizes.len().max(1) as f64 - 0.7,
        )
        .ticks(places);
        let name = if i == 0 { lang.pick("시험 오차, %", "test error, %") } else { " " };
        let ticks = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0].map(|e| (e, e.to_string()));
        let y = Axis::log(name, low, high).ticks(ticks).cut(low * 0.9, high * 1.1);
        let frame = Frame::column(i, panels.len(), HEIGHT)
            .names(lines.iter().map(|band| band.label))
            .title(*title);
        plot(&mut svg, &frame, &x, &y, |plot| {
            let inks = [Ink::Vermillion, Ink::Blue, Ink::Green];
            for (band, ink) in lines.iter().zip(inks) {
                plot.banded_line(band, ink);
                plot.dots(&middles(band), 4.0, ink, 1.0);
            }
            let ends = lines.iter().map(|band| (band.label, end(&middles(band))));
            plot.names(ends.zip(inks).map(|((label, end), ink)| (label, end, ink)));
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
        let points = [(0.0, 47.0), (1.0, 9.0), (2.0, 2.0)].map(|(x, mid)| Interval {
            x,
            low: 0.9 * mid,
            mid,
            high: 1.1 * mid,
        });
        let (batch, group) =
            (Band { label: "BN", points: &points }, Band { label: "GN", points: &points[1..] });
        let panels: [(&str, &[Band]); 2] = [("1", &[batch, group]), ("2", &[group])];
        check(|lang| error_by_batch_size(&[2, 4, 8], &panels, lang), "시험 오차", "test error");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&error_by_batch_size(&[], &[], Lang::Ko));
        let wild = [Interval { x: 0.0, low: f64::NAN, mid: 0.0, high: 2.0 }];
        let line = [Band { label: "wild", points: &wild }];
        well_made(&error_by_batch_size(&[2], &[("1", &line)], Lang::En));
    }
}
