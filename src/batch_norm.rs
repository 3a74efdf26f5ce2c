//! Batch normalization (S. Ioffe, C. Szegedy, "Batch Normalization: Accelerating Deep Network Training
//! by Reducing Internal Covariate Shift", ICML 2015, arXiv 1502.03167).

use super::affine::Affine;
use super::error::{Error, Result};
use super::norm::{self, Gradients, Tape, check_eps, check_length};
use super::scalar::{Field, Scalar};
use super::split::Plan;
use ndarray::{Array, Array1, ArrayRef, Dimension};

/// Which variance the running variance averages. Normalization itself always uses the biased one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunningVar {
    /// v = Σ(x−μ)²/m, as Keras, Flax, ONNX and burn store it. Expects (m−1)/m of σ².
    Biased,
    /// v·m/(m−1), as the paper, PyTorch and candle have it. Expects σ².
    Unbiased,
}

/// How the running statistics follow the batches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Average<F> {
    /// r ← (1 − momentum)·r + momentum·(batch statistic): momentum is the weight of the *new* value,
    /// as in PyTorch. Keras, Flax and ONNX call `1 − momentum` by that name.
    Exponential {
        /// Weight of the new value, within `[0, 1]`.
        momentum: F,
    },
    /// The exponential average of the batches alone, without the values that it starts from: the t-th
    /// batch gets the weight
    ///
    /// p_t = p/(1 − (1−p)ᵗ) = 1/(1 + (1−p) + … + (1−p)^(t−1)),
    ///
    /// which is 1 for the first batch and comes down to p = momentum. After t batches the k-th weighs
    /// p(1−p)^(t−k)/(1 − (1−p)ᵗ), and these weights sum to 1. It is what Adam does to its averages (D. P.
    /// Kingma, J. Ba, "Adam", ICLR 2015, arXiv 1412.6980, sec. 3); momentum 0 is the plain average.
    BiasCorrected {
        /// What the weight of the new value comes down to, within `[0, 1]`.
        momentum: F,
    },
    /// The plain average of all batches so far (PyTorch's `momentum=None`): p_t = 1/t.
    Cumulative,
}

impl<F: Scalar> Average<F> {
    /// The weight of the `t`-th batch, counted from 1, when it is new.
    fn weight(self, t: usize) -> F::Wide {
        let remembered = match self {
            Average::Exponential { momentum } => return momentum.widen(),
            Average::BiasCorrected { momentum } => F::Wide::ONE - momentum.widen(),
            Average::Cumulative => F::Wide::ONE,
        };
        F::Wide::ONE / geometric(remembered, t)
    }
}

/// 1 + q + … + q^(t−1). Unlike (1 − qᵗ)/(1 − q) it does not cancel where q is near 1.
fn geometric<W: Field>(q: W, t: usize) -> W {
    let (mut sum, mut power) = (W::ZERO, W::ONE); // of as many terms as the bits of t read so far say
    for bit in (0..usize::BITS - t.leading_zeros()).rev() {
        (sum, power) = (sum + power * sum, power * power);
        if t >> bit & 1 == 1 {
            (sum, power) = (W::ONE + q * sum, q * power);
        }
    }
    sum
}

/// What is fixed for the life of a layer.
///
/// ```
/// use batchnorm::batch_norm::{Average, BatchNorm, Config, RunningVar};
///
/// // What Keras calls `BatchNormalization()`:
/// let keras = Config {
///     eps: 1e-3,
///     average: Average::Exponential { momentum: 1.0 - 0.99 },
///     running_var: RunningVar::Biased,
///     ..Config::default()
/// };
/// let layer = BatchNorm::<f32>::with(64, keras)?;
/// # Ok::<(), batchnorm::error::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Config<F> {
    /// Added to the variance under the root; finite and not negative.
    pub eps: F,
    /// How the running statistics follow the batches.
    pub average: Average<F>,
    /// Which variance the running variance averages.
    pub running_var: RunningVar,
    /// Whether the layer has a γ and a β to learn.
    pub affine: bool,
}

macro_rules! default_config {
    ($($float:ty),*) => {$(
        /// PyTorch's: ε = 1e-5, momentum 0.1, unbiased running variance, γ and β.
        impl Default for Config<$float> {
            fn default() -> Self {
                Config {
                    eps: 1e-5,
                    average: Average::Exponential { momentum: 0.1 },
                    running_var: RunningVar::Unbiased,
                    affine: true,
                }
            }
        }
    )*};
}
default_config!(f32, f64);

