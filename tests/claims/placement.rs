//! Where the layer stands: before the activation or behind it, at the ends of a network, next to dropout.

use crate::kit::*;
use crate::{everywhere, for_numbers};
use batchnorm::affine::Affine;
use batchnorm::batch_norm::{Average, BatchNorm, Config, RunningVar};
use batchnorm::nn::activation::Activation;
use batchnorm::nn::linear::Linear;
use batchnorm::scalar::{Field, Scalar};
use ndarray::{Array1, Array2, Array3, Axis, array};
use proptest::prelude::*;
use std::f64::consts::PI;

fn positive<F: Float>(v: F::Wide) -> bool {
    F::narrow(v).to_f64() > 0.0
}

fn relu<F: Float>(v: F::Wide) -> F::Wide {
    if positive::<F>(v) { v } else { F::Wide::ZERO }
}

fn magnitude<F: Float>(v: F::Wide) -> F::Wide {
    if positive::<F>(v) { v } else { -v }
}

/// The same batch with γ = 1 and β = 0.
fn plain<F: Number>(batch: &Batch<F>) -> Batch<F> {
    let (gamma, beta) = (batch.gamma.map(|_| F::ONE), batch.beta.map(|_| F::ZERO));
    Batch { gamma, beta, ..batch.clone() }
}

/// Before a ReLU or behind it the layer does not give the same: ReLU(x̂) has the mean ½⟨|x̂|⟩, which is
/// ½√(ρ/(m−1)) at least in a batch that is not constant; x̂ of ReLU(x) has the mean 0.
///
/// ReLU 앞에 놓을 때와 뒤에 놓을 때 이 층의 결과는 다릅니다. ReLU(x̂)의 평균은 ½⟨|x̂|⟩이고, 값이 모두 똑같은 미니배치가 아니면 ½√(ρ/(m−1))보다 작지 않습니다. ReLU(x)를 정규화한 값의 평균은 0입니다.
// Σx̂ = 0, so the positive x̂ have half of Σ|x̂|; and Σx̂² ≤ max|x̂|·Σ|x̂|, with max|x̂| ≤ √((m−1)ρ).
#[test]
fn before_and_after_differ() -> Claim {
    type Rectify<F> = fn(<F as Scalar>::Wide) -> <F as Scalar>::Wide;
    fn law<F: Float>(bn: Norm, batch: &Batch<F>, rectify: Rectify<F>) -> Vec<Sides<F>> {
        let batch = plain(batch);
        let before = |c: Channel<F>| {
            let top = largest(&c.xhat);
            let two = F::Wide::count(2);
            let half = mean_of(&c.xhat, |v| magnitude::<F>(v)) / two;
            let least = (c.rho / (c.m - F::Wide::ONE)).sqrt() / two;
            let rectified = mean_of(&c.xhat, rectify);
            [equal(rectified, half).to(top), at_most(least, rectified).to(top)]
        };
        // What is constant behind the ReLU has no variance: an ε that is not 0.
        let x = batch.x.map(|&x| F::narrow(rectify(x.widen())));
        let behind = Batch { x, ..batch.with_eps(batch.spare[0]) };
        let after = |c: Channel<F>| equal(mean(&c.xhat), F::Wide::ZERO).to(largest(&c.xhat));
        batch.channels(bn).flat_map(before).chain(behind.channels(bn).map(after)).collect()
    }
    fn holds<F: Float>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        law(bn, batch, relu::<F>)
    }
    fn without<F: Float>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        law(bn, batch, |v| v)
    }
    fn alike<F: Float>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        let batch = plain(&batch.with_eps(batch.spare[0]));
        let rectified = |x: &Array3<F>| x.map(|&x| F::narrow(relu::<F>(x.widen())));
        let (one, other) = (
            rectified(&batch.forward(bn)),
            Batch { x: rectified(&batch.x), ..batch.clone() }.forward(bn),
        );
        one.iter().zip(&other).map(|(a, b)| equal(a.widen(), b.widen()).to(1.0)).collect()
    }
    claim(|bn| {
        // 1, 2, 3, 6 with ε = ½: s = 2.
        let four = |x: [f64; 4]| Array3::from_shape_vec((4, 1, 1), x.to_vec()).expect("four");
        let normalized = |x: Array3<f64>| bn.forward(&x, &array![1.0], &array![0.0], 0.5);
        let z = four([1.0, 2.0, 3.0, 6.0]);
        let right = Activation::Relu.apply(normalized(z.clone())) == four([0.0, 0.0, 0.0, 1.5])
            && normalized(Activation::Relu.apply(z)) == four([-1.0, -0.5, 0.0, 1.5]);
        all([
            property::<f32>(bn, holds),
            property::<f64>(bn, holds),
            worked_example(&[f64::from(u8::from(!right))], 0.0),
            once(bn, || wrong("no activation", property::<f64>(bn, without))),
            once(bn, || wrong("the same either way", property::<f64>(bn, alike))),
        ])
    })
    .rejects(&[Wrong::RunningStatistics, Wrong::NotCentred, Wrong::PerSample])
}

