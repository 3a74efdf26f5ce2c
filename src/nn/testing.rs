//! What the tests of this directory share.

use super::random::Random;
use ndarray::{Array, Dimension, IntoDimension};

pub fn draw<S: IntoDimension>(shape: S, seed: u64) -> Array<f64, S::Dim> {
    let mut random = Random::new(seed);
    Array::from_shape_simple_fn(shape, || random.gaussian())
}

/// Holds `gradient` against central differences of L(x) = Σ dy · y(x).
///
/// With h = 2⁻¹⁷ ≈ u^⅓ both the h² of the difference and the u/h of rounding are near 6e-11.
pub fn check_gradient<D: Dimension, E: Dimension>(
    x: &Array<f64, D>,
    gradient: &Array<f64, D>,
    dy: &Array<f64, E>,
    y: impl Fn(&Array<f64, D>) -> Array<f64, E>,
) {
    let h = 2.0_f64.powi(-17);
    let loss = |x: &Array<f64, D>| (y(x) * dy).sum();
    assert_eq!(gradient.shape(), x.shape());
    for (i, &expected) in gradient.iter().enumerate() {
        let at = |step: f64| {
            let mut moved = x.clone();
            *moved.iter_mut().nth(i).unwrap() += step;
            loss(&moved)
        };
        let difference = (at(h) - at(-h)) / (2.0 * h);
        let scale = dy.iter().map(|g| g.abs()).sum::<f64>();
        assert!((difference - expected).abs() < 1e-9 * scale, "{i}: {difference} {expected}");
    }
}
