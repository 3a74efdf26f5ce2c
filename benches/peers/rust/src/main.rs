//! What an element costs in burn and in candle, in nanoseconds: the shortest of many runs.
//!
//! Prints the lines of `peers.py`. Both begin a backward pass with ones, which costs them nothing.

use burn::backend::{Autodiff, NdArray};
use burn::module::AutodiffModule;
use burn::nn::{BatchNormConfig, GroupNormConfig, LayerNormConfig};
use burn::tensor::{Tensor, TensorData};
use candle_core::{DType, Device, ModuleT, Var};
use candle_nn::{Module, VarBuilder};
use std::hint::black_box;
use std::time::{Duration, Instant};

const TIME: Duration = Duration::from_millis(600);
const EPS: f64 = 1e-5;
const GROUPS: usize = 32;

/// The shortest time of `run`, in nanoseconds.
fn shortest<R>(mut run: impl FnMut() -> R) -> f64 {
    let (mut best, start, mut runs) = (f64::INFINITY, Instant::now(), 0);
    while runs < 5 || start.elapsed() < TIME {
        let before = Instant::now();
        let output = black_box(run());
        best = best.min(before.elapsed().as_secs_f64());
        drop(output);
        runs += 1;
    }
    best * 1e9
}

/// Numbers between −1 and 1, the same in every run.
fn values(length: usize) -> Vec<f32> {
    let mut state = 1_u32;
    let draw = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    std::iter::repeat_with(draw).take(length).collect()
}

type Training = Autodiff<NdArray<f32>>;

/// Forward, forward and backward, inference.
fn with_burn<const D: usize>(layer: &str, shape: [usize; D]) -> [f64; 3] {
    let device = Default::default();
    let data = TensorData::new(values(shape.iter().product()), shape);
    let input = || Tensor::<Training, D>::from_data(data.clone(), &device).require_grad();
    let x = input();
    let times = |forward: &dyn Fn(Tensor<Training, D>) -> Tensor<Training, D>| {
        [
            shortest(|| forward(x.clone())),
            shortest(|| {
                let y = forward(x.clone());
                (y.clone(), y.backward())
            }),
        ]
    };
    match layer {
        "batch" => {
            let norm = BatchNormConfig::new(shape[1]).with_epsilon(EPS).init::<Training>(&device);
            let [forward, both] = times(&|x| norm.forward(x));
            let (norm, x) = (norm.valid(), x.inner());
            [forward, both, shortest(|| norm.forward(x.clone()))]
        }
        "layer" => {
            let norm = LayerNormConfig::new(shape[D - 1]).init::<Training>(&device);
            let [forward, both] = times(&|x| norm.forward(x));
            [forward, both, f64::NAN]
        }
        _ => {
            let norm = GroupNormConfig::new(GROUPS, shape[1]).init::<Training>(&device);
            let [forward, both] = times(&|x| norm.forward(x));
            [forward, both, f64::NAN]
        }
    }
}

/// Forward, forward and backward, inference.
fn with_candle(layer: &str, shape: &[usize]) -> candle_core::Result<[f64; 3]> {
    let device = Device::Cpu;
    let variables = candle_nn::VarMap::new();
    let builder = VarBuilder::from_varmap(&variables, DType::F32, &device);
    let x = Var::from_vec(values(shape.iter().product()), shape, &device)?;
    let times = |forward: &dyn Fn() -> candle_core::Result<candle_core::Tensor>| {
        let both = || -> candle_core::Result<_> {
            let y = forward()?;
            let gradients = y.backward()?;
            Ok((y, gradients))
        };
        both()?;
        Ok::<_, candle_core::Error>([shortest(forward), shortest(both)])
    };
    match layer {
        "batch" => {
            let norm = candle_nn::batch_norm(shape[1], EPS, builder)?;
            let [forward, both] = times(&|| norm.forward_train(&x))?;
            let x = x.detach();
            Ok([forward, both, shortest(|| norm.forward_t(&x, false))])
        }
        "layer" => {
            let norm = candle_nn::layer_norm(shape[1], EPS, builder)?;
            // The fused operation has no gradient; `layer_norm_slow` is made of those that have one.
            let (detached, gamma) = (x.detach(), norm.weight());
            let beta = norm.bias().expect("a layer with β");
            let slow = || candle_nn::ops::layer_norm_slow(&x, gamma, beta, EPS as f32);
            let forward = shortest(|| norm.forward(&detached));
            let [_, both] = times(&slow)?;
            Ok([forward, both, f64::NAN])
        }
        _ => {
            let norm = candle_nn::group_norm(GROUPS, shape[1], EPS, builder)?;
            let [forward, both] = times(&|| norm.forward(&x))?;
            Ok([forward, both, f64::NAN])
        }
    }
}

fn report(peer: &str, layer: &str, shape: &[usize], times: [f64; 3]) {
    let elements: usize = shape.iter().product();
    let shape: Vec<_> = shape.iter().map(ToString::to_string).collect();
    let [forward, both, inference] = times.map(|ns| ns / elements as f64);
    println!("{peer} {layer} {} {forward} {both} {inference}", shape.join("x"));
}

fn of<const D: usize>(layer: &str, shape: [usize; D]) {
    report("burn", layer, &shape, with_burn(layer, shape));
    match with_candle(layer, &shape) {
        Ok(times) => report("candle", layer, &shape, times),
        Err(error) => eprintln!("candle, {layer} {shape:?}: {error}"),
    }
}

fn main() {
    of("batch", [32, 64, 56, 56]);
    of("batch", [128, 32, 28, 28]);
    of("batch", [8, 256, 14, 14]);
    of("batch", [256, 1024]);
    of("batch", [64, 784]);
    of("layer", [512, 768]);
    of("group", [8, 256, 28, 28]);
}
