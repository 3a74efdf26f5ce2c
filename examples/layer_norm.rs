//! The code of the chapter "layer_norm": each sample by itself.

mod common;
#[path = "layer_norm/network.rs"]
mod network;
#[path = "layer_norm/recurrent.rs"]
mod recurrent;

use batchnorm::batch_norm::{BatchNorm, Config};
use batchnorm::group_norm::GroupNorm;
use batchnorm::layer_norm::LayerNorm;
use batchnorm::nn::random::Random;
use common::{Figure, Lang, Result, cells, experiments};
use ndarray::{Array1, Array2, Array4, array};
use std::fmt::Write;

fn main() -> std::process::ExitCode {
    let cells = cells![by_hand, which_axes, gradient];
    let experiments = experiments![recurrent: recurrent::Recurrent];
    common::run("layer_norm", cells, experiments, |lang, _| figures(lang))
}

// ANCHOR: by_hand
fn by_hand(out: &mut String) -> Result {
    let x = array![[1.0, 1.0, 4.0, 10.0], [11.0, 11.0, 14.0, 20.0]]; // two samples, four features
    let mut ln = LayerNorm::new(4, 2.5)?;
    let (x_hat, tape) = ln.forward(x.clone())?;
    ln.gamma = Some(array![1.0, 2.0, 3.0, 4.0]);
    ln.beta = Some(array![0.0, 1.0, 0.0, 1.0]);
    let (y, _) = ln.forward(x.clone())?;

    for i in 0..2 {
        writeln!(out, "x  {:6.2}   mean {}   var {}", x.row(i), tape.mean()[i], tape.var()[i])?;
        writeln!(out, "x̂  {:6.2}", x_hat.row(i))?;
        writeln!(out, "y  {:6.2}", y.row(i))?;
    }
    Ok(())
}
// ANCHOR_END: by_hand

// ANCHOR: which_axes
fn which_axes(out: &mut String) -> Result {
    let mut random = Random::new(0);
    let x = Array4::from_shape_simple_fn((2, 4, 3, 3), || random.gaussian());
    let (one_group, _) = GroupNorm::new(1, 4, 1e-5)?.forward(x.clone())?;
    let pixels = [0, 2, 3, 1]; // [N, H, W, C]: then the last axis holds the channels of one pixel
    let layers = [
        ("C, H, W", LayerNorm::over_channels(4, 1e-5)?, [0, 1, 2, 3]),
        ("C, H, W", LayerNorm::over_axes(&[4, 3, 3], 1e-5)?, [0, 1, 2, 3]),
        ("W", LayerNorm::new(3, 1e-5)?, [0, 1, 2, 3]),
        ("C", LayerNorm::new(4, 1e-5)?, pixels),
    ];
    writeln!(out, "mean over   means    m   γ, β   |y − GN(1)|")?;
    for (name, ln, order) in layers {
        let parameters = ln.gamma.as_ref().map_or(0, |gamma| gamma.len());
        let (y, tape) = ln.forward(x.clone().permuted_axes(order))?;
        let (means, m) = (tape.moments().len(), tape.count());
        let off = y - one_group.view().permuted_axes(order);
        let off = off.iter().fold(0.0, |largest: f64, d| largest.max(d.abs()));
        writeln!(out, "{name:9} {means:7} {m:4} {parameters:6} {off:13.3}")?;
    }
    Ok(())
}
// ANCHOR_END: which_axes

// ANCHOR: gradient
fn gradient(out: &mut String) -> Result {
    let (x, g) = (array![1.0, 1.0, 4.0, 10.0], array![4.0, 0.0, 0.0, 4.0]);
    let gamma = array![2.0, 1.0, 1.0, 0.5];
    let mut ln = LayerNorm::new(4, 2.5)?;
    ln.gamma = Some(gamma.clone());
    let (_, tape) = ln.forward(x.clone())?;
    let library = tape.backward(&g)?.x;

    let x_hat = (&x - 4.0) / 4.0;
    let through = |g: &Array1<f64>| (g - g.sum() / 4.0 - g.dot(&x_hat) / 4.0 * &x_hat) / 4.0;
    let (inside, outside) = (through(&(&gamma * &g)), &gamma * through(&g));

    for (name, dx) in [("library", library), ("γ inside", inside), ("γ outside", outside)] {
        writeln!(out, "{name:10} 64 dx = {:4}   64 Σ dx = {:2}", 64.0 * &dx, 64.0 * dx.sum())?;
    }
    Ok(())
}
// ANCHOR_END: gradient

fn figures(lang: Lang) -> Result<Vec<Figure>> {
    Ok(vec![("rows_and_columns", rows_and_columns(lang)?)])
}

/// Three samples: one, the same brighter by ten, and the same backwards.
fn rows_and_columns(lang: Lang) -> Result<String> {
    let x = array![[1.0, 1.0, 4.0, 10.0], [11.0, 11.0, 14.0, 20.0], [10.0, 4.0, 1.0, 1.0]];
    let eps = 2.5;
    let mut bn = BatchNorm::with(4, Config { eps, ..Config::default() })?;
    let (by_columns, _) = bn.train(x.clone())?;
    let (by_rows, _) = LayerNorm::new(4, eps)?.forward(x.clone())?;
    let rows = |table: &Array2<f64>| -> Vec<_> { table.outer_iter().map(|r| r.to_vec()).collect() };
    let (x, by_columns, by_rows) = (rows(&x), rows(&by_columns), rows(&by_rows));
    Ok(figures::layer_norm::rows_and_columns(&x, &by_columns, &by_rows, lang))
}
