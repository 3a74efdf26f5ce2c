//! The networks of the experiments, and their training.

use super::common::data::{Data, Set};
use super::common::{Result, interval::Interval};
use super::noisy::Noise;
use batchnorm::batch_norm::{BatchNorm, Config};
use batchnorm::layer_norm::LayerNorm;
use batchnorm::nn::activation::Activation;
use batchnorm::nn::init::Init;
use batchnorm::nn::linear::{self, Linear};
use batchnorm::nn::loss::softmax_cross_entropy;
use batchnorm::nn::random::Random;
use batchnorm::nn::real::Real;
use batchnorm::nn::sgd::Sgd;
use batchnorm::norm;
use ndarray::{Array1, Array2, ArrayRef2};
use serde::{Deserialize, Serialize};

/// What stands between a linear layer and its activation.
#[derive(Clone, Debug)]
pub enum Norm<F> {
    None,
    Batch(BatchNorm<F>),
    Layer(LayerNorm<F>),
}

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    None,
    Batch,
    Layer,
}

/// How a network is built.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub depth: usize,
    pub width: usize,
    pub activation: Activation,
    pub norm: Kind,
    /// The weights of the hidden layers, and how many times as large they are.
    pub init: (Init, f64),
}

/// Hidden layers of one width, each linear, perhaps normalized, and with an activation; and a linear one.
#[derive(Clone, Debug)]
pub struct Network<F> {
    pub layers: Vec<(Linear<F>, Norm<F>)>,
    pub last: Linear<F>,
    pub activation: Activation,
    /// Shifts what comes out of each normalization, in training alone.
    pub noise: Option<Noise>,
}

/// Of a layer that may have no normalization.
type NormTape<F> = Option<norm::Tape<F, ndarray::Ix2>>;
type NormGradients<F> = Option<norm::Gradients<F, ndarray::Ix2>>;

/// The gradients of all parameters.
pub struct Gradients<F> {
    layers: Vec<(linear::Gradients<F>, NormGradients<F>)>,
    last: linear::Gradients<F>,
}

impl<F: Real> Norm<F>
where
    Config<F>: Default,
{
    fn new(kind: Kind, units: usize) -> Result<Self> {
        Ok(match kind {
            Kind::None => Norm::None,
            Kind::Batch => Norm::Batch(BatchNorm::new(units)),
            Kind::Layer => Norm::Layer(LayerNorm::new(units, F::from_f64(1e-5))?),
        })
    }

    fn train(&mut self, z: Array2<F>) -> Result<(Array2<F>, NormTape<F>)> {
        Ok(match self {
            Norm::None => (z, None),
            Norm::Batch(bn) => bn.train(z).map(|(y, tape)| (y, Some(tape)))?,
            Norm::Layer(ln) => ln.forward(z).map(|(y, tape)| (y, Some(tape)))?,
        })
    }

    fn infer(&self, z: Array2<F>) -> Result<Array2<F>> {
        Ok(match self {
            Norm::None => z,
            Norm::Batch(bn) => bn.freeze()?.apply(&z)?,
            Norm::Layer(ln) => ln.forward(z)?.0,
        })
    }
}

