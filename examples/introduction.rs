//! The code of the chapter "introduction": a layer in ten lines.

mod common;
#[path = "introduction/inputs.rs"]
mod inputs;

use batchnorm::batch_norm::BatchNorm;
use common::{Figure, Lang, Result, cells, experiments};
use ndarray::array;
use std::fmt::Write;

fn main() -> std::process::ExitCode {
    let experiments = experiments![inputs: inputs::Inputs];
    common::run("introduction", cells![a_layer], experiments, |lang, _| figures(lang))
}

// ANCHOR: a_layer
fn a_layer(out: &mut String) -> Result {
    let mut bn = BatchNorm::<f64>::new(2);
    let x = array![[1.0, 10.0], [3.0, 30.0], [8.0, 80.0]];
    let g = array![[1.0, 0.0], [0.5, 2.0], [0.0, -1.0]];

    let (y, tape) = bn.train(x)?;
    let gradients = tape.backward(&g)?;
    let inference = bn.freeze()?;
    let one = inference.apply(&array![[4.0, 40.0]])?;

    writeln!(out, "y            {:7.3}  {:7.3}", y.column(0), y.column(1))?;
    writeln!(out, "dx           {:7.3}  {:7.3}", gradients.x.column(0), gradients.x.column(1))?;
    writeln!(out, "dγ, dβ       {:7.3}  {:7.3}", gradients.gamma, gradients.beta)?;
    writeln!(out, "running_mean {:7.3}", bn.running_mean)?;
    writeln!(out, "running_var  {:7.3}", bn.running_var)?;
    writeln!(out, "4, 40 →      {:7.3}", one.row(0))?;
    Ok(())
}
// ANCHOR_END: a_layer

fn figures(lang: Lang) -> Result<Vec<Figure>> {
    use figures::introduction::{four_checks, notebook_map};
    Ok(vec![("notebook_map", notebook_map(lang)), ("four_checks", four_checks(lang))])
}
