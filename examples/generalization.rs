//! The code of the chapter "generalization": what lowers the error on data that were not learned from.

mod common;
#[path = "generalization/experiment.rs"]
mod experiment;

use batchnorm::batch_norm::BatchNorm;
use batchnorm::nn::activation::Activation;
use batchnorm::nn::dropout::Dropout;
use batchnorm::nn::init::Init;
use batchnorm::nn::linear::Linear;
use batchnorm::nn::product::product;
use batchnorm::nn::random::Random;
use batchnorm::nn::sequential::{Layer, Sequential};
use batchnorm::streaming::Streaming;
use common::interval::Interval;
use common::{Figure, Lang, Result, cells, experiments};
use figures::Series;
use figures::generalization::{self as draw, Knob};
use ndarray::{Array1, Array2, ArrayRef1, ArrayRef2, Axis, s};
use serde::{Deserialize, Serialize};
use std::fmt::Write;

fn main() -> std::process::ExitCode {
    let cells = cells![gap, simpler, prior, randomness, ensemble];
    let experiments = experiments![experiment: experiment::SmallSets];
    common::run("generalization", cells, experiments, |lang, _| figures(lang))
}

/// Variance of the noise in the targets.
const NOISE: f64 = 0.25;
/// How many samples a model learns from, and how many times over.
const SAMPLES: usize = 30;
const DRAWS: u64 = 400;

/// The rule that is to be learned, on [−1, 1].
fn rule(x: f64) -> f64 {
    libm::sin(std::f64::consts::PI * x)
}

// ANCHOR: gap
/// The first d Legendre polynomials at each x: the features of a polynomial of degree d − 1.
fn features(x: &Array1<f64>, d: usize) -> Array2<f64> {
    let mut p = Array2::ones((x.len(), d));
    for k in 1..d {
        let n = k as f64;
        let before = if k > 1 { p.column(k - 2).to_owned() } else { Array1::zeros(x.len()) };
        let next = (x * &p.column(k - 1) * (2.0 * n - 1.0) - before * (n - 1.0)) / n;
        p.column_mut(k).assign(&next);
    }
    p
}

/// The w with the least ‖P w − y‖² + λ‖w‖².
fn ridge(p: &ArrayRef2<f64>, y: &ArrayRef1<f64>, lambda: f64) -> Result<Array1<f64>> {
    let mut squares = product(&p.t(), p)?;
    squares.diag_mut().mapv_inplace(|square| square + lambda);
    Ok(solve(squares, p.t().dot(y)))
}

fn error(p: &ArrayRef2<f64>, w: &ArrayRef1<f64>, y: &ArrayRef1<f64>) -> f64 {
    (p.dot(w) - y).pow2().sum() / y.len() as f64
}

/// Mean squared error of polynomials with d parameters: on the targets that they were fitted to, on other
/// targets for the same inputs, and the second less the first.
fn errors(d: usize) -> Result<[Interval; 3]> {
    let x = Array1::linspace(-1.0, 1.0, SAMPLES);
    let p = features(&x, d);
    let run = |seed| {
        let mut random = Random::new(seed);
        // Each of the two is learned from in its turn, and is test data for the other.
        let [y, other] = [(), ()].map(|()| targets(&x, &mut random));
        let [w, v] = [ridge(&p, &y, 0.0)?, ridge(&p, &other, 0.0)?];
        let half = |a, b| (a + b) / 2.0;
        let training = half(error(&p, &w, &y), error(&p, &v, &other));
        let test = half(error(&p, &w, &other), error(&p, &v, &y));
        Ok([training, test, test - training])
    };
    let runs = (0..DRAWS).map(run).collect::<Result<Vec<_>>>()?;
    Ok([0, 1, 2].map(|i| Interval::of(runs.iter().map(|run: &[f64; 3]| run[i]))))
}

fn gap(out: &mut String) -> Result {
    writeln!(out, "  d   training   other targets   gap                     2σ²d/n")?;
    for d in [1, 2, 4, 6, 10, 14, 20] {
        let [training, other, gap] = errors(d)?;
        let expected = 2.0 * NOISE * d as f64 / SAMPLES as f64;
        let (training, other, gap) = (training.mean, other.mean, format!("{gap:.3}"));
        writeln!(out, "{d:3} {training:10.3} {other:15.3}   {gap:24}{expected:.3}")?;
    }
    Ok(())
}
// ANCHOR_END: gap

