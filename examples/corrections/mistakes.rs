//! Would a test of accuracy have noticed? Most of the mistakes that this chapter collects are made in code that
//! has trained networks for years.
//!
//! # The experiment
//! A network of [`DEPTH`] hidden layers of [`WIDTH`] units, with a normalization before each ReLU, learns the
//! digits: by the book, and with each of [`MISTAKES`]. All have the same seeds, images, first weights, batches
//! and [`RATES`], falling to 0 along a straight line. Of each side and seed the rate counts that is best on
//! validation images, with the mistake, as whoever makes it would choose; test images choose nothing. The
//! gradients are held against finite differences in `tests/gradients.rs`, but for the mistake of which the
//! gradient is the wrong one.
//!
//! A mistake counts as *noticed* if the 95 % interval of its test error less that of the right layer, within a
//! seed, lies above 0, and as *not noticed* if all of it lies within [`BOUND`] point of 0. The rest is
//! undecided.
//!
//! Written down before the first run, though after that of `examples/backward/detached.rs`, where the gradient
//! that leaves out both statistics made no difference that could be shown, and of `examples/choosing/methods.rs`,
//! where layer normalization was 0.9 points worse than batch normalization: for each mistake, whether it will be
//! noticed. Nine will not be; normalizing over the features, testing by batches of one class at a time, and
//! testing by statistics that were never averaged will. A criterion is met if the prediction comes true;
//! undecided is not met.
//!
//! All twelve: reproduced. Some: partly. None: did not reproduce.

use super::common::connected::{Network, Part};
use super::common::data::Set;
use super::common::interval::Interval;
use super::common::search::{Images, Split, best};
use super::common::steps::{Divisor, RIGHT, Steps};
use super::common::trial::{self, Run};
use super::common::{
    Criteria, Experiment, Figure, Lang, Result, Settings, Verdict, over_seeds, spaced,
};
use figures::corrections as draw;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

const DEPTH: usize = 2;
const WIDTH: usize = 64;
const RATES: [f64; 4] = [0.1, 0.3, 1.0, 3.0];
const BOUND: f64 = 1.0;

/// By what the network is normalized when it is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Test {
    Running,
    /// The batches themselves, of images as they come.
    Batch,
    /// The batches themselves, with the images sorted by what they show.
    Sorted,
}

struct Mistake {
    ko: &'static str,
    en: &'static str,
    steps: Steps,
    /// Whether there is a bias before the normalization.
    bias: bool,
    test: Test,
    /// What was predicted.
    noticed: bool,
}

// ANCHOR: mistakes
const fn with(ko: &'static str, en: &'static str, steps: Steps) -> Mistake {
    Mistake { ko, en, steps, bias: false, test: Test::Running, noticed: false }
}

const NONE: Mistake = with("실수 없음", "no mistake", RIGHT);
const MISTAKES: [Mistake; 12] = [
    with("ε을 σ에 더함", "ε added to σ", Steps { divisor: Divisor::RootPlus, ..RIGHT }),
    with("분산으로 나눔", "divided by the variance", Steps { divisor: Divisor::Variance, ..RIGHT }),
    with("m − 1로 나눈 분산", "m − 1 in training", Steps { unbiased: true, ..RIGHT }),
    with(
        "그레이디언트가 μ, v를 모름",
        "gradient without μ and v",
        Steps { through_mean: false, through_divisor: false, ..RIGHT },
    ),
    with(
        "γ, β를 학습하지 않음",
        "γ and β never trained",
        Steps { gamma: false, beta: false, ..RIGHT },
    ),
    Mistake { bias: true, ..with("앞에 편향을 둠", "a bias before it", RIGHT) },
    with("v 대신 σ를 평균함", "σ averaged, not v", Steps { deviations: true, ..RIGHT }),
    with("momentum 0.1 대신 0.9", "momentum 0.9 for 0.1", Steps { momentum: 0.9, ..RIGHT }),
    Mistake { test: Test::Batch, ..with("배치로 시험", "tested by the batch", RIGHT) },
    Mistake {
        noticed: true,
        ..with("특징에 걸쳐 정규화", "over the features", Steps { axis: 1, ..RIGHT })
    },
    Mistake {
        test: Test::Sorted,
        noticed: true,
        ..with("숫자별로 모아 배치로 시험", "tested by sorted batches", RIGHT)
    },
    Mistake {
        noticed: true,
        ..with("이동 평균을 내지 않음", "nothing ever averaged", Steps { momentum: 0.0, ..RIGHT })
    },
];
// ANCHOR_END: mistakes

/// Every number of the experiment.
#[derive(Serialize, Deserialize)]
pub struct Mistakes {
    #[serde(flatten)]
    images: Images,
    steps: usize,
    rates: Vec<f64>,
    /// For each seed, the run at the rate that validation images have chosen.
    right: Vec<Run>,
    /// The same, for each mistake.
    mistakes: Vec<Vec<Run>>,
}

/// What the intervals say.
#[derive(PartialEq, Eq)]
enum Outcome {
    Noticed,
    NotNoticed,
    Undecided,
}

