//! The code of the chapter "train_and_test": one layer, two functions.

mod common;
#[path = "train_and_test/stale.rs"]
mod stale;

use batchnorm::batch_norm::{Average, BatchNorm, Config, RunningVar};
use batchnorm::folding::into_previous;
use batchnorm::nn::activation::Activation;
use batchnorm::nn::init::Init;
use batchnorm::nn::linear::Linear;
use batchnorm::nn::loss::softmax_cross_entropy;
use batchnorm::nn::random::Random;
use batchnorm::nn::sgd::Sgd;
use batchnorm::streaming::Streaming;
use common::data::{self, Set};
use common::interval::Interval;
use common::{Figure, Lang, Result, cells, experiments};
use figures::Series;
use ndarray::{Array2, ArrayView1, Axis, array, s};
use std::fmt::Write;

fn main() -> std::process::ExitCode {
    let cells = cells![batch_mates, whole_set, moving_average, which_variance, mode_bug, folding];
    let experiments = experiments![stale: stale::Stale];
    common::run("train_and_test", cells, experiments, |lang, _| figures(lang))
}

// ANCHOR: batch_mates
fn batch_mates(out: &mut String) -> Result {
    let batches = [
        array![[4.0], [1.0], [1.0], [10.0]],
        array![[4.0], [5.0], [6.0], [7.0]],
        array![[4.0], [3.9], [3.8], [3.8]],
        array![[4.0], [0.0], [0.0], [100.0]],
    ];
    let mut bn = BatchNorm::<f64>::new(1);
    let mut training = Vec::new();
    for batch in &batches {
        training.push(bn.train(batch.clone())?.0[[0, 0]]);
    }
    let inference = bn.freeze()?;

    writeln!(out, "batch                          train   inference")?;
    for (batch, y) in batches.iter().zip(training) {
        writeln!(out, "{:5.1} {y:9.4} {:11.4}", batch.column(0), inference.apply(batch)?[[0, 0]])?;
    }
    let alone = inference.apply(&array![[4.0]])?;
    writeln!(out, "[  4.0]                              − {:11.4}", alone[[0, 0]])?;
    Ok(())
}
// ANCHOR_END: batch_mates

// ANCHOR: whole_set
fn whole_set(out: &mut String) -> Result {
    let sorted = array![[1., 2., 3., 4.], [5., 6., 7., 8.], [9., 10., 11., 12.]];
    let mixed = array![[1., 4., 7., 10.], [2., 5., 8., 11.], [3., 6., 9., 12.]];
    let (average, running_var) = (Average::Cumulative, RunningVar::Biased);
    writeln!(out, "            mean     ⟨v⟩   Var μ     sum  merged     var")?;
    for (name, batches) in [("sorted", sorted), ("mixed", mixed)] {
        let mut bn = BatchNorm::with(1, Config { average, running_var, ..Config::default() })?;
        let (mut means, mut merged) = (Streaming::default(), Streaming::default());
        for batch in batches.outer_iter() {
            let (_, tape) = bn.train(batch.to_owned().insert_axis(Axis(1)))?;
            means.push(tape.mean()[0]);
            merged.merge(&batch.iter().copied().collect());
        }
        let (mean, within, between) =
            (bn.running_mean[0], bn.running_var[0], means.biased_variance()?);
        let (merged, whole) = (merged.biased_variance()?, batches.var(0.0));
        let columns = [mean, within, between, within + between, merged, whole];
        writeln!(out, "{name:8}{}", columns.map(|v| format!("{v:8.3}")).concat())?;
    }
    Ok(())
}
// ANCHOR_END: whole_set

// ANCHOR: moving_average
fn moving_average(out: &mut String) -> Result {
    let exponential = |momentum| Average::Exponential { momentum };
    let averages =
        [("0.1", exponential(0.1)), ("0.01", exponential(0.01)), ("1/t", Average::Cumulative)];
    writeln!(out, "p      weight of r₀, t = 1       10       50      100      500     1/Σw²")?;
    for (p, average) in averages {
        // Channel t sees the mean 1 in batch t and 0 in all others: it ends at the weight of batch t.
        // The last channel starts at 1 and sees only 0: it is the weight of the start.
        let mut bn = BatchNorm::<f64>::with(501, Config { average, ..Config::default() })?;
        bn.running_mean[500] = 1.0;
        write!(out, "{p:17}")?;
        for t in 1..=500 {
            let value = |(i, c)| if c + 1 == t { [0.0, 2.0][i] } else { [-1.0, 1.0][i] };
            let _ = bn.train(Array2::from_shape_fn((2, 501), value))?;
            if [1, 10, 50, 100, 500].contains(&t) {
                write!(out, "{:9.4}", bn.running_mean[500])?;
            }
        }
        let weights = bn.running_mean.slice(s![..500]);
        writeln!(out, "{:10.1}", 1.0 / weights.pow2().sum())?;
    }
    Ok(())
}
// ANCHOR_END: moving_average

