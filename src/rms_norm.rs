//! RMS normalization (B. Zhang, R. Sennrich, "Root Mean Square Layer Normalization", NeurIPS 2019, arXiv
//! 1910.07467).

use super::error::Result;
use super::norm::{self, Tape, check_eps, check_shape};
use super::scalar::Scalar;
use super::split::Plan;
use ndarray::{Array, Array1, Dimension};

/// RMS normalization of `[…, D]`: each position is divided by its root mean square, and nothing is
/// subtracted.
///
/// r = √((1/D) Σ x² + ε),  x̂ = x/r,  y = γ x̂,
///
/// with a γ for each of the D features. On values whose mean is 0 it is layer normalization without β.
///
/// ```
/// use batchnorm::rms_norm::RmsNorm;
/// use ndarray::array;
///
/// let rms = RmsNorm::new(2, 0.0)?;                                // 2 features, ε = 0
/// let (y, _) = rms.forward(array![[1.0, 7.0]])?;                  // (1 + 49)/2 = 5²
/// assert_eq!(y, array![[0.2, 1.4]]);
/// # Ok::<(), batchnorm::error::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct RmsNorm<F> {
    /// γ, one for each feature: 1 at first. Set it to `None` for a layer without.
    pub gamma: Option<Array1<F>>,
    features: usize,
    eps: F,
}

impl<F: Scalar> RmsNorm<F> {
    /// A layer over the last axis, of length `features`. (Keras uses ε = 1e-6; PyTorch, unless told
    /// otherwise, the machine epsilon of the type it computes in.)
    ///
    /// # Errors
    /// [`Error::Eps`](super::error::Error::Eps) if ε is negative or not finite.
    pub fn new(features: usize, eps: F) -> Result<Self> {
        check_eps(eps)?;
        Ok(RmsNorm { gamma: Some(Array1::from_elem(features, F::ONE)), features, eps })
    }

    // ANCHOR: forward
    /// y, in the shape of x, which is `[…, D]`; and the tape for the backward pass.
    ///
    /// dx = (g̃ − x̂ ⟨g̃ x̂⟩)/r with g̃ = γ g: the gradient of layer normalization without its ⟨g̃⟩.
    ///
    /// # Errors
    /// [`Error::Rank`](super::error::Error::Rank) without an axis,
    /// [`Error::Empty`](super::error::Error::Empty) for an axis of length zero,
    /// [`Error::Shape`](super::error::Error::Shape) if the last axis is not that of the layer,
    /// [`Error::ZeroVariance`](super::error::Error::ZeroVariance) for zeros only with ε = 0.
    pub fn forward<D: Dimension>(&self, x: Array<F, D>) -> Result<(Array<F, D>, Tape<F, D>)> {
        let plan = self.plan(x.shape())?;
        norm::forward(x, plan, self.gamma.as_ref(), None, self.eps)
    }

    pub(crate) fn plan(&self, shape: &[usize]) -> Result<Plan> {
        let plan = Plan::trailing(shape, 1)?.uncentred();
        check_shape("the last axis", &[self.features], &shape[shape.len() - 1..])?;
        Ok(plan)
    }
    // ANCHOR_END: forward
}
