//! The forward pass.
//!
//! Where numbers round, an error is measured in units of what the statement moves by when every output
//! moves by the size of the largest one (see `Sides::to`): the factors below are such sensitivities,
//! not slack.

use crate::everywhere;
use crate::kit::exact::{self, rational};
use crate::kit::*;
use batchnorm::batch_norm::BatchNorm;
use batchnorm::error::Error;
use batchnorm::scalar::Field;
use ndarray::{Array1, Array3, array};
use std::f64::consts::PI;

/// The normalized values have mean zero, whatever ε is.
///
/// 정규화한 값의 평균은 ε이 얼마이든 0입니다.
#[test]
pub fn mean_is_zero() -> Claim {
    fn holds<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        let zero = |c: Channel<F>| equal(mean(&c.xhat), F::Wide::ZERO).to(largest(&c.xhat));
        batch.channels(bn).map(zero).collect()
    }
    claim(|bn| everywhere!(bn, holds)).rejects(&[
        Wrong::RunningStatistics,
        Wrong::NotCentred,
        Wrong::PerSample,
        Wrong::WholeTensor,
    ])
}

/// The variance of the normalized values is not 1 but ρ = v/(v+ε).
///
/// 정규화한 값의 분산은 1이 아니라 ρ = v/(v+ε)입니다.
#[test]
pub fn variance_is_rho() -> Claim {
    fn holds<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        // |x̂ + δ|² − x̂² ≈ 2 x̂ δ.
        let rho = |c: Channel<F>| {
            equal(mean_of(&c.xhat, |v| v * v), c.rho).to(2.0 * largest(&c.xhat).powi(2))
        };
        batch.channels(bn).map(rho).collect()
    }
    claim(|bn| {
        let [one, zero] = [array![1.0], array![0.0]];
        let x = Array3::from_shape_vec((4, 1, 1), vec![1.0, 2.0, 3.0, 6.0]).expect("four values");
        let xhat: Vec<f64> = bn.forward(&x, &one, &zero, 0.5).into_iter().collect();
        all([everywhere!(bn, holds), worked_example(&[mean_of(&xhat, |v| v * v) - 7.0 / 8.0], 0.0)])
    })
    .rejects(&[
        Wrong::UnbiasedVariance,
        Wrong::OnePassVariance,
        Wrong::NoEpsilon,
        Wrong::EpsilonOutsideRoot,
        Wrong::DividedByVariance,
    ])
}

/// With γ = √(v+ε) and β = μ the layer gives back its input.
///
/// γ = √(v+ε), β = μ이면 층은 입력을 그대로 돌려줍니다.
#[test]
pub fn identity_is_recovered() -> Claim {
    fn holds<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        let channels: Vec<_> = batch.channels(bn).collect();
        let batch = Batch {
            gamma: channels.iter().map(|c| F::narrow(c.s)).collect(),
            beta: channels.iter().map(|c| F::narrow(c.mean)).collect(),
            ..batch.clone()
        };
        // y, γ and β are each rounded: none of the three errors exceeds an ulp of the largest x.
        let recovered = |c: Channel<F>| {
            let scale = 3.0 * largest(&c.x);
            let pairs: Vec<_> = c.x.into_iter().zip(c.y).collect();
            pairs.into_iter().map(move |(x, y)| equal(y, x).to(scale))
        };
        batch.channels(bn).flat_map(recovered).collect()
    }
    claim(|bn| everywhere!(bn, holds)).rejects(&[
        Wrong::UnbiasedVariance,
        Wrong::NoEpsilon,
        Wrong::EpsilonOutsideRoot,
        Wrong::DividedByVariance,
        Wrong::RunningStatistics,
        Wrong::GammaNotApplied,
        Wrong::GammaBetaSwapped,
        Wrong::BetaBeforeGamma,
    ])
}

