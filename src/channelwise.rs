//! Batch normalization whose statistics are given: they may be those of more than the values at hand
//! ([`synchronized`](super::synchronized)), or of fewer ([`ghost_batch_norm`](super::ghost_batch_norm)),
//! or be corrected ([`batch_renorm`](super::batch_renorm)).
//!
//! Both passes have two halves here. The first half gathers, and what it has gathered can be added up
//! with that of others: a [`Population`] forward, [`Sums`] backward. The second half uses the whole.

use super::error::Result;
use super::norm::{
    Columns, Moments, check_length, check_shape, gradient_sums, input_gradient, normalized,
    row_major, slice, slice_mut, times,
};
use super::population::Population;
use super::scalar::{Field, Scalar};
use super::split::Plan;
use ndarray::{Array, Array1, ArrayRef, Dimension};

/// What each channel is normalized by: μ and 1/√(v+ε), of m values.
#[derive(Clone, Debug)]
pub struct Statistics<F: Scalar> {
    count: usize,
    channels: Vec<Moments<F>>,
}

impl<F: Scalar> Statistics<F> {
    /// The statistics of a population, as batch normalization uses them: with the biased variance.
    ///
    /// # Errors
    /// [`Error::TooFewValues`](super::error::Error::TooFewValues) below two values,
    /// [`Error::ZeroVariance`](super::error::Error::ZeroVariance) where all values of a channel are equal
    /// and ε is 0.
    pub fn new(population: &Population<F>, eps: F) -> Result<Self> {
        population.need(2)?;
        let count = population.count();
        Ok(Statistics { count, channels: Moments::new(population.channels(), count, eps)? })
    }

    /// The m of the formulas: how many values share a mean.
    pub fn count(&self) -> usize {
        self.count
    }

    /// How many channels.
    pub fn channels(&self) -> usize {
        self.channels.len()
    }

    /// μ of each channel.
    pub(crate) fn means(&self) -> impl Iterator<Item = F::Wide> {
        self.channels.iter().map(Moments::mean)
    }

    /// √(v+ε)/scale and (μ − center)/scale of channel c: in the unit of the data, which may be subnormal, if
    /// the others are not out of range there.
    pub(crate) fn relative(&self, c: usize, center: F, scale: F) -> (F::Wide, F::Wide) {
        let Moments { unit, mean, inv_std, .. } = self.channels[c];
        let [here, per] = [center, scale].map(|v| (v / unit).widen());
        if here.is_finite() && per.is_finite() {
            (F::Wide::ONE / inv_std / per, (mean - here) / per)
        } else {
            let (unit, scale) = (unit.widen(), scale.widen());
            (unit / inv_std / scale, (mean * unit - center.widen()) / scale)
        }
    }

    /// v of each channel.
    pub(crate) fn vars(&self) -> impl Iterator<Item = F::Wide> {
        self.channels.iter().map(Moments::var)
    }

    /// √(v+ε) of each channel.
    pub(crate) fn stds(&self) -> impl Iterator<Item = F::Wide> {
        self.channels.iter().map(|c| c.unit.widen() / c.inv_std)
    }

    /// y = scale·x̂ + shift, of values in row-major order.
    pub(crate) fn forward(
        &self,
        x: &[F],
        plan: Plan,
        [scale, shift]: &Parameters<F::Wide>,
    ) -> Vec<F> {
        normalized(x, plan, &self.channels, [scale, shift])
    }

    /// The part that these values have in Σ g and Σ g·x̂.
    pub(crate) fn sums(&self, x: &[F], g: &[F], plan: Plan) -> Sums<F> {
        let columns = Columns::of(&self.channels);
        let [g, gd] = gradient_sums(x, g, (plan, plan.statistics()), &columns);
        Sums { g, gx: times(&gd, &columns.inv_std) }
    }

    /// x ← dx = (scale/s)(g − ⟨g⟩ − x̂⟨g x̂⟩), with the sums of all m values.
    pub(crate) fn backward(
        &self,
        x: &mut [F],
        g: &[F],
        plan: Plan,
        scale: &[F::Wide],
        sums: &Sums<F>,
    ) {
        let m = F::Wide::count(self.count);
        let means = [&sums.g, &sums.gx].map(|sums| {
            sums.iter().zip(scale).map(|(&sum, &scale)| scale * (sum / m)).collect::<Vec<_>>()
        });
        let (columns, [mean_g, mean_gx]) = (Columns::of(&self.channels), &means);
        input_gradient(x, g, (plan, self.count), &columns, scale, [mean_g, mean_gx]);
    }
}

