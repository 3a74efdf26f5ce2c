//! Must the gradient go through the mean and the variance? Each of the wrong backward passes of the chapter is
//! shorter than the right one, and the forward pass is the same. Does training notice?
//!
//! # The experiment
//! S. Ioffe, C. Szegedy, "Batch Normalization" (ICML 2015, arXiv 1502.03167), section 2, argue that it must: if
//! descent does not know of the normalization, a bias before it grows and the loss stays what it was, and in
//! their first experiments models blew up. Here a network of [`DEPTH`] hidden layers of [`WIDTH`] units, each
//! with a bias, a normalization and a ReLU, learns the digits by the right gradient; with μ, with v, or with
//! both taken for constants; and with both taken for constants once more without these biases, and once
//! without γ and β. All have the same seeds, images, first weights, batches and [`RATES`], falling to 0 along a
//! straight line. Of each way and seed the rate counts that is best on validation images; test images choose
//! nothing. The right gradient is held against finite differences in `tests/gradients.rs`.
//!
//! What theory says of it. At ε = 0 the right gradient of the weights W of a unit is perpendicular to W, so that
//! each step lengthens it by Pythagoras: ‖W‖² has grown by Σ ‖rate · gradient‖², exactly. With v taken for a
//! constant the gradient has the part ⟨W, ∂L/∂W⟩ = γ ∂L/∂γ along W, which the loss does not see. And with
//! both taken for constants a bias is driven by γ/s times what drives β, so that where there is a β that can
//! answer, the bias should come to rest with it.
//!
//! Written down before the first run. Over the seeds, with Student's 95 % interval, differences and ratios
//! within a seed:
//!
//! 1. *better*: test error, both constant less right: the interval is above 0;
//! 2. *larger rates*: the largest rate with a validation error below [`TRAINED`] %, right over both constant:
//!    above 1 (if no rate is so, the smallest counts);
//! 3. *right angle*: what ‖W‖² has grown by at the rate [`COMMON`], over Σ ‖rate · gradient‖², both summed over
//!    the hidden layers: all of the interval of the right gradient lies within 1 % of 1, and all of that with
//!    v constant outside;
//! 4. *bias moves*: the root mean square of the biases at this rate: with the right gradient below 0.001, with
//!    both constant above 0.1;
//! 5. *β stops it*: the same with both constant, without γ and β over with them: above 1.
//!
//! All five: reproduced. Some: partly. None: did not reproduce.

use super::common::connected::{Network, Part};
use super::common::interval::Interval;
use super::common::search::{Images, Split, chosen};
use super::common::steps::{RIGHT, Steps};
use super::common::trial;
use super::common::{
    Criteria, Experiment, Figure, Lang, Result, Settings, over_seeds, said, spaced,
};
use figures::backward as draw;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

const DEPTH: usize = 2;
const WIDTH: usize = 64;
const RATES: [f64; 6] = [0.03, 0.1, 0.3, 1.0, 3.0, 10.0];
const COMMON: f64 = 0.1;
const TRAINED: f64 = 20.0;
const SIDES: [Way; 6] =
    [Way::Right, Way::Mean, Way::Variance, Way::Both, Way::NoBias, Way::NoAffine];

/// What counts as a constant in the backward pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Way {
    Right,
    Mean,
    Variance,
    Both,
    /// Both, and no layer has a bias before the normalization.
    NoBias,
    /// Both, and no layer has γ and β.
    NoAffine,
}

/// Every number of the experiment.
#[derive(Serialize, Deserialize)]
pub struct Detached {
    #[serde(flatten)]
    images: Images,
    steps: usize,
    rates: Vec<f64>,
    sides: Vec<Side>,
}

#[derive(Serialize, Deserialize)]
struct Side {
    way: Way,
    /// For each seed, a run at each rate.
    runs: Vec<Vec<Run>>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Run {
    #[serde(flatten)]
    errors: trial::Run,
    /// By how much ‖W‖² has grown, over Σ ‖rate · gradient‖²; nothing if it has diverged.
    growth: Option<f64>,
    /// Root mean square of the biases, if there are any.
    bias: Option<f64>,
}

impl Way {
    // ANCHOR: detached
    fn steps(self) -> Steps {
        let both = Steps { through_mean: false, through_divisor: false, ..RIGHT };
        match self {
            Way::Right => RIGHT,
            Way::Mean => Steps { through_mean: false, ..RIGHT },
            Way::Variance => Steps { through_divisor: false, ..RIGHT },
            Way::Both | Way::NoBias => both,
            Way::NoAffine => Steps { gamma: false, beta: false, ..both },
        }
    }

