//! Does it bring more to normalize inside a network than to normalize what goes into it?
//!
//! # The experiment
//! Inputs have been standardized for decades (Y. LeCun, L. Bottou, G. Orr, K.-R. Müller, "Efficient BackProp",
//! 1998). Batch normalization does to each layer what was done to the inputs (S. Ioffe, C. Szegedy, arXiv
//! 1502.03167). A network of three hidden layers of [`WIDTH`] ReLUs learns the digits for [`EPOCHS`] epochs in
//! batches of [`BATCH`]: from pixels as they are, between 0 and 1; from pixels less their mean, over their
//! deviation, both over the training images; with batch normalization of the pixels; and with batch
//! normalization of the pixels and before each ReLU. All have the same seeds, images, first weights, batches
//! and [`RATES`], falling to 0 along a straight line. Of each side and seed the rate counts that is best on
//! validation images; test images choose nothing.
//!
//! Written down before the first run. Over the seeds, with Student's 95 % interval of differences of test
//! error within a seed:
//!
//! 1. *inputs*: pixels as they are less standardized ones: above 0;
//! 2. *the same*: standardized less batch normalization of the pixels: all of it within 1 point of 0;
//! 3. *inside*: standardized less batch normalization of each layer: above 0.
//!
//! All three: reproduced. Some: partly. None: did not reproduce.

use super::common::interval::Interval;
use super::common::search::{Images, Recipe, Run, Split};
use super::common::{
    Criteria, Experiment, Figure, Lang, Result, Settings, over_seeds, said, spaced,
};
use batchnorm::batch_norm::BatchNorm;
use batchnorm::nn::activation::Activation;
use batchnorm::nn::init::Init;
use batchnorm::nn::linear::Linear;
use batchnorm::nn::random::Random;
use batchnorm::nn::sequential::{Layer, Sequential};
use figures::introduction as draw;
use ndarray::Axis;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

use Normalized::{Everything, InputsByBatch, Nothing, Standardized};

const WIDTH: usize = 32;
const BATCH: usize = 32;
const EPOCHS: usize = 5;
const RATES: [f64; 6] = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0];
const SIDES: [Normalized; 4] = [Nothing, Standardized, InputsByBatch, Everything];

/// Every number of the experiment.
#[derive(Serialize, Deserialize)]
pub struct Inputs {
    #[serde(flatten)]
    images: Images,
    steps: usize,
    rates: Vec<f64>,
    sides: Vec<Side>,
}

#[derive(Serialize, Deserialize)]
struct Side {
    normalized: Normalized,
    /// One for each seed: that of the rate which validation images have chosen.
    runs: Vec<Run>,
}

// ANCHOR: inputs
/// What is normalized.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Normalized {
    /// Nothing: pixels between 0 and 1.
    Nothing,
    /// Each pixel, by its mean and deviation over the training images.
    Standardized,
    /// Each pixel, by batch normalization.
    InputsByBatch,
    /// Each pixel and each hidden unit, by batch normalization.
    Everything,
}

/// Three hidden layers of ReLUs.
fn network(
    pixels: usize,
    classes: usize,
    normalized: Normalized,
    seed: u64,
) -> Result<Sequential<f32>> {
    let (random, inside) = (&mut Random::new(seed), normalized == Everything);
    let mut layers = Vec::new();
    if inside || normalized == InputsByBatch {
        layers.push(Layer::BatchNorm(BatchNorm::new(pixels)));
    }
    for inputs in [pixels, WIDTH, WIDTH] {
        layers.push(Layer::Linear(Linear::random((inputs, WIDTH), !inside, Init::He, random)?));
        if inside {
            layers.push(Layer::BatchNorm(BatchNorm::new(WIDTH)));
        }
        layers.push(Layer::Activation(Activation::Relu));
    }
    layers.push(Layer::Linear(Linear::random((WIDTH, classes), true, Init::Xavier, random)?));
    Ok(Sequential::new(&[pixels], layers)?)
}
// ANCHOR_END: inputs

/// Pixels less their mean, over their deviation, both over the training images. One that is the same in all
/// of these becomes 0.
fn standardized(split: &Split) -> Split {
    let mut split = split.clone();
    let mean = split.training.pixels.mean_axis(Axis(0)).unwrap_or_default();
    let sd = split.training.pixels.std_axis(Axis(0), 0.0);
    for set in [&mut split.training, &mut split.validation, &mut split.test] {
        set.pixels -= &mean;
        for (mut pixel, &sd) in set.pixels.columns_mut().into_iter().zip(&sd) {
            pixel.mapv_inplace(|x| if sd > 0.0 { x / sd } else { 0.0 });
        }
    }
    split
}

