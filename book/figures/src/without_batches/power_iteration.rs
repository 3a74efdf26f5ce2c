use crate::axis::Axis;
use crate::ink::Ink;
use crate::lang::Lang;
use crate::number::decimal;
use crate::plot::{Frame, WIDTH, end, plot};
use crate::svg::{Svg, Type};

/// The estimates of a power iteration, step by step, as parts of the largest singular value.
#[derive(Clone, Debug)]
pub struct Iteration {
    /// The second singular value by the first.
    pub ratio: f64,
    pub estimates: Vec<f64>,
}

/// A line for each matrix, all of which rise to 1: the sooner, the further the second singular value lies below.
pub fn power_iteration(iterations: &[Iteration], lang: Lang) -> String {
    const HEIGHT: f64 = 340.0;
    let steps = iterations.iter().map(|i| i.estimates.len()).max().unwrap_or(0);
    let x = Axis::linear(
        lang.pick("거듭제곱법의 단계", "step of the power iteration"),
        0.0,
        steps as f64,
    );
    let lowest = iterations.iter().flat_map(|i| i.estimates.iter().copied()).fold(1.0, f64::min);
    let y = Axis::linear(
        lang.pick("σ의 추정 / 가장 큰 특잇값", "estimate of σ / largest singular value"),
        libm::floor(lowest * 10.0) / 10.0,
        1.05,
    );
    let line = |i: &Iteration| -> Vec<_> {
        i.estimates.iter().enumerate().map(|(k, &v)| ((k + 1) as f64, v)).collect()
    };
    let lines: Vec<_> = iterations
        .iter()
        .zip([Ink::Blue, Ink::Vermillion, Ink::Green, Ink::Purple])
        .map(|(i, ink)| (decimal(i.ratio, 2), ink, line(i)))
        .collect();

    let mut svg = Svg::new(WIDTH, HEIGHT);
    let frame = Frame::whole(HEIGHT);
    plot(&mut svg, &frame, &x, &y, |plot| {
        plot.level(1.0, Ink::Muted);
        for (_, ink, points) in &lines {
            plot.line(points, *ink);
            plot.dots(points, 3.5, *ink, 1.0);
        }
        // The lines meet at the right, so their names stand in the empty corner below.
        let (right, bottom) = end(&[(x.high, y.low)]);
        let head = Type::SMALL.anchor(crate::svg::Anchor::End).ink(Ink::Muted);
        let rows = lines.len() as f64;
        plot.note((right, bottom), (-8.0, -rows * 22.0 - 18.0), head, "σ₂/σ₁");
        for (row, (name, ink, _)) in lines.iter().enumerate() {
            let up = (rows - row as f64) * 22.0 - 4.0;
            let style = Type::BODY.bold().anchor(crate::svg::Anchor::End).ink(*ink);
            plot.note((right, bottom), (-8.0, -up), style, name);
        }
    });
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, well_made};

    #[test]
    fn keeps_the_contract() {
        let rising = Iteration { ratio: 0.9, estimates: vec![0.6, 0.8, 0.95] };
        check(|lang| power_iteration(std::slice::from_ref(&rising), lang), "단계", "step");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&power_iteration(&[], Lang::Ko));
        let odd = Iteration { ratio: f64::NAN, estimates: vec![f64::NAN, 2.0, -1.0] };
        well_made(&power_iteration(&[odd], Lang::En));
    }
}
