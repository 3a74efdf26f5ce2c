//! Covariate shift: what moves, what it costs, and what normalization takes back.

use crate::kit::symmetric::{condition, eigen, norm, second_moments};
use crate::kit::*;
use crate::{everywhere, for_numbers};
use batchnorm::batch_norm::BatchNorm;
use batchnorm::nn::activation::Activation;
use batchnorm::nn::init::Init;
use batchnorm::nn::linear::Linear;
use batchnorm::nn::random::Random;
use batchnorm::nn::sgd::Sgd;
use batchnorm::scalar::Field;
use interval::Interval;
use ndarray::{Array1, Array2, Array3, Axis, array};
use num_rational::Ratio;
use proptest::prelude::*;
use serde::Deserialize;

#[path = "../../examples/common/interval.rs"]
#[allow(dead_code)]
pub mod interval;

/// Weighted by w = q/p, the average loss over the training distribution p is that over the test
/// distribution q, if p produces every input that q does.
///
/// 무게 w = q/p를 달면 학습 분포 p에서 구한 평균 손실이 시험 분포 q에서 구한 평균 손실과 같습니다. q에서 나오는 입력이 p에서도 모두 나올 때 그렇습니다.
#[test]
fn importance_weights_recover_the_target_risk() -> Claim {
    type Weight<W> = fn(W, W) -> W;
    fn law<F: Drawn>(n: &[F], weight: Weight<F::Wide>) -> Vec<Sides<F>> {
        let parts: Vec<Vec<_>> =
            n.chunks(5).map(|part| part.iter().map(|v| v.widen()).collect()).collect();
        let share = |part: &Vec<F::Wide>, i| part[i] / sum(part.iter().copied());
        let (p, q) = (|i| share(&parts[0], i), |i| share(&parts[1], i));
        let weighted = sum((0..5).map(|i| p(i) * weight(p(i), q(i)) * parts[2][i]));
        vec![equal(weighted, sum((0..5).map(|i| q(i) * parts[2][i])))]
    }
    fn right<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |p, q| q / p)
    }
    fn upside_down<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |p, q| p / q)
    }
    fn unweighted<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |_, _| F::Wide::ONE)
    }
    /// All distributions on three inputs in sixths, those that leave out an input too: the risk is
    /// recovered where `covered` says so, and nowhere else.
    fn enumerate(covered: fn(i64, i64) -> bool) -> Proof {
        let sixths = || (0..7).flat_map(|a| (0..7 - a).map(move |b| [a, b, 6 - a - b]));
        let loss = [1, 5, 2];
        for (p, q) in sixths().flat_map(|p| sixths().map(move |q| (p, q))) {
            // An input that training never produces adds nothing to the average over training.
            let seen = (0..3).filter(|&i| p[i] > 0);
            let weighted: Ratio<i64> =
                seen.map(|i| Ratio::new(p[i], 6) * Ratio::new(q[i], p[i]) * loss[i]).sum();
            let target: Ratio<i64> = (0..3).map(|i| Ratio::new(q[i] * loss[i], 6)).sum();
            if (weighted == target) != (0..3).all(|i| covered(p[i], q[i])) {
                return Err(format!("{p:?}, {q:?}: {weighted} for {target}"));
            }
        }
        Ok(vec![Check::new(How::Enumeration, 28 * 28)])
    }
    claim(|bn| {
        all([
            for_numbers!(bn, 15, right),
            enumerate(|p, q| p > 0 || q == 0),
            wrong("no weights", for_numbers!(bn, 15, unweighted)),
            wrong("weights p/q", for_numbers!(bn, 15, upside_down)),
            wrong("inputs that training never produces", enumerate(|_, _| true)),
        ])
    })
}