impl Experiment for Inputs {
    const SEEDS: (usize, usize) = (10, 2);

    fn run(settings: &Settings) -> Result<Self> {
        let images = settings.pick([160, 100, 100], [1037, 260, 500], [1037, 260, 500]);
        let steps = EPOCHS * (images[0] / BATCH);
        let classes = settings.data.classes();
        let both = |&seed: &u64| {
            let raw = Split::raw(&settings.data, seed, images)?;
            let standardized = standardized(&raw);
            Ok((raw, standardized))
        };
        let both: Vec<_> = settings.seeds.iter().map(both).collect::<Result<_>>()?;
        let each = |side, (raw, standardized): &(Split, Split)| {
            let split = if side == Standardized { standardized } else { raw };
            let start = network(split.training.pixels.ncols(), classes, side, split.seed)?;
            let recipe =
                Recipe { rates: &RATES, batch: BATCH, steps, weight_decay: 0.0, early: None };
            recipe.search(&start, split)
        };
        let runs = over_seeds(settings, &SIDES, &both, each)?;
        let sides = SIDES.into_iter().zip(runs);
        let sides = sides.map(|(normalized, runs)| Side { normalized, runs });
        Ok(Inputs {
            images: Images::of(&settings.data, images),
            steps,
            rates: RATES.into(),
            sides: sides.collect(),
        })
    }

    fn criteria(&self) -> Criteria {
        let [inputs, same, inside] = self.differences();
        vec![
            ("inputs", inputs.above(0.0)),
            ("the same", same.within(1.0)),
            ("inside", inside.above(0.0)),
        ]
    }

    fn table(&self, out: &mut String) -> Result {
        let seeds = self.sides.first().map_or(0, |side| side.runs.len());
        writeln!(out, "{}: {}; {} steps", self.images.data, self.images, self.steps)?;
        let rates = spaced(self.rates.iter().copied());
        writeln!(out, "rates tried: {}; {seeds} seeds, mean and 95 % interval over them\n", rates)?;
        writeln!(out, "normalized           test error, %    rates chosen")?;
        for side in &self.sides {
            let error = Interval::of(side.runs.iter().map(|run| run.test));
            let rates = spaced(side.runs.iter().map(|run| run.rate));
            writeln!(
                out,
                "{:20} {:16} {}",
                side.normalized.name(Lang::En),
                format!("{error:.1}"),
                rates
            )?;
        }
        writeln!(out)?;
        for (name, difference) in names(Lang::En).into_iter().zip(self.differences()) {
            writeln!(out, "{name:29} test error {difference:+.1}")?;
        }
        writeln!(out, "{}", said(&self.criteria()))?;
        Ok(())
    }

    fn figures(&self, lang: Lang) -> Result<Vec<Figure>> {
        let error = |side: &Side| {
            Interval::of(side.runs.iter().map(|run| run.test)).named(side.normalized.name(lang))
        };
        let differences = names(lang).into_iter().zip(self.differences());
        let differences = differences.map(|(name, interval)| interval.named(name));
        let (errors, differences): (Vec<_>, Vec<_>) =
            (self.sides.iter().map(error).collect(), differences.collect());
        Ok(vec![("inputs", draw::inputs(&errors, &differences, lang))])
    }
}

/// Of the differences.
fn names(lang: Lang) -> [String; 3] {
    let less =
        |one: Normalized, other: Normalized| format!("{} − {}", one.name(lang), other.name(lang));
    [less(Nothing, Standardized), less(Standardized, InputsByBatch), less(Standardized, Everything)]
}

impl Inputs {
    /// Of test error within a seed.
    fn differences(&self) -> [Interval; 3] {
        let errors = |of| {
            let sides = self.sides.iter().filter(move |s| s.normalized == of);
            sides.flat_map(|s| &s.runs).map(|run| run.test)
        };
        let less = |one, other| Interval::of_differences(errors(one), errors(other));
        [
            less(Nothing, Standardized),
            less(Standardized, InputsByBatch),
            less(Standardized, Everything),
        ]
    }
}

impl Normalized {
    fn name(self, lang: Lang) -> &'static str {
        match self {
            Nothing => lang.pick("그대로", "nothing"),
            Standardized => lang.pick("입력", "inputs"),
            InputsByBatch => lang.pick("입력(배치)", "inputs, BN"),
            Everything => lang.pick("층마다(배치)", "each layer, BN"),
        }
    }
}