fn targets(x: &ArrayRef1<f64>, random: &mut Random) -> Array1<f64> {
    x.mapv(|x| rule(x) + libm::sqrt(NOISE) * random.gaussian())
}

/// The solution of A w = b, for a symmetric A with positive eigenvalues (elimination needs no pivots then).
fn solve(mut a: Array2<f64>, mut b: Array1<f64>) -> Array1<f64> {
    let n = b.len();
    for k in 0..n {
        for i in k + 1..n {
            let factor = a[[i, k]] / a[[k, k]];
            let row = a.row(k).to_owned();
            a.row_mut(i).scaled_add(-factor, &row);
            b[i] -= factor * b[k];
        }
    }
    for k in (0..n).rev() {
        let known = a.slice(s![k, k + 1..]).dot(&b.slice(s![k + 1..]));
        b[k] = (b[k] - known) / a[[k, k]];
    }
    b
}

/// Random inputs with their targets, to learn from; and the inputs of the test, with targets without noise.
struct Sample {
    x: Array1<f64>,
    y: Array1<f64>,
}

impl Sample {
    fn draw(n: usize, random: &mut Random) -> Sample {
        let x = Array1::from_shape_simple_fn(n, || 2.0 * random.uniform() - 1.0);
        let y = targets(&x, random);
        Sample { x, y }
    }

    /// Mean squared error of a polynomial, on what it was fitted to, and where it is used: what the noise
    /// adds there is the same for all, and is added.
    fn errors(&self, w: &ArrayRef1<f64>) -> [f64; 2] {
        let grid = Array1::linspace(-1.0, 1.0, 201);
        let used = error(&features(&grid, w.len()), w, &grid.mapv(rule)) + NOISE;
        [error(&features(&self.x, w.len()), w, &self.y), used]
    }
}

/// Training and test error over many sets of training data. The test errors of a few sets can be huge, so
/// it is the median.
fn medians(fit: impl Fn(&Sample, &mut Random) -> Result<[f64; 2]>) -> Result<[f64; 2]> {
    let run = |seed| {
        let mut random = Random::new(1000 + seed);
        let sample = Sample::draw(SAMPLES, &mut random);
        fit(&sample, &mut random)
    };
    let runs = (0..DRAWS / 2).map(run).collect::<Result<Vec<_>>>()?;
    Ok([0, 1].map(|i| {
        let mut values: Vec<f64> = runs.iter().map(|run| run[i]).collect();
        values.sort_unstable_by(f64::total_cmp);
        values[values.len() / 2]
    }))
}

/// The polynomial that is too rich for its data: 13 parameters.
const RICH: usize = 13;

// ANCHOR: simpler
fn of_degree(degree: usize) -> Result<[f64; 2]> {
    medians(|sample, _| {
        let w = ridge(&features(&sample.x, degree + 1), &sample.y, 0.0)?;
        Ok(sample.errors(&w))
    })
}

fn simpler(out: &mut String) -> Result {
    writeln!(out, "degree   training     test")?;
    for degree in [1, 3, 5, 8, 12] {
        let [training, test] = of_degree(degree)?;
        writeln!(out, "{degree:6} {training:10.3} {test:8.3}")?;
    }
    Ok(())
}
// ANCHOR_END: simpler

// ANCHOR: prior
/// Degree 12, with the prior w ~ N(0, σ²/λ).
fn with_prior(lambda: f64) -> Result<[f64; 2]> {
    medians(|sample, _| {
        let w = ridge(&features(&sample.x, RICH), &sample.y, lambda)?;
        Ok(sample.errors(&w))
    })
}

fn prior(out: &mut String) -> Result {
    writeln!(out, "     λ   training     test")?;
    for lambda in [0.0, 0.001, 0.01, 0.1, 1.0, 10.0] {
        let [training, test] = with_prior(lambda)?;
        writeln!(out, "{lambda:6} {training:10.3} {test:8.3}")?;
    }
    Ok(())
}
// ANCHOR_END: prior

// ANCHOR: randomness
/// Degree 12, fitted to copies of the data whose features have Gaussian noise added.
fn noisy(
    p: &Array2<f64>,
    y: &Array1<f64>,
    sd: f64,
    copies: usize,
    random: &mut Random,
) -> Result<Array1<f64>> {
    let (mut a, mut b) = (Array2::zeros((RICH, RICH)), Array1::zeros(RICH));
    for _ in 0..copies {
        let q = p.mapv(|feature| feature + sd * random.gaussian());
        a = a + product(&q.t(), &q)? / copies as f64;
        b = b + q.t().dot(y) / copies as f64;
    }
    Ok(solve(a, b))
}