/// In wide random networks (linear, tanh, ReLU; the last two with batch normalization, too), a small
/// relative change of every weight moves the inputs of deeper layers further, relative to their size.
///
/// 넓은 무작위 네트워크(선형, tanh, ReLU, 그리고 배치 정규화가 있는 tanh와 ReLU)에서 모든 가중치를 조금씩 흔들면, 깊은 층의 입력일수록 자기 크기에 견주어 더 많이 움직입니다.
#[test]
fn small_changes_compound_with_depth() -> Claim {
    type Kind = (Option<Activation>, bool);
    /// ‖a′ − a‖/‖a‖ for the inputs a of layers 2, 3, …, 21, when those weights that `moves` says change by
    /// a hundredth.
    fn drift((activation, batch_norm): Kind, moves: fn(usize) -> bool, seed: u64) -> Vec<f64> {
        let random = &mut Random::new(seed);
        let init = if activation == Some(Activation::Relu) { Init::He } else { Init::Xavier };
        let mut a = Array2::<f64>::from_shape_simple_fn((64, 64), || random.gaussian());
        let mut moved = a.clone();
        let unit = |mut z: Array2<f64>| {
            if batch_norm {
                z = BatchNorm::new(64).train(z).expect("64 samples").0;
            }
            activation.map_or(z.clone(), |activation| activation.apply(z))
        };
        let layer = |k| {
            let mut layer = Linear::random((64, 64), false, init, random).expect("a good shape");
            a = unit(layer.apply(&a).expect("64 inputs"));
            let step = if moves(k) { 0.01 } else { 0.0 };
            layer.weight.mapv_inplace(|w| w * (1.0 + step * random.gaussian()));
            moved = unit(layer.apply(&moved).expect("64 inputs"));
            ((&moved - &a).pow2().sum() / a.pow2().sum()).sqrt()
        };
        (0..20).map(layer).collect()
    }
    /// Over ten seeds, the 95 % intervals of what is added from layer 2 to 6, 11 and 21 must not reach down
    /// to nothing.
    fn compounds(moves: fn(usize) -> bool) -> Proof {
        let (tanh, relu) = (Some(Activation::Tanh), Some(Activation::Relu));
        let kinds = [(None, false), (tanh, false), (relu, false), (tanh, true), (relu, true)];
        let (seeds, mut worst) = (10, 0.0f64);
        for kind in kinds {
            let drifts: Vec<_> = (0..seeds).map(|seed| drift(kind, moves, seed)).collect();
            for (from, to) in [(0, 4), (4, 9), (9, 19)] {
                let added = Interval::of(drifts.iter().map(|drift| drift[to] - drift[from]));
                if added.low <= 0.0 {
                    return Err(format!("{kind:?}, layers {from} to {to}: {added:?}"));
                }
                worst = worst.max((added.mean - added.low) / added.mean);
            }
        }
        let check = Check::new(How::Experiment, kinds.len() * seeds as usize).scalar("f64");
        let note = "half the interval of what is added, relative to it";
        Ok(vec![check.note(note).within(1.0, worst)?])
    }
    claim(|_| {
        all([
            compounds(|_| true),
            wrong("only the first layer changed", compounds(|layer| layer == 0)),
        ])
    })
}

