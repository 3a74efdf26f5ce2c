//! What does a convention cost that was copied as a number instead of being converted?
//!
//! # The experiment
//! The network of the textbooks, made to measure: batch normalization on the pixels, and behind each of two
//! hidden layers of [`HIDDEN`] ELUs. It learns the digits under Keras's conventions, momentum 0.99 or 0.9 as
//! the weight of the old value, the biased variance, ε = 1e-3, with batches of 8 and with batches of 64, for
//! [`STEPS`] steps. Running statistics have no part in training, so one training serves for all [`WAYS`] to
//! keep and to use them: as they were meant; with a momentum read in PyTorch's sense, as the weight of the new
//! value; with the unbiased variance; with PyTorch's ε = 1e-5 at inference. (PyTorch's 0.1 read in Keras's
//! sense is the weight 0.9 of the new value, too.) Of each batch size and seed the rate of [`RATES`] counts
//! that is best on validation images with the statistics as they were meant; it falls to 0 along a straight
//! line. Test images choose nothing.
//!
//! Written down before the first run. Over the seeds, with Student's 95 % interval of test error less that
//! with the same momentum in its own sense, Keras's variance and Keras's ε:
//!
//! 1. *0.99*: momentum 0.99 in PyTorch's sense, batches of 8: above 0;
//! 2. *0.9*: momentum 0.9 in PyTorch's sense, batches of 8: above 0;
//! 3. *hidden*: momentum 0.99 in PyTorch's sense, batches of 64: all within 1 point of 0;
//! 4. *by batch size*: the first less the third: above 0;
//! 5. *variance*: the unbiased variance, for both batch sizes: all within 1 point of 0;
//! 6. *epsilon*: PyTorch's ε, for both batch sizes: all within 1 point of 0.
//!
//! All six: reproduced. Some: partly. None: did not reproduce.

use super::common::interval::Interval;
use super::common::search::{Images, Split, batches, best, error};
use super::common::{
    Criteria, Experiment, Figure, Lang, Result, Settings, over_seeds, said, spaced,
};
use batchnorm::batch_norm::{Average, BatchNorm, Config, RunningVar};
use batchnorm::nn::activation::Activation;
use batchnorm::nn::init::Init;
use batchnorm::nn::linear::Linear;
use batchnorm::nn::loss::softmax_cross_entropy;
use batchnorm::nn::random::Random;
use batchnorm::nn::sequential::{Layer, Sequential};
use batchnorm::nn::sgd::Momentum;
use batchnorm::profile::Profile::{self, Keras, PyTorch};
use figures::frameworks as draw;
use ndarray::{Array1, Ix2};
use serde::{Deserialize, Serialize};
use std::fmt::Write;

const HIDDEN: [usize; 2] = [48, 24];
const BATCHES: [usize; 2] = [8, 64];
const STEPS: usize = 600;
const RATES: [f64; 4] = [0.03, 0.1, 0.3, 1.0];

/// Every number of the experiment.
#[derive(Serialize, Deserialize)]
pub struct Copied {
    #[serde(flatten)]
    images: Images,
    steps: usize,
    rates: Vec<f64>,
    sides: Vec<Side>,
}

#[derive(Serialize, Deserialize)]
struct Side {
    batch: usize,
    /// One for each seed: that of the rate which validation images have chosen.
    runs: Vec<Run>,
}

/// What a network has become.
#[derive(Clone, Serialize, Deserialize)]
struct Run {
    rate: f64,
    /// Errors, in %: on validation images with the statistics as they were meant, and on test images by each
    /// of the ways.
    validation: f64,
    test: [f64; 6],
}

