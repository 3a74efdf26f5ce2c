//! The code of the chapter "feature_maps": which values of a convolution share a mean.

mod common;
#[path = "feature_maps/network.rs"]
mod network;
#[path = "feature_maps/places.rs"]
mod places;

use batchnorm::batch_norm::{BatchNorm, Config};
use batchnorm::definition::normalize;
use batchnorm::nn::conv2d::{Conv2d, Window};
use batchnorm::nn::random::Random;
use batchnorm::norm;
use batchnorm::split::{Plan, Split};
use common::{Figure, Lang, Result, cells, experiments};
use figures::feature_maps::View;
use ndarray::{Array4, ArrayD, array, s};
use std::fmt::Write;

fn main() -> std::process::ExitCode {
    let cells = cells![by_hand, axes, padding];
    let experiments = experiments![places: places::Places];
    common::run("feature_maps", cells, experiments, |lang, _| figures(lang))
}

// ANCHOR: by_hand
fn by_hand(out: &mut String) -> Result {
    let x = array![[[[1.0, 1.0]]], [[[4.0, 10.0]]]]; // N = 2, C = 1, H = 1, W = 2
    let mut bn = BatchNorm::with(1, Config { eps: 2.5, ..Config::default() })?;
    bn.gamma = Some(array![2.0]);
    bn.beta = Some(array![1.0]);

    let (y, tape) = bn.train(x.clone())?;

    writeln!(out, "m = {}   mean {}   var {}", tape.count(), tape.mean()[0], tape.var()[0])?;
    for n in 0..2 {
        let map = s![n, 0, 0, ..];
        writeln!(out, "n = {n}   {:2} → {:4}", x.slice(map), y.slice(map))?;
    }
    Ok(())
}
// ANCHOR_END: by_hand

// ANCHOR: axes
fn axes(out: &mut String) -> Result {
    let x = gaussian(&[2, 4, 2, 3]);
    let shape = x.shape();
    let layers = [
        ("batch", Plan::batch(shape)?, shape, vec![0, 2, 3]),
        ("layer", Plan::layer(shape)?, shape, vec![1, 2, 3]),
        ("instance", Plan::instance(shape)?, shape, vec![2, 3]),
        ("group 2", Plan::group(shape, 2)?, &[2, 2, 2, 2, 3], vec![2, 3, 4]),
        ("trailing 1", Plan::trailing(shape, 1)?, shape, vec![3]),
    ];
    writeln!(out, "            shape            mean over   outer × kept × inner    m   same")?;
    for (name, plan, shape, axes) in layers {
        let Split { outer, kept, inner } = plan.statistics();
        let (by_plan, _) = norm::forward(x.clone(), plan, None, None, 1e-5)?;
        let by_axes = normalize(&x.to_shape(shape)?.into_owned(), &axes, 1e-5);
        let same = by_plan.iter().zip(&by_axes).all(|(a, b)| (a - b).abs() < 1e-14);
        let (shape, axes, m) = (format!("{shape:?}"), format!("{axes:?}"), outer * inner);
        writeln!(
            out,
            "{name:11} {shape:16} {axes:11} {outer:5} × {kept:4} × {inner:5} {m:4}   {same}"
        )?;
    }
    Ok(())
}
// ANCHOR_END: axes

// ANCHOR: padding
fn padding(out: &mut String) -> Result {
    writeln!(out, "         padding 0      padding 1             x̂")?;
    writeln!(out, "H = W   mean    var    mean     var   corner    edge  inside")?;
    for side in [4, 8, 16, 32, 64] {
        write!(out, "{side:5}")?;
        let white = Array4::ones((1, 1, side, side));
        for padding in [0, 1] {
            let sum = Conv2d::new(
                Array4::ones((1, 1, 3, 3)),
                None,
                Window { padding, ..Window::default() },
            )?;
            let (x_hat, tape) = BatchNorm::<f64>::new(1).train(sum.apply(&white)?)?;
            write!(out, " {:6.3} {:6.3} ", tape.mean()[0], tape.var()[0])?;
            if padding == 1 {
                let [corner, edge, inside] = [[0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 1]];
                writeln!(out, "{:8.3}{:8.3}{:8.3}", x_hat[corner], x_hat[edge], x_hat[inside])?;
            }
        }
    }
    Ok(())
}
// ANCHOR_END: padding

fn gaussian(shape: &[usize]) -> ArrayD<f64> {
    let mut random = Random::new(0);
    ArrayD::from_shape_simple_fn(shape, || random.gaussian())
}

fn figures(lang: Lang) -> Result<Vec<Figure>> {
    use figures::feature_maps::cube;
    Ok(vec![("cube", cube(lang)), ("views", views(lang)?), ("padding", frame(lang)?)])
}

/// The memory of a small tensor as each layer reads it.
fn views(lang: Lang) -> Result<String> {
    let shape = [2, 4, 2, 3];
    let batch = Plan::batch(&shape)?;
    let splits = [
        (lang.pick("배치", "batch"), batch.statistics()),
        (lang.pick("층", "layer"), Plan::layer(&shape)?.statistics()),
        (lang.pick("인스턴스", "instance"), Plan::instance(&shape)?.statistics()),
        (lang.pick("그룹, G = 2", "group, G = 2"), Plan::group(&shape, 2)?.statistics()),
    ];
    let view = |(label, split)| {
        let Split { outer, kept, inner } = split;
        View { label, outer, kept, inner }
    };
    let parameters = view((lang.pick("γ와 β", "γ and β"), batch.parameters()));
    Ok(figures::feature_maps::views(&shape, &splits.map(view), &parameters, lang))
}

/// The smallest image of the cell `padding`.
fn frame(lang: Lang) -> Result<String> {
    let white = Array4::ones((1, 1, 4, 4));
    let window = Window { padding: 1, ..Window::default() };
    let sums = Conv2d::new(Array4::ones((1, 1, 3, 3)), None, window)?.apply(&white)?;
    let (x_hat, _) = BatchNorm::<f64>::new(1).train(sums.clone())?;
    let rows = |map: &Array4<f64>| -> Vec<Vec<f64>> {
        map.slice(s![0, 0, .., ..]).outer_iter().map(|row| row.to_vec()).collect()
    };
    Ok(figures::feature_maps::padding(&rows(&white), &rows(&sums), &rows(&x_hat), lang))
}
