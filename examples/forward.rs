//! The code of the chapter "forward": what happens to a mini-batch.

#[path = "forward/ablation.rs"]
mod ablation;
mod common;

use batchnorm::batch_norm::{BatchNorm, Config};
use batchnorm::definition::normalize;
use batchnorm::nn::random::Random;
use batchnorm::norm;
use batchnorm::split::Plan;
use common::{Figure, Lang, Result, cells, experiments};
use figures::Histogram;
use ndarray::{Array2, array};
use std::fmt::Write;

fn main() -> std::process::ExitCode {
    let cells =
        cells![four_numbers, variance_left, restore, blind_spots, small_batches, hard_inputs];
    let experiments = experiments![ablation: ablation::Ablation];
    common::run("forward", cells, experiments, |lang, _| figures(lang))
}

// ANCHOR: four_numbers
fn four_numbers(out: &mut String) -> Result {
    let x = array![[1.0], [1.0], [4.0], [10.0]];
    let mut bn = BatchNorm::with(1, Config { eps: 2.5, ..Config::default() })?;
    bn.gamma = Some(array![2.0]);
    bn.beta = Some(array![1.0]);

    let x_hat = normalize(&x.clone().into_dyn(), &[0], 2.5);
    let (y, tape) = bn.train(x.clone())?;

    writeln!(out, "mean {}   var {}", tape.mean()[0], tape.var()[0])?;
    writeln!(out, "    x       x̂       y")?;
    for i in 0..4 {
        writeln!(out, "{:5.0}  {:6.2}  {:6.2}", x[[i, 0]], x_hat[[i, 0]], y[[i, 0]])?;
    }
    Ok(())
}
// ANCHOR_END: four_numbers

// ANCHOR: variance_left
fn variance_left(out: &mut String) -> Result {
    let x = array![[1.0], [1.0], [4.0], [10.0]];
    writeln!(out, "        v        ε     ⟨x̂²⟩   v/(v+ε)")?;
    for (v, eps) in
        [(13.5, 2.5), (1.0, 1e-5), (1e-2, 1e-5), (1e-4, 1e-5), (1e-5, 1e-5), (1e-6, 1e-5)]
    {
        let scaled = &x * f64::sqrt(v / 13.5);
        let mut bn = BatchNorm::with(1, Config { eps, ..Config::default() })?;
        let (x_hat, _) = bn.train(scaled)?;
        let left = x_hat.pow2().sum() / 4.0;
        writeln!(out, "{v:9} {eps:8} {left:8.5}  {:8.5}", v / (v + eps))?;
    }
    Ok(())
}
// ANCHOR_END: variance_left

// ANCHOR: restore
fn restore(out: &mut String) -> Result {
    let x = array![[1.0], [1.0], [4.0], [10.0]];
    let mut bn = BatchNorm::with(1, Config { eps: 2.5, ..Config::default() })?;
    for (name, gamma) in [("√(v+ε)", f64::sqrt(13.5 + 2.5)), ("√v", f64::sqrt(13.5))] {
        bn.gamma = Some(array![gamma]);
        bn.beta = Some(array![4.0]);
        let (y, _) = bn.train(x.clone())?;
        let width = y.std(0.0) / x.std(0.0);
        writeln!(
            out,
            "γ = {name:6} = {gamma:.4}   y = {:6.3}   σ_y/σ_x = {width:.4}",
            y.column(0)
        )?;
    }
    Ok(())
}
// ANCHOR_END: restore

// ANCHOR: blind_spots
fn blind_spots(out: &mut String) -> Result {
    let bn = |x: &Array2<f64>, eps: f64| -> Result<Array2<f64>> {
        let mut layer = BatchNorm::with(1, Config { eps, ..Config::default() })?;
        Ok(layer.train(x.clone())?.0)
    };
    let x = array![[1.0], [1.0], [4.0], [10.0]];
    let mut row = |what: &str, y: Array2<f64>| writeln!(out, "{what:18} {:7.4}", y.column(0));
    row("x           ε", bn(&x, 2.5)?)?;
    row("x + 100     ε", bn(&(&x + 100.0), 2.5)?)?;
    row("3x         9ε", bn(&(3.0 * &x), 9.0 * 2.5)?)?;
    row("3x          ε", bn(&(3.0 * &x), 2.5)?)?;
    row("−x          ε", bn(&-&x, 2.5)?)?;
    row("BN(x)       0", bn(&x, 0.0)?)?;
    row("BN(BN(x))   0", bn(&bn(&x, 0.0)?, 0.0)?)?;
    row("BN(BN(x))   ε", bn(&bn(&x, 2.5)?, 2.5)?)?;
    Ok(())
}
// ANCHOR_END: blind_spots

