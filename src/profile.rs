//! What the frameworks mean: one algorithm, and six sets of conventions around it.

use super::batch_norm::{Average, BatchNorm, Config, RunningVar};
use super::error::Result;
use super::norm::check_eps;
use super::scalar::Scalar;

/// The batch normalization of a framework, with its defaults.
///
/// | | ε | momentum | weighs | running variance | one value a channel | four vectors |
/// |---|---|---|---|---|---|---|
/// | PyTorch | 1e-5 | 0.1 | the new | unbiased | refused | `weight`, `bias`, `running_mean`, `running_var` |
/// | Keras | 1e-3 | 0.99 | the old | biased | y = β | `gamma`, `beta`, `moving_mean`, `moving_variance` |
/// | Flax | 1e-5 | 0.99 | the old | biased | y = β | `scale`, `bias`, `mean`, `var` |
/// | ONNX | 1e-5 | 0.9 | the old | biased | y = β | `scale`, `B`, `input_mean`, `input_var` |
/// | burn | 1e-5 | 0.1 | the new | biased | y = β | `gamma`, `beta`, `running_mean`, `running_var` |
/// | candle | 1e-5 | 0.1 | the new | unbiased | y = β, then NaN | `weight`, `bias`, `running_mean`, `running_var` |
///
/// All of them normalize by the biased variance in training, and start with γ = 1, β = 0, mean 0 and
/// variance 1 (ONNX starts with what it is given).
///
/// ```
/// use batchnorm::{batch_norm::BatchNorm, profile::Profile};
/// use ndarray::array;
///
/// let batch = array![[1.0], [2.0], [3.0], [4.0]];            // variance 5/4, or 5/3 unbiased
/// let after = |profile: Profile| -> batchnorm::error::Result<f64> {
///     let mut bn = BatchNorm::<f64>::with(1, profile.config())?;
///     let (_, _) = bn.train(batch.clone())?;
///     Ok((bn.running_var[0] * 1e4).round() / 1e4)
/// };
/// assert_eq!(after(Profile::PyTorch)?, 1.0667);              // 0.9 + 0.1·5/3
/// assert_eq!(after(Profile::Keras)?, 1.0025);                // 0.99 + 0.01·5/4
/// assert_eq!(after(Profile::Onnx)?, 1.025);                  // 0.9 + 0.1·5/4
/// # Ok::<(), batchnorm::error::Error>(())
/// ```
// ANCHOR: profiles
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// `torch.nn.BatchNorm1d`, `2d`, `3d` (seen in 2.15: `torch/nn/modules/batchnorm.py`; the unbiased
    /// variance is in `aten/src/ATen/native/Normalization.cpp`, the refusal in
    /// `torch/nn/functional.py::_verify_batch_size`).
    PyTorch,
    /// `keras.layers.BatchNormalization`, which is `tf.keras`'s (seen in 3.15:
    /// `keras/src/layers/normalization/batch_normalization.py`). The fused kernel of `tf_keras` 2 kept the
    /// unbiased variance of inputs with four or five axes.
    Keras,
    /// `flax.linen.BatchNorm` and `flax.nnx.BatchNorm` (seen in 0.12: `flax/linen/normalization.py`).
    Flax,
    /// The operator `BatchNormalization` of ONNX since version 15, with `training_mode` = 1.
    Onnx,
    /// `burn::nn::BatchNorm` (seen in 0.22: `crates/burn-nn/src/modules/norm/batch.rs`).
    Burn,
    /// `candle_nn::BatchNorm` (seen in 0.11: `candle-nn/src/batch_norm.rs`).
    Candle,
}
// ANCHOR_END: profiles

/// Which value the momentum is the weight of, in a step of a running average.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weighs {
    /// r ← (1 − momentum)·r + momentum·new.
    New,
    /// r ← momentum·r + (1 − momentum)·new.
    Old,
}

/// What happens in training where a channel has a single value, which is its own mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OneValue {
    /// An error, as in this crate.
    Refused,
    /// y = β, whatever the value was. The running variance is drawn towards 0, the variance of one value.
    Shift,
    /// y = β; and the running variance, which takes in 0/(m − 1) = 0/0, is NaN from then on.
    NotANumber,
}

