//! Normalization where the batch is too small, spread over machines, or not there at all: other statistics, and
//! weights in place of values.

use crate::kit::dual::Dual;
use crate::kit::*;
use crate::{everywhere, for_numbers, gradients, tables};
use batchnorm::batch_norm::{Average, BatchNorm, Config, RunningVar};
use batchnorm::batch_renorm::{BatchRenorm, Clips};
use batchnorm::channelwise::Statistics;
use batchnorm::ghost_batch_norm::{self, GhostBatchNorm};
use batchnorm::nn::random::Random;
use batchnorm::norm::{self, Gradients};
use batchnorm::population::Population;
use batchnorm::scalar::{Field, Scalar};
use batchnorm::spectral_norm::SpectralNorm;
use batchnorm::split::Plan;
use batchnorm::synchronized;
use ndarray::{Array1, Array2, Array3, Axis, Ix3, array, concatenate, s};
use proptest::collection::vec;
use proptest::prelude::*;

/// Batch renormalization with the γ, β and ε of the batch, with running statistics that are not those of the
/// batch: a μ̂ somewhere among the values, and a σ̂ that is off by a factor.
fn renorm<F: Number>(batch: &Batch<F>, clips: Clips<F>) -> BatchRenorm<F> {
    let channels = batch.channels_count();
    let mut layer = BatchRenorm::new(channels, batch.eps, F::ZERO).expect("good numbers");
    (layer.gamma, layer.beta) = (Some(batch.gamma.clone()), Some(batch.beta.clone()));
    layer.running_mean = batch.x.slice(s![0, .., 0]).to_owned();
    let std = |c: Channel<F>| F::narrow(c.s) * batch.spare[0];
    layer.running_std = batch.channels(Norm::Library).map(std).collect();
    layer.clips = clips;
    layer
}

/// Two tensors, channel by channel, each value to the scale of its channel.
fn same<F: Number>(a: &Array3<F>, b: &Array3<F>, scale: &[f64]) -> Vec<Sides<F>> {
    let pairs = a.indexed_iter().zip(b);
    pairs.map(|((at, a), b)| equal(a.widen(), b.widen()).to(scale[at.1])).collect()
}

/// For each channel the size of y and of the terms that it is the sum of; r and d may be in them.
fn output_sizes<F: Number>(batch: &Batch<F>, r: &Array1<F>, d: &Array1<F>) -> Vec<f64> {
    let size = |(i, c): (usize, Channel<F>)| {
        let inside = r[i].widen().size() * largest(&c.normalized()) + d[i].widen().size();
        c.gamma.size() * inside + c.beta.size()
    };
    batch.channels(Norm::Library).enumerate().map(size).collect()
}

/// y, the gradients, and their sizes, of a layer that ought to be batch normalization.
fn is_batch_norm<F: Number>(
    bn: Norm,
    batch: &Batch<F>,
    y: &Array3<F>,
    gradients: &Gradients<F, Ix3>,
) -> Vec<Sides<F>> {
    let mut sides = Vec::new();
    for (i, c) in batch.channels(bn).enumerate() {
        let (terms, scale) = (c.g_xhat(), c.dx_size());
        let top = largest(&c.y) + c.gamma.size() * largest(&c.xhat);
        let pairs = |a: &Array3<F>, b: Vec<F::Wide>, scale: f64| {
            let a = batch.channel_of(a, i).into_iter().zip(b);
            a.map(move |(a, b)| equal(a, b).to(2.0 * scale)).collect::<Vec<Sides<F>>>()
        };
        sides.extend(pairs(y, c.y, top));
        sides.extend(pairs(&gradients.x, c.dx, scale));
        let sums: [f64; 2] = [&terms, &c.g].map(|of| of.iter().map(|v| v.size()).sum());
        sides.push(equal(gradients.gamma[i].widen(), c.dgamma).to(2.0 * sums[0]));
        sides.push(equal(gradients.beta[i].widen(), c.dbeta).to(2.0 * sums[1]));
    }
    sides
}

/// Without correction, r = 1 and d = 0, batch renormalization is batch normalization, forward and backward.
///
/// 보정이 없으면, 곧 r = 1이고 d = 0이면 배치 재정규화는 순전파도 역전파도 배치 정규화와 같습니다.
#[test]
fn renorm_without_correction_is_batch_norm() -> Claim {
    fn law<F: Number>(bn: Norm, batch: &Batch<F>, clips: Clips<F>) -> Vec<Sides<F>> {
        let (y, tape) = renorm(batch, clips).train(batch.x.clone()).expect("valid");
        is_batch_norm(bn, batch, &y, &tape.backward(&batch.g).expect("fits"))
    }
    fn holds<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        law(bn, batch, Clips::ALL)
    }
    fn scaled<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        law(bn, batch, Clips { r_max: None, ..Clips::ALL })
    }
    fn shifted<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        law(bn, batch, Clips { d_max: None, ..Clips::ALL })
    }
    claim(|bn| {
        all([
            everywhere!(bn, holds),
            wrong("with r = s/σ̂", everywhere!(bn, scaled)),
            wrong("with d = (μ − μ̂)/σ̂", everywhere!(bn, shifted)),
        ])
    })
    .rejects(&[
        Wrong::UnbiasedVariance,
        Wrong::RunningStatistics,
        Wrong::EpsilonOutsideRoot,
        Wrong::MeanDetached,
        Wrong::VarianceDetached,
        Wrong::GammaForgottenBackward,
    ])
}

/// With neither r nor d clipped, the output of batch renormalization in training is that of inference with
/// the running statistics from before the step: x̂r + d = (x − μ̂)/σ̂.
///
/// r과 d가 모두 잘리지 않으면 배치 재정규화가 학습할 때 내는 출력은 스텝 전의 이동 통계로 추론한 출력과 같습니다. x̂r + d = (x − μ̂)/σ̂입니다.
#[test]
fn unclipped_renorm_is_inference() -> Claim {
    fn law<F: Number>(batch: &Batch<F>, clips: Clips<F>, after: bool) -> Vec<Sides<F>> {
        let mut layer = renorm(batch, clips);
        let before = layer.freeze().expect("σ̂ > 0");
        let (y, tape) = layer.train(batch.x.clone()).expect("valid");
        let sizes = output_sizes(batch, &tape.r(), &tape.d());
        // A step with the weight 1: the running statistics become those of the batch.
        let moved = BatchRenorm::new(batch.channels_count(), batch.eps, F::ONE);
        let mut moved = moved.expect("good numbers");
        let _ = moved.train(batch.x.clone()).expect("valid");
        (layer.running_mean, layer.running_std) = (moved.running_mean, moved.running_std);
        let map = if after { layer.freeze().expect("σ̂ > 0") } else { before };
        same(
            &y,
            &map.apply(&batch.x).expect("fits"),
            &sizes.iter().map(|s| 2.0 * s).collect::<Vec<_>>(),
        )
    }
    fn holds<F: Number>(_: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        law(batch, Clips::NONE, false)
    }
    fn no_shift<F: Number>(_: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        law(batch, Clips { d_max: Some(F::ZERO), r_max: None }, false)
    }
    fn no_scale<F: Number>(_: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        law(batch, Clips { d_max: None, r_max: Some(F::ONE) }, false)
    }
    fn after<F: Number>(_: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        law(batch, Clips::NONE, true)
    }
    claim(|bn| {
        all([
            everywhere!(bn, holds),
            wrong("d clipped to 0", everywhere!(bn, no_shift)),
            wrong("r clipped to 1", everywhere!(bn, no_scale)),
            wrong("the running statistics from after the step", everywhere!(bn, after)),
        ])
    })
}

/// The bounds that a gradient is checked with: none, and two that are met now and then.
fn bounds<F: Number>(batch: &Batch<F>) -> [Clips<F>; 2] {
    let between = Clips { r_max: Some(F::ONE + batch.spare[1]), d_max: Some(batch.spare[2]) };
    [Clips::NONE, between]
}

/// x, γ and β of a batch.
type Inputs<F> = (Array3<F>, Array1<F>, Array1<F>);

fn inputs<F: Number>(batch: &Batch<F>) -> Inputs<F> {
    (batch.x.clone(), batch.gamma.clone(), batch.beta.clone())
}

