//! Do gradients explode at initialization, with batch normalization?
//!
//! # The experiment
//! G. Yang, J. Pennington, V. Rao, J. Sohl-Dickstein, S. S. Schoenholz, "A Mean Field Theory of Batch
//! Normalization" (ICLR 2019, arXiv 1902.08129): going back through a layer of a wide network with random
//! weights, the norm of the gradient grows by
//!
//! √(π/(π−1)) = 1.2112 for ReLU and large batches,  √((B−2)/(B−3)) for no activation and B samples in a batch,
//!
//! as the width goes to infinity. A network of equally wide layers (linear, batch normalization with
//! ε = 0, activation) with Gaussian weights gets Gaussian inputs, and a Gaussian ∂L/∂y at its last layer.
//! What grows is ‖∂L/∂a‖ from layer to layer, a geometric mean over all but the first and last five.
//! ReLU layers with He's weights and without normalization are the comparison. No images are used.
//!
//! Written down before the first run, over seeds, with Student's 95 % interval, for the widest network:
//!
//! 1. *ReLU explodes*: with batch normalization and 128 samples the interval of the growth is above 1, and
//!    its mean within 1 % of 1.2112;
//! 2. *linear explodes*: with 8 samples the interval is above 1, and the mean within 1 % of √(6/5) = 1.0954;
//! 3. *not without*: without batch normalization the mean is within 1 % of 1.
//!
//! All three: reproduced. Some: partly. None: did not reproduce.

use super::common::interval::Interval;
use super::common::{Criteria, Experiment, Figure, Lang, Result, Settings, over_seeds, said};
use batchnorm::batch_norm::{BatchNorm, Config};
use batchnorm::nn::activation::Activation;
use batchnorm::nn::init::Init;
use batchnorm::nn::linear::Linear;
use batchnorm::nn::random::Random;
use figures::{Band, why_it_works as draw};
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;
use std::fmt::Write;

/// Layers at either end that are left out: there the growth is still settling.
const EDGE: usize = 5;

/// Every number of the experiment.
#[derive(Serialize, Deserialize)]
pub struct Explosion {
    depth: usize,
    networks: Vec<Networks>,
}

#[derive(Serialize, Deserialize)]
struct Networks {
    #[serde(flatten)]
    shape: Shape,
    /// For each seed ‖∂L/∂a‖ over the number of values, from the output back to the input.
    seeds: Vec<Vec<f64>>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Shape {
    width: usize,
    batch: usize,
    relu: bool,
    batch_norm: bool,
}

impl Shape {
    /// What theory says for infinite width.
    fn theory(self) -> f64 {
        let batch = self.batch as f64;
        match (self.batch_norm, self.relu) {
            (false, _) => 1.0,
            (true, true) => libm::sqrt(PI / (PI - 1.0)),
            (true, false) => libm::sqrt((batch - 2.0) / (batch - 3.0)),
        }
    }

    // ANCHOR: explosion
    /// ‖∂L/∂a‖ from the output of so many layers back to the input, over the number of values.
    fn norms(self, depth: usize, seed: u64) -> Result<Vec<f64>> {
        let random = &mut Random::new(seed);
        let mut draw =
            |rows| Array2::from_shape_simple_fn((rows, self.width), || random.gaussian() as f32);
        let (mut a, mut g) = (draw(self.batch), draw(self.batch));
        let mut layers = Vec::new();
        for _ in 0..depth {
            let init = if self.relu { Init::He } else { Init::Xavier };
            let linear = Linear::random((self.width, self.width), false, init, random)?;
            let config = Config { eps: 0.0, affine: false, ..Config::default() };
            layers.push((linear, BatchNorm::with(self.width, config)?));
        }
        let mut tapes = Vec::new();
        for (linear, bn) in &mut layers {
            let (z, linear) = linear.forward(a)?;
            let (z, bn) = match self.batch_norm {
                true => bn.train(z).map(|(y, tape)| (y, Some(tape)))?,
                false => (z, None),
            };
            let (y, relu) = match self.relu {
                true => {
                    let (y, tape) = Activation::Relu.forward(z);
                    (y, Some(tape))
                }
                false => (z, None),
            };
            tapes.push((linear, bn, relu));
            a = y;
        }
        let norm = |g: &Array2<f32>| {
            let squares: f64 = g.iter().map(|&g| f64::from(g) * f64::from(g)).sum();
            libm::sqrt(squares / g.len() as f64)
        };
        let mut norms = vec![norm(&g)];
        while let Some((linear, bn, relu)) = tapes.pop() {
            if let Some(relu) = relu {
                g = relu.backward(&g)?;
            }
            if let Some(bn) = bn {
                g = bn.backward(&g)?.x;
            }
            g = linear.backward(&g)?.x;
            norms.push(norm(&g));
        }
        Ok(norms)
    }
    // ANCHOR_END: explosion
}

impl Experiment for Explosion {
    fn run(settings: &Settings) -> Result<Self> {
        let depth = settings.pick(14, 40, 100);
        let relu = |width, batch_norm| Shape { width, batch: 128, relu: true, batch_norm };
        let linear = |width, batch| Shape { width, batch, relu: false, batch_norm: true };
        let shapes = match settings.pick(true, false, false) {
            true => vec![relu(64, true), linear(64, 8), relu(64, false)],
            false => vec![
                relu(64, true),
                relu(256, true),
                relu(1024, true),
                linear(1024, 32),
                linear(64, 8),
                linear(256, 8),
                linear(1024, 8),
                relu(1024, false),
            ],
        };
        let run = |shape: Shape, &seed: &u64| shape.norms(depth, seed);
        let networks = over_seeds(settings, &shapes, &settings.seeds, run)?;
        let networks = shapes.into_iter().zip(networks);
        let networks = networks.map(|(shape, seeds)| Networks { shape, seeds });
        Ok(Explosion { depth, networks: networks.collect() })
    }

