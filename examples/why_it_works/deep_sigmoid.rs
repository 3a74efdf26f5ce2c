//! Do deep networks of sigmoid units train with batch normalization, and only with it?
//!
//! # The experiment
//! S. Ioffe and C. Szegedy (ICML 2015, arXiv 1502.03167) train a deep network of sigmoid units, which
//! without batch normalization stays at chance. Here 10 and 20 hidden layers of 32 units learn the digits,
//! with sigmoid and with tanh, with Xavier's weights. Without batch normalization, sigmoid units also start
//!
//! - from weights four times as large, since the slope of a sigmoid is a quarter at most;
//! - as a *disguised* tanh network: σ(z) = (1 + tanh(z/2))/2, so twice Xavier's weights in the first and in
//!   the last layer, four times in the others, and biases b = −W·½ make it the same function as the tanh
//!   network with Xavier's weights.
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
use super::common::{
    Criteria, Experiment, Figure, Lang, Result, Settings, over_seeds, said, spaced,
};
use super::network::{Kind, Network, Run, Shape, Track, most_accurate};
use batchnorm::nn::activation::Activation;
use batchnorm::nn::init::Init;
use figures::why_it_works as draw;
use ndarray::Axis;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

const RATES: [f64; 4] = [0.1, 0.5, 2.0, 8.0];
const DEPTHS: [usize; 2] = [10, 20];
const SIDES: [Side; 6] = [
    Side { tanh: false, norm: Kind::None, start: Start::Xavier },
    Side { tanh: false, norm: Kind::Batch, start: Start::Xavier },
    Side { tanh: false, norm: Kind::None, start: Start::FourTimes },
    Side { tanh: false, norm: Kind::None, start: Start::Disguised },
    Side { tanh: true, norm: Kind::None, start: Start::Xavier },
    Side { tanh: true, norm: Kind::Batch, start: Start::Xavier },
];

/// What tells the networks of one depth apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Side {
    /// Or sigmoid.
    tanh: bool,
    norm: Kind,
    start: Start,
}

/// How the weights start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Start {
    Xavier,
    FourTimes,
    Disguised,
}

impl Start {
    /// Makes this of Xavier's weights.
    fn set(self, network: &mut Network<f32>) {
        if self == Start::Xavier {
            return;
        }
        let hidden = network.layers.iter_mut().map(|(linear, _)| linear);
        let last = hidden.len();
        for (i, layer) in hidden.chain([&mut network.last]).enumerate() {
            match self {
                Start::Disguised => {
                    layer.weight *= if i == 0 || i == last { 2.0 } else { 4.0 };
                    if i > 0 {
                        layer.bias = Some(layer.weight.sum_axis(Axis(1)) * -0.5);
                    }
                }
                _ if i < last => layer.weight *= 4.0,
                _ => {}
            }
        }
    }
}

/// Every number of the experiment.
#[derive(Serialize, Deserialize)]
pub struct DeepSigmoid {
    data: String,
    steps: usize,
    rates: Vec<f64>,
    networks: Vec<Networks>,
}

#[derive(Serialize, Deserialize)]
struct Networks {
    depth: usize,
    #[serde(flatten)]
    side: Side,
    /// For each seed a run at each rate.
    seeds: Vec<Vec<Run>>,
}

impl Side {
    fn activation(self) -> Activation {
        if self.tanh { Activation::Tanh } else { Activation::Sigmoid }
    }

    fn units(self) -> &'static str {
        if self.tanh { "tanh" } else { "sigmoid" }
    }
}

impl Networks {
    /// The run that validation images have chosen, for each seed.
    fn chosen(&self) -> impl Iterator<Item = &Run> {
        self.seeds.iter().filter_map(|runs| most_accurate(runs))
    }

    /// In %.
    fn accuracy(&self) -> Interval {
        Interval::of(self.chosen().map(|run| 100.0 * run.test))
    }
}

