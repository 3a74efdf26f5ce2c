//! Weight standardization (S. Qiao, H. Wang, C. Liu, W. Shen, A. Yuille, "Micro-Batch Training with
//! Batch-Channel Normalization and Weight Standardization", arXiv 1903.10520, 2019).

use super::error::Result;
use super::norm::{self, Tape, check_eps};
use super::rows::rows;
use super::scalar::Scalar;
use super::split::Plan;
use ndarray::{Array, Dimension};

/// Weight standardization: the weights `[out, …]` of each output get mean 0 and variance 1,
///
/// Ŵ = (W − μ)/√(v + ε),  μ and v over the fan_in weights of a row,
///
/// and Ŵ is what the layer computes with. It is batch normalization's forward pass on the rows of weights,
/// without γ and β: a normalization of the activations follows the layer.
///
/// No data take part: training and inference are the same function. For inference Ŵ is computed once, and
/// is the plain weights of the layer from then on.
///
/// ```
/// use batchnorm::weight_standardization::WeightStandardization;
/// use ndarray::array;
///
/// let standardization = WeightStandardization::new(0.5)?;
/// let (weight, tape) = standardization.forward(array![[1.0, 2.0, 3.0, 6.0]])?;
/// assert_eq!(weight, array![[-1.0, -0.5, 0.0, 1.5]]);
/// let gradients = tape.backward(&array![[4.0, 0.0, 0.0, 0.0]])?;
/// assert_eq!(gradients.x, array![[1.0, -0.75, -0.5, 0.25]]);
/// # Ok::<(), batchnorm::error::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WeightStandardization<F> {
    eps: F,
}

impl<F: Scalar> WeightStandardization<F> {
    /// Standardization with this ε; 1e-5 is usual.
    ///
    /// # Errors
    /// [`Error::Eps`](super::error::Error::Eps) if ε is negative or not finite.
    pub fn new(eps: F) -> Result<Self> {
        check_eps(eps)?;
        Ok(WeightStandardization { eps })
    }

    // ANCHOR: forward
    /// Ŵ, in the shape of the weights, which are `[out, …]`; and the tape, whose `backward` takes ∂L/∂Ŵ to
    /// ∂L/∂W, which it calls `x`: with G for the former,
    ///
    /// dW = (G − ⟨G⟩ − Ŵ ⟨G Ŵ⟩)/√(v + ε).
    ///
    /// # Errors
    /// [`Error::Rank`](super::error::Error::Rank) below two axes,
    /// [`Error::Empty`](super::error::Error::Empty) for an axis of length zero,
    /// [`Error::TooFewValues`](super::error::Error::TooFewValues) for one weight per row,
    /// [`Error::ZeroVariance`](super::error::Error::ZeroVariance) for a row of equal weights with ε = 0.
    pub fn forward<D: Dimension>(&self, weight: Array<F, D>) -> Result<(Array<F, D>, Tape<F, D>)> {
        let (out, fan_in) = rows(weight.shape())?;
        let plan = Plan::instance(&[1, out, fan_in])?.enough_values()?;
        norm::forward(weight, plan, None, None, self.eps)
    }
    // ANCHOR_END: forward
}
