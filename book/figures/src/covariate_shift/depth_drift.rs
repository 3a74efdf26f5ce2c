use crate::axis::Axis;
use crate::data::Band;
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, WIDTH, middles, plot};
use crate::svg::Svg;

/// How far the inputs of each layer have moved, against the layer's depth, with an interval about each mean.
///
/// `x` of each point is the layer, counted from 1; `drift` names the vertical axis with its unit.
pub fn depth_drift(bands: &[Band], drift: &str, lang: Lang) -> String {
    const HEIGHT: f64 = 380.0;
    let points = || bands.iter().flat_map(|band| band.points);
    let deepest = points().map(|p| p.x).filter(|x| x.is_finite()).fold(1.0, f64::max);
    let largest =
        points().flat_map(|p| [p.mid, p.high]).filter(|v| v.is_finite()).fold(0.0, f64::max);
    let whole = (1..=deepest.min(20.0) as u32).map(|layer| (f64::from(layer), layer.to_string()));
    let x = Axis::linear(lang.pick("층", "layer"), 1.0, deepest);
    let x = if deepest <= 20.0 { x.ticks(whole) } else { x };
    let y = Axis::linear(drift, 0.0, largest * 1.05);

    let mut svg = Svg::new(WIDTH, HEIGHT);
    let frame = Frame::whole(HEIGHT).names(bands.iter().map(|band| band.label));
    plot(&mut svg, &frame, &x, &y, |plot| {
        for (i, band) in bands.iter().enumerate() {
            plot.banded_line(band, Ink::series(i));
            plot.dots(&middles(band), 4.0, Ink::series(i), 1.0);
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
        let points = [1.0, 2.0, 3.0].map(|x| Interval { x, low: x, mid: 1.5 * x, high: 2.0 * x });
        let draw = |lang: Lang| depth_drift(&[Band { label: "", points: &points }], "", lang);
        check(draw, "층", "layer");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&depth_drift(&[], "drift", Lang::En));
        let lost = [Interval { x: 1.0, low: f64::NAN, mid: 0.0, high: f64::INFINITY }];
        well_made(&depth_drift(&[Band { label: "a", points: &lost }], "drift", Lang::En));
    }
}