/// The derivative of Σ g·y with respect to each input, by dual numbers.
fn by_duals<F: Number>(
    batch: &Batch<F>,
    y: impl Fn(&Inputs<Dual<F>>) -> Array3<Dual<F>>,
) -> Gradients<F, Ix3> {
    let (x, gamma, beta) = inputs(batch);
    let still = (x.mapv(Dual::constant), gamma.mapv(Dual::constant), beta.mapv(Dual::constant));
    let slope = |inputs: &Inputs<Dual<F>>| {
        let y = y(inputs);
        F::narrow(sum(y.iter().zip(&batch.g).map(|(y, g)| y.slope.widen() * g.widen())))
    };
    let (mut dx, mut dgamma, mut dbeta) = (x, gamma, beta);
    for (at, d) in dx.indexed_iter_mut() {
        let mut inputs = still.clone();
        inputs.0[at].slope = F::ONE;
        *d = slope(&inputs);
    }
    for c in 0..dgamma.len() {
        let mut inputs = still.clone();
        inputs.1[c].slope = F::ONE;
        dgamma[c] = slope(&inputs);
        let mut inputs = still.clone();
        inputs.2[c].slope = F::ONE;
        dbeta[c] = slope(&inputs);
    }
    Gradients { x: dx, gamma: dgamma, beta: dbeta }
}

/// The derivative of Σ g·y with respect to each input, by central differences, with steps in units of s for x.
fn by_differences(
    batch: &Batch<f64>,
    y: impl Fn(&Inputs<f64>) -> Array3<f64>,
) -> Gradients<f64, Ix3> {
    let h = difference::step::<f64>();
    let s: Vec<_> = batch.channels(Norm::Library).map(|c| c.s.size()).collect();
    let loss = |inputs: &Inputs<f64>| {
        sum(y(inputs).iter().zip(&batch.g).map(|(y, g)| y.widen() * g.widen()))
    };
    let central = |h: f64, of: &dyn Fn(&mut Inputs<f64>) -> &mut f64| {
        let moved = |h: f64| {
            let mut inputs = inputs(batch);
            let number = of(&mut inputs);
            *number += h;
            (number.widen(), loss(&inputs))
        };
        let ((right, f_right), (left, f_left)) = (moved(h), moved(-h));
        f64::narrow((f_right - f_left) / (right - left))
    };
    let (mut dx, mut dgamma, mut dbeta) = inputs(batch);
    dx.indexed_iter_mut()
        .for_each(|(at, d)| *d = central(h * s[at.1], &|inputs| &mut inputs.0[at]));
    dgamma.indexed_iter_mut().for_each(|(c, d)| *d = central(h, &|inputs| &mut inputs.1[c]));
    dbeta.indexed_iter_mut().for_each(|(c, d)| *d = central(h, &|inputs| &mut inputs.2[c]));
    Gradients { x: dx, gamma: dgamma, beta: dbeta }
}

/// Two gradients of a layer y = γ(x̂r + d) + β. A derivative sums outputs times g, and divides them by a part
/// of s.
fn same_gradients<F: Number>(
    batch: &Batch<F>,
    [a, b]: [&Gradients<F, Ix3>; 2],
    r: &Array1<F>,
    d: &Array1<F>,
) -> Vec<Sides<F>> {
    let mut sides = Vec::new();
    for (i, c) in batch.channels(Norm::Library).enumerate() {
        let g: f64 = c.g.iter().map(|g| g.size()).sum();
        let (xhat, r, d) = (largest(&c.normalized()), r[i].widen().size(), d[i].widen().size());
        let y = c.gamma.size() * (r * (1.0 + xhat) + d) + c.beta.size();
        let dx = g * y * (1.0 + xhat.powi(2)) / c.s.size();
        let parameters = g * (1.0 + y + r * (1.0 + xhat) + d) * (1.0 + xhat);
        let pairs = batch.channel_of(&a.x, i).into_iter().zip(batch.channel_of(&b.x, i));
        sides.extend(pairs.map(|(a, b)| equal(a, b).to(4.0 * dx)));
        sides.push(equal(a.gamma[i].widen(), b.gamma[i].widen()).to(4.0 * parameters));
        sides.push(equal(a.beta[i].widen(), b.beta[i].widen()).to(4.0 * parameters));
    }
    sides
}

/// The backward pass of batch renormalization is the derivative of the forward pass with r and d held:
/// dx = (γr/s)(g − ⟨g⟩ − x̂⟨gx̂⟩), dγ = Σ g(x̂r + d), dβ = Σ g.
///
/// 배치 재정규화의 역전파는 r과 d를 상수로 붙들어 둔 순전파의 도함수입니다. dx = (γr/s)(g − ⟨g⟩ − x̂⟨gx̂⟩), dγ = Σ g(x̂r + d), dβ = Σ g입니다.
#[test]
fn renorm_gradient_is_the_derivative() -> Claim {
    /// y = γ(x̂r + d) + β with the x̂ of an implementation, r and d constants.
    fn held<F: Scalar>(
        bn: Norm,
        (x, gamma, beta): &Inputs<F>,
        eps: F,
        [r, d]: &[Array1<F>; 2],
    ) -> Array3<F> {
        bn.forward(x, &(gamma * r), &(beta + &(gamma * d)), eps)
    }
    /// The gradients of the library, of what its tape holds, and the bounds they belong to.
    fn each<F: Number>(
        batch: &Batch<F>,
        derivative: impl Fn(&[Array1<F>; 2]) -> Gradients<F, Ix3>,
        slip: impl Fn(&mut Gradients<F, Ix3>, &[Array1<F>; 2]),
    ) -> Vec<Sides<F>> {
        let sides = |clips| {
            let (_, tape) = renorm(batch, clips).train(batch.x.clone()).expect("valid");
            let rd = [tape.r(), tape.d()];
            let mut gradients = tape.backward(&batch.g).expect("fits");
            slip(&mut gradients, &rd);
            same_gradients(batch, [&gradients, &derivative(&rd)], &rd[0], &rd[1])
        };
        bounds(batch).into_iter().flat_map(sides).collect()
    }
    fn duals_but<F: Number>(
        bn: Norm,
        batch: &Batch<F>,
        slip: fn(&mut Gradients<F, Ix3>, &[Array1<F>; 2]),
    ) -> Vec<Sides<F>> {
        let derivative = |rd: &[Array1<F>; 2]| {
            let rd = rd.each_ref().map(|v| v.mapv(Dual::constant));
            by_duals(batch, |inputs| held(bn, inputs, Dual::constant(batch.eps), &rd))
        };
        each(batch, derivative, slip)
    }
    fn duals<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        duals_but(bn, batch, |_, _| {})
    }
    fn differences(bn: Norm, batch: &Batch<f64>) -> Vec<Sides<f64>> {
        let derivative =
            |rd: &[Array1<f64>; 2]| by_differences(batch, |inputs| held(bn, inputs, batch.eps, rd));
        each(batch, derivative, |_, _| {})
    }
    fn closed_form<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        let derivative = |[r, d]: &[Array1<F>; 2]| {
            let mut expected = batch.backward(bn);
            for (i, c) in batch.channels(bn).enumerate() {
                let (r, d) = (r[i].widen(), d[i].widen());
                let of_gamma = r * c.dgamma + d * c.dbeta;
                expected.gamma[i] = F::narrow(of_gamma);
                let mut dx = expected.x.index_axis_mut(Axis(1), i);
                dx.mapv_inplace(|dx| F::narrow(r * dx.widen()));
            }
            expected
        };
        each(batch, derivative, |_, _| {})
    }
    /// dx without r; dγ without the part of d.
    fn without_r<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        duals_but(bn, batch, |gradients, [r, _]| {
            gradients.x.indexed_iter_mut().for_each(|(at, dx)| *dx = *dx / r[at.1]);
        })
    }
    fn without_d<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        duals_but(bn, batch, |gradients, [_, d]| {
            gradients.gamma = &gradients.gamma - &(d * &gradients.beta);
        })
    }
    claim(|bn| {
        let tolerance = difference::tolerance::<f64>();
        all([
            everywhere!(bn, closed_form),
            by(How::DualPrimeField, prime_field(bn, duals)),
            by(How::Dual, property::<f64>(bn, duals)),
            by(How::FiniteDifferences, property_within::<f64>(bn, tolerance, differences)),
            wrong("dx without r", prime_field(bn, without_r)),
            wrong("dx without r", property::<f64>(bn, without_r)),
            wrong("dγ without d", prime_field(bn, without_d)),
            wrong("dγ without d", property::<f64>(bn, without_d)),
        ])
    })
    .rejects(&[Wrong::MeanDetached, Wrong::VarianceDetached, Wrong::BothDetached])
}