impl<F: Real> Network<F>
where
    Config<F>: Default,
{
    /// With or without normalization, the weights drawn are the same.
    pub fn new(shape: Shape, inputs: usize, classes: usize, seed: u64) -> Result<Self> {
        let random = &mut Random::new(seed);
        let (mut layers, mut fan_in) = (Vec::new(), inputs);
        for _ in 0..shape.depth {
            let sd = shape.init.1 * shape.init.0.sd(fan_in, shape.width);
            // β takes the place of the bias.
            let bias = shape.norm == Kind::None;
            let linear =
                Linear::random((fan_in, shape.width), bias, Init::Gaussian { sd }, random)?;
            layers.push((linear, Norm::new(shape.norm, shape.width)?));
            fan_in = shape.width;
        }
        let last = Linear::random((fan_in, classes), true, Init::Xavier, random)?;
        Ok(Network { layers, last, activation: shape.activation, noise: None })
    }

    /// The loss in training, and its gradient.
    pub fn gradient(&mut self, x: Array2<F>, labels: &[usize]) -> Result<(F, Gradients<F>)> {
        let (mut a, mut tapes) = (x, Vec::new());
        for (linear, norm) in &mut self.layers {
            let (z, linear) = linear.forward(a)?;
            let (mut z, norm) = norm.train(z)?;
            let scale = match &mut self.noise {
                Some(noise) if norm.is_some() => Some(noise.apply(&mut z)),
                _ => None,
            };
            let (y, activation) = self.activation.forward(z);
            tapes.push((linear, norm, scale, activation));
            a = y;
        }
        let (logits, last) = self.last.forward(a)?;
        let (loss, dlogits) = softmax_cross_entropy(&logits, labels)?;

        let last = last.backward(&dlogits)?;
        let (mut g, mut layers) = (last.x.clone(), Vec::new());
        while let Some((linear, norm, scale, activation)) = tapes.pop() {
            g = activation.backward(&g)?;
            if let Some(scale) = scale {
                g.rows_mut()
                    .into_iter()
                    .for_each(|mut row| row.zip_mut_with(&scale, |g, &a| *g = *g * a));
            }
            let norm = norm.map(|tape| tape.backward(&g)).transpose()?;
            let mut linear = linear.backward(norm.as_ref().map_or(&g, |norm| &norm.x))?;
            g = std::mem::replace(&mut linear.x, Array2::from_elem((0, 0), F::ZERO));
            layers.push((linear, norm));
        }
        layers.reverse();
        Ok((loss, Gradients { layers, last }))
    }

    /// w ← w − rate · gradient, for all parameters.
    pub fn step(&mut self, gradients: &Gradients<F>, rate: f64) -> Result<()> {
        let sgd = Sgd::new(rate)?;
        let update = |parameter: Option<&mut Array1<F>>, gradient: Option<&Array1<F>>| {
            let pair = parameter.zip(gradient);
            pair.map_or(Ok(()), |(parameter, gradient)| sgd.step(parameter, gradient))
        };
        sgd.step(&mut self.last.weight, &gradients.last.weight)?;
        update(self.last.bias.as_mut(), gradients.last.bias.as_ref())?;
        for ((linear, norm), (of_linear, of_norm)) in self.layers.iter_mut().zip(&gradients.layers)
        {
            sgd.step(&mut linear.weight, &of_linear.weight)?;
            update(linear.bias.as_mut(), of_linear.bias.as_ref())?;
            let (gamma, beta) = match norm {
                Norm::None => continue,
                Norm::Batch(bn) => (bn.gamma.as_mut(), bn.beta.as_mut()),
                Norm::Layer(ln) => (ln.gamma.as_mut(), ln.beta.as_mut()),
            };
            update(gamma, of_norm.as_ref().map(|norm| &norm.gamma))?;
            update(beta, of_norm.as_ref().map(|norm| &norm.beta))?;
        }
        Ok(())
    }

    /// What goes into the activations of the last hidden layer, in training: a row for each sample, a column
    /// for each unit. Leaves the network as it is.
    pub fn last_hidden_inputs(&self, x: &ArrayRef2<F>) -> Result<Array2<F>> {
        let (mut a, mut noise) = (x.to_owned(), self.noise.clone());
        for (layer, (linear, norm)) in self.layers.iter().enumerate() {
            if layer > 0 {
                a = self.activation.apply(a);
            }
            let normalized = norm.clone().train(linear.apply(&a)?)?;
            a = normalized.0;
            if let (Some(noise), Some(_)) = (&mut noise, normalized.1) {
                noise.apply(&mut a);
            }
        }
        Ok(a)
    }

    /// The share of images that the network, in inference, takes for what they are.
    pub fn accuracy(&self, x: &ArrayRef2<F>, labels: &[usize]) -> Result<f64> {
        let mut a = x.to_owned();
        for (linear, norm) in &self.layers {
            a = self.activation.apply(norm.infer(linear.apply(&a)?)?);
        }
        let logits = self.last.apply(&a)?;
        let right = logits.rows().into_iter().zip(labels).filter(|(row, label)| {
            // NaN is larger than nothing, so a network that has diverged is never right.
            row.iter().enumerate().all(|(i, z)| i == **label || row[**label] > *z)
        });
        Ok(right.count() as f64 / labels.len() as f64)
    }
}

impl<F: Real> Gradients<F> {
    /// All numbers, in one order.
    pub fn flat(&self) -> impl Iterator<Item = F> {
        let linear = |g: &linear::Gradients<F>| -> Vec<F> {
            g.weight.iter().chain(g.bias.iter().flatten()).copied().collect()
        };
        let all = self.layers.iter().flat_map(move |(of_linear, of_norm)| {
            let norm = of_norm.iter().flat_map(|norm| norm.gamma.iter().chain(&norm.beta));
            [linear(of_linear), norm.copied().collect()].concat()
        });
        all.chain(linear(&self.last))
    }

