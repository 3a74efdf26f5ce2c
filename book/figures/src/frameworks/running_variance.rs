use crate::axis::Axis;
use crate::data::Series;
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, WIDTH, end, plot};
use crate::svg::{Svg, Type};

/// The running variance after each batch of `m` values, a line for each convention; the variance of the data,
/// and the smaller one that a biased variance is on average.
pub fn running_variance(lines: &[Series], variance: f64, m: usize, lang: Lang) -> String {
    const HEIGHT: f64 = 380.0;
    let points = || lines.iter().flat_map(|line| line.points);
    let x = Axis::linear(
        lang.pick("배치", "batches"),
        0.0,
        points().map(|p| p.0).filter(|v| v.is_finite()).fold(1.0, f64::max),
    );
    let highest = points().map(|p| p.1).filter(|v| v.is_finite()).fold(variance, f64::max);
    let y = Axis::linear(lang.pick("이동 분산", "running variance"), 0.0, highest * 1.08);

    let mut svg = Svg::new(WIDTH, HEIGHT);
    let frame = Frame::whole(HEIGHT).names(lines.iter().map(|line| line.label));
    plot(&mut svg, &frame, &x, &y, |plot| {
        let biased = variance * (m as f64 - 1.0) / m as f64;
        let levels = [
            (variance, lang.pick("데이터의 분산 σ²", "variance of the data, σ²")),
            (biased, lang.pick("σ²의 (m−1)/m배", "(m−1)/m of it")),
        ];
        let middle = points().map(|p| p.0).filter(|v| v.is_finite()).fold(1.0, f64::max) * 0.52;
        for (level, name) in levels {
            plot.level(level, Ink::Muted);
            plot.note((middle, level), (0.0, -14.0), Type::SMALL.ink(Ink::Muted), name);
        }
        for (i, line) in lines.iter().enumerate() {
            plot.line(line.points, Ink::series(i));
        }
        let ends = lines.iter().enumerate();
        plot.names(ends.map(|(i, line)| (line.label, end(line.points), Ink::series(i))));
    });
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, well_made};

    #[test]
    fn keeps_the_contract() {
        let points = [(0.0, 1.0), (1.0, 1.5), (2.0, 1.8)];
        let lines = [Series { label: "A", points: &points }];
        check(|lang| running_variance(&lines, 2.0, 4, lang), "이동 분산", "running variance");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&running_variance(&[], f64::NAN, 4, Lang::Ko));
        let odd = [Series { label: "A", points: &[(f64::NAN, 1.0), (0.0, f64::INFINITY)] }];
        well_made(&running_variance(&odd, 1.0, 4, Lang::En));
    }
}
