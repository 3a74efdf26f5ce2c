//! What an element costs: `cargo bench` prints nanoseconds an element, and how many times as long as
//! copying as many bytes once, for the shapes of `benches/README.md`.
//!
//! Every number is the shortest of many runs: what the machine does besides can only make a run longer.
//! `cargo bench -- --lines` prints lines for `benches/peers/table.py` in place of the tables.

use batchnorm::affine::Affine;
use batchnorm::batch_norm::BatchNorm;
use batchnorm::folding::into_previous;
use batchnorm::group_norm::GroupNorm;
use batchnorm::layer_norm::LayerNorm;
use batchnorm::nn::conv2d::{Conv2d, Window};
use batchnorm::nn::product::product;
use batchnorm::norm::Tape;
use ndarray::{Array2, Array4, ArrayD};
#[cfg(feature = "parallel")]
use rayon::prelude::*;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// How long the repetitions of one number go on, at least.
const TIME: Duration = Duration::from_millis(600);

/// The shortest time, in seconds, of `run` on what `prepare` makes.
fn shortest<T, R>(mut prepare: impl FnMut() -> T, mut run: impl FnMut(T) -> R) -> f64 {
    let (mut best, start, mut runs) = (f64::INFINITY, Instant::now(), 0);
    while runs < 10 || start.elapsed() < TIME {
        let input = black_box(prepare());
        let before = Instant::now();
        let output = black_box(run(input));
        best = best.min(before.elapsed().as_secs_f64());
        drop(output);
        runs += 1;
    }
    best
}

/// Numbers between −1 and 1, the same in every run.
fn tensor(shape: &[usize], mut state: u32) -> ArrayD<f32> {
    ArrayD::from_shape_simple_fn(shape, || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    })
}

/// A layer's training forward pass: the output, and the tape for the way back.
type Forward = Box<dyn Fn(ArrayD<f32>) -> (ArrayD<f32>, Tape<f32, ndarray::IxDyn>)>;

