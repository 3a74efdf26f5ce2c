//! Does a deep residual network train without normalization, if only its branches start small?
//!
//! # The experiment
//! As H. Zhang, Y. N. Dauphin, T. Ma, "Fixup Initialization" (ICLR 2019, arXiv 1901.09321) and S. De,
//! S. L. Smith, "Batch Normalization Biases Residual Blocks Towards the Identity Function" (NeurIPS 2020,
//! arXiv 2002.10444), but small: residual networks of [`BLOCKS`] blocks, whose branches are two linear
//! layers of [`WIDTH`] units with He's weights and a ReLU before each, learn the digits. Four ways: plain;
//! with batch normalization before each ReLU of a branch; with Fixup's initialization (zero last layers,
//! inner ones scaled, no scalars); with SkipInit. All have the same seeds, images, first weights before
//! scaling, batches and [`RATES`], falling to 0 along a straight line. Of each way and seed the rate counts
//! that is best on validation images; test images choose nothing.
//!
//! Written down before the first run: a network *trains* if 90 % of test images are classified rightly after
//! the last step. Over the seeds, with Student's 95 % interval of test accuracy:
//!
//! 1. *shallow, plain trains*: with 2 blocks the interval is above 90 %;
//! 2. *deep, plain fails*: with 24 blocks it is below 90 %;
//! 3. *deep, batch norm trains*, *Fixup trains*, *SkipInit trains*: with 24 blocks above 90 %.
//!
//! All five: reproduced. Some: partly. None: did not reproduce.

use super::common::data::Set;
use super::common::interval::Interval;
use super::common::search::{Split, batches, chosen, right};
use super::common::{Criteria, Experiment, Figure, Lang, Result, Settings, over_seeds, said};
use batchnorm::batch_norm::BatchNorm;
use batchnorm::fixup::Fixup;
use batchnorm::nn::activation::Activation::Relu;
use batchnorm::nn::init::Init;
use batchnorm::nn::linear::{Gradients, Linear};
use batchnorm::nn::loss::softmax_cross_entropy;
use batchnorm::nn::random::Random;
use batchnorm::nn::sgd::Sgd;
use batchnorm::skip_init::SkipInit;
use figures::{Band, why_it_works as draw};
use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};
use std::fmt::Write;

const BLOCKS: [usize; 2] = [2, 24];
const WIDTH: usize = 32;
const RATES: [f64; 5] = [0.0001, 0.001, 0.01, 0.1, 1.0];
const WAYS: [Way; 4] = [Way::Plain, Way::Batch, Way::Fixup, Way::Skip];
const BATCH: usize = 64;
const GOAL: f64 = 0.9;

/// What is done about the size of the branches.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Way {
    Plain,
    Batch,
    Fixup,
    Skip,
}

/// Every number of the experiment.
#[derive(Serialize, Deserialize)]
pub struct Deep {
    data: String,
    steps: usize,
    rates: Vec<f64>,
    /// All ways of the first depth, then of the second.
    networks: Vec<Networks>,
}

#[derive(Serialize, Deserialize)]
struct Networks {
    blocks: usize,
    way: Way,
    /// For each seed a run at each rate.
    seeds: Vec<Vec<Run>>,
}

/// Shares of images that are classified rightly.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Run {
    validation: f64,
    test: f64,
}

// ANCHOR: deep
/// x + α · last(ReLU(norm₂(first(ReLU(norm₁(x)))))), the norms only with batch normalization.
struct Block {
    norms: Option<[BatchNorm<f32>; 2]>,
    first: Linear<f32>,
    last: Linear<f32>,
    end: SkipInit<f32>,
}

/// The gradients of a block: its layers, α, and γ and β of each norm.
struct Slopes {
    first: Gradients<f32>,
    last: Gradients<f32>,
    alpha: f32,
    norms: Vec<[Option<Array1<f32>>; 2]>,
}

type Backward<'a> = Box<dyn FnOnce(Array2<f32>) -> Result<(Array2<f32>, Slopes)> + 'a>;

