//! Does it matter to a network by which formula the variance is computed?
//!
//! # The experiment
//! A batch normalization stands at the input of a small network that learns the digits: it gets the pixels as
//! they are, whole numbers from 0 to 16, with an offset added to all of them. The offset is a power of two, so
//! that nothing is rounded by adding it, and it is the same information with any. Each pixel is normalized over
//! the batch of [`BATCH`] by the library, or in f32 by its mean and
//!
//! - ⟨(x − μ)²⟩, in two passes;
//! - ⟨x²⟩ − μ², in one pass;
//! - max(0, ⟨x²⟩ − μ²), what Flax does unless told otherwise;
//!
//! with running averages of both for validation and test images, which begin with the first batch rather than
//! with 0 and 1, from where they would need long to reach an offset. At the input no gradient has to go through
//! the layer, so that nothing but the formula of the variance differs. There is no γ and no β. All ways and
//! offsets have the same seeds, images, first weights, batches and [`RATES`], falling to 0 along a straight
//! line; of each the rate counts that is best on validation images. Test images choose nothing. A network of
//! which the loss is no number is wrong about everything.
//!
//! What follows from the formulas: the error of one pass is about u κ², and at most (3n + 3) u κ², where κ² is
//! 1 + μ²/σ², u = 2⁻²⁴ and n = 64. Values within 0 … 16 have σ ≤ 8. So at the offset 2¹⁵ every pixel has
//! κ ≥ 2¹² and u κ² ≥ 1, and no digit of any variance is right. At 2⁶ and σ = 4 it is at most 0.4 %. Between
//! the two nothing is predicted.
//!
//! Written down before the first run. Over the seeds, with Student's 95 % interval of differences of test
//! error within a seed:
//!
//! 1. *exact*: the library and two passes: at each offset less at none: within 1 point of 0;
//! 2. *not before*: one pass, clamped and not: at 2⁶ less at none: within 1 point of 0;
//! 3. *lost as predicted*: one pass: at 2¹⁵ less at none: above 1 point;
//! 4. *not repaired*: one pass, clamped: the same.
//!
//! All four: reproduced. Some: partly. None: did not reproduce.

use super::common::data::{Data, Set};
use super::common::interval::Interval;
use super::common::search::{Images, Split, batches, best, right};
use super::common::{
    Criteria, Experiment, Figure, Lang, Result, Settings, over_seeds, said, spaced,
};
use super::{one_pass, two_pass};
use batchnorm::batch_norm::{Average, BatchNorm, Config};
use batchnorm::nn::activation::Activation;
use batchnorm::nn::init::Init;
use batchnorm::nn::linear::Linear;
use batchnorm::nn::loss::softmax_cross_entropy;
use batchnorm::nn::random::Random;
use batchnorm::nn::sequential::{Layer, Sequential};
use batchnorm::nn::sgd::Momentum;
use figures::{Band, numerics as draw};
use ndarray::{Array1, Array2, Axis, Ix2};
use serde::{Deserialize, Serialize};
use std::fmt::Write;

const BATCH: usize = 64;
const HIDDEN: usize = 32;
const RATES: [f64; 3] = [0.03, 0.1, 0.3];
const OFFSETS: [f32; 5] = [0.0, 64.0, 512.0, 4096.0, 32768.0];
const EPS: f32 = 1e-5;
const MOMENTUM: f32 = 0.1;

/// How the variance is computed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Way {
    Library,
    TwoPasses,
    OnePass,
    Clamped,
}

const WAYS: [Way; 4] = [Way::Library, Way::TwoPasses, Way::OnePass, Way::Clamped];

/// Every number of the experiment.
#[derive(Serialize, Deserialize)]
pub struct Offset {
    #[serde(flatten)]
    images: Images,
    batch: usize,
    steps: usize,
    rates: Vec<f64>,
    offsets: Vec<Shifted>,
}

