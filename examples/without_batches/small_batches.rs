//! Does batch renormalization make up for small batches?
//!
//! # The experiment
//! As S. Ioffe, "Batch Renormalization" (NeurIPS 2017, arXiv 1702.03275), but small: a network of two hidden
//! layers of [`WIDTH`] ReLU units learns the digits with batches of 2 to 32, with batch normalization or
//! batch renormalization before each ReLU. In renormalization r = 1 and d = 0 for the first tenth of the
//! steps; then the limits rise evenly to the paper's 3 and 5, which they reach half-way. A new image weighs
//! the same in the running averages of both, whatever the batch: 0.1 for 32 of them.
//!
//! Both have the same seeds, images, first weights, batches and number of epochs. The rate is
//! base · size/32, and falls to 0 along a straight line; the base is, for each seed and each of the two, the
//! one of [`BASES`] with the least error on validation images with batches of 32. Test images choose nothing.
//!
//! Written down before the first run. Over the seeds, with Student's 95 % interval of differences of test
//! error within a seed:
//!
//! 1. *better at 2*: with batches of 2, normalization less renormalization: the interval is above 0;
//! 2. *better at 4*: the same with batches of 4;
//! 3. *no worse at 32*: with batches of 32, renormalization less normalization: all of it is below 1 point.
//!
//! All three: reproduced. Some: partly. None: did not reproduce.

use super::common::data::Set;
use super::common::interval::Interval;
use super::common::search::{Images, Split, batches, best, right};
use super::common::{
    Criteria, Experiment, Figure, Lang, Result, Settings, over_seeds, said, spaced,
};
use super::network::{Network, Norm};
use batchnorm::batch_norm::{Average, BatchNorm, Config};
use batchnorm::batch_renorm::{BatchRenorm, Clips};
use batchnorm::nn::random::Random;
use figures::{Band, group_norm as draw};
use serde::{Deserialize, Serialize};
use std::fmt::Write;

const WIDTH: usize = 64;
const SIZES: [usize; 5] = [2, 4, 8, 16, 32];
/// Learning rates at batches of 32.
const BASES: [f64; 5] = [0.1, 0.3, 1.0, 3.0, 10.0];
const WAYS: [Way; 2] = [Way::Norm, Way::Renorm];

/// Batch normalization, or batch renormalization.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Way {
    Norm,
    Renorm,
}

/// Every number of the experiment.
#[derive(Serialize, Deserialize)]
pub struct SmallBatches {
    #[serde(flatten)]
    images: Images,
    sizes: Vec<usize>,
    epochs: usize,
    rates: Vec<f64>,
    sides: Vec<Side>,
}

#[derive(Serialize, Deserialize)]
struct Side {
    way: Way,
    /// For each seed, a run for each size.
    runs: Vec<Vec<Run>>,
}

/// Errors are in %.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Run {
    rate: f64,
    validation: f64,
    test: f64,
}

impl Way {
    fn layer(self, batch: usize) -> Result<Norm<f32>> {
        let momentum = 0.1 * batch as f32 / 32.0;
        Ok(match self {
            Way::Norm => {
                let average = Average::Exponential { momentum };
                Norm::Batch(BatchNorm::with(WIDTH, Config { average, ..Config::default() })?)
            }
            Way::Renorm => Norm::Renorm(BatchRenorm::new(WIDTH, 1e-5, momentum)?),
        })
    }

    fn name(self, lang: Lang) -> &'static str {
        match self {
            Way::Norm => lang.pick("배치 정규화", "batch norm"),
            Way::Renorm => lang.pick("배치 재정규화", "batch renorm"),
        }
    }
}

// ANCHOR: small_batches
/// The limits when this share of the steps is done.
fn clips(done: f64) -> Clips<f32> {
    let risen = ((done - 0.1) / 0.4).clamp(0.0, 1.0) as f32;
    Clips { r_max: Some(1.0 + 2.0 * risen), d_max: Some(5.0 * risen) }
}

/// A network after all steps, or as far as its loss is a number.
fn train(way: Way, split: &Split, batch: usize, rate: f64, epochs: usize) -> Result<Run> {
    let Split { seed, training, validation, test } = split;
    let classes = training.classes();
    let shape = [training.pixels.ncols(), WIDTH, classes];
    let mut network = Network::new(shape, &way.layer(batch)?, *seed)?;
    let steps = epochs * training.labels.len() / batch;
    let order = &mut Random::new(seed ^ 0xba7c4);
    for (i, (x, labels)) in batches(training, batch, order).take(steps).enumerate() {
        let done = i as f64 / steps as f64;
        for (_, norm) in &mut network.hidden {
            if let Norm::Renorm(norm) = norm {
                norm.clips = clips(done);
            }
        }
        let (loss, gradients) = network.gradient(x, &labels)?;
        if !loss.is_finite() {
            return Ok(Run { rate, validation: 100.0, test: 100.0 });
        }
        network.step(&gradients, rate * (1.0 - done))?;
    }
    Ok(Run { rate, validation: error(&network, validation)?, test: error(&network, test)? })
}
// ANCHOR_END: small_batches

