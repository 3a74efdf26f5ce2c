//! The code of the chapter "Frameworks".

mod common;
#[path = "frameworks/copied.rs"]
mod copied;

use batchnorm::batch_norm::{BatchNorm, Config, RunningVar};
use batchnorm::folding::into_previous;
use batchnorm::interchange::{Style, Tensors};
use batchnorm::nn::activation::Activation;
use batchnorm::nn::conv2d::{Conv2d, Window};
use batchnorm::nn::init::Init;
use batchnorm::nn::linear::Linear;
use batchnorm::nn::random::Random;
use batchnorm::nn::sequential::{Layer, Sequential};
use batchnorm::profile::{Freezing, Names, OneValue, Profile, Weighs};
use common::{Figure, Lang, Result, cells, experiments};
use figures::Series;
use ndarray::{Array2, Array4, array};
use std::fmt::Write;

fn main() -> std::process::ExitCode {
    let cells = cells![profiles, one_step, count_by_hand, summary, bring_in];
    let experiments = experiments![copied: copied::Copied];
    common::run("frameworks", cells, experiments, |lang, _| figures(lang))
}

// ANCHOR: profiles
fn profiles(out: &mut String) -> Result {
    writeln!(
        out,
        "{:8}{:>7}  {:18}{:18}{:14}freezing",
        "", "ε", "momentum", "running variance", "one value"
    )?;
    for profile in Profile::ALL {
        let momentum = format!(
            "{}, of the {}",
            profile.momentum::<f32>(),
            match profile.weighs() {
                Weighs::New => "new",
                Weighs::Old => "old",
            }
        );
        let variance = match profile.running_var() {
            RunningVar::Biased => "biased",
            RunningVar::Unbiased => "unbiased",
        };
        let one_value = match profile.one_value() {
            OneValue::Refused => "an error",
            OneValue::Shift => "y = β",
            OneValue::NotANumber => "y = β, NaN",
        };
        let freezing = match profile.freezing() {
            Freezing::Parameters => "γ and β alone",
            Freezing::Inference => "as in inference",
        };
        let (name, eps) = (format!("{profile:?}"), profile.eps::<f32>());
        writeln!(out, "{name:8}{eps:>7e}  {momentum:18}{variance:18}{one_value:14}{freezing}")?;
    }
    writeln!(out, "\n{:8}{:10}{:8}{:15}σ̂²", "", "γ", "β", "μ̂")?;
    for profile in Profile::ALL {
        let Names { gamma, beta, running_mean, running_var } = profile.names();
        let name = format!("{profile:?}");
        writeln!(out, "{name:8}{gamma:10}{beta:8}{running_mean:15}{running_var}")?;
    }
    Ok(())
}
// ANCHOR_END: profiles

// ANCHOR: one_step
fn one_step(out: &mut String) -> Result {
    let batch = array![[1.0], [2.0], [3.0], [4.0]]; // mean 5/2, variance 5/4, or 5/3 unbiased
    writeln!(out, "{:8}{:>13}{:>17}", "", "running mean", "running variance")?;
    for profile in Profile::ALL {
        let mut bn = BatchNorm::<f64>::with(1, profile.config())?;
        let (_, _) = bn.train(batch.clone())?;
        let name = format!("{profile:?}");
        writeln!(out, "{name:8}{:>13.4}{:>17.4}", bn.running_mean[0], bn.running_var[0])?;
    }
    Ok(())
}
// ANCHOR_END: one_step

// ANCHOR: count_by_hand
fn count_by_hand(out: &mut String) -> Result {
    let widths = [784, 300, 100, 10];
    let (mut all, mut not_trained) = (0, 0);
    for pair in widths.windows(2) {
        let [inputs, outputs] = [pair[0], pair[1]];
        let (norm, linear) = (4 * inputs, inputs * outputs + outputs);
        writeln!(out, "BatchNorm   4 · {inputs:<14}{norm:>8}")?;
        writeln!(out, "Linear      {:18}{linear:>8}", format!("{inputs} · {outputs} + {outputs}"))?;
        all += norm + linear;
        not_trained += 2 * inputs;
    }
    let trained = all - not_trained;
    writeln!(out, "in all {all}: {trained} trained, {not_trained} not trained")?;
    writeln!(out, "without hidden biases: {}", all - widths[1] - widths[2])?;
    Ok(())
}
// ANCHOR_END: count_by_hand

