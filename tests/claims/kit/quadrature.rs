//! Means over the Gaussian law, by Gauss and Legendre's rule.

use std::f64::consts::PI;

/// E f(z) for a standard Gaussian z and a function that is smooth but for the kinks named: five nodes in
/// each of many panels, none of which has a kink inside.
///
/// A panel of the width h is off by about h¹¹·|F⁽¹⁰⁾|·2·10⁻¹⁴, F being f times the density: far below
/// rounding, for functions that change on the scale of 1. What lies beyond 12 weighs less than 10⁻³².
pub fn gaussian_mean(f: impl Fn(f64) -> f64, kinks: &[f64]) -> f64 {
    let panels_per_unit = 32;
    let grid = (-12 * panels_per_unit..=12 * panels_per_unit).map(f64::from);
    let mut ends: Vec<f64> = grid.map(|k| k / f64::from(panels_per_unit)).collect();
    ends.extend(kinks.iter().filter(|kink| kink.abs() < 12.0));
    ends.sort_by(f64::total_cmp);
    let density = |z: f64| (-z * z / 2.0).exp() / (2.0 * PI).sqrt();
    ends.windows(2).map(|ends| panel(ends[0], ends[1], |z| f(z) * density(z))).sum()
}

/// ∫f from a to b: exact for polynomials of degree nine.
fn panel(a: f64, b: f64, f: impl Fn(f64) -> f64) -> f64 {
    let (middle, half) = ((a + b) / 2.0, (b - a) / 2.0);
    let pair = |sign: f64| {
        let node = (5.0 + sign * 2.0 * (10.0f64 / 7.0).sqrt()).sqrt() / 3.0;
        let weight = (322.0 - sign * 13.0 * 70f64.sqrt()) / 900.0;
        weight * (f(middle - half * node) + f(middle + half * node))
    };
    half * (128.0 / 225.0 * f(middle) + pair(-1.0) + pair(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_moments_of_the_gaussian_law() {
        for (power, moment) in [(0, 1.0), (1, 0.0), (2, 1.0), (4, 3.0), (6, 15.0), (8, 105.0)] {
            let error = gaussian_mean(|z| z.powi(power), &[]) - moment;
            assert!(error.abs() < 1e-13 * moment.max(1.0), "{power}: {error}");
        }
        let error = gaussian_mean(|z| (z - 0.3).abs(), &[0.3])
            - (2.0 * panel(0.0, 0.3, |z| (-z * z / 2.0).exp()) * 0.3 + 2.0 * (-0.045f64).exp())
                / (2.0 * PI).sqrt();
        assert!(error.abs() < 1e-14, "{error}");
    }

    #[test]
    fn a_panel_is_exact_up_to_degree_nine() {
        assert!((panel(0.0, 1.0, |z| 10.0 * z.powi(9)) - 1.0).abs() < 1e-15);
        assert!((panel(0.0, 1.0, |z| 11.0 * z.powi(10)) - 1.0).abs() > 1e-6);
    }
}