/// For γ > 0 a factor γ in front of a ReLU can be moved behind it: ReLU(γx̂+β) = γ·ReLU(x̂+β/γ), so that the
/// weights of the next layer can take it over; of the two, β is what the ReLU needs.
///
/// γ > 0이면 ReLU 앞의 γ는 ReLU 뒤로 옮길 수 있습니다. ReLU(γx̂+β) = γ·ReLU(x̂+β/γ)이므로 다음 층의 가중치가 γ를 맡을 수 있습니다. 둘 가운데 ReLU에 꼭 있어야 하는 것은 β입니다.
#[test]
fn gamma_moves_through_a_relu() -> Claim {
    fn law<F: Float>(
        bn: Norm,
        batch: &Batch<F>,
        sign: F,
        activation: fn(F::Wide) -> F::Wide,
    ) -> Vec<Sides<F>> {
        let positive = |g: &F| if g.to_f64() < 0.0 { -*g } else { *g };
        let gamma = batch.gamma.map(|g| sign * positive(g));
        let batch = Batch { gamma, ..batch.clone() };
        let sides = |c: Channel<F>| {
            let scale = largest(&c.y) + c.gamma.size() * largest(&c.xhat);
            let (gamma, beta) = (c.gamma, c.beta);
            c.xhat.into_iter().zip(c.y).map(move |(xhat, y)| {
                equal(activation(y), gamma * activation(xhat + beta / gamma)).to(scale)
            })
        };
        batch.channels(bn).flat_map(sides).collect()
    }
    fn holds<F: Float>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        law(bn, batch, F::ONE, relu::<F>)
    }
    fn negative<F: Float>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        law(bn, batch, -F::ONE, relu::<F>)
    }
    fn another<F: Float>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        law(bn, batch, F::ONE, |v| v * v)
    }
    claim(|bn| {
        all([
            property::<f32>(bn, holds),
            property::<f64>(bn, holds),
            once(bn, || wrong("a negative γ", property::<f64>(bn, negative))),
            once(bn, || wrong("a square for the ReLU", property::<f64>(bn, another))),
        ])
    })
    .rejects(&[Wrong::GammaNotApplied, Wrong::BetaBeforeGamma, Wrong::GammaBetaSwapped])
}

/// With γ > 0 and β = 0 a ReLU behind the layer zeroes some values of every batch that is not constant, but
/// never all; over a batch and its mirror image half of all, and so half on average wherever x and −x are
/// equally likely.
///
/// γ > 0, β = 0이면 이 층 뒤의 ReLU는 값이 모두 똑같지만 않은 어느 미니배치에서나 몇 개를 0으로 만들고, 모두 0으로 만들지는 않습니다. 미니배치와 그 부호를 뒤집은 것을 합치면 꼭 절반이 0입니다. 그래서 x와 −x가 똑같이 잘 나오는 분포라면 평균 절반이 0이 됩니다.
#[test]
fn half_of_the_activations_are_zero() -> Claim {
    fn fires<F: Float>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        let batch = plain(batch);
        let mirrored = Batch { x: batch.x.map(|&x| -x), ..batch.clone() };
        let count = |values: &[F::Wide]| values.iter().filter(|v| positive::<F>(**v)).count();
        let sides = |(one, other): (Channel<F>, Channel<F>)| {
            let at_zero = one.xhat.iter().filter(|v| **v == F::Wide::ZERO).count();
            let (m, fired) = (one.x.len(), count(&one.xhat));
            let both = F::Wide::count(fired + count(&other.xhat));
            let some = f64::from(u8::from(0 < fired && fired < m));
            vec![
                equal(both, F::Wide::count(m - at_zero)).exactly(),
                equal(F::from_f64(some).widen(), F::Wide::ONE).exactly(),
            ]
        };
        batch.channels(bn).zip(mirrored.channels(bn)).flat_map(sides).collect()
    }
    /// The share of zeros over many batches, in standard errors from ½.
    fn share(bn: Norm, draw: fn(f64) -> f64, beta: f64) -> Proof {
        let (m, batches) = (8, 4000);
        let mut z = gaussians(3);
        let zeros = |_| {
            let x: Vec<_> = z.by_ref().take(m).map(|z| 3.0 + 2.0 * draw(z)).collect();
            let x = Array3::from_shape_vec((m, 1, 1), x).expect("m values");
            let y = Activation::Relu.apply(bn.forward(&x, &array![1.0], &array![beta], 1e-5));
            y.iter().filter(|y| **y == 0.0).count() as f64 / m as f64
        };
        let shares: Vec<_> = (0..batches).map(zeros).collect();
        let average = mean(&shares);
        let variance = mean_of(&shares, |s| (s - average).powi(2)) / f64::from(batches);
        let check = Check::new(How::Experiment, batches as usize).scalar("f64");
        let away = (average - 0.5).abs() / variance.sqrt();
        Ok(vec![check.note("in standard errors").within(4.0, away)?])
    }
    claim(|bn| {
        all([
            property::<f32>(bn, fires),
            property::<f64>(bn, fires),
            share(bn, |z| z, 0.0),
            once(bn, || wrong("a law that is not symmetric", share(bn, |z| z * z, 0.0))),
            once(bn, || wrong("β = ¼", share(bn, |z| z, 0.25))),
        ])
    })
    .rejects(&[Wrong::RunningStatistics, Wrong::NotCentred, Wrong::PerSample])
}

