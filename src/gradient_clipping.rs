//! Adaptive gradient clipping (A. Brock, S. De, S. L. Smith, K. Simonyan, "High-Performance Large-Scale
//! Image Recognition Without Normalization", ICML 2021, arXiv 2102.06171).

use super::error::{Error, Result};
use super::norm::{check_eps, check_shape};
use super::rows::{Length, rows};
use super::scalar::Scalar;
use ndarray::{ArrayRef, Dimension};

/// Adaptive gradient clipping: no step may be large *for the weights that it moves*.
///
/// For each unit, with its weights w and their gradient g, and the bound b = λ max(‖w‖, ε):
///
/// g ← g · b/‖g‖  where ‖g‖ > b,  and g as it is elsewhere.
///
/// A unit is a row of weights `[out, …]`; all of a vector (a bias, a γ) or of a scalar is one unit. The paper
/// has ε = 1e-3, so that weights of zero can begin to move, and λ between 0.01 and 0.16, smaller for larger
/// batches; it does not clip the last linear layer.
///
/// ```
/// use batchnorm::gradient_clipping::AdaptiveClipping;
/// use ndarray::array;
///
/// let weight = array![[3.0, 4.0], [0.6, 0.8]];                    // rows of length 5 and 1
/// let mut gradient = array![[0.3, 0.4], [3.0, 4.0]];              // of length 0.5 and 5
/// let clipped = AdaptiveClipping::new(0.5, 1e-3)?.clip(&weight, &mut gradient)?;
/// assert_eq!(clipped, 1);
/// assert_eq!(gradient, array![[0.3, 0.4], [0.3, 0.4]]);           // as it was; scaled to λ·1 = 0.5
/// # Ok::<(), batchnorm::error::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdaptiveClipping<F> {
    ratio: F,
    eps: F,
}

impl<F: Scalar> AdaptiveClipping<F> {
    /// Clipping at the `ratio` λ.
    ///
    /// # Errors
    /// [`Error::Negative`] or [`Error::Eps`] if λ or ε is negative or not finite.
    pub fn new(ratio: F, eps: F) -> Result<Self> {
        let got = ratio.to_f64();
        if !(got.is_finite() && got >= 0.0) {
            return Err(Error::Negative { what: "ratio", got });
        }
        check_eps(eps)?;
        Ok(AdaptiveClipping { ratio, eps })
    }

    // ANCHOR: clip
    /// Clips the gradient of these weights in place; returns how many units were clipped.
    ///
    /// # Errors
    /// [`Error::Shape`] if the gradient does not have the shape of the weights, [`Error::Empty`] for an axis
    /// of length zero.
    pub fn clip<D: Dimension>(
        &self,
        weight: &ArrayRef<F, D>,
        gradient: &mut ArrayRef<F, D>,
    ) -> Result<usize> {
        check_shape("gradient", weight.shape(), gradient.shape())?;
        let (_, fan_in) = match weight.ndim() {
            0 | 1 => rows(&[1, weight.len()])?,
            _ => rows(weight.shape())?,
        };
        let w: Vec<F> = weight.iter().copied().collect();
        let mut g: Vec<F> = gradient.iter().copied().collect();
        let mut clipped = 0;
        for (w, g) in w.chunks(fan_in).zip(g.chunks_mut(fan_in)) {
            let (of_w, of_g) = (Length::of(w), Length::of(g));
            let small = of_w.get().to_f64() < self.eps.to_f64();
            let bound = self.ratio.widen() * if small { self.eps.widen() } else { of_w.wide() };
            if of_g.get().to_f64() > F::narrow(bound).to_f64() {
                g.iter_mut().for_each(|g| *g = F::narrow(bound * of_g.direction(*g)));
                clipped += 1;
            }
        }
        gradient.iter_mut().zip(g).for_each(|(to, g)| *to = g);
        Ok(clipped)
    }
    // ANCHOR_END: clip
}
