//! Is it enough to divide by the size, or does a network miss the mean that layer normalization subtracts?
//!
//! # The experiment
//! B. Zhang, R. Sennrich, "Root Mean Square Layer Normalization" (NeurIPS 2019, arXiv 1910.07467) say that
//! re-centering is dispensable. Here a residual network of [`BLOCKS`] blocks and [`WIDTH`] features, which
//! normalizes before each branch and at the end as transformers do, learns the digits: without
//! normalization, with layer normalization (γ and β), with RMS normalization (γ alone). All have the same
//! seeds, images, first weights, batches and [`RATES`], falling to 0 along a straight line. Of each way and
//! seed the rate counts that is best on validation images; test images choose nothing. The gradient is held
//! against finite differences in `tests/gradients.rs`.
//!
//! A network whose first weights are drawn about zero has hardly a mean to subtract. So layer and RMS
//! normalization run once more with one that has: all biases of the first layer start at [`SHIFT`], which
//! the sums of the residual network carry to the end, where the features differ by about 1.
//!
//! Written down before the first run. Over the seeds, with Student's 95 % interval of differences of test
//! error within a seed:
//!
//! 1. *as good*: layer less RMS normalization: all of the interval lies within 1 point of 0;
//! 2. *of use*: no normalization less RMS normalization: the interval is above 0, so that what is compared
//!    in 1 matters here at all;
//! 3. *shift seen*: from shifted biases, RMS less layer normalization: the interval is above 0.
//!
//! All three: reproduced. Some: partly. None: did not reproduce.

use super::common::data::Set;
use super::common::interval::Interval;
use super::common::search::{Images, Split, batches, best, right};
use super::common::{
    Criteria, Experiment, Figure, Lang, Result, Settings, over_seeds, said, spaced,
};
use super::network::{Kind, Network};
use batchnorm::nn::random::Random;
use figures::rms_norm as draw;
use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};
use std::fmt::Write;

const BLOCKS: usize = 6;
const WIDTH: usize = 32;
const BATCH: usize = 64;
const RATES: [f64; 5] = [0.003, 0.01, 0.03, 0.1, 0.3];
const SHIFT: f64 = 10.0;
const SIDES: [(Kind, f64); 5] = [
    (Kind::None, 0.0),
    (Kind::Layer, 0.0),
    (Kind::Rms, 0.0),
    (Kind::Layer, SHIFT),
    (Kind::Rms, SHIFT),
];

const DIFFERENCES: [&str; 3] = ["layer − RMS", "none − RMS", "shifted: RMS − layer"];

/// Every number of the experiment.
#[derive(Serialize, Deserialize)]
pub struct Recentering {
    #[serde(flatten)]
    images: Images,
    steps: usize,
    rates: Vec<f64>,
    sides: Vec<Side>,
}

#[derive(Serialize, Deserialize)]
struct Side {
    kind: Kind,
    shift: f64,
    /// One for each seed: that of the rate which validation images have chosen.
    runs: Vec<Run>,
}

/// What a network has become.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Run {
    rate: f64,
    /// Errors, in %.
    validation: f64,
    test: f64,
    /// In what reaches the last normalization, the share of μ² in ⟨x²⟩, averaged over test images.
    mean: f64,
}

fn error(network: &Network<f32>, set: &Set) -> Result<f64> {
    let logits = network.logits(network.stream(&set.pixels)?)?;
    Ok(set.wrong(right(&logits, &set.labels)))
}

/// The mean over the rows of μ²/⟨x²⟩.
fn share_of_mean(x: &Array2<f32>) -> f64 {
    let share = |row: ndarray::ArrayView1<f32>| {
        let n = row.len() as f64;
        let values = || row.iter().map(|&x| f64::from(x));
        let (sum, squares) = (values().sum::<f64>(), values().map(|x| x * x).sum::<f64>());
        sum * sum / (n * squares)
    };
    x.axis_iter(Axis(0)).map(share).sum::<f64>() / x.nrows() as f64
}

// ANCHOR: recentering
/// A network after all steps; one that has diverged is wrong about everything.
fn train((kind, shift): (Kind, f64), split: &Split, rate: f64, steps: usize) -> Result<Run> {
    let Split { seed, training, validation, test } = split;
    let classes = training.classes();
    let mut network = Network::new([training.pixels.ncols(), WIDTH, BLOCKS, classes], kind, *seed)?;
    if let Some(bias) = &mut network.stem.bias {
        bias.fill(shift as f32);
    }
    let order = &mut Random::new(seed ^ 0xba7c4);
    for (i, (x, labels)) in batches(training, BATCH, order).take(steps).enumerate() {
        let (loss, gradients) = network.gradient(x, &labels)?;
        if !loss.is_finite() {
            return Ok(Run { rate, validation: 100.0, test: 100.0, mean: 0.0 });
        }
        network.step(&gradients, rate * (1.0 - i as f64 / steps as f64))?;
    }
    let mean = share_of_mean(&network.stream(&test.pixels)?);
    Ok(Run { rate, validation: error(&network, validation)?, test: error(&network, test)?, mean })
}
// ANCHOR_END: recentering