/// Φ and φ.
fn normal(k: f64) -> (f64, f64) {
    (libm::erfc(-k / 2f64.sqrt()) / 2.0, (-k * k / 2.0).exp() / (2.0 * PI).sqrt())
}

/// For Gaussian z, with a = |γ| and k = β/a, the output of ReLU(γz+β) has the mean βΦ(k) + aφ(k), the mean
/// square (β²+a²)Φ(k) + βaφ(k), and is zero with probability Φ(−k): for γ = 1 and β = 0 that is 0.39894, ½
/// and ½.
///
/// z가 표준 가우스 분포를 따르고 a = |γ|, k = β/a이면 ReLU(γz+β)의 평균은 βΦ(k) + aφ(k), 제곱의 평균은 (β²+a²)Φ(k) + βaφ(k), 0이 될 확률은 Φ(−k)입니다. γ = 1, β = 0이면 차례로 0.39894, ½, ½입니다.
#[test]
fn moments_after_relu() -> Claim {
    /// Mean, mean square and share of zeros.
    type Formula = fn(f64, f64) -> [f64; 3];
    fn integrated(gamma: f64, beta: f64) -> [f64; 3] {
        let kink = [-beta / gamma];
        let y = |z: f64| Activation::Relu.apply(array![gamma * z + beta])[0];
        [
            gaussian_mean(y, &kink),
            gaussian_mean(|z| y(z).powi(2), &kink),
            gaussian_mean(|z| f64::from(u8::from(y(z) == 0.0)), &kink),
        ]
    }
    fn right(gamma: f64, beta: f64) -> [f64; 3] {
        with(gamma.abs(), beta)
    }
    fn with(a: f64, beta: f64) -> [f64; 3] {
        let k = beta / a;
        let (below, density) = normal(k);
        let mean = beta * below + a * density;
        [mean, (beta * beta + a * a) * below + beta * a * density, normal(-k).0]
    }
    fn agree(formula: Formula) -> Proof {
        let check = Check::new(How::Property, 64).scalar("f64").note("against a quadrature");
        let gamma = prop_oneof![0.1..2.0f64, -2.0..-0.1f64];
        // Some 800 panels, whose rounding errors add up, of a mean square of 9 at most.
        over(check, 800.0 * 9.0 * f64::EPSILON, (gamma, -2.0..2.0f64), |&(gamma, beta)| {
            let pairs = integrated(gamma, beta).into_iter().zip(formula(gamma, beta));
            pairs.map(|(a, b)| (a - b).abs()).collect()
        })
    }
    claim(|_| {
        let [mean, square, zeros] = right(1.0, 0.0);
        let errors = [
            mean - 0.39894,
            mean - 1.0 / (2.0 * PI).sqrt(),
            square - 0.5,
            zeros - 0.5,
            square - mean * mean - 0.34085,
        ];
        all([
            agree(right),
            worked_example(&errors.map(f64::abs), 5e-6),
            wrong("γ for |γ|", agree(with)),
            wrong("Φ(−k) for Φ(k)", {
                agree(|gamma, beta| {
                    let (a, k) = (gamma.abs(), beta / gamma.abs());
                    let [_, square, zeros] = right(gamma, beta);
                    [beta * normal(-k).0 + a * normal(k).1, square, zeros]
                })
            }),
            wrong("the square of the mean", {
                agree(|gamma, beta| {
                    let [mean, _, zeros] = right(gamma, beta);
                    [mean, mean * mean, zeros]
                })
            }),
            wrong("half zeros, whatever β", {
                agree(|gamma, beta| {
                    let [mean, square, _] = right(gamma, beta);
                    [mean, square, 0.5]
                })
            }),
        ])
    })
}

