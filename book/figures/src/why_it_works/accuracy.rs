use crate::axis::{Axis, extent};
use crate::data::Band;
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, WIDTH, middles, plot};
use crate::svg::Svg;

/// Test accuracy against the size of the first weights, with an interval over the seeds.
///
/// Accuracies are shares between 0 and 1; `x` of each point is the size, in He's weights.
pub fn initialization(bands: &[Band], lang: Lang) -> String {
    const HEIGHT: f64 = 380.0;
    let x = sizes(
        bands,
        lang.pick("처음 가중치의 크기 (He의 배수)", "size of the first weights, in He's"),
    );
    let mut svg = Svg::new(WIDTH, HEIGHT);
    let frame = Frame::whole(HEIGHT).names(bands.iter().map(|band| band.label));
    plot(&mut svg, &frame, &x, &accuracy(lang), |plot| {
        for (i, band) in bands.iter().enumerate() {
            plot.banded_line(band, Ink::series(i));
            plot.dots(&middles(band), 4.0, Ink::series(i), 1.0);
        }
        plot.names_of_bands(bands);
    });
    svg.finish()
}

/// Test accuracy against the learning rate: a chart for each depth, with the same lines in each.
pub fn learning_rates(depths: &[(usize, Vec<Band>)], lang: Lang) -> String {
    const HEIGHT: f64 = 380.0;
    const KEY: f64 = 30.0;
    let mut svg = Svg::new(WIDTH, HEIGHT);
    let names = depths.first().into_iter().flat_map(|(_, bands)| bands);
    svg.key(names.enumerate().map(|(i, band)| (band.label, Ink::series(i))));
    for (column, (depth, bands)) in depths.iter().enumerate() {
        let title = lang.pick(format!("은닉층 {depth}개"), format!("{depth} hidden layers"));
        let x = sizes(bands, lang.pick("학습률", "learning rate"));
        let frame = Frame::column(column, depths.len(), HEIGHT - KEY).below(KEY).title(title);
        plot(&mut svg, &frame, &x, &accuracy(lang), |plot| {
            for (i, band) in bands.iter().enumerate() {
                plot.banded_line(band, Ink::series(i));
                plot.dots(&middles(band), 4.0, Ink::series(i), 1.0);
            }
        });
    }
    svg.finish()
}

fn accuracy(lang: Lang) -> Axis {
    Axis::linear(lang.pick("시험 정확도", "test accuracy"), 0.0, 1.0)
        .ticks((0..=5).map(|fifth| (f64::from(fifth) / 5.0, format!("{} %", fifth * 20))))
}

/// From the smallest to the largest of them.
fn sizes(bands: &[Band], label: &str) -> Axis {
    let (low, high) = extent(bands.iter().flat_map(|band| band.points).map(|p| p.x));
    Axis::log(label, low, high).cut(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Interval;
    use crate::testing::{check, well_made};

    #[test]
    fn keeps_the_contract() {
        let points = [0.01, 1.0].map(|x| Interval { x, low: 0.2, mid: 0.3, high: 0.4 });
        let bands = || vec![Band { label: "BN", points: &points }];
        check(|lang| initialization(&bands(), lang), "시험 정확도", "test accuracy");
        let draw = |lang: Lang| learning_rates(&[(3, bands()), (8, bands())], lang);
        check(draw, "은닉층 8개", "8 hidden layers");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&initialization(&[], Lang::Ko));
        well_made(&learning_rates(&[], Lang::En));
        let lost = [Interval { x: 0.0, low: f64::NAN, mid: 0.0, high: f64::INFINITY }];
        well_made(&initialization(&[Band { label: "a", points: &lost }], Lang::En));
    }
}