/// Differentiated through r and d, too, unclipped batch renormalization has another gradient: that of
/// inference, dx = γg/σ̂, which knows nothing of the batch. It is the stop at r and d that keeps the difference.
///
/// 잘리지 않은 배치 재정규화를 r과 d까지 지나 미분하면 다른 그레이디언트가 나옵니다. 배치를 모르는 추론의 그레이디언트 dx = γg/σ̂입니다. 둘을 다르게 하는 것은 r과 d에서 미분을 멈추는 일입니다.
#[test]
fn renorm_differentiated_through_r_and_d_is_another_gradient() -> Claim {
    fn frozen<F: Number>(batch: &Batch<F>) -> Gradients<F, Ix3> {
        let layer = renorm(batch, Clips::NONE);
        let map = layer.freeze().expect("σ̂ > 0");
        let of_map = map.backward(&batch.x, &batch.g).expect("fits");
        // ∂L/∂scale = Σ g(x − μ̂), and the scale is γ/σ̂.
        Gradients { x: of_map.x, gamma: of_map.scale / &layer.running_std, beta: of_map.shift }
    }
    fn compare<F: Number>(batch: &Batch<F>, got: &Gradients<F, Ix3>) -> Vec<Sides<F>> {
        let (_, tape) = renorm(batch, Clips::NONE).train(batch.x.clone()).expect("valid");
        same_gradients(batch, [got, &frozen(batch)], &tape.r(), &tape.d())
    }
    /// The forward pass of the library itself, on dual numbers: nothing is stopped.
    fn through<F: Number>(_: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        let still = renorm(batch, Clips::NONE);
        let through = by_duals(batch, |(x, gamma, beta)| {
            let eps = Dual::constant(batch.eps);
            let layer = BatchRenorm::new(gamma.len(), eps, Dual::ZERO);
            let mut layer = layer.expect("good numbers");
            (layer.gamma, layer.beta) = (Some(gamma.clone()), Some(beta.clone()));
            layer.running_mean = still.running_mean.mapv(Dual::constant);
            layer.running_std = still.running_std.mapv(Dual::constant);
            layer.clips = Clips::NONE;
            layer.train(x.clone()).expect("valid").0
        });
        compare(batch, &through)
    }
    fn stopped<F: Number>(_: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        let (_, tape) = renorm(batch, Clips::NONE).train(batch.x.clone()).expect("valid");
        compare(batch, &tape.backward(&batch.g).expect("fits"))
    }
    claim(|bn| {
        all([
            by(How::DualPrimeField, prime_field(bn, through)),
            by(How::Dual, property::<f64>(bn, through)),
            wrong("the gradient with r and d held", prime_field(bn, stopped)),
            wrong("the gradient with r and d held", property::<f64>(bn, stopped)),
        ])
    })
}

/// A batch normalization with the ε, γ and β of the batch, whose running statistics are the last it has seen.
fn following<F: Number>(batch: &Batch<F>) -> BatchNorm<F> {
    let config = Config {
        eps: batch.eps,
        average: Average::Exponential { momentum: F::ONE },
        running_var: RunningVar::Unbiased,
        affine: true,
    };
    let mut bn = BatchNorm::with(batch.channels_count(), config).expect("good numbers");
    (bn.gamma, bn.beta) = (Some(batch.gamma.clone()), Some(batch.beta.clone()));
    bn
}

/// The running statistics of two layers.
fn same_running<F: Number>(batch: &Batch<F>, a: &BatchNorm<F>, b: &BatchNorm<F>) -> Vec<Sides<F>> {
    let sides = |c: usize| {
        let x = largest(&batch.channel_of(&batch.x, c));
        let pair = |a: &Array1<F>, b: &Array1<F>| equal(a[c].widen(), b[c].widen());
        [pair(&a.running_mean, &b.running_mean).to(x), pair(&a.running_var, &b.running_var)]
    };
    (0..a.channels()).flat_map(sides).collect()
}

/// Ghost batch normalization with one chunk is batch normalization: forward, backward, and in what it leaves in
/// the running statistics.
///
/// 조각이 하나뿐인 고스트 배치 정규화는 배치 정규화입니다. 순전파도, 역전파도, 이동 통계에 남기는 것도 같습니다.
#[test]
fn one_chunk_is_batch_norm() -> Claim {
    fn law<F: Number>(bn: Norm, batch: &Batch<F>, chunk: usize) -> Vec<Sides<F>> {
        let (mut layer, mut ghost) =
            (following(batch), GhostBatchNorm::new(following(batch), chunk).expect("not empty"));
        let _ = layer.train(batch.x.clone()).expect("valid");
        let (y, tape) = ghost.train(batch.x.clone()).expect("valid");
        let gradients = tape.backward(&batch.g).expect("fits");
        let mut sides = is_batch_norm(bn, batch, &y, &gradients);
        sides.extend(same_running(batch, &layer, &ghost.layer));
        sides
    }
    fn holds<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        let n = batch.x.dim().0;
        [law(bn, batch, n), law(bn, batch, n + 3)].concat()
    }
    fn several<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        // A chunk may be constant.
        let batch = batch.with_eps(batch.spare[0]);
        law(bn, &batch, smallest_chunk(batch.x.dim()))
    }
    claim(|bn| all([everywhere!(bn, holds), wrong("several chunks", everywhere!(bn, several))]))
        .rejects(&[
            Wrong::UnbiasedVariance,
            Wrong::PerSample,
            Wrong::NoEpsilon,
            Wrong::MeanDetached,
            Wrong::VarianceDetached,
            Wrong::GammaGradientWithOutput,
            Wrong::BetaGradientIsMean,
        ])
}

/// The smallest size of chunk that leaves each chunk two values.
fn smallest_chunk((n, _, s): (usize, usize, usize)) -> usize {
    let smallest = |chunk: &usize| n / n.div_ceil(*chunk) * s >= 2;
    (1..=n).find(smallest).unwrap_or(n)
}

/// What becomes of a sample in ghost batch normalization, forward and backward, depends on its own chunk and on
/// nothing else, not in a single bit.
///
/// 고스트 배치 정규화에서 한 샘플의 결과는 순전파에서도 역전파에서도 제 조각에만 달려 있고, 나머지에는 마지막 비트까지 전혀 의존하지 않습니다.
#[test]
fn a_chunk_sees_only_itself() -> Claim {
    /// Each chunk of a batch by itself, against what became of it among the others.
    fn law<F: Number>(
        batch: &Batch<F>,
        chunk: fn((usize, usize, usize)) -> usize,
        members: fn(&[usize], usize, usize) -> Vec<usize>,
    ) -> Vec<Sides<F>> {
        // A chunk may be constant.
        let batch = batch.with_eps(batch.spare[0]);
        let chunk = chunk(batch.x.dim());
        let ghost = || GhostBatchNorm::new(following(&batch), chunk).expect("not empty");
        let (y, tape) = ghost().train(batch.x.clone()).expect("valid");
        let dx = tape.backward(&batch.g).expect("fits").x;
        let n = batch.x.dim().0;
        let chunks: Vec<_> = GhostBatchNorm::new(following(&batch), smallest_chunk(batch.x.dim()))
            .expect("not empty")
            .chunks(n)
            .collect();
        let mut sides = Vec::new();
        for (i, range) in chunks.iter().enumerate() {
            let members = members(&range.clone().collect::<Vec<_>>(), i, chunks.len());
            let of = |t: &Array3<F>| t.select(Axis(0), &members);
            let (alone, tape) = following(&batch).train_in_one_chunk(of(&batch.x));
            let alone_dx = tape.backward(&of(&batch.g)).expect("fits").x;
            for (a, b) in [(of(&y), alone), (of(&dx), alone_dx)] {
                let pairs = a.iter().zip(&b);
                sides.extend(pairs.map(|(a, b)| equal(a.widen(), b.widen()).exactly()));
            }
        }
        sides
    }
    fn holds<F: Number>(_: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        law(batch, smallest_chunk, |range, _, _| range.to_vec())
    }
    fn whole<F: Number>(_: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        law(batch, |(n, _, _)| n, |range, _, _| range.to_vec())
    }
    fn in_turn<F: Number>(_: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        law(batch, smallest_chunk, |range, i, count| {
            (0..range.len()).map(|k| i + k * count).collect()
        })
    }
    claim(|bn| {
        all([
            everywhere!(bn, holds),
            wrong("statistics of the whole batch", everywhere!(bn, whole)),
            wrong("samples dealt out to the chunks in turn", everywhere!(bn, in_turn)),
        ])
    })
}