// ANCHOR: small_batches
fn small_batches(out: &mut String) -> Result {
    let plan = Plan::batch(&[1, 1])?;
    let (y, _) = norm::forward(array![[7.0]], plan, Some(&array![2.0]), Some(&array![1.0]), 1e-5)?;
    writeln!(out, "m = 1, γ = 2, β = 1:   7 → {}", y[[0, 0]])?;
    if let Err(refused) = BatchNorm::<f64>::new(1).train(array![[7.0]]) {
        writeln!(out, "BatchNorm::train:      {refused}")?;
    }
    writeln!(out, "  m   max|x̂|   √(m−1)    ⟨x̂⁴⟩   3(m−1)/(m+1)")?;
    for m in [2, 3, 4, 8, 32] {
        let (x_hat, _) = exact(100_000)?.train(gaussian(m, 100_000))?;
        let largest = x_hat.iter().fold(0.0, |largest: f64, v| largest.max(v.abs()));
        let fourth = x_hat.pow2().pow2().mean().unwrap_or(f64::NAN);
        let n = m as f64;
        let (bound, kurtosis) = ((n - 1.0).sqrt(), 3.0 * (n - 1.0) / (n + 1.0));
        writeln!(out, "{m:3} {largest:8.4} {bound:8.4} {fourth:8.3} {kurtosis:14.3}")?;
    }
    Ok(())
}
// ANCHOR_END: small_batches

// ANCHOR: hard_inputs
fn one_pass(x: &[f32]) -> f32 {
    let m = x.len() as f32;
    let (sum, squares) = x.iter().fold((0.0, 0.0), |(s, q), x| (s + x, q + x * x));
    squares / m - (sum / m) * (sum / m)
}

fn two_passes(x: &[f32]) -> f32 {
    let m = x.len() as f32;
    let mean = x.iter().sum::<f32>() / m;
    x.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / m
}

fn hard_inputs(out: &mut String) -> Result {
    writeln!(out, "{:26}  E[x²]−E[x]²   two passes     library       exact", "variance, f32")?;
    for (name, unit, whole) in hard_batches() {
        let x: Vec<f32> = whole.iter().map(|&n| (n as f64 * unit) as f32).collect();
        let (_, tape) =
            BatchNorm::new(1).train(Array2::from_shape_vec((x.len(), 1), x.clone())?)?;
        let (library, exact) = (tape.moments()[0].var(), exact_variance(&whole) * unit * unit);
        let columns = [one_pass(&x).into(), two_passes(&x).into(), library, exact].map(short);
        writeln!(out, "{name:26} {}", columns.map(|c| format!("{c:>12}")).concat())?;
    }
    Ok(())
}
// ANCHOR_END: hard_inputs

/// A name, a unit, and whole numbers: the values are the whole numbers times the unit, exactly.
fn hard_batches() -> Vec<(&'static str, f64, Vec<i128>)> {
    vec![
        ("1, 1, 4, 10", 1.0, vec![1, 1, 4, 10]),
        ("10000, 10001, 10002", 1.0, vec![10_000, 10_001, 10_002]),
        ("40000, …, 40003", 1.0, (40_000..40_004).collect()),
        // The f32 nearest to 1000.1.
        ("1000.1, five times", 1.0 / 16384.0, vec![16_385_638; 5]),
        ("10⁸ + 0, 8, 16, 24", 8.0, (12_500_000..12_500_004).collect()),
        ("1000, 1001, … (m = 10⁵)", 1.0, (0..100_000).map(|i| 1000 + i % 2).collect()),
        ("2¹⁰⁰ · (1, 1, 4, 10)", (1_u128 << 100) as f64, vec![1, 1, 4, 10]),
    ]
}

/// Σ(n − μ)²/m of whole numbers, rounded once: m² v = m Σn² − (Σn)² is a whole number.
fn exact_variance(whole: &[i128]) -> f64 {
    let m = whole.len() as i128;
    let (sum, squares) = whole.iter().fold((0, 0), |(s, q), n| (s + n, q + n * n));
    (m * squares - sum * sum) as f64 / (m * m) as f64
}

/// Few digits for numbers of any size.
fn short(v: f64) -> String {
    match v.abs() {
        0.0 => "0".into(),
        1e-3..1e5 => format!("{v:.4}"),
        _ => format!("{v:.3e}"),
    }
}

/// ε = 0, so that nothing hides what normalization itself does.
fn exact(channels: usize) -> Result<BatchNorm<f64>> {
    Ok(BatchNorm::with(channels, Config { eps: 0.0, ..Config::default() })?)
}

