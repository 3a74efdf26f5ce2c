//! Is the loss smoother with batch normalization?
//!
//! # The experiment
//! As figure 4 of S. Santurkar, D. Tsipras, A. Ilyas, A. Mądry, "How Does Batch Normalization Help
//! Optimization?" (NeurIPS 2018, arXiv 1805.11604), but small: during training, the loss of the batch is
//! looked at along its gradient g, at the weights w − η g for η from a half to four times the learning rate.
//!
//! Networks of 3 and of 8 hidden layers of 64 ReLU units with He's weights learn the digits with and
//! without batch normalization, with the same seeds, images, first weights and batches. A search would give
//! the sides different rates and so look at different distances; as in the paper, both have one rate, 0.1.
//!
//! Written down before the first run, over seeds, with Student's 95 % interval, for each depth; every
//! quantity is averaged over the looks of the first 100 steps as a geometric mean:
//!
//! 1. *steadier loss*: largest less smallest loss along the way, without/with: the interval of the ratio is
//!    above 1;
//! 2. *steadier gradient*: the largest ‖∇L(w − η g) − g‖ along the way, without/with: the interval of the
//!    ratio is above 1.
//!
//! All four: reproduced. Some: partly. None: did not reproduce.

use super::common::interval::Interval;
use super::common::{Criteria, Experiment, Figure, Lang, Result, Settings, over_seeds, said};
use super::network::{BATCH, Kind, Network, Shape, Track, ratio};
use batchnorm::nn::activation::Activation;
use batchnorm::nn::init::Init;
use figures::{Band, why_it_works as draw};
use serde::{Deserialize, Serialize};
use std::fmt::Write;

const DEPTHS: [usize; 2] = [3, 8];
const SIDES: [Kind; 2] = [Kind::None, Kind::Batch];
const RATE: f64 = 0.1;
/// The distances along the gradient, in learning rates.
const TIMES: [f64; 6] = [0.5, 1.0, 1.5, 2.0, 3.0, 4.0];
/// A look every so many steps.
const LOOK: usize = 5;
const EARLY: usize = 100;

/// Every number of the experiment.
#[derive(Serialize, Deserialize)]
pub struct Landscape {
    data: String,
    steps: usize,
    batch: usize,
    rate: f64,
    times: Vec<f64>,
    networks: Vec<Networks>,
}

#[derive(Serialize, Deserialize)]
struct Networks {
    depth: usize,
    /// Without, and with; then seed by seed, look by look.
    sides: [Vec<Vec<Look>>; 2],
}

/// What was seen before a step.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Look {
    step: usize,
    /// Smallest and largest loss along the gradient.
    low: f32,
    high: f32,
    /// The largest change of the gradient.
    change: f32,
}

impl Look {
    fn range(&self) -> f64 {
        f64::from(self.high) - f64::from(self.low)
    }
}