/// Back through d sigmoid layers a gradient keeps at most the fraction 4⁻ᵈ·∏‖W‖ of its norm, and keeps
/// all of that where every unit stands at z = 0 and every W is orthogonal.
///
/// 시그모이드 d층을 거슬러 올라간 그레이디언트의 노름은 4⁻ᵈ·∏‖W‖배를 넘지 못합니다. 모든 유닛이 z = 0에 있고 모든 W가 직교 행렬이면 꼭 그만큼 남습니다.
#[test]
fn sigmoid_gradients_shrink_at_least_fourfold() -> Claim {
    /// What is left of the norm of g.
    fn left(activation: Activation, layers: &[Linear<f64>], x: &[f64], g: &[f64]) -> f64 {
        let row = |v: &[f64]| Array2::from_shape_vec((1, v.len()), v.to_vec()).expect("one row");
        let (mut a, mut tapes) = (row(x), Vec::new());
        for layer in layers {
            let (z, linear) = layer.forward(a).expect("fits");
            let (y, unit) = activation.forward(z);
            tapes.push((linear, unit));
            a = y;
        }
        let back = |g: Array2<f64>, (linear, unit): (batchnorm::nn::linear::Tape<f64>, _)| {
            let unit: batchnorm::nn::activation::Tape<_, _> = unit;
            linear.backward(&unit.backward(&g).expect("fits")).expect("fits").x
        };
        let end = tapes.into_iter().rev().fold(row(g), back);
        (end.pow2().sum() / row(g).pow2().sum()).sqrt()
    }
    fn shrinks(activation: Activation, bound: fn(&[f64]) -> f64) -> Proof {
        // Some dozen operations a layer, each rounding once.
        let tolerance = 100.0 * f64::EPSILON;
        let inputs = (1..=6usize, 1..=4usize, -2.0..2.0f64, any::<u64>());
        let check = Check::new(How::Property, 256).scalar("f64");
        let below = over(check, tolerance, inputs, |&(depth, width, size, seed)| {
            let random = &mut Random::new(seed);
            let mut draw = |n| (0..n).map(|_| size.exp2() * random.gaussian()).collect::<Vec<_>>();
            let layer = |_| {
                let weight = Array2::from_shape_vec((width, width), draw(width * width));
                let bias = Array1::from(draw(width));
                Linear::new(weight.expect("square"), Some(bias)).expect("fits")
            };
            let layers: Vec<_> = (0..depth).map(layer).collect();
            let norms: Vec<_> = layers.iter().map(|layer| norm(&layer.weight)).collect();
            let left = left(activation, &layers, &draw(width), &draw(width));
            vec![(left / bound(&norms) - 1.0).max(0.0)]
        })?;
        // A turn by an angle whose cosine is 0.6; all a are ½, so that a bias of −W a brings z to 0.
        let turn = array![[0.6, -0.8], [0.8, 0.6]];
        let bias = -turn.dot(&array![0.5, 0.5]);
        let layer = Linear::new(turn, Some(bias)).expect("fits");
        let attained = |d: usize| {
            let layers = vec![layer.clone(); d];
            left(activation, &layers, &[0.5, 0.5], &[3.0, -1.0]) / bound(&vec![1.0; d]) - 1.0
        };
        let errors: Vec<_> = (1..=10).map(|d| attained(d).abs()).collect();
        all([Ok(below), worked_example(&errors, tolerance)])
    }
    fn fourfold(norms: &[f64]) -> f64 {
        norms.iter().map(|norm| norm / 4.0).product()
    }
    claim(|_| {
        let slope = |z: f64| Activation::Sigmoid.slope(Activation::Sigmoid.apply(array![z])[0]);
        all([
            shrinks(Activation::Sigmoid, fourfold),
            worked_example(&[(slope(5.0) - 0.0066).abs(), (slope(4.0) - 0.0177).abs()], 5e-5),
            wrong("tanh for the sigmoid", shrinks(Activation::Tanh, fourfold)),
            wrong("the norms left out", {
                shrinks(Activation::Sigmoid, |norms| 0.25f64.powi(norms.len() as i32))
            }),
            wrong("a fifth for a quarter", {
                shrinks(Activation::Sigmoid, |norms| norms.iter().map(|norm| norm / 5.0).product())
            }),
        ])
    })
}

