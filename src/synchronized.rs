//! Synchronized batch normalization: one batch in shards, on several devices, normalized as one (H. Zhang,
//! K. Dana, J. Shi et al., "Context Encoding for Semantic Segmentation", CVPR 2018, arXiv 1803.08904;
//! C. Peng, T. Xiao, Z. Li et al., "MegDet", CVPR 2018, arXiv 1711.07240).

use super::batch_norm::BatchNorm;
use super::channelwise::{Shard, Statistics, Sums};
use super::error::Result;
use super::norm::check_length;
use super::population::Population;
use super::scalar::Scalar;
use ndarray::{Array, Array1, Dimension};

// ANCHOR: train
/// Normalizes the shards of a batch, each `[Nᵢ, C, …]`, by the statistics of the whole batch, and moves
/// the running statistics of the layer. The output and the gradients are those of the layer on the
/// shards put together along the first axis.
///
/// What the shards have to tell each other is a [`Population`] forward, and [`Sums`] backward: count, mean
/// and M₂, then Σ g and Σ g·x̂, so 2C numbers each way and a count. [`forward`] and the methods of
/// [`Shard`] are the halves before and after the exchange, for devices that have a shard each.
///
/// ```
/// use batchnorm::{batch_norm::BatchNorm, synchronized};
/// use ndarray::array;
///
/// let mut bn = BatchNorm::<f64>::new(1);
/// let shards = vec![array![[1.0]], array![[2.0], [3.0], [6.0]]];           // of unlike sizes
/// let (y, tape) = synchronized::train(&mut bn, shards)?;
/// let (whole, _) = BatchNorm::new(1).train(array![[1.0], [2.0], [3.0], [6.0]])?;
/// assert_eq!((y[0][[0, 0]], y[1][[2, 0]]), (whole[[0, 0]], whole[[3, 0]]));
/// let gradients = tape.backward(&[array![[1.0]], array![[0.0], [0.5], [2.0]]])?;
/// assert_eq!(gradients.beta, array![3.5]);
/// # Ok::<(), batchnorm::error::Error>(())
/// ```
///
/// # Errors
/// Those of [`BatchNorm::train`], of which the least number of values is a matter of the whole batch: a
/// shard may have one.
pub fn train<F: Scalar, D: Dimension>(
    bn: &mut BatchNorm<F>,
    shards: Vec<Array<F, D>>,
) -> Result<(Tensors<F, D>, Shards<F, D>)> {
    bn.check_channels(bn.channels())?;
    let mut whole = Population::empty(bn.channels());
    for shard in &shards {
        whole.add(shard)?;
    }
    let statistics = Statistics::new(&whole, bn.config().eps)?;
    let each = shards.into_iter().map(|x| forward(bn, x, &statistics));
    let (y, shards) = each.collect::<Result<Vec<_>>>()?.into_iter().unzip();
    bn.follow(statistics.means().zip(statistics.vars()), statistics.count());
    Ok((y, Shards { shards, channels: bn.channels() }))
}

/// Normalizes one shard by the statistics of the whole batch: y = γ x̂ + β. The layer's running statistics
/// stay where they are.
///
/// # Errors
/// Those of the shapes, as [`BatchNorm::train`].
pub fn forward<F: Scalar, D: Dimension>(
    bn: &BatchNorm<F>,
    x: Array<F, D>,
    whole: &Statistics<F>,
) -> Result<(Array<F, D>, Shard<F, D>)> {
    bn.check_channels(whole.channels())?;
    Shard::forward(x, whole.clone(), bn.parameters())
}
// ANCHOR_END: train

/// A tensor for each shard.
pub type Tensors<F, D> = Vec<Array<F, D>>;

/// All shards of a batch, for the backward pass.
#[derive(Clone, Debug)]
#[must_use = "the tape is what `backward` is called on"]
pub struct Shards<F: Scalar, D: Dimension> {
    shards: Vec<Shard<F, D>>,
    channels: usize,
}

/// The gradients of the loss with respect to each shard and to the parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradients<F, D: Dimension> {
    /// ∂L/∂x of each shard.
    pub x: Tensors<F, D>,
    /// ∂L/∂γ = Σ g x̂, over all shards.
    pub gamma: Array1<F>,
    /// ∂L/∂β = Σ g, over all shards.
    pub beta: Array1<F>,
}

impl<F: Scalar, D: Dimension> Shards<F, D> {
    // ANCHOR: backward
    /// The gradients, from the g = ∂L/∂y of each shard: with ⟨·⟩ the mean over the whole batch,
    ///
    /// dx = (γ/s)(g − ⟨g⟩ − x̂ ⟨g x̂⟩),  dγ = Σ g x̂,  dβ = Σ g.
    ///
    /// # Errors
    /// [`Error::Length`](super::error::Error::Length) if there are not as many as shards,
    /// [`Error::Shape`](super::error::Error::Shape) if one does not have the shape of its output.
    pub fn backward(self, dy: &[Array<F, D>]) -> Result<Gradients<F, D>> {
        check_length("shards", self.shards.len(), dy.len())?;
        let mut all = Sums::zero(self.channels);
        for (shard, dy) in self.shards.iter().zip(dy) {
            all.add(&shard.sums(dy)?)?;
        }
        let x = self.shards.into_iter().zip(dy).map(|(shard, dy)| shard.backward(dy, &all));
        let x = x.collect::<Result<_>>()?;
        Ok(Gradients { x, gamma: all.gamma(), beta: all.beta() })
    }
    // ANCHOR_END: backward
}