/// With γ = √v, the standard deviation without ε, and β = μ the deviations from the mean come back
/// multiplied by √ρ.
///
/// ε이 없는 표준편차 γ = √v와 β = μ를 쓰면 평균과의 차이가 √ρ배가 되어 돌아옵니다.
#[test]
fn gamma_sigma_leaves_root_rho() -> Claim {
    fn holds<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        let channels: Vec<_> = batch.channels(bn).collect();
        let batch = Batch {
            gamma: channels.iter().map(|c| F::narrow(c.var.sqrt())).collect(),
            beta: channels.iter().map(|c| F::narrow(c.mean)).collect(),
            ..batch.clone()
        };
        let shrunk = |c: Channel<F>| {
            let (scale, root_rho) = (3.0 * largest(&c.x), c.var.sqrt() / c.s);
            assert!(equal::<F>(root_rho * root_rho, c.rho).error() < 1e-12);
            let pairs: Vec<_> = c.x.into_iter().zip(c.y).collect();
            pairs
                .into_iter()
                .map(move |(x, y)| equal(y, c.mean + root_rho * (x - c.mean)).to(scale))
        };
        batch.channels(bn).flat_map(shrunk).collect()
    }
    claim(|bn| everywhere!(bn, holds)).rejects(&[Wrong::NoEpsilon, Wrong::EpsilonOutsideRoot])
}

/// Permuting the values of a channel, over samples and positions alike, permutes its output.
///
/// 한 채널의 값을 샘플과 자리를 가리지 않고 섞으면 출력도 똑같이 섞입니다.
#[test]
fn order_does_not_matter() -> Claim {
    fn holds<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        let width = batch.x.dim().2;
        let permuted = |tensor: &Array3<F>| {
            Array3::from_shape_fn(tensor.raw_dim(), |(n, c, s)| {
                let from = batch.order[n * width + s];
                tensor[[from / width, c, from % width]]
            })
        };
        let then = Batch { x: permuted(&batch.x), ..batch.clone() }.forward(bn);
        let first = permuted(&batch.forward(bn));
        // Two outputs, each with its own rounding.
        let sides = |c| {
            let (then, first) = (batch.channel_of(&then, c), batch.channel_of(&first, c));
            let scale = 2.0 * largest(&first);
            then.into_iter().zip(first).map(move |(a, b)| equal(a, b).to(scale))
        };
        (0..batch.channels_count()).flat_map(sides).collect()
    }
    claim(|bn| everywhere!(bn, holds)).rejects(&[Wrong::PerSample])
}

/// The output of a channel depends on no other channel: not in a single bit.
///
/// 한 채널의 출력은 다른 채널에 전혀 의존하지 않습니다.
#[test]
fn each_channel_is_alone() -> Claim {
    fn holds<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        let alone = |c| {
            let mut x = batch.g.clone();
            x.index_axis_mut(ndarray::Axis(1), c).assign(&batch.x.index_axis(ndarray::Axis(1), c));
            // The others may be constant now, so ε must not be 0.
            let batch = batch.with_eps(batch.spare[0]);
            let y = batch.channel_of(&batch.forward(bn), c);
            let among_others = batch.channel_of(&Batch { x, ..batch.clone() }.forward(bn), c);
            y.into_iter().zip(among_others).map(|(a, b)| equal(a, b).exactly()).collect::<Vec<_>>()
        };
        (0..batch.channels_count()).flat_map(alone).collect()
    }
    claim(|bn| everywhere!(bn, holds)).rejects(&[Wrong::PerSample, Wrong::WholeTensor])
}

/// A bias added before the layer changes nothing: centering takes it away again.
///
/// 층 앞에서 더한 편향은 아무것도 바꾸지 않습니다. 평균을 빼면서 함께 사라집니다.
#[test]
fn a_bias_before_it_cancels() -> Claim {
    fn holds<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        let bias: Array1<F> =
            (0..batch.channels_count()).map(|c| batch.spare[0] * batch.x[[0, c, 0]]).collect();
        let x = Array3::from_shape_fn(batch.x.raw_dim(), |at| batch.x[at] + bias[at.1]);
        let biased = Batch { x, ..batch.clone() };
        compare(&biased, &biased.forward(bn), batch, &batch.forward(bn), bn)
    }
    claim(|bn| everywhere!(bn, holds)).rejects(&[Wrong::RunningStatistics, Wrong::NotCentred])
}