// ANCHOR: which_variance
fn which_variance(out: &mut String) -> Result {
    let bn = |running_var| BatchNorm::with(1, Config { running_var, ..Config::default() });
    writeln!(out, "batch                  biased   unbiased")?;
    for batch in [array![[1.0], [2.0], [3.0], [4.0]], array![[1.0], [3.0], [8.0]]] {
        let (mut biased, mut unbiased) = (bn(RunningVar::Biased)?, bn(RunningVar::Unbiased)?);
        let _ = (biased.train(batch.clone())?, unbiased.train(batch.clone())?);
        let name = batch.column(0).to_string();
        writeln!(out, "{name:20} {:8.4} {:10.4}", biased.running_var[0], unbiased.running_var[0])?;
    }
    writeln!(out, "\n  m        ⟨v⟩    (m−1)/m    √(m/(m−1))")?;
    for m in [2, 4, 8, 32, 256] {
        let (_, tape) = BatchNorm::new(10_000).train(gaussian(m, 10_000))?;
        let (measured, n) = (tape.var().sum() / 10_000.0, m as f64);
        let (expected, wider) = ((n - 1.0) / n, (n / (n - 1.0)).sqrt());
        writeln!(out, "{m:3} {measured:10.4} {expected:10.4} {wider:13.4}")?;
    }
    Ok(())
}
// ANCHOR_END: which_variance

// ANCHOR: mode_bug
impl Net {
    fn inference(&self, mut x: Array2<f32>) -> Result<Array2<f32>> {
        for (linear, bn) in &self.hidden {
            let z = linear.apply(&x)?;
            x = Activation::Relu.apply(bn.freeze()?.apply(&z)?);
        }
        Ok(self.last.apply(&x)?)
    }

    fn left_in_training(&mut self, mut x: Array2<f32>) -> Result<Array2<f32>> {
        for (linear, bn) in &mut self.hidden {
            let z = linear.apply(&x)?;
            x = Activation::Relu.apply(bn.train(z)?.0);
        }
        Ok(self.last.apply(&x)?)
    }
}
// ANCHOR_END: mode_bug

/// The accuracies at one batch size, in percent, one for each seed.
struct ModeRow {
    size: usize,
    running: Vec<f64>,
    shuffled: Vec<f64>,
    sorted: Vec<f64>,
}

fn mode_bug(out: &mut String) -> Result {
    writeln!(out, "% correct  running               batch, shuffled       batch, sorted by class")?;
    for ModeRow { size, running, shuffled, sorted } in mode_rows()? {
        let [running, shuffled, sorted] =
            [running, shuffled, sorted].map(|runs| format!("{:.1}", Interval::of(runs)));
        writeln!(out, "m = {size:3}    {running:20}  {shuffled:20}  {sorted}")?;
    }
    Ok(())
}

/// Every test image counts: where the batch size does not divide 500, the last batch is smaller.
fn mode_rows() -> Result<Vec<ModeRow>> {
    let trained = (0..5).map(trained).collect::<Result<Vec<_>>>()?;
    let mut rows = Vec::new();
    for size in [2, 4, 8, 16, 32, 64, 128, 256] {
        let mut row = ModeRow { size, running: vec![], shuffled: vec![], sorted: vec![] };
        for (net, test) in &trained {
            let mut left_on = net.clone();
            row.running.push(accuracy(test, size, |x| net.inference(x))?);
            row.shuffled.push(accuracy(test, size, |x| left_on.left_in_training(x))?);
            row.sorted.push(accuracy(&by_class(test), size, |x| left_on.left_in_training(x))?);
        }
        rows.push(row);
    }
    Ok(rows)
}

/// The same images, class after class.
fn by_class(set: &Set) -> Set {
    let mut order: Vec<usize> = (0..set.labels.len()).collect();
    order.sort_by_key(|&i| set.labels[i]);
    let labels = order.iter().map(|&i| set.labels[i]).collect();
    Set { pixels: set.pixels.select(Axis(0), &order), labels }
}

/// The share of the images that get their own label, in percent, when they come in batches of `size`.
fn accuracy(
    set: &Set,
    size: usize,
    mut logits: impl FnMut(Array2<f32>) -> Result<Array2<f32>>,
) -> Result<f64> {
    let mut right = 0;
    for (x, labels) in set.pixels.axis_chunks_iter(Axis(0), size).zip(set.labels.chunks(size)) {
        let z = logits(x.to_owned())?;
        right += predictions(&z).iter().zip(labels).filter(|(a, b)| a == b).count();
    }
    Ok(100.0 * right as f64 / set.labels.len() as f64)
}

