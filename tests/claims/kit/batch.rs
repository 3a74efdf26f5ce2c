//! A random batch, and what an implementation makes of it.

use super::{Float, Measure, Norm, Number, Prime, largest, mean};
use batchnorm::scalar::Field;
use ndarray::{Array1, Array3, Axis, Ix3, s};
use proptest::collection::vec;
use proptest::prelude::*;

/// A tensor `[N, C, S]` of N samples, C channels and S positions, with all that the layer needs, and an
/// upstream gradient that is random: constant ones would let a wrong backward pass.
#[derive(Clone, Debug)]
pub struct Batch<F> {
    pub x: Array3<F>,
    pub g: Array3<F>,
    pub gamma: Array1<F>,
    pub beta: Array1<F>,
    pub eps: F,
    /// A permutation of the N·S values of a channel.
    pub order: Vec<usize>,
    /// A few more random numbers, positive (over the prime field: squares), for claims that scale or
    /// shift something.
    pub spare: [F; 3],
}

/// One channel of a batch, as the formulas of the book have it, in the wide type.
#[derive(Clone, Debug)]
pub struct Channel<F: Number> {
    /// How many values share a mean.
    pub m: F::Wide,
    pub x: Vec<F::Wide>,
    pub g: Vec<F::Wide>,
    pub gamma: F::Wide,
    pub beta: F::Wide,
    pub eps: F::Wide,
    /// Mean, biased variance, s = √(v+ε) and ρ = v/(v+ε), computed here and not by what is checked.
    pub mean: F::Wide,
    pub var: F::Wide,
    pub s: F::Wide,
    pub rho: F::Wide,
    /// Output of what is checked: for γ = 1 and β = 0, and for the γ and β of the batch.
    pub xhat: Vec<F::Wide>,
    pub y: Vec<F::Wide>,
    pub dx: Vec<F::Wide>,
    pub dgamma: F::Wide,
    pub dbeta: F::Wide,
}

impl<F: Number> Channel<F> {
    /// x̂ by the definition, not by what is checked.
    pub fn normalized(&self) -> Vec<F::Wide> {
        self.x.iter().map(|&x| (x - self.mean) / self.s).collect()
    }

    /// g·x̂, with this x̂.
    pub fn g_xhat(&self) -> Vec<F::Wide> {
        self.g.iter().zip(self.normalized()).map(|(&g, xhat)| g * xhat).collect()
    }

    /// What the error of dx is relative to: its own size, and that of the terms that cancel in it.
    pub fn dx_size(&self) -> f64 {
        largest(&self.dx) + (self.gamma / self.s).size() * largest(&self.g)
    }
}

impl<F: Number> Batch<F> {
    pub fn channels_count(&self) -> usize {
        self.gamma.len()
    }

    /// The values of one channel.
    pub fn channel_of(&self, tensor: &Array3<F>, c: usize) -> Vec<F::Wide> {
        tensor.index_axis(Axis(1), c).iter().map(|v| v.widen()).collect()
    }

    /// y, by the implementation that is checked.
    pub fn forward(&self, bn: Norm) -> Array3<F> {
        bn.forward(&self.x, &self.gamma, &self.beta, self.eps)
    }

    pub fn backward(&self, bn: Norm) -> batchnorm::norm::Gradients<F, Ix3> {
        bn.backward(&self.x, &self.gamma, &self.beta, self.eps, &self.g)
    }

    /// x̂: y for γ = 1 and β = 0.
    pub fn normalize(&self, bn: Norm) -> Array3<F> {
        let filled = |v| Array1::from_elem(self.channels_count(), v);
        bn.forward(&self.x, &filled(F::ONE), &filled(F::ZERO), self.eps)
    }

    /// Everything about each channel.
    pub fn channels(&self, bn: Norm) -> impl Iterator<Item = Channel<F>> {
        let (xhat, y, gradients) = (self.normalize(bn), self.forward(bn), self.backward(bn));
        (0..self.channels_count()).map(move |c| {
            let x = self.channel_of(&self.x, c);
            let mu = mean(&x);
            let var = variance(&x);
            let eps = self.eps.widen();
            Channel {
                m: F::Wide::count(x.len()),
                x,
                g: self.channel_of(&self.g, c),
                gamma: self.gamma[c].widen(),
                beta: self.beta[c].widen(),
                eps,
                mean: mu,
                var,
                s: (var + eps).sqrt(),
                rho: var / (var + eps),
                xhat: self.channel_of(&xhat, c),
                y: self.channel_of(&y, c),
                dx: self.channel_of(&gradients.x, c),
                dgamma: gradients.gamma[c].widen(),
                dbeta: gradients.beta[c].widen(),
            }
        })
    }

    pub fn with_eps(&self, eps: F) -> Self {
        Batch { eps, ..self.clone() }
    }

    /// A batch of one channel with these values, all else from this one. Over the prime field ε is
    /// another, such that v + ε has a root.
    pub fn single(&self, values: &[F]) -> Self {
        let m = values.len();
        let wide: Vec<_> = values.iter().map(|v| v.widen()).collect();
        let tensor = |values: &[F]| tensor((m, 1, 1), values.to_vec());
        let g: Vec<_> = self.g.iter().copied().cycle().take(m).collect();
        Batch {
            x: tensor(values),
            g: tensor(&g),
            gamma: self.gamma.slice(s![..1]).to_owned(),
            beta: self.beta.slice(s![..1]).to_owned(),
            eps: F::eps_with_root(self.eps, F::narrow(variance(&wide)), self.spare[0]),
            order: (0..m).collect(),
            spare: self.spare,
        }
    }

