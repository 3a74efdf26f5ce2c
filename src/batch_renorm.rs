//! Batch renormalization (S. Ioffe, "Batch Renormalization: Towards Reducing Minibatch Dependence in
//! Batch-Normalized Models", NeurIPS 2017, arXiv 1702.03275).

use super::affine::Affine;
use super::batch_norm::{check_momentum, moved};
use super::channelwise::{Shard, Statistics};
use super::error::{Error, Result};
use super::norm::{Gradients, check_eps, check_length};
use super::population::Population;
use super::scalar::{Field, Scalar};
use super::split::Plan;
use ndarray::{Array, Array1, ArrayRef, Dimension};

/// How far a batch may be corrected towards the running statistics: 1/r_max ≤ r ≤ r_max and |d| ≤ d_max.
/// `None` is no bound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clips<F> {
    /// The bound of r and of 1/r, at least 1: 1 is batch normalization's scale.
    pub r_max: Option<F>,
    /// The bound of |d|, at least 0: 0 is batch normalization's mean.
    pub d_max: Option<F>,
}

impl<F: Scalar> Clips<F> {
    /// Any correction: the output is that of inference.
    pub const NONE: Self = Clips { r_max: None, d_max: None };

    /// No correction at all: batch normalization.
    pub const ALL: Self = Clips { r_max: Some(F::ONE), d_max: Some(F::ZERO) };

    /// The schedule of the paper's experiments (sec. 4): batch normalization for 5,000 steps; then
    /// r_max rises evenly from 1 to 3, which it reaches at step 40,000, and d_max from 0 to 5, which it
    /// reaches at step 25,000. (The bounds were found for one network; they are not part of the method.)
    ///
    /// ```
    /// use batchnorm::batch_renorm::Clips;
    ///
    /// assert_eq!(Clips::<f64>::at_step(100), Clips::ALL);
    /// assert_eq!(Clips::at_step(15_000), Clips { r_max: Some(1.0 + 2.0 * (10.0 / 35.0)), d_max: Some(2.5) });
    /// assert_eq!(Clips::at_step(1_000_000), Clips { r_max: Some(3.0), d_max: Some(5.0) });
    /// ```
    pub fn at_step(step: usize) -> Self {
        let rise = |to: F, end: usize| {
            let done = step.clamp(5_000, end) - 5_000;
            to * (F::count(done) / F::count(end - 5_000))
        };
        let (r, d) = (rise(F::count(2), 40_000), rise(F::count(5), 25_000));
        Clips { r_max: Some(F::ONE + r), d_max: Some(d) }
    }

    /// r and d within these bounds.
    fn apply(self, r: F::Wide, d: F::Wide) -> Result<(F::Wide, F::Wide)> {
        let above = |v: F::Wide, bound: F::Wide| F::narrow(v).to_f64() > F::narrow(bound).to_f64();
        let within = |v, [low, high]: [F::Wide; 2]| match v {
            v if above(v, high) => high,
            v if above(low, v) => low,
            v => v,
        };
        let r_max = bound("r_max", self.r_max, 1.0)?;
        let d_max = bound("d_max", self.d_max, 0.0)?;
        let r = r_max.map_or(r, |most| within(r, [F::Wide::ONE / most, most]));
        let d = d_max.map_or(d, |most| within(d, [-most, most]));
        Ok((r, d))
    }
}

fn bound<F: Scalar>(what: &'static str, bound: Option<F>, least: f64) -> Result<Option<F::Wide>> {
    match bound.map(F::to_f64) {
        Some(got) if got.is_nan() || got < least => Err(Error::Bound { what, least, got }),
        _ => Ok(bound.map(F::widen)),
    }
}