impl Test {
    fn error(self, network: &Network<f32>, set: &Set) -> Result<f64> {
        let mut order: Vec<usize> = (0..set.labels.len()).collect();
        match self {
            Test::Running => return trial::error(network, set),
            Test::Batch => {}
            Test::Sorted => order.sort_by_key(|&i| set.labels[i]),
        }
        trial::error_by_batch(network, set, &order)
    }
}

impl Mistake {
    fn train(&self, split: &Split, rate: f64, steps: usize) -> Result<Run> {
        let classes = split.training.classes();
        let shape = [split.training.pixels.ncols(), WIDTH, DEPTH, classes];
        let mut network = Network::new(shape, self.steps, self.bias, split.seed)?;
        let all = [Part::Weight, Part::Bias, Part::Gamma, Part::Beta, Part::Head];
        if !trial::train(&mut network, split, (rate, steps), &all, |_, _| {})? {
            return Ok(Run::diverged(rate));
        }
        let error = |set| self.test.error(&network, set);
        Ok(Run { rate, validation: error(&split.validation)?, test: error(&split.test)? })
    }
}

impl Outcome {
    fn of(less_right: Interval) -> Outcome {
        if less_right.above(0.0) {
            Outcome::Noticed
        } else if less_right.within(BOUND) {
            Outcome::NotNoticed
        } else {
            Outcome::Undecided
        }
    }

    fn said(&self) -> &'static str {
        match self {
            Outcome::Noticed => "noticed",
            Outcome::NotNoticed => "not noticed",
            Outcome::Undecided => "undecided",
        }
    }
}

impl Experiment for Mistakes {
    const SEEDS: (usize, usize) = (10, 2);

    fn run(settings: &Settings) -> Result<Self> {
        let steps = settings.pick(10, 150, 150);
        let images = settings.pick([160, 100, 100], [1037, 260, 500], [1037, 260, 500]);
        let splits = Split::for_seeds(settings, images)?;
        let sides: Vec<_> = [&NONE].into_iter().chain(&MISTAKES).collect();
        let each = |side: &Mistake, split: &Split| {
            best(RATES, |rate| side.train(split, rate, steps), |run| run.validation)
        };
        let mut runs = over_seeds(settings, &sides, &splits, each)?.into_iter();
        Ok(Mistakes {
            images: Images::of(&settings.data, images),
            steps,
            rates: RATES.into(),
            right: runs.next().unwrap_or_default(),
            mistakes: runs.collect(),
        })
    }

    fn criteria(&self) -> Criteria {
        let met = |(mistake, runs): (&Mistake, &Vec<Run>)| {
            let predicted = if mistake.noticed { Outcome::Noticed } else { Outcome::NotNoticed };
            (mistake.en, Outcome::of(self.less_right(runs)) == predicted)
        };
        MISTAKES.iter().zip(&self.mistakes).map(met).collect()
    }

    fn table(&self, out: &mut String) -> Result {
        let seeds = self.right.len();
        writeln!(out, "{}: {}; {} steps", self.images.data, self.images, self.steps)?;
        let rates = spaced(self.rates.iter().copied());
        writeln!(out, "rates tried: {}; {seeds} seeds, mean and 95 % interval over them\n", rates)?;
        let error = |runs: &[Run]| format!("{:.1}", Interval::of(runs.iter().map(|run| run.test)));
        writeln!(
            out,
            "{:25} {:>18}  {:>20}  worse by >{BOUND}  predicted    found",
            "", "test error, %", "less the right one's"
        )?;
        writeln!(out, "{:25} {:>18}", NONE.en, error(&self.right))?;
        for (mistake, runs) in MISTAKES.iter().zip(&self.mistakes) {
            let less = self.less_right(runs);
            let worse = self.pairs(runs).filter(|difference| *difference > BOUND).count();
            let predicted = if mistake.noticed { "noticed" } else { "not noticed" };
            writeln!(
                out,
                "{:25} {:>18}  {:>20}  {:>11}  {predicted:11}  {}",
                mistake.en,
                error(runs),
                format!("{less:+.1}"),
                format!("{worse} of {seeds}"),
                Outcome::of(less).said()
            )?;
        }
        let criteria = self.criteria();
        let (true_ones, verdict) =
            (criteria.iter().filter(|(_, met)| *met).count(), Verdict::of(&criteria));
        writeln!(
            out,
            "\npredictions that came true: {true_ones} of {}. {verdict}",
            criteria.len()
        )?;
        Ok(())
    }

    fn figures(&self, lang: Lang) -> Result<Vec<Figure>> {
        let rows = |noticed: bool| -> Vec<_> {
            let sides = MISTAKES.iter().zip(&self.mistakes);
            let these = sides.filter(|(mistake, _)| mistake.noticed == noticed);
            let name = |mistake: &Mistake| lang.pick(mistake.ko, mistake.en);
            these.map(|(mistake, runs)| self.less_right(runs).named(name(mistake))).collect()
        };
        Ok(vec![("mistakes", draw::mistakes(&rows(false), &rows(true), lang))])
    }
}

impl Mistakes {
    /// Test error with a mistake less that without, for each seed.
    fn pairs(&self, runs: &[Run]) -> impl Iterator<Item = f64> {
        runs.iter().zip(&self.right).map(|(own, right)| own.test - right.test)
    }

    fn less_right(&self, runs: &[Run]) -> Interval {
        Interval::of(self.pairs(runs))
    }
}