/// One chunk, with the arithmetic of chunks.
trait OneChunk<F: Number> {
    fn train_in_one_chunk(self, x: Array3<F>) -> (Array3<F>, ghost_batch_norm::Tape<F, Ix3>);
}

impl<F: Number> OneChunk<F> for BatchNorm<F> {
    fn train_in_one_chunk(self, x: Array3<F>) -> (Array3<F>, ghost_batch_norm::Tape<F, Ix3>) {
        let mut ghost = GhostBatchNorm::new(self, x.dim().0).expect("not empty");
        ghost.train(x).expect("valid")
    }
}

/// The mean that a sample meets in ghost batch normalization has the noise of its chunk, not of its batch: for
/// independent draws its variance is σ²/m with m the values of a chunk, however large the batch.
///
/// 고스트 배치 정규화에서 샘플이 만나는 평균의 잡음은 배치가 아니라 조각의 것입니다. 독립으로 뽑으면 배치가 아무리 커도 그 분산은 σ²/m이고, m은 조각에 든 값의 개수입니다.
#[test]
fn ghost_noise_is_that_of_the_chunk() -> Claim {
    /// The variance of the mean of the last chunk, over all batches of four draws from three numbers.
    fn law<F: Number>(
        n: &[F],
        chunk: usize,
        share: fn(F::Wide) -> F::Wide,
        allowed: fn(&[usize; 4]) -> bool,
    ) -> Vec<Sides<F>> {
        let batches = (0..81usize).map(|code| [0, 1, 2, 3].map(|i| code / 3usize.pow(i) % 3));
        let mean_of_last = |draws: [usize; 4]| {
            let config = Config {
                eps: F::ONE,
                average: Average::Exponential { momentum: F::ONE },
                running_var: RunningVar::Biased,
                affine: false,
            };
            let layer = BatchNorm::with(1, config).expect("good numbers");
            let mut ghost = GhostBatchNorm::new(layer, chunk).expect("not empty");
            let x = Array2::from_shape_fn((4, 1), |(i, _)| n[draws[i]]);
            let _ = ghost.train(x).expect("ε is 1");
            ghost.layer.running_mean[0].widen()
        };
        let means: Vec<_> = batches.filter(allowed).map(mean_of_last).collect();
        let spread = |values: &[F::Wide]| {
            let mu = mean(values);
            mean_of(values, |v| (v - mu) * (v - mu))
        };
        let population: Vec<_> = n.iter().map(|v| v.widen()).collect();
        // The means are rounded, and squared.
        let scale = 4.0 * largest(&population).powi(2);
        vec![equal(spread(&means), share(spread(&population))).to(scale)]
    }
    fn in_chunks<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, 2, |var| var / F::Wide::count(2), |_| true)
    }
    fn in_one<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, 4, |var| var / F::Wide::count(4), |_| true)
    }
    fn of_the_batch<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, 2, |var| var / F::Wide::count(4), |_| true)
    }
    fn one_less<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, 2, |var| var, |_| true)
    }
    fn without_replacement<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, 2, |var| var / F::Wide::count(2), |draws| draws[2] != draws[3])
    }
    claim(|bn| {
        all([
            by(How::Enumeration, for_numbers!(bn, 3, in_chunks)),
            by(How::Enumeration, for_numbers!(bn, 3, in_one)),
            wrong("the noise of the batch", for_numbers!(bn, 3, of_the_batch)),
            wrong("σ²/(m − 1)", for_numbers!(bn, 3, one_less)),
            wrong("draws without replacement", for_numbers!(bn, 3, without_replacement)),
        ])
    })
}

/// Count, mean and M₂ forward, and the sums of g and gx̂ backward, are all that the shards of a batch need of
/// each other: the outputs, the gradients and the running statistics are those of the whole batch. Averaging the
/// shards' variances gives others.
///
/// 배치의 조각들이 서로에게서 알아야 하는 것은 순전파에서 개수, 평균, M₂이고 역전파에서 g의 합과 gx̂의 합이 전부입니다. 출력도 그레이디언트도 이동 통계도 배치 전체의 것과 같습니다. 조각의 분산을 평균하면 같지 않습니다.
#[test]
fn shards_merge_to_the_whole() -> Claim {
    /// Cuts a tensor along its first axis in front of these samples.
    fn cut<F: Number>(x: &Array3<F>, cuts: &[usize]) -> Vec<Array3<F>> {
        let ends = cuts.iter().copied().chain([x.dim().0]);
        let mut start = 0;
        let parts = ends.map(|end| {
            let part = x.slice(s![start..end, .., ..]).to_owned();
            start = end;
            part
        });
        parts.filter(|part| !part.is_empty()).collect()
    }
    fn joined<F: Number>(parts: &[Array3<F>]) -> Array3<F> {
        let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
        concatenate(Axis(0), &views).expect("shards of a batch")
    }
    fn law<F: Number>(bn: Norm, batch: &Batch<F>, cuts: &[usize]) -> Vec<Sides<F>> {
        let (mut layer, mut whole) = (following(batch), following(batch));
        let _ = whole.train(batch.x.clone()).expect("valid");
        let run = synchronized::train(&mut layer, cut(&batch.x, cuts));
        let (y, tape) = run.expect("two values in all");
        let got = tape.backward(&cut(&batch.g, cuts)).expect("fits");
        let gradients = Gradients { x: joined(&got.x), gamma: got.gamma, beta: got.beta };
        let mut sides = is_batch_norm(bn, batch, &joined(&y), &gradients);
        sides.extend(same_running(batch, &layer, &whole));
        sides
    }
    fn holds<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        let n = batch.x.dim().0;
        let each: Vec<_> = (1..n).collect();
        [law(bn, batch, &[]), law(bn, batch, &[n / 3]), law(bn, batch, &each)].concat()
    }
    /// What the shards of the samples 0 and 1… have in common, by averages.
    fn averaged<F: Number>(
        batch: &Batch<F>,
        of: fn(&Population<F>) -> Array1<F>,
        whole: fn(&Channel<F>) -> F::Wide,
    ) -> Vec<Sides<F>> {
        let shards = cut(&batch.x, &[1]);
        let count = F::Wide::count(shards.len());
        let of = shards.iter().map(|shard| of(&Population::of(shard).expect("not empty")));
        let of: Vec<_> = of.collect();
        let side = |(i, c): (usize, Channel<F>)| {
            let average = sum(of.iter().map(|v| v[i].widen())) / count;
            equal(average, whole(&c)).to(largest(&c.x).max(c.var.size()))
        };
        batch.channels(Norm::Library).enumerate().map(side).collect()
    }
    fn averaged_variances<F: Number>(_: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        averaged(batch, |part| part.biased_variance().expect("values"), |c| c.var)
    }
    fn averaged_means<F: Number>(_: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        averaged(batch, |part| part.mean().expect("values"), |c| c.mean)
    }
    /// Every shard with the sums of its own gradients.
    fn own_sums<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        let mut layer = following(batch);
        let population = Population::of(&batch.x).expect("not empty");
        let statistics = Statistics::new(&population, batch.eps).expect("not constant");
        let (y, _) = layer.train(batch.x.clone()).expect("valid");
        let run = |(x, g): (Array3<F>, &Array3<F>)| {
            let forward = synchronized::forward(&layer, x, &statistics);
            let (_, shard) = forward.expect("fits");
            let sums = shard.sums(g).expect("fits");
            shard.backward(g, &sums).expect("fits")
        };
        let gs = cut(&batch.g, &[1]);
        let dx: Vec<_> = cut(&batch.x, &[1]).into_iter().zip(&gs).map(run).collect();
        let exact = batch.backward(Norm::Library);
        let gradients = Gradients { x: joined(&dx), ..exact };
        is_batch_norm(bn, batch, &y, &gradients)
    }
    claim(|bn| {
        all([
            everywhere!(bn, holds),
            wrong("the shards' variances averaged", everywhere!(bn, averaged_variances)),
            wrong("the shards' means averaged", everywhere!(bn, averaged_means)),
            wrong("sums of the shard's own gradients", everywhere!(bn, own_sums)),
        ])
    })
    .rejects(&[
        Wrong::UnbiasedVariance,
        Wrong::PerSample,
        Wrong::EpsilonOutsideRoot,
        Wrong::MeanDetached,
        Wrong::VarianceDetached,
        Wrong::BetaGradientIsMean,
    ])
}

