//! Layer normalization (J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer Normalization", arXiv 1607.06450,
//! 2016).

use super::error::{Error, Result};
use super::norm::{self, Tape, check_eps, check_length, check_shape};
use super::scalar::Scalar;
use super::split::Plan;
use ndarray::{Array, Array1, Dimension};

/// Layer normalization: each sample, or each position of it, is normalized by itself.
///
/// μ = (1/m) Σ x,  v = (1/m) Σ (x−μ)²,  x̂ = (x−μ)/√(v+ε),  y = γ x̂ + β,
///
/// where the m values that share a mean are, by the constructor,
///
/// - [`new`](Self::new): the last axis, as in transformers; `[…, D]` has a mean for each position and a
///   γ and a β for each of the D features;
/// - [`over_axes`](Self::over_axes): the last few axes together, as PyTorch's `normalized_shape`;
/// - [`over_channels`](Self::over_channels): all but the first axis of `[N, C, …]`, with a γ and a β for
///   each channel: group normalization with one group.
///
/// No sample sees another, so training and inference are the same function.
///
/// ```
/// use batchnorm::layer_norm::LayerNorm;
/// use ndarray::array;
///
/// let ln = LayerNorm::new(4, 2.5)?;                               // 4 features, a large ε
/// let (y, tape) = ln.forward(array![[1.0, 1.0, 4.0, 10.0]])?;     // one sample is enough
/// assert_eq!(y, array![[-0.75, -0.75, 0.0, 1.5]]);
/// let gradients = tape.backward(&array![[4.0, 0.0, 0.0, 0.0]])?;
/// assert_eq!(gradients.gamma, array![-3.0, 0.0, 0.0, 0.0]);
/// # Ok::<(), batchnorm::error::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct LayerNorm<F> {
    /// γ, one for each feature or channel: 1 at first. Set it to `None` for a layer without.
    pub gamma: Option<Array1<F>>,
    /// β, one for each feature or channel: 0 at first. Set it to `None` for a layer without.
    pub beta: Option<Array1<F>>,
    over: Over,
    eps: F,
}

/// What a mean is taken over.
#[derive(Clone, Debug)]
enum Over {
    /// The last axes, of these lengths.
    Axes(Vec<usize>),
    /// All axes of `[N, C, …]` but the first; this many channels.
    Channels(usize),
}

impl<F: Scalar> LayerNorm<F> {
    /// A layer over the last axis, of length `features`. (PyTorch uses ε = 1e-5.)
    ///
    /// # Errors
    /// [`Error::Eps`] if ε is negative or not finite.
    pub fn new(features: usize, eps: F) -> Result<Self> {
        Self::over_axes(&[features], eps)
    }

    /// A layer over the last axes together, of these lengths.
    ///
    /// # Errors
    /// As [`new`](Self::new); [`Error::Rank`] if no axis is named.
    pub fn over_axes(lengths: &[usize], eps: F) -> Result<Self> {
        if lengths.is_empty() {
            return Err(Error::Rank { need: 1, got: 0 });
        }
        Self::with(Over::Axes(lengths.to_vec()), lengths.iter().product(), eps)
    }

    /// A layer over all axes of `[N, C, …]` but the first, for `channels` channels.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn over_channels(channels: usize, eps: F) -> Result<Self> {
        Self::with(Over::Channels(channels), channels, eps)
    }

    fn with(over: Over, parameters: usize, eps: F) -> Result<Self> {
        check_eps(eps)?;
        let (gamma, beta) =
            (Array1::from_elem(parameters, F::ONE), Array1::from_elem(parameters, F::ZERO));
        Ok(LayerNorm { gamma: Some(gamma), beta: Some(beta), over, eps })
    }

    // ANCHOR: forward
    /// y, in the shape of x; and the tape for the backward pass.
    ///
    /// # Errors
    /// [`Error::Rank`] for too few axes, [`Error::Empty`] for an axis of length zero, [`Error::Length`] or
    /// [`Error::Shape`] if channels or last axes are not those of the layer, [`Error::TooFewValues`] for
    /// one value per mean, [`Error::ZeroVariance`] for values that are all equal with ε = 0.
    pub fn forward<D: Dimension>(&self, x: Array<F, D>) -> Result<(Array<F, D>, Tape<F, D>)> {
        let plan = self.plan(x.shape())?;
        norm::forward(x, plan, self.gamma.as_ref(), self.beta.as_ref(), self.eps)
    }
    // ANCHOR_END: forward

    pub(crate) fn plan(&self, shape: &[usize]) -> Result<Plan> {
        let plan = match &self.over {
            Over::Channels(channels) => {
                let plan = Plan::layer(shape)?;
                check_length("channels", *channels, plan.parameters().kept)?;
                plan
            }
            Over::Axes(lengths) => {
                let plan = Plan::trailing(shape, lengths.len())?;
                check_shape("the last axes", lengths, &shape[shape.len() - lengths.len()..])?;
                plan
            }
        };
        plan.enough_values()
    }
}
