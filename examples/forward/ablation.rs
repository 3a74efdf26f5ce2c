//! Which of the four steps matters? The mean is computed and subtracted, the variance is computed and divided by,
//! and γ and β follow: what is a network worth without one of these?
//!
//! # The experiment
//! A network of [`DEPTH`] hidden layers of [`WIDTH`] units with a normalization before each ReLU learns the
//! digits with all steps; without the subtraction (divided by the deviation about the mean); without the
//! division; without γ and β; and with β alone, which is a network with biases and no normalization. All have
//! the same seeds, images, first weights, batches and [`RATES`], falling to 0 along a straight line. Of each
//! side and seed the rate counts that is best on validation images; test images choose nothing. The gradients
//! are held against finite differences in `tests/gradients.rs`.
//!
//! J. Frankle, D. J. Schwab, A. S. Morcos, "Training BatchNorm and Only BatchNorm: On the Expressive Power of
//! Random Features in CNNs" (ICLR 2021, arXiv 2003.00152) ask the reverse: what are γ and β worth when all
//! weights stay as they were drawn? In deep residual networks they get much farther than chance. So with all
//! steps, once more γ and β alone are trained, and once the last layer alone; by numbers of parameters the two
//! are nearly equal.
//!
//! Written down before the first run. Over the seeds, with Student's 95 % interval of differences of test error
//! within a seed:
//!
//! 1. *division*: without it less all steps: the interval is above 0;
//! 2. *subtraction*: without it less all steps: above 0;
//! 3. *division more*: without division less without subtraction: above 0;
//! 4. *γ and β hardly*: without them less all steps: all of the interval lies within 1 point of 0;
//! 5. *γ and β alone*: the test error with them alone trained: below 45 %, half of what guessing makes;
//! 6. *more than the last layer*: the last layer alone less γ and β alone: above 0.
//!
//! All six: reproduced. Some: partly. None: did not reproduce.

use super::common::connected::{Network, Part};
use super::common::interval::Interval;
use super::common::search::{Images, Split, chosen};
use super::common::steps::{Divisor, RIGHT, Steps};
use super::common::trial::{self, Run};
use super::common::{
    Criteria, Experiment, Figure, Lang, Result, Settings, over_seeds, said, spaced,
};
use figures::forward as draw;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

const DEPTH: usize = 6;
const WIDTH: usize = 32;
const RATES: [f64; 6] = [0.03, 0.1, 0.3, 1.0, 3.0, 10.0];
const SIDES: [Side; 7] = [
    Side::All,
    Side::NoSubtraction,
    Side::NoDivision,
    Side::NoAffine,
    Side::None,
    Side::AffineAlone,
    Side::LastAlone,
];

/// What is left out, or what alone is trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Side {
    All,
    NoSubtraction,
    NoDivision,
    NoAffine,
    None,
    AffineAlone,
    LastAlone,
}

/// Every number of the experiment.
#[derive(Serialize, Deserialize)]
pub struct Ablation {
    #[serde(flatten)]
    images: Images,
    steps: usize,
    rates: Vec<f64>,
    sides: Vec<Runs>,
}

#[derive(Serialize, Deserialize)]
struct Runs {
    side: Side,
    /// How many numbers are trained.
    trained: usize,
    /// For each seed, a run at each rate.
    runs: Vec<Vec<Run>>,
}

impl Side {
    // ANCHOR: ablation
    fn steps(self) -> Steps {
        match self {
            Side::All | Side::AffineAlone | Side::LastAlone => RIGHT,
            Side::NoSubtraction => Steps { subtract: false, ..RIGHT },
            Side::NoDivision => Steps { divisor: Divisor::One, ..RIGHT },
            Side::NoAffine => Steps { gamma: false, beta: false, ..RIGHT },
            Side::None => Steps { subtract: false, divisor: Divisor::One, gamma: false, ..RIGHT },
        }
    }

    fn trained(self) -> &'static [Part] {
        match self {
            Side::AffineAlone => &[Part::Gamma, Part::Beta],
            Side::LastAlone => &[Part::Head],
            _ => &[Part::Weight, Part::Gamma, Part::Beta, Part::Head],
        }
    }

    fn network(self, split: &Split) -> Result<Network<f32>> {
        let classes = split.training.classes();
        let shape = [split.training.pixels.ncols(), WIDTH, DEPTH, classes];
        Ok(Network::new(shape, self.steps(), false, split.seed)?)
    }

    fn train(self, split: &Split, rate: f64, steps: usize) -> Result<Run> {
        let mut network = self.network(split)?;
        if !trial::train(&mut network, split, (rate, steps), self.trained(), |_, _| {})? {
            return Ok(Run::diverged(rate));
        }
        Run::of(&network, split, rate)
    }
    // ANCHOR_END: ablation

    fn name(self, lang: Lang) -> &'static str {
        match self {
            Side::All => lang.pick("모두", "all steps"),
            Side::NoSubtraction => lang.pick("빼지 않음", "no subtraction"),
            Side::NoDivision => lang.pick("나누지 않음", "no division"),
            Side::NoAffine => lang.pick("γ, β 없음", "no γ, β"),
            Side::None => lang.pick("정규화 없음", "none of them"),
            Side::AffineAlone => lang.pick("γ, β만 학습", "γ, β alone"),
            Side::LastAlone => lang.pick("마지막 층만 학습", "last layer alone"),
        }
    }
}

