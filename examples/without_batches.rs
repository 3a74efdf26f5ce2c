//! The code of the chapter "without_batches": smaller batches, larger ones, and weights in their place.

mod common;
#[path = "without_batches/network.rs"]
mod network;
#[path = "without_batches/small_batches.rs"]
mod small_batches;

use batchnorm::batch_norm::{BatchNorm, Config};
use batchnorm::batch_renorm::{BatchRenorm, Clips};
use batchnorm::ghost_batch_norm::GhostBatchNorm;
use batchnorm::nn::{product::product, random::Random};
use batchnorm::spectral_norm::SpectralNorm;
use batchnorm::synchronized;
use batchnorm::weight_norm::WeightNorm;
use batchnorm::weight_standardization::WeightStandardization;
use common::interval::Interval;
use common::{Figure, Lang, Result, cells, experiments, said};
use figures::without_batches::{Iteration, Weights};
use ndarray::{Array1, Array2, array};
use std::fmt::Write;

fn main() -> std::process::ExitCode {
    let cells = cells![renorm, ghost, synchronized, weight_norm, standardized, spectral, following];
    let experiments = experiments![small_batches: small_batches::SmallBatches];
    common::run("without_batches", cells, experiments, |lang, _| figures(lang))
}

// ANCHOR: renorm
fn renorm(out: &mut String) -> Result {
    let batch = array![[1.0], [9.0]]; // μ = 5, s = 4, with ε = 0
    let mut layer = BatchRenorm::new(1, 0.0, 0.01)?;
    (layer.running_mean, layer.running_std) = (array![2.0], array![2.0]);
    let inference = layer.freeze()?.apply(&batch)?;
    let some = Clips { r_max: Some(1.5), d_max: Some(1.0) };
    for clips in [Clips::ALL, some, Clips::NONE] {
        let mut layer = layer.clone();
        layer.clips = clips;
        let (y, tape) = layer.train(batch.clone())?;
        let (r, d) = (tape.r()[0], tape.d()[0]);
        writeln!(out, "r = {r:3}   d = {d:3}   y = {:4}", y.column(0))?;
    }
    writeln!(out, "inference:          y = {:4}", inference.column(0))?;
    Ok(())
}
// ANCHOR_END: renorm

// ANCHOR: ghost
fn ghost(out: &mut String) -> Result {
    let batch = array![[1.0], [3.0], [101.0], [107.0]];
    for chunk in [4, 2] {
        let layer = BatchNorm::with(1, Config { eps: 0.0, ..Config::default() })?;
        let mut ghost = GhostBatchNorm::new(layer, chunk)?;
        let (y, _) = ghost.train(batch.clone())?;
        let (y, steps) = (y.column(0), ghost.layer.batches());
        writeln!(out, "chunks of {chunk}: y = {y:6.3}   steps of the running statistics: {steps}")?;
    }
    Ok(())
}
// ANCHOR_END: ghost

// ANCHOR: synchronized
fn synchronized(out: &mut String) -> Result {
    let shards = [array![[1.0], [2.0]], array![[3.0], [6.0]]];
    let layer = || BatchNorm::<f64>::with(1, Config { eps: 0.5, ..Config::default() });
    for (device, shard) in shards.iter().enumerate() {
        let (y, tape) = layer()?.train(shard.clone())?;
        let (mean, var, y) = (tape.mean()[0], tape.var()[0], y.column(0).to_owned());
        writeln!(out, "device {device} alone:   μ = {mean}   v = {var:4}   y = {y:6.3}")?;
    }
    let (y, _) = synchronized::train(&mut layer()?, shards.to_vec())?;
    let (_, tape) = layer()?.train(array![[1.0], [2.0], [3.0], [6.0]])?;
    let (mean, var) = (tape.mean()[0], tape.var()[0]);
    writeln!(
        out,
        "synchronized:     μ = {mean}     v = {var:4}   y = {:6.3} {:6.3}",
        y[0].column(0),
        y[1].column(0)
    )?;
    Ok(())
}
// ANCHOR_END: synchronized

// ANCHOR: weight_norm
fn weight_norm(out: &mut String) -> Result {
    let mut layer = WeightNorm::new(array![[3.0, 4.0]])?; // g = ‖v‖ = 5
    layer.g = array![10.0];
    writeln!(out, "v = {}   g = {}   w = {}", layer.v, layer.g, layer.weight()?)?;
    for step in 1..=3 {
        let gradients = layer.backward(&array![[0.0, 5.0]])?; // ∂L/∂w
        let dot = (&gradients.v * &layer.v).sum();
        layer.v = &layer.v - &(gradients.v * 0.5);
        let (w, length) = (layer.weight()?, f64::sqrt(layer.v.pow2().sum()));
        writeln!(
            out,
            "step {step}   v·dv = {dot:4.1}   v = {:6.3}   ‖v‖ = {length:.3}   w = {w:6.3}   ‖w‖ = {:.3}",
            layer.v,
            f64::sqrt(w.pow2().sum())
        )?;
    }
    Ok(())
}
// ANCHOR_END: weight_norm

// ANCHOR: standardized
fn standardized(out: &mut String) -> Result {
    let weight: Array2<f64> =
        array![[1.0, 2.0, 3.0, 6.0], [0.5, 1.0, 1.5, 3.0], [51.0, 52.0, 53.0, 56.0]];
    for eps in [0.0, 0.5] {
        let (rows, _) = WeightStandardization::new(eps)?.forward(weight.clone())?;
        writeln!(out, "ε = {eps}")?;
        for (from, to) in weight.rows().into_iter().zip(rows.rows()) {
            let (mean, square) = (to.sum() / 4.0, to.pow2().sum() / 4.0);
            writeln!(out, "  {from:4} → {to:6.3}   mean {:.3}   variance {square:.3}", mean.abs())?;
        }
    }
    Ok(())
}
// ANCHOR_END: standardized