// ANCHOR: summary
fn summary(out: &mut String) -> Result {
    let mut random = Random::new(0);
    let mut linear = |inputs, outputs, bias| {
        Linear::<f32>::random((inputs, outputs), bias, Init::He, &mut random).map(Layer::Linear)
    };
    let mut network = |hidden_bias| {
        let layers = vec![
            Layer::Flatten,
            Layer::BatchNorm(BatchNorm::new(784)),
            linear(784, 300, hidden_bias)?,
            Layer::Activation(Activation::Elu),
            Layer::BatchNorm(BatchNorm::new(300)),
            linear(300, 100, hidden_bias)?,
            Layer::Activation(Activation::Elu),
            Layer::BatchNorm(BatchNorm::new(100)),
            linear(100, 10, true)?,
        ];
        Sequential::new(&[28, 28], layers)?.summary()
    };
    write!(out, "{}", network(true)?)?;
    writeln!(out, "without hidden biases: {}", network(false)?.total())?;
    Ok(())
}
// ANCHOR_END: summary

// ANCHOR: bring_in
fn bring_in(out: &mut String) -> Result {
    let file = include_bytes!("../tests/golden/interchange/pytorch.safetensors");
    let tensors = Tensors::from_bytes(file)?;
    let window = Window { padding: 1, ..Window::default() };
    let bias = tensors.array("conv.bias")?;
    let conv = Conv2d::<f32>::new(tensors.array("conv.weight")?, Some(bias), window)?;

    // The file does not say what ε is: it is PyTorch's default here.
    let config: Config<f32> = Profile::PyTorch.config();
    let bn = tensors.batch_norm("bn1", Style::PyTorch, config)?;
    writeln!(out, "batches seen: {}", bn.batches())?;
    writeln!(out, "running mean: {:.4}", bn.running_mean)?;
    writeln!(out, "running variance: {:.4}", bn.running_var)?;

    let map = bn.freeze()?;
    let (weight, bias) = into_previous(&conv.weight, conv.bias.as_ref(), &map)?;
    let folded = Conv2d::new(weight, Some(bias), window)?;

    let (x, answer): (_, Array4<f32>) =
        (tensors.array("example.x")?, tensors.array("example.bn1")?);
    let mut compare = |name, y: Array4<f32>| {
        let largest = (y - &answer).iter().fold(0.0f32, |a, d| a.max(d.abs()));
        writeln!(out, "{name:28}off by {largest:.0e} at most")
    };
    let z = conv.apply(&x)?;
    compare("convolution, then BN", map.apply(&z)?)?;
    compare("folded", folded.apply(&x)?)?;

    let keras = Config { eps: Profile::Keras.eps(), ..config };
    let other = tensors.batch_norm("bn1", Style::PyTorch, keras)?;
    compare("with Keras's ε", other.freeze()?.apply(&z)?)?;
    Ok(())
}
// ANCHOR_END: bring_in

/// The running variance of Gaussian values with the variance 4, in batches of four, after each batch: the mean
/// over many channels, for that of one swings.
fn running_variance(profile: Profile) -> Result<Vec<(f64, f64)>> {
    const CHANNELS: usize = 512;
    let mut random = Random::new(2);
    let mut bn = BatchNorm::<f64>::with(CHANNELS, profile.config())?;
    let mut path = vec![(0.0, 1.0)];
    for batch in 1..=200 {
        let x = Array2::from_shape_simple_fn((4, CHANNELS), || 2.0 * random.gaussian());
        let (_, _) = bn.train(x)?;
        path.push((f64::from(batch), bn.running_var.sum() / CHANNELS as f64));
    }
    Ok(path)
}

fn figures(lang: Lang) -> Result<Vec<Figure>> {
    let of = [
        ("PyTorch, candle", running_variance(Profile::PyTorch)?),
        ("ONNX, burn", running_variance(Profile::Onnx)?),
        ("Keras, Flax", running_variance(Profile::Keras)?),
    ];
    let lines = of.each_ref().map(|(label, points)| Series { label, points });
    Ok(vec![("running_variance", figures::frameworks::running_variance(&lines, 4.0, 4, lang))])
}
