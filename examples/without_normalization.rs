//! The code of the chapter "without_normalization": what takes over when the layer is gone.

mod common;
#[path = "without_normalization/deep.rs"]
mod deep;

use batchnorm::batch_norm::BatchNorm;
use batchnorm::dynamic_tanh::DynamicTanh;
use batchnorm::fixup::Fixup;
use batchnorm::gradient_clipping::AdaptiveClipping;
use batchnorm::layer_norm::LayerNorm;
use batchnorm::nn::{init::Init, product::product, random::Random};
use batchnorm::skip_init::SkipInit;
use common::{Figure, Lang, Result, cells, experiments};
use figures::Interval;
use figures::without_normalization::{Curves, Growth};
use ndarray::{Array2, array};
use std::fmt::Write;

fn main() -> std::process::ExitCode {
    let cells = cells![residual_variance, fixup, skip_init, dynamic_tanh, clipping];
    let experiments = experiments![deep: deep::Deep];
    common::run("without_normalization", cells, experiments, |lang, _| figures(lang))
}

const SEEDS: u64 = 8;

// ANCHOR: residual_variance
/// What ends a residual branch.
#[derive(Clone, Copy)]
enum End {
    Plain,
    BatchNorm,
    SkipInit,
}

/// The variance of the activations after each of 40 blocks, by that of the input: the branch is a ReLU and a
/// layer of width 64 with He's initialization, the input 64 samples.
fn variances(end: End, seed: u64) -> Result<Vec<f64>> {
    let random = &mut Random::new(seed);
    let mut x = Array2::from_shape_simple_fn((64, 64), || random.gaussian() as f32);
    let input = x.var(0.0);
    let mut variances = vec![1.0];
    for _ in 0..40 {
        let w = Init::He.draw((64, 64), random)?;
        let mut branch = product(&x.mapv(|x| f32::max(x, 0.0)), &w)?;
        if let End::BatchNorm = end {
            branch = BatchNorm::new(64).train(branch)?.0;
        }
        let alpha = if let End::SkipInit = end { 0.0 } else { 1.0 };
        x = SkipInit { alpha }.forward(x, branch)?.0;
        variances.push(f64::from(x.var(0.0) / input));
    }
    Ok(variances)
}

fn residual_variance(out: &mut String) -> Result {
    let [plain, batch, skip] = growth()?;
    writeln!(out, " ℓ             2^ℓ           plain    ℓ+1   batch norm   SkipInit")?;
    for l in [0, 1, 2, 5, 10, 20, 40] {
        let (doubled, next) = (2f64.powi(l as i32), l + 1);
        let (plain, batch, skip) = (plain[l].mid, batch[l].mid, skip[l].mid);
        writeln!(
            out,
            "{l:2}   {doubled:13}   {plain:13.1}   {next:4}   {batch:10.2}   {skip:8.3}"
        )?;
    }
    Ok(())
}
// ANCHOR_END: residual_variance

// ANCHOR: fixup
/// The output of L branches of m scalar layers after a step of gradient descent with η = 0.1, from the
/// input 1, for ∂L/∂(output) = 1. The inner layers are s, the last 0.
fn first_step(branches: usize, layers: usize, s: f64) -> f64 {
    let inner = s.powi(layers as i32 - 1); // what reaches the last layer, and its gradient
    let last = -0.1 * inner;
    (0..branches).fold(1.0, |x, _| x + inner * last * x)
}

fn fixup(out: &mut String) -> Result {
    writeln!(out, " m     L    scale   output   without the scale")?;
    for (layers, branches) in [2, 3].into_iter().flat_map(|m| [1, 4, 16, 64, 256].map(|l| (m, l))) {
        let s = Fixup::new(branches, layers)?.scale();
        let (with, without) = (first_step(branches, layers, s), first_step(branches, layers, 1.0));
        writeln!(out, "{layers:2}  {branches:4}   {s:.4}   {with:.4}   {without:.4}")?;
    }
    Ok(())
}
// ANCHOR_END: fixup

// ANCHOR: skip_init
fn skip_init(out: &mut String) -> Result {
    let (x, branch, g) = (array![1.0, 2.0, 3.0], array![10.0, -5.0, -4.0], array![0.5, 1.0, 2.0]);
    let mut end = SkipInit::new();
    for _ in 0..2 {
        let (y, tape) = end.forward(x.clone(), branch.clone())?;
        let gradients = tape.backward(&g)?;
        writeln!(out, "α = {:.2}   y = {y:.2}", end.alpha)?;
        writeln!(
            out,
            "  dα = {:.1}   to the skip {:.2}   to the branch {:.2}",
            gradients.alpha, gradients.skip, gradients.branch
        )?;
        end.alpha -= gradients.alpha / 16.0;
    }
    Ok(())
}
// ANCHOR_END: skip_init

