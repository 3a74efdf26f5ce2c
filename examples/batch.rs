//! The code of the chapter "batch": how many samples one step of learning looks at.

mod common;
#[path = "batch/sizes.rs"]
mod sizes;

use batchnorm::batch_norm::{BatchNorm, Config};
use batchnorm::nn::init::Init;
use batchnorm::nn::linear::Linear;
use batchnorm::nn::loss::softmax_cross_entropy;
use batchnorm::nn::random::Random;
use batchnorm::nn::sgd::Sgd;
use batchnorm::streaming::Streaming;
use common::data::{self, Set};
use common::interval::Interval;
use common::{Figure, Lang, Result, cells, experiments};
use figures::Band;
use figures::batch::{self as draw, Path};
use ndarray::{Array1, Array2, ArrayRef1, ArrayRef2, Axis, s};
use rayon::prelude::*;
use std::fmt::Write;
use std::sync::OnceLock;

fn main() -> std::process::ExitCode {
    let cells = cells![by_hand, all_batches, noise, epoch, steps_and_samples, accumulation];
    let experiments = experiments![sizes: sizes::Sizes];
    common::run("batch", cells, experiments, |lang, _| figures(lang))
}

// ANCHOR: by_hand
/// The samples (x, y) that y = w x is fitted to, with loss ½(w x − y)².
const SAMPLES: [(f64, f64); 4] = [(1.0, 1.0), (1.0, 3.0), (2.0, 2.0), (2.0, 6.0)];

fn gradient(w: f64, (x, y): (f64, f64)) -> f64 {
    (w * x - y) * x
}

fn by_hand(out: &mut String) -> Result {
    let mut w = 0.0;
    writeln!(out, "step       w   gradients of the four samples     their mean")?;
    for step in 1..=4 {
        let gradients = SAMPLES.map(|sample| gradient(w, sample));
        let mean = gradients.iter().sum::<f64>() / 4.0;
        let each: String = gradients.iter().map(|g| format!("{g:7.2}")).collect();
        writeln!(out, "{step:4} {w:7.3}   {each} {mean:17.3}")?;
        w -= 0.2 * mean;
    }
    Ok(())
}
// ANCHOR_END: by_hand

// ANCHOR: all_batches
fn all_batches(out: &mut String) -> Result {
    let mut all = Vec::new();
    writeln!(out, "batch              gradient at w = 0")?;
    for (i, &one) in SAMPLES.iter().enumerate() {
        for &other in &SAMPLES[i + 1..] {
            let mean = (gradient(0.0, one) + gradient(0.0, other)) / 2.0;
            writeln!(out, "{one:?} {other:?} {mean:9.1}")?;
            all.push(mean);
        }
    }
    writeln!(out, "mean of the six {:16.1}", all.iter().sum::<f64>() / 6.0)?;
    Ok(())
}
// ANCHOR_END: all_batches

/// Gradients of 64 samples, whose variance is 4.
fn population() -> Array1<f64> {
    let mut random = Random::new(0);
    let g = Array1::from_shape_simple_fn(64, || random.gaussian());
    let centred = &g - g.mean().unwrap_or(0.0);
    &centred * (2.0 / centred.std(0.0)) - 5.0
}

// ANCHOR: noise
/// The variance of the mean of m of these, over 20 000 draws: with replacement, and without.
fn variances(population: &ArrayRef1<f64>, m: usize) -> Result<[f64; 2]> {
    let (n, mut random) = (population.len(), Random::new(m as u64));
    let mut means = [Streaming::default(), Streaming::default()];
    for _ in 0..20_000 {
        let again: f64 = (0..m).map(|_| population[random.below(n)]).sum();
        let once: f64 = random.permutation(n)[..m].iter().map(|&i| population[i]).sum();
        means[0].push(again / m as f64);
        means[1].push(once / m as f64);
    }
    Ok([means[0].unbiased_variance()?, means[1].unbiased_variance()?])
}

fn noise(out: &mut String) -> Result {
    let population = population();
    let (n, variance) = (population.len() as f64, population.var(0.0));
    writeln!(out, "  m   with replacement     σ²/m     without   σ²/m · (n−m)/(n−1)")?;
    for m in [1, 2, 4, 8, 16, 32, 64] {
        let [again, once] = variances(&population, m)?;
        let expected = variance / m as f64;
        let fewer = expected * (n - m as f64) / (n - 1.0);
        writeln!(out, "{m:3} {again:18.4} {expected:8.4} {once:11.4} {fewer:20.4}")?;
    }
    Ok(())
}
// ANCHOR_END: noise

// ANCHOR: epoch
fn epoch(out: &mut String) -> Result {
    let digits = data::load(None)?;
    let mut random = Random::new(0);
    let (train, _) = digits.shuffled(&mut random);
    writeln!(out, "images   batch size   steps in an epoch   in the last batch")?;
    for size in [1, 10, 32, 60, 128, train.len()] {
        let order = random.permutation(train.len());
        let batches: Vec<&[usize]> = order.chunks(size).collect();
        // Every image once, whatever the size.
        let mut seen = batches.concat();
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..train.len()));
        let rest = batches.last().map_or(0, |batch| batch.len());
        writeln!(out, "{:6} {size:12} {:19} {rest:19}", train.len(), batches.len())?;
    }
    Ok(())
}
// ANCHOR_END: epoch

