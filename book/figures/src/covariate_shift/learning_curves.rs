use crate::axis::{Axis, extent};
use crate::data::Band;
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, WIDTH, plot};
use crate::svg::Svg;

/// Test accuracy against training steps: a mean line and an interval over the seeds for each way of training.
///
/// Accuracies are shares between 0 and 1.
pub fn learning_curves(bands: &[Band], lang: Lang) -> String {
    const HEIGHT: f64 = 400.0;
    let (_, last) = extent(bands.iter().flat_map(|band| band.points).map(|p| p.x));
    let x = Axis::linear(lang.pick("학습 스텝", "training steps"), 0.0, last);
    let y = Axis::linear(lang.pick("시험 정확도", "test accuracy"), 0.0, 1.0)
        .ticks((0..=5).map(|fifth| (f64::from(fifth) / 5.0, format!("{} %", fifth * 20))));

    let mut svg = Svg::new(WIDTH, HEIGHT);
    let frame = Frame::whole(HEIGHT).names(bands.iter().map(|band| band.label));
    plot(&mut svg, &frame, &x, &y, |plot| {
        for (i, band) in bands.iter().enumerate() {
            plot.banded_line(band, Ink::series(i));
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
        let points = [0.0, 100.0].map(|x| Interval { x, low: 0.2, mid: 0.3, high: 0.4 });
        let bands = [Band { label: "BN", points: &points }, Band { label: "·", points: &points }];
        check(|lang| learning_curves(&bands, lang), "시험 정확도", "test accuracy");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&learning_curves(&[], Lang::Ko));
        well_made(&learning_curves(&[Band { label: "empty", points: &[] }], Lang::En));
    }
}