impl Block {
    fn train(&mut self, x: Array2<f32>) -> Result<(Array2<f32>, Backward<'_>)> {
        let Block { norms, first, last, end } = self;
        let [one, two] = match norms {
            Some([one, two]) => [Some(one), Some(two)],
            None => [None, None],
        };
        let skip = x.clone();
        let (x, norm_one) = normalize(one, x)?;
        let (x, relu_one) = Relu.forward(x);
        let (x, linear_one) = first.forward(x)?;
        let (x, norm_two) = normalize(two, x)?;
        let (x, relu_two) = Relu.forward(x);
        let (x, linear_two) = last.forward(x)?;
        let (y, sum) = end.forward(skip, x)?;
        let backward = move |dy: Array2<f32>| -> Result<_> {
            let sum = sum.backward(&dy)?;
            let mut last = linear_two.backward(&sum.branch)?;
            let mut norms = Vec::new();
            let d = relu_two.backward(&std::mem::take(&mut last.x))?;
            let d = back(norm_two, d, &mut norms)?;
            let mut first = linear_one.backward(&d)?;
            let d = relu_one.backward(&std::mem::take(&mut first.x))?;
            let d = back(norm_one, d, &mut norms)?;
            Ok((sum.skip + d, Slopes { first, last, alpha: sum.alpha, norms }))
        };
        Ok((y, Box::new(backward)))
    }
}
// ANCHOR_END: deep

impl Block {
    fn apply(&self, x: Array2<f32>) -> Result<Array2<f32>> {
        let frozen = |i: usize, x: Array2<f32>| -> Result<Array2<f32>> {
            Ok(match &self.norms {
                Some(norms) => norms[i].freeze()?.apply(&x)?,
                None => x,
            })
        };
        let h = self.first.apply(&Relu.apply(frozen(0, x.clone())?))?;
        let branch = self.last.apply(&Relu.apply(frozen(1, h)?))?;
        Ok(self.end.forward(x, branch)?.0)
    }

    fn step(&mut self, slopes: Slopes, way: Way, sgd: Sgd) -> Result {
        for (linear, slopes) in [(&mut self.first, slopes.first), (&mut self.last, slopes.last)] {
            step(linear, &slopes, sgd)?;
        }
        if way == Way::Skip {
            let alpha = &mut Array1::from_elem(1, self.end.alpha);
            sgd.step(alpha, &Array1::from_elem(1, slopes.alpha))?;
            self.end.alpha = alpha[0];
        }
        // The backward pass has met the second norm first.
        for (norm, [gamma, beta]) in self.norms.iter_mut().flatten().rev().zip(slopes.norms) {
            for (parameter, slope) in [(&mut norm.gamma, gamma), (&mut norm.beta, beta)] {
                if let (Some(parameter), Some(slope)) = (parameter, slope) {
                    sgd.step(parameter, &slope)?;
                }
            }
        }
        Ok(())
    }
}

type NormTape = batchnorm::norm::Tape<f32, ndarray::Ix2>;

fn normalize(
    norm: Option<&mut BatchNorm<f32>>,
    x: Array2<f32>,
) -> Result<(Array2<f32>, Option<NormTape>)> {
    let Some(norm) = norm else { return Ok((x, None)) };
    let (y, tape) = norm.train(x)?;
    Ok((y, Some(tape)))
}

fn back(
    tape: Option<NormTape>,
    dy: Array2<f32>,
    norms: &mut Vec<[Option<Array1<f32>>; 2]>,
) -> Result<Array2<f32>> {
    let Some(tape) = tape else { return Ok(dy) };
    let gradients = tape.backward(&dy)?;
    norms.push([Some(gradients.gamma), Some(gradients.beta)]);
    Ok(gradients.x)
}

