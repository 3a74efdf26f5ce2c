//! Training with a search for the learning rate, the same for every side of a comparison.

use super::data::{Data, Set};
use super::{Result, Settings};
use batchnorm::nn::loss::softmax_cross_entropy;
use batchnorm::nn::random::Random;
use batchnorm::nn::sequential::{Layer, Sequential};
use batchnorm::nn::sgd::Momentum;
use ndarray::{Array2, ArrayD, Axis, Ix2};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a seed gives every side: which images are for what.
#[derive(Clone)]
pub struct Split {
    pub seed: u64,
    pub training: Set,
    /// To choose by.
    pub validation: Set,
    /// To judge by.
    pub test: Set,
}

impl Split {
    /// So many images for training, for validation and to judge by; an error if there are fewer, or none
    /// of a kind is asked for. Pixels are standardized, all by the same mean and deviation, those of the
    /// training images.
    pub fn new(data: &Data, seed: u64, sizes: [usize; 3]) -> Result<Split> {
        let mut split = Split::raw(data, seed, sizes)?;
        let Split { training, validation, test, .. } = &mut split;
        let (mean, sd) = (training.pixels.mean().unwrap_or(0.0), training.pixels.std(0.0));
        for set in [training, validation, test] {
            set.pixels.mapv_inplace(|x| (x - mean) / sd);
        }
        Ok(split)
    }

    /// The same with pixels as they are, within `[0, 1]`.
    pub fn raw(data: &Data, seed: u64, sizes: [usize; 3]) -> Result<Split> {
        let [training, validation, test] = sizes;
        let (learning, judging) = data.sizes();
        if sizes.contains(&0) || training + validation > learning || test > judging {
            return Err(format!(
                "{}: {training} images for training, {validation} for validation and {test} for testing \
                 cannot be had of {learning} and {judging}",
                data.name
            )
            .into());
        }
        let (mut rows, mut last) = data.shuffled(&mut Random::new(seed));
        rows.truncate(training + validation);
        last.truncate(test);
        let choosing = rows.split_off(training);
        let [training, validation, test] = [rows, choosing, last].map(|rows| data.rows(&rows));
        Ok(Split { seed, training, validation, test })
    }

    /// One for each seed of an experiment.
    pub fn for_seeds(settings: &Settings, sizes: [usize; 3]) -> Result<Vec<Split>> {
        settings.seeds.iter().map(|&seed| Split::new(&settings.data, seed, sizes)).collect()
    }
}

/// Whose images an experiment has seen, and how many of them.
#[derive(Serialize, Deserialize)]
pub struct Images {
    pub data: String,
    training: usize,
    validation: usize,
    test: usize,
}

impl Images {
    pub fn of(data: &Data, [training, validation, test]: [usize; 3]) -> Images {
        Images { data: data.name.clone(), training, validation, test }
    }
}

impl fmt::Display for Images {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Images { training, validation, test, .. } = self;
        write!(f, "{training} training images, {validation} to choose the rate, {test} test images")
    }
}

/// How a model is trained.
#[derive(Clone, Copy)]
pub struct Recipe<'a> {
    /// Learning rates to try. In training each falls to 0 along a straight line.
    pub rates: &'a [f64],
    pub batch: usize,
    pub steps: usize,
    pub weight_decay: f64,
    /// After this step test images are looked at once more, if after any.
    pub early: Option<usize>,
}

/// What the model of the rate that did best does. Errors are in %.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Run {
    pub rate: f64,
    /// On test images after the early step, if that was asked for.
    pub early: Option<f64>,
    pub training: f64,
    pub validation: f64,
    pub test: f64,
}