#[derive(Serialize, Deserialize)]
struct Shifted {
    offset: f32,
    /// The median over the pixels that vary of κ² = 1 + μ²/σ², in the training images of the first seed.
    condition: f64,
    ways: Vec<Side>,
}

#[derive(Serialize, Deserialize)]
struct Side {
    way: Way,
    /// One for each seed: that of the rate which validation images have chosen.
    runs: Vec<Run>,
}

/// What a network has become.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Run {
    rate: f64,
    /// Errors, in %.
    validation: f64,
    test: f64,
    /// Of the variances that two passes find positive in training, those that this way does not, in %.
    lost: f64,
}

// ANCHOR: offset
/// Batch normalization in f32 by the formula of one's choice, at the input: forward alone.
struct Own {
    variance: fn(&[f32]) -> f32,
    running: [Array1<f32>; 2],
    batches: i32,
    /// How many variances were positive, and of those, how many `variance` has found.
    positive: [usize; 2],
}

impl Own {
    fn train(&mut self, mut x: Array2<f32>) -> Array2<f32> {
        self.batches += 1;
        let m = x.nrows() as f32;
        // The weight of Average::BiasCorrected.
        let p = MOMENTUM / (1.0 - libm::powf(1.0 - MOMENTUM, self.batches as f32));
        let [running_mean, running_var] = &mut self.running;
        for (i, mut column) in x.columns_mut().into_iter().enumerate() {
            let values = column.to_vec();
            let (mean, var) = (super::mean(values.iter().copied()), (self.variance)(&values));
            let positive = two_pass(&values) > 0.0;
            self.positive[0] += usize::from(positive);
            self.positive[1] += usize::from(positive && var > 0.0);
            running_mean[i] += p * (mean - running_mean[i]);
            running_var[i] += p * (var * m / (m - 1.0) - running_var[i]);
            column.mapv_inplace(|x| (x - mean) / (var + EPS).sqrt());
        }
        x
    }

    fn apply(&self, x: &Array2<f32>) -> Array2<f32> {
        let [mean, var] = &self.running;
        (x - mean) / var.mapv(|var| (var + EPS).sqrt())
    }
}
// ANCHOR_END: offset

/// The normalization at the input.
enum Norm {
    Library(BatchNorm<f32>),
    Own(Own),
}

impl Norm {
    fn new(way: Way, pixels: usize) -> Result<Norm> {
        let variance = match way {
            Way::Library => {
                let average = Average::BiasCorrected { momentum: MOMENTUM };
                let config = Config { eps: EPS, average, affine: false, ..Config::default() };
                return Ok(Norm::Library(BatchNorm::with(pixels, config)?));
            }
            Way::TwoPasses => two_pass,
            Way::OnePass => one_pass,
            Way::Clamped => |x: &[f32]| one_pass(x).max(0.0),
        };
        let running = [Array1::zeros(pixels), Array1::ones(pixels)];
        Ok(Norm::Own(Own { variance, running, batches: 0, positive: [0; 2] }))
    }

    fn train(&mut self, x: Array2<f32>) -> Result<Array2<f32>> {
        Ok(match self {
            Norm::Library(bn) => bn.train(x)?.0,
            Norm::Own(own) => own.train(x),
        })
    }

    /// In %.
    fn lost(&self) -> f64 {
        match self {
            Norm::Own(Own { positive: [all, found], .. }) if *all > 0 => {
                100.0 * (1.0 - *found as f64 / *all as f64)
            }
            _ => 0.0,
        }
    }
}

/// In %, by the running averages.
fn error(norm: &Norm, model: &Sequential<f32>, set: &Set, offset: f32) -> Result<f64> {
    let x = &set.pixels + offset;
    let x = match norm {
        Norm::Library(bn) => bn.freeze()?.apply(&x)?,
        Norm::Own(own) => own.apply(&x),
    };
    let logits = model.freeze()?.apply(&x.into_dyn())?.into_dimensionality::<Ix2>()?;
    Ok(set.wrong(right(&logits, &set.labels)))
}

