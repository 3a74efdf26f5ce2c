use crate::axis::Axis;
use crate::data::Series;
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, WIDTH, end, plot};
use crate::svg::{Anchor, Svg, Type};

/// Variances of statistics of a batch over many batches, against the batch size: dots as measured, and through them
/// the line of the formula. The lower line comes first.
pub fn noise(measured: &[Series], formulas: &[Series], lang: Lang) -> String {
    const HEIGHT: f64 = 380.0;
    let points = || measured.iter().chain(formulas).flat_map(|series| series.points);
    let sizes = || measured.iter().flat_map(|series| series.points).map(|p| p.0);
    let x = Axis::log_around(lang.pick("배치 크기 m", "batch size m"), sizes());
    let (low, high) = crate::axis::extent(sizes().filter(|m| *m > 0.0));
    let ticks = [2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0].map(|m: f64| (m, m.to_string()));
    let x = x.ticks(ticks).cut(low * 0.85, high * 1.15);
    let y = Axis::log_around(
        lang.pick("여러 배치에 걸친 분산", "variance over batches"),
        points().map(|p| p.1),
    );

    let mut svg = Svg::new(WIDTH, HEIGHT);
    let frame = Frame::whole(HEIGHT).names(measured.iter().map(|series| series.label));
    plot(&mut svg, &frame, &x, &y, |plot| {
        for (i, series) in formulas.iter().enumerate() {
            plot.dashed(series.points, Ink::series(i));
            // The first line is the lower one.
            let (side, by) = match i {
                0 => (Anchor::End, (-8.0, 14.0)),
                _ => (Anchor::Start, (8.0, -12.0)),
            };
            if let Some(&middle) = series.points.get(series.points.len() / 2) {
                let style = Type::SMALL.ink(Ink::series(i)).anchor(side);
                plot.note(middle, by, style, series.label);
            }
        }
        for (i, series) in measured.iter().enumerate() {
            plot.dots(series.points, 5.0, Ink::series(i), 1.0);
        }
        let ends = measured.iter().map(|series| (series.label, end(series.points)));
        plot.names(ends.enumerate().map(|(i, (label, end))| (label, end, Ink::series(i))));
    });
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, well_made};

    #[test]
    fn keeps_the_contract() {
        let points = [(2.0, 0.5), (8.0, 0.125), (128.0, 0.0078)];
        let (a, b) =
            (Series { label: "μ", points: &points }, Series { label: "1/m", points: &points });
        check(|lang| noise(&[a], &[b], lang), "배치 크기", "batch size");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&noise(&[], &[], Lang::Ko));
        let wild = Series { label: "wild", points: &[(0.0, f64::NAN)] };
        well_made(&noise(&[wild], &[wild], Lang::En));
    }
}