/// Two outputs that are equal but for rounding: of the outputs, and of `x` of the first batch, which
/// was computed.
///
/// An error δ in each x moves x̂ by at most (δ/s)(2 + max|x̂|), by the Jacobian of normalization.
fn compare<F: Number>(
    computed: &Batch<F>,
    y: &Array3<F>,
    batch: &Batch<F>,
    expected: &Array3<F>,
    bn: Norm,
) -> Vec<Sides<F>> {
    let sides = |(c, channel): (usize, Channel<F>)| {
        let (y, expected) = (computed.channel_of(y, c), batch.channel_of(expected, c));
        let through_x = largest(&channel.x) / channel.s.size() * (2.0 + largest(&channel.xhat));
        let scale = 2.0 * largest(&channel.y) + channel.gamma.size() * through_x;
        y.into_iter().zip(expected).map(move |(a, b)| equal(a, b).to(scale))
    };
    computed.channels(bn).enumerate().flat_map(sides).collect()
}

/// Scaling the input by α > 0 is dividing ε by α²: x with ε and αx with α²ε have the same output.
///
/// 입력에 α > 0을 곱하는 것은 ε을 α²으로 나누는 것과 같습니다. (x, ε)과 (αx, α²ε)의 출력이 같습니다.
#[test]
fn scaling_the_input_scales_epsilon() -> Claim {
    fn holds<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        let alpha = batch.spare[0];
        let scaled = Batch {
            x: batch.x.map(|&x| alpha * x),
            eps: alpha * alpha * batch.eps,
            ..batch.clone()
        };
        compare(&scaled, &scaled.forward(bn), batch, &batch.forward(bn), bn)
    }
    claim(|bn| everywhere!(bn, holds)).rejects(&[
        Wrong::EpsilonOutsideRoot,
        Wrong::DividedByVariance,
        Wrong::RunningStatistics,
    ])
}

/// Normalizing twice divides once more, by √(ρ+ε); at ε = 0, where that is 1 for every batch that is not
/// constant, the second time changes nothing.
///
/// 두 번 정규화하면 √(ρ+ε)으로 한 번 더 나눈 것이 됩니다. ε = 0이면 값이 모두 똑같지만 않은 어떤 미니배치에서든 이 값이 1이어서, 두 번째 정규화는 아무것도 바꾸지 않습니다.
#[test]
fn idempotent_without_epsilon() -> Claim {
    fn twice<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        let again = Batch { x: batch.normalize(bn), ..batch.clone() };
        let pairs = batch.channels(bn).zip(again.channels(bn));
        let sides = |(first, second): (Channel<F>, Channel<F>)| {
            let root = (first.rho + first.eps).sqrt();
            // The second input has the rounding of the first output: see `compare`.
            let scale = largest(&first.xhat) * (3.0 + largest(&second.xhat));
            let pairs: Vec<_> = first.xhat.into_iter().zip(second.xhat).collect();
            pairs.into_iter().map(move |(a, b)| equal(b * root, a).to(scale))
        };
        pairs.flat_map(sides).collect()
    }
    fn holds<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        // At ε = 0 the root is 1 itself.
        [twice(bn, batch), twice(bn, &batch.with_eps(F::ZERO))].concat()
    }
    claim(|bn| everywhere!(bn, holds)).rejects(&[
        Wrong::UnbiasedVariance,
        Wrong::EpsilonOutsideRoot,
        Wrong::DividedByVariance,
        Wrong::NoEpsilon,
    ])
}