/// On a quadratic loss with positive curvatures gradient descent converges from every start if and only
/// if 0 < η < 2/λ_max.
///
/// 곡률이 모두 양수인 이차 함수 손실에서 경사 하강법은 0 < η < 2/λ_max일 때, 그리고 그때만 어디서 시작하든 수렴합니다.
// Along an eigenvector of curvature λ a step multiplies w by 1 − ηλ.
#[test]
fn gradient_descent_needs_a_step_below_two_over_lambda() -> Claim {
    /// ½ wᵀAw with curvatures `lambda`, turned by an angle; and where w is after so many steps, in
    /// coordinates along the eigenvectors.
    fn descend(lambda: [f64; 2], angle: f64, rate: f64, steps: usize) -> [f64; 2] {
        let (sin, cos) = angle.sin_cos();
        let turn = array![[cos, -sin], [sin, cos]];
        let a = turn.dot(&Array2::from_diag(&array![lambda[0], lambda[1]])).dot(&turn.t());
        let mut w = turn.dot(&array![1.0, 1.0]);
        for _ in 0..steps {
            // A negative rate is descent on −L.
            let gradient = a.dot(&w) * rate.signum();
            Sgd::new(rate.abs()).expect("finite").step(&mut w, &gradient).expect("fits");
        }
        let w = turn.t().dot(&w);
        [w[0], w[1]]
    }
    fn limit_is(limit: fn(f64, f64) -> f64) -> Proof {
        let inputs = (-3.0..3.0f64, 0.0..4.0f64, 0.0..6.3f64);
        let check = Check::new(How::Property, 256).scalar("f64");
        over(check, 0.0, inputs, |&(size, ratio, angle)| {
            let (low, high) = (size.exp2(), (size + ratio).exp2());
            let wrong = |share: f64| {
                let w = descend([low, high], angle, share * limit(low, high), 1000);
                let converged = w.iter().all(|w| w.abs() < 1e-3);
                f64::from(u8::from(converged != (0.0 < share && share < 1.0)))
            };
            [-0.1, 0.0, 0.1, 0.5, 0.99, 1.0, 1.01, 1.5].map(wrong).to_vec()
        })
    }
    claim(|_| {
        // (1 − ηλ)ᵗ: the examples of the text.
        let close = |w: [f64; 2], expected: [f64; 2]| {
            w.into_iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
        };
        let examples = [
            close(descend([1.0, 9.0], 0.0, 0.2, 1), [0.8, -0.8]),
            close(descend([1.0, 4.0], 0.0, 0.4, 1), [0.6, -0.6]),
            close(descend([1.0, 3.0], 0.0, 0.5, 1), [0.5, -0.5]),
            close(descend([1.0, 1.0], 1.0, 1.0, 1), [0.0, 0.0]),
            // 50 steps of η = ½ at λ = 4: to and fro for ever.
            close(descend([1.0, 4.0], 0.0, 0.5, 51), [0.5f64.powi(51), -1.0]),
        ];
        all([
            limit_is(|_, high| 2.0 / high),
            worked_example(&examples, 4.0 * f64::EPSILON),
            worked_example(&[(descend([1.0, 99.0], 0.0, 0.02, 34)[0] - 0.503).abs()], 5e-4),
            wrong("1/λ_max", limit_is(|_, high| 1.0 / high)),
            wrong("2/λ_min", limit_is(|low, _| 2.0 / low)),
        ])
    })
}

/// Eight samples of centred features with variance 1 and no correlation: columns of a Hadamard matrix.
fn uncorrelated<W: Field>(sample: usize, feature: usize) -> W {
    if (sample & (feature + 1)).count_ones().is_multiple_of(2) { W::ONE } else { -W::ONE }
}

/// ⟨zᵢzⱼ⟩ of what the layer makes of features, without ε.
fn moments<F: Number>(bn: Norm, x: &Array3<F>) -> Array2<F::Wide> {
    let features = x.dim().1;
    let filled = |v| Array1::from_elem(features, v);
    let z = bn.forward(x, &filled(F::ONE), &filled(F::ZERO), F::ZERO);
    let z = z.index_axis(Axis(2), 0).map(|z| z.widen());
    Array2::from_shape_fn((features, features), |(i, j)| {
        let product = &z.index_axis(Axis(1), i) * &z.index_axis(Axis(1), j);
        mean(&product.to_vec())
    })
}

/// Features without correlation have the identity for their matrix of second moments once each is
/// standardized: whatever the variances were, the condition number is 1.
///
/// 상관이 없는 특징들을 저마다 표준화하면 이차 모멘트 행렬이 단위행렬이 됩니다. 분산이 얼마였든 조건수는 1입니다.
#[test]
fn standardizing_makes_a_diagonal_quadratic_round() -> Claim {
    fn holds<F: Drawn>(bn: Norm, n: &[F]) -> Vec<Sides<F>> {
        let (means, sizes) = n.split_at(3);
        let x =
            Array3::from_shape_fn((8, 3, 1), |(i, c, _)| means[c] + sizes[c] * uncorrelated(i, c));
        let identity = |i, j| if i == j { F::Wide::ONE } else { F::Wide::ZERO };
        // x was rounded six times, which moves x̂ by as much more as x is larger than its deviation; and z
        // is √2 at most.
        let off = |i: usize| 6.0 * ((means[i] + sizes[i] + sizes[i]) / sizes[i]).widen().size();
        let sides = |((i, j), &v): ((usize, usize), &F::Wide)| {
            equal(v, identity(i, j)).to(2.0 * (off(i) + off(j)))
        };
        moments(bn, &x).indexed_iter().map(sides).collect()
    }
    claim(|bn| for_numbers!(bn, 7, holds)).rejects(&[
        Wrong::RunningStatistics,
        Wrong::NotCentred,
        Wrong::UnbiasedVariance,
        Wrong::DividedByVariance,
        Wrong::WholeTensor,
    ])
}