impl Experiment for DeepSigmoid {
    fn run(settings: &Settings) -> Result<Self> {
        let steps = settings.pick(10, 300, 300);
        let tracks: Vec<Track> =
            settings.seeds.iter().map(|&seed| Track::new(&settings.data, seed)).collect();
        let networks: Vec<_> =
            DEPTHS.into_iter().flat_map(|depth| SIDES.map(|side| (depth, side))).collect();
        // ANCHOR: deep_sigmoid
        let run = |(depth, side): (usize, Side), track: &Track| {
            let (activation, norm, init) = (side.activation(), side.norm, (Init::Xavier, 1.0));
            let mut network = track.network(Shape { depth, width: 32, activation, norm, init })?;
            side.start.set(&mut network);
            let at = |rate| track.train(network.clone(), rate, steps);
            RATES.into_iter().map(at).collect::<Result<Vec<_>>>()
        };
        // ANCHOR_END: deep_sigmoid
        let runs = over_seeds(settings, &networks, &tracks, run)?;
        let networks = networks.into_iter().zip(runs);
        let networks = networks.map(|((depth, side), seeds)| Networks { depth, side, seeds });
        Ok(DeepSigmoid {
            data: settings.data.name.clone(),
            steps,
            rates: RATES.into(),
            networks: networks.collect(),
        })
    }

    fn criteria(&self) -> Criteria {
        let is = |depth, norm, passed: fn(&Interval) -> bool| {
            let side = Side { tanh: false, norm, start: Start::Xavier };
            let mut networks = self.networks.iter().filter(|n| (n.depth, n.side) == (depth, side));
            networks.next().is_some_and(|networks| passed(&networks.accuracy()))
        };
        let stuck = |depth| is(depth, Kind::None, |accuracy| accuracy.below(50.0));
        let trains = |depth| is(depth, Kind::Batch, |accuracy| accuracy.above(90.0));
        vec![
            ("stuck at 10", stuck(10)),
            ("trains at 10", trains(10)),
            ("stuck at 20", stuck(20)),
            ("trains at 20", trains(20)),
        ]
    }

    fn table(&self, out: &mut String) -> Result {
        let seeds = self.networks.first().map_or(0, |networks| networks.seeds.len());
        writeln!(
            out,
            "{}; {} steps; {seeds} seeds, mean and 95 % interval over them",
            self.data, self.steps
        )?;
        writeln!(
            out,
            "layers  units     normalization  weights      test accuracy, %  rates chosen"
        )?;
        for networks in &self.networks {
            let Side { norm, start, .. } = networks.side;
            let norm = if norm == Kind::Batch { "batch" } else { "none" };
            let weights = match start {
                Start::Xavier => "Xavier",
                Start::FourTimes => "4 × Xavier",
                Start::Disguised => "disguised",
            };
            let rates = spaced(networks.chosen().map(|run| run.rate));
            writeln!(
                out,
                "{:>6}  {:8}  {norm:13}  {weights:10} {:>19}  {}",
                networks.depth,
                networks.side.units(),
                format!("{:.1}", networks.accuracy()),
                rates
            )?;
        }
        writeln!(out, "{}", said(&self.criteria()))?;
        Ok(())
    }

    fn figures(&self, lang: Lang) -> Result<Vec<Figure>> {
        let label = |side: Side| {
            let normalized = if side.norm == Kind::Batch { "BN, " } else { "" };
            let start = match side.start {
                Start::Xavier => "",
                Start::FourTimes => ", 4 × Xavier",
                Start::Disguised => lang.pick(", tanh로 위장", ", as tanh"),
            };
            format!("{normalized}{}{start}", side.units())
        };
        let rows = |depth: usize| {
            let networks = self.networks.iter().filter(move |networks| networks.depth == depth);
            let row = |networks: &Networks| (label(networks.side), networks.accuracy().at(0.0));
            (depth, networks.map(row).collect())
        };
        Ok(vec![("deep_sigmoid", draw::deep_sigmoid(&DEPTHS.map(rows), lang))])
    }
}