/// No normalized value exceeds √(m−1)·√ρ in magnitude, and a single outlier among equal values attains
/// that.
///
/// 정규화한 값의 크기는 √(m−1)·√ρ를 넘지 못하고, 나머지 값이 모두 같은 이상치 하나가 이 한계에 닿습니다.
#[test]
fn largest_value_is_bounded() -> Claim {
    /// (m−1)ρ
    fn bound<F: Number>(c: &Channel<F>) -> F::Wide {
        (c.m - F::Wide::ONE) * c.rho
    }
    fn bounded<F: Float>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        let sides = |c: Channel<F>| {
            let (bound, scale) = (bound(&c), 2.0 * largest(&c.xhat).powi(2));
            c.xhat.into_iter().map(move |v| at_most(v * v, bound).to(scale))
        };
        batch.channels(bn).flat_map(sides).collect()
    }
    fn attained<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        let [first, other] = batch.two_values();
        let mut values = vec![first; batch.order.len()];
        values[0] = other;
        let outlier = |c: Channel<F>| {
            equal(c.xhat[0] * c.xhat[0], bound(&c)).to(2.0 * largest(&c.xhat).powi(2))
        };
        batch.single(&values).channels(bn).map(outlier).collect()
    }
    claim(|bn| {
        let bounded = [property::<f32>(bn, bounded), property::<f64>(bn, bounded)];
        all([all(bounded), everywhere!(bn, attained)])
    })
    .rejects(&[
        Wrong::DividedByVariance,
        Wrong::EpsilonOutsideRoot,
        Wrong::RunningStatistics,
        Wrong::NotCentred,
        Wrong::NoEpsilon,
    ])
}

/// Two values at a distance d > 0 become ±(d/2)/√(d²/4+ε), which at ε = 0 is ±1: all but the order is
/// lost.
///
/// 거리가 d > 0인 두 값은 ±(d/2)/√(d²/4+ε)이 됩니다. ε = 0이면 ±1이고, 순서 말고는 아무것도 남지 않습니다.
#[test]
fn two_values_become_plus_minus_one() -> Claim {
    fn holds<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        let pair = batch.two_values();
        let [a, b] = pair.map(|v| v.widen());
        let half = (a - b) / F::Wide::count(2);
        let with_eps = batch.single(&pair);
        let s = (half * half + with_eps.eps.widen()).sqrt();
        let xhat = batch.channel_of(&with_eps.normalize(bn), 0);
        let without = batch.channel_of(&with_eps.with_eps(F::ZERO).normalize(bn), 0);
        vec![
            equal(xhat[0], half / s),
            equal(xhat[1], -half / s),
            equal(without[0] * without[0], F::Wide::ONE).to(2.0),
            equal(without[1], -without[0]).to(2.0),
        ]
    }
    claim(|bn| everywhere!(bn, holds)).rejects(&[
        Wrong::UnbiasedVariance,
        Wrong::NoEpsilon,
        Wrong::EpsilonOutsideRoot,
    ])
}

/// One value is its own mean: with ε > 0 it becomes β, whatever it was, and the layer refuses to train on
/// it.
///
/// 값이 하나뿐이면 그 값이 곧 평균이므로, ε > 0이면 무엇이었든 β가 됩니다. 그래서 이 층은 그런 미니배치로 학습하기를 거절합니다.
#[test]
fn one_value_becomes_beta() -> Claim {
    fn holds<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        // An ε that is not 0, and over the prime field has a root.
        let one = batch.single(&[batch.x[[0, 0, 0]]]).with_eps(batch.spare[0]);
        one.channels(bn).map(|c| equal(c.y[0], c.beta).exactly()).collect()
    }
    claim(|bn| {
        let refused = BatchNorm::<f64>::new(1).train(array![[5.0]]).map(|_| ());
        let expected = Err(Error::TooFewValues { need: 2, got: 1 });
        let wrong_answer = f64::from(u8::from(refused != expected));
        all([everywhere!(bn, holds), worked_example(&[wrong_answer], 0.0)])
    })
    .rejects(&[
        Wrong::RunningStatistics,
        Wrong::NotCentred,
        Wrong::GammaBetaSwapped,
        Wrong::BetaBeforeGamma,
    ])
}

