//! Ghost batch normalization (E. Hoffer, I. Hubara, D. Soudry, "Train longer, generalize better: closing
//! the generalization gap in large batch training of neural networks", NeurIPS 2017, arXiv 1705.08741,
//! Algorithm 1).

use super::batch_norm::BatchNorm;
use super::channelwise::{Statistics, Sums};
use super::error::{Error, Result};
use super::norm::{Gradients, check_shape, row_major, slice, slice_mut};
use super::population::Population;
use super::scalar::Scalar;
use super::split::{Plan, Split};
use ndarray::{Array, ArrayRef, Dimension};
use std::ops::Range;

/// Batch normalization of `[N, C, …]` in chunks of the batch, each normalized by itself: a large batch
/// keeps the noise in its statistics that small ones have.
///
/// N samples are parted into the fewest chunks of no more than `chunk` neighbours, of sizes as equal as
/// they can be: 9 samples in chunks of at most 4 are 3 + 3 + 3. (The paper has N a multiple of the chunk
/// size. To cut off full chunks and leave a rest, here of one sample, would normalize that rest by next to
/// nothing.)
///
/// The running statistics take a step for each chunk, in the order of the batch. At inference,
/// `ghost.layer.freeze()`, there are no chunks any more.
///
/// ```
/// use batchnorm::{batch_norm::{BatchNorm, Config}, ghost_batch_norm::GhostBatchNorm};
/// use ndarray::array;
///
/// let layer = BatchNorm::with(1, Config { eps: 0.0, ..Config::default() })?;
/// let mut ghost = GhostBatchNorm::new(layer, 2)?;
/// let (y, tape) = ghost.train(array![[1.0], [3.0], [100.0], [300.0]])?;
/// assert_eq!(y, array![[-1.0], [1.0], [-1.0], [1.0]]);        // each pair by itself
/// let gradients = tape.backward(&array![[1.0], [0.0], [0.5], [2.0]])?;
/// assert_eq!((gradients.gamma, gradients.beta), (array![0.5], array![3.5]));
/// assert_eq!(ghost.layer.batches(), 2);
/// # Ok::<(), batchnorm::error::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct GhostBatchNorm<F> {
    /// The layer that each chunk goes through, with γ, β and the running statistics.
    pub layer: BatchNorm<F>,
    chunk: usize,
}

impl<F: Scalar> GhostBatchNorm<F> {
    /// This layer, in chunks of no more than `chunk` samples.
    ///
    /// # Errors
    /// [`Error::TooFewValues`] for chunks of no sample.
    pub fn new(layer: BatchNorm<F>, chunk: usize) -> Result<Self> {
        if chunk == 0 {
            return Err(Error::TooFewValues { need: 1, got: 0 });
        }
        Ok(GhostBatchNorm { layer, chunk })
    }

    /// The samples of each chunk of a batch of `n`.
    pub fn chunks(&self, n: usize) -> impl Iterator<Item = Range<usize>> + use<F> {
        let count = n.div_ceil(self.chunk);
        // i·n/count without an overflow.
        let start = move |i: usize| n / count * i + (n % count).min(i);
        (0..count).map(move |i| start(i)..start(i + 1))
    }

    // ANCHOR: train
    /// Normalizes each chunk by its own statistics, with the γ and β of the layer, and moves the running
    /// statistics once for each.
    ///
    /// # Errors
    /// Those of [`BatchNorm::train`], each of which may be due to one chunk; none of them moves the
    /// running statistics.
    pub fn train<D: Dimension>(&mut self, x: Array<F, D>) -> Result<(Array<F, D>, Tape<F, D>)> {
        let split = Plan::batch(x.shape())?.statistics();
        self.layer.check_channels(split.kept)?;
        let x = row_major(x);
        let mut y = Vec::with_capacity(x.len());
        let (parameters, mut chunks) = (self.layer.parameters(), Vec::new());
        for samples in self.chunks(split.outer) {
            let chunk = Chunk::new(split, samples)?;
            let values = &slice(&x)[chunk.place.clone()];
            let population = Population::of_slice(values, chunk.plan);
            let statistics = Statistics::new(&population, self.layer.config().eps)?;
            y.extend(statistics.forward(values, chunk.plan, &parameters));
            chunks.push((chunk, statistics));
        }
        let y = Array::from_shape_vec(x.raw_dim(), y).expect("as many values as x");
        for (_, statistics) in &chunks {
            self.layer.follow(statistics.means().zip(statistics.vars()), statistics.count());
        }
        let [gamma, _] = parameters;
        Ok((y, Tape { x, chunks, gamma }))
    }
    // ANCHOR_END: train
}

/// Neighbouring samples, and where they lie.
#[derive(Clone, Debug)]
struct Chunk {
    plan: Plan,
    place: Range<usize>,
}

impl Chunk {
    fn new(whole: Split, samples: Range<usize>) -> Result<Self> {
        let plan = Plan::batch(&[samples.len(), whole.kept, whole.inner])?;
        let size = whole.kept * whole.inner;
        Ok(Chunk { plan, place: samples.start * size..samples.end * size })
    }
}

/// What the backward pass needs: x, and the statistics of each chunk.
#[derive(Clone, Debug)]
#[must_use = "the tape is what `backward` is called on"]
pub struct Tape<F: Scalar, D: Dimension> {
    x: Array<F, D>,
    chunks: Vec<(Chunk, Statistics<F>)>,
    gamma: Vec<F::Wide>,
}

impl<F: Scalar, D: Dimension> Tape<F, D> {
    /// With g = ∂L/∂y, and ⟨·⟩ for the mean over the m values of a chunk:
    ///
    /// dx = (γ/s)(g − ⟨g⟩ − x̂ ⟨g x̂⟩) in each chunk,  dγ = Σ g x̂ and dβ = Σ g over all of them.
    ///
    /// # Errors
    /// [`Error::Shape`] if `dy` does not have the shape of the output.
    pub fn backward(self, dy: &ArrayRef<F, D>) -> Result<Gradients<F, D>> {
        let Tape { mut x, chunks, gamma } = self;
        check_shape("dy", x.shape(), dy.shape())?;
        let g = dy.as_standard_layout();
        let g = g.as_slice().expect("made row-major one line above");
        let mut all = Sums::zero(gamma.len());
        for (Chunk { plan, place }, statistics) in chunks {
            let (x, g) = (&mut slice_mut(&mut x)[place.clone()], &g[place]);
            let sums = statistics.sums(x, g, plan);
            statistics.backward(x, g, plan, &gamma, &sums);
            all.add(&sums)?;
        }
        Ok(Gradients { x, gamma: all.gamma(), beta: all.beta() })
    }
}