/// Behind the layer, with γ > 0 and β ≥ 0, a unit is not dead: whatever the bias in front, it fires for at
/// least one value of each batch in which z is not constant. It can be killed through β alone: from
/// −γ√((m−1)ρ) down it is zero for every batch.
///
/// 이 층 뒤에서 γ > 0, β ≥ 0이면 죽은 유닛은 없습니다. 앞의 편향이 무엇이든, z가 모두 똑같지 않은 미니배치마다 적어도 한 값에서 켜집니다. 유닛은 β로만 죽일 수 있습니다. β가 −γ√((m−1)ρ) 이하이면 어떤 미니배치에서도 0입니다.
#[test]
fn no_unit_is_dead() -> Claim {
    /// Behind biases of every size: where at least one value must be positive.
    fn fires<F: Float>(bn: Option<Norm>, batch: &Batch<F>) -> Vec<Sides<F>> {
        let magnitude = |v: &F| F::from_f64(v.to_f64().abs());
        let (gamma, beta) = (batch.gamma.map(magnitude), batch.beta.map(magnitude));
        let batch = Batch { gamma, beta, ..batch.clone() };
        let y = bn.map_or(batch.x.clone(), |bn| batch.forward(bn));
        let fires = |c: usize| {
            let some = batch.channel_of(&y, c).iter().any(|v| positive::<F>(*v));
            equal(F::from_f64(f64::from(u8::from(some))).widen(), F::Wide::ONE).exactly()
        };
        (0..batch.channels_count()).map(fires).collect()
    }
    fn alive<F: Float>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        fires(Some(bn), batch)
    }
    fn alone<F: Float>(_: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        fires(None, batch)
    }
    /// With β at so many times the bound, no value is above 0.
    fn killed<F: Float>(bn: Norm, batch: &Batch<F>, times: f64) -> Vec<Sides<F>> {
        let gamma = batch.gamma.map(|v| F::from_f64(v.to_f64().abs()));
        let batch = Batch { gamma, ..batch.clone() };
        let bound = |c: &Channel<F>| c.gamma * ((c.m - F::Wide::ONE) * c.rho).sqrt();
        let times = F::from_f64(-times).widen();
        let beta = batch.channels(bn).map(|c| F::narrow(times * bound(&c))).collect();
        let killed = Batch { beta, ..batch };
        let sides = |c: Channel<F>| {
            // β and y are rounded.
            let scale = 4.0 * c.beta.size() + largest(&c.y);
            c.y.into_iter().map(move |y| at_most(y, F::Wide::ZERO).to(scale))
        };
        killed.channels(bn).flat_map(sides).collect()
    }
    fn dead<F: Float>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        killed(bn, batch, 1.0)
    }
    fn half_way<F: Float>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        killed(bn, batch, 0.5)
    }
    claim(|bn| {
        all([
            property::<f32>(bn, alive),
            property::<f64>(bn, alive),
            property::<f32>(bn, dead),
            property::<f64>(bn, dead),
            once(bn, || wrong("without the layer", property::<f64>(bn, alone))),
            once(bn, || wrong("half of that β", property::<f64>(bn, half_way))),
        ])
    })
    .rejects(&[
        Wrong::RunningStatistics,
        Wrong::NotCentred,
        Wrong::PerSample,
        Wrong::NoEpsilon,
    ])
}

/// How a function of a Gaussian number looks to a straight line: the slope of the best one, and the share
/// R² of the variance that it explains. The quadrature's panels end at `ends`, too.
fn line(f: impl Fn(f64) -> f64, ends: &[f64]) -> [f64; 2] {
    let average = gaussian_mean(&f, ends);
    let variance = gaussian_mean(|z| (f(z) - average).powi(2), ends);
    let slope = gaussian_mean(|z| z * f(z), ends);
    [slope, slope * slope / variance]
}

fn value(activation: Activation, z: f64) -> f64 {
    activation.apply(array![z])[0]
}