/// One normalized value of each of many batches of m Gaussian values, without ε: independent numbers.
fn normalized_gaussians(bn: Norm, m: usize, batches: usize) -> Vec<f64> {
    const CHANNELS: usize = 20;
    let mut gaussians = gaussians(m as u64);
    let filled = |v| Array1::from_elem(CHANNELS, v);
    let mut first = Vec::new();
    for _ in 0..batches.div_ceil(CHANNELS) {
        let x = Array3::from_shape_simple_fn((m, CHANNELS, 1), || {
            3.0 + 2.0 * gaussians.next().expect("endless")
        });
        let xhat = bn.forward(&x, &filled(1.0), &filled(0.0), 0.0);
        first.extend(xhat.index_axis(ndarray::Axis(0), 0));
    }
    first
}

/// Whether many such values follow a law with this distribution function.
fn follow(bn: Norm, m: usize, law: fn(f64) -> f64) -> Proof {
    let batches = 20_000;
    let distance = kolmogorov_smirnov(normalized_gaussians(bn, m, batches), law);
    let check = Check::new(How::Experiment, batches).scalar("f64").note("Kolmogorov–Smirnov, √n·D");
    // The law is rejected wrongly once in a thousand seeds; the seed is fixed.
    Ok(vec![check.within(1.95, distance)?])
}

/// The distribution function of √2·cos θ for a uniform angle θ.
fn arcsine(v: f64) -> f64 {
    1.0 - (v / 2f64.sqrt()).clamp(-1.0, 1.0).acos() / PI
}

/// The distribution function of a number uniform between −√3 and √3.
fn uniform(v: f64) -> f64 {
    ((v / 3f64.sqrt() + 1.0) / 2.0).clamp(0.0, 1.0)
}

/// The distribution function of the Gaussian law, integrated by Simpson's rule.
fn gaussian(v: f64) -> f64 {
    let density = |t: f64| (-t * t / 2.0).exp() / (2.0 * PI).sqrt();
    let h = v / 200.0;
    let term = |i: u32| [2.0, 4.0][i as usize % 2] * density(f64::from(i) * h);
    let inner: f64 = (1..200).map(term).sum();
    0.5 + h / 3.0 * (density(0.0) + inner + density(v))
}

/// Normalized without ε, each of three Gaussian values follows the arcsine law between −√2 and √2: the
/// middle is the least likely.
///
/// ε 없이 정규화하면 가우스 분포에서 뽑은 세 값은 저마다 −√2와 √2 사이의 아크사인 분포를 따릅니다. 가운데가 가장 드뭅니다.
// x̂ is uniform on the circle of radius √3 in the plane Σx̂ = 0, and the first axis makes an angle with
// that plane whose cosine is √(2/3): so x̂₁ = √2·cos θ.
#[test]
fn three_gaussian_values_follow_the_arcsine_law() -> Claim {
    claim(|bn| {
        all([
            follow(bn, 3, arcsine),
            wrong("the Gaussian law", follow(bn, 3, gaussian)),
            wrong("the uniform law", follow(bn, 3, uniform)),
        ])
    })
    .rejects(&[Wrong::UnbiasedVariance, Wrong::DividedByVariance])
}

/// Normalized without ε, each of four Gaussian values follows the uniform law between −√3 and √3.
///
/// ε 없이 정규화하면 가우스 분포에서 뽑은 네 값은 저마다 −√3과 √3 사이의 균등 분포를 따릅니다.
// x̂ is uniform on a sphere in three dimensions, and Archimedes found the area of a sphere's slice to
// depend on its thickness alone.
#[test]
fn four_gaussian_values_follow_the_uniform_law() -> Claim {
    claim(|bn| {
        all([
            follow(bn, 4, uniform),
            wrong("the Gaussian law", follow(bn, 4, gaussian)),
            wrong("the arcsine law", follow(bn, 4, arcsine)),
        ])
    })
    .rejects(&[Wrong::UnbiasedVariance, Wrong::DividedByVariance])
}

