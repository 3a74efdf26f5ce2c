use crate::axis::Axis;
use crate::data::Series;
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, WIDTH, end, plot};
use crate::svg::Svg;

/// The gradient's norm against the number of layers it came through, on a logarithmic scale, with the bound 4⁻ᵈ that
/// the sigmoid's largest slope, a quarter, sets for weights of norm one.
///
/// The points of each series are (layers, norm).
pub fn sigmoid_gradient(series: &[Series], lang: Lang) -> String {
    const HEIGHT: f64 = 400.0;
    let depths = || series.iter().flat_map(|s| s.points).map(|p| p.0).filter(|d| d.is_finite());
    let deepest = depths().fold(1.0, f64::max);
    let bound: Vec<_> = (0..=deepest.min(1000.0) as i32)
        .map(|depth| (f64::from(depth), libm::pow(4.0, -f64::from(depth))))
        .collect();
    let bound_name = lang.pick("상한 4⁻ᵈ", "bound 4⁻ᵈ");

    let norms = series.iter().flat_map(|s| s.points).chain(&bound).map(|p| p.1);
    let x = Axis::linear(
        lang.pick("출력에서 거슬러 온 층의 수 d", "layers back from the output, d"),
        0.0,
        deepest,
    );
    let y = Axis::log_around(lang.pick("그레이디언트의 노름", "norm of the gradient"), norms);
    let names = series.iter().map(|s| s.label).chain([bound_name]);

    let mut svg = Svg::new(WIDTH, HEIGHT);
    plot(&mut svg, &Frame::whole(HEIGHT).names(names), &x, &y, |plot| {
        plot.dashed(&bound, Ink::Text);
        for (i, line) in series.iter().enumerate() {
            plot.line(line.points, Ink::series(i));
            plot.dots(line.points, 3.0, Ink::series(i), 1.0);
        }
        let lines =
            series.iter().enumerate().map(|(i, s)| (s.label, end(s.points), Ink::series(i)));
        plot.names(lines.chain([(bound_name, end(&bound), Ink::Text)]));
    });
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, well_made};

    #[test]
    fn keeps_the_contract() {
        let series = [Series { label: "σ", points: &[(0.0, 1.0), (5.0, 1e-4), (10.0, 1e-8)] }];
        check(|lang| sigmoid_gradient(&series, lang), "상한 4⁻ᵈ", "bound 4⁻ᵈ");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&sigmoid_gradient(&[], Lang::Ko));
        let zero = [Series { label: "0", points: &[(0.0, 0.0), (1.0, f64::NAN)] }];
        well_made(&sigmoid_gradient(&zero, Lang::En));
    }
}
