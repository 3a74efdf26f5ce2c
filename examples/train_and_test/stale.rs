//! Running statistics that lag behind: test error by running averages of three kinds, at several moments of
//! one training, against the same weights with statistics estimated anew from the training images.
//!
//! The weights do not depend on the average, so at every moment all four are the same network but for μ̂
//! and σ̂². The rate is 0.1, and a tenth of it in the last third of the steps.
//!
//! What was to be called a success was written down before the first run. Over the seeds, with Student's
//! 95 % interval of differences of test error within a seed:
//!
//! 1. *slow*: after 100 steps, new values weighing 0.01 − anew: the interval is above 0;
//! 2. *catches up*: the same at the end: all of it within half a point of 0;
//! 3. *remembers*: the average of all batches since the first − anew, before the rate falls: above 0.
//!
//! All three: reproduced. Some: partly. None: did not reproduce.

use super::Net;
use super::common::data::Set;
use super::common::interval::Interval;
use super::common::{Criteria, Experiment, Figure, Lang, Result, Settings, in_order, said};
use batchnorm::batch_norm::{Average, BatchNorm, Config};
use batchnorm::nn::random::Random;
use figures::{Band, train_and_test as draw};
use ndarray::Axis;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

const BATCH: usize = 50;
const AVERAGES: [Average<f32>; 3] = [
    Average::Exponential { momentum: 0.1 },
    Average::Exponential { momentum: 0.01 },
    Average::Cumulative,
];

/// Every number of the experiment.
#[derive(Serialize, Deserialize)]
pub struct Stale {
    data: String,
    /// Numbers of images.
    training: usize,
    test: usize,
    batch: usize,
    /// When the networks were tested.
    steps: Vec<usize>,
    /// The first of them at the lower rate.
    slower_from: usize,
    /// For each seed and each of these steps: test error in % by the three averages, and anew.
    errors: Vec<Vec<[f64; 4]>>,
}

// ANCHOR: stale
impl Net {
    /// The same weights, γ and β, with running statistics that begin anew.
    fn averaging(&self, average: Average<f32>) -> Result<Net> {
        let mut net = self.clone();
        for (_, bn) in &mut net.hidden {
            let fresh = BatchNorm::with(bn.channels(), Config { average, ..*bn.config() })?;
            let BatchNorm { gamma, beta, .. } = std::mem::replace(bn, fresh);
            (bn.gamma, bn.beta) = (gamma, beta);
        }
        Ok(net)
    }

    /// The same weights with the average statistics of all training images, in batches of 50.
    fn reestimated(&self, train: &Set) -> Result<Net> {
        let mut net = self.averaging(Average::Cumulative)?;
        for batch in train.pixels.axis_chunks_iter(Axis(0), 50).filter(|b| b.nrows() == 50) {
            net.left_in_training(batch.to_owned())?;
        }
        Ok(net)
    }
}
// ANCHOR_END: stale

impl Experiment for Stale {
    const SEEDS: (usize, usize) = (10, 2);

    fn run(settings: &Settings) -> Result<Self> {
        let data = &settings.data;
        let last = settings.pick(60, 900, 3000);
        let wanted =
            [10, 20, 50, 100, 200, 300, 400, 500, 600, 610, 650, 700, 800, 900, 2000, 3000];
        let slower_from = last * 2 / 3;
        let mut steps: Vec<usize> = wanted.into_iter().filter(|&step| step <= last).collect();
        steps.extend([slower_from, last]);
        steps.sort_unstable();
        steps.dedup();
        let progress = settings.progress(settings.seeds.len() * steps.len());
        let each = |&seed: &u64| {
            let mut random = Random::new(seed);
            let (train, mut test) = data.shuffled(&mut random);
            test.truncate(1000);
            let (train, test) = (data.rows(&train), data.rows(&test));
            let start = Net::random((data.pixels.ncols(), data.classes()), &mut random)?;
            let [fast, slow, all] = AVERAGES.map(|average| start.averaging(average));
            let mut nets = [fast?, slow?, all?];
            let mut errors = Vec::new();
            let mut order: Vec<usize> = Vec::new();
            for step in 1..=last {
                if order.len() < BATCH {
                    order = random.permutation(train.labels.len());
                }
                let batch = order.split_off(order.len().saturating_sub(BATCH));
                let labels: Vec<_> = batch.iter().map(|&i| train.labels[i]).collect();
                let rate = if step > slower_from { 0.01 } else { 0.1 };
                for net in &mut nets {
                    net.step(train.pixels.select(Axis(0), &batch), &labels, rate)?;
                }
                if steps.contains(&step) {
                    let anew = nets[0].reestimated(&train)?;
                    let [fast, slow, all] = &nets;
                    let mut row = [0.0; 4];
                    for (error, net) in row.iter_mut().zip([fast, slow, all, &anew]) {
                        *error = 100.0 - super::accuracy(&test, 500, |x| net.inference(x))?;
                    }
                    errors.push(row);
                    progress.inc(1);
                }
            }
            Ok((train.labels.len(), test.labels.len(), errors))
        };
        let runs: Vec<_> = in_order(settings.seeds.iter().collect(), &progress, each)?.collect();
        Ok(Stale {
            data: data.name.clone(),
            training: runs.first().map_or(0, |run| run.0),
            test: runs.first().map_or(0, |run| run.1),
            batch: BATCH,
            steps,
            slower_from,
            errors: runs.into_iter().map(|run| run.2).collect(),
        })
    }