/// A layer's name, a shape, the training forward pass, and the map of inference where it is another function.
type Layer = (&'static str, Vec<usize>, Forward, Option<Affine<f32>>);

fn layers() -> Vec<Layer> {
    let batch = |shape: &[usize]| {
        let layer = BatchNorm::<f32>::new(shape[1]);
        let map = layer.freeze().expect("a fresh layer");
        let train: Forward = Box::new(move |x| layer.clone().train(x).expect("a batch"));
        ("batch", shape.to_vec(), train, Some(map))
    };
    let ln = LayerNorm::new(768, 1e-5).expect("a valid epsilon");
    let gn = GroupNorm::new(32, 256, 1e-5).expect("32 groups of 8 channels");
    vec![
        batch(&[32, 64, 56, 56]),
        batch(&[128, 32, 28, 28]),
        batch(&[8, 256, 14, 14]),
        batch(&[256, 1024]),
        batch(&[64, 784]),
        ("layer", vec![512, 768], Box::new(move |x| ln.forward(x).expect("the features")), None),
        (
            "group",
            vec![8, 256, 28, 28],
            Box::new(move |x| gn.forward(x).expect("the channels")),
            None,
        ),
    ]
}

/// A copy, by as many threads as the kernels have.
fn copy(to: &mut [f32], from: &[f32]) {
    #[cfg(feature = "parallel")]
    {
        let size = from.len().div_ceil(rayon::current_num_threads());
        to.par_chunks_mut(size).zip(from.par_chunks(size)).for_each(|(to, from)| {
            to.copy_from_slice(from);
        });
    }
    #[cfg(not(feature = "parallel"))]
    to.copy_from_slice(from);
}

fn kernels(report: impl Fn(&str, &[usize], [f64; 4])) {
    for (name, shape, forward, map) in layers() {
        let (x, g) = (tensor(&shape, 1), tensor(&shape, 2));
        let (from, mut to) = (x.as_slice().expect("row-major"), vec![0.0; x.len()]);
        let memcpy = shortest(|| (), |()| copy(black_box(&mut to), black_box(from)));
        let training = shortest(|| x.clone(), &forward);
        let both = shortest(
            || x.clone(),
            |x| {
                let (y, tape) = forward(x);
                (y, tape.backward(&g).expect("the shape of x"))
            },
        );
        let inference = map.map_or(f64::NAN, |map| shortest(|| (), |()| map.apply(&x)));
        report(name, &shape, [memcpy, training, both, inference].map(|s| s * 1e9 / x.len() as f64));
    }
}

/// The arithmetic alone, forward and at inference: 4096 elements that stay in the first cache, and an
/// output that is there already.
///
/// These are the plainest loops that take Σ x and Σ x², and y = (x − μ)·γ/s + β, in `f64`, as one ulp for
/// |μ| ≫ σ requires.
fn arithmetic(multiply_add: impl Fn(f64, f64, f64) -> f64 + Copy) -> [f64; 2] {
    const N: usize = 4096;
    const TIMES: usize = 1000;
    let (x, mut y) = (tensor(&[N], 7), [0.0_f32; N]);
    let x: &[f32; N] = x.as_slice().and_then(|x| x.try_into().ok()).expect("a row of N");
    let arch = pulp::Arch::new();
    let sums = shortest(
        || (),
        |()| {
            for _ in 0..TIMES {
                let x = black_box(x);
                black_box(arch.dispatch(|| {
                    let (mut s, mut t) = ([0.0; 16], [0.0; 16]);
                    for x in x.as_chunks::<16>().0 {
                        for i in 0..16 {
                            let x = f64::from(x[i]);
                            (s[i], t[i]) = (s[i] + x, multiply_add(x, x, t[i]));
                        }
                    }
                    (s, t)
                }));
            }
        },
    );
    let [mean, scale, shift] = black_box([0.1, 1.2, 0.3]);
    let map = shortest(
        || (),
        |()| {
            for _ in 0..TIMES {
                let (x, y) = (black_box(x), black_box(&mut y));
                arch.dispatch(|| {
                    for i in 0..N {
                        y[i] = multiply_add(f64::from(x[i]) - mean, scale, shift) as f32;
                    }
                });
            }
        },
    );
    [sums + map, map].map(|s| s * 1e9 / (N * TIMES) as f64)
}

fn products() {
    println!("\n{:24} {:>10} {:>10} {:>7}", "product, f32", "ns/1000", "ndarray", "ratio");
    for (n, p, q) in [(64, 784, 300), (60, 100, 100), (128, 1024, 1024), (512, 512, 512)] {
        let two_axes = |shape: [usize; 2], seed| -> Array2<f32> {
            tensor(&shape, seed).into_dimensionality().expect("two axes")
        };
        let (a, b) = (two_axes([n, p], 3), two_axes([p, q], 4));
        let ours = shortest(|| (), |()| product(&a, &b).expect("shapes that fit"));
        let theirs = shortest(|| (), |()| a.dot(&b));
        let each = 1e12 / (n * p * q) as f64;
        let name = format!("{n}×{p} · {p}×{q}");
        println!("{name:24} {:10.1} {:10.1} {:7.2}", ours * each, theirs * each, ours / theirs);
    }
}

/// A convolution and the map of batch normalization after it, against the one they are folded into.
fn folding() {
    println!("\n{:24} {:>10} {:>10} {:>7}", "convolution, f32, ms", "and map", "folded", "saved");
    for (n, channels, side, kernel) in [(8, 64, 28, 3), (8, 256, 14, 1)] {
        let four_axes = |shape: [usize; 4], seed| -> Array4<f32> {
            tensor(&shape, seed).into_dimensionality().expect("four axes")
        };
        let window = Window { stride: 1, padding: kernel / 2, groups: 1 };
        let layer = |weight, bias| Conv2d::new(weight, bias, window).expect("a valid layer");
        let weight = four_axes([channels, channels, kernel, kernel], 5);
        let x = four_axes([n, channels, side, side], 6);
        let map = BatchNorm::<f32>::new(channels).freeze().expect("a fresh layer");
        let (folded, bias) = into_previous(&weight, None, &map).expect("channels that fit");
        let (plain, folded) = (layer(weight, None), layer(folded, Some(bias)));
        let two = || map.apply(&plain.apply(&x).expect("an image")).expect("the channels");
        let [two, one] =
            [shortest(|| (), |()| two()), shortest(|| (), |()| folded.apply(&x))].map(|s| s * 1e3);
        let name = format!("{n}×{channels}×{side}×{side}, {kernel}×{kernel}");
        println!("{name:24} {two:10.3} {one:10.3} {:6.1}%", 100.0 * (1.0 - one / two));
    }
}

fn main() {
    if std::env::args().any(|argument| argument == "--lines") {
        kernels(|name, shape, [memcpy, forward, both, inference]| {
            let shape: Vec<_> = shape.iter().map(ToString::to_string).collect();
            println!("here {name} {} {memcpy} {forward} {both} {inference}", shape.join("x"));
        });
        return;
    }
    println!(
        "ns an element, f32, and in brackets how many times as long as a copy of the tensor\n"
    );
    println!(
        "{:28} {:>6} {:>15} {:>18} {:>15}",
        "", "copy", "forward", "forward+backward", "inference"
    );
    kernels(|name, shape, [copy, forward, both, inference]| {
        let cell = |ns: f64| {
            if ns.is_nan() { String::new() } else { format!("{ns:.3} ({:4.1})", ns / copy) }
        };
        println!(
            "{:28} {copy:6.3} {:>15} {:>18} {:>15}",
            format!("{name} {shape:?}"),
            cell(forward),
            cell(both),
            cell(inference)
        );
    });
    let [forward, inference] = arithmetic(|a, b, c| a * b + c);
    println!("\nthe arithmetic alone: forward {forward:.3}, inference {inference:.3}");
    let [forward, inference] = arithmetic(f64::mul_add);
    println!("with fused instructions: forward {forward:.3}, inference {inference:.3}");
    products();
    folding();
}