fn step(linear: &mut Linear<f32>, slopes: &Gradients<f32>, sgd: Sgd) -> Result {
    sgd.step(&mut linear.weight, &slopes.weight)?;
    if let (Some(bias), Some(slope)) = (&mut linear.bias, &slopes.bias) {
        sgd.step(bias, slope)?;
    }
    Ok(())
}

struct Network {
    stem: Linear<f32>,
    blocks: Vec<Block>,
    head: Linear<f32>,
    way: Way,
}

impl Network {
    fn new(way: Way, blocks: usize, [pixels, classes]: [usize; 2], seed: u64) -> Result<Network> {
        let random = &mut Random::new(seed);
        let mut linear = |size| Linear::random(size, true, Init::He, random);
        let stem = linear((pixels, WIDTH))?;
        let block = |_| {
            let [mut first, mut last] = [linear((WIDTH, WIDTH))?, linear((WIDTH, WIDTH))?];
            if way == Way::Fixup {
                Fixup::new(blocks, 2)?.initialize(&mut [&mut first.weight, &mut last.weight])?;
            }
            let alpha = if way == Way::Skip { 0.0 } else { 1.0 };
            let norms = (way == Way::Batch).then(|| [(); 2].map(|()| BatchNorm::new(WIDTH)));
            Ok(Block { norms, first, last, end: SkipInit { alpha } })
        };
        let blocks = (0..blocks).map(block).collect::<Result<_>>()?;
        let mut head = Linear::random((WIDTH, classes), true, Init::Xavier, random)?;
        if way == Way::Fixup {
            head.weight.fill(0.0);
        }
        Ok(Network { stem, blocks, head, way })
    }

    /// One step of gradient descent; the loss before it.
    fn step(&mut self, x: Array2<f32>, labels: &[usize], sgd: Sgd) -> Result<f32> {
        let (mut x, stem) = self.stem.forward(x)?;
        let mut tapes = Vec::new();
        for block in &mut self.blocks {
            let (y, backward) = block.train(x)?;
            tapes.push(backward);
            x = y;
        }
        let (x, relu) = Relu.forward(x);
        let (logits, head) = self.head.forward(x)?;
        let (loss, dy) = softmax_cross_entropy(&logits, labels)?;

        let head = head.backward(&dy)?;
        let mut d = relu.backward(&head.x)?;
        let mut slopes = Vec::new();
        for backward in tapes.into_iter().rev() {
            let (dx, of_block) = backward(d)?;
            slopes.push(of_block);
            d = dx;
        }
        let stem = stem.backward(&d)?;
        step(&mut self.stem, &stem, sgd)?;
        step(&mut self.head, &head, sgd)?;
        for (block, slopes) in self.blocks.iter_mut().rev().zip(slopes) {
            block.step(slopes, self.way, sgd)?;
        }
        Ok(loss)
    }

    /// The share of images that are classified rightly; a network that has diverged is right about none.
    fn accuracy(&self, set: &Set) -> Result<f64> {
        let mut x = self.stem.apply(&set.pixels)?;
        for block in &self.blocks {
            match block.apply(x) {
                Ok(y) => x = y,
                Err(_) => return Ok(0.0),
            }
        }
        let logits = self.head.apply(&Relu.apply(x))?;
        Ok(right(&logits, &set.labels) as f64 / set.labels.len() as f64)
    }
}

/// A network after all steps, or as far as its loss is a number.
fn train((blocks, way): (usize, Way), split: &Split, rate: f64, steps: usize) -> Result<Run> {
    let classes = split.training.classes();
    let mut network =
        Network::new(way, blocks, [split.training.pixels.ncols(), classes], split.seed)?;
    let order = &mut Random::new(split.seed ^ 0xba7c4);
    for (i, (x, labels)) in batches(&split.training, BATCH, order).take(steps).enumerate() {
        let sgd = Sgd::new(rate * (1.0 - i as f64 / steps as f64))?;
        match network.step(x, &labels, sgd) {
            Ok(loss) if loss.is_finite() => {}
            // The layers refuse numbers that are none.
            _ => return Ok(Run { validation: 0.0, test: 0.0 }),
        }
    }
    let [validation, test] = [&split.validation, &split.test];
    Ok(Run { validation: network.accuracy(validation)?, test: network.accuracy(test)? })
}

