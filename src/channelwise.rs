//! Batch normalization whose statistics are given: they may be those of more than the values at hand
//! ([`synchronized`](super::synchronized)), or of fewer ([`ghost_batch_norm`](super::ghost_batch_norm)),
//! or be corrected ([`batch_renorm`](super::batch_renorm)).
//!
//! Both passes have two halves here. The first half gathers, and what it has gathered can be added up
//! with that of others: a [`Population`] forward, [`Sums`] backward. The second half uses the whole.

use super::error::{Error, Result};
use super::norm::{check_length, check_shape};
use super::population::{Population, runs};
use super::scalar::{Field, Scalar};
use super::split::{Plan, Split};
use ndarray::{Array, Array1, ArrayRef, Dimension};

/// What each channel is normalized by: μ and 1/√(v+ε), of m values.
#[derive(Clone, Debug)]
pub struct Statistics<F: Scalar> {
    count: usize,
    channels: Vec<Standard<F>>,
}

/// Mean, variance and 1/√(v+ε) in the unit of the data, and the share of ε in v+ε.
#[derive(Clone, Copy, Debug)]
struct Standard<F: Scalar> {
    unit: F,
    mean: F::Wide,
    var: F::Wide,
    inv_std: F::Wide,
    eps_share: F::Wide,
}

impl<F: Scalar> Statistics<F> {
    /// The statistics of a population, as batch normalization uses them: with the biased variance.
    ///
    /// # Errors
    /// [`Error::TooFewValues`] below two values, [`Error::ZeroVariance`] where all values of a channel
    /// are equal and ε is 0.
    pub fn new(population: &Population<F>, eps: F) -> Result<Self> {
        population.need(2)?;
        let n = F::Wide::count(population.count());
        let standard = |(channel, c): (usize, &super::population::Channel<F>)| {
            let (var, per_unit) = (c.m2 / n, F::ONE / c.unit);
            let standard = |inv_std, eps_share| {
                Ok(Standard { unit: c.unit, mean: c.mean, var, inv_std, eps_share })
            };
            let eps_in_unit = (eps * per_unit * per_unit).widen();
            if var != F::Wide::ZERO && eps_in_unit.is_finite() {
                let inv_std = F::Wide::ONE / (var + eps_in_unit).sqrt();
                standard(inv_std, eps_in_unit * inv_std * inv_std)
            } else if eps != F::ZERO {
                // ε is all there is of v + ε, and may be out of range in the unit.
                standard(c.unit.widen() / eps.widen().sqrt(), F::Wide::ONE)
            } else {
                Err(Error::ZeroVariance { channel })
            }
        };
        let channels =
            population.channels().iter().enumerate().map(standard).collect::<Result<_>>();
        Ok(Statistics { count: population.count(), channels: channels? })
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
        self.channels.iter().map(|c| c.mean * c.unit.widen())
    }

    /// √(v+ε)/scale and (μ − center)/scale of channel c: in the unit of the data, which may be subnormal, if
    /// the others are not out of range there.
    pub(crate) fn relative(&self, c: usize, center: F, scale: F) -> (F::Wide, F::Wide) {
        let Standard { unit, mean, inv_std, .. } = self.channels[c];
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
        self.channels.iter().map(|c| c.var * c.unit.widen() * c.unit.widen())
    }

    /// √(v+ε) of each channel.
    pub(crate) fn stds(&self) -> impl Iterator<Item = F::Wide> {
        self.channels.iter().map(|c| c.unit.widen() / c.inv_std)
    }

    /// y = scale·x̂ + shift, of values in row-major order.
    pub(crate) fn forward(
        &self,
        x: &[F],
        y: &mut [F],
        split: Split,
        [scale, shift]: &Parameters<F::Wide>,
    ) {
        for ((c, x), y) in runs(x, split).zip(y.chunks_exact_mut(split.inner)) {
            let Standard { unit, mean, inv_std, .. } = self.channels[c];
            let (per_unit, scale, shift) = (F::ONE / unit, scale[c] * inv_std, shift[c]);
            for (y, &x) in y.iter_mut().zip(x) {
                *y = F::narrow(((x * per_unit).widen() - mean) * scale + shift);
            }
        }
    }