/// Mean and variance of a whole set come out the same in whatever parts it is gathered, and in whatever order;
/// with them, inference on the set is what training with the whole set as one batch would give.
///
/// 전체 집합의 평균과 분산은 어떤 조각으로 나누어 어떤 순서로 모아도 같습니다. 그 통계로 집합을 추론하면, 집합 전체를 한 배치로 학습할 때의 출력이 나옵니다.
#[test]
fn whole_set_statistics_are_exact_for_any_parts() -> Claim {
    const PARTS: [&[usize]; 5] = [&[9], &[1; 9], &[2, 3, 4], &[4, 5], &[1, 7, 1]];
    fn column<F: Number>(values: &[F]) -> Array2<F> {
        Array2::from_shape_vec((values.len(), 1), values.to_vec()).expect("a column")
    }
    fn parts<F: Number>(n: &[F], sizes: &[usize]) -> Vec<Array2<F>> {
        let mut rest = n;
        let part = |&size: &usize| {
            let (part, after) = rest.split_at(size);
            rest = after;
            column(part)
        };
        sizes.iter().map(part).collect()
    }
    /// Mean, biased and unbiased variance of all numbers, by whatever gathers them.
    fn law<F: Number>(n: &[F], gathered: impl Fn(&[Array2<F>]) -> Option<[F; 3]>) -> Vec<Sides<F>> {
        let wide: Vec<_> = n.iter().map(|v| v.widen()).collect();
        let mu = mean(&wide);
        let m2 = sum(wide.iter().map(|&v| (v - mu) * (v - mu)));
        let expected = [mu, m2 / F::Wide::count(9), m2 / F::Wide::count(8)];
        let sides = |sizes: &[usize]| {
            let pairs = gathered(&parts(n, sizes)).into_iter().flatten().zip(expected);
            pairs.map(|(got, right)| equal(got.widen(), right)).collect::<Vec<_>>()
        };
        PARTS.into_iter().flat_map(sides).collect()
    }
    fn merged<F: Number>(parts: impl Iterator<Item = Array2<F>>) -> Option<[F; 3]> {
        let mut set = Population::empty(1);
        parts.for_each(|part| set.add(&part).expect("one channel"));
        let of = [set.mean(), set.biased_variance(), set.unbiased_variance()];
        Some(of.map(|v| v.expect("nine values")[0]))
    }
    fn holds<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        let forth = law(n, |parts| merged(parts.iter().cloned()));
        let back = law(n, |parts| merged(parts.iter().rev().cloned()));
        [forth, back].concat()
    }
    /// The average over the batches, of those that have two values.
    fn averaged<F: Number>(n: &[F], average: Average<F>) -> Vec<Sides<F>> {
        law(n, |parts| {
            let mut both = [RunningVar::Biased, RunningVar::Unbiased].map(|running_var| {
                let config = Config { eps: F::ONE, average, running_var, affine: true };
                BatchNorm::with(1, config).expect("good numbers")
            });
            for part in parts.iter().filter(|part| part.len() > 1) {
                for bn in &mut both {
                    let _ = bn.train(part.clone()).expect("ε is 1");
                }
            }
            let [biased, unbiased] = both;
            let many = parts.iter().all(|part| part.len() > 1);
            many.then(|| [biased.running_mean[0], biased.running_var[0], unbiased.running_var[0]])
        })
    }
    fn cumulative<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        averaged(n, Average::Cumulative)
    }
    fn exponential(_: Norm, n: &[f64]) -> Vec<Sides<f64>> {
        averaged(n, Average::Exponential { momentum: 0.1 })
    }
    /// Inference with the statistics of the set, against training on all of it.
    fn inference<F: Number>(batch: &Batch<F>, unbiased: bool) -> Vec<Sides<F>> {
        let mut set = Population::empty(batch.channels_count());
        for sample in batch.x.axis_chunks_iter(Axis(0), 1) {
            set.add(&sample.to_owned()).expect("the channels of the batch");
        }
        let mut layer = following(batch);
        layer.running_mean = set.mean().expect("values");
        layer.running_var = match unbiased {
            true => set.unbiased_variance().expect("two values"),
            false => set.biased_variance().expect("values"),
        };
        let y = layer.freeze().and_then(|map| map.apply(&batch.x)).expect("v + ε > 0");
        let mut sides = Vec::new();
        for (i, c) in batch.channels(Norm::Library).enumerate() {
            // The statistics are rounded: the mean in units of s, the variance by a part of itself.
            let scale =
                largest(&c.y) + c.gamma.size() * (largest(&c.x) / c.s.size() + largest(&c.xhat));
            let pairs = batch.channel_of(&y, i).into_iter().zip(c.y);
            sides.extend(pairs.map(|(a, b)| equal(a, b).to(2.0 * scale)));
        }
        sides
    }
    fn of_the_set<F: Number>(_: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        inference(batch, false)
    }
    fn of_more<F: Number>(_: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        inference(batch, true)
    }
    claim(|bn| {
        all([
            for_numbers!(bn, 9, holds),
            everywhere!(bn, of_the_set),
            wrong("the batches averaged", for_numbers!(bn, 9, cumulative)),
            wrong("an exponential average", numbers(bn, 9, exponential)),
            wrong("the unbiased variance", everywhere!(bn, of_more)),
        ])
    })
}

/// Each row of weights has the length |g|, and the direction of v: ‖w‖ = |g|, whatever v is.
///
/// 가중치의 각 행은 길이가 |g|이고 방향은 v와 나란합니다. v가 무엇이든 ‖w‖ = |g|입니다.
#[test]
fn weight_norm_length_is_g() -> Claim {
    fn holds<F: Number>(by: Hand, table: &Table<F>) -> Vec<Sides<F>> {
        let w = table.weight_norm(by);
        let rows = w.rows().into_iter().zip(table.a.rows()).zip(&table.rows);
        let sides = rows.flat_map(|((w, v), g)| {
            let w: Vec<_> = w.iter().map(|w| w.widen()).collect();
            let v: Vec<_> = v.iter().map(|v| v.widen()).collect();
            let sizes: f64 = w.iter().map(|w| w.size()).sum();
            let squared = sum(w.iter().map(|&w| w * w));
            let length = equal(squared, g.widen() * g.widen()).to(2.0 * sizes * largest(&w));
            let scale = 2.0 * largest(&w) * largest(&v);
            let parallel = (1..w.len()).map(|j| equal(w[0] * v[j], w[j] * v[0]).to(scale));
            parallel.chain([length]).collect::<Vec<_>>()
        });
        sides.collect()
    }
    claim(|_| {
        stands(
            &tables!(holds),
            &[
                Mistake::LengthOfAll,
                Mistake::LengthOfColumns,
                Mistake::LengthSquared,
                Mistake::RowNotScaled,
            ],
        )
    })
}

