//! Does batch normalization regularize, and does it lower the need for dropout? After P. Luo, X. Wang,
//! W. Shao, Z. Peng, "Towards Understanding Regularization in Batch Normalization" (ICLR 2019, arXiv
//! 1809.00846), who find the effect in the noise of the batch statistics: it should be there with small
//! batches and gone at full batch.
//!
//! Two hidden layers of 64 ReLU units learn from very few digits. Each way of training has the same seeds,
//! images, first weights, batches, number of steps and search for a learning rate: of [`RATES`], falling
//! to 0 along a straight line, the one with the least error on validation images. Dropout (probability
//! [`DROPOUT`] in hidden layers) and weight decay ([`DECAY`], of weight matrices) are not searched for.
//! Test images are looked at once, at the end.
//!
//! What was to be called a success was written down before the first run. Over the seeds, with Student's
//! 95 % interval of differences within a seed, from [`FEW`] images in batches of [`BATCH`]:
//!
//! 1. *regularizes*: test error, plain − batch normalization: the interval is above 0;
//! 2. *by its noise*: that gain less the gain at full batch: above 0;
//! 3. *less need for dropout*: what dropout gains without batch normalization, less what it gains with it:
//!    above 0.
//!
//! All three: reproduced. Some: partly. None: did not reproduce.
//!
//! The same holds with `--data`, where more images are left to choose and to judge by: 1000 and all 10,000 of
//! Fashion-MNIST. `--full` takes four times the steps.

use super::Side;
use super::common::interval::Interval;
use super::common::search::{Recipe, Run, Split};
use super::common::{
    Criteria, Experiment, Figure, Lang, Result, Settings, over_seeds, said, spaced,
};
use figures::generalization as draw;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

const RATES: [f64; 5] = [0.03, 0.1, 0.3, 1.0, 3.0];
pub const DROPOUT: f64 = 0.3;
const DECAY: f64 = 1e-3;
const BATCH: usize = 10;
const FEW: usize = 100;
/// The other numbers of training images.
const MORE: [usize; 2] = [300, 1000];

/// Every number of the experiment.
#[derive(Serialize, Deserialize)]
pub struct SmallSets {
    data: String,
    /// Numbers of images.
    validation: usize,
    test: usize,
    rates: Vec<f64>,
    dropout: f64,
    decay: f64,
    cases: Vec<Case>,
}

/// A way of training from some number of images in batches of some size.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Setting {
    side: Side,
    training: usize,
    batch: usize,
    steps: usize,
}

#[derive(Serialize, Deserialize)]
struct Case {
    setting: Setting,
    /// One for each seed.
    runs: Vec<Run>,
}

/// All ways at small batches; then other batch sizes, and more images, with batch normalization and without.
fn settings(steps: usize) -> Vec<Setting> {
    let few = |side, batch| Setting { side, training: FEW, batch, steps };
    let more = |side, training: usize| {
        // Ten times the images want more steps, but not ten times as many.
        let steps = (steps as f64 * libm::sqrt(training as f64 / FEW as f64)) as usize;
        Setting { side, training, batch: BATCH, steps }
    };
    let pair = [Side::PLAIN, Side::BATCH_NORM];
    let ways = Side::ALL.map(|side| few(side, BATCH));
    let batches = [5, 25, FEW].into_iter().flat_map(|batch| pair.map(|side| few(side, batch)));
    let images = MORE.into_iter().flat_map(|training| pair.map(|side| more(side, training)));
    ways.into_iter().chain(batches).chain(images).collect()
}

impl Experiment for SmallSets {
    const SEEDS: (usize, usize) = (10, 2);

    // ANCHOR: experiment
    fn run(settings: &Settings) -> Result<Self> {
        let data = &settings.data;
        let all = self::settings(settings.pick(20, 500, 2000));
        let (validation, test) = settings.pick((100, 100), (1000, 10_000), (5000, 10_000));
        let (learning, judging) = data.sizes();
        let (validation, test) =
            (validation.min(learning.saturating_sub(MORE[1])), test.min(judging));
        let each = |setting: Setting, &seed: &u64| {
            // The test images of a seed are the same for every number of training images.
            let split = Split::new(data, seed, [setting.training, validation, test])?;
            let start = setting.side.model(data.pixels.ncols(), data.classes(), seed)?;
            let weight_decay = if setting.side.decay { DECAY } else { 0.0 };
            let Setting { batch, steps, .. } = setting;
            Recipe { rates: &RATES, batch, steps, weight_decay, early: None }.search(&start, &split)
        };
        let runs = over_seeds(settings, &all, &settings.seeds, each)?;
        let cases = all.into_iter().zip(runs).map(|(setting, runs)| Case { setting, runs });
        Ok(SmallSets {
            data: data.name.clone(),
            validation,
            test,
            rates: RATES.into(),
            dropout: DROPOUT,
            decay: DECAY,
            cases: cases.collect(),
        })
    }
    // ANCHOR_END: experiment