/// m Gaussian values, normalized without ε, have the kurtosis 3(m−1)/(m+1), not 3.
///
/// 가우스 분포에서 뽑은 m개의 값을 ε 없이 정규화하면 첨도는 3이 아니라 3(m−1)/(m+1)입니다.
// x̂ is uniform on a sphere of radius √m in m−1 dimensions. A polynomial of degree four has the same
// mean over a sphere as over the vertices of a regular hexagon (two dimensions) or icosahedron (three):
// for m = 3 and m = 4 the mean over all Gaussian batches is one over 6 or 12 batches. For other m: many
// batches, and four standard errors.
#[test]
fn small_batch_kurtosis() -> Claim {
    fn exact(m: usize) -> f64 {
        3.0 * (m as f64 - 1.0) / (m as f64 + 1.0)
    }
    /// The batch whose direction within Σx = 0 has these coordinates.
    fn batch(coordinates: &[f64]) -> Array3<f64> {
        // Helmert's basis: (1, −1, 0, 0), (1, 1, −2, 0), (1, 1, 1, −3), each of length one.
        let m = coordinates.len() + 1;
        let value = |i: usize| {
            let along = |(k, &c): (usize, &f64)| {
                let k = k + 1;
                let entry = if i < k {
                    1.0
                } else if i == k {
                    -(k as f64)
                } else {
                    0.0
                };
                c * entry / ((k * (k + 1)) as f64).sqrt()
            };
            3.0 + coordinates.iter().enumerate().map(along).sum::<f64>()
        };
        Array3::from_shape_fn((m, 1, 1), |(i, ..)| value(i))
    }
    fn over(bn: Norm, design: &[Vec<f64>]) -> f64 {
        let fourth = |coordinates: &Vec<f64>| {
            let xhat = bn.forward(&batch(coordinates), &array![1.0], &array![0.0], 0.0);
            xhat[[0, 0, 0]].powi(4)
        };
        design.iter().map(fourth).sum::<f64>() / design.len() as f64
    }
    claim(|bn| {
        let corner = |k: u32| (PI / 3.0 * f64::from(k) + 0.1).sin_cos();
        let hexagon: Vec<_> = (0..6).map(corner).map(|(sin, cos)| vec![cos, sin]).collect();
        let golden = (1.0 + 5f64.sqrt()) / 2.0;
        let signs = [(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)];
        let icosahedron: Vec<_> = signs
            .iter()
            .map(|(a, b)| [*a, b * golden])
            .flat_map(|[a, b]| [vec![0.0, a, b], vec![a, b, 0.0], vec![b, 0.0, a]])
            .collect();
        let errors = [over(bn, &hexagon) - exact(3), over(bn, &icosahedron) - exact(4)];
        let worst = errors.iter().fold(0.0, |worst: f64, e| worst.max(e.abs()));
        // Fourth powers of up to 9 of numbers with an error of a few ulp.
        let designs = Check::new(How::Enumeration, 18).scalar("f64").within(1e-13, worst)?;

        let sizes = [2, 3, 4, 5, 6, 8, 12, 30];
        let batches = 20_000;
        let standard_errors = |&m: &usize| {
            let fourth: Vec<_> =
                normalized_gaussians(bn, m, batches).into_iter().map(|v| v.powi(4)).collect();
            let average = mean(&fourth);
            let variance = mean_of(&fourth, |v| (v - average).powi(2));
            // Two values are ±1 each time: no variance but rounding.
            (average - exact(m)).abs() / (variance / batches as f64).sqrt().max(1e-14)
        };
        let worst = sizes.iter().map(standard_errors).fold(0.0, f64::max);
        let random = Check::new(How::Experiment, sizes.len() * batches).scalar("f64");
        let random = random.note("in standard errors").within(4.0, worst)?;
        Ok(vec![designs, random])
    })
    .rejects(&[Wrong::UnbiasedVariance, Wrong::DividedByVariance])
}