/// Batch normalization of `[N, C, …]`, any number of axes from two on, channels on axis 1.
///
/// For each channel, over the m = N·(product of the further axes) values it has in the batch:
///
/// μ = (1/m) Σ x,  v = (1/m) Σ (x−μ)²,  x̂ = (x−μ)/√(v+ε),  y = γ x̂ + β.
///
/// Training and inference are different functions, so they are different types here, and there is no
/// mode to forget: [`train`](Self::train) normalizes by the batch and needs `&mut self`, for it moves
/// the running statistics; [`freeze`](Self::freeze) gives the [`Affine`] map that is used afterwards.
///
/// ```
/// use batchnorm::batch_norm::BatchNorm;
/// use ndarray::array;
///
/// let mut bn = BatchNorm::new(2);
/// let x = array![[1.0, 10.0], [3.0, 30.0], [8.0, 80.0]];
/// let (y, tape) = bn.train(x.clone())?;                  // normalized by this batch
/// let gradients = tape.backward(&array![[1.0, 0.0], [0.5, 2.0], [0.0, -1.0]])?;
/// assert_eq!(gradients.beta, array![1.5, 1.0]);
///
/// let inference = bn.freeze()?;                          // normalized by the running statistics
/// let one = inference.apply(&array![[1.0, 10.0]])?;      // a batch of one is fine now
/// assert_eq!(one.dim(), (1, 2));
/// # Ok::<(), batchnorm::error::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct BatchNorm<F> {
    /// γ, one for each channel: 1 at first. `None` where the layer has none.
    pub gamma: Option<Array1<F>>,
    /// β, one for each channel: 0 at first. `None` where the layer has none.
    pub beta: Option<Array1<F>>,
    /// Running average of the batch means: 0 at first.
    pub running_mean: Array1<F>,
    /// Running average of the batch variances: 1 at first.
    pub running_var: Array1<F>,
    batches: usize,
    config: Config<F>,
}

impl<F: Scalar> BatchNorm<F> {
    /// A layer for `channels` channels with PyTorch's defaults ([`Config::default`]).
    pub fn new(channels: usize) -> Self
    where
        Config<F>: Default,
    {
        Self::unchecked(channels, Config::default())
    }

    /// A layer for `channels` channels.
    ///
    /// # Errors
    /// [`Error::Eps`] if ε is negative or not finite, [`Error::Momentum`] if the momentum is outside
    /// `[0, 1]`.
    pub fn with(channels: usize, config: Config<F>) -> Result<Self> {
        check_eps(config.eps)?;
        match config.average {
            Average::Exponential { momentum } | Average::BiasCorrected { momentum } => {
                check_momentum(momentum)?;
            }
            Average::Cumulative => {}
        }
        Ok(Self::unchecked(channels, config))
    }

    fn unchecked(channels: usize, config: Config<F>) -> Self {
        let filled = |value| Array1::from_elem(channels, value);
        BatchNorm {
            gamma: config.affine.then(|| filled(F::ONE)),
            beta: config.affine.then(|| filled(F::ZERO)),
            running_mean: filled(F::ZERO),
            running_var: filled(F::ONE),
            batches: 0,
            config,
        }
    }

    /// How many channels the layer is for.
    pub fn channels(&self) -> usize {
        self.running_mean.len()
    }

    /// What the layer was made with.
    pub fn config(&self) -> &Config<F> {
        &self.config
    }

    /// How many batches the running statistics have seen.
    pub fn batches(&self) -> usize {
        self.batches
    }

    /// From here on as if the running statistics had seen this many batches: for a layer that is brought
    /// in from elsewhere, with an average that counts.
    pub fn set_batches(&mut self, batches: usize) {
        self.batches = batches;
    }

    // ANCHOR: train
    /// The training forward pass: normalizes by the batch, and moves the running statistics.
    ///
    /// `x` has shape `[N, C, …]` and is given away: the tape keeps it for the backward pass.
    ///
    /// # Errors
    /// [`Error::Rank`] below two axes, [`Error::Empty`] for an axis of length zero, [`Error::Length`]
    /// if the channels are not those of the layer, [`Error::TooFewValues`] for one value per channel,
    /// [`Error::ZeroVariance`] for a constant channel with ε = 0. After an error the running
    /// statistics are what they were.
    pub fn train<D: Dimension>(&mut self, x: Array<F, D>) -> Result<(Array<F, D>, Tape<F, D>)> {
        let plan = Plan::batch(x.shape())?;
        self.check_channels(plan.statistics().kept)?;
        let plan = plan.enough_values()?;
        let (gamma, beta) = (self.gamma.as_ref(), self.beta.as_ref());
        let (y, tape) = norm::forward(x, plan, gamma, beta, self.config.eps)?;
        self.follow(tape.moments().iter().map(|m| (m.mean(), m.var())), tape.count());
        Ok((y, tape))
    }
    // ANCHOR_END: train

    // ANCHOR: follow
    /// r ← (1 − p)·r + p·(statistic of the batch), with p as [`Average`] says: from the mean and the biased
    /// variance of each channel, over m values.
    pub(crate) fn follow(&mut self, batch: impl IntoIterator<Item = (F::Wide, F::Wide)>, m: usize) {
        self.batches = self.batches.saturating_add(1);
        let p = self.config.average.weight(self.batches);
        let correction = match self.config.running_var {
            RunningVar::Biased => F::Wide::ONE,
            RunningVar::Unbiased => F::Wide::count(m) / F::Wide::count(m - 1),
        };
        for (c, (mean, var)) in batch.into_iter().enumerate() {
            self.running_mean[c] = moved(self.running_mean[c], mean, p);
            self.running_var[c] = moved(self.running_var[c], correction * var, p);
        }
    }
    // ANCHOR_END: follow

