//! The code of the chapter "numerics": what rounding makes of a variance and of ε.

mod common;
#[path = "numerics/offset.rs"]
mod offset;

use batchnorm::batch_norm::{BatchNorm, Config};
use batchnorm::nn::random::Random;
use batchnorm::streaming::Streaming;
use common::{Figure, Lang, Result, cells, experiments};
use figures::numerics::{Method, cancellation, epsilon as gain, frameworks};
use half::{bf16, f16};
use ndarray::{Array2, array};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write;

fn main() -> std::process::ExitCode {
    let cells =
        cells![two_formulas, how_bad, remedies, epsilon, half_precision, frameworks_measured];
    let experiments = experiments![offset: offset::Offset];
    common::run("numerics", cells, experiments, |lang, _| figures(lang))
}

// ANCHOR: two_formulas
/// ⟨x⟩, in f32.
fn mean(x: impl ExactSizeIterator<Item = f32>) -> f32 {
    let m = x.len() as f32;
    x.sum::<f32>() / m
}

/// ⟨x²⟩ − ⟨x⟩²
fn one_pass(x: &[f32]) -> f32 {
    let (squares, mean) = (mean(x.iter().map(|x| x * x)), mean(x.iter().copied()));
    squares - mean * mean
}

/// ⟨(x − ⟨x⟩)²⟩
fn two_pass(x: &[f32]) -> f32 {
    let center = mean(x.iter().copied());
    mean(x.iter().map(|x| (x - center) * (x - center)))
}

fn two_formulas(out: &mut String) -> Result {
    let x = [40000.0, 40001.0, 40002.0, 40003.0];
    let (squares, center) = (mean(x.iter().map(|x| x * x)), mean(x.iter().copied()));
    // As f64, which shows all digits that an f32 has.
    writeln!(out, "⟨x²⟩ = {}   ⟨x⟩² = {}", f64::from(squares), f64::from(center * center))?;
    writeln!(out, "the f32 next to ⟨x²⟩: {}", f64::from(squares.next_up()))?;
    writeln!(out, "x                                     ⟨x²⟩ − ⟨x⟩²   ⟨(x − ⟨x⟩)²⟩")?;
    for first in [0.0_f32, 3000.0, 6000.0, 10000.0, 38500.0, 40000.0] {
        let x = [0.0, 1.0, 2.0, 3.0].map(|i| first + i);
        writeln!(out, "{:36} {:12} {:14}", format!("{x:?}"), one_pass(&x), two_pass(&x))?;
    }
    Ok(())
}
// ANCHOR_END: two_formulas

/// The median over 101 batches of 1024 Gaussian values, with σ = 1, of the relative error of a variance; and
/// the share of batches in which it is not positive.
fn measure(offset: f64, variance: fn(&[f32]) -> f32) -> Result<(f64, f64)> {
    let mut random = Random::new(5);
    let (mut errors, mut lost) = (Vec::new(), 0);
    for _ in 0..101 {
        let x: Vec<f32> = (0..1024).map(|_| (offset + random.gaussian()) as f32).collect();
        // Sums of f32 in f64 are as good as exact here.
        let exact = batch(&x)?;
        let got = variance(&x);
        errors.push((f64::from(got) / exact - 1.0).abs());
        lost += usize::from(got <= 0.0);
    }
    errors.sort_by(f64::total_cmp);
    Ok((errors[50], lost as f64 / 101.0))
}

/// The variance by the library, before it is rounded to f32.
fn batch(x: &[f32]) -> Result<f64> {
    let column = Array2::from_shape_vec((x.len(), 1), x.to_vec())?;
    let (_, tape) = BatchNorm::new(1).train(column)?;
    Ok(tape.moments()[0].var())
}

// ANCHOR: how_bad
fn how_bad(out: &mut String) -> Result {
    let (n, u) = (1024.0, f64::from(f32::EPSILON) / 2.0);
    writeln!(
        out,
        "⟨x²⟩ − ⟨x⟩² in f32, batches of {n}: relative error (median), and how often ≤ 0"
    )?;
    writeln!(out, " |μ|/σ     error       uκ²   (3n+3)uκ²   ≤ 0")?;
    for exponent in 0..=5 {
        let offset = 10_f64.powi(exponent);
        let (error, lost) = measure(offset, one_pass)?;
        let condition = 1.0 + offset * offset;
        writeln!(
            out,
            "{offset:6} {error:9.1e} {:9.1e} {:11.1e} {:5.0} %",
            u * condition,
            (3.0 * n + 3.0) * u * condition,
            100.0 * lost
        )?;
    }
    Ok(())
}
// ANCHOR_END: how_bad

