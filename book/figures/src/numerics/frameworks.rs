use super::Method;
use crate::axis::Axis;
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, WIDTH, end, plot};
use crate::svg::Svg;

/// The largest error of each implementation, in units of the last digit, against the mean of data with σ = 1.
pub fn frameworks(methods: &[Method], lang: Lang) -> String {
    const HEIGHT: f64 = 420.0;
    let places = || methods.iter().flat_map(|method| method.points.iter().copied());
    let x = Axis::log_around(lang.pick("평균 μ (σ = 1)", "mean μ (σ = 1)"), places().map(|p| p.0));
    let name = lang.pick("가장 큰 오차 (ulp)", "largest error (ulp)");
    let y = Axis::log_around(name, places().map(|p| p.1));

    let mut svg = Svg::new(WIDTH, HEIGHT);
    let frame = Frame::whole(HEIGHT).names(methods.iter().map(|method| method.name));
    plot(&mut svg, &frame, &x, &y, |plot| {
        plot.level(1.0, Ink::Muted);
        for (i, method) in methods.iter().enumerate() {
            plot.line(&method.points, Ink::series(i));
            plot.dots(&method.points, 3.5, Ink::series(i), 1.0);
        }
        let ends = methods.iter().enumerate();
        plot.names(ends.map(|(i, method)| (method.name, end(&method.points), Ink::series(i))));
    });
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, well_made};

    #[test]
    fn keeps_the_contract() {
        let methods = [Method { name: "A", points: vec![(1.0, 0.5), (1e3, 400.0)] }];
        check(|lang| frameworks(&methods, lang), "가장 큰 오차", "largest error");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&frameworks(&[], Lang::Ko));
        let odd = Method { name: "B", points: vec![(0.0, f64::NAN), (1.0, 0.0)] };
        well_made(&frameworks(&[odd], Lang::En));
    }
}