    /// The part that these values have in Σ g and Σ g·x̂.
    pub(crate) fn sums(&self, x: &[F], g: &[F], split: Split) -> Sums<F> {
        let mut sums = Sums::zero(split.kept);
        for ((c, x), g) in runs(x, split).zip(g.chunks_exact(split.inner)) {
            let Standard { unit, mean, inv_std, .. } = self.channels[c];
            let per_unit = F::ONE / unit;
            let (mut sum_g, mut sum_gd) = (F::Wide::ZERO, F::Wide::ZERO);
            for (&x, &g) in x.iter().zip(g) {
                sum_g = sum_g + g.widen();
                sum_gd = sum_gd + g.widen() * ((x * per_unit).widen() - mean);
            }
            sums.g[c] = sums.g[c] + sum_g;
            sums.gx[c] = sums.gx[c] + sum_gd * inv_std;
        }
        sums
    }

    /// x ← dx = (scale/s)(g − ⟨g⟩ − x̂⟨g x̂⟩), with the sums of all m values.
    pub(crate) fn backward(
        &self,
        x: &mut [F],
        g: &[F],
        split: Split,
        scale: &[F::Wide],
        sums: &Sums<F>,
    ) {
        let m = F::Wide::count(self.count);
        let runs_of_g = runs(g, split);
        for ((c, g), x) in runs_of_g.zip(x.chunks_exact_mut(split.inner)) {
            let Standard { unit, mean, inv_std, eps_share, .. } = self.channels[c];
            let (per_unit, mean_g) = (F::ONE / unit, sums.g[c] / m);
            let (slope, scale) = (sums.gx[c] / m * inv_std, scale[c] * inv_std);
            for (x, &g) in x.iter_mut().zip(g) {
                let rest = g.widen() - mean_g;
                // Of two values g − ⟨g⟩ is a multiple of x̂, and the difference would be rounding noise.
                // What is left of it is known: the share of ε in v + ε.
                let rest = match self.count {
                    2 => rest * eps_share,
                    _ => rest - ((*x * per_unit).widen() - mean) * slope,
                };
                *x = F::narrow(rest * scale) * per_unit;
            }
        }
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
    /// [`Error::Length`] if they have other channels.
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
    split: Split,
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
        let split = Plan::batch(x.shape())?.statistics();
        check_length("channels", statistics.channels(), split.kept)?;
        let x = if x.is_standard_layout() { x } else { x.as_standard_layout().into_owned() };
        let mut y = Array::from_elem(x.raw_dim(), F::ZERO);
        let (from, to) = (x.as_slice(), y.as_slice_mut());
        let (from, to) = (from.expect("made row-major"), to.expect("just made, row-major"));
        statistics.forward(from, to, split, &parameters);
        let [scale, _] = parameters;
        Ok((y, Shard { x, split, statistics, scale }))
    }

    /// The part of this shard in Σ g and Σ g·x̂, for g = ∂L/∂y.
    ///
    /// # Errors
    /// [`Error::Shape`] if `dy` does not have the shape of the output.
    pub fn sums(&self, dy: &ArrayRef<F, D>) -> Result<Sums<F>> {
        check_shape("dy", self.x.shape(), dy.shape())?;
        let (x, g) = (self.x.as_slice(), dy.as_standard_layout());
        let g = g.as_slice().expect("made row-major one line above");
        Ok(self.statistics.sums(x.expect("made row-major"), g, self.split))
    }

    /// ∂L/∂x, from the g = ∂L/∂y of this shard and the sums over all of them.
    ///
    /// dx = (γ/s)(g − ⟨g⟩ − x̂ ⟨g x̂⟩)
    ///
    /// # Errors
    /// [`Error::Shape`] if `dy` does not have the shape of the output, [`Error::Length`] if the sums are
    /// of other channels.
    pub fn backward(mut self, dy: &ArrayRef<F, D>, all: &Sums<F>) -> Result<Array<F, D>> {
        check_shape("dy", self.x.shape(), dy.shape())?;
        check_length("channels", self.scale.len(), all.g.len())?;
        let (x, g) = (self.x.as_slice_mut(), dy.as_standard_layout());
        let g = g.as_slice().expect("made row-major one line above");
        self.statistics.backward(x.expect("made row-major"), g, self.split, &self.scale, all);
        Ok(self.x)
    }
}