// ANCHOR: remedies
/// One pass over x − x₁: the first value is the pivot.
fn with_pivot(x: &[f32]) -> f32 {
    let shifted: Vec<f32> = x.iter().map(|v| v - x[0]).collect();
    one_pass(&shifted)
}

/// One value at a time, in f32.
fn welford(x: &[f32]) -> f32 {
    let (mut mean, mut squares) = (0.0_f32, 0.0_f32);
    for (i, x) in x.iter().enumerate() {
        let before = x - mean;
        mean += before / (i + 1) as f32;
        squares += before * (x - mean);
    }
    squares / x.len() as f32
}

type Variance = fn(&[f32]) -> f32;

fn remedies(out: &mut String) -> Result {
    let ways: [(&str, Variance); 7] = [
        ("one pass", one_pass),
        ("one pass, cut off at 0", |x| one_pass(x).max(0.0)),
        ("Welford", welford),
        ("two passes", two_pass),
        ("one pass with a pivot", with_pivot),
        ("Welford, in f64", |x| {
            let all: Streaming = x.iter().map(|&v| f64::from(v)).collect();
            all.biased_variance().map_or(f32::NAN, |v| v as f32)
        }),
        ("the library", |x| batch(x).map_or(f32::NAN, |v| v as f32)),
    ];
    writeln!(out, "relative error (median)   |μ|/σ = 1       100      10⁴      10⁶")?;
    for (name, variance) in ways {
        write!(out, "{name:24}")?;
        for offset in [1.0, 1e2, 1e4, 1e6] {
            write!(out, " {:>10}", format!("{:.1e}", measure(offset, variance)?.0))?;
        }
        writeln!(out)?;
    }
    Ok(())
}
// ANCHOR_END: remedies

// ANCHOR: epsilon
fn epsilon(out: &mut String) -> Result {
    writeln!(out, "          slope 1/√(v+ε)          deviation √ρ of x̂")?;
    writeln!(out, "    v     ε = 10⁻³   ε = 10⁻⁵     ε = 10⁻³   ε = 10⁻⁵")?;
    for v in [1.0, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-8, 0.0] {
        let slope = |eps| -> Result<f64> {
            let mut bn = BatchNorm::with(1, Config { eps, ..Config::default() })?;
            bn.running_var = array![v];
            Ok(bn.freeze()?.slope()[0])
        };
        let (coarse, fine) = (slope(1e-3)?, slope(1e-5)?);
        let sd = f64::sqrt(v);
        writeln!(
            out,
            "{:>5} {coarse:12.2} {fine:10.2} {:12.4} {:10.4}",
            format!("{v:e}"),
            coarse * sd,
            fine * sd
        )?;
    }
    Ok(())
}
// ANCHOR_END: epsilon

// ANCHOR: half_precision
/// The smallest power of two v for which v + ε is v, and the largest d = k/8 whose square is finite.
fn limits(sum: fn(f64, f64) -> f64, square: fn(f64) -> f64) -> (i32, f64) {
    let absorbed = (-30..30).find(|&k| sum(f64::exp2(k.into()), 1e-5) == f64::exp2(k.into()));
    let finite = (0..8 * 1024).map(|k| f64::from(k) / 8.0).rfind(|&d| square(d).is_finite());
    (absorbed.unwrap_or(i32::MAX), finite.unwrap_or(f64::NAN))
}

fn half_precision(out: &mut String) -> Result {
    let (half, brain) = (f16::from_f64, bf16::from_f64);
    writeln!(out, "f16(10⁻⁵) = {} · 2⁻²⁴ = {:.5e}", half(1e-5).to_bits(), half(1e-5).to_f64())?;
    writeln!(out, "f16(10⁻⁸) = {}", half(1e-8))?;
    writeln!(out, "type   v + 10⁻⁵ = v from   largest d ≤ 1023.875 with finite d²")?;
    let rows = [
        (
            "f16",
            limits(
                |a, b| (f16::from_f64(a) + f16::from_f64(b)).to_f64(),
                |d| (f16::from_f64(d) * f16::from_f64(d)).to_f64(),
            ),
        ),
        (
            "bf16",
            limits(
                |a, b| (bf16::from_f64(a) + bf16::from_f64(b)).to_f64(),
                |d| (bf16::from_f64(d) * bf16::from_f64(d)).to_f64(),
            ),
        ),
        ("f32", limits(|a, b| (a as f32 + b as f32).into(), |d| (d as f32 * d as f32).into())),
    ];
    for (name, (absorbed, finite)) in rows {
        writeln!(out, "{name:5} {:>16} {finite:20}", format!("2^{absorbed}"))?;
    }
    // A variance below ε, in f16 arithmetic throughout, and the same in f32.
    let v = 3e-5;
    let short = (half(v) + half(1e-5)).to_f64();
    writeln!(out, "v = 3·10⁻⁵: v + ε = {short:.4e} in f16, {:.4e} in bf16", {
        (brain(v) + brain(1e-5)).to_f64()
    })?;
    Ok(())
}
// ANCHOR_END: half_precision