impl Experiment for Ablation {
    const SEEDS: (usize, usize) = (8, 2);

    fn run(settings: &Settings) -> Result<Self> {
        let steps = settings.pick(10, 150, 150);
        let images = settings.pick([160, 100, 100], [1037, 260, 500], [1037, 260, 500]);
        let splits = Split::for_seeds(settings, images)?;
        let each = |side: Side, split: &Split| -> Result<Vec<Run>> {
            RATES.into_iter().map(|rate| side.train(split, rate, steps)).collect()
        };
        let runs = over_seeds(settings, &SIDES, &splits, each)?;
        let mut sides = Vec::new();
        for (side, runs) in SIDES.into_iter().zip(runs) {
            let mut network = side.network(&splits[0])?;
            let parts = network.parameters().into_iter();
            let trained = parts.filter(|(part, _)| side.trained().contains(part));
            sides.push(Runs { side, trained: trained.map(|(_, values)| values.len()).sum(), runs });
        }
        Ok(Ablation {
            images: Images::of(&settings.data, images),
            steps,
            rates: RATES.into(),
            sides,
        })
    }

    fn criteria(&self) -> Criteria {
        let (division, subtraction) = (Side::NoDivision, Side::NoSubtraction);
        let affine = self.less(Side::NoAffine, Side::All);
        vec![
            ("division", self.less(division, Side::All).above(0.0)),
            ("subtraction", self.less(subtraction, Side::All).above(0.0)),
            ("division more", self.less(division, subtraction).above(0.0)),
            ("γ and β hardly", affine.within(1.0)),
            ("γ and β alone", Interval::of(self.errors(Side::AffineAlone)).below(45.0)),
            ("more than the last layer", self.less(Side::LastAlone, Side::AffineAlone).above(0.0)),
        ]
    }

    fn table(&self, out: &mut String) -> Result {
        let seeds = self.sides.first().map_or(0, |side| side.runs.len());
        writeln!(out, "{}: {}; {} steps", self.images.data, self.images, self.steps)?;
        let rates = spaced(self.rates.iter().copied());
        writeln!(out, "rates tried: {}; {seeds} seeds, mean and 95 % interval over them\n", rates)?;
        writeln!(
            out,
            "{:17} trained  {:>18}  {:>21}  rates chosen",
            "", "test error, %", "less with all steps"
        )?;
        for Runs { side, trained, .. } in &self.sides {
            let less = match side {
                Side::All => String::new(),
                _ => format!("{:+.1}", self.less(*side, Side::All)),
            };
            let error = format!("{:.1}", Interval::of(self.errors(*side)));
            let rates = spaced(self.chosen(*side).map(|run| run.rate));
            writeln!(
                out,
                "{:17} {trained:>7}  {error:>18}  {less:>21}  {}",
                side.name(Lang::En),
                rates
            )?;
        }
        let pairs = [
            ("no division − no subtraction", Side::NoDivision, Side::NoSubtraction),
            ("last layer alone − γ, β alone", Side::LastAlone, Side::AffineAlone),
        ];
        writeln!(out)?;
        for (name, one, other) in pairs {
            writeln!(out, "{name:30} {:+.1}", self.less(one, other))?;
        }
        writeln!(out, "{}", said(&self.criteria()))?;
        Ok(())
    }

    fn figures(&self, lang: Lang) -> Result<Vec<Figure>> {
        let [_, steps @ .., affine, last] = SIDES;
        let without: Vec<_> =
            steps.map(|side| self.less(side, Side::All).named(side.name(lang))).into();
        let alone: Vec<_> = [Side::All, affine, last]
            .map(|side| Interval::of(self.errors(side)).named(side.name(lang)))
            .into();
        Ok(vec![("ablation", draw::ablation(&without, &alone, lang))])
    }
}

impl Ablation {
    /// For each seed, the run at the rate that is best on validation images.
    fn chosen(&self, side: Side) -> impl Iterator<Item = &Run> {
        let sides = self.sides.iter().filter(move |runs| runs.side == side);
        sides.flat_map(|runs| &runs.runs).filter_map(|runs| chosen(runs, |run| run.validation))
    }

    fn errors(&self, side: Side) -> impl Iterator<Item = f64> {
        self.chosen(side).map(|run| run.test)
    }

    /// Test error of one less that of the other, within a seed.
    fn less(&self, one: Side, other: Side) -> Interval {
        Interval::of_differences(self.errors(one), self.errors(other))
    }
}