    /// Two values of the first channel that differ.
    pub fn two_values(&self) -> [F; 2] {
        let channel = self.x.index_axis(Axis(1), 0);
        let first = channel[[0, 0]];
        let other = channel.iter().find(|&&v| v != first).expect("no channel is constant");
        [first, *other]
    }
}

/// Shapes with at least two values per channel: small ones; and, as the kernels work on sixteen values
/// side by side, some with more channels than that, and some with longer runs.
fn shapes() -> impl Strategy<Value = (usize, usize, usize)> {
    let shapes = prop_oneof![
        8 => (1..=8usize, 1..=3usize, 1..=5usize),
        1 => (1..=3usize, 14..=34usize, 1..=2usize),
        1 => (1..=2usize, 1..=2usize, 14..=40usize),
    ];
    shapes.prop_filter("two values", |(n, _, s)| n * s >= 2)
}

fn order(m: usize) -> impl Strategy<Value = Vec<usize>> {
    Just((0..m).collect::<Vec<_>>()).prop_shuffle()
}

fn tensor<F: Copy>(shape: (usize, usize, usize), values: Vec<F>) -> Array3<F> {
    Array3::from_shape_vec(shape, values).expect("as many values as the shape has")
}

/// Batches of floats: sizes over twelve orders of magnitude, means up to ten thousand deviations away
/// from zero, ε from nothing to far above the variance, values smooth, tied, or with an outlier. No
/// channel is constant.
pub fn floats<F: Float>() -> impl Strategy<Value = Batch<F>> {
    let values = |len: usize| {
        prop_oneof![
            2 => vec(-1.0..1.0f64, len),
            1 => vec((-2..=2i8).prop_map(f64::from), len),
            1 => vec(prop_oneof![9 => -1.0..1.0f64, 1 => Just(30.0)], len),
        ]
    };
    let eps =
        prop_oneof![Just(0.0), Just(1e-5), Just(1e-3), (-8.0..8.0f64).prop_map(|e| 10f64.powf(e))];
    let size = (-6.0..6.0f64).prop_map(|e| 10f64.powf(e));
    let offset = prop_oneof![Just(0.0), -1.0..1.0f64, -1e4..1e4f64];
    let each = (shapes(), size, offset, eps, -3.0..3.0f64);
    each.prop_flat_map(move |((n, c, s), size, offset, eps, g_size)| {
        let len = n * c * s;
        let parameters =
            (vec(-2.0..2.0f64, c), vec(-2.0..2.0f64, c), [0.1..4.0f64, 0.1..4.0, 0.1..4.0]);
        (values(len), vec(-1.0..1.0f64, len), order(n * s), parameters).prop_map(
            move |(z, g, order, (gamma, beta, spare))| {
                let mut x =
                    tensor((n, c, s), z.iter().map(|z| F::from_f64(size * (offset + z))).collect());
                for channel in 0..c {
                    let first = x[[0, channel, 0]];
                    let mut values = x.index_axis_mut(Axis(1), channel);
                    if values.iter().all(|&v| v == first) {
                        values[[n - 1, s - 1]] = F::from_f64(size * (offset + z[0] + 1.0));
                    }
                }
                Batch {
                    x,
                    g: tensor(
                        (n, c, s),
                        g.iter().map(|g| F::from_f64(g * 10f64.powf(g_size))).collect(),
                    ),
                    gamma: gamma.iter().map(|&v| F::from_f64(v)).collect(),
                    beta: beta.iter().map(|&v| F::from_f64(v)).collect(),
                    eps: F::from_f64(eps),
                    order,
                    spare: spare.map(F::from_f64),
                }
            },
        )
    })
}

/// Points of the prime field: everything random, but v and v + ε must have roots. Half of all numbers
/// do, so a few attempts suffice.
pub fn points() -> impl Strategy<Value = Batch<Prime>> {
    let prime = || any::<u64>().prop_map(Prime::new);
    let square = move || prime().prop_map(|v| v * v);
    let shape = prop_oneof![
        9 => (1..=4usize, 1..=2usize, 1..=3usize),
        1 => (1..=2usize, 1..=2usize, 15..=20usize),
    ];
    let shape = shape.prop_filter("two values", |(n, _, s)| n * s >= 2);
    shape.prop_flat_map(move |(n, c, s)| {
        let len = n * c * s;
        let parameters = (vec(prime(), c), vec(prime(), c), [square(), square(), square()]);
        (any::<u64>(), vec(prime(), len), order(n * s), parameters).prop_map(
            move |(seed, g, order, (gamma, beta, spare))| {
                let mut draws = (seed..).map(|i| Prime::new(scramble(i)));
                let mut draw = || draws.next().expect("endless");
                let mut x = tensor((n, c, s), vec![Prime::ZERO; len]);
                for channel in 0..c {
                    let mut values = x.index_axis_mut(Axis(1), channel);
                    while {
                        values.map_inplace(|v| *v = draw());
                        !variance(&values.iter().copied().collect::<Vec<_>>()).is_square()
                    } {}
                }
                let rooted = |eps: &Prime| {
                    (0..c).all(|channel| {
                        let values = x.index_axis(Axis(1), channel);
                        (variance(&values.iter().copied().collect::<Vec<_>>()) + *eps).is_square()
                    })
                };
                let eps =
                    std::iter::repeat_with(&mut draw).find(rooted).expect("half of all have roots");
                let (gamma, beta) = (gamma.into(), beta.into());
                Batch { g: tensor((n, c, s), g), x, gamma, beta, eps, order, spare }
            },
        )
    })
}

fn variance<W: Field>(values: &[W]) -> W {
    let mu = mean(values);
    mean(&values.iter().map(|&v| (v - mu) * (v - mu)).collect::<Vec<_>>())
}

/// One number of a random sequence, from its index (the finalizer of SplitMix64).
pub fn scramble(index: u64) -> u64 {
    let z = index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
