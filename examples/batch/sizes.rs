//! Small batches against large ones: does a large batch learn worse, or only less often?
//!
//! # The experiment
//! N. Keskar et al., "On Large-Batch Training for Deep Learning: Generalization Gap and Sharp Minima" (ICLR
//! 2017, arXiv 1609.04836) trained networks for many epochs and found that large batches leave as small a
//! training error as small ones and a larger test error. E. Hoffer, I. Hubara, D. Soudry, "Train longer,
//! generalize better" (NeurIPS 2017, arXiv 1705.08741) answer that it is the number of steps that counts. P.
//! Goyal et al., "Accurate, Large Minibatch SGD" (arXiv 1706.02677) multiply the learning rate by what the
//! batch is multiplied by, up to some size.
//!
//! Here a network of one hidden layer of [`HIDDEN`] ReLUs, without normalization, learns from [`TRAINING`] of
//! the digits by plain gradient descent: with batches of [`BATCHES`], of which the last is all there are, for
//! [`EPOCHS`] epochs each; and with all of them in each step once more, for as many steps as the smallest
//! batches made. All have the same seeds, images, first weights and [`RATES`], falling to 0 along a straight
//! line. Of each side and seed the rate counts that is best on validation images; test images choose nothing.
//!
//! Written down before the first run. Over the seeds, with Student's 95 % interval of differences within a
//! seed, or of ratios of rates:
//!
//! 1. *epochs*: after as many epochs, test error, all images less the smallest batches: above 0;
//! 2. *gap*: after as many epochs, test error less training error, all less the smallest: above 0, which is
//!    what Keskar et al. found, and not that there were too few steps to learn from;
//! 3. *steps*: after as many steps, test error, all less the smallest: below 1 point;
//! 4. *rate grows*: the best rate, batches of 32 over batches of 8: above 2, more than half of the way, in
//!    factors, to the 4 that linear scaling asks for;
//! 5. *not for ever*: the best rate, 256 over 64: below 2.
//!
//! All five: reproduced. Some: partly. None: did not reproduce.

use super::common::interval::Interval;
use super::common::search::{Images, Recipe, Run, Split};
use super::common::{
    Criteria, Experiment, Figure, Lang, Result, Settings, over_seeds, said, spaced,
};
use batchnorm::nn::activation::Activation;
use batchnorm::nn::init::Init;
use batchnorm::nn::linear::Linear;
use batchnorm::nn::random::Random;
use batchnorm::nn::sequential::{Layer, Sequential};
use figures::batch as draw;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

const HIDDEN: usize = 32;
const TRAINING: usize = 256;
const BATCHES: [usize; 6] = [8, 16, 32, 64, 128, TRAINING];
const EPOCHS: usize = 32;
const RATES: [f64; 7] = [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2];

/// Every number of the experiment.
#[derive(Serialize, Deserialize)]
pub struct Sizes {
    #[serde(flatten)]
    images: Images,
    rates: Vec<f64>,
    /// One for each batch size, after as many epochs.
    epochs: Vec<Side>,
    /// All images in each step, for as many steps as the first of the others.
    steps: Side,
}

#[derive(Serialize, Deserialize)]
struct Side {
    batch: usize,
    steps: usize,
    /// One for each seed: that of the rate which validation images have chosen.
    runs: Vec<Run>,
}

// ANCHOR: sizes
/// One hidden layer, with the first weights of this seed.
fn network(pixels: usize, classes: usize, seed: u64) -> Result<Sequential<f32>> {
    let random = &mut Random::new(seed);
    let layers = vec![
        Layer::Linear(Linear::random((pixels, HIDDEN), true, Init::He, random)?),
        Layer::Activation(Activation::Relu),
        Layer::Linear(Linear::random((HIDDEN, classes), true, Init::Xavier, random)?),
    ];
    Ok(Sequential::new(&[pixels], layers)?)
}

/// The best of the rates for this size of batch.
fn train(split: &Split, classes: usize, batch: usize, steps: usize) -> Result<Run> {
    let start = network(split.training.pixels.ncols(), classes, split.seed)?;
    Recipe { rates: &RATES, batch, steps, weight_decay: 0.0, early: None }.search(&start, split)
}
// ANCHOR_END: sizes

impl Experiment for Sizes {
    const SEEDS: (usize, usize) = (10, 2);

