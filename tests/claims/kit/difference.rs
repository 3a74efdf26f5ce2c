//! Central differences: (f(x+h) − f(x−h))/2h, the derivative as a person with a calculator has it.
//!
//! Two errors pull at the step: the third derivative costs h²·|f‴|/6, rounding f costs u·|f|/h. With
//! lengths in units of the scale s on which f changes, they meet near h = u^(1/3)·s, where both are of
//! the order u^(2/3) = 4·10⁻¹¹ of |f|/s (for `f64`).

use super::{Batch, Float, Norm};
use batchnorm::norm::Gradients;
use batchnorm::scalar::Field;
use ndarray::Ix3;

/// The step, in units of the scale on which the function changes.
pub fn step<F: Float>() -> f64 {
    F::ULP.cbrt()
}

/// What a central difference may be wrong by, relative to |f|/s: the constant allows for a third
/// derivative of up to 6·10 and for the few roundings of f.
pub fn tolerance<F: Float>() -> f64 {
    10.0 * F::ULP.powf(2.0 / 3.0)
}

/// The gradient of Σ g·y with respect to x, and nothing else, by central differences.
///
/// `scale` is the s of each channel: the only length that normalization knows.
pub fn gradients<F: Float>(bn: Norm, batch: &Batch<F>, scale: &[f64]) -> Gradients<F, Ix3> {
    let loss = |batch: &Batch<F>| {
        let (y, g) = (batch.forward(bn), batch.g.iter());
        y.iter().zip(g).fold(F::Wide::ZERO, |sum, (y, g)| sum + y.widen() * g.widen())
    };
    // What is divided by is the step that the rounded arguments really are apart.
    let central = |at: F, h: f64, moved: &dyn Fn(F) -> Batch<F>| {
        let (right, left) = (at + F::from_f64(h), at - F::from_f64(h));
        F::narrow((loss(&moved(right)) - loss(&moved(left))) / (right.widen() - left.widen()))
    };
    let mut dx = batch.x.clone();
    for (index, d) in dx.indexed_iter_mut() {
        let moved = |v| {
            let mut batch = batch.clone();
            batch.x[index] = v;
            batch
        };
        *d = central(batch.x[index], step::<F>() * scale[index.1], &moved);
    }
    let (mut dgamma, mut dbeta) = (batch.gamma.clone(), batch.beta.clone());
    for c in 0..batch.channels_count() {
        let moved = |v| {
            let mut batch = batch.clone();
            batch.gamma[c] = v;
            batch
        };
        dgamma[c] = central(batch.gamma[c], step::<F>(), &moved);
        let moved = |v| {
            let mut batch = batch.clone();
            batch.beta[c] = v;
            batch
        };
        dbeta[c] = central(batch.beta[c], step::<F>(), &moved);
    }
    Gradients { x: dx, gamma: dgamma, beta: dbeta }
}
