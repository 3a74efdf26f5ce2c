//! Training a network written by hand, at one rate.

use super::Result;
use super::connected::{Network, Part};
use super::data::Set;
use super::search::{Split, batches, right};
use batchnorm::nn::random::Random;
use ndarray::{ArrayD, Axis};
use serde::{Deserialize, Serialize};

pub const BATCH: usize = 64;

/// What has become of it. Errors are in %.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Run {
    pub rate: f64,
    pub validation: f64,
    pub test: f64,
}

impl Run {
    /// Of a network trained at this rate.
    pub fn of(network: &Network<f32>, split: &Split, rate: f64) -> Result<Run> {
        let [validation, test] = [error(network, &split.validation)?, error(network, &split.test)?];
        Ok(Run { rate, validation, test })
    }

    /// One that has diverged is wrong about everything.
    pub fn diverged(rate: f64) -> Run {
        Run { rate, validation: 100.0, test: 100.0 }
    }
}

/// Trains these parts, at a rate that falls to 0 along a straight line, and shows every gradient before it is
/// used, with the rate of the step. Whether the loss has been a number all the time.
pub fn train(
    network: &mut Network<f32>,
    split: &Split,
    (rate, steps): (f64, usize),
    trained: &[Part],
    mut watch: impl FnMut(&[(Part, ArrayD<f32>)], f64),
) -> Result<bool> {
    let order = &mut Random::new(split.seed ^ 0xba7c4);
    for (i, (x, labels)) in batches(&split.training, BATCH, order).take(steps).enumerate() {
        let (loss, gradients) = network.gradient(x, &labels)?;
        if !loss.is_finite() {
            return Ok(false);
        }
        let rate = rate * (1.0 - i as f64 / steps as f64);
        watch(&gradients, rate);
        network.step(&gradients, rate, trained)?;
    }
    Ok(true)
}

/// The share of images, in %, that the network in use takes for what they are not.
pub fn error(network: &Network<f32>, set: &Set) -> Result<f64> {
    Ok(set.wrong(right(&network.apply(&set.pixels)?, &set.labels)))
}

/// The same, if the images come in this order, a batch at a time, and each batch is normalized by itself.
pub fn error_by_batch(network: &Network<f32>, set: &Set, order: &[usize]) -> Result<f64> {
    let known = |batch: &[usize]| -> Result<usize> {
        let labels: Vec<_> = batch.iter().map(|&i| set.labels[i]).collect();
        Ok(right(&network.apply_by_batch(&set.pixels.select(Axis(0), batch))?, &labels))
    };
    Ok(set.wrong(order.chunks(BATCH).map(known).sum::<Result<usize>>()?))
}
