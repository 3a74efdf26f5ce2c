//! The code of the chapter "placement": batch normalization before the activation, after it, and elsewhere.

mod common;
#[path = "placement/experiment.rs"]
mod experiment;

use batchnorm::batch_norm::{Average, BatchNorm, Config, RunningVar};
use batchnorm::nn::activation::Activation;
use batchnorm::nn::dropout::Dropout;
use batchnorm::nn::init::Init;
use batchnorm::nn::linear::Linear;
use batchnorm::nn::random::Random;
use batchnorm::nn::sequential::{Layer, Sequential};
use common::{Figure, Lang, Result, cells, experiments};
use figures::placement::{self as draw, Rectified};
use ndarray::{Array1, Array2, Axis, array};
use serde::{Deserialize, Serialize};
use std::fmt::Write;

fn main() -> std::process::ExitCode {
    let cells = cells![z_or_a, relu, sigmoid, bias, output, dropout];
    let experiments = experiments![experiment: experiment::Textbook];
    common::run("placement", cells, experiments, |lang, _| figures(lang))
}

// ANCHOR: z_or_a
fn z_or_a(out: &mut String) -> Result {
    let z = array![[-3.0], [-1.0], [1.0], [3.0], [5.0]];
    let norm = |x: Array2<f64>| BatchNorm::new(1).train(x).map(|(y, _)| y);
    let before = Activation::Relu.apply(norm(z.clone())?);
    let after = norm(Activation::Relu.apply(z.clone()))?;
    writeln!(out, "    z   ReLU(BN(z))   BN(ReLU(z))")?;
    for ((z, before), after) in z.iter().zip(&before).zip(&after) {
        writeln!(out, "{z:5} {before:13.3} {after:13.3}")?;
    }
    let [a, b] = [&before, &after].map(|y| y.mean().unwrap_or(0.0));
    writeln!(out, " mean {a:13.3} {b:13.3}")?;
    let [a, b] = [&before, &after].map(|y| y.iter().filter(|y| **y == 0.0).count());
    writeln!(out, "zeros {a:13} {b:13}")?;
    Ok(())
}
// ANCHOR_END: z_or_a

/// The standard Gaussian's distribution function and density.
fn cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z / std::f64::consts::SQRT_2)
}
fn pdf(z: f64) -> f64 {
    libm::exp(-0.5 * z * z) / libm::sqrt(2.0 * std::f64::consts::PI)
}

// ANCHOR: relu
/// Share of zeros, mean and mean square of ReLU(γ z + β), for a Gaussian z.
fn rectified(gamma: f64, beta: f64) -> [f64; 3] {
    let (a, k) = (gamma.abs(), beta / gamma.abs());
    let (above, edge) = (cdf(k), a * pdf(k));
    [1.0 - above, beta * above + edge, (beta * beta + a * a) * above + beta * edge]
}

fn relu(out: &mut String) -> Result {
    // 100 units, whatever their inputs were, see 1000 samples.
    let mut random = Random::new(0);
    let z = Array2::from_shape_simple_fn((1000, 100), || 5.0 + 3.0 * random.gaussian());
    writeln!(out, "            zeros             mean              mean square       dead")?;
    writeln!(out, "   γ    β   here  formula     here  formula     here  formula     units")?;
    for (gamma, beta) in [(1.0, 0.0), (2.0, 0.0), (1.0, 1.0), (1.0, -1.0), (1.0, -2.0), (0.5, -2.0)]
    {
        let mut bn = BatchNorm::new(100);
        bn.gamma = Some(Array1::from_elem(100, gamma));
        bn.beta = Some(Array1::from_elem(100, beta));
        let a = Activation::Relu.apply(bn.train(z.clone())?.0);
        let mean = |f: fn(f64) -> f64| a.mapv(f).mean().unwrap_or(0.0);
        let here = [mean(|a| f64::from(u8::from(a == 0.0))), mean(|a| a), mean(|a| a * a)];
        let dead = a.columns().into_iter().filter(|unit| unit.iter().all(|a| *a == 0.0)).count();
        let pairs = here.iter().zip(rectified(gamma, beta));
        let pairs: String = pairs.map(|(here, f)| format!("{here:7.4} {f:7.4}   ")).collect();
        writeln!(out, "{gamma:4} {beta:4} {pairs}{dead:5}")?;
    }
    Ok(())
}
// ANCHOR_END: relu