/// Batch renormalization of `[N, C, …]`: batch normalization whose output in training is moved towards
/// that of inference, so that a small or a one-sided batch does less harm.
///
/// With the mean μ and the root s = √(v+ε) of the batch, and with the running averages μ̂ and σ̂ of these
/// two from before it:
///
/// r = clip(s/σ̂, 1/r_max, r_max),  d = clip((μ−μ̂)/σ̂, −d_max, d_max),  y = γ (x̂ r + d) + β.
///
/// r and d are constants to the backward pass (stop-gradient). Where neither is clipped x̂ r + d is
/// (x−μ̂)/σ̂, which is inference; but the gradient is not that of inference: through x̂ it knows that the
/// statistics come from the batch.
///
/// As the paper has it, it is the root s that is averaged, with ε in it, and not the variance. Keras
/// does likewise; a variance from elsewhere becomes a `running_std` by √(σ̂²+ε).
///
/// ```
/// use batchnorm::batch_renorm::{BatchRenorm, Clips};
/// use ndarray::array;
///
/// let mut layer = BatchRenorm::new(1, 0.0, 0.01)?;             // ε = 0, momentum 0.01
/// layer.clips = Clips { r_max: Some(3.0), d_max: Some(5.0) };
/// (layer.running_mean, layer.running_std) = (array![1.0], array![2.0]);
/// let x = array![[1.0], [3.0], [5.0]];
/// let expected = layer.freeze()?.apply(&x)?;                   // (x − 1)/2
/// let (y, tape) = layer.train(x)?;
/// assert_eq!(y, expected);                                     // nothing was clipped
/// assert_eq!(tape.d(), array![1.0]);                           // (3 − 1)/2
/// let gradients = tape.backward(&array![[1.0], [0.0], [0.5]])?;
/// assert_eq!(gradients.beta, array![1.5]);
/// # Ok::<(), batchnorm::error::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct BatchRenorm<F> {
    /// γ, one for each channel: 1 at first. Set it to `None` for a layer without.
    pub gamma: Option<Array1<F>>,
    /// β, one for each channel: 0 at first. Set it to `None` for a layer without.
    pub beta: Option<Array1<F>>,
    /// μ̂, the running average of the batch means: 0 at first.
    pub running_mean: Array1<F>,
    /// σ̂, the running average of √(v+ε): 1 at first.
    pub running_std: Array1<F>,
    /// The bounds of r and d, to be widened as training goes on: [`Clips::ALL`] at first.
    pub clips: Clips<F>,
    eps: F,
    momentum: F,
}

impl<F: Scalar> BatchRenorm<F> {
    /// A layer for `channels` channels. `momentum` is the weight of the new value in μ̂ and σ̂: the paper
    /// takes 0.01.
    ///
    /// # Errors
    /// [`Error::Eps`] if ε is negative or not finite, [`Error::Momentum`] if the momentum is outside
    /// `[0, 1]`.
    pub fn new(channels: usize, eps: F, momentum: F) -> Result<Self> {
        check_eps(eps)?;
        check_momentum(momentum)?;
        let filled = |value| Array1::from_elem(channels, value);
        Ok(BatchRenorm {
            gamma: Some(filled(F::ONE)),
            beta: Some(filled(F::ZERO)),
            running_mean: filled(F::ZERO),
            running_std: filled(F::ONE),
            clips: Clips::ALL,
            eps,
            momentum,
        })
    }

    /// How many channels the layer is for.
    pub fn channels(&self) -> usize {
        self.running_mean.len()
    }

    // ANCHOR: train
    /// y, in the shape of x, which is `[N, C, …]`; and the tape for the backward pass. Moves μ̂ and σ̂.
    ///
    /// # Errors
    /// [`Error::Rank`] below two axes, [`Error::Empty`] for an axis of length zero, [`Error::Length`] if
    /// the channels are not those of the layer, [`Error::TooFewValues`] for one value per channel,
    /// [`Error::ZeroVariance`] for a constant channel with ε = 0, [`Error::RunningStd`] where σ̂ is not
    /// a positive number, [`Error::Bound`] for an r_max below 1 or a d_max below 0. None of them moves
    /// the running averages.
    pub fn train<D: Dimension>(&mut self, x: Array<F, D>) -> Result<(Array<F, D>, Tape<F, D>)> {
        self.check_channels(Plan::batch(x.shape())?.statistics().kept)?;
        let batch = Statistics::new(&Population::of(&x)?, self.eps)?;
        let (mut r, mut d) = (Vec::new(), Vec::new());
        for c in 0..self.channels() {
            let (r_c, d_c) = batch.relative(c, self.running_mean[c], self.running_std[c]);
            let (r_c, d_c) = self.clips.apply(r_c, d_c)?;
            r.push(r_c);
            d.push(d_c);
        }
        // γ(x̂r + d) + β = (γr)·x̂ + (β + γd): batch normalization with other parameters.
        let scale = (0..r.len()).map(|c| self.gamma(c) * r[c]).collect();
        let shift = (0..d.len()).map(|c| self.beta(c) + self.gamma(c) * d[c]).collect();
        let (y, shard) = Shard::forward(x, batch.clone(), [scale, shift])?;
        let p = self.momentum.widen();
        self.running_mean
            .iter_mut()
            .zip(batch.means())
            .for_each(|(r, mean)| *r = moved(*r, mean, p));
        self.running_std.iter_mut().zip(batch.stds()).for_each(|(r, std)| *r = moved(*r, std, p));
        Ok((y, Tape { shard, r, d }))
    }
    // ANCHOR_END: train