    fn criteria(&self) -> Criteria {
        let end = self.more(1, self.steps.last().copied());
        vec![
            ("slow", self.more(1, Some(100)).above(0.0)),
            ("catches up", end.low > -0.5 && end.high < 0.5),
            ("remembers", self.more(2, Some(self.slower_from)).above(0.0)),
        ]
    }

    fn table(&self, out: &mut String) -> Result {
        writeln!(
            out,
            "{}: {} training images in batches of {}, {} test images; {} seeds",
            self.data,
            self.training,
            self.batch,
            self.test,
            self.errors.len()
        )?;
        writeln!(out, "rate 0.1, and 0.01 after step {}", self.slower_from)?;
        writeln!(out, "test error in %, mean and 95 % interval\n")?;
        writeln!(
            out,
            " step  p = 0.1               p = 0.01              all batches           estimated anew"
        )?;
        for (i, step) in self.steps.iter().enumerate() {
            let errors =
                [0, 1, 2, 3].map(|kind| format!("{:22}", format!("{:.1}", self.error(kind, i))));
            writeln!(out, "{step:5}  {}", errors.concat().trim_end())?;
        }
        writeln!(
            out,
            "\nmore than anew: p = 0.01 after 100 steps  {:+.1}",
            self.more(1, Some(100))
        )?;
        writeln!(
            out,
            "                p = 0.01 at the end       {:+.2}",
            self.more(1, self.steps.last().copied())
        )?;
        let (all, step) = (self.more(2, Some(self.slower_from)), self.slower_from);
        writeln!(out, "                all batches at {step:4}       {all:+.2}")?;
        writeln!(out, "\n{}", said(&self.criteria()))?;
        Ok(())
    }

    fn figures(&self, lang: Lang) -> Result<Vec<Figure>> {
        let names = lang.pick(
            ["p = 0.1", "p = 0.01", "모든 배치", "다시 추정"],
            ["p = 0.1", "p = 0.01", "all batches", "anew"],
        );
        let points = [0, 1, 2, 3].map(|kind| -> Vec<figures::Interval> {
            let at = |(i, step): (usize, &usize)| {
                let Interval { low, mean, high } = self.error(kind, i);
                figures::Interval { x: *step as f64, low, mid: mean, high }
            };
            self.steps.iter().enumerate().map(at).collect()
        });
        let bands: Vec<_> =
            names.iter().zip(&points).map(|(label, points)| Band { label, points }).collect();
        Ok(vec![("stale", draw::stale(&bands, self.slower_from as f64, lang))])
    }
}

impl Stale {
    fn error(&self, kind: usize, i: usize) -> Interval {
        Interval::of(self.errors.iter().filter_map(|run| run.get(i)).map(|row| row[kind]))
    }

    /// The error by this average less that by the statistics estimated anew.
    fn more(&self, kind: usize, step: Option<usize>) -> Interval {
        let i = self.steps.iter().position(|s| Some(*s) == step).unwrap_or(usize::MAX);
        Interval::of(self.errors.iter().filter_map(|run| run.get(i)).map(|row| row[kind] - row[3]))
    }
}
