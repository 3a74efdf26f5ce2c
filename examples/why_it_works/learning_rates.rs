//! Does batch normalization allow larger learning rates, and is learning faster with it?
//!
//! # The experiment
//! As J. Bjorck, C. Gomes, B. Selman, K. Q. Weinberger, "Understanding Batch Normalization" (NeurIPS 2018,
//! arXiv 1806.02375), but small: networks of 3 and of 8 hidden layers of 64 ReLU units with He's weights
//! learn the digits at each of the [`RATES`], without normalization, with batch normalization, and with
//! layer normalization for comparison. All have the same seeds, images, first weights and batches.
//!
//! A rate *trains* if 90 % of test images are classified rightly after the last step. For speed each side
//! and seed has the rate that is first to reach 90 % of validation images, and what counts are its steps
//! to 90 % of test images; a run that never gets there counts as if it had on its last step. If no rate
//! trains, the largest that does is counted as half a decade below the least.
//!
//! Written down before the first run, over seeds, with Student's 95 % interval, for each depth:
//!
//! 1. *larger*: the largest rate that trains, with/without batch normalization: the interval of the ratio is
//!    above 1;
//! 2. *faster*: steps, without/with: the interval of the ratio is above 1.
//!
//! All four: reproduced. Some: partly. None: did not reproduce.

use super::common::interval::Interval;
use super::common::{Criteria, Experiment, Figure, Lang, Result, Settings, over_seeds, said};
use super::network::{GOAL, Kind, Run, Shape, Track, fastest, ratio};
use batchnorm::nn::activation::Activation;
use batchnorm::nn::init::Init;
use figures::{Band, why_it_works as draw};
use serde::{Deserialize, Serialize};
use std::fmt::Write;

const RATES: [f64; 8] = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0];
const DEPTHS: [usize; 2] = [3, 8];
const KINDS: [Kind; 3] = [Kind::None, Kind::Batch, Kind::Layer];

/// Every number of the experiment.
#[derive(Serialize, Deserialize)]
pub struct LearningRates {
    data: String,
    steps: usize,
    rates: Vec<f64>,
    /// Depth after depth, and of each: without, with batch and with layer normalization.
    networks: Vec<Networks>,
}

#[derive(Serialize, Deserialize)]
struct Networks {
    depth: usize,
    kind: Kind,
    /// For each seed a run at each rate.
    seeds: Vec<Vec<Run>>,
}

impl Experiment for LearningRates {
    fn run(settings: &Settings) -> Result<Self> {
        let steps = settings.pick(20, 300, 300);
        let tracks: Vec<Track> =
            settings.seeds.iter().map(|&seed| Track::new(&settings.data, seed)).collect();
        let sides: Vec<_> =
            DEPTHS.into_iter().flat_map(|depth| KINDS.map(|kind| (depth, kind))).collect();
        // ANCHOR: learning_rates
        let run = |(depth, norm): (usize, Kind), track: &Track| -> Result<Vec<Run>> {
            let (activation, init) = (Activation::Relu, (Init::He, 1.0));
            let shape = Shape { depth, width: 64, activation, norm, init };
            let at = |rate| track.train(track.network(shape)?, rate, steps);
            RATES.into_iter().map(at).collect()
        };
        // ANCHOR_END: learning_rates
        let networks = over_seeds(settings, &sides, &tracks, run)?;
        let networks = sides.into_iter().zip(networks);
        let networks = networks.map(|((depth, kind), seeds)| Networks { depth, kind, seeds });
        Ok(LearningRates {
            data: settings.data.name.clone(),
            steps,
            rates: RATES.into(),
            networks: networks.collect(),
        })
    }

