//! Does layer normalization help a recurrent network to learn?
//!
//! # The experiment
//! As J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer Normalization" (2016, arXiv 1607.06450) and T. Cooijmans
//! and others, "Recurrent Batch Normalization" (ICLR 2017, arXiv 1603.09025), but small: a network of
//! [`UNITS`] tanh units reads an 8 × 8 digit row by row, [`INPUTS`] pixels at each of 32 steps, and says at
//! the end which it was. Three ways: plain, with a bias; with layer normalization of the summed inputs; with
//! batch normalization of them, which has statistics for each step and γ and β for all together. All have
//! the same seeds, images, first weights (Xavier's), batches of [`BATCH`] and [`RATES`], falling to 0 along a
//! straight line; plain gradient descent through all steps, nothing clipped. Of each way and seed the rate
//! counts that is best on validation images; test images choose nothing. The gradient is held against finite
//! differences in `tests/gradients.rs`.
//!
//! Written down before the first run. Over the seeds, with Student's 95 % interval, of each of the two
//! normalized ways against the plain one of the same seed:
//!
//! 1. *sooner*: the training steps until half of the test images are first classified rightly, looked at
//!    every [`EVERY`] steps, plain by normalized (one that never gets there counts with all its steps): the
//!    interval of the geometric mean is above 1;
//! 2. *better*: test error after the last step, plain less normalized: the interval is above 0.
//!
//! And, since a longer sequence has steps for which batch normalization has no statistics (it takes those of
//! its last step) and at which others have been:
//!
//! 3. *longer*: by how much the test error grows if a blank row of pixels is read before the image, batch
//!    less layer normalization: the interval is above 0.
//!
//! All five: reproduced. Some: partly. None: did not reproduce.

use super::common::data::Set;
use super::common::interval::Interval;
use super::common::search::{Images, Split, batches, best, right};
use super::common::{
    Criteria, Experiment, Figure, Lang, Result, Settings, over_seeds, said, spaced,
};
use super::network::{Network, Norm};
use batchnorm::batch_norm::BatchNorm;
use batchnorm::layer_norm::LayerNorm;
use batchnorm::nn::random::Random;
use figures::{Band, covariate_shift as draw};
use ndarray::{Array2, Axis, concatenate, s};
use serde::{Deserialize, Serialize};
use std::fmt::Write;

const INPUTS: usize = 2;
const UNITS: usize = 32;
const BATCH: usize = 32;
const RATES: [f64; 5] = [0.03, 0.1, 0.3, 1.0, 3.0];
const EVERY: usize = 25;
const GOAL: f64 = 0.5;
const WAYS: [Way; 3] = [Way::Plain, Way::Layer, Way::Batch];

/// What is done with the summed inputs.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Way {
    Plain,
    Layer,
    Batch,
}

/// Every number of the experiment.
#[derive(Serialize, Deserialize)]
pub struct Recurrent {
    #[serde(flatten)]
    images: Images,
    /// Of reading one of them.
    reading: usize,
    /// Of training.
    steps: usize,
    goal: f64,
    rates: Vec<f64>,
    networks: Vec<Networks>,
}

#[derive(Serialize, Deserialize)]
struct Networks {
    way: Way,
    /// One for each seed: that of the rate which validation images have chosen.
    runs: Vec<Run>,
}

/// Shares of images that are classified rightly.
#[derive(Clone, Serialize, Deserialize)]
struct Run {
    rate: f64,
    /// Before training, how large ∂L/∂h is at the first step, for one at the last.
    reach: f64,
    /// Of test images, after so many steps.
    curve: Vec<(usize, f64)>,
    validation: f64,
    /// Of test images with a blank row before them.
    longer: f64,
}

impl Way {
    // ANCHOR: recurrent
    /// What the summed inputs of the units go through, in sequences of so many steps.
    fn norm(self, steps: usize) -> Result<Norm<f32>> {
        Ok(match self {
            Way::Plain => Norm::None,
            Way::Layer => Norm::Layer(LayerNorm::new(UNITS, 1e-5)?),
            Way::Batch => Norm::Batch(vec![BatchNorm::new(UNITS); steps]),
        })
    }
    // ANCHOR_END: recurrent

