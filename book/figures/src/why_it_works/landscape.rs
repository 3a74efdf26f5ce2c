use crate::axis::Axis;
use crate::axis::extent;
use crate::data::Band;
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, WIDTH, plot};
use crate::svg::Svg;

/// The losses that are met along the gradient, from the smallest to the largest, before each of some steps: a
/// chart for each depth, with the same two bands in each.
pub fn landscape(depths: &[(usize, [Band; 2])], lang: Lang) -> String {
    const HEIGHT: f64 = 380.0;
    const KEY: f64 = 30.0;
    let points = || depths.iter().flat_map(|(_, bands)| bands).flat_map(|band| band.points);
    let (_, last) = extent(points().map(|p| p.x));
    let mut svg = Svg::new(WIDTH, HEIGHT);
    let names = depths.first().into_iter().flat_map(|(_, bands)| bands);
    svg.key(names.enumerate().map(|(i, band)| (band.label, Ink::series(i))));
    for (column, (depth, bands)) in depths.iter().enumerate() {
        let title = lang.pick(format!("은닉층 {depth}개"), format!("{depth} hidden layers"));
        let x = Axis::linear(lang.pick("학습 스텝", "training steps"), 0.0, last);
        let label = lang.pick("그레이디언트를 따라 본 손실", "loss along the gradient");
        let y = Axis::log_around(label, points().flat_map(|p| [p.low, p.high]));
        let frame = Frame::column(column, depths.len(), HEIGHT - KEY).below(KEY).title(title);
        plot(&mut svg, &frame, &x.sparse(), &y, |plot| {
            for (i, band) in bands.iter().enumerate() {
                plot.band(band.points, Ink::series(i));
                for end in [|p: &crate::Interval| (p.x, p.low), |p: &crate::Interval| (p.x, p.high)]
                {
                    let line: Vec<_> = band.points.iter().map(end).collect();
                    plot.thin_line(&line, Ink::series(i), 1.5);
                }
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
        let points = [1.0, 100.0].map(|x| Interval { x, low: 0.2, mid: 0.3, high: 2.0 });
        let band = |label| Band { label, points: &points };
        let draw = |lang: Lang| landscape(&[(8, [band("a"), band("b")])], lang);
        check(draw, "은닉층 8개", "8 hidden layers");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&landscape(&[], Lang::Ko));
        let lost = [Interval { x: 1.0, low: f64::NAN, mid: 0.0, high: f64::INFINITY }];
        let band = Band { label: "a", points: &lost };
        well_made(&landscape(&[(3, [band, band])], Lang::En));
    }
}