/// Standardizing leaves a correlation r as it was, and with it the eigenvalues 1 ± r: the condition
/// number (1+|r|)/(1−|r|).
///
/// 표준화해도 상관계수 r은 그대로 남습니다. 고윳값은 1 ± r이고 조건수는 (1+|r|)/(1−|r|)입니다.
#[test]
fn correlation_leaves_a_condition_number() -> Claim {
    /// Two features, and their correlation r = (1 − t²)/(1 + t²).
    fn features<F: Drawn>(n: &[F]) -> (Array3<F>, F::Wide) {
        let t = n[0].widen();
        let one = F::Wide::ONE;
        let r = (one - t * t) / (one + t * t);
        let root = (t + t) / (one + t * t);
        let x = Array3::from_shape_fn((8, 2, 1), |(i, c, _)| {
            let (first, second) = (uncorrelated(i, 0), uncorrelated::<F::Wide>(i, 1));
            let z = if c == 0 { first } else { r * first + root * second };
            F::narrow(n[1 + c].widen() + n[3 + c].widen() * z)
        });
        (x, r)
    }
    fn holds<F: Drawn>(bn: Norm, n: &[F]) -> Vec<Sides<F>> {
        let (x, r) = features(n);
        let m = moments(bn, &x);
        let one = F::Wide::ONE;
        // As above; a deviation is never above √2.
        let off = |c: usize| 3.0 + ((n[1 + c] + n[3 + c] + n[3 + c]) / n[3 + c]).widen().size();
        let scale = 4.0 * (off(0) + off(1));
        vec![
            equal(m[[0, 0]], one).to(scale),
            equal(m[[1, 1]], one).to(scale),
            equal(m[[0, 1]], r).to(scale),
            // The matrix times (1, 1), and times (1, −1).
            equal(m[[0, 0]] + m[[0, 1]], one + r).to(2.0 * scale),
            equal(m[[1, 0]] - m[[1, 1]], -(one - r)).to(2.0 * scale),
        ]
    }
    const LOST: f64 = 400.0 * f64::EPSILON;
    fn condition_is(expected: fn(f64) -> f64) -> Proof {
        let error = |r: f64| condition(&array![[1.0, r], [r, 1.0]]) / expected(r) - 1.0;
        // 1 − |r| has lost two digits at r = 0.99.
        worked_example(&[0.8, 0.9, 0.99, 0.6, -0.8, -0.5].map(|r| error(r).abs()), LOST)
    }
    claim(|bn| {
        let numbers = [0.8, 0.9, 0.99, 0.6].map(|r: f64| (1.0 + r) / (1.0 - r));
        let errors = numbers.iter().zip([9.0, 19.0, 199.0, 4.0]).map(|(a, b)| (a - b).abs() / b);
        all([
            for_numbers!(bn, 5, holds),
            condition_is(|r| (1.0 + r.abs()) / (1.0 - r.abs())),
            worked_example(&errors.collect::<Vec<_>>(), LOST),
            wrong("r without its magnitude", condition_is(|r| (1.0 + r) / (1.0 - r))),
            wrong("r²", condition_is(|r| (1.0 + r * r) / (1.0 - r * r))),
        ])
    })
    .rejects(&[Wrong::NotCentred, Wrong::UnbiasedVariance, Wrong::DividedByVariance])
}