/// What it does to the statistics to stop training the layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freezing {
    /// Freezing is a matter of γ and β alone. Which statistics are used, and whether the running ones
    /// move, is set apart: `eval()` in PyTorch, `use_running_average` in Flax, the `train` of
    /// `forward_t` in candle, `training_mode` in ONNX.
    Parameters,
    /// A frozen layer runs as in inference, and its running statistics stand still: `trainable = False` in
    /// Keras (since TensorFlow 2), `freeze()` in burn.
    Inference,
}

/// What the four vectors of a layer are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are what they are for")]
pub struct Names {
    pub gamma: &'static str,
    pub beta: &'static str,
    pub running_mean: &'static str,
    pub running_var: &'static str,
}

impl Profile {
    /// All of them.
    pub const ALL: [Profile; 6] = [
        Profile::PyTorch,
        Profile::Keras,
        Profile::Flax,
        Profile::Onnx,
        Profile::Burn,
        Profile::Candle,
    ];

    /// The ε that the framework takes if none is given.
    pub fn eps<F: Scalar>(self) -> F {
        one_in(if let Profile::Keras = self { 1_000 } else { 100_000 })
    }

    /// The momentum that the framework takes if none is given, in its own sense.
    pub fn momentum<F: Scalar>(self) -> F {
        match self {
            Profile::PyTorch | Profile::Burn | Profile::Candle => one_in(10),
            Profile::Onnx => F::ONE - one_in(10),
            Profile::Keras | Profile::Flax => F::ONE - one_in(100),
        }
    }

    /// What the framework means by momentum.
    pub fn weighs(self) -> Weighs {
        match self {
            Profile::PyTorch | Profile::Burn | Profile::Candle => Weighs::New,
            Profile::Keras | Profile::Flax | Profile::Onnx => Weighs::Old,
        }
    }

    /// The weight of the new value that this momentum is to the framework; and, as 1 − (1 − p) is p, the
    /// momentum that is to the framework this weight of the new value.
    pub fn new_weight<F: Scalar>(self, momentum: F) -> F {
        match self.weighs() {
            Weighs::New => momentum,
            Weighs::Old => F::ONE - momentum,
        }
    }

    /// Which variance the framework averages.
    pub fn running_var(self) -> RunningVar {
        match self {
            Profile::PyTorch | Profile::Candle => RunningVar::Unbiased,
            Profile::Keras | Profile::Flax | Profile::Onnx | Profile::Burn => RunningVar::Biased,
        }
    }

    /// What the framework does in training where a channel has a single value. (This crate refuses it
    /// under every profile.)
    pub fn one_value(self) -> OneValue {
        match self {
            Profile::PyTorch => OneValue::Refused,
            Profile::Keras | Profile::Flax | Profile::Onnx | Profile::Burn => OneValue::Shift,
            Profile::Candle => OneValue::NotANumber,
        }
    }

    /// What freezing a layer means in the framework.
    pub fn freezing(self) -> Freezing {
        match self {
            Profile::Keras | Profile::Burn => Freezing::Inference,
            Profile::PyTorch | Profile::Flax | Profile::Onnx | Profile::Candle => {
                Freezing::Parameters
            }
        }
    }

    /// What the framework calls the four vectors.
    pub fn names(self) -> Names {
        let [gamma, beta, running_mean, running_var] = match self {
            Profile::PyTorch | Profile::Candle => ["weight", "bias", "running_mean", "running_var"],
            Profile::Keras => ["gamma", "beta", "moving_mean", "moving_variance"],
            Profile::Flax => ["scale", "bias", "mean", "var"],
            Profile::Onnx => ["scale", "B", "input_mean", "input_var"],
            Profile::Burn => ["gamma", "beta", "running_mean", "running_var"],
        };
        Names { gamma, beta, running_mean, running_var }
    }

    /// The configuration of a layer that does as the framework does by default.
    pub fn config<F: Scalar>(self) -> Config<F> {
        Config {
            eps: self.eps(),
            // Not `new_weight(momentum())`: that 1 − 0.99 would be rounded twice.
            average: Average::Exponential {
                momentum: match self {
                    Profile::Keras | Profile::Flax => one_in(100),
                    _ => one_in(10),
                },
            },
            running_var: self.running_var(),
            affine: true,
        }
    }

