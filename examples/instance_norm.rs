//! The code of the chapter "instance_norm": each map of each image by itself.

mod common;
#[path = "instance_norm/lighting.rs"]
mod lighting;

use batchnorm::instance_norm::InstanceNorm;
use common::data;
use common::{Figure, Lang, Result, cells, experiments};
use figures::instance_norm::Version;
use ndarray::{Array4, array, s};
use std::fmt::Write;

fn main() -> std::process::ExitCode {
    let cells = cells![by_hand, contrast, what_is_lost];
    let experiments = experiments![lighting: lighting::Lighting];
    common::run("instance_norm", cells, experiments, |lang, _| figures(lang))
}

// ANCHOR: by_hand
fn by_hand(out: &mut String) -> Result {
    // Two images, two channels, maps of 1 × 4 pixels.
    let x = array![
        [[[1.0, 1.0, 4.0, 10.0]], [[6.0, 6.0, 3.0, 5.0]]],
        [[[31.0, 31.0, 34.0, 40.0]], [[16.0, 16.0, 13.0, 15.0]]],
    ];
    let (x_hat, tape) = InstanceNorm::new(2, 2.5)?.forward(x.clone())?;

    writeln!(out, "n c   x                   μ      v    x̂")?;
    for (k, (n, c)) in [(0, 0), (0, 1), (1, 0), (1, 1)].into_iter().enumerate() {
        let (mean, var, map) = (tape.mean()[k], tape.var()[k], s![n, c, 0, ..]);
        writeln!(out, "{n} {c}   {:2} {mean:4} {var:6}   {:5.2}", x.slice(map), x_hat.slice(map))?;
    }
    Ok(())
}
// ANCHOR_END: by_hand

// ANCHOR: contrast
fn contrast(out: &mut String) -> Result {
    let digit = photograph()?;
    let (first, _) = InstanceNorm::new(1, 1e-5)?.forward(digit.clone())?;
    writeln!(out, "image                μ      σ   after:      σ   |difference|")?;
    for (a, b) in [(1.0, 0.0), (0.5, 0.5), (0.35, 0.0), (0.2, 0.4), (0.01, 0.5), (-1.0, 1.0)] {
        let image = a * &digit + b;
        let (x_hat, tape) = InstanceNorm::new(1, 1e-5)?.forward(image)?;
        let (mean, sd, after) = (tape.mean()[0], tape.var()[0].sqrt(), x_hat.std(0.0));
        let off = (x_hat - &first).iter().fold(0.0, |largest: f64, d| largest.max(d.abs()));
        writeln!(out, "{a:5} x + {b:3}   {mean:8.4} {sd:6.4} {after:14.5} {off:14.5}")?;
    }
    Ok(())
}
// ANCHOR_END: contrast

// ANCHOR: what_is_lost
fn what_is_lost(out: &mut String) -> Result {
    let digits = data::load(None)?;
    let images = digits.pixels.mapv(f64::from).into_shape_with_order((1797, 1, 8, 8))?;
    let mut norm = InstanceNorm::new(1, 1e-5)?;
    norm.beta = Some(array![0.5]);
    let (after, tape) = norm.forward(images)?;
    writeln!(out, "         mean of an image      after, β = 0.5")?;
    writeln!(out, "digit    least  mean   most    least   mean   most")?;
    for digit in 0..10 {
        let of_digit: Vec<_> = (0..1797).filter(|&i| digits.labels[i] == digit).collect();
        let before = of_digit.iter().map(|&i| tape.mean()[i]).collect();
        let after = of_digit.iter().map(|&i| after.slice(s![i, 0, .., ..]).sum() / 64.0).collect();
        let [[a, b, c], [d, e, f]] = [before, after].map(range);
        writeln!(out, "{digit:5}   {a:6.3} {b:6.3} {c:6.3}   {d:6.3} {e:6.3} {f:6.3}")?;
    }
    Ok(())
}
// ANCHOR_END: what_is_lost

/// The least, the mean and the largest of some values.
fn range(values: Vec<f64>) -> [f64; 3] {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    [least, values.iter().sum::<f64>() / values.len() as f64, most]
}

/// A handwritten three, white on black.
fn photograph() -> Result<Array4<f64>> {
    let digits = data::load(None)?;
    let three = digits.labels.iter().position(|&label| label == 3).ok_or("no three")?;
    let pixels = digits.pixels.row(three).mapv(f64::from);
    Ok(pixels.into_shape_with_order((1, 1, 8, 8))?)
}

fn figures(lang: Lang) -> Result<Vec<Figure>> {
    let digit = photograph()?;
    let versions = [
        (lang.pick("원본", "original"), 1.0, 0.0),
        (lang.pick("밝게", "bright"), 0.5, 0.5),
        (lang.pick("어둡게", "dark"), 0.35, 0.0),
        (lang.pick("흐리게", "faint"), 0.2, 0.4),
    ];
    let mut images = Vec::new();
    for (label, a, b) in versions {
        let before = a * &digit + b;
        let (after, _) = InstanceNorm::new(1, 1e-5)?.forward(before.clone())?;
        let pixels = |image: Array4<f64>| image.into_iter().collect::<Vec<_>>();
        images.push((label, pixels(before), pixels(after)));
    }
    let versions: Vec<_> =
        images.iter().map(|(label, before, after)| Version { label, before, after }).collect();
    Ok(vec![("contrast", figures::instance_norm::contrast(8, &versions, lang))])
}