    pub fn weight(&self, layer: usize) -> &Array2<F> {
        &self.layers[layer].0.weight
    }
}

/// What one seed gives all sides: which image is for what, and in which order they are seen.
pub struct Track {
    data: Data,
    training: Vec<usize>,
    pub validation: Set,
    pub test: Set,
    /// Some of the training images, always the same.
    pub probe: Set,
    pub seed: u64,
}

pub const BATCH: usize = 60;
/// What counts as having learned.
pub const GOAL: f64 = 0.9;
/// Measuring must not take longer than training.
const MOST_IMAGES: usize = 1000;

/// What has become of one training.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Run {
    pub rate: f64,
    /// Accuracies after the last step.
    pub validation: f64,
    pub test: f64,
    /// The first steps with an accuracy of [`GOAL`], if there was any.
    pub validation_steps: Option<usize>,
    pub test_steps: Option<usize>,
}

impl Track {
    /// Inputs standardized by the training images of this seed.
    pub fn new(data: &Data, seed: u64) -> Track {
        let split = data.split(seed);
        let data = data.standardized(&split.training);
        let first = |rows: &[usize]| data.rows(&rows[..rows.len().min(MOST_IMAGES)]);
        let (validation, test) = (first(&split.validation), first(&split.test));
        let probe = data.rows(&split.training[..split.training.len().min(300)]);
        Track { data, training: split.training, validation, test, probe, seed }
    }

    pub fn network<F: Real>(&self, shape: Shape) -> Result<Network<F>>
    where
        Config<F>: Default,
    {
        Network::new(shape, self.data.pixels.ncols(), self.data.classes(), self.seed)
    }

    pub fn batches(&self) -> impl Iterator<Item = Set> {
        self.data.batches(&self.training, BATCH, self.seed)
    }

    /// Trains for so many steps. A network that has diverged stops there.
    pub fn train(&self, network: Network<f32>, rate: f64, steps: usize) -> Result<Run> {
        self.watch(network, rate, steps, |_, _| Ok(()))
    }

    /// As `train`, with a look at the network before each step.
    pub fn watch(
        &self,
        mut network: Network<f32>,
        rate: f64,
        steps: usize,
        mut look: impl FnMut(usize, &Network<f32>) -> Result,
    ) -> Result<Run> {
        let (mut validation_steps, mut test_steps) = (None, None);
        for (step, batch) in (1..=steps).zip(self.batches()) {
            look(step, &network)?;
            let (loss, gradients) = network.gradient(batch.pixels, &batch.labels)?;
            if !loss.is_finite() {
                break;
            }
            network.step(&gradients, rate)?;
            let every = if step <= 100 { 10 } else { 20 };
            if step.is_multiple_of(every) {
                for (set, first) in
                    [(&self.validation, &mut validation_steps), (&self.test, &mut test_steps)]
                {
                    if first.is_none() && network.accuracy(&set.pixels, &set.labels)? >= GOAL {
                        *first = Some(step);
                    }
                }
            }
        }
        let accuracy = |set: &Set| network.accuracy(&set.pixels, &set.labels);
        Ok(Run {
            rate,
            validation: accuracy(&self.validation)?,
            test: accuracy(&self.test)?,
            validation_steps,
            test_steps,
        })
    }
}

/// The run that did best on validation images: by its last accuracy.
pub fn most_accurate(runs: &[Run]) -> Option<&Run> {
    let better = |a: &&Run, b: &&Run| a.validation.total_cmp(&b.validation);
    // Of equals the first.
    runs.iter().rev().max_by(better)
}

/// The run that did best on validation images: the first at the goal, or else the most accurate.
pub fn fastest(runs: &[Run]) -> Option<&Run> {
    let there = runs.iter().filter(|run| run.validation_steps.is_some());
    there.min_by_key(|run| run.validation_steps).or(most_accurate(runs))
}

/// a − b, seed by seed.
pub fn difference(a: &[f64], b: &[f64]) -> Interval {
    Interval::of_differences(a.iter().copied(), b.iter().copied())
}

/// a/b, seed by seed.
pub fn ratio(a: &[f64], b: &[f64]) -> Interval {
    Interval::of_ratios(a.iter().zip(b).map(|(a, b)| a / b))
}
