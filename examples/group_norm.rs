//! The code of the chapter "group_norm": between all channels together and each by itself.

#[path = "group_norm/batch_size.rs"]
mod batch_size;
mod common;

use batchnorm::batch_norm::BatchNorm;
use batchnorm::group_norm::GroupNorm;
use batchnorm::instance_norm::InstanceNorm;
use batchnorm::layer_norm::LayerNorm;
use batchnorm::nn::conv2d::{Conv2d, Window};
use batchnorm::nn::init::Init;
use batchnorm::nn::random::Random;
use common::{Figure, Lang, Result, cells, data, experiments};
use figures::group_norm::ByBatchSize;
use ndarray::{Array4, Axis, array, s};
use std::fmt::Write;

fn main() -> std::process::ExitCode {
    let experiments = experiments![batch_size: batch_size::BatchSize];
    let cells = cells![by_hand, two_ends, noise];
    common::run("group_norm", cells, experiments, |lang, _| figures(lang))
}

// ANCHOR: by_hand
fn by_hand(out: &mut String) -> Result {
    // One image, four channels in two groups, maps of two pixels.
    let x = array![[[1.0, 1.0], [4.0, 10.0], [6.0, 6.0], [3.0, 5.0]]];
    let mut gn = GroupNorm::new(2, 4, 2.5)?;
    let (x_hat, tape) = gn.forward(x.clone())?;
    gn.gamma = Some(array![2.0, 4.0, 2.0, 4.0]);
    gn.beta = Some(array![1.0, 1.0, 0.0, 0.0]);
    let (y, _) = gn.forward(x.clone())?;

    writeln!(out, "channel  group   x         μ      v    x̂                y")?;
    for c in 0..4 {
        let (group, map) = (c / 2, s![0, c, ..]);
        let (mean, var) = (tape.mean()[group], tape.var()[group]);
        let (x, x_hat, y) = (x.slice(map), x_hat.slice(map), y.slice(map));
        writeln!(out, "{c:7} {group:6}   {x:2} {mean:4} {var:6}   {x_hat:5.2}   {y:4.1}")?;
    }
    Ok(())
}
// ANCHOR_END: by_hand

// ANCHOR: two_ends
fn two_ends(out: &mut String) -> Result {
    let mut random = Random::new(0);
    let x = Array4::from_shape_simple_fn((2, 6, 3, 3), || random.gaussian());
    let (layer, _) = LayerNorm::over_channels(6, 1e-5)?.forward(x.clone())?;
    let (instance, _) = InstanceNorm::new(6, 1e-5)?.forward(x.clone())?;
    let largest = |d: Array4<f64>| d.iter().fold(0.0, |largest: f64, d| largest.max(d.abs()));
    writeln!(out, "groups   means    m   |y − LN|   |y − IN|")?;
    for groups in 1..=6 {
        match GroupNorm::new(groups, 6, 1e-5) {
            Ok(gn) => {
                let (y, tape) = gn.forward(x.clone())?;
                let (means, m) = (tape.moments().len(), tape.count());
                let (from_layer, from_instance) = (largest(&y - &layer), largest(&y - &instance));
                writeln!(out, "{groups:6} {means:7} {m:4} {from_layer:10.3} {from_instance:10.3}")?;
            }
            Err(refused) => writeln!(out, "{groups:6}   {refused}")?,
        }
    }
    Ok(())
}
// ANCHOR_END: two_ends

// ANCHOR: noise
/// How far the output for the first image spreads over 200 batches of `m` images with it in them:
/// root mean variance, under batch normalization and under group normalization.
fn spread(maps: &Array4<f32>, m: usize) -> Result<[f32; 2]> {
    let (mut bn, gn) = (BatchNorm::new(8), GroupNorm::new(2, 8, 1e-5)?);
    let mut random = Random::new(m as u64);
    let mut outputs = [Array4::zeros((200, 8, 6, 6)), Array4::zeros((200, 8, 6, 6))];
    for i in 0..200 {
        let mates = (1..m).map(|_| 1 + random.below(maps.len_of(Axis(0)) - 1));
        let batch = maps.select(Axis(0), &[0].into_iter().chain(mates).collect::<Vec<_>>());
        let (batch_norm, group_norm) = (bn.train(batch.clone())?.0, gn.forward(batch)?.0);
        outputs[0].index_axis_mut(Axis(0), i).assign(&batch_norm.index_axis(Axis(0), 0));
        outputs[1].index_axis_mut(Axis(0), i).assign(&group_norm.index_axis(Axis(0), 0));
    }
    Ok(outputs.map(|y| f32::sqrt(y.var_axis(Axis(0), 0.0).sum() / (8.0 * 36.0))))
}

fn noise(out: &mut String) -> Result {
    let maps = maps()?;
    writeln!(out, "batch size   batch norm   · √m    group norm")?;
    for m in [2, 4, 8, 16, 32, 64] {
        let [batch, group] = spread(&maps, m)?;
        let flat = batch * (m as f32).sqrt();
        writeln!(out, "{m:10} {batch:12.4} {flat:6.3} {group:13.4}")?;
    }
    Ok(())
}
// ANCHOR_END: noise

/// Eight feature maps of 400 digits: a random convolution of 3 × 3.
fn maps() -> Result<Array4<f32>> {
    let pixels = data::load(None)?.pixels.slice_move(s![..400, ..]);
    let images = pixels.into_shape_with_order((400, 1, 8, 8))?;
    let mut random = Random::new(0);
    let convolution =
        Conv2d::random([8, 1, 3, 3], false, Window::default(), Init::He, &mut random)?;
    Ok(convolution.apply(&images)?)
}

fn figures(lang: Lang) -> Result<Vec<Figure>> {
    use figures::group_norm::{noise, published, spectrum};
    let maps = maps()?;
    let mut measured = Vec::new();
    for batch_size in [2, 4, 8, 16, 32, 64] {
        let [batch, group] = spread(&maps, batch_size)?;
        measured.push(ByBatchSize { batch_size, batch: batch.into(), group: group.into() });
    }
    // Wu & He (2018), table 2: ResNet-50, validation error on ImageNet.
    let errors =
        [(32, 23.6, 24.1), (16, 23.7, 24.2), (8, 24.8, 24.0), (4, 27.3, 24.2), (2, 34.7, 24.1)];
    let errors = errors.map(|(batch_size, batch, group)| ByBatchSize { batch_size, batch, group });
    Ok(vec![
        ("spectrum", spectrum(6, lang)),
        ("published", published(&errors, lang)),
        ("noise", noise(&measured, lang)),
    ])
}