    /// The layer at inference, y = γ (x − μ̂)/σ̂ + β: an affine map.
    ///
    /// # Errors
    /// [`Error::RunningStd`] where σ̂ is not a positive number, [`Error::Length`] where a public vector
    /// has been given another length.
    pub fn freeze(&self) -> Result<Affine<F>> {
        self.check_channels(self.channels())?;
        let scale = (0..self.channels()).map(|c| self.gamma(c) / self.running_std[c].widen());
        let shift = (0..self.channels()).map(|c| F::narrow(self.beta(c)));
        Affine::from_wide(self.running_mean.to_vec(), scale.collect(), shift.collect())
    }

    fn gamma(&self, c: usize) -> F::Wide {
        self.gamma.as_ref().map_or(F::Wide::ONE, |gamma| gamma[c].widen())
    }

    fn beta(&self, c: usize) -> F::Wide {
        self.beta.as_ref().map_or(F::Wide::ZERO, |beta| beta[c].widen())
    }

    /// The vectors are public: they are checked where they are used.
    fn check_channels(&self, channels: usize) -> Result<()> {
        check_length("channels", self.channels(), channels)?;
        check_length("running_std", channels, self.running_std.len())?;
        for (what, p) in [("gamma", &self.gamma), ("beta", &self.beta)] {
            check_length(what, channels, p.as_ref().map_or(channels, Array1::len))?;
        }
        let not_positive = |std: &f64| std.is_nan() || *std <= 0.0;
        match self
            .running_std
            .iter()
            .map(|std| std.to_f64())
            .enumerate()
            .find(|(_, s)| not_positive(s))
        {
            Some((channel, got)) => Err(Error::RunningStd { channel, got }),
            None => Ok(()),
        }
    }
}

/// What the backward pass needs: x with its statistics, and the r and d that were used.
#[derive(Clone, Debug)]
#[must_use = "the tape is what `backward` is called on"]
pub struct Tape<F: Scalar, D: Dimension> {
    shard: Shard<F, D>,
    r: Vec<F::Wide>,
    d: Vec<F::Wide>,
}

impl<F: Scalar, D: Dimension> Tape<F, D> {
    // ANCHOR: backward
    /// With g = ∂L/∂y, ⟨·⟩ for the mean over the m values that share a mean, and r and d held:
    ///
    /// dx = (γr/s)(g − ⟨g⟩ − x̂ ⟨g x̂⟩),  dγ = Σ g (x̂ r + d) = r Σ g x̂ + d Σ g,  dβ = Σ g.
    ///
    /// # Errors
    /// [`Error::Shape`] if `dy` does not have the shape of the output.
    pub fn backward(self, dy: &ArrayRef<F, D>) -> Result<Gradients<F, D>> {
        let sums = self.shard.sums(dy)?;
        let x = self.shard.backward(dy, &sums)?;
        let gamma = |c: usize| {
            // In a unit of their own size, for both x̂ and d may be subnormal.
            let unit = F::unit([sums.gx[c], self.d[c]].map(F::narrow).into_iter());
            let [gx, d] = [sums.gx[c], self.d[c]].map(|v| v * (F::ONE / unit).widen());
            F::narrow(self.r[c] * gx + d * sums.g[c]) * unit
        };
        Ok(Gradients { x, gamma: (0..self.r.len()).map(gamma).collect(), beta: sums.beta() })
    }
    // ANCHOR_END: backward

    /// The r of each channel, after clipping.
    pub fn r(&self) -> Array1<F> {
        self.r.iter().map(|&r| F::narrow(r)).collect()
    }

    /// The d of each channel, after clipping.
    pub fn d(&self) -> Array1<F> {
        self.d.iter().map(|&d| F::narrow(d)).collect()
    }
}