// ANCHOR: sigmoid
/// Slope of the line that fits f(γ z) best, for a Gaussian z, and the share R² of the variance that it
/// explains. By Stein's lemma the slope is E f′(γ z).
fn line(f: Activation, gamma: f64) -> [f64; 2] {
    // Gaussian weights on a fine grid.
    let z = Array1::linspace(-9.0, 9.0, 3601);
    let w = z.mapv(pdf) * (18.0 / 3600.0);
    let y = f.apply(&z * gamma);
    let mean = |v: Array1<f64>| (v * &w).sum();
    let center = mean(y.clone());
    let (with_z, variance) = (mean(&y * &z), mean((&y - center).pow2()));
    [with_z / gamma, with_z * with_z / variance]
}

fn sigmoid(out: &mut String) -> Result {
    writeln!(out, "           sigmoid            tanh")?;
    writeln!(out, "    γ   slope      R²     slope      R²")?;
    for gamma in [0.5, 1.0, 2.0, 4.0, 8.0] {
        let ([s, r], [t, q]) = (line(Activation::Sigmoid, gamma), line(Activation::Tanh, gamma));
        writeln!(out, "{gamma:5} {s:7.4} {r:7.4}   {t:7.4} {q:7.4}")?;
    }
    Ok(())
}
// ANCHOR_END: sigmoid

// ANCHOR: bias
fn bias(out: &mut String) -> Result {
    let mut random = Random::new(0);
    let x = Array2::from_shape_simple_fn((64, 8), || random.gaussian());
    let g = Array2::from_shape_simple_fn((64, 4), || random.gaussian());
    let weight = Init::He.draw((4, 8), &mut random)?;
    writeln!(out, "                     change of the output     largest |∂L/∂b|")?;
    for before in [true, false] {
        let mut outputs = Vec::new();
        let mut largest = 0.0;
        for b in [0.0, 3.0] {
            let linear = Linear::new(weight.clone(), Some(Array1::from_elem(4, b)))?;
            let (z, tape) = linear.forward(x.clone())?;
            let mut bn = BatchNorm::new(4);
            let (y, dz) = if before {
                let (z, norm) = bn.train(z)?;
                let (y, relu) = Activation::Relu.forward(z);
                (y, norm.backward(&relu.backward(&g)?)?.x)
            } else {
                let (a, relu) = Activation::Relu.forward(z);
                let (y, norm) = bn.train(a)?;
                (y, relu.backward(&norm.backward(&g)?.x)?)
            };
            let db = tape.backward(&dz)?.bias.unwrap_or_default();
            largest = db.fold(largest, |largest: f64, d| largest.max(d.abs()));
            outputs.push(y);
        }
        let change = (&outputs[0] - &outputs[1]).fold(0.0, |c: f64, d| c.max(d.abs()));
        let place = if before { "before" } else { "after" };
        writeln!(out, "{place:6} the ReLU {change:24.1e} {largest:19.1e}")?;
    }
    Ok(())
}
// ANCHOR_END: bias

// ANCHOR: output
fn output(out: &mut String) -> Result {
    // Two batches of a regression, whose targets are the inputs themselves.
    let batches = [array![[1.0], [2.0], [3.0]], array![[11.0], [12.0], [16.0]]];
    let mut bn = BatchNorm::new(1);
    // γ and β by least squares: ȳ and Cov(x̂, y).
    let mut normalized = Vec::new();
    for batch in &batches {
        normalized.push(bn.train(batch.clone())?.0);
    }
    let mean = batches.iter().map(|y| y.sum()).sum::<f64>() / 6.0;
    let both = |x: &Array2<f64>, y: &Array2<f64>| (x * y).sum();
    let gamma = normalized.iter().zip(&batches).map(|(x, y)| both(x, y)).sum::<f64>()
        / normalized.iter().map(|x| both(x, x)).sum::<f64>();
    writeln!(out, "target               best output                  squared error")?;
    for (x, y) in normalized.iter().zip(&batches) {
        let best = x * gamma + mean;
        let error = (&best - y).pow2().mean().unwrap_or(0.0);
        writeln!(out, "{:4}   {:6.2}   {error:15.2}", y.column(0), best.column(0))?;
    }
    Ok(())
}
// ANCHOR_END: output