impl Experiment for Recentering {
    const SEEDS: (usize, usize) = (8, 2);

    fn run(settings: &Settings) -> Result<Self> {
        let steps = settings.pick(10, 200, 200);
        let images = settings.pick([160, 100, 100], [1037, 260, 500], [1037, 260, 500]);
        let splits = Split::for_seeds(settings, images)?;
        let each = |side, split: &Split| {
            best(RATES, |rate| train(side, split, rate, steps), |run| run.validation)
        };
        let runs = over_seeds(settings, &SIDES, &splits, each)?;
        let sides = SIDES.into_iter().zip(runs);
        let sides = sides.map(|((kind, shift), runs)| Side { kind, shift, runs });
        Ok(Recentering {
            images: Images::of(&settings.data, images),
            steps,
            rates: RATES.into(),
            sides: sides.collect(),
        })
    }

    fn criteria(&self) -> Criteria {
        let [layer_less_rms, none_less_rms, shifted] = self.differences();
        vec![
            ("as good", layer_less_rms.within(1.0)),
            ("of use", none_less_rms.above(0.0)),
            ("shift seen", shifted.above(0.0)),
        ]
    }

    fn table(&self, out: &mut String) -> Result {
        let seeds = self.sides.first().map_or(0, |side| side.runs.len());
        writeln!(out, "{}: {}; {} steps", self.images.data, self.images, self.steps)?;
        let rates = spaced(self.rates.iter().copied());
        writeln!(out, "rates tried: {}; {seeds} seeds, mean and 95 % interval over them", rates)?;
        writeln!(
            out,
            "\nnormalization  first biases      test error, %       μ²/⟨x²⟩, %  rates chosen"
        )?;
        for side in &self.sides {
            let over =
                |of: fn(&Run) -> f64| format!("{:.1}", Interval::of(side.runs.iter().map(of)));
            let rates = spaced(side.runs.iter().map(|run| run.rate));
            writeln!(
                out,
                "{:13} {:>13} {:>18} {:>18}  {}",
                side.kind.name(Lang::En),
                side.shift,
                over(|run| run.test),
                over(|run| 100.0 * run.mean),
                rates
            )?;
        }
        writeln!(out)?;
        for (name, difference) in DIFFERENCES.into_iter().zip(self.differences()) {
            writeln!(out, "{name:20}  test error {difference:+.1}")?;
        }
        writeln!(out, "{}", said(&self.criteria()))?;
        Ok(())
    }

    fn figures(&self, lang: Lang) -> Result<Vec<Figure>> {
        let errors = self.sides.iter().map(|side| {
            let shifted = if side.shift == 0.0 { "" } else { lang.pick(", 옮김", ", shifted") };
            let label = format!("{}{shifted}", side.kind.name(lang));
            Interval::of(side.runs.iter().map(|run| run.test)).named(label)
        });
        // Beside the one against none, the two others would not be told from 0.
        let [layer_less_rms, _, shifted] = self.differences();
        let names =
            lang.pick(["층 − RMS", "옮김: RMS − 층"], ["layer − RMS", "shifted: RMS − layer"]);
        let differences = names.into_iter().zip([layer_less_rms, shifted]);
        let differences = differences.map(|(name, interval)| interval.named(name));
        let (errors, differences): (Vec<_>, Vec<_>) = (errors.collect(), differences.collect());
        Ok(vec![("recentering", draw::recentering(&errors, &differences, lang))])
    }
}

impl Recentering {
    /// Of test error within a seed: layer less RMS normalization; none less RMS; and from shifted biases, RMS
    /// less layer normalization.
    fn differences(&self) -> [Interval; 3] {
        let errors = |of: (Kind, f64)| {
            let sides = self.sides.iter().filter(move |s| (s.kind, s.shift) == of);
            sides.flat_map(|s| &s.runs).map(|run| run.test)
        };
        let less = |one, other| Interval::of_differences(errors(one), errors(other));
        let [none, layer, rms, shifted_layer, shifted_rms] = SIDES;
        [less(layer, rms), less(none, rms), less(shifted_rms, shifted_layer)]
    }
}

impl Kind {
    fn name(self, lang: Lang) -> &'static str {
        match self {
            Kind::None => lang.pick("없음", "none"),
            Kind::Layer => lang.pick("층", "layer"),
            Kind::Rms => "RMS",
        }
    }
}