// ANCHOR: dynamic_tanh
fn dynamic_tanh(out: &mut String) -> Result {
    let mut layer = DynamicTanh::new(1, 0.5);
    (layer.gamma, layer.beta) = (array![2.0], array![1.0]);
    writeln!(out, "     x        y    y−β    dy/dx")?;
    for x in [-100.0, -2.0, -0.1, 0.0, 0.1, 2.0, 100.0] {
        let (y, tape) = layer.forward(array![[x]])?;
        let slope = tape.backward(&array![[1.0]])?.x[[0, 0]];
        let y = y[[0, 0]];
        writeln!(out, "{x:6}   {y:6.3} {:6.3}   {slope:6.4}", y - 1.0)?;
    }
    Ok(())
}
// ANCHOR_END: dynamic_tanh

// ANCHOR: clipping
fn clipping(out: &mut String) -> Result {
    let weight = array![[3.0, 4.0], [0.6, 0.8], [0.0, 0.0]];
    let before = array![[0.03, 0.04], [3.0, 4.0], [0.3, -0.4]];
    let mut after = before.clone();
    let clipped = AdaptiveClipping::new(0.1, 1e-3)?.clip(&weight, &mut after)?;
    writeln!(out, "λ = 0.1, ε = 0.001: {clipped} of 3 units clipped")?;
    let length = |row: ndarray::ArrayView1<f64>| row.pow2().sum().sqrt();
    for i in 0..3 {
        let (w, g, then) = (weight.row(i), before.row(i), after.row(i));
        writeln!(
            out,
            "‖w‖ = {}   g = {g:5}   ‖g‖ = {:.2}   →   g = {then:8.5}   ‖g‖ = {:.4}",
            length(w),
            length(g),
            length(then)
        )?;
    }
    Ok(())
}
// ANCHOR_END: clipping

fn figures(lang: Lang) -> Result<Vec<Figure>> {
    let [plain, batch, skip] = growth()?;
    let growth = Growth { plain, batch, skip };
    Ok(vec![
        ("residual_growth", figures::without_normalization::residual_growth(&growth, lang)),
        ("dynamic_tanh", figures::without_normalization::dynamic_tanh(&curves()?, lang)),
    ])
}

fn growth() -> Result<[Vec<Interval>; 3]> {
    Ok([over_seeds(End::Plain)?, over_seeds(End::BatchNorm)?, over_seeds(End::SkipInit)?])
}

/// The variances of all seeds: lowest, mean and highest.
fn over_seeds(end: End) -> Result<Vec<Interval>> {
    let runs: Vec<_> = (0..SEEDS).map(|seed| variances(end, seed)).collect::<Result<_>>()?;
    let at = |l: usize| {
        let values = || runs.iter().map(|run| run[l]);
        let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
        Interval { x: l as f64, low, mid: values().sum::<f64>() / SEEDS as f64, high }
    };
    Ok((0..runs[0].len()).map(at).collect())
}

/// One value of eight normalized as it moves, the others ±1 about 0; and a tanh with its slope at 0 and its
/// bound.
fn curves() -> Result<Curves> {
    let others = [1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 0.0];
    let layer = LayerNorm::new(8, 0.0)?;
    let normalized = |x: f64| -> Result<f64> {
        let mut values = others.to_vec();
        values.push(x);
        Ok(layer.forward(Array2::from_shape_vec((1, 8), values)?)?.0[[0, 7]])
    };
    let bound = f64::sqrt(7.0);
    let h = 1e-6;
    let slope = (normalized(h)? - normalized(-h)?) / (2.0 * h);
    let mut tanh = DynamicTanh::new(1, slope / bound);
    tanh.gamma = array![bound];
    let mut curves = Curves { normalized: Vec::new(), tanh: Vec::new(), bound };
    for x in (-120..=120).map(|i| f64::from(i) / 10.0) {
        curves.normalized.push((x, normalized(x)?));
        curves.tanh.push((x, tanh.forward(array![[x]])?.0[[0, 0]]));
    }
    Ok(curves)
}
