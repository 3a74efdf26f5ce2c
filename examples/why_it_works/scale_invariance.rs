//! What do the learning rate and weight decay do to weights whose size does not matter?
//!
//! # The experiment
//! With batch normalization behind it and ε = 0, a layer computes the same with w as with a·w. T. van
//! Laarhoven, "L2 Regularization versus Batch and Weight Normalization" (2017, arXiv 1706.05350), and the
//! exact statements of this chapter say what follows. A network of two hidden layers of 32 ReLU units, in
//! f64, learns the digits; w is the weight matrix of its first layer.
//!
//! - Without decay ‖w‖² grows by η²‖∇‖² in each step, for 200 steps.
//! - A twin whose first-layer weights are three times as large, and their rate nine times, has the same
//!   losses, for 200 steps.
//! - With decay, w ← w − η(∇ + λw), ‖w‖ comes to rest where the two balance, and each step then turns w by
//!   √(2ηλ), whatever η and λ are by themselves and however large w was at first. A tenth of the labels are
//!   random, so that gradients stay alive. Measured as the root mean square of the angle over the last
//!   quarter of 16/(2ηλ) steps, for the [`PAIRS`] of η and λ.
//!
//! (What is left of ‖w‖⁴ fades as exp(−4ηλt), so weights that start forty times too long take some 9/(2ηλ)
//! steps. The first run took the last half of 8/(2ηλ) steps, and so saw the large ones still on their way.)
//!
//! Written down before the first run, over seeds:
//!
//! 1. *grows by Pythagoras*: the relative error of ‖w‖² after the last step is below 10⁻¹² for all seeds;
//! 2. *twins agree*: no two losses differ by more than 10⁻⁹ of them;
//! 3. *angle*: for every pair the mean is within 5 % of √(2ηλ);
//! 4. *forgets its size*: from weights three times as large, and ten times, also.
//!
//! All four: reproduced. Some: partly. None: did not reproduce.

use super::common::interval::Interval;
use super::common::{Criteria, Experiment, Figure, Lang, Result, Settings, over_seeds, said};
use super::network::{Kind, Network, Norm, Shape, Track};
use batchnorm::batch_norm::{BatchNorm, Config};
use batchnorm::nn::activation::Activation;
use batchnorm::nn::init::Init;
use batchnorm::nn::random::Random;
use figures::{Band, Series, why_it_works as draw};
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

const STEPS: usize = 200;
const TIMES: f64 = 3.0;
/// Learning rate and decay of the first layer.
const PAIRS: [(f64, f64); 4] = [(0.1, 0.03), (0.3, 0.01), (0.3, 0.03), (0.3, 0.1)];
/// How many times as large the first layer's weights are at first.
const SIZES: [f64; 3] = [1.0, 3.0, 10.0];
/// Of the parameters that are not decayed.
const RATE: f64 = 0.1;

/// Every number of the experiment.
#[derive(Serialize, Deserialize)]
pub struct ScaleInvariance {
    data: String,
    /// For each seed.
    free: Vec<Free>,
    /// For each pair and size.
    decayed: Vec<Decayed>,
}

/// Without decay.
#[derive(Serialize, Deserialize)]
struct Free {
    /// ‖w‖² at first, and after so many steps.
    first: f64,
    last: f64,
    /// Of ‖w‖² against its first value and all η²‖∇‖².
    error: f64,
    /// Largest relative difference of the twins' losses.
    difference: f64,
}

#[derive(Serialize, Deserialize)]
struct Decayed {
    rate: f64,
    decay: f64,
    size: f64,
    seeds: Vec<Turning>,
}

#[derive(Serialize, Deserialize)]
struct Turning {
    /// ‖w‖ in its first value, and the angle: step after step, some of them.
    length: Vec<(usize, f64)>,
    /// Over the last quarter.
    angle: f64,
}

impl Decayed {
    fn theory(&self) -> f64 {
        libm::sqrt(2.0 * self.rate * self.decay)
    }

    fn angle(&self) -> Interval {
        Interval::of(self.seeds.iter().map(|seed| seed.angle))
    }

    fn agrees(&self) -> bool {
        (self.angle().mean / self.theory() - 1.0).abs() < 0.05
    }
}

