//! The code of the chapter "corrections": sentences, and a number that each cannot explain.

mod common;
#[path = "corrections/mistakes.rs"]
mod mistakes;

use batchnorm::batch_norm::{Average, BatchNorm, Config, RunningVar};
use batchnorm::definition::normalize;
use batchnorm::nn::activation::Activation;
use common::{Figure, Lang, Result, cells, experiments};
use figures::corrections::{Chapter, map};
use ndarray::{Array2, Array3, Array4, array};
use std::fmt::Write;

fn main() -> std::process::ExitCode {
    let experiments = experiments![mistakes: mistakes::Mistakes];
    common::run("corrections", cells![counterexamples], experiments, |lang, _| figures(lang))
}

// ANCHOR: counterexamples
/// x̂ of one channel.
fn x_hat(x: &[f64], eps: f64) -> Result<Array2<f64>> {
    let column = Array2::from_shape_vec((x.len(), 1), x.to_vec())?;
    Ok(normalize(&column.into_dyn(), &[0], eps).into_dimensionality()?)
}

fn counterexamples(out: &mut String) -> Result {
    let third = |x: &Array2<f64>| x.mapv(|v| v.powi(3)).mean().unwrap_or(f64::NAN);
    let x = x_hat(&[0.0, 0.0, 0.0, 1.0], 0.0)?;
    writeln!(
        out,
        "\"the output is Gaussian\"             skewness of (0, 0, 0, 1): {:.3}",
        third(&x)
    )?;

    let x = x_hat(&[1.0, 2.0, 3.0, 6.0], 0.5)?;
    writeln!(out, "\"the variance of the output is 1\"    (1, 2, 3, 6), ε = ½: {}", x.var(0.0))?;

    let narrow = array![0.0, 0.1, 0.2, 0.3];
    let x = x_hat(&narrow.to_vec(), 1e-5)?;
    writeln!(
        out,
        "\"the variance becomes smaller\"       (0, 0.1, 0.2, 0.3): from {:.4} to {:.4}",
        narrow.var(0.0),
        x.var(0.0)
    )?;

    let x = x_hat(&[0.0, 4.0], 0.0)?;
    writeln!(out, "\"divided by the variance\"            (0, 4) has v = 4: x̂ = {}", x.column(0))?;

    let (y, _) = BatchNorm::new(1).train(array![[5.0], [5.0]])?;
    writeln!(out, "\"a constant channel cannot be done\"  (5, 5) becomes {}", y.column(0))?;

    let x = array![[1.0, 10.0], [3.0, 30.0]];
    let y: Array2<f64> = normalize(&x.into_dyn(), &[0], 0.0).into_dimensionality()?;
    let (first, second) = (y.column(0), y.column(1));
    writeln!(
        out,
        "\"one mean for the whole layer\"       (1, 3): {first}, and (10, 30): {second}"
    )?;

    let x = array![[1.0, 1.0], [1.0, 1.0], [-1.0, -1.0], [-1.0, -3.0]];
    let y = normalize(&x.into_dyn(), &[0], 0.0);
    let products = (0..4).map(|i| y[[i, 0]] * y[[i, 1]]).sum::<f64>() / 4.0;
    writeln!(out, "\"correlations are removed\"           two channels: still {products:.3}")?;

    let y = Activation::Relu.apply(x_hat(&[-3.0, -1.0, 1.0, 3.0], 0.0)?);
    writeln!(
        out,
        "\"half of the units die\"              one unit, four samples: {:.2}",
        y.column(0)
    )?;

    let (a, b) = (x_hat(&[1.0, 2.0, 3.0, 6.0], 0.5)?, x_hat(&[8.0, 9.0, 10.0, 13.0], 0.5)?);
    writeln!(
        out,
        "\"a bias in front has an effect\"      x and x + 7: {} and {}",
        a.column(0),
        b.column(0)
    )?;

    let average = Average::Exponential { momentum: 0.1 };
    let config = Config { average, running_var: RunningVar::Biased, ..Config::default() };
    let mut bn = BatchNorm::with(1, config)?;
    let (_, tape) = bn.train(array![[1.0], [3.0], [8.0]])?;
    let (v, running) = (tape.var()[0], bn.running_var[0]);
    writeln!(
        out,
        "\"the running variance is the data's\" v = {v:.4}, after one batch {running:.4}"
    )?;

    let one = BatchNorm::new(1).train(Array3::from_shape_vec((1, 1, 1), vec![7.0])?).is_err();
    let image = Array4::from_shape_fn((1, 1, 2, 2), |(.., h, w)| (2 * h + w) as f64);
    let four = BatchNorm::new(1).train(image).is_err();
    writeln!(
        out,
        "\"one image is too few\"               1 × 1 refused: {one}; 2 × 2 refused: {four}"
    )?;
    Ok(())
}
// ANCHOR_END: counterexamples

/// Which chapter proves which correction, by the numbers of the chapter.
fn figures(lang: Lang) -> Result<Vec<Figure>> {
    // What the statements of the chapter, by their numbers, link to.
    let rows: [(&str, &str, &[usize]); 16] = [
        ("들어가며", "introduction", &[4]),
        ("공변량 변화", "covariate shift", &[9, 22, 23, 26, 43]),
        ("알고리즘", "the algorithm", &[1, 2, 3, 5, 8, 11, 24, 38]),
        ("역전파", "the backward pass", &[6, 36, 37]),
        ("학습과 추론", "training and inference", &[15, 16, 17, 18, 19, 21, 37, 39]),
        ("특징 맵", "feature maps", &[14]),
        ("정규화를 놓는 자리", "where to put it", &[24, 25, 28, 29, 38]),
        ("왜 효과가 있는가", "why it works", &[22, 27, 30, 31]),
        ("일반화와 규제", "generalization", &[27, 29, 30, 32, 41]),
        ("층 정규화", "layer normalization", &[8, 12, 13, 38]),
        ("인스턴스 정규화", "instance normalization", &[12]),
        ("그룹 정규화", "group normalization", &[12, 14]),
        ("배치 없는 정규화", "other statistics", &[7]),
        ("정규화 없이", "without normalization", &[33]),
        ("수치 계산", "numerics", &[3, 34, 35]),
        ("프레임워크", "frameworks", &[20]),
    ];
    let title = |(ko, en, _): &(&'static str, &'static str, _)| lang.pick(*ko, *en);
    let chapters: Vec<_> =
        rows.iter().map(|row| Chapter { title: title(row), corrections: row.2 }).collect();
    Ok(vec![("map", map(&chapters, lang))])
}