impl Experiment for Deep {
    fn run(settings: &Settings) -> Result<Self> {
        let steps = settings.pick(10, 200, 200);
        let images = settings.pick([160, 100, 100], [1037, 260, 500], [1037, 260, 500]);
        let splits = Split::for_seeds(settings, images)?;
        let sides: Vec<_> =
            BLOCKS.into_iter().flat_map(|blocks| WAYS.map(|way| (blocks, way))).collect();
        let each = |side, split: &Split| -> Result<Vec<Run>> {
            RATES.into_iter().map(|rate| train(side, split, rate, steps)).collect()
        };
        let runs = over_seeds(settings, &sides, &splits, each)?;
        let networks = sides.into_iter().zip(runs);
        let networks = networks.map(|((blocks, way), seeds)| Networks { blocks, way, seeds });
        let networks = networks.collect();
        Ok(Deep { data: settings.data.name.clone(), steps, rates: RATES.into(), networks })
    }

    fn criteria(&self) -> Criteria {
        let best: Vec<Interval> = self.networks.iter().map(|n| Interval::of(n.chosen())).collect();
        let above = |i: usize| best.get(i).is_some_and(|accuracy| accuracy.above(GOAL));
        vec![
            ("shallow, plain trains", above(0)),
            ("deep, plain fails", best.get(4).is_some_and(|accuracy| accuracy.below(GOAL))),
            ("deep, batch norm trains", above(5)),
            ("deep, Fixup trains", above(6)),
            ("deep, SkipInit trains", above(7)),
        ]
    }

    fn table(&self, out: &mut String) -> Result {
        let seeds = self.networks.first().map_or(0, |networks| networks.seeds.len());
        writeln!(
            out,
            "{}; {} steps; {seeds} seeds; test accuracy in %, mean and 95 % interval",
            self.data, self.steps
        )?;
        for depth in self.networks.chunks_exact(WAYS.len()) {
            writeln!(out, "\n{} blocks", depth[0].blocks)?;
            let mut row = |name: &str, cells: Vec<String>| {
                let cells: String = cells.iter().map(|cell| format!("{cell:>17}")).collect();
                writeln!(out, "{name:6}{cells}")
            };
            row("rate", ["plain", "batch norm", "Fixup", "SkipInit"].map(String::from).into())?;
            let percent =
                |of: Vec<f64>| format!("{:.0}", Interval::of(of.iter().map(|a| 100.0 * a)));
            for (i, rate) in self.rates.iter().enumerate() {
                let at = |n: &Networks| percent(n.seeds.iter().map(|runs| runs[i].test).collect());
                row(&format!("{rate:>6}"), depth.iter().map(at).collect())?;
            }
            row("chosen", depth.iter().map(|n| percent(n.chosen())).collect())?;
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
        let names = ["그대로", "배치 정규화", "Fixup", "SkipInit"];
        let names = lang.pick(names, ["plain", "batch norm", "Fixup", "SkipInit"]);
        let depths: Vec<(usize, Vec<Band>)> = BLOCKS
            .into_iter()
            .zip(curves.chunks_exact(WAYS.len()))
            .map(|(blocks, curves)| {
                let band = |(label, points)| Band { label, points };
                let bands = names.into_iter().zip(curves.iter().map(Vec::as_slice)).map(band);
                // Two in each block, and the one before them.
                (2 * blocks + 1, bands.collect())
            })
            .collect();
        Ok(vec![("deep", draw::learning_rates(&depths, lang))])
    }
}

impl Networks {
    /// Test accuracy, for each seed, at the rate that is best on validation images.
    fn chosen(&self) -> Vec<f64> {
        let best = self.seeds.iter().filter_map(|runs| chosen(runs, |run| -run.validation));
        best.map(|run| run.test).collect()
    }
}