// ANCHOR: copied
/// Whose sense of momentum, whose running variance and whose ε a layer is given.
struct Way {
    /// In Korean and in English.
    name: [&'static str; 2],
    momentum: (f32, Profile),
    variance: Profile,
    eps: Profile,
}

const MEANT: Way = Way {
    name: ["Keras, 0.99", "Keras, 0.99"],
    momentum: (0.99, Keras),
    variance: Keras,
    eps: Keras,
};

const WAYS: [Way; 6] = [
    MEANT,
    Way { name: ["0.99 → PyTorch", "0.99 → PyTorch"], momentum: (0.99, PyTorch), ..MEANT },
    Way { name: ["Keras, 0.9", "Keras, 0.9"], momentum: (0.9, Keras), ..MEANT },
    Way { name: ["0.9 → PyTorch", "0.9 → PyTorch"], momentum: (0.9, PyTorch), ..MEANT },
    Way { name: ["비편향 분산", "unbiased variance"], variance: PyTorch, ..MEANT },
    Way { name: ["ε = 1e-5", "ε = 1e-5"], eps: PyTorch, ..MEANT },
];

/// The running statistics of one layer, kept in some way.
#[derive(Clone)]
struct Statistics {
    mean: Array1<f32>,
    var: Array1<f32>,
}

impl Statistics {
    /// Takes in those of a batch of m.
    fn follow(&mut self, way: &Way, layer: &BatchNorm<f32>, m: f32) {
        let (momentum, profile) = way.momentum;
        let weight = profile.new_weight(momentum);
        let estimate = match way.variance.running_var() {
            RunningVar::Biased => 1.0,
            RunningVar::Unbiased => m / (m - 1.0),
        };
        self.mean.zip_mut_with(&layer.running_mean, |r, s| *r += weight * (s - *r));
        self.var.zip_mut_with(&layer.running_var, |r, s| *r += weight * (estimate * s - *r));
    }
}
// ANCHOR_END: copied

/// The network of the textbooks for so many pixels. With momentum 1 its running statistics are those of the
/// last batch.
fn network(pixels: usize, classes: usize, seed: u64) -> Result<Sequential<f32>> {
    let random = &mut Random::new(seed);
    let average = Average::Exponential { momentum: 1.0 };
    let config = Config { average, ..Keras.config() };
    let (mut layers, mut inputs) = (Vec::new(), pixels);
    for units in HIDDEN {
        layers.push(Layer::BatchNorm(BatchNorm::with(inputs, config)?));
        layers.push(Layer::Linear(Linear::random((inputs, units), true, Init::He, random)?));
        layers.push(Layer::Activation(Activation::Elu));
        inputs = units;
    }
    layers.push(Layer::BatchNorm(BatchNorm::with(inputs, config)?));
    layers.push(Layer::Linear(Linear::random((inputs, classes), true, Init::Xavier, random)?));
    Ok(Sequential::new(&[pixels], layers)?)
}

fn norms(model: &Sequential<f32>) -> impl Iterator<Item = &BatchNorm<f32>> {
    model.layers().iter().filter_map(|layer| match layer {
        Layer::BatchNorm(norm) => Some(norm),
        _ => None,
    })
}

/// The same model with these statistics, used in this way.
fn with(model: &Sequential<f32>, kept: &[Statistics], way: &Way) -> Result<Sequential<f32>> {
    let mut model = model.clone();
    let mut kept = kept.iter().cloned();
    for layer in model.layers_mut() {
        let Layer::BatchNorm(norm) = layer else { continue };
        let config = Config { eps: way.eps.eps(), ..*norm.config() };
        let mut other = BatchNorm::with(norm.channels(), config)?;
        (other.gamma, other.beta) = (norm.gamma.take(), norm.beta.take());
        let Statistics { mean, var } = kept.next().ok_or("statistics for each layer")?;
        (other.running_mean, other.running_var) = (mean, var);
        *norm = other;
    }
    Ok(model)
}

/// A network after all steps, with the statistics kept in all ways; one that has diverged is wrong about
/// everything.
fn train(split: &Split, classes: usize, batch: usize, steps: usize, rate: f64) -> Result<Run> {
    let mut model = network(split.training.pixels.ncols(), classes, split.seed)?;
    let fresh = |norm: &BatchNorm<f32>| Statistics {
        mean: Array1::zeros(norm.channels()),
        var: Array1::ones(norm.channels()),
    };
    let start: Vec<_> = norms(&model).map(fresh).collect();
    let mut kept = WAYS.each_ref().map(|_| start.clone());
    let mut sgd = Momentum::new(rate, 0.0, 0.0)?;
    let mut random = Random::new(split.seed ^ 0xba7c4);
    let mut order = random.clone();
    let stream = batches(&split.training, batch, &mut order).take(steps);
    for (step, (x, labels)) in stream.enumerate() {
        sgd.set_rate(rate * (1.0 - step as f64 / steps as f64))?;
        let (logits, tape) = model.train(x.into_dyn(), &mut random)?;
        let (loss, dy) = softmax_cross_entropy(&logits.into_dimensionality::<Ix2>()?, &labels)?;
        if !loss.is_finite() {
            return Ok(Run { rate, validation: 100.0, test: [100.0; 6] });
        }
        let gradients = tape.backward(&dy.into_dyn())?;
        for (way, kept) in WAYS.iter().zip(&mut kept) {
            for (statistics, norm) in kept.iter_mut().zip(norms(&model)) {
                statistics.follow(way, norm, batch as f32);
            }
        }
        model.step(&gradients, &mut sgd)?;
    }
    let mut test = [0.0; 6];
    for ((found, way), kept) in test.iter_mut().zip(&WAYS).zip(&kept) {
        *found = error(&with(&model, kept, way)?, &split.test)?;
    }
    let meant = with(&model, &kept[0], &MEANT)?;
    Ok(Run { rate, validation: error(&meant, &split.validation)?, test })
}

impl Experiment for Copied {
    const SEEDS: (usize, usize) = (10, 2);