fn train(way: Way, offset: f32, split: &Split, rate: f64, steps: usize) -> Result<Run> {
    let Split { seed, training, validation, test } = split;
    let classes = training.classes();
    let (pixels, random) = (training.pixels.ncols(), &mut Random::new(*seed));
    let layers = vec![
        Layer::Linear(Linear::random((pixels, HIDDEN), true, Init::He, random)?),
        Layer::Activation(Activation::Relu),
        Layer::Linear(Linear::random((HIDDEN, classes), true, Init::Xavier, random)?),
    ];
    let mut model = Sequential::new(&[pixels], layers)?;
    let (mut norm, mut sgd) = (Norm::new(way, pixels)?, Momentum::new(rate, 0.0, 0.0)?);
    let order = &mut Random::new(seed ^ 0xba7c4);
    for (i, (x, labels)) in batches(training, BATCH, order).take(steps).enumerate() {
        sgd.set_rate(rate * (1.0 - i as f64 / steps as f64))?;
        let x = norm.train(x + offset)?;
        let (logits, tape) = model.train(x.into_dyn(), random)?;
        let (loss, dy) = softmax_cross_entropy(&logits.into_dimensionality::<Ix2>()?, &labels)?;
        if !loss.is_finite() {
            return Ok(Run { rate, validation: 100.0, test: 100.0, lost: norm.lost() });
        }
        let gradients = tape.backward(&dy.into_dyn())?;
        model.step(&gradients, &mut sgd)?;
    }
    let error = |set| error(&norm, &model, set, offset);
    Ok(Run { rate, validation: error(validation)?, test: error(test)?, lost: norm.lost() })
}

/// Images in whole numbers.
fn whole(data: &Data, seed: u64, at_most: usize) -> Split {
    let split = data.split(seed);
    let set = |mut rows: Vec<usize>| {
        rows.truncate(at_most);
        let mut set = data.rows(&rows);
        set.pixels.mapv_inplace(|x| (16.0 * x).round());
        set
    };
    let [training, validation, test] = [split.training, split.validation, split.test].map(set);
    Split { seed, training, validation, test }
}

/// The median of κ² over the pixels that vary.
fn condition(images: &Set, offset: f32) -> f64 {
    let pixels = images.pixels.mapv(f64::from);
    let (mean, var) = (pixels.mean_axis(Axis(0)), pixels.var_axis(Axis(0), 0.0));
    let both = mean.iter().flatten().zip(&var).filter(|(_, var)| **var > 0.0);
    let condition = |(mean, var): (&f64, &f64)| {
        let mean = mean + f64::from(offset);
        1.0 + mean * mean / var
    };
    let mut all: Vec<f64> = both.map(condition).collect();
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
}

impl Experiment for Offset {
    const SEEDS: (usize, usize) = (8, 2);

    fn run(settings: &Settings) -> Result<Self> {
        let (data, steps) = (&settings.data, settings.pick(10, 150, 150));
        let at_most = settings.pick(100, 2000, 2000);
        let splits: Vec<_> =
            settings.seeds.iter().map(|&seed| whole(data, seed, at_most)).collect();
        let first = splits.first().ok_or("no seed")?;
        let sides: Vec<_> =
            OFFSETS.into_iter().flat_map(|offset| WAYS.map(|way| (offset, way))).collect();
        let each = |(offset, way), split: &Split| {
            best(RATES, |rate| train(way, offset, split, rate, steps), |run| run.validation)
        };
        let mut runs = over_seeds(settings, &sides, &splits, each)?.into_iter();
        let shifted = |offset| {
            let ways = WAYS.into_iter().zip(runs.by_ref());
            let ways = ways.map(|(way, runs)| Side { way, runs }).collect();
            Shifted { offset, condition: condition(&first.training, offset), ways }
        };
        let images = [&first.training, &first.validation, &first.test].map(|set| set.labels.len());
        Ok(Offset {
            images: Images::of(data, images),
            batch: BATCH,
            steps,
            rates: RATES.into(),
            offsets: OFFSETS.map(shifted).into(),
        })
    }