fn slope_at(activation: Activation, z: f64) -> f64 {
    activation.slope(value(activation, z))
}

/// On standard Gaussian z the sigmoid is nearly a straight line: the best one, with the slope E σ′(z) =
/// E zσ(z) = 0.2066, explains 98.4 % of its variance; for tanh the slope is 0.6057, and 93.0 %.
///
/// 표준 가우스 분포를 따르는 z에서 시그모이드는 거의 직선입니다. 가장 잘 맞는 직선의 기울기는 E σ′(z) = E zσ(z) = 0.2066이고 분산의 98.4 %를 설명합니다. tanh에서는 기울기가 0.6057이고 93.0 %입니다.
// Stein: E zf(z) = E f′(z), by integrating by parts.
#[test]
fn sigmoid_is_nearly_linear_there() -> Claim {
    const ROUNDING: f64 = 800.0 * f64::EPSILON;
    fn stein(activation: Activation, left: fn(f64, f64) -> f64) -> Proof {
        let check = Check::new(How::Property, 64).scalar("f64").note("against a quadrature");
        over(check, ROUNDING * 2.0, (0.1..2.0f64, -2.0..2.0f64), |&(gamma, beta)| {
            let with_z = gaussian_mean(|z| z * value(activation, gamma * z + beta), &[]);
            let slope = gaussian_mean(|z| slope_at(activation, gamma * z + beta), &[]);
            vec![(with_z - left(gamma, slope)).abs()]
        })
    }
    fn best(activation: Activation, slope: f64, share: f64) -> Proof {
        let [got, explained] = line(|z| value(activation, z), &[]);
        worked_example(&[(got - slope).abs(), (explained - share).abs() / 10.0], 5e-5)
    }
    claim(|_| {
        let (sigmoid, tanh) = (Activation::Sigmoid, Activation::Tanh);
        all([
            stein(sigmoid, |gamma, slope| gamma * slope),
            stein(tanh, |gamma, slope| gamma * slope),
            best(sigmoid, 0.2066, 0.984),
            best(tanh, 0.6057, 0.930),
            wrong("the tangent at 0, ¼", best(sigmoid, 0.25, 0.984)),
            wrong("the tangent of tanh, 1", best(tanh, 1.0, 0.930)),
            wrong("quite linear", best(sigmoid, 0.2066, 1.0)),
            wrong("Stein without γ", stein(sigmoid, |_, slope| slope)),
        ])
    })
}

/// γ and β take the sigmoid out of that zone again: with growing |γ| the share R² falls from 1 to 2/π, with
/// growing |β| too, and the mean slope falls: to 0.0912 at γ = 4, and 0.0105 at γ = 1, β = 5.
///
/// γ와 β는 시그모이드를 다시 그 구간 밖으로 데려갑니다. |γ|가 커지면 R²은 1에서 2/π까지 떨어지고, |β|가 커져도 떨어집니다. 평균 기울기도 γ = 4에서 0.0912, γ = 1, β = 5에서 0.0105로 떨어집니다.
// For |γ| → ∞ the sigmoid becomes a step, and z explains (E|z|)² = 2/π of the variance of its sign.
#[test]
fn gamma_leaves_the_linear_zone() -> Claim {
    fn share(gamma: f64, beta: f64) -> f64 {
        // Panels narrow enough for a sigmoid that rises within 1/γ.
        let ends: Vec<_> = (-80..=80).map(|k| (f64::from(k) / 4.0 - beta) / gamma).collect();
        line(|z| value(Activation::Sigmoid, gamma * z + beta), &ends)[1]
    }
    /// R² falls along these γ and β, from the first bound to the second.
    fn falls(points: &[(f64, f64)], from: f64, to: f64) -> Proof {
        let shares: Vec<_> = points.iter().map(|&(gamma, beta)| share(gamma, beta)).collect();
        if !shares.windows(2).all(|pair| pair[1] < pair[0]) {
            return Err(format!("{shares:?} does not fall"));
        }
        let ends = [shares[0] - from, shares[shares.len() - 1] - to].map(f64::abs);
        let check = Check::new(How::Property, points.len()).scalar("f64");
        Ok(vec![check.note("from the limits").within(0.01, ends[0].max(ends[1]))?])
    }
    fn mean_slope(gamma: f64, beta: f64) -> f64 {
        gaussian_mean(|z| slope_at(Activation::Sigmoid, gamma * z + beta), &[])
    }
    claim(|_| {
        let gammas: Vec<_> = (-3..=7).map(|k| f64::from(k).exp2()).collect();
        let growing: Vec<_> = gammas.iter().map(|&gamma| (gamma, 0.0)).collect();
        let negative: Vec<_> = gammas.iter().map(|&gamma| (-gamma, 0.0)).collect();
        let shifted: Vec<_> = (0..=10).map(|k| (1.0, f64::from(k) / 2.0)).collect();
        let slopes = [
            mean_slope(4.0, 0.0) - 0.0912,
            mean_slope(1.0, 5.0) - 0.0105,
            mean_slope(1.0, 0.0) - 0.2066,
        ];
        all([
            falls(&growing, 1.0, 2.0 / PI),
            falls(&negative, 1.0, 2.0 / PI),
            falls(&shifted, 0.984, 0.6285),
            worked_example(&slopes.map(f64::abs), 5e-5),
            wrong("γ makes no difference", falls(&[(1.0, 0.0), (1.0, 0.0)], 0.984, 0.984)),
            wrong("it falls to ½", falls(&growing, 1.0, 0.5)),
            wrong("it falls to 0", falls(&growing, 1.0, 0.0)),
        ])
    })
}

