//! The code of the chapter "choosing": what each layer depends on, measured.

mod common;
#[path = "choosing/methods.rs"]
mod methods;

use batchnorm::batch_norm::BatchNorm;
use batchnorm::group_norm::GroupNorm;
use batchnorm::instance_norm::InstanceNorm;
use batchnorm::layer_norm::LayerNorm;
use batchnorm::rms_norm::RmsNorm;
use common::{Figure, Lang, Result, cells, experiments};
use ndarray::{Array1, Array3};
use std::fmt::Write;

fn main() -> std::process::ExitCode {
    let experiments = experiments![methods: methods::Methods];
    common::run("choosing", cells![table], experiments, |lang, _| figures(lang))
}

// ANCHOR: table
/// What a layer makes of `[N, 4, 3]`, its γ and β, and how many numbers it keeps besides.
type Run = (Array3<f64>, [Option<Array1<f64>>; 2], usize);

type Layer = fn(Array3<f64>) -> Result<Run>;

fn rows() -> [(&'static str, Layer); 7] {
    [
        ("batch, training", |x| {
            let mut layer = BatchNorm::new(4);
            let (y, _) = layer.train(x)?;
            let running = layer.running_mean.len() + layer.running_var.len();
            Ok((y, [layer.gamma, layer.beta], running))
        }),
        ("batch, inference", |x| {
            let layer = BatchNorm::new(4);
            let running = layer.running_mean.len() + layer.running_var.len();
            Ok((layer.freeze()?.apply(&x)?, [layer.gamma, layer.beta], running))
        }),
        ("layer, over channels", |x| {
            let layer = LayerNorm::over_channels(4, 1e-5)?;
            Ok((layer.forward(x)?.0, [layer.gamma, layer.beta], 0))
        }),
        ("group, two groups", |x| {
            let layer = GroupNorm::new(2, 4, 1e-5)?;
            Ok((layer.forward(x)?.0, [layer.gamma, layer.beta], 0))
        }),
        ("instance", |x| {
            let layer = InstanceNorm::new(4, 1e-5)?;
            Ok((layer.forward(x)?.0, [layer.gamma, layer.beta], 0))
        }),
        ("layer, last axis", |x| {
            let layer = LayerNorm::new(3, 1e-5)?;
            Ok((layer.forward(x)?.0, [layer.gamma, layer.beta], 0))
        }),
        ("RMS, last axis", |x| {
            let layer = RmsNorm::new(3, 1e-5)?;
            Ok((layer.forward(x)?.0, [layer.gamma, None], 0))
        }),
    ]
}

fn table(out: &mut String) -> Result {
    let x = Array3::from_shape_fn((3, 4, 3), |(n, c, s)| (1 + (7 * n + 5 * c + 3 * s) % 11) as f64);
    writeln!(out, "the first value of the first sample of [3, 4, 3]: does it depend on")?;
    writeln!(
        out,
        "                      another   the next   another   another   numbers   running"
    )?;
    writeln!(
        out,
        "                      sample    channel    group     place     trained   numbers"
    )?;
    for (name, layer) in rows() {
        let (y, parameters, running) = layer(x.clone())?;
        // Whether it changes where another value does.
        let depends = |at| -> Result<&str> {
            let mut moved = x.clone();
            moved[at] += 1.0;
            Ok(if layer(moved)?.0[[0, 0, 0]] == y[[0, 0, 0]] { "–" } else { "yes" })
        };
        let places = [(1, 0, 0), (0, 1, 0), (0, 2, 0), (0, 0, 1)];
        write!(out, "{name:22}")?;
        for (at, width) in places.into_iter().zip([10, 11, 10, 10]) {
            write!(out, "{:width$}", depends(at)?)?;
        }
        let trained: usize = parameters.iter().flatten().map(Array1::len).sum();
        writeln!(out, "{trained:<10}{running}")?;
    }
    Ok(())
}
// ANCHOR_END: table

fn figures(lang: Lang) -> Result<Vec<Figure>> {
    Ok(vec![("decision", figures::choosing::decision(lang))])
}