    fn name(self, lang: Lang) -> &'static str {
        match self {
            Way::Plain => lang.pick("그대로", "plain"),
            Way::Layer => lang.pick("층 정규화", "layer norm"),
            Way::Batch => lang.pick("배치 정규화", "batch norm"),
        }
    }
}

/// The share of these sequences that are classified rightly.
fn accuracy(network: &Network<f32>, x: &Array2<f32>, labels: &[usize]) -> Result<f64> {
    Ok(right(&network.apply(x)?, labels) as f64 / labels.len() as f64)
}

/// The images with a blank row of pixels before each.
fn longer(set: &Set) -> Result<Array2<f32>> {
    let blank = set.pixels.iter().copied().fold(f32::INFINITY, f32::min);
    let row = Array2::from_elem((set.labels.len(), set.pixels.ncols().isqrt()), blank);
    Ok(concatenate(Axis(1), &[row.view(), set.pixels.view()])?)
}

fn size(of: impl IntoIterator<Item = f32>) -> f64 {
    let squares: f64 = of.into_iter().map(|x| f64::from(x) * f64::from(x)).sum();
    squares.sqrt()
}

fn train(way: Way, split: &Split, rate: f64, steps: usize) -> Result<Run> {
    let Split { seed, training, validation, test } = split;
    let classes = training.classes();
    let norm = way.norm(training.pixels.ncols() / INPUTS)?;
    let mut network = Network::new([INPUTS, UNITS, classes], norm, *seed)?;
    let order = &mut Random::new(seed ^ 0xba7c4);
    let (mut reach, mut curve) = (f64::NAN, Vec::new());
    for (i, (x, labels)) in batches(training, BATCH, order).take(steps).enumerate() {
        if i % EVERY == 0 {
            curve.push((i, accuracy(&network, &test.pixels, &test.labels)?));
        }
        let (_, gradients) = network.gradient(&x, &labels)?;
        if i == 0 {
            let first = gradients.cell.x.slice(s![.., ..UNITS]);
            reach = size(first.iter().copied()) / size(gradients.head.x.iter().copied());
        }
        network.step(&gradients, rate * (1.0 - i as f64 / steps as f64))?;
    }
    curve.push((steps, accuracy(&network, &test.pixels, &test.labels)?));
    Ok(Run {
        rate,
        reach,
        curve,
        validation: accuracy(&network, &validation.pixels, &validation.labels)?,
        longer: accuracy(&network, &longer(test)?, &test.labels)?,
    })
}

impl Experiment for Recurrent {
    fn run(settings: &Settings) -> Result<Self> {
        let steps = settings.pick(10, 500, 500);
        let images = settings.pick([160, 100, 100], [1037, 260, 500], [1037, 260, 500]);
        let splits = Split::for_seeds(settings, images)?;
        let each = |way, split: &Split| {
            best(RATES, |rate| train(way, split, rate, steps), |run| -run.validation)
        };
        let runs = over_seeds(settings, &WAYS, &splits, each)?;
        let networks = WAYS.into_iter().zip(runs).map(|(way, runs)| Networks { way, runs });
        Ok(Recurrent {
            images: Images::of(&settings.data, images),
            reading: settings.data.pixels.ncols() / INPUTS,
            steps,
            goal: GOAL,
            rates: RATES.into(),
            networks: networks.collect(),
        })
    }

    fn criteria(&self) -> Criteria {
        let growth = |run: &Run| run.longer_error() - run.error();
        let longer = self.paired(Way::Batch, Way::Layer, growth).map(|(b, l)| b - l);
        vec![
            ("layer norm sooner", self.sooner(Way::Layer).above(1.0)),
            ("layer norm better", self.better(Way::Layer).above(0.0)),
            ("batch norm sooner", self.sooner(Way::Batch).above(1.0)),
            ("batch norm better", self.better(Way::Batch).above(0.0)),
            ("longer", Interval::of(longer).above(0.0)),
        ]
    }