fn error(network: &Network<f32>, set: &Set) -> Result<f64> {
    let known = right(&network.apply(&set.pixels)?, &set.labels);
    Ok(set.wrong(known))
}

impl Experiment for SmallBatches {
    fn run(settings: &Settings) -> Result<Self> {
        let epochs = settings.pick(1, 6, 6);
        let images = settings.pick([200, 100, 100], [1037, 260, 500], [1037, 260, 500]);
        let splits = Split::for_seeds(settings, images)?;
        let each = |way, split: &Split| -> Result<Vec<Run>> {
            let run = |batch, rate| train(way, split, batch, rate, epochs);
            let largest = best(BASES, |base| run(32, base), |run| run.validation)?;
            let smaller = SIZES[..SIZES.len() - 1].iter();
            let runs = smaller.map(|&size| run(size, largest.rate * size as f64 / 32.0));
            let mut runs = runs.collect::<Result<Vec<_>>>()?;
            runs.push(largest);
            Ok(runs)
        };
        let runs = over_seeds(settings, &WAYS, &splits, each)?;
        let sides = WAYS.into_iter().zip(runs).map(|(way, runs)| Side { way, runs });
        Ok(SmallBatches {
            images: Images::of(&settings.data, images),
            sizes: SIZES.into(),
            epochs,
            rates: BASES.into(),
            sides: sides.collect(),
        })
    }

    fn criteria(&self) -> Criteria {
        vec![
            ("better at 2", self.gain(0).above(0.0)),
            ("better at 4", self.gain(1).above(0.0)),
            ("no worse at 32", self.gain(SIZES.len() - 1).above(-1.0)),
        ]
    }

    fn table(&self, out: &mut String) -> Result {
        writeln!(
            out,
            "{}: {}; {} epochs, {} seeds",
            self.images.data,
            self.images,
            self.epochs,
            self.sides.first().map_or(0, |side| side.runs.len())
        )?;
        let rates = spaced(self.rates.iter().copied());
        writeln!(out, "rates tried at 32: {}; test error in %, mean and 95 % interval\n", rates)?;
        let mut row = |name: &str, cells: Vec<String>| {
            let cells: String = cells.iter().map(|cell| format!("{cell:>22}")).collect();
            writeln!(out, "{name:>13}{cells}")
        };
        let mut head: Vec<String> =
            self.sides.iter().map(|side| side.way.name(Lang::En).into()).collect();
        head.push("difference".into());
        row("", head)?;
        for (i, size) in self.sizes.iter().enumerate() {
            let mut cells: Vec<String> =
                self.sides.iter().map(|side| format!("{:.1}", side.error(i))).collect();
            cells.push(format!("{:+.1}", self.gain(i)));
            row(&format!("batches of {size}"), cells)?;
        }
        let rates = self.sides.iter().map(|side| {
            let bases = side.runs.iter().filter_map(|runs| runs.last());
            spaced(bases.map(|run| run.rate))
        });
        row("rates chosen", rates.collect())?;
        writeln!(out, "\n{}", said(&self.criteria()))?;
        Ok(())
    }

    fn figures(&self, lang: Lang) -> Result<Vec<Figure>> {
        let lines = self.sides.iter().map(|side| {
            let points = (0..self.sizes.len()).map(|i| side.error(i).at(i as f64));
            (side.way.name(lang), points.collect::<Vec<_>>())
        });
        let lines: Vec<_> = lines.collect();
        let bands: Vec<_> = lines.iter().map(|(label, points)| Band { label, points }).collect();
        let title = lang.pick("완전 연결 신경망", "fully connected");
        let panels = [(title, &bands[..])];
        Ok(vec![("small_batches", draw::error_by_batch_size(&self.sizes, &panels, lang))])
    }
}

impl SmallBatches {
    /// Of test error at the `i`-th size: normalization less renormalization, within a seed.
    fn gain(&self, i: usize) -> Interval {
        let errors = |way| {
            let sides = self.sides.iter().filter(move |side| side.way == way);
            sides.flat_map(|side| &side.runs).filter_map(move |runs| Some(runs.get(i)?.test))
        };
        Interval::of_differences(errors(Way::Norm), errors(Way::Renorm))
    }
}

impl Side {
    /// Test error at the `i`-th size.
    fn error(&self, i: usize) -> Interval {
        Interval::of(self.runs.iter().filter_map(|runs| runs.get(i)).map(|run| run.test))
    }
}