    fn criteria(&self) -> Criteria {
        let [_, least, .., most] = OFFSETS;
        let within = |way, offset| {
            let more = self.more(way, offset);
            more.within(1.0)
        };
        let exact = |way| OFFSETS.into_iter().all(|offset| within(way, offset));
        vec![
            ("exact", exact(Way::Library) && exact(Way::TwoPasses)),
            ("not before", within(Way::OnePass, least) && within(Way::Clamped, least)),
            ("lost as predicted", self.more(Way::OnePass, most).above(1.0)),
            ("not repaired", self.more(Way::Clamped, most).above(1.0)),
        ]
    }

    fn table(&self, out: &mut String) -> Result {
        let seeds = self.runs(Way::Library, 0.0).count();
        let rates = spaced(self.rates.iter().copied());
        writeln!(
            out,
            "{}: {}; {} steps, batches of {}",
            self.images.data, self.images, self.steps, self.batch
        )?;
        writeln!(out, "rates tried: {}; {seeds} seeds, mean and 95 % interval over them", rates)?;
        writeln!(
            out,
            "\nu κ² is that of the median pixel; lost: positive variances that do not come out so"
        )?;
        let head = "offset   u κ²  variance by             test error, %";
        writeln!(out, "{head}    less at none, points  lost, %")?;
        for Shifted { offset, condition, ways } in &self.offsets {
            let u = f64::from(f32::EPSILON) / 2.0;
            let mut first = format!("{offset:6} {:>6}", format!("{:.0e}", u * condition));
            for side in ways {
                let over = |of: fn(&Run) -> f64| Interval::of(side.runs.iter().map(of));
                writeln!(
                    out,
                    "{first:13}  {:17}{:>22}{:>24}{:9.1}",
                    side.way.name(Lang::En),
                    format!("{:.1}", over(|run| run.test)),
                    format!("{:+.1}", self.more(side.way, *offset)),
                    over(|run| run.lost).mean
                )?;
                first.clear();
            }
        }
        writeln!(out, "{}", said(&self.criteria()))?;
        Ok(())
    }

    fn figures(&self, lang: Lang) -> Result<Vec<Figure>> {
        let names: Vec<_> = self.offsets.iter().map(|shifted| shifted.offset.to_string()).collect();
        let line = |way| {
            let at = |(i, offset): (usize, f32)| {
                Interval::of(self.runs(way, offset).map(|run| run.test)).at(i as f64)
            };
            OFFSETS.into_iter().enumerate().map(at).collect::<Vec<_>>()
        };
        let lines = WAYS.map(|way| (way.name(lang), line(way)));
        let bands = lines.each_ref().map(|(label, points)| Band { label, points });
        Ok(vec![("offset", draw::offset(&names, &bands, lang))])
    }
}

impl Offset {
    fn runs(&self, way: Way, offset: f32) -> impl Iterator<Item = &Run> {
        let shifted = self.offsets.iter().filter(move |shifted| shifted.offset == offset);
        let sides = shifted.flat_map(|shifted| &shifted.ways);
        sides.filter(move |side| side.way == way).flat_map(|side| &side.runs)
    }

    /// Test error at an offset less at none, within a seed.
    fn more(&self, way: Way, offset: f32) -> Interval {
        let pairs = self.runs(way, offset).zip(self.runs(way, 0.0));
        Interval::of(pairs.map(|(with, without)| with.test - without.test))
    }
}

impl Way {
    fn name(self, lang: Lang) -> &'static str {
        match self {
            Way::Library => lang.pick("이 책", "the library"),
            Way::TwoPasses => lang.pick("두 번 훑기", "two passes"),
            Way::OnePass => lang.pick("한 번 훑기", "one pass"),
            Way::Clamped => lang.pick("한 번 훑고 0에서 자름", "one pass, clamped"),
        }
    }
}