fn randomness(out: &mut String) -> Result {
    let mut random = Random::new(0);
    let Sample { x, y } = Sample::draw(SAMPLES, &mut random);
    let (p, sd) = (features(&x, RICH), 0.2);
    let same = ridge(&p, &y, SAMPLES as f64 * sd * sd)?;
    writeln!(out, "copies   ‖w − ridge‖/‖ridge‖")?;
    for copies in [1, 10, 100, 1000, 10_000] {
        let w = noisy(&p, &y, sd, copies, &mut random)?;
        let distance = libm::sqrt((&w - &same).pow2().sum() / same.pow2().sum());
        writeln!(out, "{copies:6} {distance:12.4}")?;
    }
    writeln!(out, "\nnoise sd   training     test")?;
    for sd in [0.0, 0.01, 0.03, 0.1, 0.3, 1.0] {
        let [training, test] = with_noise(sd)?;
        writeln!(out, "{sd:8} {training:10.3} {test:8.3}")?;
    }
    Ok(())
}
// ANCHOR_END: randomness

fn with_noise(sd: f64) -> Result<[f64; 2]> {
    medians(|sample, random| {
        let w = noisy(&features(&sample.x, RICH), &sample.y, sd, 30, random)?;
        Ok(sample.errors(&w))
    })
}

// ANCHOR: ensemble
/// Of `models` polynomials, each fitted to a sample drawn from the sample: the mean of the squared errors,
/// that of the mean prediction, and how far the predictions spread about their mean.
fn bagged(sample: &Sample, models: usize, random: &mut Random) -> Result<[f64; 3]> {
    let grid = Array1::linspace(-1.0, 1.0, 201);
    let (p, truth) = (features(&grid, RICH), grid.mapv(rule));
    let mut predictions = Array2::zeros((models, grid.len()));
    for mut prediction in predictions.rows_mut() {
        let rows: Vec<usize> = (0..SAMPLES).map(|_| random.below(SAMPLES)).collect();
        let [x, y] = [&sample.x, &sample.y].map(|v| v.select(Axis(0), &rows));
        // A little prior: some of these samples have fewer points than parameters.
        prediction.assign(&p.dot(&ridge(&features(&x, RICH), &y, BAGGED_PRIOR)?));
    }
    let mean = predictions.mean_axis(Axis(0)).unwrap_or_default();
    let squares = |d: Array2<f64>| d.pow2().mean().unwrap_or(0.0);
    let members = squares(&predictions - &truth);
    let together = (&mean - &truth).pow2().mean().unwrap_or(0.0);
    Ok([members, together, squares(&predictions - &mean)])
}

fn ensemble(out: &mut String) -> Result {
    let sample = Sample::draw(SAMPLES, &mut Random::new(0));
    writeln!(out, "models   one of them   together   spread   one − spread")?;
    for models in [1, 2, 4, 8, 16, 32] {
        let [one, together, spread] = bagged(&sample, models, &mut Random::new(1))?;
        writeln!(out, "{models:6} {one:13.4} {together:10.4} {spread:8.4} {:14.4}", one - spread)?;
    }
    Ok(())
}
// ANCHOR_END: ensemble

const BAGGED_PRIOR: f64 = 1e-2;

/// A way of training small networks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Side {
    batch_norm: bool,
    dropout: bool,
    decay: bool,
}

impl Side {
    const PLAIN: Side = Side { batch_norm: false, dropout: false, decay: false };
    const BATCH_NORM: Side = Side { batch_norm: true, ..Side::PLAIN };
    const DROPOUT: Side = Side { dropout: true, ..Side::PLAIN };
    const BOTH: Side = Side { batch_norm: true, dropout: true, decay: false };
    const ALL: [Side; 6] = [
        Side::PLAIN,
        Side::BATCH_NORM,
        Side::DROPOUT,
        Side { decay: true, ..Side::PLAIN },
        Side::BOTH,
        Side { batch_norm: true, dropout: false, decay: true },
    ];

    // ANCHOR: experiment
    /// Two hidden layers of 64 ReLU units.
    fn model(self, pixels: usize, classes: usize, seed: u64) -> Result<Sequential<f32>> {
        let random = &mut Random::new(seed);
        let mut layers = Vec::new();
        for size in [(pixels, 64), (64, 64)] {
            layers.push(Layer::Linear(Linear::random(size, !self.batch_norm, Init::He, random)?));
            if self.batch_norm {
                layers.push(Layer::BatchNorm(BatchNorm::new(64)));
            }
            layers.push(Layer::Activation(Activation::Relu));
            if self.dropout {
                layers.push(Layer::Dropout(Dropout::new(experiment::DROPOUT)?));
            }
        }
        layers.push(Layer::Linear(Linear::random((64, classes), true, Init::Xavier, random)?));
        Ok(Sequential::new(&[pixels], layers)?)
    }
    // ANCHOR_END: experiment