/// The column of the largest logit of each row.
fn predictions(logits: &Array2<f32>) -> Vec<usize> {
    let largest =
        |row: ArrayView1<f32>| (0..row.len()).rev().max_by(|&a, &b| row[a].total_cmp(&row[b]));
    logits.rows().into_iter().map(|row| largest(row).unwrap_or(0)).collect()
}

/// Two hidden layers of 32 units: linear, batch normalization, ReLU. Then ten logits.
#[derive(Clone)]
struct Net {
    hidden: [(Linear<f32>, BatchNorm<f32>); 2],
    last: Linear<f32>,
}

/// A trained network, with the digits that it has not seen.
fn trained(seed: u64) -> Result<(Net, Set)> {
    let mut random = Random::new(seed);
    let digits = data::load(None)?;
    let (train, test) = digits.shuffled(&mut random);
    let (train, test) = (digits.rows(&train), digits.rows(&test));
    let mut net = Net::random((64, 10), &mut random)?;
    for _epoch in 0..10 {
        let order = random.permutation(train.labels.len());
        for batch in order.chunks_exact(50) {
            let labels: Vec<_> = batch.iter().map(|&i| train.labels[i]).collect();
            net.step(train.pixels.select(Axis(0), batch), &labels, 0.1)?;
        }
    }
    Ok((net, test))
}

impl Net {
    fn random((pixels, classes): (usize, usize), random: &mut Random) -> Result<Net> {
        let mut linear = |sizes, bias| Linear::random(sizes, bias, Init::He, random);
        Ok(Net {
            hidden: [
                (linear((pixels, 32), false)?, BatchNorm::new(32)),
                (linear((32, 32), false)?, BatchNorm::new(32)),
            ],
            last: linear((32, classes), true)?,
        })
    }

    /// A step of gradient descent on a mini-batch.
    fn step(&mut self, mut x: Array2<f32>, labels: &[usize], rate: f64) -> Result {
        let sgd = Sgd::new(rate)?;
        let mut tapes = Vec::new();
        for (linear, bn) in &mut self.hidden {
            let (z, through_linear) = linear.forward(x)?;
            let (z, through_norm) = bn.train(z)?;
            let (a, through_relu) = Activation::Relu.forward(z);
            tapes.push((through_linear, through_norm, through_relu));
            x = a;
        }
        let (logits, tape) = self.last.forward(x)?;
        let last = tape.backward(&softmax_cross_entropy(&logits, labels)?.1)?;
        let mut g = last.x;
        let mut gradients = Vec::new();
        for (through_linear, through_norm, through_relu) in tapes.into_iter().rev() {
            let norm = through_norm.backward(&through_relu.backward(&g)?)?;
            let linear = through_linear.backward(&norm.x)?;
            g = linear.x;
            gradients.push((linear.weight, norm.gamma, norm.beta));
        }
        sgd.step(&mut self.last.weight, &last.weight)?;
        if let (Some(b), Some(db)) = (&mut self.last.bias, &last.bias) {
            sgd.step(b, db)?;
        }
        for ((linear, bn), (dw, dgamma, dbeta)) in self.hidden.iter_mut().rev().zip(&gradients) {
            sgd.step(&mut linear.weight, dw)?;
            for (parameter, gradient) in [(&mut bn.gamma, dgamma), (&mut bn.beta, dbeta)] {
                if let Some(parameter) = parameter {
                    sgd.step(parameter, gradient)?;
                }
            }
        }
        Ok(())
    }
}

// ANCHOR: folding
fn folding(out: &mut String) -> Result {
    let (net, test) = trained(0)?;
    let mut folded = test.pixels.clone();
    let [mut before, mut after] = [net.last.weight.len(); 2];
    // A layer with a bias adds as often as it multiplies; one without, once less for each unit.
    let [mut sums_before, mut sums_after] = [net.last.weight.len(); 2];
    for (linear, bn) in &net.hidden {
        let (weight, bias) = into_previous(&linear.weight, linear.bias.as_ref(), &bn.freeze()?)?;
        before += linear.weight.len() + bn.channels();
        after += weight.len();
        // scale · (z − center) + shift.
        sums_before += linear.weight.len() - bn.channels() + 2 * bn.channels();
        sums_after += weight.len();
        folded = Activation::Relu.apply(Linear::new(weight, Some(bias))?.apply(&folded)?);
    }
    let (folded, original) = (net.last.apply(&folded)?, net.inference(test.pixels.clone())?);
    let same =
        predictions(&folded).iter().zip(predictions(&original)).filter(|(a, b)| *a == b).count();
    let largest = |v: &Array2<f32>| v.iter().fold(0.0_f32, |a, v| a.max(v.abs()));

    writeln!(out, "same predictions             {same} / {}", test.labels.len())?;
    writeln!(out, "largest logit                {:.1}", largest(&original))?;
    writeln!(out, "largest difference           {:.1e}", largest(&(folded - original)))?;
    writeln!(out, "multiplications per image    {before} → {after}")?;
    writeln!(out, "additions per image          {sums_before} → {sums_after}")?;
    Ok(())
}
// ANCHOR_END: folding