    // ANCHOR: adopt
    /// A trained layer, to go on with under this profile: its running statistics move as the framework
    /// moves them from now on. The four vectors stay, and ε stays with them, because
    /// γ/√(σ̂² + ε) is what they were trained for; so the output at inference stays, to the last bit.
    ///
    /// A running variance that was gathered biased is not made unbiased (or the reverse): the output at
    /// inference would be another.
    ///
    /// # Errors
    /// None for a layer that this crate has made.
    pub fn adopt<F: Scalar>(self, layer: &BatchNorm<F>) -> Result<BatchNorm<F>> {
        let &Config { eps, affine, .. } = layer.config();
        let config = Config { eps, affine, ..self.config() };
        let mut adopted = BatchNorm::with(layer.channels(), config)?;
        (adopted.gamma, adopted.beta) = (layer.gamma.clone(), layer.beta.clone());
        adopted.running_mean = layer.running_mean.clone();
        adopted.running_var = layer.running_var.clone();
        Ok(adopted)
    }
    // ANCHOR_END: adopt
}

/// The same function at inference with another ε, for where ε cannot be brought along:
/// γ′ = γ·√((σ̂² + ε′)/(σ̂² + ε)).
///
/// In training the two differ, there γ′ is another γ.
///
/// ```
/// use batchnorm::{batch_norm::BatchNorm, profile::{Profile, with_eps}};
/// use ndarray::array;
///
/// let mut keras = BatchNorm::<f64>::with(1, Profile::Keras.config())?;
/// (keras.running_mean, keras.running_var) = (array![2.0], array![0.0]);
/// let torch = with_eps(&keras, Profile::PyTorch.eps())?;
/// let x = array![[2.0], [2.5]];
/// let (a, b) = (keras.freeze()?.apply(&x)?, torch.freeze()?.apply(&x)?);
/// assert!((a - b).iter().all(|d| d.abs() < 1e-14));
/// # Ok::<(), batchnorm::error::Error>(())
/// ```
///
/// # Errors
/// [`Error::Eps`](super::error::Error::Eps) if ε is negative or not finite,
/// [`Error::RunningVariance`](super::error::Error::RunningVariance) where σ̂² + ε is not a positive number,
/// [`Error::Length`](super::error::Error::Length) where a public vector has been given another length.
pub fn with_eps<F: Scalar>(layer: &BatchNorm<F>, eps: F) -> Result<BatchNorm<F>> {
    check_eps(eps)?;
    let [gamma, _] = layer.parameters();
    let before = layer.inv_running_std()?;
    let mut other = BatchNorm::with(layer.channels(), Config { eps, ..*layer.config() })?;
    other.running_mean = layer.running_mean.clone();
    other.running_var = layer.running_var.clone();
    let after = other.inv_running_std()?;
    let gamma = (0..gamma.len()).map(|c| F::narrow(gamma[c] * (before[c] / after[c])));
    (other.gamma, other.beta) = (Some(gamma.collect()), layer.beta.clone());
    Ok(other)
}

/// 1/n.
fn one_in<F: Scalar>(n: usize) -> F {
    F::ONE / F::count(n)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1/n is the number that one writes down, in both types.
    #[test]
    fn the_defaults_are_the_usual_literals() {
        for profile in Profile::ALL {
            let (single, double): (Config<f32>, Config<f64>) = (profile.config(), profile.config());
            let eps = if profile == Profile::Keras { (1e-3, 1e-3) } else { (1e-5, 1e-5) };
            assert_eq!((single.eps, double.eps), eps);
            let momentum = match profile {
                Profile::PyTorch | Profile::Burn | Profile::Candle => (0.1, 0.1),
                Profile::Onnx => (0.9, 0.9),
                Profile::Keras | Profile::Flax => (0.99, 0.99),
            };
            assert_eq!((profile.momentum::<f32>(), profile.momentum::<f64>()), momentum);
            let Average::Exponential { momentum: p } = double.average else { panic!("{double:?}") };
            assert!((profile.new_weight(momentum.1) - p).abs() < 1e-15);
        }
    }

    #[test]
    fn pytorch_is_the_default() {
        assert_eq!(Profile::PyTorch.config::<f32>(), Config::default());
        assert_eq!(Profile::PyTorch.config::<f64>(), Config::default());
    }
}