// ANCHOR: dropout
fn dropout(out: &mut String) -> Result {
    // ReLU of a Gaussian: mean μ = 0.399 and variance 0.341.
    let mut random = Random::new(0);
    let x = Array2::from_shape_simple_fn((4096, 16), || random.gaussian());
    let a = Activation::Relu.apply(x);
    let config = Config { average: Average::Cumulative, ..Config::default() };
    writeln!(out, "  p   variance learned   (σ² + p μ²)/(1 − p)   in use    output in use, sd")?;
    for p in [0.0, 0.1, 0.3, 0.5, 0.8] {
        let (drop, mut bn) = (Dropout::new(p)?, BatchNorm::with(16, config)?);
        for _ in 0..20 {
            let (dropped, _) = drop.train(a.clone(), &mut random);
            let _ = bn.train(dropped)?;
        }
        let [var, mean] = [a.var(0.0), a.mean().unwrap_or(0.0)];
        let learned = bn.running_var.mean().unwrap_or(0.0);
        let expected = (var + p * mean * mean) / (1.0 - p);
        // Nothing is dropped in use.
        let y = bn.freeze()?.apply(&a)?;
        writeln!(
            out,
            "{p:3} {learned:18.4} {expected:21.4} {var:8.4} {:20.4}",
            y.std_axis(Axis(0), 0.0).mean().unwrap_or(0.0)
        )?;
    }
    Ok(())
}
// ANCHOR_END: dropout

/// Where batch normalization stands in the network of the experiment.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Place {
    Nowhere,
    Before,
    After,
}

// ANCHOR: experiment
/// The textbook's network: 300 and 100 units with ELU; where there is batch normalization, at the input too.
fn model(
    place: Place,
    bias: bool,
    pixels: usize,
    classes: usize,
    seed: u64,
) -> Result<Sequential<f32>> {
    let keras = Config {
        eps: 1e-3,
        average: Average::Exponential { momentum: 0.01 },
        running_var: RunningVar::Biased,
        ..Config::default()
    };
    let (random, mut layers) = (&mut Random::new(seed), Vec::new());
    if place != Place::Nowhere {
        layers.push(Layer::BatchNorm(BatchNorm::with(pixels, keras)?));
    }
    for size in [(pixels, 300), (300, 100)] {
        layers.push(Layer::Linear(Linear::random(size, bias, Init::He, random)?));
        let norm = Layer::BatchNorm(BatchNorm::with(size.1, keras)?);
        let elu = Layer::Activation(Activation::Elu);
        layers.extend(match place {
            Place::Nowhere => vec![elu],
            Place::Before => vec![norm, elu],
            Place::After => vec![elu, norm],
        });
    }
    layers.push(Layer::Linear(Linear::random((100, classes), true, Init::Xavier, random)?));
    Ok(Sequential::new(&[pixels], layers)?)
}
// ANCHOR_END: experiment

fn figures(lang: Lang) -> Result<Vec<Figure>> {
    let relu = [(1.0, 0.0), (1.0, 1.0), (1.0, -1.0)].map(|(gamma, beta)| {
        let [zero, mean, _] = rectified(gamma, beta);
        Rectified { gamma, beta, zero, mean }
    });
    let sigmoid = [1.0, 2.0, 4.0].map(|gamma| {
        let [slope, explained] = line(Activation::Sigmoid, gamma);
        (gamma, slope, explained)
    });
    Ok(vec![
        ("two_orders", draw::two_orders(lang)),
        ("relu", draw::relu(&relu, lang)),
        ("sigmoid", draw::sigmoid(&sigmoid, lang)),
    ])
}