/// What x̂ is multiplied by and what is added, for each channel; not rounded.
pub(crate) type Parameters<W> = [Vec<W>; 2];

/// Σ g and Σ g·x̂ of each channel, with g = ∂L/∂y: dβ and dγ, and all that one shard needs to know of
/// the gradients of the others.
#[derive(Clone, Debug, PartialEq)]
pub struct Sums<F: Scalar> {
    pub(crate) g: Vec<F::Wide>,
    pub(crate) gx: Vec<F::Wide>,
}

impl<F: Scalar> Sums<F> {
    /// The sums over no value at all.
    pub fn zero(channels: usize) -> Self {
        Sums { g: vec![F::Wide::ZERO; channels], gx: vec![F::Wide::ZERO; channels] }
    }

    /// Adds those of other values.
    ///
    /// # Errors
    /// [`Error::Length`](super::error::Error::Length) if they have other channels.
    pub fn add(&mut self, other: &Sums<F>) -> Result<()> {
        check_length("channels", self.g.len(), other.g.len())?;
        let pairs = self.g.iter_mut().zip(&other.g).chain(self.gx.iter_mut().zip(&other.gx));
        pairs.for_each(|(sum, &part)| *sum = *sum + part);
        Ok(())
    }

    /// Σ g of each channel: ∂L/∂β.
    pub fn beta(&self) -> Array1<F> {
        self.g.iter().map(|&g| F::narrow(g)).collect()
    }

    /// Σ g·x̂ of each channel: ∂L/∂γ.
    pub fn gamma(&self) -> Array1<F> {
        self.gx.iter().map(|&gx| F::narrow(gx)).collect()
    }
}

/// Values that have been normalized, with what the backward pass needs of them.
#[derive(Clone, Debug)]
#[must_use = "a shard is what `sums` and `backward` are called on"]
pub struct Shard<F: Scalar, D: Dimension> {
    x: Array<F, D>,
    plan: Plan,
    statistics: Statistics<F>,
    scale: Vec<F::Wide>,
}

impl<F: Scalar, D: Dimension> Shard<F, D> {
    /// y = scale·x̂ + shift by these statistics, of a tensor `[N, C, …]`.
    pub(crate) fn forward(
        x: Array<F, D>,
        statistics: Statistics<F>,
        parameters: Parameters<F::Wide>,
    ) -> Result<(Array<F, D>, Self)> {
        let plan = Plan::batch(x.shape())?;
        check_length("channels", statistics.channels(), plan.statistics().kept)?;
        let x = row_major(x);
        let y = statistics.forward(slice(&x), plan, &parameters);
        let y = Array::from_shape_vec(x.raw_dim(), y).expect("as many values as x");
        let [scale, _] = parameters;
        Ok((y, Shard { x, plan, statistics, scale }))
    }

    /// The part of this shard in Σ g and Σ g·x̂, for g = ∂L/∂y.
    ///
    /// # Errors
    /// [`Error::Shape`](super::error::Error::Shape) if `dy` does not have the shape of the output.
    pub fn sums(&self, dy: &ArrayRef<F, D>) -> Result<Sums<F>> {
        check_shape("dy", self.x.shape(), dy.shape())?;
        let g = dy.as_standard_layout();
        let g = g.as_slice().expect("made row-major one line above");
        Ok(self.statistics.sums(slice(&self.x), g, self.plan))
    }

    /// ∂L/∂x, from the g = ∂L/∂y of this shard and the sums over all of them.
    ///
    /// dx = (γ/s)(g − ⟨g⟩ − x̂ ⟨g x̂⟩)
    ///
    /// # Errors
    /// [`Error::Shape`](super::error::Error::Shape) if `dy` does not have the shape of the output,
    /// [`Error::Length`](super::error::Error::Length) if the sums are of other channels.
    pub fn backward(mut self, dy: &ArrayRef<F, D>, all: &Sums<F>) -> Result<Array<F, D>> {
        check_shape("dy", self.x.shape(), dy.shape())?;
        check_length("channels", self.scale.len(), all.g.len())?;
        let g = dy.as_standard_layout();
        let g = g.as_slice().expect("made row-major one line above");
        self.statistics.backward(slice_mut(&mut self.x), g, self.plan, &self.scale, all);
        Ok(self.x)
    }
}