/// Right before the layer a bias changes no output, and its gradient is zero; with an activation in between
/// it changes the output, and has a gradient.
///
/// 이 층 바로 앞의 편향은 출력을 바꾸지 않고 그레이디언트도 0입니다. 사이에 활성화 함수가 있으면 출력을 바꾸고 그레이디언트도 있습니다.
#[test]
fn bias_is_redundant_before_and_not_after() -> Claim {
    /// An activation: its value and its slope.
    type Between<F> = fn(F) -> [F; 2];
    /// x + b, `between`, the layer: the output, the gradient of b, and Σ|dz| for each unit.
    fn run<F: Number>(
        bn: Norm,
        batch: &Batch<F>,
        with_bias: bool,
        between: Between<F>,
    ) -> (Array3<F>, Array1<F>, Vec<f64>) {
        let rows = |t: &Array3<F>| {
            let (n, c, s) = t.dim();
            let moved = t.clone().permuted_axes([0, 2, 1]);
            Array2::from_shape_vec((n * s, c), moved.iter().copied().collect()).expect("as many")
        };
        let (x, g) = (rows(&batch.x), rows(&batch.g));
        let c = batch.channels_count();
        // Each unit has an input of its own: so that the variances have roots over the prime field.
        let weight = Array2::from_shape_fn((c, c), |(i, j)| if i == j { F::ONE } else { F::ZERO });
        let bias =
            Array1::from_shape_fn(
                c,
                |i| {
                    if with_bias { batch.spare[0] * x[[0, i]] } else { F::ZERO }
                },
            );
        let linear = Linear::new(weight, Some(bias)).expect("fits");
        let (z, tape) = linear.forward(x).expect("fits");
        let three = |t: Array2<F>| t.insert_axis(Axis(2));
        let a = three(z.mapv(|z| between(z)[0]));
        let y = bn.forward(&a, &batch.gamma, &batch.beta, batch.eps);
        let da = bn.backward(&a, &batch.gamma, &batch.beta, batch.eps, &three(g)).x;
        let dz = da.remove_axis(Axis(2)) * z.mapv(|z| between(z)[1]);
        let sizes = dz.axis_iter(Axis(1)).map(|dz| dz.iter().map(|d| d.widen().size()).sum());
        let sizes = sizes.collect();
        (y, tape.backward(&dz).expect("fits").bias.expect("there is one"), sizes)
    }
    fn law<F: Number>(bn: Norm, batch: &Batch<F>, between: Between<F>) -> Vec<Sides<F>> {
        let (y, db, sizes) = run(bn, batch, true, between);
        let (plain, ..) = run(bn, batch, false, between);
        let channel = |(i, c): (usize, Channel<F>)| {
            // z is rounded: see `compare` in forward.rs.
            let top = largest(&c.x) * (1.0 + batch.spare[0].widen().size());
            let through = c.gamma.size() * top / c.s.size() * (2.0 + largest(&c.xhat));
            let scale = 2.0 * largest(&c.y) + through;
            let outputs = y.index_axis(Axis(1), i).to_owned();
            let plain = plain.index_axis(Axis(1), i).to_owned();
            let pairs = outputs.into_iter().zip(plain);
            let pairs = pairs.map(move |(a, b)| equal(a.widen(), b.widen()).to(scale));
            // Each dz is rounded, and so is their sum, each time it grows.
            let dx = c.x.len() as f64 * (sizes[i] + c.dx_size());
            pairs.chain([equal(db[i].widen(), F::Wide::ZERO).to(dx)]).collect::<Vec<_>>()
        };
        batch.channels(bn).enumerate().flat_map(channel).collect()
    }
    fn directly<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        law(bn, batch, |z| [z, F::ONE])
    }
    /// An ε above 0: what is constant behind the ReLU has no variance.
    fn behind_relu<F: Float>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        let relu = |z: F| if z.to_f64() > 0.0 { [z, F::ONE] } else { [F::ZERO; 2] };
        law(bn, &batch.with_eps(batch.spare[0]), relu)
    }
    claim(|bn| {
        all([
            everywhere!(bn, directly),
            once(bn, || wrong("a ReLU in between", property::<f32>(bn, behind_relu))),
            once(bn, || wrong("a ReLU in between, in f64", property::<f64>(bn, behind_relu))),
        ])
    })
    .rejects(&[Wrong::RunningStatistics, Wrong::NotCentred, Wrong::MeanDetached])
}

