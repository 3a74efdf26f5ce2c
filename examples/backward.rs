//! The code of the chapter "backward": what gradient comes back through a mini-batch.

mod common;
#[path = "backward/detached.rs"]
mod detached;

use batchnorm::batch_norm::{BatchNorm, Config};
use batchnorm::nn::random::Random;
use batchnorm::nn::real::Real;
use batchnorm::norm;
use batchnorm::split::Plan;
use common::{Figure, Lang, Result, cells, experiments};
use figures::Series;
use ndarray::{Array1, Array2, Axis, array};
use std::fmt::Write;

fn main() -> std::process::ExitCode {
    let cells = cells![by_hand, node_by_node, finite_difference, jacobian, wrong_backwards];
    let experiments = experiments![detached: detached::Detached];
    common::run("backward", cells, experiments, |lang, _| figures(lang))
}

// ANCHOR: by_hand
fn by_hand(out: &mut String) -> Result {
    let x = array![[1.0], [1.0], [4.0], [10.0]];
    let g = array![[4.0], [0.0], [0.0], [0.0]];
    let mut bn = BatchNorm::with(1, Config { eps: 2.5, ..Config::default() })?;
    bn.gamma = Some(array![2.0]);

    let (_, tape) = bn.train(x)?;
    let gradients = tape.backward(&g)?;

    writeln!(out, "dβ      {:>9}", gradients.beta[0])?;
    writeln!(out, "dγ      {:>9}", gradients.gamma[0])?;
    writeln!(out, "dx      {:9.5}", gradients.x.column(0))?;
    writeln!(out, "32 dx   {:9.0}", 32.0 * &gradients.x.column(0))?;
    writeln!(out, "Σ dx    {:>9}", gradients.x.sum())?;
    Ok(())
}
// ANCHOR_END: by_hand

// ANCHOR: node_by_node
fn node_by_node(out: &mut String) -> Result {
    let (x, g) = (array![1.0, 1.0, 4.0, 10.0], array![4.0, 0.0, 0.0, 0.0]);
    let (m, eps, gamma) = (4.0, 2.5, 2.0);
    let mean = x.sum() / m;
    let centred = &x - mean;
    let var = centred.pow2().sum() / m;
    let s = f64::sqrt(var + eps);

    let dx_hat = &g * gamma;
    let dvar = -(&dx_hat * &centred).sum() / (2.0 * s * s * s);
    let through_var = dvar * 2.0 * (-&centred).sum() / m;
    let dmean = -dx_hat.sum() / s + through_var;
    let dx = &dx_hat / s + dvar * 2.0 * &centred / m + dmean / m;

    writeln!(out, "∂L/∂x̂   {dx_hat:8.5}")?;
    writeln!(out, "∂L/∂v   {dvar:9.5}")?;
    writeln!(out, "∂L/∂μ   {dmean:9.5}   (∂L/∂v · ∂v/∂μ = {through_var:.5})")?;
    writeln!(out, "∂L/∂x   {dx:8.5}")?;
    Ok(())
}
// ANCHOR_END: node_by_node

// ANCHOR: finite_difference
fn finite_difference(out: &mut String) -> Result {
    let loss = |x1: f64| -> Result<f64> {
        let (y, _) = layer(2.0)?.train(array![[x1], [1.0], [4.0], [10.0]])?;
        Ok(4.0 * y[[0, 0]])
    };
    let (_, tape) = layer(2.0)?.train(array![[1.0], [1.0], [4.0], [10.0]])?;
    let dx = tape.backward(&array![[4.0], [0.0], [0.0], [0.0]])?.x[[0, 0]];

    writeln!(out, "backward  {dx}")?;
    writeln!(out, "    h   central            error   one-sided          error")?;
    for h in [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-10, 1e-12] {
        let central = (loss(1.0 + h)? - loss(1.0 - h)?) / (2.0 * h);
        let one_sided = (loss(1.0 + h)? - loss(1.0)?) / h;
        let (a, b) = ((central - dx).abs(), (one_sided - dx).abs());
        writeln!(out, "{h:5e}   {central:.12}  {a:7.0e}   {one_sided:.12}  {b:7.0e}")?;
    }
    Ok(())
}
// ANCHOR_END: finite_difference

// ANCHOR: jacobian
fn the_jacobian() -> Result<Array2<f64>> {
    let mut j = Array2::eye(4);
    for mut row in j.outer_iter_mut() {
        let (_, tape) = layer(1.0)?.train(array![[1.0], [1.0], [4.0], [10.0]])?;
        let g = row.to_owned().insert_axis(Axis(1));
        row.assign(&tape.backward(&g)?.x.column(0));
    }
    Ok(j)
}