    fn name(self, lang: Lang) -> &'static str {
        match (self.batch_norm, self.dropout, self.decay) {
            (false, false, false) => lang.pick("없음", "plain"),
            (true, false, false) => lang.pick("배치 정규화", "batch norm"),
            (false, true, false) => lang.pick("드롭아웃", "dropout"),
            (false, false, true) => lang.pick("가중치 감쇠", "weight decay"),
            (true, true, _) => lang.pick("배치 정규화 + 드롭아웃", "batch norm + dropout"),
            (true, _, true) => lang.pick("배치 정규화 + 가중치 감쇠", "batch norm + weight decay"),
            (false, true, true) => lang.pick("드롭아웃 + 가중치 감쇠", "dropout + weight decay"),
        }
    }
}

fn figures(lang: Lang) -> Result<Vec<Figure>> {
    let by_parameters = (1..=20).map(|d| Ok((d as f64, errors(d)?))).collect::<Result<Vec<_>>>()?;
    let side = |i: usize| -> Vec<_> {
        by_parameters.iter().map(|(d, errors)| (*d, errors[i].mean)).collect()
    };
    Ok(vec![
        ("gap", draw::gap(&side(0), &side(1), NOISE, lang)),
        ("four_ways", four_ways(lang)?),
        ("noise", noise(lang)?),
    ])
}

fn four_ways(lang: Lang) -> Result<String> {
    let [_, without] = of_degree(RICH - 1)?;
    let knob =
        |logarithmic, values: &[f64], errors: &dyn Fn(f64) -> Result<[f64; 2]>| -> Result<Knob> {
            let (mut training, mut test) = (Vec::new(), Vec::new());
            for &value in values {
                let [before, after] = errors(value)?;
                training.push((value, before));
                test.push((value, after));
            }
            Ok(Knob { logarithmic, training, test, without })
        };
    let degrees = [1., 2., 3., 4., 5., 6., 8., 10., 12.];
    let simpler = knob(false, &degrees, &|degree| of_degree(degree as usize))?;
    let lambdas = [1e-4, 1e-3, 1e-2, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0];
    let prior = knob(true, &lambdas, &with_prior)?;
    let randomness = knob(true, &[0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0], &with_noise)?;
    let ensemble = knob(true, &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0], &|models| {
        medians(|sample, random| {
            let [_, together, _] = bagged(sample, models as usize, random)?;
            Ok([f64::NAN, together + NOISE])
        })
    })?;
    Ok(draw::four_ways([&simpler, &prior, &randomness, &ensemble], lang))
}

/// Mean and variance of batches of Gaussian values, 10 000 for each size.
fn noise(lang: Lang) -> Result<String> {
    let sizes = [2, 4, 8, 16, 32, 64, 128];
    let [mut means, mut variances] = [Vec::new(), Vec::new()];
    for m in sizes {
        let mut random = Random::new(m as u64);
        let x = Array2::from_shape_simple_fn((m, 10_000), || random.gaussian());
        let (_, tape) = BatchNorm::new(10_000).train(x)?;
        let spread = |v: Array1<f64>| v.into_iter().collect::<Streaming>().unbiased_variance();
        means.push((m as f64, spread(tape.mean())?));
        variances.push((m as f64, spread(tape.var())?));
    }
    let curve = |f: fn(f64) -> f64| -> Vec<_> {
        (4..=28).map(|i| libm::exp2(f64::from(i) / 4.0)).map(|m| (m, f(m))).collect()
    };
    let (mean, variance) = (curve(|m| 1.0 / m), curve(|m| 2.0 * (m - 1.0) / (m * m)));
    let names = lang.pick(["배치 평균 μ", "배치 분산 v"], ["batch mean μ", "batch variance v"]);
    let measured = [(names[0], &means), (names[1], &variances)];
    let formulas = [("σ²/m", &mean), ("2σ⁴(m − 1)/m²", &variance)];
    let [measured, formulas] =
        [measured, formulas].map(|both| both.map(|(label, points)| Series { label, points }));
    Ok(draw::noise(&measured, &formulas, lang))
}