/// Something to be asked of a look, by its name in the table.
type Named<T> = (&'static str, fn(&Look) -> T);

impl Experiment for Landscape {
    fn run(settings: &Settings) -> Result<Self> {
        let steps = settings.pick(10, 300, 1000);
        let tracks: Vec<Track> =
            settings.seeds.iter().map(|&seed| Track::new(&settings.data, seed)).collect();
        let sides: Vec<_> =
            DEPTHS.into_iter().flat_map(|depth| SIDES.map(|norm| (depth, norm))).collect();
        let run = |(depth, norm): (usize, Kind), track: &Track| -> Result<Vec<Look>> {
            let (activation, init) = (Activation::Relu, (Init::He, 1.0));
            let mut network = track.network(Shape { depth, width: 64, activation, norm, init })?;
            let mut looks = Vec::new();
            for (step, batch) in (1..=steps).zip(track.batches()) {
                let before = (step % LOOK == 1).then(|| network.clone());
                let (_, gradients) = network.gradient(batch.pixels.clone(), &batch.labels)?;
                if let Some(before) = before {
                    looks.push(look(step, &before, &gradients, &batch)?);
                }
                network.step(&gradients, RATE)?;
            }
            Ok(looks)
        };
        let mut runs = over_seeds(settings, &sides, &tracks, run)?.into_iter();
        let mut side = || runs.next().unwrap_or_default();
        let networks = DEPTHS.map(|depth| Networks { depth, sides: [side(), side()] });
        Ok(Landscape {
            data: settings.data.name.clone(),
            steps,
            batch: BATCH,
            rate: RATE,
            times: TIMES.into(),
            networks: networks.into(),
        })
    }

    fn criteria(&self) -> Criteria {
        let names =
            [["steadier loss at 3", "gradient at 3"], ["steadier loss at 8", "gradient at 8"]];
        let of = |(networks, [loss, gradient]): (&Networks, [&'static str; 2])| {
            [
                (loss, networks.compare(Look::range, early).above(1.0)),
                (gradient, networks.compare(|look| look.change.into(), early).above(1.0)),
            ]
        };
        self.networks.iter().zip(names).flat_map(of).collect()
    }

    fn table(&self, out: &mut String) -> Result {
        writeln!(
            out,
            "{}; {} steps with the rate {}, batches of {}; {} seeds, mean and 95 % interval over them",
            self.data,
            self.steps,
            self.rate,
            self.batch,
            self.networks[0].sides[0].len()
        )?;
        let quantities: [Named<f64>; 2] =
            [("range of the loss", Look::range), ("change of gradient", |look| look.change.into())];
        let times: [Named<bool>; 2] = [("first 100 steps", early), ("later", |look| !early(look))];
        writeln!(
            out,
            "layers  along the gradient  when                             without                      with   without/with"
        )?;
        for networks in &self.networks {
            for (what, quantity) in quantities {
                for (when, time) in times {
                    let [without, with] = [0, 1].map(|side| {
                        let each = networks.averages(side, quantity, time);
                        format!("{:.3}", Interval::of_ratios(each))
                    });
                    writeln!(
                        out,
                        "{:>6}  {what:18}  {when:15}  {without:>23}   {with:>23}   {:.2}",
                        networks.depth,
                        networks.compare(quantity, time)
                    )?;
                }
            }
        }
        writeln!(out, "{}", said(&self.criteria()))?;
        Ok(())
    }

    fn figures(&self, lang: Lang) -> Result<Vec<Figure>> {
        // At each look, the ends of the range, each averaged over the seeds.
        let range = |seeds: &Vec<Vec<Look>>| -> Vec<_> {
            let looks = seeds.first().map_or(&[][..], Vec::as_slice).iter().enumerate();
            let points = looks.map(|(i, look)| {
                let mean = |end: fn(&Look) -> f32| {
                    let ends = seeds.iter().filter_map(|looks| looks.get(i)).map(end);
                    ends.map(f64::from).sum::<f64>() / seeds.len() as f64
                };
                let (low, high) = (mean(|look| look.low), mean(|look| look.high));
                figures::Interval { x: look.step as f64, low, mid: (low + high) / 2.0, high }
            });
            points.collect()
        };
        let ranges: Vec<_> =
            self.networks.iter().map(|n| (n.depth, n.sides.each_ref().map(range))).collect();
        let names = lang.pick(["BN 없이", "BN 있음"], ["without BN", "with BN"]);
        let panels: Vec<_> = ranges
            .iter()
            .map(|(depth, [without, with])| {
                let band = |label, points| Band { label, points };
                (*depth, [band(names[0], without), band(names[1], with)])
            })
            .collect();
        Ok(vec![("landscape", draw::landscape(&panels, lang))])
    }
}

fn early(look: &Look) -> bool {
    look.step <= EARLY
}

impl Networks {
    /// The geometric mean over the looks of this time, for each seed.
    fn averages(&self, side: usize, f: fn(&Look) -> f64, time: fn(&Look) -> bool) -> Vec<f64> {
        let average = |looks: &Vec<Look>| {
            let looks = looks.iter().filter(|look| time(look));
            Interval::of_ratios(looks.map(f)).mean
        };
        self.sides[side].iter().map(average).collect()
    }

    fn compare(&self, f: fn(&Look) -> f64, time: fn(&Look) -> bool) -> Interval {
        ratio(&self.averages(0, f, time), &self.averages(1, f, time))
    }
}

// ANCHOR: landscape
/// Along the gradient, from the network as it was when the gradient was taken.
fn look(
    step: usize,
    network: &Network<f32>,
    gradients: &super::network::Gradients<f32>,
    batch: &super::common::data::Set,
) -> Result<Look> {
    let mut seen = Look { step, low: f32::INFINITY, high: f32::NEG_INFINITY, change: 0.0 };
    for times in TIMES {
        let mut there = network.clone();
        there.step(gradients, times * RATE)?;
        let (loss, other) = there.gradient(batch.pixels.clone(), &batch.labels)?;
        let squares = gradients.flat().zip(other.flat()).map(|(a, b)| f64::from(a - b).powi(2));
        let change = libm::sqrt(squares.sum()) as f32;
        seen.low = seen.low.min(loss);
        seen.high = seen.high.max(loss);
        seen.change = seen.change.max(change);
    }
    Ok(seen)
}
// ANCHOR_END: landscape
