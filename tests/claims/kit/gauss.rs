//! Gaussian numbers, always the same ones, and a test of what law numbers follow.

use std::f64::consts::TAU;

/// An endless sequence of independent standard Gaussian numbers (Box and Muller).
pub fn gaussians(seed: u64) -> impl Iterator<Item = f64> {
    let uniform = |index: u64| (super::batch::scramble(index) >> 11) as f64 / (1u64 << 53) as f64;
    (0..).map(move |i| {
        let index = (seed << 40) + 2 * i;
        (-2.0 * (1.0 - uniform(index)).ln()).sqrt() * (TAU * uniform(index + 1)).cos()
    })
}

/// √n times the largest distance of the empirical distribution function of n values to `law`. If the
/// values follow the law, it exceeds 1.95 once in a thousand samples.
pub fn kolmogorov_smirnov(mut values: Vec<f64>, law: impl Fn(f64) -> f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len() as f64;
    let distance = |(i, &v): (usize, &f64)| {
        let (below, above) = (i as f64 / n, (i + 1) as f64 / n);
        (law(v) - below).abs().max((law(v) - above).abs())
    };
    n.sqrt() * values.iter().enumerate().map(distance).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uniform_sample_is_not_taken_for_another() {
        let uniform: Vec<_> =
            (0..1000).map(|i| super::super::batch::scramble(i) as f64 / 2f64.powi(64)).collect();
        assert!(kolmogorov_smirnov(uniform.clone(), |v| v) < 1.95);
        assert!(kolmogorov_smirnov(uniform, |v| v * v) > 1.95);
    }
}