impl Recipe<'_> {
    /// Trains at every rate, and judges by test images the one that is best on validation images.
    pub fn search(&self, start: &Sequential<f32>, split: &Split) -> Result<Run> {
        Ok(self.best(start, split)?.0)
    }

    /// The same, and the model itself.
    pub fn best(&self, start: &Sequential<f32>, split: &Split) -> Result<(Run, Sequential<f32>)> {
        let at = |rate| {
            let (early, model) = self.train(start, split, rate)?;
            let validation = error(&model, &split.validation)?;
            Ok((Run { rate, early, validation, training: f64::NAN, test: f64::NAN }, model))
        };
        let (run, model) = best(self.rates.iter().copied(), at, |(run, _)| run.validation)?;
        let (training, test) = (error(&model, &split.training)?, error(&model, &split.test)?);
        Ok((Run { training, test, ..run }, model))
    }

    /// The model trained at this rate, and its error after the early step. One that diverges is left as it
    /// is then.
    fn train(
        &self,
        start: &Sequential<f32>,
        split: &Split,
        rate: f64,
    ) -> Result<(Option<f64>, Sequential<f32>)> {
        let mut model = start.clone();
        let mut sgd = Momentum::new(rate, 0.0, self.weight_decay)?;
        let mut random = Random::new(split.seed ^ 0xba7c4);
        let mut order = random.clone();
        let mut early = None;
        let batches = batches(&split.training, self.batch, &mut order).take(self.steps);
        for (step, (x, labels)) in batches.enumerate() {
            sgd.set_rate(rate * (1.0 - step as f64 / self.steps as f64))?;
            let (logits, tape) = model.train(input(start, x)?, &mut random)?;
            let (loss, dy) = softmax_cross_entropy(&logits.into_dimensionality::<Ix2>()?, &labels)?;
            let gradients = tape.backward(&dy.into_dyn())?;
            model.step(&gradients, &mut sgd)?;
            if Some(step + 1) == self.early {
                early = Some(error(&model, &split.test)?);
            }
            if !loss.is_finite() {
                break;
            }
        }
        Ok((early, model))
    }
}

/// Of the runs of a seed, the first of those with the least error on validation images.
pub fn chosen<R>(runs: &[R], validation: impl Fn(&R) -> f64) -> Option<&R> {
    runs.iter().reduce(|best, run| if validation(run) < validation(best) { run } else { best })
}

/// Of the runs at these rates the one with the least error on validation images, and the first of several such.
pub fn best<R>(
    rates: impl IntoIterator<Item = f64>,
    run: impl Fn(f64) -> Result<R>,
    validation: impl Fn(&R) -> f64,
) -> Result<R> {
    let mut best: Option<R> = None;
    for rate in rates {
        let run = run(rate)?;
        if best.as_ref().is_none_or(|best| validation(&run) < validation(best)) {
            best = Some(run);
        }
    }
    best.ok_or_else(|| "no learning rate to try".into())
}

/// Rows of pixels as the model takes them: square maps, if it begins with a layer for maps.
fn input(model: &Sequential<f32>, pixels: Array2<f32>) -> Result<ArrayD<f32>> {
    let (n, side) = (pixels.nrows(), pixels.ncols().isqrt());
    Ok(match model.layers().first() {
        Some(Layer::Conv2d(_) | Layer::GroupNorm(_)) => {
            pixels.into_shape_with_order((n, 1, side, side))?.into_dyn()
        }
        _ => pixels.into_dyn(),
    })
}

/// The share of images, in %, that the model in use takes for what they are not. A model that has diverged
/// so far that it cannot be used is wrong about all.
pub fn error(model: &Sequential<f32>, set: &Set) -> Result<f64> {
    let Ok(in_use) = model.freeze() else { return Ok(100.0) };
    let mut known = 0;
    for (x, labels) in set.pixels.axis_chunks_iter(Axis(0), 500).zip(set.labels.chunks(500)) {
        let logits = in_use.apply(&input(model, x.to_owned())?)?.into_dimensionality::<Ix2>()?;
        known += right(&logits, labels);
    }
    Ok(set.wrong(known))
}

/// How many rows of logits are largest, alone, at their label.
pub fn right(logits: &Array2<f32>, labels: &[usize]) -> usize {
    let own = |(row, label): &(ndarray::ArrayView1<f32>, &usize)| {
        // NaN is larger than nothing, so a model that has diverged is never right.
        row.iter().enumerate().all(|(i, z)| i == **label || row[**label] > *z)
    };
    logits.rows().into_iter().zip(labels).filter(own).count()
}

/// Mini-batches without end, epoch after epoch in a new order each; what is left of an epoch is dropped.
pub fn batches<'a>(
    set: &'a Set,
    size: usize,
    random: &'a mut Random,
) -> impl Iterator<Item = (Array2<f32>, Vec<usize>)> + 'a {
    let size = size.clamp(1, set.labels.len().max(1));
    let mut order: Vec<usize> = Vec::new();
    std::iter::from_fn(move || {
        if order.len() < size {
            order = random.permutation(set.labels.len());
        }
        let batch = order.split_off(order.len().checked_sub(size)?);
        let labels = batch.iter().map(|&i| set.labels[i]).collect();
        Some((set.pixels.select(Axis(0), &batch), labels))
    })
}