// ANCHOR: spectral
fn spectral(out: &mut String) -> Result {
    let weight = array![[3.0, 0.0], [0.0, 4.0]]; // singular values 3 and 4
    let mut layer = SpectralNorm::new(&weight, array![0.5f64.sqrt(), 0.5f64.sqrt()])?;
    for step in 1..=12 {
        if [1, 2, 3, 6, 12].contains(&step) {
            let sigma = layer.sigma(&weight)?;
            writeln!(
                out,
                "step {step:2}   u = {:.4}   v = {:.4}   σ = {sigma:.5}",
                layer.u, layer.v
            )?;
        }
        layer.step(&weight)?;
    }
    let (normalized, tape) = layer.train(weight)?;
    let gradient = tape.backward(&array![[1.0, 0.0], [0.0, 1.0]])?;
    writeln!(out, "W/σ = {normalized:.4}\ndW  = {gradient:.4}   for G = 1, on the diagonal")?;
    Ok(())
}
// ANCHOR_END: spectral

// ANCHOR: following
/// Estimates of the largest singular value of a matrix that moves by a step at random, of a hundredth of its
/// size, a hundred times; relative to the value itself, mean over the steps: with the u of the step before,
/// and with a new u each time, after one iteration and after ten.
fn follow(seed: u64) -> Result<[f64; 3]> {
    let random = &mut Random::new(seed);
    let mut w = Array2::from_shape_simple_fn((16, 16), || random.gaussian());
    let mut draw = || Array1::from_shape_simple_fn(16, || random.gaussian());
    let unit = |u: Array1<f64>| &u / u.pow2().sum().sqrt();
    let mut kept = SpectralNorm::new(&w, unit(draw()))?;
    let mut shares = [0.0; 3];
    for _ in 0..100 {
        w.rows_mut().into_iter().for_each(|mut row| row += &(draw() * 0.01));
        kept.step(&w)?;
        let mut fresh = SpectralNorm::new(&w, unit(draw()))?;
        let once = fresh.sigma(&w)?;
        (1..10).try_for_each(|_| fresh.step(&w))?;
        let ten = fresh.sigma(&w)?;
        (10..400).try_for_each(|_| fresh.step(&w))?;
        let largest = fresh.sigma(&w)?;
        let of = [kept.sigma(&w)?, once, ten];
        shares.iter_mut().zip(of).for_each(|(share, of)| *share += of / largest / 100.0);
    }
    Ok(shares)
}

fn following(out: &mut String) -> Result {
    let runs = (0..5).map(follow).collect::<Result<Vec<_>>>()?;
    let [kept, once, ten] = [0, 1, 2].map(|i| Interval::of(runs.iter().map(|run| run[i])));
    writeln!(out, "estimate / σ₁, mean over 100 steps; mean and 95 % interval over 5 seeds")?;
    writeln!(out, "u kept, one iteration a step    {kept:.3}")?;
    writeln!(out, "u new, one iteration a step     {once:.3}")?;
    writeln!(out, "u new, ten iterations a step    {ten:.3}")?;
    let criteria =
        [("kept within 1 %", kept.above(0.99)), ("new falls short by 10 %", once.below(0.9))];
    writeln!(out, "{}", said(&criteria))?;
    Ok(())
}
// ANCHOR_END: following

fn figures(lang: Lang) -> Result<Vec<Figure>> {
    Ok(vec![
        ("three_batches", figures::without_batches::three_batches(lang)),
        ("power_iteration", figures::without_batches::power_iteration(&iterations()?, lang)),
        ("weight_norm", figures::without_batches::weight_norm(&step()?, lang)),
    ])
}

/// Power iterations on 8 × 8 matrices whose singular values are 1, q, q², …
fn iterations() -> Result<Vec<Iteration>> {
    let iteration = |ratio: f64| {
        let random = &mut Random::new(2);
        let mut w = Array2::from_diag(&Array1::from_iter((0..8).map(|i| ratio.powi(i))));
        for _ in 0..2 {
            // Mirrored at a random plane from the left, and then turned round.
            let normal = Array2::from_shape_simple_fn((8, 1), || random.gaussian());
            let outer = product(&normal, &normal.t())? * (2.0 / normal.pow2().sum());
            w = product(&(Array2::eye(8) - outer), &w)?.reversed_axes();
        }
        let u = Array1::from_shape_simple_fn(8, || random.gaussian());
        let length = u.pow2().sum().sqrt();
        let mut layer = SpectralNorm::new(&w, u / length)?;
        let mut estimates = vec![layer.sigma(&w)?];
        for _ in 1..20 {
            layer.step(&w)?;
            estimates.push(layer.sigma(&w)?);
        }
        Ok(Iteration { ratio, estimates })
    };
    [0.5, 0.9, 0.99].into_iter().map(iteration).collect()
}

fn step() -> Result<Weights> {
    let pair = |t: &Array2<f64>| (t[[0, 0]], t[[0, 1]]);
    let mut layer = WeightNorm::new(array![[3.0, 1.4]])?;
    layer.g = array![1.7];
    let (w, dw) = (layer.weight()?, array![[0.25, -0.8]]);
    let (v, dv) = (layer.v.clone(), layer.backward(&dw)?.v);
    layer.v = &v - &(dv * 3.4);
    let (v, v_then, w, w_then) = (pair(&v), pair(&layer.v), pair(&w), pair(&layer.weight()?));
    Ok(Weights { v, v_then, w, w_then, pull: pair(&-dw) })
}