/// `channels` batches of `m` Gaussian values with mean 0 and variance 1.
fn gaussian(m: usize, channels: usize) -> Array2<f64> {
    let mut random = Random::new(m as u64);
    Array2::from_shape_simple_fn((m, channels), || random.gaussian())
}

fn figures(lang: Lang) -> Result<Vec<Figure>> {
    Ok(vec![
        ("batch_mates", many_batches(lang)?),
        ("ema", estimates(lang)?),
        ("bias", bias(lang)?),
        ("mode_bug", mode_accuracies(lang)?),
        ("folding", figures::train_and_test::folding(lang)),
    ])
}

/// One sample, whose value is 1, in 200 mini-batches of eight: the other seven are Gaussian.
fn many_batches(lang: Lang) -> Result<String> {
    let mut bn = BatchNorm::<f64>::new(1);
    let mut random = Random::new(0);
    let mut outputs = Vec::new();
    for _ in 0..200 {
        let mut batch = Array2::from_shape_simple_fn((8, 1), || random.gaussian());
        batch[[0, 0]] = 1.0;
        outputs.push(bn.train(batch)?.0[[0, 0]]);
    }
    let inference = bn.freeze()?.apply(&array![[1.0]])?[[0, 0]];
    Ok(figures::train_and_test::batch_mates(&outputs, inference, lang))
}

/// The running mean of 300 mini-batches of eight from a Gaussian with mean 3, by three averages.
fn estimates(lang: Lang) -> Result<String> {
    let cumulative = lang.pick("누적", "cumulative");
    let exponential = |momentum| Average::Exponential { momentum };
    let averages = [
        ("p = 0.1", exponential(0.1)),
        ("p = 0.01", exponential(0.01)),
        (cumulative, Average::Cumulative),
    ];
    let batches = 3.0 + 2.0 * gaussian(8, 300);
    let (mut means, mut lines) = (Vec::new(), Vec::new());
    for (name, average) in averages {
        let mut bn = BatchNorm::with(1, Config { average, ..Config::default() })?;
        let mut line = vec![(0.0, bn.running_mean[0])];
        means.clear();
        for (t, batch) in batches.columns().into_iter().enumerate() {
            let (_, tape) = bn.train(batch.to_owned().insert_axis(Axis(1)))?;
            means.push((t as f64 + 1.0, tape.mean()[0]));
            line.push((t as f64 + 1.0, bn.running_mean[0]));
        }
        lines.push((name, line));
    }
    let lines: Vec<_> = lines.iter().map(|(label, points)| Series { label, points }).collect();
    Ok(figures::train_and_test::ema(3.0, &means, &lines, lang))
}

/// The mean of the biased variance over 10 000 batches, with the interval of that mean (two standard errors).
fn bias(lang: Lang) -> Result<String> {
    let mut measured = Vec::new();
    for m in [2, 3, 4, 8, 16, 32, 64] {
        let (_, tape) = BatchNorm::new(10_000).train(gaussian(m, 10_000))?;
        let all: Streaming = tape.var().into_iter().collect();
        let mid = all.mean().unwrap_or(f64::NAN);
        let half = 2.0 * (all.unbiased_variance()? / 10_000.0).sqrt();
        measured.push(figures::Interval { x: m as f64, low: mid - half, mid, high: mid + half });
    }
    Ok(figures::train_and_test::bias_by_batch_size(&measured, lang))
}

fn mode_accuracies(lang: Lang) -> Result<String> {
    let share = |runs: &[f64]| runs.iter().sum::<f64>() / (100.0 * runs.len() as f64);
    let rows: Vec<_> = mode_rows()?
        .iter()
        .map(|row| figures::train_and_test::ModeAccuracy {
            batch_size: row.size,
            batch: share(&row.shuffled),
            running: share(&row.running),
        })
        .collect();
    Ok(figures::train_and_test::mode_bug(&rows, lang))
}