const SIZES: [usize; 6] = [1, 4, 16, 64, 256, 1297];

// ANCHOR: steps_and_samples
/// Steps of softmax regression until 90 % of the test images are recognized, if they ever are.
fn steps_to_goal(
    train: &Set,
    test: &Set,
    size: usize,
    rate: f64,
    seed: u64,
) -> Result<Option<usize>> {
    let random = &mut Random::new(seed);
    let mut model = Linear::<f32>::new(Array2::zeros((10, 64)), Some(Array1::zeros(10)))?;
    let (sgd, mut order) = (Sgd::new(rate)?, Vec::new());
    // At most twenty epochs, or 1200 steps.
    let most = (20 * train.labels.len() / size).max(1200);
    for step in 1..=most {
        if order.len() < size {
            order = random.permutation(train.labels.len());
        }
        let batch = order.split_off(order.len() - size);
        let labels: Vec<_> = batch.iter().map(|&i| train.labels[i]).collect();
        let (z, tape) = model.forward(train.pixels.select(Axis(0), &batch))?;
        let gradients = tape.backward(&softmax_cross_entropy(&z, &labels)?.1)?;
        sgd.step(&mut model.weight, &gradients.weight)?;
        if let (Some(b), Some(db)) = (&mut model.bias, &gradients.bias) {
            sgd.step(b, db)?;
        }
        // A large batch needs few steps, so there each is looked at.
        if step % (64 / size).max(1) == 0 && right(&model.apply(&test.pixels)?, &test.labels) >= 0.9
        {
            return Ok(Some(step));
        }
    }
    Ok(None)
}
// ANCHOR_END: steps_and_samples

/// The share of rows whose largest element is at the label.
fn right(logits: &ArrayRef2<f32>, labels: &[usize]) -> f64 {
    let own = |(row, label): &(ndarray::ArrayView1<f32>, &usize)| {
        row.iter().enumerate().all(|(i, z)| i == **label || row[**label] > *z)
    };
    logits.rows().into_iter().zip(labels).filter(own).count() as f64 / labels.len() as f64
}

/// Batch size, rate, steps.
type BySize = Vec<(usize, f64, Interval)>;

/// As [`measured`], which takes a few seconds, but only once.
fn by_size() -> Result<&'static BySize> {
    static MEASURED: OnceLock<std::result::Result<BySize, String>> = OnceLock::new();
    let measured = MEASURED.get_or_init(|| measured().map_err(|e| e.to_string()));
    measured.as_ref().map_err(|e| e.as_str().into())
}

/// For each size: the fastest of the rates on the first seeds, and steps of other seeds at that rate.
fn measured() -> Result<BySize> {
    let digits = data::load(None)?;
    let sets = |seed| {
        let (train, test) = digits.shuffled(&mut Random::new(seed));
        (digits.rows(&train), digits.rows(&test))
    };
    let rates = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0];
    let mean = |size: usize, rate: f64, seeds: std::ops::Range<u64>| -> Result<Vec<f64>> {
        let steps = seeds.map(|seed| {
            let (train, test) = sets(seed);
            let steps = steps_to_goal(&train, &test, size, rate, seed)?;
            Ok(steps.map_or(f64::INFINITY, |steps| steps as f64))
        });
        steps.collect()
    };
    let row = |&size: &usize| {
        let mut best = (f64::INFINITY, rates[0]);
        for rate in rates {
            let steps: f64 = mean(size, rate, 0..2)?.iter().sum();
            if steps < best.0 {
                best = (steps, rate);
            }
        }
        Ok((size, best.1, Interval::of_ratios(mean(size, best.1, 2..10)?)))
    };
    SIZES.par_iter().with_max_len(1).map(row).collect()
}

fn steps_and_samples(out: &mut String) -> Result {
    writeln!(out, "batch size   rate   steps to 90 %             epochs")?;
    for (size, rate, steps) in by_size()? {
        let epochs = steps.mean * *size as f64 / 1297.0;
        writeln!(out, "{size:10} {rate:6}   {:24} {epochs:7.2}", format!("{steps:.1}"))?;
    }
    Ok(())
}

// ANCHOR: accumulation
/// ∂L/∂W of a linear layer, and batch normalization with this ε behind it or none, for these samples.
fn weight_gradient(
    linear: &Linear<f64>,
    norm: Option<f64>,
    x: Array2<f64>,
    labels: &[usize],
) -> Result<Array2<f64>> {
    let (z, tape) = linear.forward(x)?;
    let dz = if let Some(eps) = norm {
        let config = Config { eps, ..Config::default() };
        let (y, normalized) = BatchNorm::with(z.ncols(), config)?.train(z)?;
        normalized.backward(&softmax_cross_entropy(&y, labels)?.1)?.x
    } else {
        softmax_cross_entropy(&z, labels)?.1
    };
    Ok(tape.backward(&dz)?.weight)
}