// ANCHOR: frameworks_measured
/// What `tests/golden/generate.py` recorded: batches of one channel, and what each framework made of them.
#[derive(Deserialize)]
struct Hard {
    cases: Vec<HardCase>,
}

#[derive(Deserialize)]
struct HardCase {
    mean: f64,
    eps: f64,
    x: Vec<f64>,
    answers: BTreeMap<String, Vec<f64>>,
}

/// The largest distance of each framework, and of the library, from the exact answer to the given numbers, in
/// units of the last digit of its largest element.
fn ulps(case: &HardCase) -> Result<Vec<(String, f64)>> {
    let x = Array2::from_shape_vec((case.x.len(), 1), case.x.clone())?;
    let eps = case.eps as f32;
    // The data are f32: for the layer in f64, whose sums are wider still, they are easy.
    let exact = Config { eps: f64::from(eps), ..Config::default() };
    let (exact, _) = BatchNorm::with(1, exact)?.train(x.clone())?;
    let largest = exact.iter().fold(0.0, |a: f64, y| a.max(y.abs())) as f32;
    let ulp = f64::from(largest.next_up() - largest);
    let far = |y: &[f64]| {
        let distances = y.iter().zip(&exact).map(|(y, exact)| (y - exact).abs() / ulp);
        distances.fold(0.0, f64::max)
    };
    let here =
        BatchNorm::with(1, Config { eps, ..Config::default() })?.train(x.mapv(|x| x as f32))?.0;
    let here: Vec<f64> = here.iter().map(|&y| f64::from(y)).collect();
    let answers = case.answers.iter().map(|(name, y)| (name.clone(), far(y)));
    Ok(answers.chain([("this library".to_string(), far(&here))]).collect())
}

fn hard() -> Result<Hard> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/hard.json");
    let text = std::fs::read_to_string(file).map_err(|e| format!("cannot read {file}: {e}"))?;
    Ok(serde_json::from_str(&text)?)
}

fn frameworks_measured(out: &mut String) -> Result {
    let cases = hard()?.cases;
    write!(out, "{:21}", "mean of the data")?;
    for case in &cases {
        write!(out, " {:>8.0e}", case.mean)?;
    }
    let rows = cases.iter().map(ulps).collect::<Result<Vec<_>>>()?;
    for (i, (name, _)) in rows[0].iter().enumerate() {
        write!(out, "\n{name:21}")?;
        for row in &rows {
            let ulps = row[i].1;
            if ulps < 1e3 { write!(out, " {ulps:8.2}")? } else { write!(out, " {ulps:8.0e}")? }
        }
    }
    writeln!(out)?;
    Ok(())
}
// ANCHOR_END: frameworks_measured

fn figures(lang: Lang) -> Result<Vec<Figure>> {
    let names = [
        (lang.pick("한 번 훑기", "one pass"), one_pass as Variance),
        (lang.pick("웰퍼드", "Welford"), welford),
        (lang.pick("두 번 훑기", "two passes"), two_pass),
    ];
    let offsets: Vec<f64> = (0..=12).map(|half| libm::exp10(f64::from(half) / 2.0)).collect();
    let mut methods = Vec::new();
    for (name, variance) in names {
        let points = offsets.iter().map(|&offset| Ok((offset, measure(offset, variance)?.0)));
        methods.push(Method { name, points: points.collect::<Result<Vec<_>>>()? });
    }
    let u = f64::from(f32::EPSILON) / 2.0;
    let cases = hard()?.cases;
    let rows = cases.iter().map(ulps).collect::<Result<Vec<_>>>()?;
    let here = lang.pick("이 책", "this library");
    let names = rows[0].iter().map(|(name, _)| name.as_str());
    let names = names.map(|name| if name == "this library" { here } else { name });
    let line = |(i, name): (usize, _)| {
        let points = cases.iter().zip(&rows).map(|(case, row)| (case.mean, row[i].1)).collect();
        Method { name, points }
    };
    let answers: Vec<_> = names.enumerate().map(line).collect();
    Ok(vec![
        ("cancellation", cancellation(&methods, u, lang)),
        ("epsilon", gain(&[1e-3, 1e-5], lang)),
        ("frameworks", frameworks(&answers, lang)),
    ])
}