fn jacobian(out: &mut String) -> Result {
    let j = 256.0 * the_jacobian()?;
    writeln!(out, "256 J\n{j:3}")?;
    for v in [array![1, 1, 1, 1], array![-3, -3, 0, 6], array![1, -1, 0, 0], array![1, 1, -3, 1]] {
        writeln!(out, "256 J · {v:2} = {:4}", j.dot(&v.mapv(f64::from)))?;
    }
    Ok(())
}
// ANCHOR_END: jacobian

// ANCHOR: wrong_backwards
fn wrong_backwards(out: &mut String) -> Result {
    let x_hat = (array![1.0, 1.0, 4.0, 10.0] - 4.0) / 4.0;
    let dx = |mu: f64, v: f64, g: &Array1<f64>| {
        let (mean_g, mean_gx) = (g.sum() / 4.0, g.dot(&x_hat) / 4.0);
        2.0 / 4.0 * (g - mu * mean_g - v * mean_gx * &x_hat)
    };
    let error = |mu, v, g| (dx(mu, v, g) - dx(1.0, 1.0, g)).abs().fold(0.0, |a: f64, &b| a.max(b));
    let (g, ones) = (array![4.0, 0.0, 0.0, 0.0], array![1.0, 1.0, 1.0, 1.0]);

    writeln!(out, "g =            (4, 0, 0, 0)                  (4, 0, 0, 0)  (1, 1, 1, 1)")?;
    writeln!(out, "               32 dx                 32 Σdx         error         error")?;
    let right = ("dx", 1.0, 1.0);
    let wrong = [("μ detached", 0.0, 1.0), ("v detached", 1.0, 0.0), ("both detached", 0.0, 0.0)];
    for (name, mu, v) in [right].into_iter().chain(wrong).chain([("Σ g x̂/(m−1)", 1.0, 4.0 / 3.0)])
    {
        let scaled = 32.0 * dx(mu, v, &g);
        let (seen, unseen) = (error(mu, v, &g), error(mu, v, &ones));
        writeln!(out, "{name:13}  {scaled:3}  {:6} {seen:13.5} {unseen:13.5}", scaled.sum())?;
    }
    Ok(())
}
// ANCHOR_END: wrong_backwards

/// ε = 2.5, so that √(v + ε) is 4 for 1, 1, 4, 10.
fn layer(gamma: f64) -> Result<BatchNorm<f64>> {
    let mut bn = BatchNorm::with(1, Config { eps: 2.5, ..Config::default() })?;
    bn.gamma = Some(array![gamma]);
    Ok(bn)
}

fn figures(lang: Lang) -> Result<Vec<Figure>> {
    use figures::backward::{finite_difference, graph, jacobian, projection};
    let (f64, f32) = (differences::<f64>(24)?, differences::<f32>(12)?);
    let series = [Series { label: "f64", points: &f64 }, Series { label: "f32", points: &f32 }];
    let rows: Vec<Vec<f64>> = the_jacobian()?.outer_iter().map(|row| row.to_vec()).collect();
    Ok(vec![
        ("graph", graph(lang)),
        ("finite_difference", finite_difference(&series, lang)),
        ("projection", projection(lang)),
        ("jacobian", jacobian(&rows, lang)),
    ])
}

/// (h, error) for h = 1/√10, 1/10, …: how far the central differences of L = Σ g y are from dx, over all
/// eight xᵢ, relative to the largest dx.
fn differences<F: Real>(steps: u32) -> Result<Vec<(f64, f64)>> {
    let mut random = Random::new(0);
    let mut draw = || Array2::from_shape_simple_fn((8, 1), || random.gaussian() as f32);
    let (x, g) = (draw().mapv(f64::from), draw().mapv(f64::from));
    let plan = Plan::batch(&[8, 1])?;
    let loss = |i: usize, h: f64| -> Result<f64> {
        let mut x = x.mapv(F::from_f64);
        x[[i, 0]] = x[[i, 0]] + F::from_f64(h);
        let (y, _) = norm::forward(x, plan, None, None, F::from_f64(1e-5))?;
        Ok(y.iter().zip(&g).map(|(y, g)| y.to_f64() * g).sum())
    };
    let (_, tape) = norm::forward(x.clone(), plan, None, None, 1e-5)?;
    let dx = tape.backward(&g)?.x;
    let largest = dx.fold(0.0, |a: f64, b| a.max(b.abs()));
    let mut points = Vec::new();
    for step in 1..=steps {
        let h = libm::exp10(-f64::from(step) / 2.0);
        let mut worst = 0.0_f64;
        for i in 0..8 {
            let central = (loss(i, h)? - loss(i, -h)?) / (2.0 * h);
            worst = worst.max((central - dx[[i, 0]]).abs());
        }
        points.push((h, worst / largest));
    }
    Ok(points)
}