    fn train(self, split: &Split, rate: f64, steps: usize) -> Result<Run> {
        let classes = split.training.classes();
        let shape = [split.training.pixels.ncols(), WIDTH, DEPTH, classes];
        let mut network = Network::new(shape, self.steps(), self != Way::NoBias, split.seed)?;
        let squared = |values: &[f32]| values.iter().map(|&w| f64::from(w).powi(2)).sum::<f64>();
        let weights = |network: &Network<f32>| -> f64 {
            network.hidden.iter().filter_map(|(l, _)| l.weight.as_slice()).map(squared).sum()
        };
        let (before, mut steps_taken) = (weights(&network), 0.0);
        let all = [Part::Weight, Part::Bias, Part::Gamma, Part::Beta, Part::Head];
        let finite = trial::train(&mut network, split, (rate, steps), &all, |gradients, rate| {
            let weights = gradients.iter().filter(|(part, _)| *part == Part::Weight);
            let length: f64 = weights.filter_map(|(_, g)| g.as_slice()).map(squared).sum();
            steps_taken += rate * rate * length;
        })?;
        if !finite {
            return Ok(Run { errors: trial::Run::diverged(rate), growth: None, bias: None });
        }
        let growth = (weights(&network) - before) / steps_taken;
        let biases = network.hidden.iter().filter_map(|(l, _)| l.bias.as_ref()?.as_slice());
        let bias = (squared(&biases.collect::<Vec<_>>().concat()) / (DEPTH * WIDTH) as f64).sqrt();
        let errors = trial::Run::of(&network, split, rate)?;
        let there = |number: f64| Some(number).filter(|number| number.is_finite());
        Ok(Run { errors, growth: there(growth), bias: there(bias) })
    }
    // ANCHOR_END: detached

    fn name(self, lang: Lang) -> &'static str {
        match self {
            Way::Right => lang.pick("옳은 식", "right"),
            Way::Mean => lang.pick("μ를 뗌", "μ detached"),
            Way::Variance => lang.pick("v를 뗌", "v detached"),
            Way::Both => lang.pick("둘 다 뗌", "both detached"),
            Way::NoBias => lang.pick("둘 다, b 없이", "both, no b"),
            Way::NoAffine => lang.pick("둘 다, γ, β 없이", "both, no γ, β"),
        }
    }
}

impl Experiment for Detached {
    const SEEDS: (usize, usize) = (8, 2);

    fn run(settings: &Settings) -> Result<Self> {
        let steps = settings.pick(10, 150, 150);
        let images = settings.pick([160, 100, 100], [1037, 260, 500], [1037, 260, 500]);
        let splits = Split::for_seeds(settings, images)?;
        let each = |way: Way, split: &Split| -> Result<Vec<Run>> {
            RATES.into_iter().map(|rate| way.train(split, rate, steps)).collect()
        };
        let runs = over_seeds(settings, &SIDES, &splits, each)?;
        let sides = SIDES.into_iter().zip(runs).map(|(way, runs)| Side { way, runs });
        Ok(Detached {
            images: Images::of(&settings.data, images),
            steps,
            rates: RATES.into(),
            sides: sides.collect(),
        })
    }

    fn criteria(&self) -> Criteria {
        let [right, variance, both, no_affine] =
            [Way::Right, Way::Variance, Way::Both, Way::NoAffine].map(|way| self.side(way));
        let growth = |side: &Side| Interval::of(side.common(|run| run.growth));
        let bias = |side: &Side| Interval::of(side.common(|run| run.bias));
        let rates = right.largest().zip(both.largest()).map(|(right, both)| right / both);
        let biases = no_affine.common(|run| run.bias).zip(both.common(|run| run.bias));
        let within = |side| growth(side).above(0.99) && growth(side).below(1.01);
        let outside = |side| growth(side).below(0.99) || growth(side).above(1.01);
        vec![
            ("better", self.less_right(both).above(0.0)),
            ("larger rates", Interval::of_ratios(rates).above(1.0)),
            ("right angle", within(right) && outside(variance)),
            ("bias moves", bias(right).below(0.001) && bias(both).above(0.1)),
            ("β stops it", Interval::of_ratios(biases.map(|(a, b)| a / b)).above(1.0)),
        ]
    }