    fn criteria(&self) -> Criteria {
        let names = [["larger at 3", "faster at 3"], ["larger at 8", "faster at 8"]];
        let of = |(depth, [larger, faster]): (&[Networks], [&'static str; 2])| {
            [
                (larger, self.larger(&depth[1], &depth[0]).above(1.0)),
                (faster, self.faster(&depth[0], &depth[1]).above(1.0)),
            ]
        };
        self.networks.chunks_exact(KINDS.len()).zip(names).flat_map(of).collect()
    }

    fn table(&self, out: &mut String) -> Result {
        let seeds = self.networks.first().map_or(0, |networks| networks.seeds.len());
        writeln!(
            out,
            "{}; {} steps; {seeds} seeds, mean and 95 % interval over them",
            self.data, self.steps
        )?;
        for depth in self.networks.chunks_exact(KINDS.len()) {
            writeln!(out, "\n{} layers: test accuracy, %", depth[0].depth)?;
            let mut row = |name: &str, cells: Vec<String>| {
                let cells: String = cells.iter().map(|cell| format!("{cell:>23}")).collect();
                writeln!(out, "{name:18}{cells}")
            };
            let names = ["without", "batch norm.", "layer norm."];
            row("rate", names.map(String::from).into())?;
            for (i, rate) in self.rates.iter().enumerate() {
                let at = |networks: &Networks| {
                    let accuracy = networks.seeds.iter().map(|runs| 100.0 * runs[i].test);
                    format!("{:.1}", Interval::of(accuracy))
                };
                row(&format!("{rate:>6}"), depth.iter().map(at).collect())?;
            }
            let largest =
                |networks: &Networks| format!("{:.2}", Interval::of_ratios(self.largest(networks)));
            row("largest to train", depth.iter().map(largest).collect())?;
            let times = |networks| format!("× {:.1}", self.larger(networks, &depth[0]));
            row("  with/without", depth.iter().map(times).collect())?;
            let steps = |networks: &Networks| format!("{:.0}", Interval::of(self.fewest(networks)));
            row("steps to 90 %", depth.iter().map(steps).collect())?;
            let times = |networks| format!("÷ {:.1}", self.faster(&depth[0], networks));
            row("  without/with", depth.iter().map(times).collect())?;
        }
        writeln!(out, "{}", said(&self.criteria()))?;
        Ok(())
    }

    fn figures(&self, lang: Lang) -> Result<Vec<Figure>> {
        let curve = |networks: &Networks| -> Vec<_> {
            let points =
                self.rates.iter().enumerate().map(|(i, &x)| {
                    Interval::of(networks.seeds.iter().map(|runs| runs[i].test)).at(x)
                });
            points.collect()
        };
        let curves: Vec<_> = self.networks.iter().map(curve).collect();
        let names = lang.pick(["없음", "BN", "LN"], ["none", "BN", "LN"]);
        let bands: Vec<_> = curves
            .chunks_exact(KINDS.len())
            .map(|curves| {
                let band = |(label, points)| Band { label, points };
                names.into_iter().zip(curves.iter().map(Vec::as_slice)).map(band).collect()
            })
            .collect();
        let depths: Vec<(usize, Vec<Band>)> = DEPTHS.into_iter().zip(bands).collect();
        Ok(vec![("learning_rates", draw::learning_rates(&depths, lang))])
    }
}

impl LearningRates {
    /// The largest rate that trains, for each seed.
    fn largest(&self, networks: &Networks) -> Vec<f64> {
        let none = self.rates.first().map_or(0.0, |least| least / 10_f64.sqrt());
        let largest = |runs: &Vec<Run>| {
            let trains = runs.iter().filter(|run| run.test >= GOAL);
            trains.map(|run| run.rate).fold(none, f64::max)
        };
        networks.seeds.iter().map(largest).collect()
    }

    fn larger(&self, with: &Networks, without: &Networks) -> Interval {
        ratio(&self.largest(with), &self.largest(without))
    }

    /// Steps at the rate that validation images have chosen, for each seed.
    fn fewest(&self, networks: &Networks) -> Vec<f64> {
        let steps = |runs: &Vec<Run>| fastest(runs).and_then(|run| run.test_steps);
        let or_last = |steps: Option<usize>| steps.unwrap_or(self.steps) as f64;
        networks.seeds.iter().map(|runs| or_last(steps(runs))).collect()
    }

    fn faster(&self, without: &Networks, with: &Networks) -> Interval {
        ratio(&self.fewest(without), &self.fewest(with))
    }
}