fn accumulation(out: &mut String) -> Result {
    let digits = data::load(None)?;
    let x = digits.pixels.slice(s![..64, ..]).mapv(f64::from);
    let labels = &digits.labels[..64];
    let linear = Linear::random((64, 10), false, Init::He, &mut Random::new(0))?;
    writeln!(out, "‖Σ parts − whole‖/‖whole‖, for 64 images")?;
    writeln!(out, "parts of   without BN    ε = 1e-5        ε = 0")?;
    for size in [32, 16, 8, 4, 2] {
        let mut row = format!("{size:8}");
        for norm in [None, Some(1e-5), Some(0.0)] {
            let whole = weight_gradient(&linear, norm, x.clone(), labels)?;
            let mut sum = Array2::<f64>::zeros(whole.raw_dim());
            for (part, labels) in x.axis_chunks_iter(Axis(0), size).zip(labels.chunks(size)) {
                let gradient = weight_gradient(&linear, norm, part.to_owned(), labels)?;
                sum = sum + gradient * (size as f64 / 64.0);
            }
            let off = libm::sqrt((&sum - &whole).pow2().sum() / whole.pow2().sum());
            write!(row, " {off:12.1e}")?;
        }
        writeln!(out, "{row}")?;
    }

    // What each pair lets through, in each unit.
    let z = linear.apply(&x)?;
    let variances = z.axis_chunks_iter(Axis(0), 2).flat_map(|pair| pair.var_axis(Axis(0), 0.0));
    let mut through: Vec<_> = variances.map(|v| 1e-5 / libm::pow(v + 1e-5, 1.5)).collect();
    through.sort_by(f64::total_cmp);
    let largest = through.iter().rev().take(4).map(|t| format!(" {t:.0}")).collect::<String>();
    writeln!(out, "ε/√(v + ε)³ of {} pairs at ε = 1e-5:", through.len())?;
    writeln!(out, "  median {:.4}, largest{largest}", through[through.len() / 2])?;
    Ok(())
}
// ANCHOR_END: accumulation

fn figures(lang: Lang) -> Result<Vec<Figure>> {
    let population = population();
    let [mut again, mut once] = [Vec::new(), Vec::new()];
    for m in [1, 2, 4, 8, 16, 24, 32, 48, 64] {
        let [with, without] = variances(&population, m)?;
        again.push((m as f64, with));
        once.push((m as f64, without));
    }
    let by_size = by_size()?;
    let points = |unit: fn(usize) -> f64| -> Vec<_> {
        let point = |(size, _, i): &(usize, f64, Interval)| {
            let unit = unit(*size);
            let x = *size as f64;
            figures::Interval { x, low: i.low * unit, mid: i.mean * unit, high: i.high * unit }
        };
        by_size.iter().map(point).collect()
    };
    let (steps, epochs) = (points(|_| 1.0), points(|size| size as f64 / 1297.0));
    let band = |points| Band { label: "", points };
    Ok(vec![
        ("paths", paths(lang)),
        ("noise", draw::noise(&again, &once, population.len(), population.var(0.0), lang)),
        ("how_large", draw::how_large(&band(&steps), &band(&epochs), lang)),
    ])
}

/// Descent on the loss of a line w x + b through 64 points, from the same start and at the same rate: 60
/// steps each.
fn paths(lang: Lang) -> String {
    let mut random = Random::new(3);
    let x = Array1::from_shape_simple_fn(64, || random.gaussian());
    let y = x.mapv(|x| 1.5 * x + 1.0) + Array1::from_shape_simple_fn(64, || random.gaussian());
    let n = 64.0;
    let (mx, my) = (x.sum() / n, y.sum() / n);
    let (xx, xy) = (x.pow2().sum() / n, (&x * &y).sum() / n);
    let w = (xy - mx * my) / (xx - mx * mx);
    let minimum = (w, my - w * mx);

    let mut descend = |size: usize| {
        let (mut w, mut b, mut path) = (-0.6, -0.8, vec![(-0.6, -0.8)]);
        let mut order = Vec::new();
        for _ in 0..60 {
            if order.len() < size {
                order = random.permutation(64);
            }
            let batch = order.split_off(order.len() - size);
            let each = batch.iter().map(|&i| (w * x[i] + b - y[i], x[i]));
            let (dw, db) = each.fold((0.0, 0.0), |(dw, db), (r, x)| (dw + r * x, db + r));
            w -= 0.1 * dw / size as f64;
            b -= 0.1 * db / size as f64;
            path.push((w, b));
        }
        path
    };
    let paths = [64, 8, 1].map(&mut descend);
    let names =
        lang.pick(["64개 전부", "8개씩", "하나씩"], ["all 64", "8 at a time", "one at a time"]);
    let panels: Vec<_> =
        names.iter().zip(&paths).map(|(label, points)| Path { label, points }).collect();
    draw::paths(&panels, minimum, (xx, 1.0, mx), lang)
}