/// Whitening, z = Σ^(−1/2)(x − μ) with an invertible Σ, makes the matrix of second moments the identity:
/// the condition number is 1, correlations or not.
///
/// Σ의 역행렬이 있을 때 백색화 z = Σ^(−1/2)(x − μ)를 하면 상관이 있든 없든 이차 모멘트 행렬이 단위행렬이 되고 조건수는 1입니다.
#[test]
fn whitening_removes_it() -> Claim {
    // Two features, exactly. Σ^½ = (Σ + δ)/τ with δ² = det Σ and τ² = tr Σ + 2δ, by Cayley and Hamilton.
    // The features are S h with S = L Lᵀ, so that these roots exist over the prime field too: δ = det S.
    fn holds<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        let w: Vec<_> = n.iter().map(|v| v.widen()).collect();
        let s = [[w[0] * w[0], w[0] * w[1]], [w[0] * w[1], w[1] * w[1] + w[2] * w[2]]];
        let h = |i, c| uncorrelated::<F::Wide>(i, c);
        let x = |i, c: usize| w[3 + c] + s[c][0] * h(i, 0) + s[c][1] * h(i, 1);
        let average = |f: &dyn Fn(usize) -> F::Wide| mean(&(0..8).map(f).collect::<Vec<_>>());
        let mu = [0, 1].map(|c| average(&|i| x(i, c)));
        let d = |i, c: usize| x(i, c) - mu[c];
        let sigma = |c, e| average(&|i| d(i, c) * d(i, e));
        let delta = (sigma(0, 0) * sigma(1, 1) - sigma(0, 1) * sigma(0, 1)).sqrt();
        let tau = (sigma(0, 0) + sigma(1, 1) + delta + delta).sqrt();
        // The inverse of [[a, b], [b, c]] is [[c, −b], [−b, a]] by the determinant, here δ.
        let z = |i| {
            let [a, b, c] =
                [sigma(0, 0) + delta, sigma(0, 1), sigma(1, 1) + delta].map(|v| v / tau);
            [(c * d(i, 0) - b * d(i, 1)) / delta, (a * d(i, 1) - b * d(i, 0)) / delta]
        };
        let (one, zero) = (F::Wide::ONE, F::Wide::ZERO);
        // Rounding grows by the condition number of Σ, which is below (tr Σ/δ)².
        let scale = ((sigma(0, 0) + sigma(1, 1)) / delta).size().powi(2);
        let moment = |c: usize, e: usize| average(&|i| z(i)[c] * z(i)[e]);
        let pairs = [(0, 0, one), (0, 1, zero), (1, 1, one)];
        pairs.map(|(c, e, expected)| equal(moment(c, e), expected).to(scale)).to_vec()
    }
    /// Up to five features: how far ⟨zzᵀ⟩ is from the identity, for z = Σ^power (x − μ).
    fn whitens(power: f64, correlations: bool) -> Proof {
        let check = Check::new(How::Property, 64).scalar("f64");
        over(check, 1e-11, (1..=5usize, any::<u64>()), |&(features, seed)| {
            let random = &mut Random::new(seed);
            let mut draw =
                |rows| Array2::from_shape_simple_fn((rows, features), || random.gaussian());
            let x = draw(20).dot(&draw(features)) + draw(1);
            let d = &x - &x.mean_axis(Axis(0)).expect("rows");
            let mut sigma = second_moments(&d);
            if !correlations {
                sigma = Array2::from_diag(&sigma.diag());
            }
            let condition = condition(&sigma);
            let (values, vectors) = eigen(&sigma);
            let root = &vectors * &values.mapv(|v| v.powf(power));
            let z = d.dot(&root.dot(&vectors.t()));
            let off = second_moments(&z) - Array2::<f64>::eye(features);
            vec![off.iter().fold(0.0, |a: f64, b| a.max(b.abs())) / condition]
        })
    }
    claim(|bn| {
        all([
            for_numbers!(bn, 5, holds),
            whitens(-0.5, true),
            wrong("standardized, not whitened", whitens(-0.5, false)),
            wrong("Σ⁻¹ for Σ^(−1/2)", whitens(-1.0, true)),
        ])
    })
}