/// The layer does not make data Gaussian: for γ ≠ 0 kurtosis and skewness of a batch stay what they were,
/// but that a negative γ turns the sign of the skewness.
///
/// 이 층은 데이터를 가우스 분포로 만들지 않습니다. γ ≠ 0이면 미니배치의 첨도와 왜도는 그대로이고, γ가 음수일 때 왜도의 부호만 뒤집힙니다.
#[test]
fn shape_is_unchanged() -> Claim {
    fn moment<W: Field>(values: &[W], power: usize) -> W {
        let mu = mean(values);
        mean_of(values, |v| (0..power).fold(W::ONE, |product, _| product * (v - mu)))
    }
    fn holds<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        // β cannot change a central moment; without it y keeps its digits for the deviations.
        let batch = Batch { beta: batch.beta.map(|_| F::ZERO), ..batch.clone() };
        let sides = |c: Channel<F>| {
            let [x2, x3, x4] = [2, 3, 4].map(|power| moment(&c.x, power));
            let [y2, y3, y4] = [2, 3, 4].map(|power| moment(&c.y, power));
            let (kurtosis, skewness2) = (x4 / (x2 * x2), x3 * x3 / (x2 * x2 * x2));
            // An error δ in each y, and so up to 2δ in y − ȳ, moves the k-th moment by the fraction
            // 2kδ/√y₂ at most, or the k-th power of √y₂ by that fraction.
            let fraction = largest(&c.y) / y2.sqrt().size();
            let s_cubed = c.s * c.s * c.s;
            vec![
                equal(y4 / (y2 * y2), kurtosis).to(16.0 * kurtosis.size() * fraction),
                equal(y3 * y3 / (y2 * y2 * y2), skewness2).to(24.0 * kurtosis.size() * fraction),
                equal(y3 * s_cubed, c.gamma * c.gamma * c.gamma * x3)
                    .to(6.0 * (y2 * s_cubed).size() * largest(&c.y)),
            ]
        };
        batch.channels(bn).flat_map(sides).collect()
    }
    claim(|bn| everywhere!(bn, holds)).rejects(&[
        Wrong::PerSample,
        Wrong::UnbiasedVariance,
        Wrong::GammaNotApplied,
    ])
}

/// With γ > 0 and β > −γ√(ρ/(m−1)) a ReLU behind the layer fires for at least one value of every batch
/// that is not constant.
///
/// γ > 0이고 β > −γ√(ρ/(m−1))이면, 모든 값이 똑같은 미니배치만 아니라면 미니배치마다 적어도 한 값에서 뒤따르는 ReLU가 켜집니다.
// The x̂ sum to zero and their squares to mρ. If t is the largest, Σ(t − x̂) = mt, and no t − x̂ exceeds
// mt; one that has all of it gives the largest Σ(t − x̂)² = mt² + mρ ≤ (mt)², so t² ≥ ρ/(m−1).
#[test]
fn a_relu_fires_at_least_once() -> Claim {
    fn top<F: Float>(values: &[F::Wide]) -> F::Wide {
        let values = values.iter().map(|&v| F::narrow(v).to_f64());
        F::from_f64(values.fold(f64::NEG_INFINITY, f64::max)).widen()
    }
    fn least<F: Float>(c: &Channel<F>) -> F::Wide {
        (c.rho / (c.m - F::Wide::ONE)).sqrt()
    }
    fn holds<F: Float>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        let gamma = batch.gamma.map(|g| F::from_f64(g.to_f64().abs()));
        // A thousandth above the threshold: far more than rounding.
        let near = |c: Channel<F>| F::narrow(F::from_f64(-0.999).widen() * c.gamma * least(&c));
        let positive = Batch { gamma, ..batch.clone() };
        let beta = positive.channels(bn).map(near).collect();
        let sides = |c: Channel<F>| {
            // Half of that thousandth must be left.
            let left = F::from_f64(5e-4).widen() * c.gamma * least(&c);
            let bound = at_most(least(&c), top::<F>(&c.xhat)).to(largest(&c.xhat));
            [at_most(left, top::<F>(&c.y)).exactly(), bound]
        };
        Batch { beta, ..positive }.channels(bn).flat_map(sides).collect()
    }
    claim(|bn| all([property::<f32>(bn, holds), property::<f64>(bn, holds)])).rejects(&[
        Wrong::RunningStatistics,
        Wrong::NotCentred,
        Wrong::PerSample,
    ])
}

