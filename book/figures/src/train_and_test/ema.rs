use crate::axis::{Axis, extent};
use crate::data::Series;
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, WIDTH, end, plot};
use crate::svg::Svg;

/// Estimates of a mean against training steps: running means and the cumulative average as lines, the means of the
/// batches as faint dots, the true value as a dashed line.
pub fn ema(truth: f64, batch_means: &[(f64, f64)], series: &[Series], lang: Lang) -> String {
    const HEIGHT: f64 = 400.0;
    let true_name = lang.pick("참값", "true mean");
    let points = || series.iter().flat_map(|s| s.points).chain(batch_means);
    let (first, last) = extent(points().map(|p| p.0));
    let x = Axis::linear(lang.pick("학습 스텝", "training steps"), first.min(0.0), last);
    let y = Axis::around(
        lang.pick("평균의 추정", "estimate of the mean"),
        points().map(|p| p.1).chain([truth]),
    );

    let mut svg = Svg::new(WIDTH, HEIGHT);
    let frame = Frame::whole(HEIGHT).names(series.iter().map(|s| s.label).chain([true_name]));
    plot(&mut svg, &frame, &x, &y, |plot| {
        plot.dots(batch_means, 2.5, Ink::Muted, 0.45);
        plot.level(truth, Ink::Text);
        for (i, line) in series.iter().enumerate() {
            plot.line(line.points, Ink::series(i));
        }
        let lines =
            series.iter().enumerate().map(|(i, s)| (s.label, end(s.points), Ink::series(i)));
        plot.names(lines.chain([(true_name, (x.high, truth), Ink::Text)]));
    });
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, well_made};

    #[test]
    fn keeps_the_contract() {
        let series = [Series { label: "0.1", points: &[(0.0, 0.0), (100.0, 2.9)] }];
        check(|lang| ema(3.0, &[(1.0, 2.5), (2.0, 3.5)], &series, lang), "참값", "true mean");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&ema(f64::NAN, &[], &[], Lang::Ko));
        let still = [Series { label: "still", points: &[(0.0, 1.0)] }];
        well_made(&ema(1.0, &[(0.0, 1.0)], &still, Lang::En));
    }
}