fn squares(w: &Array2<f64>) -> f64 {
    w.iter().map(|w| w * w).sum()
}

/// The network of a seed, with first-layer weights so many times as large.
fn network(track: &Track, size: f64) -> Result<Network<f64>> {
    let (activation, norm, init) = (Activation::Relu, Kind::Batch, (Init::He, 1.0));
    let mut network =
        track.network::<f64>(Shape { depth: 2, width: 32, activation, norm, init })?;
    for (linear, norm) in &mut network.layers {
        let config = Config { eps: 0.0, ..Config::default() };
        *norm = Norm::Batch(BatchNorm::with(linear.weight.nrows(), config)?);
    }
    network.layers[0].0.weight *= size;
    Ok(network)
}

// ANCHOR: scale_invariance
impl Network<f64> {
    /// One step, the first layer with a rate and a decay of its own. Gives back the loss and ‖∇‖².
    fn turn(
        &mut self,
        pixels: Array2<f64>,
        labels: &[usize],
        rate: f64,
        decay: f64,
    ) -> Result<(f64, f64)> {
        let (loss, gradients) = self.gradient(pixels, labels)?;
        let mut first = self.layers[0].0.weight.clone();
        let gradient = gradients.weight(0);
        first.zip_mut_with(gradient, |w, g| *w -= rate * (g + decay * *w));
        let gradient = squares(gradient);
        self.step(&gradients, RATE)?;
        self.layers[0].0.weight = first;
        Ok((loss, gradient))
    }
}
// ANCHOR_END: scale_invariance

fn free(track: &Track, steps: usize) -> Result<Free> {
    let (mut one, mut twin) = (network(track, 1.0)?, network(track, TIMES)?);
    let first = squares(&one.layers[0].0.weight);
    let (mut expected, mut difference) = (first, 0.0_f64);
    for batch in track.batches().take(steps) {
        let pixels = batch.pixels.mapv(f64::from);
        let (loss, gradient) = one.turn(pixels.clone(), &batch.labels, RATE, 0.0)?;
        let (other, _) = twin.turn(pixels, &batch.labels, TIMES * TIMES * RATE, 0.0)?;
        expected += RATE * RATE * gradient;
        difference = difference.max((loss - other).abs() / loss);
    }
    let last = squares(&one.layers[0].0.weight);
    Ok(Free { first, last, error: (last / expected - 1.0).abs(), difference })
}

fn decayed(track: &Track, rate: f64, decay: f64, size: f64, steps: usize) -> Result<Turning> {
    let mut network = network(track, size)?;
    let start = squares(&network.layers[0].0.weight);
    let random = &mut Random::new(track.seed ^ 0x1abe1);
    let (mut length, mut angles) = (vec![(0, 1.0)], Vec::new());
    for (step, mut batch) in (1..=steps).zip(track.batches()) {
        for label in &mut batch.labels {
            if random.below(10) == 0 {
                *label = random.below(network.last.weight.nrows());
            }
        }
        let before = network.layers[0].0.weight.clone();
        network.turn(batch.pixels.mapv(f64::from), &batch.labels, rate, decay)?;
        let after = &network.layers[0].0.weight;
        // tan of the angle: the part of the new weight beside the old one, over that along it.
        let along = (&before * after).sum() / squares(&before);
        let beside = squares(&(after - &(&before * along)));
        let angle = libm::atan2(libm::sqrt(beside), along * libm::sqrt(squares(&before)));
        if step > steps - steps / 4 {
            angles.push(angle * angle);
        }
        if step % (steps / 50).max(1) == 0 {
            length.push((step, libm::sqrt(squares(after) / start)));
        }
    }
    let angle = libm::sqrt(angles.iter().sum::<f64>() / angles.len().max(1) as f64);
    Ok(Turning { length, angle })
}

