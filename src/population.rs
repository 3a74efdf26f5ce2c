//! Mean and variance of every channel of data that come in parts: a data set in batches, a batch in
//! shards.

use super::error::{Error, Result};
use super::norm::{Spread, check_length};
use super::scalar::{Field, Scalar};
use super::split::Plan;
use ndarray::{Array1, ArrayRef, Dimension};

// ANCHOR: population
/// For each channel of `[N, C, …]`: how many values, their mean, and M₂ = Σ(x − mean)².
///
/// The parts may be of any sizes and may come in any order; what they merge to is the mean and the
/// variance of all values together. (To average the variances of the parts is another thing: it misses
/// how far the means of the parts are apart.)
///
/// One use is to estimate the running statistics of a [`BatchNorm`](super::batch_norm::BatchNorm) anew
/// when its weights have stopped moving: an exponential average remembers batches that older weights
/// made (Y. Wu, J. Johnson, "Rethinking 'Batch' in BatchNorm", arXiv 2105.07576, 2021, sec. 3). The
/// inputs of one layer after the other are gathered, each with all layers before it already estimated:
///
/// ```
/// use batchnorm::{batch_norm::BatchNorm, population::Population};
/// use ndarray::array;
///
/// let mut set = Population::empty(1);
/// for batch in [array![[1.0], [2.0], [3.0]], array![[6.0], [8.0], [10.0]], array![[12.0], [14.0], [16.0]]] {
///     set.add(&batch)?;
/// }
/// let mut bn = BatchNorm::<f64>::new(1);
/// (bn.running_mean, bn.running_var) = (set.mean()?, set.unbiased_variance()?);
/// assert_eq!((bn.running_mean[0], bn.running_var[0]), (8.0, 29.25));
/// # Ok::<(), batchnorm::error::Error>(())
/// ```
///
/// The other is to share statistics between the shards of a batch: [`synchronized`](super::synchronized).
#[derive(Clone, Debug, PartialEq)]
pub struct Population<F: Scalar> {
    count: usize,
    channels: Vec<Spread<F>>,
}

impl<F: Scalar> Population<F> {
    /// No value yet, of so many channels.
    pub fn empty(channels: usize) -> Self {
        let nothing = Spread { unit: F::ONE, mean: F::Wide::ZERO, m2: F::Wide::ZERO };
        Population { count: 0, channels: vec![nothing; channels] }
    }

    /// The values of one part, of shape `[N, C, …]`.
    ///
    /// # Errors
    /// [`Error::Rank`] below two axes, [`Error::Empty`] for an axis of length zero.
    pub fn of<D: Dimension>(x: &ArrayRef<F, D>) -> Result<Self> {
        let plan = Plan::batch(x.shape())?;
        let x = x.as_standard_layout();
        Ok(Self::of_slice(x.as_slice().expect("made row-major one line above"), plan))
    }

    /// Adds the values of one part, of shape `[N, C, …]`.
    ///
    /// # Errors
    /// As [`of`](Self::of), and [`Error::Length`] if the part has other channels.
    pub fn add<D: Dimension>(&mut self, x: &ArrayRef<F, D>) -> Result<()> {
        self.merge(&Self::of(x)?)
    }

    /// Adds all values of another population (T. F. Chan, G. H. Golub, R. J. LeVeque, 1979): with δ the
    /// difference of the two means,
    ///
    /// mean = mean_A + δ n_B/n,  M₂ = M₂_A + M₂_B + δ² n_A n_B/n.
    ///
    /// # Errors
    /// [`Error::Length`] if it has other channels.
    pub fn merge(&mut self, other: &Population<F>) -> Result<()> {
        check_length("channels", self.channels.len(), other.channels.len())?;
        if self.count == 0 {
            self.clone_from(other);
        } else {
            let [a, b] = [self.count, other.count].map(F::Wide::count);
            let n = a + b;
            for (one, other) in self.channels.iter_mut().zip(&other.channels) {
                // The larger unit; but zeros have no size, and so none.
                let larger = one.unit.to_f64() >= other.unit.to_f64();
                let ours = other.is_zero() || larger && !one.is_zero();
                let unit = if ours { one.unit } else { other.unit };
                let [left, right] = [*one, *other].map(|part| part.in_unit(unit));
                let delta = right.mean - left.mean;
                let mean = left.mean + delta * (b / n);
                *one = Spread { unit, mean, m2: left.m2 + right.m2 + delta * delta * (a * b / n) };
            }
            self.count += other.count;
        }
        Ok(())
    }
    // ANCHOR_END: population

    /// How many values each channel has.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The mean of each channel.
    ///
    /// # Errors
    /// [`Error::TooFewValues`] without a value.
    pub fn mean(&self) -> Result<Array1<F>> {
        self.need(1)?;
        Ok(self.channels.iter().map(|c| F::narrow(c.mean * c.unit.widen())).collect())
    }

    /// M₂/n of each channel: what Keras, Flax, ONNX and burn keep.
    ///
    /// # Errors
    /// [`Error::TooFewValues`] without a value.
    pub fn biased_variance(&self) -> Result<Array1<F>> {
        self.divided_by_all_but(0)
    }

    /// M₂/(n − 1) of each channel: what PyTorch and candle keep.
    ///
    /// # Errors
    /// [`Error::TooFewValues`] below two values.
    pub fn unbiased_variance(&self) -> Result<Array1<F>> {
        self.divided_by_all_but(1)
    }

    fn divided_by_all_but(&self, left_out: usize) -> Result<Array1<F>> {
        self.need(left_out + 1)?;
        let n = F::Wide::count(self.count - left_out);
        let var = |c: &Spread<F>| F::narrow(c.m2 / n * c.unit.widen() * c.unit.widen());
        Ok(self.channels.iter().map(var).collect())
    }

    pub(crate) fn need(&self, need: usize) -> Result<()> {
        let got = self.count;
        if got < need { Err(Error::TooFewValues { need, got }) } else { Ok(()) }
    }

    pub(crate) fn channels(&self) -> &[Spread<F>] {
        &self.channels
    }

    /// As [`of`](Self::of), of the elements in row-major order.
    pub(crate) fn of_slice(x: &[F], plan: Plan) -> Self {
        Population { count: plan.statistics().count(), channels: Spread::of(x, plan) }
    }
}

impl<F: Scalar> Spread<F> {
    fn is_zero(&self) -> bool {
        self.mean == F::Wide::ZERO && self.m2 == F::Wide::ZERO
    }

    /// The same, measured in another unit: a power of two, like the first.
    fn in_unit(self, unit: F) -> Self {
        if self.is_zero() {
            return Spread { unit, ..self };
        }
        let ratio = (self.unit / unit).widen();
        Spread { unit, mean: self.mean * ratio, m2: self.m2 * ratio * ratio }
    }
}