    fn criteria(&self) -> Criteria {
        let passed = |relu, batch, batch_norm: bool| {
            self.widest(relu, batch, batch_norm).is_some_and(|networks| {
                let growth = networks.growth();
                let near = (growth.mean / networks.shape.theory() - 1.0).abs() < 0.01;
                near && (!batch_norm || growth.above(1.0))
            })
        };
        vec![
            ("ReLU explodes", passed(true, 128, true)),
            ("linear explodes", passed(false, 8, true)),
            ("not without", passed(true, 128, false)),
        ]
    }

    fn table(&self, out: &mut String) -> Result {
        let seeds = self.networks.first().map_or(0, |networks| networks.seeds.len());
        writeln!(
            out,
            "{} layers at initialization; {seeds} seeds, mean and 95 % interval over them",
            self.depth
        )?;
        writeln!(
            out,
            "units   normalization  batch  width   growth of the gradient a layer   theory   over all layers"
        )?;
        for networks in &self.networks {
            let Shape { width, batch, relu, batch_norm } = networks.shape;
            let all = Interval::of_ratios(networks.seeds.iter().map(|norms| {
                norms.last().unwrap_or(&f64::NAN) / norms.first().unwrap_or(&f64::NAN)
            }));
            writeln!(
                out,
                "{:8}{:13}  {batch:>5}  {width:>5}   {:>30}   {:.4}   {:>15.3}",
                if relu { "ReLU" } else { "linear" },
                if batch_norm { "batch" } else { "none" },
                format!("{:.4}", networks.growth()),
                networks.shape.theory(),
                all.mean
            )?;
        }
        writeln!(out, "{}", said(&self.criteria()))?;
        Ok(())
    }

    fn figures(&self, lang: Lang) -> Result<Vec<Figure>> {
        let names = lang.pick(["BN, ReLU", "BN, 선형", "ReLU"], ["BN, ReLU", "BN, linear", "ReLU"]);
        let sides = [(true, 128, true), (false, 8, true), (true, 128, false)];
        let lines: Vec<_> = sides
            .into_iter()
            .filter_map(|(relu, batch, batch_norm)| self.widest(relu, batch, batch_norm))
            .map(|networks| {
                let point = |i: usize| {
                    let at = networks.seeds.iter().filter_map(|norms| norms.get(i));
                    Interval::of_ratios(at.copied()).at(i as f64)
                };
                let points: Vec<_> = (0..=self.depth).map(point).collect();
                (networks.shape.theory(), points)
            })
            .collect();
        let bands: Vec<_> = lines
            .iter()
            .zip(names)
            .map(|((theory, points), label)| (*theory, Band { label, points }))
            .collect();
        Ok(vec![("explosion", draw::explosion(&bands, lang))])
    }
}

impl Explosion {
    fn widest(&self, relu: bool, batch: usize, batch_norm: bool) -> Option<&Networks> {
        let alike = self.networks.iter().filter(|networks| {
            let shape = networks.shape;
            (shape.relu, shape.batch, shape.batch_norm) == (relu, batch, batch_norm)
        });
        alike.max_by_key(|networks| networks.shape.width)
    }
}

impl Networks {
    /// A layer, over seeds.
    fn growth(&self) -> Interval {
        Interval::of_ratios(self.seeds.iter().map(|norms| {
            let (first, last) = (EDGE, norms.len() - 1 - EDGE);
            libm::pow(norms[last] / norms[first], 1.0 / (last - first) as f64)
        }))
    }
}