/// If the gradient takes the subtracted mean for a constant, each step moves the bias by the same
/// −η·Σ∂L/∂x̂, so that it grows without bound unless that is 0, while output and loss stay what they are;
/// with the gradient through the mean the bias stays.
///
/// 빼는 평균을 상수로 치고 미분하면 편향은 스텝마다 똑같이 −η·Σ∂L/∂x̂만큼 움직입니다. 이 값이 0이 아닌 한 편향은 끝없이 커지는데 출력과 손실은 그대로입니다. 평균을 지나는 그레이디언트까지 세면 편향은 움직이지 않습니다.
#[test]
fn detached_centring_lets_the_bias_grow() -> Claim {
    // x = u + b, x̂ = x − ⟨x⟩ and L = ½Σ(x̂ − t)², with the values of a channel for u, and g for t.
    fn holds<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        let eta = batch.spare[0].widen();
        let sides = |c: Channel<F>| {
            let centred = |b: F::Wide| {
                let x: Vec<_> = c.x.iter().map(|&u| u + b).collect();
                let mu = mean(&x);
                x.into_iter().map(|x| x - mu).collect::<Vec<_>>()
            };
            let gradient = |b| centred(b).into_iter().zip(&c.g).map(|(x, &t)| x - t);
            let step = -(eta * sum(gradient(F::Wide::ZERO)));
            let (mut b, mut sides) = (F::Wide::ZERO, Vec::new());
            let size = largest(&c.x) + largest(&c.g) + step.size();
            for t in 1..=5 {
                b = b - eta * sum(gradient(b));
                sides.push(
                    equal(b, F::Wide::count(t) * step).to(c.m.size() * size * (1.0 + eta.size())),
                );
                let same = centred(b).into_iter().zip(centred(F::Wide::ZERO));
                sides.extend(same.map(|(now, before)| equal(now, before).to(size)));
            }
            // The bias enters every x with slope 1, so its gradient is Σ∂L/∂x.
            sides
                .push(equal(sum(c.dx.iter().copied()), F::Wide::ZERO).to(c.m.size() * c.dx_size()));
            sides
        };
        batch.channels(bn).flat_map(sides).collect()
    }
    /// Ten steps of the example of the text; how far b is from t and the loss from 2.
    fn example(through_the_mean: bool) -> Proof {
        let (u, t) = (array![0.0, 2.0], array![1.0, 3.0]);
        let (mut b, mut errors) = (0.0, Vec::new());
        for step in 0..10 {
            let x = &u + b;
            let error = &x - x.sum() / 2.0 - &t;
            let loss = 0.5 * error.pow2().sum() / 2.0;
            errors.extend([(b - f64::from(step)).abs(), (loss - 2.0f64).abs()]);
            let slope = if through_the_mean { 0.0 } else { 1.0 };
            b -= 0.5 * slope * error.sum() / 2.0;
        }
        worked_example(&errors, 0.0)
    }
    claim(|bn| {
        all([
            everywhere!(bn, holds),
            example(false),
            wrong("the gradient through the mean", example(true)),
        ])
    })
    .rejects(&[Wrong::MeanDetached, Wrong::BothDetached])
}

/// Of an affine change ax + b of its input the layer leaves but the sign of a, if ε is divided by a²; at
/// ε = 0 nothing else is left of it.
///
/// 입력이 ax + b로 바뀌어도 ε을 a²으로 나누면 a의 부호만 남습니다. ε = 0이면 그 밖에는 아무것도 남지 않습니다.
#[test]
fn an_affine_change_of_the_input_is_undone() -> Claim {
    fn moved<F: Number>(bn: Norm, batch: &Batch<F>, a: F) -> Vec<Sides<F>> {
        let (b, positive) = (batch.spare[1] * batch.x[[0, 0, 0]], batch.spare[0]);
        let x = batch.x.map(|&x| a * x + b);
        let moved = Batch { x, eps: a * a * batch.eps, ..batch.clone() };
        let sides = |(now, before): (Channel<F>, Channel<F>)| {
            // An error δ in each x moves x̂ by at most (δ/s)(2 + max|x̂|), and ax + b has two roundings.
            let size = a.widen().size() * largest(&before.x) + b.widen().size();
            let through_x = 2.0 * size / now.s.size() * (2.0 + largest(&now.xhat));
            let scale = 3.0 * largest(&before.xhat) + through_x;
            let sign = if a == positive { F::Wide::ONE } else { -F::Wide::ONE };
            let pairs: Vec<_> = now.xhat.into_iter().zip(before.xhat).collect();
            pairs.into_iter().map(move |(now, before)| equal(now, sign * before).to(scale))
        };
        moved.channels(bn).zip(batch.channels(bn)).flat_map(sides).collect()
    }
    // Over the prime field a square stands for a positive a, and its negative, which is none, for a
    // negative one.
    fn holds<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        let (a, without) = (batch.spare[0], batch.with_eps(F::ZERO));
        [(a, batch), (-a, batch), (a, &without), (-a, &without)]
            .map(|(a, batch)| moved(bn, batch, a))
            .concat()
    }
    claim(|bn| everywhere!(bn, holds)).rejects(&[
        Wrong::RunningStatistics,
        Wrong::NotCentred,
        Wrong::EpsilonOutsideRoot,
        Wrong::DividedByVariance,
    ])
}

