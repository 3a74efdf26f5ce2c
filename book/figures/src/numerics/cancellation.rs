use crate::axis::Axis;
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, WIDTH, end, plot};
use crate::svg::{Svg, Type};

/// A way to a variance, and its relative error against |μ|/σ.
#[derive(Clone, Debug)]
pub struct Method<'a> {
    pub name: &'a str,
    pub points: Vec<(f64, f64)>,
}

/// The error of each way on logarithmic axes, the dashed line u(1 + (μ/σ)²) for the unit roundoff u, and the level
/// above which nothing of the variance is left.
pub fn cancellation(methods: &[Method], u: f64, lang: Lang) -> String {
    const HEIGHT: f64 = 420.0;
    let places = || methods.iter().flat_map(|method| method.points.iter().copied());
    let x = Axis::log_around(lang.pick("|μ|/σ", "|μ|/σ"), places().map(|p| p.0));
    let y = Axis::log_around(
        lang.pick("분산의 상대 오차", "relative error of the variance"),
        places().map(|p| p.1).chain([u, 10.0]),
    );
    let theory = |ratio: f64| (ratio, u * (1.0 + ratio * ratio));
    let (left, right) = (libm::log10(x.low), libm::log10(x.high));
    let guide: Vec<_> = (0..=60)
        .map(|i| theory(libm::exp10(left + (right - left) * f64::from(i) / 60.0)))
        .filter(|&(_, error)| error <= y.high)
        .collect();

    let mut svg = Svg::new(WIDTH, HEIGHT);
    let frame = Frame::whole(HEIGHT).names(methods.iter().map(|method| method.name));
    plot(&mut svg, &frame, &x, &y, |plot| {
        plot.level(1.0, Ink::Muted);
        let all_wrong = lang.pick("오차가 분산만큼 크다", "as large as the variance");
        plot.note((x.low, 1.0), (8.0, -14.0), Type::SMALL.ink(Ink::Muted), all_wrong);
        plot.dashed(&guide, Ink::Text);
        if let Some(&middle) = guide.get(guide.len() / 2) {
            plot.note(middle, (12.0, 14.0), Type::BODY, "u(1 + (μ/σ)²)");
        }
        for (i, method) in methods.iter().enumerate() {
            plot.line(&method.points, ink(i));
            plot.dots(&method.points, 4.0, ink(i), 1.0);
        }
        let ends = methods.iter().enumerate();
        plot.names(ends.map(|(i, method)| (method.name, end(&method.points), ink(i))));
    });
    svg.finish()
}

/// The first way is the one that fails.
fn ink(index: usize) -> Ink {
    [Ink::Vermillion, Ink::Blue, Ink::Green, Ink::Purple][index % 4]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, well_made};

    #[test]
    fn keeps_the_contract() {
        let methods = [
            Method { name: "A", points: vec![(1.0, 1e-7), (1e3, 1e-1), (1e6, 1e4)] },
            Method { name: "B", points: vec![(1.0, 1e-7), (1e6, 1e-6)] },
        ];
        check(|lang| cancellation(&methods, 6e-8, lang), "상대 오차", "relative error");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&cancellation(&[], 0.0, Lang::Ko));
        let odd = Method { name: "C", points: vec![(0.0, f64::NAN), (1.0, 0.0), (2.0, -1.0)] };
        well_made(&cancellation(&[odd], f64::NAN, Lang::En));
    }
}