    // ANCHOR: freeze
    /// The layer at inference, y = γ (x − μ̂)/√(σ̂² + ε) + β by the running statistics: an affine map.
    ///
    /// # Errors
    /// [`Error::RunningVariance`] where σ̂² + ε is not a positive number, [`Error::Length`] where a
    /// public vector has been given another length.
    pub fn freeze(&self) -> Result<Affine<F>> {
        let gamma = |c: usize| self.gamma.as_ref().map_or(F::ONE, |gamma| gamma[c]);
        let beta = |c: usize| self.beta.as_ref().map_or(F::ZERO, |beta| beta[c]);
        let inv_std = self.inv_running_std()?;
        let scale = inv_std.iter().enumerate().map(|(c, &i)| gamma(c).widen() * i).collect();
        let shift = (0..self.channels()).map(beta).collect();
        Affine::from_wide(self.running_mean.to_vec(), scale, shift)
    }
    // ANCHOR_END: freeze

    /// The gradients at inference: of the map that [`freeze`](Self::freeze) gives, with respect to x,
    /// γ and β, for fine-tuning with frozen statistics.
    ///
    /// dx = γ g/√(σ̂² + ε),  dγ = Σ g (x − μ̂)/√(σ̂² + ε),  dβ = Σ g.
    ///
    /// # Errors
    /// As `freeze`, and as [`Affine::backward`].
    pub fn frozen_backward<D: Dimension>(
        &self,
        x: &ArrayRef<F, D>,
        dy: &ArrayRef<F, D>,
    ) -> Result<Gradients<F, D>> {
        let gradients = self.freeze()?.backward(x, dy)?;
        let chain = |(&d, i): (&F, F::Wide)| F::narrow(d.widen() * i);
        let gamma = gradients.scale.iter().zip(self.inv_running_std()?).map(chain).collect();
        Ok(Gradients { x: gradients.x, gamma, beta: gradients.shift })
    }

    /// γ and β, or 1 and 0 where the layer has none.
    pub(crate) fn parameters(&self) -> [Vec<F::Wide>; 2] {
        let wide = |p: &Option<Array1<F>>, neutral: F| match p {
            Some(p) => p.iter().map(|p| p.widen()).collect::<Vec<_>>(),
            None => vec![neutral.widen(); self.channels()],
        };
        [wide(&self.gamma, F::ONE), wide(&self.beta, F::ZERO)]
    }

    /// 1/√(σ̂² + ε) for each channel.
    pub(crate) fn inv_running_std(&self) -> Result<Vec<F::Wide>> {
        self.check_channels(self.channels())?;
        let eps = self.config.eps;
        let inverse = |(channel, &var): (usize, &F)| {
            let (v, e) = (var.to_f64(), eps.to_f64());
            if v >= 0.0 && v + e > 0.0 {
                Ok(F::Wide::ONE / (var.widen() + eps.widen()).sqrt())
            } else {
                Err(Error::RunningVariance { channel, got: v, eps: e })
            }
        };
        self.running_var.iter().enumerate().map(inverse).collect()
    }

    /// The four vectors are public: their lengths are checked where they are used.
    pub(crate) fn check_channels(&self, channels: usize) -> Result<()> {
        check_length("channels", self.channels(), channels)?;
        check_length("running_var", self.channels(), self.running_var.len())?;
        let parameters = [("gamma", &self.gamma), ("beta", &self.beta)];
        parameters.iter().try_for_each(|(what, p)| match p {
            Some(p) => check_length(what, self.channels(), p.len()),
            None => Ok(()),
        })
    }
}

/// (1 − p)·r + p·new: a running average r after one more value, which is infinite if the range has no room for
/// it. In a unit of their own size, for the parts may be subnormal.
pub(crate) fn moved<F: Scalar>(r: F, new: F::Wide, p: F::Wide) -> F {
    let narrow = F::narrow(new);
    if !(r.is_finite() && narrow.is_finite()) {
        // What has no weight may be infinite: 0·∞ would be NaN.
        return if p == F::Wide::ZERO {
            r
        } else if p == F::Wide::ONE {
            narrow
        } else {
            r + narrow
        };
    }
    let unit = F::unit([r, narrow].into_iter());
    let per_unit = (F::ONE / unit).widen();
    F::narrow((F::Wide::ONE - p) * r.in_unit(per_unit) + p * (new * per_unit)) * unit
}

pub(crate) fn check_momentum<F: Scalar>(momentum: F) -> Result<()> {
    let got = momentum.to_f64();
    if (0.0..=1.0).contains(&got) { Ok(()) } else { Err(Error::Momentum { got }) }
}