    fn run(settings: &Settings) -> Result<Self> {
        let epochs = settings.pick(1, EPOCHS, EPOCHS);
        let images = [TRAINING, settings.pick(200, 1000, 1000), 500];
        let splits = Split::for_seeds(settings, images)?;
        let classes = settings.data.classes();
        // The side that takes longest comes first.
        let most = epochs * TRAINING / BATCHES[0];
        let sides: Vec<_> = [(TRAINING, most)]
            .into_iter()
            .chain(BATCHES.map(|batch| (batch, epochs * TRAINING / batch)))
            .collect();
        let each = |(batch, steps), split: &Split| train(split, classes, batch, steps);
        let runs = over_seeds(settings, &sides, &splits, each)?;
        let sides = sides.into_iter().zip(runs);
        let mut sides = sides.map(|((batch, steps), runs)| Side { batch, steps, runs });
        let steps = sides.next().ok_or("no side")?;
        Ok(Sizes {
            images: Images::of(&settings.data, images),
            rates: RATES.into(),
            epochs: sides.collect(),
            steps,
        })
    }

    fn criteria(&self) -> Criteria {
        vec![
            ("epochs", self.more_errors().above(0.0)),
            ("gap", self.more_gap().above(0.0)),
            ("steps", self.after_as_many_steps().below(1.0)),
            ("rate grows", self.rates_over(8, 32).above(2.0)),
            ("not for ever", self.rates_over(64, 256).below(2.0)),
        ]
    }

    fn table(&self, out: &mut String) -> Result {
        writeln!(out, "{}: {}", self.images.data, self.images)?;
        let rates = spaced(self.rates.iter().copied());
        writeln!(
            out,
            "rates tried: {}; {} seeds, mean and 95 % interval over them",
            rates,
            self.steps.runs.len()
        )?;
        writeln!(
            out,
            "\nbatch size  steps  training error, %      test error, %          best rate"
        )?;
        for side in self.epochs.iter().chain([&self.steps]) {
            let cell = |interval: Interval| format!("{interval:.1}");
            writeln!(
                out,
                "{:10} {:6}  {:22} {:22} {:.2}",
                side.batch,
                side.steps,
                cell(side.over(|run| run.training)),
                cell(side.over(|run| run.test)),
                side.rate()
            )?;
        }
        writeln!(out, "\nall images less batches of {}", BATCHES[0])?;
        writeln!(out, "as many epochs, test error             {:+.1}", self.more_errors())?;
        writeln!(out, "as many epochs, test − training error  {:+.1}", self.more_gap())?;
        writeln!(out, "as many steps,  test error             {:+.1}", self.after_as_many_steps())?;
        for (small, large) in [(8, 32), (64, 256)] {
            let ratio = self.rates_over(small, large);
            writeln!(out, "best rate, {large:3} over {small:2}                  {ratio:.2}")?;
        }
        writeln!(out, "{}", said(&self.criteria()))?;
        Ok(())
    }

    fn figures(&self, lang: Lang) -> Result<Vec<Figure>> {
        let at = |side: &Side, interval: Interval| interval.at(side.batch as f64);
        let errors: Vec<_> =
            self.epochs.iter().map(|side| at(side, side.over(|run| run.test))).collect();
        let longer = at(&self.steps, self.steps.over(|run| run.test));
        let rates: Vec<_> = self.epochs.iter().map(|side| at(side, side.rate())).collect();
        Ok(vec![("sizes", draw::sizes(&errors, longer, &rates, lang))])
    }
}

impl Sizes {
    fn runs(&self, batch: usize) -> impl Iterator<Item = &Run> {
        self.epochs.iter().filter(move |side| side.batch == batch).flat_map(|side| &side.runs)
    }

    /// Of each seed, after as many epochs.
    fn smallest_and_all(&self) -> impl Iterator<Item = (&Run, &Run)> {
        self.runs(BATCHES[0]).zip(self.runs(TRAINING))
    }

    fn more_errors(&self) -> Interval {
        Interval::of(self.smallest_and_all().map(|(small, all)| all.test - small.test))
    }

    fn more_gap(&self) -> Interval {
        let gap = |run: &Run| run.test - run.training;
        Interval::of(self.smallest_and_all().map(|(small, all)| gap(all) - gap(small)))
    }

    fn after_as_many_steps(&self) -> Interval {
        let pairs = self.steps.runs.iter().zip(self.runs(BATCHES[0]));
        Interval::of(pairs.map(|(all, small)| all.test - small.test))
    }

    /// The best rate for the large batches over that for the small ones.
    fn rates_over(&self, small: usize, large: usize) -> Interval {
        let pairs = self.runs(large).zip(self.runs(small));
        Interval::of_ratios(pairs.map(|(large, small)| large.rate / small.rate))
    }
}

impl Side {
    fn over(&self, of: fn(&Run) -> f64) -> Interval {
        Interval::of(self.runs.iter().map(of))
    }

    fn rate(&self) -> Interval {
        Interval::of_ratios(self.runs.iter().map(|run| run.rate))
    }
}