/// The gradient of v is at a right angle to v, so a step of gradient descent never makes v shorter:
/// ‖v − η dv‖² = ‖v‖² + η²‖dv‖².
///
/// v의 그레이디언트는 v와 직교합니다. 그래서 경사 하강 한 걸음이 v를 짧게 만드는 일은 없습니다. ‖v − η dv‖² = ‖v‖² + η²‖dv‖²입니다.
#[test]
fn weight_norm_gradient_is_orthogonal_to_v() -> Claim {
    fn holds<F: Number>(by: Hand, table: &Table<F>) -> Vec<Sides<F>> {
        let gradients = table.weight_norm_backward(by);
        let rows = table.a.rows().into_iter().zip(gradients.v.rows());
        let rows = rows.zip(table.upstream.rows()).zip(&table.rows);
        let sides = rows.flat_map(|(((v, dv), dw), g)| {
            let [v, dv, dw] = [v, dv, dw].map(|t| t.iter().map(|t| t.widen()).collect::<Vec<_>>());
            let dot = |a: &[F::Wide], b: &[F::Wide]| sum(a.iter().zip(b).map(|(&a, &b)| a * b));
            let sizes: f64 = v.iter().map(|v| v.size()).sum();
            // dv is the difference of two terms of the size of g·dw/‖v‖.
            let terms = (g.widen() / dot(&v, &v).sqrt()).size() * largest(&dw);
            let (zero, scale) = (F::Wide::ZERO, sizes * (largest(&dv) + terms));
            let eta = table.spare.widen();
            let then: Vec<_> = v.iter().zip(&dv).map(|(&v, &dv)| v - eta * dv).collect();
            let longer = dot(&v, &v) + eta * eta * dot(&dv, &dv);
            let right_angle = equal(dot(&v, &dv), zero).to(scale);
            let pythagoras =
                equal(dot(&then, &then), longer).to(2.0 * eta.size() * scale + longer.size());
            [right_angle, pythagoras]
        });
        sides.collect()
    }
    claim(|_| {
        let mistakes =
            [Mistake::LengthDetached, Mistake::ProjectionNotNormalized, Mistake::LengthOfAll];
        stands(&tables!(holds), &mistakes)
    })
}

/// The gradients of weight normalization, dg = ⟨G, v̂⟩ and dv = (g/‖v‖)(G − v̂⟨G, v̂⟩) with v̂ = v/‖v‖, are
/// the derivatives of w = g v̂.
///
/// v̂ = v/‖v‖라고 할 때, 가중치 정규화의 그레이디언트 dg = ⟨G, v̂⟩과 dv = (g/‖v‖)(G − v̂⟨G, v̂⟩)은 w = g v̂의 도함수입니다.
#[test]
fn weight_norm_gradient_is_the_derivative() -> Claim {
    /// What the errors of dg and of dv are relative to, in each row: a derivative sums outputs times G, and
    /// divides them by ‖v‖.
    fn scales<F: Number>(table: &Table<F>) -> Vec<[f64; 3]> {
        let scale = |((v, dw), g): ((ndarray::ArrayView1<F>, ndarray::ArrayView1<F>), &F)| {
            let length = sum(v.iter().map(|v| v.widen() * v.widen())).sqrt().size();
            let dw: f64 = dw.iter().map(|g| g.widen().size()).sum();
            [dw, 2.0 * dw * g.widen().size() / length, length]
        };
        table.a.rows().into_iter().zip(table.upstream.rows()).zip(&table.rows).map(scale).collect()
    }
    fn formula<F: Number>(by: Hand, table: &Table<F>) -> Vec<Sides<F>> {
        let (got, expected) =
            (table.weight_norm_backward(by), table.weight_norm_backward(By::Textbook));
        compare(table, &got.g, &got.v, |i| expected.g[i], |at| expected.v[at])
    }
    fn compare<F: Number>(
        table: &Table<F>,
        g: &Array1<F>,
        v: &Array2<F>,
        of_g: impl Fn(usize) -> F,
        of_v: impl Fn((usize, usize)) -> F,
    ) -> Vec<Sides<F>> {
        let scales = scales(table);
        let lengths =
            g.indexed_iter().map(|(i, g)| equal(g.widen(), of_g(i).widen()).to(scales[i][0]));
        let directions =
            v.indexed_iter().map(|(at, v)| equal(v.widen(), of_v(at).widen()).to(scales[at.0][1]));
        lengths.chain(directions).collect()
    }
    fn dual<F: Number>(by: Hand, table: &Table<F>) -> Vec<Sides<F>> {
        let got = table.weight_norm_backward(by);
        let of_g = |i: usize| slope(table, |t| &mut t.rows[i], |t| t.weight_norm(By::Library));
        let of_v = |at| slope(table, |t| &mut t.a[at], |t| t.weight_norm(By::Library));
        compare(table, &got.g, &got.v, of_g, of_v)
    }
    fn differences(by: Hand, table: &Table<f64>) -> Vec<Sides<f64>> {
        let (got, scales) = (table.weight_norm_backward(by), scales(table));
        let h = difference::step::<f64>();
        let w = |t: &Table<f64>| t.weight_norm(By::Library);
        // w is linear in g: a step of any size will do.
        let of_g = |i: usize| central(table, h * 2.0, |t| &mut t.rows[i], w);
        let of_v = |at: (usize, usize)| central(table, h * scales[at.0][2], |t| &mut t.a[at], w);
        compare(table, &got.g, &got.v, of_g, of_v)
    }
    claim(|_| {
        let mistakes = [
            Mistake::LengthDetached,
            Mistake::ProjectionNotNormalized,
            Mistake::RowNotScaled,
            Mistake::LengthSquared,
            Mistake::LengthOfAll,
        ];
        stands(&gradients!(formula, dual, differences), &mistakes)
    })
}

/// On inputs of mean 0 that have the identity for their second moments, weight normalization is batch
/// normalization: X w is the batch-normalized X v, with γ = g, β = 0 and ε = 0.
///
/// 입력의 평균이 0이고 2차 모멘트가 단위행렬이면 가중치 정규화는 배치 정규화와 같습니다. X w는 X v를 γ = g, β = 0, ε = 0으로 배치 정규화한 것입니다.
#[test]
fn weight_norm_is_batch_norm_on_white_inputs() -> Claim {
    /// The corners of a cube, ±1 in each of k coordinates, have mean 0 and second moments 1. Mirrored at the
    /// plane across a random vector, (I − 2nnᵀ/nᵀn)x, they keep both. The first coordinate is then
    /// multiplied, and something added to it.
    fn inputs<F: Number>(normal: &[F], factor: F, offset: F) -> Array2<F> {
        let normal: Vec<_> = normal.iter().map(|n| n.widen()).collect();
        let square = sum(normal.iter().map(|&n| n * n));
        let k = normal.len();
        let sign = |i: usize, j: usize| match i >> j & 1 {
            0 => F::Wide::ONE,
            _ => -F::Wide::ONE,
        };
        Array2::from_shape_fn((1 << k, k), |(i, j)| {
            let along = sum((0..k).map(|l| sign(i, l) * normal[l]));
            let mirrored = sign(i, j) - F::Wide::count(2) * normal[j] * along / square;
            let changed =
                if j == 0 { factor.widen() * mirrored + offset.widen() } else { mirrored };
            F::narrow(changed)
        })
    }
    fn against<F: Number>(by: Hand, table: &Table<F>, factor: F, offset: F) -> Vec<Sides<F>> {
        let (rows, k) = table.a.dim();
        let normal: Vec<F> = table.columns[0].to_vec();
        if k > 4 || normal.iter().all(|&n| n == F::ZERO) {
            return Vec::new();
        }
        let x = inputs(&normal, factor, offset);
        let product = |w: &Array2<F>| {
            Array2::from_shape_fn((x.nrows(), rows), |(i, o)| {
                sum((0..k).map(|j| x[[i, j]].widen() * w[[o, j]].widen()))
            })
        };
        let (t, y) = (product(&table.a).mapv(F::narrow), product(&table.weight_norm(by)));
        let plan = Plan::batch(t.shape()).expect("two axes");
        let normalized = norm::forward(t, plan, Some(&table.rows), None, F::ZERO);
        let normalized = normalized.expect("no row of zeros").0;
        // Each of the k numbers that make up an input is rounded, and so is t: all of that is relative to
        // an output, whose largest is √k·|g|.
        let rounded = 4.0 * (k as f64).powf(1.5);
        let pair = |((i, o), y): ((usize, usize), &F::Wide)| {
            equal(*y, normalized[[i, o]].widen()).to(rounded * table.rows[o].widen().size())
        };
        y.indexed_iter().map(pair).collect()
    }
    fn holds<F: Number>(by: Hand, table: &Table<F>) -> Vec<Sides<F>> {
        against(by, table, F::ONE, F::ZERO)
    }
    fn uneven<F: Number>(by: Hand, table: &Table<F>) -> Vec<Sides<F>> {
        against(by, table, F::ONE + F::ONE, F::ZERO)
    }
    fn uncentred<F: Number>(by: Hand, table: &Table<F>) -> Vec<Sides<F>> {
        against(by, table, F::ONE, F::ONE)
    }
    claim(|_| {
        let mistakes = [Mistake::LengthOfAll, Mistake::LengthSquared, Mistake::RowNotScaled];
        all([
            stands(&tables!(holds), &mistakes),
            falls("one coordinate twice as large", &tables!(uneven)),
            falls("one coordinate with another mean", &tables!(uncentred)),
        ])
    })
}