/// At the output of a regression every batch has the mean β and the deviation |γ|√ρ: the mean squared error
/// of targets with the mean t̄ and the deviation σₜ is (t̄−β)² + (σₜ−|γ|√ρ)² at least, however good the rest of
/// the network.
///
/// 회귀의 출력에 두면 모든 배치의 평균이 β, 표준편차가 |γ|√ρ가 됩니다. 그래서 나머지 네트워크가 아무리 좋아도, 평균이 t̄이고 표준편차가 σₜ인 목푯값에 대한 평균 제곱 오차는 (t̄−β)² + (σₜ−|γ|√ρ)²보다 작아지지 않습니다.
// ⟨(y−t)²⟩ = (ȳ−t̄)² + Var y + Var t − 2 Cov(y, t), and |Cov| ≤ σ_y σₜ, with equality for x = t.
#[test]
fn an_output_head_cannot_reach_every_target() -> Claim {
    fn squared_error<W: Field>(y: &[W], t: &[W]) -> W {
        mean(&y.iter().zip(t).map(|(&y, &t)| (y - t) * (y - t)).collect::<Vec<_>>())
    }
    fn deviation<W: Field>(t: &[W]) -> W {
        let middle = mean(t);
        mean_of(t, |t| (t - middle) * (t - middle)).sqrt()
    }
    /// Targets that are the input: what a perfect network would hand to the layer.
    fn attained<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        let sides = |c: Channel<F>| {
            let (off, left) = (c.mean - c.beta, F::Wide::ONE - c.gamma / c.s);
            let top = largest(&c.x) + largest(&c.y);
            // y moves the square by twice the difference.
            let scale = 2.0 * top * top;
            equal(squared_error(&c.y, &c.x), off * off + left * left * c.var).to(scale)
        };
        batch.channels(bn).map(sides).collect()
    }
    fn bound<F: Float>(bn: Norm, batch: &Batch<F>, both: bool) -> Vec<Sides<F>> {
        // Targets of the size of the outputs.
        let sides = |c: Channel<F>| {
            let size = F::from_f64(largest(&c.g)).widen();
            let t: Vec<_> = c.g.iter().map(|&g| g / size + c.beta).collect();
            let off = mean(&t) - c.beta;
            let width = magnitude::<F>(c.gamma) * c.rho.sqrt();
            let gap = deviation(&t) - if both { width } else { F::Wide::ZERO };
            let top = largest(&t) + largest(&c.y);
            at_most(off * off + gap * gap, squared_error(&c.y, &t)).to(4.0 * top * top)
        };
        batch.channels(bn).map(sides).collect()
    }
    fn bounded<F: Float>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        bound(bn, batch, true)
    }
    fn without_deviation<F: Float>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        bound(bn, batch, false)
    }
    fn reached<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        let error = |c: Channel<F>| equal(squared_error(&c.y, &c.x), F::Wide::ZERO).to(1.0);
        batch.channels(bn).map(error).collect()
    }
    claim(|bn| {
        // 1, 2, 3, 6 with ε = ½: (3 − 0)² + (1 − ½)²·3.5.
        let t = [1.0, 2.0, 3.0, 6.0];
        let x = Array3::from_shape_vec((4, 1, 1), t.to_vec()).expect("four values");
        let y: Vec<f64> = bn.forward(&x, &array![1.0], &array![0.0], 0.5).into_iter().collect();
        all([
            everywhere!(bn, attained),
            property::<f32>(bn, bounded),
            property::<f64>(bn, bounded),
            worked_example(&[(squared_error(&y, &t) - 9.875).abs()], 0.0),
            once(bn, || wrong("every target reached", everywhere!(bn, reached))),
            once(bn, || wrong("outputs without deviation", property::<f64>(bn, without_deviation))),
        ])
    })
    .rejects(&[
        Wrong::RunningStatistics,
        Wrong::NotCentred,
        Wrong::UnbiasedVariance,
        Wrong::NoEpsilon,
    ])
}

