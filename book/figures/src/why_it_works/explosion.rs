use crate::axis::Axis;
use crate::data::Band;
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, WIDTH, end, middles, plot};
use crate::svg::Svg;

/// The size of the gradient, layer after layer back from the output; dashed, what theory says.
///
/// Each line comes with the factor by which, in theory, the gradient grows from one layer to the next.
pub fn explosion(lines: &[(f64, Band)], lang: Lang) -> String {
    const HEIGHT: f64 = 400.0;
    let points = || lines.iter().flat_map(|(_, band)| band.points);
    let last = points().map(|p| p.x).filter(|x| x.is_finite()).fold(1.0, f64::max);
    let x = Axis::linear(lang.pick("출력에서 센 층", "layers back from the output"), 0.0, last);
    let label = lang.pick("그레이디언트의 크기", "size of the gradient");
    let y = Axis::log_around(label, points().map(|p| p.mid));

    let mut svg = Svg::new(WIDTH, HEIGHT);
    let frame = Frame::whole(HEIGHT).names(lines.iter().map(|(_, band)| band.label));
    plot(&mut svg, &frame, &x, &y, |plot| {
        for (i, (growth, band)) in lines.iter().enumerate() {
            plot.banded_line(band, Ink::series(i));
            let first = band.points.first().map_or(f64::NAN, |p| p.mid);
            let theory = |p: &crate::Interval| (p.x, first * libm::pow(*growth, p.x));
            plot.dashed(&band.points.iter().map(theory).collect::<Vec<_>>(), Ink::Text);
        }
        let ends = lines.iter().map(|(_, band)| (band.label, end(&middles(band))));
        plot.names(ends.enumerate().map(|(i, (label, end))| (label, end, Ink::series(i))));
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
        let points = [0.0, 10.0, 20.0].map(|x| Interval { x, low: 1.0, mid: 1.0 + x, high: 40.0 });
        let lines = [(1.2, Band { label: "BN", points: &points })];
        check(|lang| explosion(&lines, lang), "그레이디언트의 크기", "size of the gradient");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&explosion(&[], Lang::Ko));
        let lost = [Interval { x: 0.0, low: f64::NAN, mid: 0.0, high: f64::INFINITY }];
        well_made(&explosion(&[(f64::NAN, Band { label: "a", points: &lost })], Lang::En));
    }
}