/// Standardized, each row of weights has the mean 0 and the variance ρ = v/(v+ε), which is 1 at ε = 0.
///
/// 표준화한 가중치는 각 행의 평균이 0이고 분산이 ρ = v/(v+ε)입니다. ε = 0이면 1입니다.
#[test]
fn standardized_rows_have_mean_zero_and_variance_rho() -> Claim {
    claim(|_| {
        let mistakes = [
            Slip::WholeTensor,
            Slip::PerMap,
            Slip::UnbiasedVariance,
            Slip::NoEpsilon,
            Slip::EpsilonOutsideRoot,
            Slip::NotCentred,
        ];
        proves(&[Layer::Weights], &moments(), &mistakes)
    })
}

/// The gradient of standardized weights is that of batch normalization with γ = 1, taken along the rows:
/// dW = (G − ⟨G⟩ − Ŵ⟨GŴ⟩)/√(v+ε) is the derivative of Ŵ.
///
/// 표준화한 가중치의 그레이디언트는 γ = 1인 배치 정규화의 그레이디언트를 행마다 계산한 것입니다. dW = (G − ⟨G⟩ − Ŵ⟨GŴ⟩)/√(v+ε)은 Ŵ의 도함수입니다.
#[test]
fn weight_standardization_gradient_is_the_derivative() -> Claim {
    claim(|_| {
        let mistakes = [
            Slip::MeanDetached,
            Slip::VarianceDetached,
            Slip::EpsilonForgotten,
            Slip::UnbiasedVariance,
        ];
        proves(&[Layer::Weights], &gradient(), &mistakes)
    })
}

/// A matrix with known singular values, the first a sequence of numbers that fall, and a start.
#[derive(Clone, Debug)]
struct Spectrum {
    w: Array2<f64>,
    values: Vec<f64>,
    /// The cosine of the angle between the start and the first left singular vector.
    cosine: f64,
    u: Array1<f64>,
}

/// W = P diag(σ) Qᵀ with P and Q each a product of mirrors; σ₂ ≤ 0.8 σ₁.
fn spectra() -> impl Strategy<Value = Spectrum> {
    let sides = (1..=5usize, 1..=5usize, any::<u64>(), 0.0..0.8f64, -6.0..6.0f64);
    sides.prop_filter_map("a start that is not at a right angle", |(r, c, seed, ratio, size)| {
        let random = &mut Random::new(seed);
        let mut rotation = |n: usize| {
            let mut q = Array2::<f64>::eye(n);
            for _ in 0..2 {
                let normal = Array2::from_shape_simple_fn((n, 1), || random.gaussian());
                let square =
                    normal.dot(&normal.t()) * (2.0 / normal.iter().map(|n| n * n).sum::<f64>());
                q = q.dot(&(Array2::<f64>::eye(n) - square));
            }
            q
        };
        let (p, q) = (rotation(r), rotation(c));
        let size = 10f64.powf(size);
        let values: Vec<_> = (0..r.min(c)).map(|i| size * ratio.powi(i as i32)).collect();
        let mut middle = Array2::zeros((r, c));
        values.iter().enumerate().for_each(|(i, &v)| middle[[i, i]] = v);
        let u = Array1::from_shape_simple_fn(r, || random.gaussian());
        let u = &u / u.dot(&u).sqrt();
        let cosine = u.dot(&p.column(0)).abs();
        let w = p.dot(&middle).dot(&q.t());
        (cosine > 0.05).then_some(Spectrum { w, values, cosine, u })
    })
}

/// σ and W/σ after so many steps, by the library or with a mistake.
fn iterated(by: Hand, Spectrum { w, u, .. }: &Spectrum, steps: usize) -> (f64, Array2<f64>) {
    let mut layer = SpectralNorm::new(w, u.clone()).expect("not zero");
    let steps = if by == By::Wrong(Mistake::OneStep) { 1 } else { steps };
    for _ in 1..steps {
        if by == By::Wrong(Mistake::StateForgotten) {
            layer.u = u.clone();
        }
        layer.step(w).expect("not zero");
    }
    let sigma = layer.sigma(w).expect("not zero");
    let sigma = match by {
        By::Wrong(Mistake::Frobenius) => w.iter().map(|w| w * w).sum::<f64>().sqrt(),
        By::Wrong(Mistake::LargestEntry) => w.iter().fold(0.0, |top: f64, w| top.max(w.abs())),
        By::Wrong(Mistake::SigmaSquared) => sigma * sigma,
        _ => return (sigma, layer.freeze(w).expect("not zero")),
    };
    (sigma, w / sigma)
}

/// The statement for 256 matrices, as far as the products that make them up are rounded.
fn of_spectra(by: Hand, errors: impl Fn(Hand, &Spectrum) -> Vec<f64>) -> Proof {
    let check = Check::new(How::Property, 256).scalar("f64");
    over(check, 64.0 * f64::EPSILON, spectra().no_shrink(), |spectrum| errors(by, spectrum))
}

/// By how much `a` exceeds `b`, relative to `b`.
fn excess(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { ((a - b) / b).max(0.0) }
}

/// The σ of the power iteration never falls, never exceeds the largest singular value σ₁, and comes to it: k
/// steps from a start at the angle θ to the first left singular vector it is at least σ₁ cos θₖ, where
/// tan θₖ = (σ₂/σ₁)^(2k−1) tan θ.
///
/// 거듭제곱법의 σ는 줄어들지 않고, 가장 큰 특잇값 σ₁을 넘지 않으며, σ₁에 다가갑니다. 첫 번째 왼쪽 특이벡터와 각 θ를 이루는 벡터에서 시작해 k번 반복하면 σ는 σ₁ cos θₖ 이상입니다. 여기서 tan θₖ = (σ₂/σ₁)^(2k−1) tan θ입니다.
// In the basis of the singular vectors Wᵀ multiplies the i-th component by σᵢ: against the first, each of the
// others shrinks by σ₂/σ₁ or more. So the angle of v after the first half-step has the tangent (σ₂/σ₁) tan θ
// at most, after k steps (σ₂/σ₁)^(2k−1) tan θ; and for a unit vector at the angle θₖ ‖W v‖ ≥ σ₁ cos θₖ.
#[test]
fn power_iteration_finds_the_largest_singular_value() -> Claim {
    fn errors(by: Hand, spectrum: &Spectrum) -> Vec<f64> {
        let first = spectrum.values[0];
        let ratio = spectrum.values.get(1).map_or(0.0, |second| second / first);
        let tangent = (1.0 - spectrum.cosine.min(1.0).powi(2)).sqrt() / spectrum.cosine;
        let mut errors = Vec::new();
        let mut before = 0.0;
        for k in [1, 2, 3, 5, 8, 100] {
            let (sigma, _) = iterated(by, spectrum, k);
            let least = first / (1.0 + (ratio.powi(2 * k as i32 - 1) * tangent).powi(2)).sqrt();
            errors.extend([excess(sigma, first), excess(least, sigma), excess(before, sigma)]);
            before = sigma;
        }
        errors
    }
    claim(|_| {
        let w = array![[3.0, 0.0], [0.0, 4.0]];
        let root = 0.5f64.sqrt();
        let layer = SpectralNorm::new(&w, array![root, root]).expect("not zero");
        // v = (3, 4)/5, u = (9, 16)/√337, σ = ‖Wv‖ = √337/5.
        let sigma = layer.sigma(&w).expect("not zero");
        let by_hand = [(sigma - 337f64.sqrt() / 5.0).abs(), (layer.v[0] - 0.6).abs()];
        let mut proof = all([of_spectra(By::Library, errors), worked_example(&by_hand, 1e-15)])?;
        let mistakes = [
            Mistake::StateForgotten,
            Mistake::OneStep,
            Mistake::Frobenius,
            Mistake::LargestEntry,
            Mistake::SigmaSquared,
        ];
        for mistake in mistakes {
            proof.extend(wrong(mistake.name(), of_spectra(By::Wrong(mistake), errors))?);
        }
        Ok(proof)
    })
}