/// What the layer computes is the exact result of the numbers given, to one unit in the last place in
/// `f32` and two in `f64`, of the largest output of the channel; on hard inputs too.
///
/// 이 층의 출력은 주어진 수에 대한 정확한 결과와 채널의 가장 큰 출력을 기준으로 마지막 자리에서 `f32`는 1, `f64`는 2 단위 안에 있습니다. 까다로운 입력에서도 그렇습니다.
#[test]
fn within_one_ulp_of_the_exact_result() -> Claim {
    fn off<F: Float>(bn: Norm, x: &[f64], eps: f64) -> f64 {
        let x: Vec<F> = x.iter().map(|&v| F::from_f64(v)).collect();
        let [gamma, beta, eps] = [0.7, -0.3, eps].map(F::from_f64);
        let tensor = Array3::from_shape_vec((x.len(), 1, 1), x.clone()).expect("one channel");
        let y = bn.forward(&tensor, &array![gamma], &array![beta], eps);
        exact::ulps(y, &exact::batch_norm(&x, &x, gamma, beta, eps).y)
    }
    fn worst<F: Float>(bn: Norm, hard: &[Vec<f64>], allowed: f64) -> Proof {
        let inputs = hard.iter().flat_map(|x| [1e-5, 0.0].map(|eps| (x, eps)));
        let inputs = inputs.filter(|(x, eps)| {
            let rounded = |&v: &f64| rational(F::from_f64(v).to_f64());
            *eps > 0.0 || x.iter().any(|v| rounded(v) != rounded(&x[0]))
        });
        let errors: Vec<_> = inputs.map(|(x, eps)| off::<F>(bn, x, eps)).collect();
        let worst = errors.iter().fold(0.0, |a: f64, &b| if b > a || b.is_nan() { b } else { a });
        let check = Check::new(How::WorkedExample, errors.len()).scalar(F::NAME).note("in ulps");
        Ok(vec![check.within(allowed, worst)?])
    }
    claim(|bn| {
        let z: Vec<_> = gaussians(1).take(16).collect();
        let like = |offset: f64, size: f64| z.iter().map(|z| offset + size * z).collect::<Vec<_>>();
        let hard32 = vec![
            like(0.0, 1.0),
            like(1e8, 100.0),
            like(-1e8, 8.0),
            vec![1e8, 1e8 + 8.0],
            vec![0.1; 17],
            like(0.0, 1e-40),
            like(0.0, 1e18),
            like(0.0, 1e30),
            like(1e30, 1e24),
            vec![1.0, 1.0 + f64::from(f32::EPSILON)],
            vec![1.0, 1.0, 1.0 + f64::from(f32::EPSILON), 1.0],
            vec![-3.0, 5.0],
            vec![f64::from(f32::MAX), f64::from(f32::MIN), 0.0],
            vec![0.0, f64::from(f32::from_bits(1))],
        ];
        let hard64 = vec![
            like(0.0, 1.0),
            like(1e8, 1e-6),
            like(-1e15, 1.0),
            vec![0.1; 17],
            like(0.0, 1e200),
            like(1e200, 1e188),
            like(0.0, 1e-200),
            like(0.0, 1e-310),
            vec![1.0, 1.0 + f64::EPSILON],
            vec![1.0, 1.0, 1.0 + f64::EPSILON, 1.0],
            vec![1e200, 1e-200],
            vec![f64::MAX, f64::MIN, 0.0],
            vec![0.0, f64::from_bits(1)],
        ];
        all([worst::<f32>(bn, &hard32, 1.0), worst::<f64>(bn, &hard64, 2.0)])
    })
    .rejects(&[Wrong::OnePassVariance, Wrong::EpsilonOutsideRoot, Wrong::UnbiasedVariance])
}