    fn table(&self, out: &mut String) -> Result {
        let seeds = self.networks.first().map_or(0, |networks| networks.runs.len());
        writeln!(out, "{}, read in {} steps: {}", self.images.data, self.reading, self.images)?;
        let rates = spaced(self.rates.iter().copied());
        writeln!(
            out,
            "{} training steps; rates tried: {}; {seeds} seeds, mean and 95 % interval",
            self.steps, rates
        )?;
        let mut row = |name: &str, cell: &dyn Fn(&Networks) -> String| {
            let cells = self.networks.iter().map(|networks| format!("{:>22}", cell(networks)));
            writeln!(out, "{name:24}{}", cells.collect::<String>())
        };
        let over =
            |networks: &Networks, of: fn(&Run) -> f64| Interval::of(networks.runs.iter().map(of));
        row("", &|networks| networks.way.name(Lang::En).into())?;
        row("test error, %", &|networks| format!("{:.1}", over(networks, Run::error)))?;
        row("after a blank row, %", &|networks| {
            format!("{:.1}", over(networks, Run::longer_error))
        })?;
        row(&format!("steps to {} % right", 100.0 * self.goal), &|networks| {
            let steps = networks.runs.iter().map(|run| self.steps_to_goal(run));
            format!("{:.0}", Interval::of(steps))
        })?;
        row("gradient, first : last", &|networks| {
            let mean = Interval::of_ratios(networks.runs.iter().map(|run| run.reach)).mean;
            if mean < 1.0 { format!("1 : {:.0}", 1.0 / mean) } else { format!("{mean:.0} : 1") }
        })?;
        row("rates chosen", &|networks| spaced(networks.runs.iter().map(|run| run.rate)))?;
        writeln!(out)?;
        for way in [Way::Layer, Way::Batch] {
            writeln!(
                out,
                "plain against {}: {:.2} times the steps, test error {:+.1}",
                way.name(Lang::En),
                self.sooner(way),
                self.better(way)
            )?;
        }
        writeln!(out, "{}", said(&self.criteria()))?;
        Ok(())
    }

    fn figures(&self, lang: Lang) -> Result<Vec<Figure>> {
        let curve = |networks: &Networks| -> (&'static str, Vec<_>) {
            let looks = networks.runs.first().map_or(&[][..], |run| &run.curve).iter();
            let at = |(i, &(step, _)): (usize, &(usize, f64))| {
                let values = networks.runs.iter().filter_map(|run| run.curve.get(i));
                Interval::of(values.map(|&(_, accuracy)| accuracy)).at(step as f64)
            };
            (networks.way.name(lang), looks.enumerate().map(at).collect())
        };
        let curves: Vec<_> = self.networks.iter().map(curve).collect();
        let bands: Vec<_> = curves.iter().map(|(label, points)| Band { label, points }).collect();
        Ok(vec![("recurrent", draw::learning_curves(&bands, lang))])
    }
}

impl Recurrent {
    /// Something of the runs of two ways, seed by seed.
    fn paired(
        &self,
        one: Way,
        other: Way,
        of: impl Fn(&Run) -> f64,
    ) -> impl Iterator<Item = (f64, f64)> {
        let runs = |way| self.networks.iter().filter(move |n| n.way == way).flat_map(|n| &n.runs);
        runs(one).zip(runs(other)).map(move |(one, other)| (of(one), of(other)))
    }

    /// How many times as many steps the plain network needs to the goal.
    fn sooner(&self, way: Way) -> Interval {
        let pairs = self.paired(Way::Plain, way, |run| self.steps_to_goal(run));
        Interval::of_ratios(pairs.map(|(plain, normalized)| plain / normalized))
    }

    /// By how much its test error is higher.
    fn better(&self, way: Way) -> Interval {
        let pairs = self.paired(Way::Plain, way, Run::error);
        Interval::of(pairs.map(|(plain, normalized)| plain - normalized))
    }

    /// All of them, where the goal is not reached.
    fn steps_to_goal(&self, run: &Run) -> f64 {
        let met = run.curve.iter().find(|(_, accuracy)| *accuracy >= self.goal);
        met.map_or(self.steps, |&(step, _)| step) as f64
    }
}

impl Run {
    /// Of test images, in %.
    fn error(&self) -> f64 {
        self.curve.last().map_or(100.0, |(_, accuracy)| 100.0 * (1.0 - accuracy))
    }

    fn longer_error(&self) -> f64 {
        100.0 * (1.0 - self.longer)
    }
}