/// In the published runs the median of a unit's input moves less with batch normalization than without, in
/// widths of the band between its 15th and 85th percentile: at every seed, and by the 95 % interval over
/// seeds, for small first weights and for larger ones.
///
/// 실린 실험 결과에서 유닛 입력의 중앙값은, 15번째와 85번째 백분위수 사이의 폭에 견주어, 배치 정규화가 있을 때 덜 움직입니다. 모든 시드에서 그렇고, 시드에 대한 95% 구간으로 보아도 그렇습니다. 처음 가중치가 작을 때도 클 때도 같습니다.
#[test]
fn percentiles_drift_less_with_batch_norm() -> Claim {
    #[derive(Deserialize)]
    struct Race {
        starts: Vec<Start>,
    }
    #[derive(Deserialize)]
    struct Start {
        pairs: Vec<Pair>,
    }
    #[derive(Deserialize)]
    struct Pair {
        without: Run,
        with: Run,
    }
    #[derive(Deserialize)]
    struct Run {
        drift: Drift,
        percentiles: Vec<(usize, [f64; 3])>,
    }
    #[derive(Deserialize)]
    struct Drift {
        path: f64,
        width: f64,
    }
    /// Of all units of the layer, as the run has averaged it.
    fn of_all_units(run: &Run) -> f64 {
        run.drift.path / run.drift.width
    }
    /// Of the one unit whose percentiles are kept: the range of its median by the average width.
    fn of_one_unit(run: &Run) -> f64 {
        let range = |side: fn(f64, f64) -> f64| {
            run.percentiles.iter().map(|(_, p)| p[1]).reduce(side).unwrap_or(f64::NAN)
        };
        let widths: Vec<_> = run.percentiles.iter().map(|(_, p)| p[2] - p[0]).collect();
        (range(f64::max) - range(f64::min)) / mean(&widths)
    }
    fn read(file: &str) -> String {
        let path = format!("{}/book/out/{file}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
    }
    type Ratio = fn(&Pair) -> f64;
    /// The smallest of the ratios, and of the lower ends of their intervals, must be above 1.
    fn smaller(race: &Race, ratio: Ratio) -> Proof {
        let ends = race.starts.iter().flat_map(|start| {
            let interval = Interval::of_ratios(start.pairs.iter().map(ratio));
            start.pairs.iter().map(ratio).chain([interval.low])
        });
        let least = ends.fold(f64::INFINITY, f64::min);
        let runs = race.starts.iter().map(|start| start.pairs.len()).sum();
        let check = Check::new(How::Experiment, runs).note("drift with by drift without, at most");
        Ok(vec![check.within(1.0, 1.0 / least)?])
    }
    /// The table of the book has the ratios that follow from the runs, but for so many.
    fn summary(race: &Race, left_out: usize) -> Proof {
        let table = read("covariate_shift.txt");
        let rows = table.lines().filter(|line| line.starts_with("path in widths"));
        let right = |(row, start): (&str, &Start)| {
            let ratio = |pair: &Pair| of_all_units(&pair.without) / of_all_units(&pair.with);
            let ratios = start.pairs.iter().skip(left_out).map(ratio);
            row.ends_with(&format!("÷ {:.1}", Interval::of_ratios(ratios)))
        };
        let wrong = |pair| f64::from(u8::from(!right(pair)));
        let errors: Vec<_> = rows.zip(&race.starts).map(wrong).collect();
        if errors.len() != 2 {
            return Err(format!("{} rows of the table", errors.len()));
        }
        worked_example(&errors, 0.0)
    }
    claim(|_| {
        let race: Race = serde_json::from_str(&read("covariate_shift/experiment.json"))
            .map_err(|e| format!("experiment.json: {e}"))?;
        all([
            smaller(&race, |pair| of_all_units(&pair.without) / of_all_units(&pair.with)),
            smaller(&race, |pair| of_one_unit(&pair.without) / of_one_unit(&pair.with)),
            summary(&race, 0),
            wrong("the sides exchanged", {
                smaller(&race, |pair| of_all_units(&pair.with) / of_all_units(&pair.without))
            }),
            wrong("a table without the first seed", summary(&race, 1)),
        ])
    })
}