/// `channels` batches of `m` Gaussian values with mean 0 and variance 1.
fn gaussian(m: usize, channels: usize) -> Array2<f64> {
    let mut random = Random::new(m as u64);
    Array2::from_shape_simple_fn((m, channels), || random.gaussian())
}

fn figures(lang: Lang) -> Result<Vec<Figure>> {
    use figures::forward::{affine_slopes, rho};
    Ok(vec![
        ("pipeline", pipeline(lang)?),
        ("before_after", before_after(lang)?),
        ("rho", rho(&[1e-3, 1e-5], lang)),
        ("affine", affine_slopes(&[(1.0, 0.0), (2.0, -1.0), (0.5, 2.0)], lang)),
        ("bound", bound(lang)?),
        ("small_batches", histograms(lang)?),
        ("shape", shape(lang)?),
    ])
}

/// The four numbers of the chapter on their way.
fn pipeline(lang: Lang) -> Result<String> {
    let x = array![[1.0], [1.0], [4.0], [10.0]];
    let (gamma, beta, eps) = (2.0, 1.0, 2.5);
    let plan = Plan::batch(x.shape())?;
    let (x_hat, _) = norm::forward(x.clone(), plan, None, None, eps)?;
    let (g, b) = (array![gamma], array![beta]);
    let (y, tape) = norm::forward(x.clone(), plan, Some(&g), Some(&b), eps)?;
    let (x, x_hat, y) = (values(&x, 0), values(&x_hat, 0), values(&y, 0));
    let (mean, variance) = (tape.mean()[0], tape.var()[0]);
    let numbers = figures::forward::Pipeline {
        x: &x,
        mean,
        variance,
        eps,
        x_hat: &x_hat,
        gamma,
        beta,
        y: &y,
    };
    Ok(figures::forward::pipeline(&numbers, lang))
}

/// Three channels of 32 values that lie apart and are of different width.
fn before_after(lang: Lang) -> Result<String> {
    let x = gaussian(32, 3) * array![0.4, 3.0, 1.2] + array![-6.0, 2.0, 11.0];
    let (x_hat, _) = BatchNorm::new(3).train(x.clone())?;
    let channels: Vec<_> = (0..3).map(|c| (values(&x, c), values(&x_hat, c))).collect();
    let channels: Vec<_> = channels
        .iter()
        .map(|(before, after)| figures::forward::Channel { before, after })
        .collect();
    Ok(figures::forward::before_after(&channels, lang))
}

/// The values of a channel.
fn values(x: &Array2<f64>, channel: usize) -> Vec<f64> {
    x.column(channel).to_vec()
}

/// One value moves away from m − 1 Gaussian ones.
fn bound(lang: Lang) -> Result<String> {
    let mut curves = Vec::new();
    for m in [4, 16, 64] {
        let mut points = Vec::new();
        for step in 0..=60 {
            let outlier = libm::exp10(f64::from(step) / 15.0 - 1.0);
            let mut x = gaussian(m, 1);
            x[[0, 0]] = outlier;
            let (x_hat, _) = BatchNorm::new(1).train(x)?;
            points.push((outlier, x_hat.iter().fold(0.0, |largest: f64, v| largest.max(v.abs()))));
        }
        curves.push((m, points));
    }
    let curves: Vec<_> =
        curves.iter().map(|(m, points)| figures::forward::Outliers { m: *m, points }).collect();
    Ok(figures::forward::bound(&curves, lang))
}

/// x̂ in batches of a few Gaussian values: as many values for each size, ±1 in the middle of a bin.
fn histograms(lang: Lang) -> Result<String> {
    let mut seen = Vec::new();
    for m in [2, 3, 4, 8, 32, 128] {
        let batches = 240_000 / m;
        let (x_hat, _) = exact(batches)?.train(gaussian(m, batches))?;
        seen.push((m, Histogram::of(x_hat, -4.0, 4.0, 81)));
    }
    let seen: Vec<_> =
        seen.iter().map(|(m, seen)| figures::forward::BatchHistogram { m: *m, seen }).collect();
    Ok(figures::forward::small_batches(&seen, lang))
}

/// A skewed batch: products of two uniform numbers, times ten.
fn shape(lang: Lang) -> Result<String> {
    let mut random = Random::new(0);
    let product = || 10.0 * random.uniform() * random.uniform();
    let x = Array2::from_shape_simple_fn((20_000, 1), product);
    let (x_hat, tape) = BatchNorm::new(1).train(x.clone())?;
    let (mean, s) = (tape.mean()[0], libm::sqrt(tape.var()[0] + 1e-5));
    let before = Histogram::of(x, 0.0, 10.0, 40);
    let after = Histogram::of(x_hat, -mean / s, (10.0 - mean) / s, 40);
    Ok(figures::forward::shape_unchanged(&before, &after, lang))
}
