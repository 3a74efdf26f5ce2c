//! The code of the chapter "rms_norm": dividing by the size alone.

mod common;
#[path = "rms_norm/network.rs"]
mod network;
#[path = "rms_norm/recentering.rs"]
mod recentering;

use batchnorm::layer_norm::LayerNorm;
use batchnorm::rms_norm::RmsNorm;
use common::{Figure, Lang, Result, cells, experiments};
use figures::rms_norm::Point;
use ndarray::{Array1, array};
use std::fmt::Write;

fn main() -> std::process::ExitCode {
    let experiments = experiments![recentering: recentering::Recentering];
    common::run("rms_norm", cells![by_hand, shift], experiments, |lang, _| figures(lang))
}

// ANCHOR: by_hand
fn by_hand(out: &mut String) -> Result {
    let x = array![1.0, 7.0];
    writeln!(out, "x = {x}")?;
    for eps in [0.0, 11.0] {
        let (x_hat, tape) = RmsNorm::new(2, eps)?.forward(x.clone())?;
        let (size, left) = (tape.var()[0], x_hat.pow2().sum() / 2.0);
        let r = f64::sqrt(size + eps);
        writeln!(
            out,
            "RMS  ε = {eps:2}   ⟨x²⟩ = {size}   r = {r}   x̂ = {x_hat:7.4}   ⟨x̂²⟩ = {left:.4}"
        )?;
    }
    let (x_hat, tape) = LayerNorm::new(2, 0.0)?.forward(x)?;
    let (mean, var) = (tape.mean()[0], tape.var()[0]);
    writeln!(out, "LN   ε =  0    μ = {mean}   v = {var}            x̂ = {x_hat:7.4}")?;
    Ok(())
}
// ANCHOR_END: by_hand

// ANCHOR: shift
fn shift(out: &mut String) -> Result {
    let (rms, ln) = (RmsNorm::new(4, 0.0)?, LayerNorm::new(4, 0.0)?);
    let x = array![1.0, 1.0, 4.0, 10.0];
    writeln!(out, "    a   RMS(x + a)                              LN(x + a)")?;
    for a in [-4.0, 0.0, 10.0, 100.0, 1000.0] {
        let (by_size, _) = rms.forward(&x + a)?;
        let (by_both, _) = ln.forward(&x + a)?;
        writeln!(out, "{a:5}   {by_size:7.4}   {by_both:7.4}")?;
    }
    Ok(())
}
// ANCHOR_END: shift

fn figures(lang: Lang) -> Result<Vec<Figure>> {
    let mut points = Vec::new();
    for (a, b) in [(0.5, 3.5), (3.0, 2.5), (3.0, -1.0), (0.5, -3.0), (-2.2, -2.6), (-3.2, 0.5)] {
        let layer = LayerNorm::new(2, 0.0)?.forward(array![a, b])?.0;
        let rms = RmsNorm::new(2, 0.0)?.forward(array![a, b])?.0;
        let pair = |v: Array1<f64>| (v[0], v[1]);
        points.push(Point { x: (a, b), layer: pair(layer), rms: pair(rms) });
    }
    Ok(vec![("sphere", figures::rms_norm::sphere(&points, lang))])
}