    fn criteria(&self) -> Criteria {
        let less = |a: Vec<f64>, b: Vec<f64>| Interval::of_differences(a, b);
        let noise = less(self.bn_gain(FEW, BATCH), self.bn_gain(FEW, FEW));
        vec![
            ("regularizes", Interval::of(self.bn_gain(FEW, BATCH)).above(0.0)),
            ("by its noise", noise.above(0.0)),
            ("less need for dropout", self.less_need().above(0.0)),
        ]
    }

    fn table(&self, out: &mut String) -> Result {
        let seeds = self.cases.first().map_or(0, |case| case.runs.len());
        writeln!(
            out,
            "{}: {} images to choose the rate, {} test images; {seeds} seeds, mean and 95 % interval",
            self.data, self.validation, self.test
        )?;
        let rates = spaced(self.rates.iter().copied());
        writeln!(
            out,
            "rates tried: {}; dropout {}, weight decay {}",
            rates, self.dropout, self.decay
        )?;
        writeln!(
            out,
            "\n{FEW} images, batches of {BATCH}        test error, %      less than plain"
        )?;
        for side in Side::ALL {
            let errors = Interval::of(self.errors(side, FEW, BATCH));
            let gain = Interval::of(self.gain(Side::PLAIN, side, FEW, BATCH));
            let gain = if side == Side::PLAIN { String::new() } else { format!("{gain:+.1}") };
            writeln!(out, "{:30}{:20}{gain}", side.name(Lang::En), format!("{errors:.1}"))?;
        }
        let dropout = |without, with| Interval::of(self.gain(without, with, FEW, BATCH));
        writeln!(
            out,
            "\ndropout gains                 {:+.1} without batch norm\n                              {:+.1} with it\n                              {:+.1} less",
            dropout(Side::PLAIN, Side::DROPOUT),
            dropout(Side::BATCH_NORM, Side::BOTH),
            self.less_need()
        )?;
        writeln!(
            out,
            "\nimages  batches of      plain               batch norm          gain of batch norm"
        )?;
        for (training, batch) in
            [(FEW, 5), (FEW, BATCH), (FEW, 25), (FEW, FEW), (MORE[0], BATCH), (MORE[1], BATCH)]
        {
            let [plain, norm] = [Side::PLAIN, Side::BATCH_NORM]
                .map(|side| format!("{:.1}", Interval::of(self.errors(side, training, batch))));
            let gain = Interval::of(self.bn_gain(training, batch));
            writeln!(out, "{training:6} {batch:11}      {plain:20}{norm:20}{gain:+.1}")?;
        }
        writeln!(out, "\n{}", said(&self.criteria()))?;
        Ok(())
    }

    fn figures(&self, lang: Lang) -> Result<Vec<Figure>> {
        let ways = Side::ALL.into_iter().filter(|side| *side != Side::PLAIN).map(|side| {
            Interval::of(self.gain(Side::PLAIN, side, FEW, BATCH)).named(side.name(lang))
        });
        let sizes = [5, BATCH, 25, FEW]
            .map(|batch| Interval::of(self.bn_gain(FEW, batch)).named(batch.to_string()));
        let (ways, sizes): (Vec<_>, Vec<_>) = (ways.collect(), sizes.into());
        Ok(vec![("experiment", draw::gains(&ways, &sizes, lang))])
    }
}

impl SmallSets {
    /// One for each seed.
    fn errors(&self, side: Side, training: usize, batch: usize) -> Vec<f64> {
        let wanted = |c: &&Case| {
            (c.setting.side, c.setting.training, c.setting.batch) == (side, training, batch)
        };
        let runs = self.cases.iter().find(wanted).map_or(&[][..], |case| &case.runs);
        runs.iter().map(|run| run.test).collect()
    }

    /// How much less the test error is with `b` than with `a`, for each seed.
    fn gain(&self, a: Side, b: Side, training: usize, batch: usize) -> Vec<f64> {
        let [a, b] = [a, b].map(|side| self.errors(side, training, batch));
        a.iter().zip(&b).map(|(a, b)| a - b).collect()
    }

    fn bn_gain(&self, training: usize, batch: usize) -> Vec<f64> {
        self.gain(Side::PLAIN, Side::BATCH_NORM, training, batch)
    }

    /// The gain of dropout without batch normalization less that with it.
    fn less_need(&self) -> Interval {
        let without = self.gain(Side::PLAIN, Side::DROPOUT, FEW, BATCH);
        let with = self.gain(Side::BATCH_NORM, Side::BOTH, FEW, BATCH);
        Interval::of_differences(without, with)
    }
}