impl Experiment for ScaleInvariance {
    fn run(settings: &Settings) -> Result<Self> {
        let tracks: Vec<Track> =
            settings.seeds.iter().map(|&seed| Track::new(&settings.data, seed)).collect();
        let sides: Vec<_> =
            PAIRS.into_iter().flat_map(|pair| SIZES.map(|size| (pair, size))).collect();
        let run = |(), track: &Track| free(track, settings.pick(20, STEPS, STEPS));
        let free = over_seeds(settings, &[()], &tracks, run)?.into_iter().flatten().collect();
        let turn = |((rate, decay), size): ((f64, f64), f64), track: &Track| {
            let steps = (16.0 / (2.0 * rate * decay)).round() as usize;
            decayed(track, rate, decay, size, settings.pick(20, steps, steps))
        };
        let turnings = over_seeds(settings, &sides, &tracks, turn)?;
        let decayed = sides.into_iter().zip(turnings);
        let decayed =
            decayed.map(|(((rate, decay), size), seeds)| Decayed { rate, decay, size, seeds });
        Ok(ScaleInvariance { data: settings.data.name.clone(), decayed: decayed.collect(), free })
    }

    fn criteria(&self) -> Criteria {
        let all = |first: bool| {
            let mut decayed = self.decayed.iter().filter(|d| (d.size == SIZES[0]) == first);
            decayed.all(Decayed::agrees)
        };
        vec![
            ("grows by Pythagoras", self.free.iter().all(|free| free.error < 1e-12)),
            ("twins agree", self.free.iter().all(|free| free.difference < 1e-9)),
            ("angle", all(true)),
            ("forgets its size", all(false)),
        ]
    }

    fn table(&self, out: &mut String) -> Result {
        let seeds = self.free.len();
        writeln!(out, "{}; {seeds} seeds, mean and 95 % interval over them", self.data)?;
        let growth = Interval::of_ratios(self.free.iter().map(|free| free.last / free.first));
        let largest = |f: fn(&Free) -> f64| self.free.iter().map(f).fold(0.0, f64::max);
        writeln!(out, "{STEPS} steps without decay: ‖w‖² grows to {growth:.2} of itself;")?;
        writeln!(out, "  less all η²‖∇‖², at most {:.0e} of it is left", largest(|f| f.error))?;
        writeln!(
            out,
            "  from {TIMES} w with {} times the rate, losses differ by {:.0e} of them at most",
            TIMES * TIMES,
            largest(|f| f.difference)
        )?;
        writeln!(out, "\nwith decay: angle of a step at rest, in radians")?;
        writeln!(
            out,
            "rate  decay  first weights                     angle   √(2 rate decay)   ‖w‖ at the end"
        )?;
        for decayed in &self.decayed {
            let length = decayed.seeds.iter().filter_map(|seed| seed.length.last());
            writeln!(
                out,
                "{:>4}  {:>5}  {:>13}  {:>24}   {:>15.4}   {:>14.3}",
                decayed.rate,
                decayed.decay,
                format!("× {}", decayed.size),
                format!("{:.4}", decayed.angle()),
                decayed.theory(),
                decayed.size * Interval::of(length.map(|(_, length)| *length)).mean,
            )?;
        }
        writeln!(out, "{}", said(&self.criteria()))?;
        Ok(())
    }

    fn figures(&self, lang: Lang) -> Result<Vec<Figure>> {
        // How the length forgets where it came from, for the first pair, and the angle for all.
        let lengths: Vec<(f64, Vec<figures::Interval>)> = self
            .decayed
            .iter()
            .filter(|d| (d.rate, d.decay) == PAIRS[0])
            .map(|decayed| {
                let looks = decayed.seeds.first().map_or(&[][..], |s| &s.length).iter().enumerate();
                let points = looks.map(|(i, &(step, _))| {
                    let at = decayed.seeds.iter().filter_map(|seed| seed.length.get(i));
                    Interval::of(at.map(|(_, length)| decayed.size * length)).at(step as f64)
                });
                (decayed.size, points.collect())
            })
            .collect();
        let labels: Vec<_> = lengths.iter().map(|(size, _)| format!("× {size}")).collect();
        let bands: Vec<_> = lengths
            .iter()
            .zip(&labels)
            .map(|((_, points), label)| Band { label, points })
            .collect();
        let angles: Vec<(f64, f64)> =
            self.decayed.iter().map(|d| (d.rate * d.decay, d.angle().mean)).collect();
        let angles = Series { label: "", points: &angles };
        Ok(vec![("scale_invariance", draw::scale_invariance(&bands, &angles, lang))])
    }
}