    fn run(settings: &Settings) -> Result<Self> {
        let steps = settings.pick(20, STEPS, STEPS);
        let images = settings.pick([200, 100, 200], [1037, 260, 500], [1037, 260, 500]);
        let splits = Split::for_seeds(settings, images)?;
        let classes = settings.data.classes();
        let each = |batch, split: &Split| {
            best(RATES, |rate| train(split, classes, batch, steps, rate), |run| run.validation)
        };
        let runs = over_seeds(settings, &BATCHES, &splits, each)?;
        let sides = BATCHES.into_iter().zip(runs).map(|(batch, runs)| Side { batch, runs });
        let sides = sides.collect();
        Ok(Copied { images: Images::of(&settings.data, images), steps, rates: RATES.into(), sides })
    }

    fn criteria(&self) -> Criteria {
        let near = |interval: Interval| interval.within(1.0);
        let unnoticed = |way| BATCHES.into_iter().all(|batch| near(self.more(batch, way)));
        let [small, large] = BATCHES;
        vec![
            ("0.99", self.more(small, 1).above(0.0)),
            ("0.9", self.more(small, 3).above(0.0)),
            ("hidden", near(self.more(large, 1))),
            ("by batch size", self.by_batch_size().above(0.0)),
            ("variance", unnoticed(4)),
            ("epsilon", unnoticed(5)),
        ]
    }

    fn table(&self, out: &mut String) -> Result {
        writeln!(out, "{}: {}; {} steps", self.images.data, self.images, self.steps)?;
        let rates = spaced(self.rates.iter().copied());
        let seeds = self.sides.first().map_or(0, |side| side.runs.len());
        writeln!(out, "rates tried: {}; {seeds} seeds, mean and 95 % interval over them", rates)?;
        for side in &self.sides {
            let rates = spaced(side.runs.iter().map(|run| run.rate));
            writeln!(out, "\nbatches of {:<7}  test error, %       more than meant", side.batch)?;
            for (i, way) in WAYS.iter().enumerate() {
                let error = Interval::of(side.runs.iter().map(|run| run.test[i]));
                let more = match as_meant(i) {
                    meant if meant == i => String::new(),
                    _ => format!("{:+.1}", self.more(side.batch, i)),
                };
                let line = format!("{:17}  {:19} {more}", way.name[1], format!("{error:.1}"));
                writeln!(out, "{}", line.trim_end())?;
            }
            writeln!(out, "rates chosen: {}", rates)?;
        }
        let [small, large] = BATCHES;
        let by_size = self.by_batch_size();
        writeln!(
            out,
            "\n0.99 → PyTorch, batches of {small} less batches of {large}: {by_size:+.1}"
        )?;
        writeln!(out, "{}", said(&self.criteria()))?;
        Ok(())
    }

    fn figures(&self, lang: Lang) -> Result<Vec<Figure>> {
        let mistakes: Vec<_> = (0..WAYS.len()).filter(|way| as_meant(*way) != *way).collect();
        let sides = BATCHES.map(|batch| {
            let named = |way: &usize| {
                let [ko, en] = WAYS[*way].name;
                self.more(batch, *way).named(lang.pick(ko, en))
            };
            (batch, mistakes.iter().map(named).collect::<Vec<_>>())
        });
        Ok(vec![("copied", draw::copied(&sides, lang))])
    }
}

/// What a way is compared with: the same momentum in its own sense.
fn as_meant(way: usize) -> usize {
    match way {
        2 | 3 => 2,
        _ => 0,
    }
}

impl Copied {
    /// In each seed, test error in this way less that as it was meant.
    fn extra(&self, batch: usize, way: usize) -> impl Iterator<Item = f64> {
        let runs = self.sides.iter().filter(move |s| s.batch == batch).flat_map(|s| &s.runs);
        runs.map(move |run| run.test[way] - run.test[as_meant(way)])
    }

    fn more(&self, batch: usize, way: usize) -> Interval {
        Interval::of(self.extra(batch, way))
    }

    /// What momentum 0.99 in PyTorch's sense costs with small batches, less what it costs with large ones.
    fn by_batch_size(&self) -> Interval {
        let [small, large] = BATCHES;
        Interval::of_differences(self.extra(small, 1), self.extra(large, 1))
    }
}
