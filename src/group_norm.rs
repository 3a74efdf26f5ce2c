//! Group normalization (Y. Wu, K. He, "Group Normalization", ECCV 2018, arXiv 1803.08494).

use super::error::Result;
use super::norm::{self, Tape, check_eps, check_length};
use super::scalar::Scalar;
use super::split::{Plan, check_groups};
use ndarray::{Array, Array1, Dimension};

/// Group normalization of `[N, C, …]`: the channels of each sample are parted into G groups of C/G
/// neighbours, and each group is normalized by itself.
///
/// Over the m = (C/G)·(product of the further axes) values of a group of one sample:
///
/// μ = (1/m) Σ x,  v = (1/m) Σ (x−μ)²,  x̂ = (x−μ)/√(v+ε),  y = γ x̂ + β,
///
/// with a γ and a β for each channel. No sample sees another, so training and inference are the same
/// function, and the batch may be as small as it likes. One group is layer normalization over the
/// channels; as many groups as channels is instance normalization.
///
/// ```
/// use batchnorm::group_norm::GroupNorm;
/// use ndarray::array;
///
/// let gn = GroupNorm::new(2, 4, 0.0)?;                            // 4 channels in 2 groups, ε = 0
/// let (y, tape) = gn.forward(array![[1.0, 3.0, 10.0, 50.0]])?;    // one sample
/// assert_eq!(y, array![[-1.0, 1.0, -1.0, 1.0]]);
/// let gradients = tape.backward(&array![[0.5, 2.0, -1.0, 0.0]])?;
/// assert_eq!(gradients.gamma, array![-0.5, 2.0, 1.0, 0.0]);
/// # Ok::<(), batchnorm::error::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct GroupNorm<F> {
    /// γ, one for each channel: 1 at first. Set it to `None` for a layer without.
    pub gamma: Option<Array1<F>>,
    /// β, one for each channel: 0 at first. Set it to `None` for a layer without.
    pub beta: Option<Array1<F>>,
    groups: usize,
    channels: usize,
    eps: F,
}

impl<F: Scalar> GroupNorm<F> {
    /// A layer for `channels` channels in `groups` groups. (Wu & He use 32 groups, and PyTorch ε = 1e-5.)
    ///
    /// # Errors
    /// [`Error::Groups`](super::error::Error::Groups) if the groups do not divide the channels,
    /// [`Error::Eps`](super::error::Error::Eps) if ε is negative or not finite.
    pub fn new(groups: usize, channels: usize, eps: F) -> Result<Self> {
        check_groups(groups, channels)?;
        check_eps(eps)?;
        let (gamma, beta) =
            (Array1::from_elem(channels, F::ONE), Array1::from_elem(channels, F::ZERO));
        Ok(GroupNorm { gamma: Some(gamma), beta: Some(beta), groups, channels, eps })
    }

    // ANCHOR: forward
    /// y, in the shape of x, which is `[N, C, …]`; and the tape for the backward pass.
    ///
    /// # Errors
    /// [`Error::Rank`](super::error::Error::Rank) below two axes,
    /// [`Error::Empty`](super::error::Error::Empty) for an axis of length zero,
    /// [`Error::Length`](super::error::Error::Length) if the channels are not those of the layer,
    /// [`Error::TooFewValues`](super::error::Error::TooFewValues) for one value per mean,
    /// [`Error::ZeroVariance`](super::error::Error::ZeroVariance) for a constant group with ε = 0.
    pub fn forward<D: Dimension>(&self, x: Array<F, D>) -> Result<(Array<F, D>, Tape<F, D>)> {
        let plan = self.plan(x.shape())?;
        norm::forward(x, plan, self.gamma.as_ref(), self.beta.as_ref(), self.eps)
    }
    // ANCHOR_END: forward

    pub(crate) fn plan(&self, shape: &[usize]) -> Result<Plan> {
        let plan = Plan::group(shape, self.groups)?;
        check_length("channels", self.channels, plan.parameters().kept)?;
        plan.enough_values()
    }
}
