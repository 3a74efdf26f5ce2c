//! Instance normalization (D. Ulyanov, A. Vedaldi, V. Lempitsky, "Instance Normalization: The Missing
//! Ingredient for Fast Stylization", arXiv 1607.08022, 2016).

use super::error::Result;
use super::norm::{self, Tape, check_eps, check_length};
use super::scalar::Scalar;
use super::split::Plan;
use ndarray::{Array, Array1, Dimension};

/// Instance normalization of `[N, C, …]`: each channel of each sample is normalized by itself.
///
/// Over the m = (product of the further axes) values of a channel of one sample:
///
/// μ = (1/m) Σ x,  v = (1/m) Σ (x−μ)²,  x̂ = (x−μ)/√(v+ε),  y = γ x̂ + β,
///
/// with a γ and a β for each channel. Brightness and contrast of an image do not get through it: that
/// is what it is for. (PyTorch's layer has no γ and β unless asked.)
///
/// ```
/// use batchnorm::instance_norm::InstanceNorm;
/// use ndarray::array;
///
/// let norm = InstanceNorm::new(1, 0.0)?;                          // one channel, ε = 0
/// let image = array![[[1.0, 3.0]], [[100.0, 300.0]]];             // two images of two pixels
/// let (y, _) = norm.forward(image)?;
/// assert_eq!(y, array![[[-1.0, 1.0]], [[-1.0, 1.0]]]);            // the contrast is gone
/// # Ok::<(), batchnorm::error::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct InstanceNorm<F> {
    /// γ, one for each channel: 1 at first. Set it to `None` for a layer without.
    pub gamma: Option<Array1<F>>,
    /// β, one for each channel: 0 at first. Set it to `None` for a layer without.
    pub beta: Option<Array1<F>>,
    channels: usize,
    eps: F,
}

impl<F: Scalar> InstanceNorm<F> {
    /// A layer for `channels` channels. (PyTorch uses ε = 1e-5.)
    ///
    /// # Errors
    /// [`Error::Eps`](super::error::Error::Eps) if ε is negative or not finite.
    pub fn new(channels: usize, eps: F) -> Result<Self> {
        check_eps(eps)?;
        let (gamma, beta) =
            (Array1::from_elem(channels, F::ONE), Array1::from_elem(channels, F::ZERO));
        Ok(InstanceNorm { gamma: Some(gamma), beta: Some(beta), channels, eps })
    }

    // ANCHOR: forward
    /// y, in the shape of x, which is `[N, C, …]`; and the tape for the backward pass.
    ///
    /// # Errors
    /// [`Error::Rank`](super::error::Error::Rank) below two axes,
    /// [`Error::Empty`](super::error::Error::Empty) for an axis of length zero,
    /// [`Error::Length`](super::error::Error::Length) if the channels are not those of the layer,
    /// [`Error::TooFewValues`](super::error::Error::TooFewValues) for one value per mean: `[N, C]`, or
    /// images of one pixel,
    /// [`Error::ZeroVariance`](super::error::Error::ZeroVariance) for a constant channel with ε = 0.
    pub fn forward<D: Dimension>(&self, x: Array<F, D>) -> Result<(Array<F, D>, Tape<F, D>)> {
        let plan = Plan::instance(x.shape())?;
        check_length("channels", self.channels, plan.parameters().kept)?;
        let plan = plan.enough_values()?;
        norm::forward(x, plan, self.gamma.as_ref(), self.beta.as_ref(), self.eps)
    }
    // ANCHOR_END: forward
}