    fn table(&self, out: &mut String) -> Result {
        let seeds = self.sides.first().map_or(0, |side| side.runs.len());
        writeln!(out, "{}: {}; {} steps", self.images.data, self.images, self.steps)?;
        let rates = spaced(self.rates.iter().copied());
        writeln!(out, "rates tried: {}; {seeds} seeds, mean and 95 % interval over them\n", rates)?;
        writeln!(
            out,
            "{:15} {:>18}  {:>20}  rates chosen",
            "", "test error, %", "less that of right"
        )?;
        for side in &self.sides {
            let error = Interval::of(side.chosen().map(|run| run.errors.test));
            let less = match side.way {
                Way::Right => String::new(),
                _ => format!("{:+.1}", self.less_right(side)),
            };
            let chosen = spaced(side.chosen().map(|run| run.errors.rate));
            let error = format!("{error:.1}");
            writeln!(out, "{:15} {error:>18}  {less:>20}  {}", side.way.name(Lang::En), chosen)?;
        }
        writeln!(
            out,
            "\n{:15} {:>13}  {:>24}  {:>22}",
            "",
            "largest rate",
            format!("growth of ‖W‖², at {COMMON}"),
            format!("biases, at {COMMON}")
        )?;
        for side in &self.sides {
            let largest = Interval::of_ratios(side.largest()).mean;
            let growth = format!("{:.3}", Interval::of(side.common(|run| run.growth)));
            let bias = match side.way {
                Way::NoBias => "none".into(),
                _ => format!("{:.3}", Interval::of(side.common(|run| run.bias))),
            };
            let name = side.way.name(Lang::En);
            writeln!(out, "{name:15} {largest:>13.2}  {growth:>24}  {bias:>22}")?;
        }
        writeln!(out, "\n{}", said(&self.criteria()))?;
        Ok(())
    }

    fn figures(&self, lang: Lang) -> Result<Vec<Figure>> {
        let lines: Vec<Vec<(f64, f64)>> = self
            .sides
            .iter()
            .map(|side| {
                let at = |(i, &rate): (usize, &f64)| {
                    let errors = side.runs.iter().filter_map(|runs| runs.get(i));
                    (rate, Interval::of(errors.map(|run| run.errors.validation)).mean)
                };
                self.rates.iter().enumerate().map(at).collect()
            })
            .collect();
        let names: Vec<_> = self.sides.iter().map(|side| side.way.name(lang)).collect();
        let wrong = self.sides.iter().filter(|side| side.way != Way::Right);
        let differences: Vec<_> =
            wrong.map(|side| self.less_right(side).named(side.way.name(lang))).collect();
        Ok(vec![("detached", draw::detached(&names, &lines, &differences, lang))])
    }
}

impl Detached {
    fn side(&self, way: Way) -> &Side {
        let at = SIDES.iter().position(|&side| side == way).unwrap_or(0);
        &self.sides[at]
    }

    /// Test error within a seed, less that by the right gradient.
    fn less_right(&self, side: &Side) -> Interval {
        let errors = |side: &Side| side.chosen().map(|run| run.errors.test).collect::<Vec<_>>();
        Interval::of_differences(errors(side), errors(self.side(Way::Right)))
    }
}

impl Side {
    /// For each seed, the run at the rate that is best on validation images.
    fn chosen(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter_map(|runs| chosen(runs, |run| run.errors.validation))
    }

    /// For each seed, the largest rate that it has learned at.
    fn largest(&self) -> impl Iterator<Item = f64> {
        self.runs.iter().map(|runs| {
            let trained = runs.iter().filter(|run| run.errors.validation < TRAINED);
            trained.map(|run| run.errors.rate).fold(RATES[0], f64::max)
        })
    }

    /// For each seed, a number at the common rate; NaN where it has diverged.
    fn common(&self, of: fn(&Run) -> Option<f64>) -> impl Iterator<Item = f64> {
        let at = |run: &&Run| run.errors.rate == COMMON;
        self.runs.iter().map(move |runs| runs.iter().find(at).and_then(of).unwrap_or(f64::NAN))
    }
}