/// Dropout in front, which keeps a value with probability p and multiplies it by 1/p, leaves the mean but
/// turns the variance v into v/p + μ²(1−p)/p: the layer learns that one, and at inference, without dropout,
/// puts out a variance of v/(v/p + μ²(1−p)/p) instead of 1 (at γ = 1, ε = 0).
///
/// 앞에 둔 드롭아웃은 값을 확률 p로 남기고 1/p를 곱합니다. 평균은 그대로이지만 분산 v는 v/p + μ²(1−p)/p가 됩니다. 이 층은 그 분산을 익히고, 드롭아웃이 없는 추론에서는 분산이 1이 아니라 v/(v/p + μ²(1−p)/p)인 출력을 냅니다(γ = 1, ε = 0).
#[test]
fn dropout_before_shifts_the_variance() -> Claim {
    /// Mean and mean square over all masks of four values, each with its probability; what is kept is
    /// multiplied by `scale`.
    fn enumerated<W: Field>(x: &[W], p: W, scale: W) -> [W; 2] {
        let mut moments = [W::ZERO; 2];
        for mask in 0..1usize << x.len() {
            let kept = |i: usize| mask >> i & 1 == 1;
            let factor = |i| if kept(i) { p } else { W::ONE - p };
            let probability = (0..x.len()).fold(W::ONE, |product, i| product * factor(i));
            let y = |i: usize| if kept(i) { x[i] * scale } else { W::ZERO };
            let y: Vec<_> = (0..x.len()).map(y).collect();
            moments[0] = moments[0] + probability * mean(&y);
            moments[1] = moments[1] + probability * mean_of(&y, |v| v * v);
        }
        moments
    }
    type Expected<W> = fn(W, W, W) -> W;
    fn law<F: Drawn>(n: &[F], scaled: bool, expected: Expected<F::Wide>) -> Vec<Sides<F>> {
        let x: Vec<_> = n[1..].iter().map(|v| v.widen()).collect();
        let one = F::Wide::ONE;
        // Between 0 and 1 from anything positive.
        let p = n[0].widen() / (one + n[0].widen());
        let [first, second] = enumerated(&x, p, if scaled { one / p } else { one });
        let (mu, square) = (mean(&x), mean_of(&x, |v| v * v));
        let var = square - mu * mu;
        // x² is 16 at most, and 1/p is 5.
        let variance = equal(second - first * first, expected(var, mu, p)).to(16.0 * 80.0);
        vec![equal(first, mu), variance]
    }
    fn holds<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, true, |v, mu, p| v / p + mu * mu * (F::Wide::ONE - p) / p)
    }
    fn unscaled<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, false, |v, mu, p| v / p + mu * mu * (F::Wide::ONE - p) / p)
    }
    fn without_mean<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, true, |v, _, p| v / p)
    }
    fn unchanged<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, true, |v, _, _| v)
    }
    /// 0 and 2, each dropped or doubled: trained on all that can come, and then used without dropout.
    fn inference() -> Proof {
        let (average, running_var) = (Average::Cumulative, RunningVar::Biased);
        let config = Config { eps: 0.0, average, running_var, affine: true };
        let mut layer = BatchNorm::<f64>::with(1, config).expect("good numbers");
        let _ = layer.train(array![[0.0], [4.0], [0.0], [0.0]]).expect("four values");
        let learned = layer.running_mean[0] == 1.0 && layer.running_var[0] == 3.0;
        let map: Affine<f64> = layer.freeze().expect("not constant");
        let y = map.apply(&array![[0.0], [2.0]]).expect("one channel");
        worked_example(
            &[f64::from(u8::from(!learned)), (y.var(0.0) - 1.0 / 3.0).abs()],
            2.0 * f64::EPSILON,
        )
    }
    claim(|bn| {
        all([
            for_numbers!(bn, 5, holds),
            inference(),
            wrong("kept values not multiplied", for_numbers!(bn, 5, unscaled)),
            wrong("the mean forgotten", for_numbers!(bn, 5, without_mean)),
            wrong("the variance unchanged", for_numbers!(bn, 5, unchanged)),
        ])
    })
}
