//! Do deep networks of sigmoid units train with batch normalization, and only with it?
//!
//! # The experiment
//! S. Ioffe and C. Szegedy (ICML 2015, arXiv 1502.03167) train a deep network of sigmoid units, which
//! without batch normalization stays at chance. Here 10 and 20 hidden layers of 32 units learn the digits,
//! with sigmoid and with tanh, with Xavier's weights; and, without batch normalization, sigmoid units from
//! weights four times as large, since the slope of a sigmoid is a quarter at most.
//!
//! All sides have the same seeds, images and batches, and the same search: for each seed the rate of
//! [`RATES`] with the best accuracy on validation images.
//!
//! Written down before the first run, over seeds, with Student's 95 % interval of the accuracy on test
//! images after the last step, for each depth:
//!
//! 1. *stuck*: sigmoid without batch normalization and with Xavier's weights: the interval is below 50 %;
//! 2. *trains*: sigmoid with batch normalization: the interval is above 90 %.
//!
//! All four: reproduced. Some: partly. None: did not reproduce. Whether it takes batch normalization is
//! another question, which the other sides answer.

use super::common::interval::Interval;
use super::common::{Criteria, Experiment, Figure, Lang, Result, Settings, said};
use super::network::{Kind, Run, Shape, Track, most_accurate};
use batchnorm::nn::activation::Activation;
use batchnorm::nn::init::Init;
use figures::why_it_works as draw;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

const RATES: [f64; 4] = [0.1, 0.3, 1.0, 3.0];
const DEPTHS: [usize; 2] = [10, 20];
/// Activation, normalization, and the size of the weights in Xavier's.
const SIDES: [(Activation, Kind, f64); 5] = [
    (Activation::Sigmoid, Kind::None, 1.0),
    (Activation::Sigmoid, Kind::None, 4.0),
    (Activation::Sigmoid, Kind::Batch, 1.0),
    (Activation::Tanh, Kind::None, 1.0),
    (Activation::Tanh, Kind::Batch, 1.0),
];
const PLAIN: usize = 0;
const NORMALIZED: usize = 2;

/// Every number of the experiment.
#[derive(Serialize, Deserialize)]
pub struct DeepSigmoid {
    data: String,
    steps: usize,
    rates: Vec<f64>,
    /// Depth after depth, and of each a row for each of [`SIDES`].
    depths: Vec<(usize, Vec<Side>)>,
}

/// For each seed a run at each rate.
#[derive(Serialize, Deserialize)]
struct Side(Vec<Vec<Run>>);

impl Side {
    /// The run that validation images have chosen, for each seed.
    fn chosen(&self) -> impl Iterator<Item = &Run> {
        self.0.iter().filter_map(|runs| most_accurate(runs))
    }

    /// In %.
    fn accuracy(&self) -> Interval {
        Interval::of(self.chosen().map(|run| 100.0 * run.test))
    }
}

impl Experiment for DeepSigmoid {
    fn run(settings: &Settings) -> Result<Self> {
        let steps = settings.pick(10, 400, 400);
        let tracks: Vec<Track> =
            settings.seeds.iter().map(|&seed| Track::new(&settings.data, seed)).collect();
        let networks: Vec<_> =
            DEPTHS.into_iter().flat_map(|depth| SIDES.map(|side| (depth, side))).collect();
        let progress = settings.progress(networks.len() * tracks.len() * RATES.len());
        // ANCHOR: deep_sigmoid
        let run = |(depth, side, track): (usize, (Activation, Kind, f64), &Track)| {
            let (activation, norm, times) = side;
            let init = (Init::Xavier, times);
            let shape = Shape { depth, width: 32, activation, norm, init };
            let at = |rate| {
                let run = track.train(track.network(shape)?, rate, steps);
                progress.inc(1);
                run
            };
            RATES.into_iter().map(at).collect::<Result<Vec<_>>>()
        };
        // ANCHOR_END: deep_sigmoid
        let jobs: Vec<_> = networks
            .iter()
            .flat_map(|&(depth, side)| tracks.iter().map(move |track| (depth, side, track)))
            .collect();
        // In the order of `jobs`, however many threads there are.
        let runs: Vec<Vec<Run>> =
            jobs.into_par_iter().with_max_len(1).map(run).collect::<Result<_>>()?;
        progress.finish_and_clear();
        let mut runs = runs.into_iter();
        let mut side = || Side(runs.by_ref().take(tracks.len()).collect());
        Ok(DeepSigmoid {
            data: settings.data.name.clone(),
            steps,
            rates: RATES.into(),
            depths: DEPTHS.map(|depth| (depth, SIDES.map(|_| side()).into())).into(),
        })
    }

    fn criteria(&self) -> Criteria {
        let names = [["stuck at 10", "trains at 10"], ["stuck at 20", "trains at 20"]];
        let of = |((_, sides), [stuck, trains]): (&(usize, Vec<Side>), [&'static str; 2])| {
            [
                (stuck, sides[PLAIN].accuracy().below(50.0)),
                (trains, sides[NORMALIZED].accuracy().above(90.0)),
            ]
        };
        self.depths.iter().zip(names).flat_map(of).collect()
    }

    fn table(&self, out: &mut String) -> Result {
        let seeds = self.depths.first().map_or(0, |(_, sides)| sides[PLAIN].0.len());
        writeln!(
            out,
            "{}; {} steps; {seeds} seeds, mean and 95 % interval over them",
            self.data, self.steps
        )?;
        writeln!(
            out,
            "layers  units     normalization  weights      test accuracy, %  rates chosen"
        )?;
        for (depth, sides) in &self.depths {
            for ((activation, norm, times), side) in SIDES.iter().zip(sides) {
                let (activation, norm) = (
                    name(*activation),
                    match norm {
                        Kind::None => "none",
                        _ => "batch",
                    },
                );
                let weights = match times {
                    1.0 => "Xavier".to_string(),
                    times => format!("{times} × Xavier"),
                };
                let accuracy = format!("{:.1}", side.accuracy());
                let rates: Vec<_> = side.chosen().map(|run| run.rate.to_string()).collect();
                let rates = rates.join(" ");
                writeln!(
                    out,
                    "{depth:>6}  {activation:8}  {norm:13}  {weights:10} {accuracy:>19}  {rates}"
                )?;
            }
        }
        writeln!(out, "{}", said(&self.criteria()))?;
        Ok(())
    }

    fn figures(&self, lang: Lang) -> Result<Vec<Figure>> {
        let labels = SIDES.map(|(activation, norm, times)| {
            let normalized = if norm == Kind::Batch { "BN, " } else { "" };
            let larger = if times == 1.0 { String::new() } else { format!(", {times} × Xavier") };
            format!("{normalized}{}{larger}", name(activation))
        });
        let rows = |sides: &[Side]| -> Vec<_> {
            let row = |(label, side): (&String, &Side)| {
                let of = side.accuracy();
                (
                    label.clone(),
                    figures::Interval { x: 0.0, low: of.low, mid: of.mean, high: of.high },
                )
            };
            labels.iter().zip(sides).map(row).collect()
        };
        let depths: Vec<_> =
            self.depths.iter().map(|(depth, sides)| (*depth, rows(sides))).collect();
        Ok(vec![("deep_sigmoid", draw::deep_sigmoid(&depths, lang))])
    }
}

fn name(activation: Activation) -> &'static str {
    match activation {
        Activation::Tanh => "tanh",
        _ => "sigmoid",
    }
}
