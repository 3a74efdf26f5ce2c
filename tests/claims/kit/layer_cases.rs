//! Random inputs for the layers.

use super::{Case, Drawn, Float, Layer, Prime, batch::scramble, mean};
use batchnorm::scalar::Field;
use ndarray::Array3;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// A number that a layer can be given.
pub trait Given: Drawn {
    /// Inputs for one of these layers.
    fn cases(layers: &'static [Layer]) -> BoxedStrategy<Case<Self>>;
}

/// N, C, S and a number of groups that divides C.
type Shape = (usize, usize, usize, usize);

/// One of the layers, and a shape with enough values for each of its means: small ones, and, as the
/// kernels work on sixteen values side by side, some with more channels and some with longer maps.
fn shapes(layers: &'static [Layer], most: usize) -> impl Strategy<Value = (Layer, Shape)> {
    let shape = prop_oneof![
        8 => (1..=3usize, 1..=6usize, 1..=4usize),
        1 => (1..=2usize, 16..=most, 1..=2usize),
        1 => (1..=2usize, 1..=3usize, 16..=most),
    ];
    (select(layers), shape, any::<u8>()).prop_filter_map("enough values", |(layer, shape, pick)| {
        let (n, c, s) = shape;
        let divisors: Vec<_> = (1..=c).filter(|&d| c.is_multiple_of(d)).collect();
        let groups = divisors[usize::from(pick) % divisors.len()];
        let (values, need) = match layer {
            Layer::Batch => (n * s, 2),
            Layer::Features | Layer::Instance => (s, 2),
            Layer::Channels | Layer::Weights => (c * s, 2),
            Layer::Group => (c / groups * s, 2),
            Layer::Rms => (s, 1),
        };
        (values >= need).then_some((layer, (n, c, s, groups)))
    })
}

/// How many γ there are.
fn parameters(layer: Layer, (n, c, s, _): Shape) -> usize {
    match layer {
        Layer::Features | Layer::Rms => s,
        Layer::Weights => n,
        _ => c,
    }
}

/// RMS normalization has no β, and weight standardization no γ either.
fn without_missing<F: Field>(case: Case<F>) -> Case<F> {
    match case.layer {
        Layer::Rms => Case { beta: case.beta.map(|_| F::ZERO), ..case },
        Layer::Weights => {
            let (gamma, beta) = (case.gamma.map(|_| F::ONE), case.beta.map(|_| F::ZERO));
            Case { gamma, beta, ..case }
        }
        _ => case,
    }
}

fn tensor<F>((n, c, s, _): Shape, values: Vec<F>) -> Array3<F> {
    Array3::from_shape_vec((n, c, s), values).expect("as many values as the shape has")
}

/// Points of the prime field: everything random, but the v and v + ε of each mean must have roots.
impl Given for Prime {
    fn cases(layers: &'static [Layer]) -> BoxedStrategy<Case<Prime>> {
        let prime = || any::<u64>().prop_map(Prime::new);
        let square = move || prime().prop_map(|v| v * v);
        let of_shape = move |(layer, shape): (Layer, Shape)| {
            let (n, c, s, groups) = shape;
            let (len, p) = (n * c * s, parameters(layer, shape));
            let numbers = (vec(prime(), len), vec(prime(), p), vec(prime(), p), prime());
            (any::<u64>(), numbers, [square(), square(), square()]).prop_map(
                move |(seed, (g, gamma, beta, eps), spare)| {
                    let mut draws = (seed..).map(|i| Prime::new(scramble(i)));
                    let (x, g) = (tensor(shape, vec![Prime::ZERO; len]), tensor(shape, g));
                    let (gamma, beta) = (gamma.into(), beta.into());
                    let mut case = Case { layer, groups, x, g, gamma, beta, eps, spare };
                    for set in case.members(None) {
                        while {
                            set.iter().for_each(|&at| case.x[at] = draws.next().expect("endless"));
                            let x: Vec<_> = set.iter().map(|&at| case.x[at]).collect();
                            let center = if layer == Layer::Rms { Prime::ZERO } else { mean(&x) };
                            let squares: Vec<_> =
                                x.iter().map(|&x| (x - center) * (x - center)).collect();
                            let var = mean(&squares);
                            !(var.is_square() && (var + eps).is_square())
                        } {}
                    }
                    without_missing(case)
                },
            )
        };
        shapes(layers, 18).prop_flat_map(of_shape).boxed()
    }
}

/// Floats: sizes over twelve orders of magnitude, means up to ten thousand deviations away from zero, ε
/// from nothing to far above the variance, values smooth, tied, or with an outlier. No values that share
/// a mean are all equal.
fn floats<F: Float + Drawn>(layers: &'static [Layer]) -> BoxedStrategy<Case<F>> {
    let values = |len: usize| {
        prop_oneof![
            2 => vec(-1.0..1.0f64, len),
            1 => vec((-2..=2i8).prop_map(f64::from), len),
            1 => vec(prop_oneof![9 => -1.0..1.0f64, 1 => Just(30.0)], len),
        ]
    };
    let eps =
        prop_oneof![Just(0.0), Just(1e-5), Just(1e-3), (-8.0..8.0f64).prop_map(|e| 10f64.powf(e))];
    let offset = prop_oneof![Just(0.0), -1.0..1.0f64, -1e4..1e4f64];
    let each = (shapes(layers, 34), -6.0..6.0f64, offset, eps, -3.0..3.0f64);
    each.prop_flat_map(move |((layer, shape), size, offset, eps, g_size)| {
        let (n, c, s, groups) = shape;
        let (len, p) = (n * c * s, parameters(layer, shape));
        let (size, g_size) = (10f64.powf(size), 10f64.powf(g_size));
        let parameters = (vec(-2.0..2.0f64, p), vec(-2.0..2.0f64, p));
        let spare = [F::positive(), F::positive(), F::positive()];
        (values(len), vec(-1.0..1.0f64, len), parameters, spare).prop_map(
            move |(z, g, (gamma, beta), spare)| {
                let read = |values: Vec<f64>| values.into_iter().map(F::from_f64);
                let x = z.iter().map(|z| size * (offset + z)).collect();
                let g = g.iter().map(|g| g * g_size).collect();
                let mut case = Case {
                    layer,
                    groups,
                    x: tensor(shape, read(x).collect()),
                    g: tensor(shape, read(g).collect()),
                    gamma: read(gamma).collect(),
                    beta: read(beta).collect(),
                    eps: F::from_f64(eps),
                    spare,
                };
                for set in case.members(None) {
                    if set.iter().all(|&at| case.x[at] == case.x[set[0]]) {
                        case.x[set[0]] = F::from_f64(size * (offset + z[0] + 7.0));
                    }
                }
                without_missing(case)
            },
        )
    })
    .boxed()
}

impl Given for f32 {
    fn cases(layers: &'static [Layer]) -> BoxedStrategy<Case<f32>> {
        floats(layers)
    }
}

impl Given for f64 {
    fn cases(layers: &'static [Layer]) -> BoxedStrategy<Case<f64>> {
        floats(layers)
    }
}
