use crate::axis::{Axis, extent};
use crate::data::{gaussian, sample};
use crate::ink::Ink;
use crate::lang::Lang;
use crate::number::decimal;
use crate::plot::{Frame, WIDTH, plot};
use crate::svg::Svg;

/// What γ and β do, a colour for each setting (γ, β): left the line y = γx̂ + β, right the density of y for a Gaussian
/// x̂.
pub fn affine_slopes(settings: &[(f64, f64)], lang: Lang) -> String {
    const HEIGHT: f64 = 380.0;
    const KEY: f64 = 34.0;
    const REACH: f64 = 3.0;
    let finite = |&&(gamma, beta): &&(f64, f64)| gamma.is_finite() && beta.is_finite();
    let settings: Vec<_> = settings.iter().filter(finite).copied().collect();
    let ends = settings.iter().flat_map(|(g, b)| [b - REACH * g.abs(), b + REACH * g.abs()]);
    let (low, high) = extent(ends);

    let mut svg = Svg::new(WIDTH, HEIGHT);
    let names: Vec<_> = settings
        .iter()
        .map(|&(gamma, beta)| format!("γ = {}, β = {}", decimal(gamma, 2), decimal(beta, 2)))
        .collect();
    svg.key(names.iter().enumerate().map(|(i, name)| (name.as_str(), Ink::series(i))));

    let left = Frame::column(0, 2, HEIGHT - KEY).below(KEY);
    let x = Axis::linear("x̂", -REACH, REACH);
    plot(&mut svg, &left, &x, &Axis::linear("y = γx̂ + β", low, high), |plot| {
        for (i, (gamma, beta)) in settings.iter().enumerate() {
            plot.line(&[-REACH, REACH].map(|x| (x, gamma * x + beta)), Ink::series(i));
        }
    });

    let curves: Vec<_> = settings
        .iter()
        .map(|&(gamma, beta)| sample(low, high, 400, |y| gaussian(y, beta, gamma.abs())))
        .collect();
    let (_, tallest) = extent(curves.iter().flatten().map(|p| p.1));
    let right = Frame::column(1, 2, HEIGHT - KEY).below(KEY);
    let density =
        Axis::linear(lang.pick("y의 밀도", "density of y"), 0.0, tallest * 1.08).ticks([]);
    plot(&mut svg, &right, &Axis::linear("y", low, high), &density, |plot| {
        for (i, curve) in curves.iter().enumerate() {
            plot.area(curve, Ink::series(i), 0.15);
            plot.line(curve, Ink::series(i));
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
        let settings = [(1.0, 0.0), (2.0, 0.0), (0.5, 2.0)];
        check(|lang| affine_slopes(&settings, lang), "y의 밀도", "density of y");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&affine_slopes(&[], Lang::Ko));
        well_made(&affine_slopes(&[(0.0, 0.0), (f64::NAN, 1.0), (-1.0, 1.0)], Lang::En));
    }
}