/// Divided by the σ of a power iteration that has converged, weights make no vector longer: their largest
/// singular value is 1. On the way it is σ₁/σ, which is never below 1, while uᵀ(W/σ)v is 1 at every step.
///
/// 수렴한 거듭제곱법의 σ로 나눈 가중치는 어떤 벡터도 늘이지 않습니다. 가장 큰 특잇값이 1입니다. 수렴하는 동안에는 σ₁/σ이고 1보다 작아지지 않으며, uᵀ(W/σ)v는 매번 1입니다.
#[test]
fn spectral_norm_is_at_most_one() -> Claim {
    fn errors(by: Hand, spectrum: &Spectrum) -> Vec<f64> {
        let mut errors = Vec::new();
        for k in [1, 3, 100] {
            let (sigma, normalized) = iterated(by, spectrum, k);
            let top = symmetric::norm(&normalized);
            let expected = spectrum.values[0] / sigma;
            errors.extend([(top / expected - 1.0).abs(), excess(1.0, top)]);
            if k == 100 {
                errors.push((top - 1.0).abs());
            }
        }
        errors
    }
    fn pairing<F: Number>(by: Hand, table: &Table<F>) -> Vec<Sides<F>> {
        let w = table.spectral_norm(by);
        let (u, v) = (&table.rows, &table.columns[0]);
        let term = |((i, j), w): ((usize, usize), &F)| u[i].widen() * w.widen() * v[j].widen();
        let terms: Vec<_> = w.indexed_iter().map(term).collect();
        let sizes = u.iter().map(|u| u.widen().size()).sum::<f64>()
            * v.iter().map(|v| v.widen().size()).sum::<f64>();
        let entries: Vec<_> = w.iter().map(|w| w.widen()).collect();
        vec![equal(sum(terms), F::Wide::ONE).to(sizes * largest(&entries))]
    }
    claim(|_| {
        let sizes = [Mistake::Frobenius, Mistake::LargestEntry, Mistake::SigmaSquared];
        let mut proof = all([of_spectra(By::Library, errors), stands(&tables!(pairing), &sizes)])?;
        for mistake in sizes.into_iter().chain([Mistake::StateForgotten, Mistake::OneStep]) {
            proof.extend(wrong(mistake.name(), of_spectra(By::Wrong(mistake), errors))?);
        }
        Ok(proof)
    })
}

/// The gradient dW = (G − ⟨G, W̄⟩uvᵀ)/σ is the derivative of W̄ = W/(uᵀWv) with u and v held; and where the
/// power iteration has converged, it is the derivative of W/σ₁, for there holding u and v changes nothing.
///
/// 그레이디언트 dW = (G − ⟨G, W̄⟩uvᵀ)/σ는 u와 v를 고정한 W̄ = W/(uᵀWv)의 도함수입니다. 거듭제곱법이 수렴한 곳에서는 W/σ₁의 도함수이기도 합니다. 그곳에서는 u와 v를 고정해도 달라지는 것이 없기 때문입니다.
#[test]
fn spectral_norm_gradient_is_the_derivative() -> Claim {
    /// What the errors are relative to: a derivative sums outputs times G, and divides them by σ.
    fn scale<F: Number>(table: &Table<F>) -> [f64; 2] {
        let sigma = table.sigma(None).size();
        let w: Vec<_> = table.a.iter().map(|w| w.widen()).collect();
        let g: f64 = table.upstream.iter().map(|g| g.widen().size()).sum();
        [2.0 * g * (1.0 + largest(&w) / sigma) / sigma, sigma]
    }
    fn compare<F: Number>(
        by: Hand,
        table: &Table<F>,
        derivative: impl Fn(&Table<F>, (usize, usize)) -> F,
    ) -> Vec<Sides<F>> {
        let (stepped, gradient) = table.spectral_norm_backward(by);
        let [scale, _] = scale(&stepped);
        let side = |(at, d): ((usize, usize), &F)| {
            equal(d.widen(), derivative(&stepped, at).widen()).to(scale)
        };
        gradient.indexed_iter().map(side).collect()
    }
    fn formula<F: Number>(by: Hand, table: &Table<F>) -> Vec<Sides<F>> {
        let (_, expected) = table.spectral_norm_backward(By::Textbook);
        compare(by, table, |_, at| expected[at])
    }
    fn dual<F: Number>(by: Hand, table: &Table<F>) -> Vec<Sides<F>> {
        compare(by, table, |table, at| {
            slope(table, |t| &mut t.a[at], |t| t.spectral_norm(By::Library))
        })
    }
    fn differences(by: Hand, table: &Table<f64>) -> Vec<Sides<f64>> {
        compare(by, table, |table, at| {
            let h = difference::step::<f64>() * scale(table)[1];
            central(table, h, |t| &mut t.a[at], |t| t.spectral_norm(By::Library))
        })
    }
    /// Against differences of W/σ₁, with σ₁ from all singular values.
    fn of_the_value(by: Hand) -> Proof {
        let errors = |(spectrum, g): &(Spectrum, Vec<f64>)| {
            let (r, c) = spectrum.w.dim();
            let w = &spectrum.w / spectrum.values[0];
            let mut layer = SpectralNorm::new(&w, spectrum.u.clone()).expect("not zero");
            (0..100).for_each(|_| layer.step(&w).expect("not zero"));
            let upstream = Array2::from_shape_fn((r, c), |(i, j)| g[i * c + j]);
            let table = Table {
                a: w.clone(),
                b: w.clone(),
                upstream,
                rows: layer.u,
                columns: [layer.v.clone(), layer.v],
                number: 1.0,
                spare: 1.0,
            };
            let (_, gradient) = table.spectral_norm_backward(by);
            let h = difference::step::<f64>();
            let normalized = |t: &Table<f64>| &t.a / symmetric::norm(&t.a);
            // The third derivative of a singular value grows as its distance to the next shrinks.
            let gap = 1.0 - spectrum.values.get(1).map_or(0.0, |s| s / spectrum.values[0]);
            let scale = 2.0 * g.iter().map(|g| g.abs()).sum::<f64>() / gap.powi(2);
            let error = |(at, d): ((usize, usize), &f64)| {
                (d - central(&table, h, |t| &mut t.a[at], normalized)).abs() / scale
            };
            gradient.indexed_iter().map(error).collect()
        };
        let check = Check::new(How::FiniteDifferences, 64).scalar("f64");
        let inputs = (spectra(), vec(-1.0..1.0f64, 25)).no_shrink();
        over(check, difference::tolerance::<f64>(), inputs, errors)
    }
    claim(|_| {
        let mistakes = [Mistake::SigmaDetached, Mistake::SigmaForgotten, Mistake::OuterTransposed];
        let mut proof = all([
            stands(&gradients!(formula, dual, differences), &mistakes),
            of_the_value(By::Library),
        ])?;
        for mistake in [Mistake::SigmaDetached, Mistake::OuterTransposed] {
            proof.extend(wrong(mistake.name(), of_the_value(By::Wrong(mistake)))?);
        }
        Ok(proof)
    })
}
