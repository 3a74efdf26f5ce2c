//! Generalization, and what regularizes: batch normalization is no regularizer by construction, and adds
//! noise of a known size.

use crate::for_numbers;
use crate::kit::dual::Dual;
use crate::kit::*;
use batchnorm::batch_norm::{Average, BatchNorm, Config, RunningVar};
use batchnorm::nn::linear::Linear;
use batchnorm::norm::{self, Moments};
use batchnorm::scalar::{Field, Scalar};
use batchnorm::split::Plan;
use ndarray::{Array2, Array3, array};

/// The solution of a square system, by elimination. (Normal equations: no pivot vanishes.)
fn solve<W: Field>(mut a: Vec<Vec<W>>, mut b: Vec<W>) -> Vec<W> {
    let d = b.len();
    for k in 0..d {
        for i in (0..d).filter(|&i| i != k) {
            let (factor, pivot) = (a[i][k] / a[k][k], a[k].clone());
            a[i].iter_mut().zip(pivot).for_each(|(a, pivot)| *a = *a - factor * pivot);
            b[i] = b[i] - factor * b[k];
        }
    }
    (0..d).map(|k| b[k] / a[k][k]).collect()
}

fn dot<W: Field>(a: &[W], b: &[W]) -> W {
    sum(a.iter().zip(b).map(|(&a, &b)| a * b))
}

/// The w that minimizes Σ(y − x·w)² + λ‖w‖².
fn ridge<W: Field>(x: &[Vec<W>], y: &[W], lambda: W) -> Vec<W> {
    let d = x[0].len();
    let product = |i: usize, j: usize| {
        let penalty = if i == j { lambda } else { W::ZERO };
        sum(x.iter().map(|x| x[i] * x[j])) + penalty
    };
    let gram = (0..d).map(|i| (0..d).map(|j| product(i, j)).collect()).collect();
    solve(gram, (0..d).map(|i| sum(x.iter().zip(y).map(|(x, &y)| x[i] * y))).collect())
}

/// `rows` samples of `d` features, and the numbers that are left.
fn samples<F: Number>(n: &[F], rows: usize, d: usize) -> (Vec<Vec<F::Wide>>, Vec<F::Wide>) {
    let wide: Vec<_> = n.iter().map(|v| v.widen()).collect();
    let (x, rest) = wide.split_at(rows * d);
    (x.chunks(d).map(<[_]>::to_vec).collect(), rest.to_vec())
}

/// Every list of `count` signs.
fn signs<W: Field>(count: usize) -> Vec<Vec<W>> {
    let sign = |mask: usize, i: usize| if mask >> i & 1 == 1 { W::ONE } else { -W::ONE };
    (0..1usize << count).map(|mask| (0..count).map(|i| sign(mask, i)).collect()).collect()
}

/// For least squares with d weights on n samples with noise of variance σ² the test error on new noise exceeds
/// the training error by 2σ²d/n on average: training shows σ²(1 − d/n), the test σ²(1 + d/n).
///
/// 잡음의 분산이 σ²인 샘플 n개에 가중치 d개를 최소제곱으로 맞추면, 새 잡음에서 잰 시험 오차는 학습 오차보다 평균 2σ²d/n만큼 큽니다. 학습 오차는 σ²(1 − d/n), 시험 오차는 σ²(1 + d/n)입니다.
// H projects on d dimensions: of the noise it takes d/n into the prediction. Here each of the n values of
// noise is σ or −σ, for training and test alike, and all 4ⁿ cases are averaged.
#[test]
fn the_gap_shrinks_with_data() -> Claim {
    /// Training and test error over σ², as d and n say.
    type Errors<W> = fn(W, W) -> [W; 2];
    fn law<F: Drawn>(n: &[F], expected: Errors<F::Wide>) -> Vec<Sides<F>> {
        const ROWS: usize = 4;
        let each = |d: usize| {
            let (x, rest) = samples(n, ROWS, d);
            let (truth, sigma) = (&rest[..d], rest[d]);
            let clean: Vec<_> = x.iter().map(|x| dot(x, truth)).collect();
            let (mut train, mut test) = (Vec::new(), Vec::new());
            let noisy = |e: &[F::Wide]| -> Vec<_> {
                clean.iter().zip(e).map(|(&y, &e)| y + sigma * e).collect()
            };
            for e in signs::<F::Wide>(ROWS) {
                let y = noisy(&e);
                let w = ridge(&x, &y, F::Wide::ZERO);
                let error = |y: &[F::Wide]| {
                    let off = |(x, &y): (&Vec<F::Wide>, &F::Wide)| y - dot(x, &w);
                    mean_of(&x.iter().zip(y).map(off).collect::<Vec<_>>(), |off| off * off)
                };
                train.push(error(&y));
                test.extend(signs::<F::Wide>(ROWS).iter().map(|new| error(&noisy(new))));
            }
            let square = sigma * sigma;
            let [seen, new] = expected(F::Wide::count(d), F::Wide::count(ROWS));
            [equal(mean(&train), square * seen), equal(mean(&test), square * new)]
        };
        (1..=3).flat_map(each).collect()
    }
    fn holds<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |d, n| [F::Wide::ONE - d / n, F::Wide::ONE + d / n])
    }
    fn alike<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |_, _| [F::Wide::ONE; 2])
    }
    fn one_sided<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |d, n| [F::Wide::ONE, F::Wide::ONE + d / n])
    }
    fn whatever_d<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |_, n| [F::Wide::ONE - F::Wide::ONE / n, F::Wide::ONE + F::Wide::ONE / n])
    }
    claim(|bn| {
        all([
            for_numbers!(bn, 16, holds),
            wrong("no gap", for_numbers!(bn, 16, alike)),
            wrong("a gap of σ²d/n", for_numbers!(bn, 16, one_sided)),
            wrong("whatever d is", for_numbers!(bn, 16, whatever_d)),
        ])
    })
}

/// Ridge regression with λ = σ²/τ² is what a Gaussian prior of variance τ² on each weight and Gaussian noise
/// of variance σ² make most probable; it is also the mean of the posterior.
///
/// λ = σ²/τ²인 능형 회귀는, 가중치마다 분산 τ²인 가우스 사전분포와 분산 σ²인 가우스 잡음을 가정했을 때 가장 그럴듯한 가중치입니다. 사후분포의 평균이기도 합니다.
#[test]
fn ridge_is_a_gaussian_prior() -> Claim {
    type Lambda<W> = fn(W, W) -> W;
    /// The slope of −log posterior at the ridge solution, along each weight: by dual numbers.
    fn law<F: Drawn>(n: &[F], lambda: Lambda<F::Wide>) -> Vec<Sides<F>> {
        let (x, rest) = samples(n, 4, 2);
        let (y, noise, prior) = (&rest[..4], rest[4] * rest[4], rest[5] * rest[5]);
        let w = ridge(&x, y, lambda(noise, prior));
        let slope = |k: usize| {
            let moving = |(i, &w): (usize, &F::Wide)| {
                Dual::new(w, if i == k { F::Wide::ONE } else { F::Wide::ZERO })
            };
            let w: Vec<_> = w.iter().enumerate().map(moving).collect();
            let constant = |v: &F::Wide| Dual::constant(*v);
            let square = |v: Dual<F::Wide>| v * v / Dual::count(2);
            let off = |(x, y): (&Vec<F::Wide>, &F::Wide)| {
                square(constant(y) - dot(&x.iter().map(constant).collect::<Vec<_>>(), &w))
            };
            let data = sum(x.iter().zip(y).map(off)) / constant(&noise);
            (data + sum(w.iter().map(|&w| square(w))) / constant(&prior)).slope
        };
        // Terms (y − x·w)x/σ²: x and y are 4 at most, 1/σ² is 16.
        let size = 4.0 * 16.0 * 4.0 * (4.0 + 8.0 * largest(&w));
        (0..2).map(|k| equal(slope(k), F::Wide::ZERO).to(size)).collect()
    }
    fn holds<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |noise, prior| noise / prior)
    }
    fn upside_down<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |noise, prior| prior / noise)
    }
    fn noise_alone<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |noise, _| noise)
    }
    /// One weight: the mean of the posterior, with the prior for the weight function of a quadrature.
    fn posterior(lambda: fn(f64, f64) -> f64) -> Proof {
        let check = Check::new(How::Property, 64).scalar("f64").note("against a quadrature");
        let inputs = ([-1.0..1.0f64, -1.0..1.0, -1.0..1.0], [-1.0..1.0f64, -1.0..1.0, -1.0..1.0]);
        let sizes = (0.5..2.0f64, 0.5..2.0f64);
        // Some 800 panels.
        over(check, 800.0 * 8.0 * f64::EPSILON, (inputs, sizes), |&((x, y), (sigma, tau))| {
            let (noise, prior) = (sigma * sigma, tau * tau);
            let likelihood = |w: f64| {
                let off = |(x, y): (&f64, &f64)| (y - x * w).powi(2);
                (-x.iter().zip(&y).map(off).sum::<f64>() / (2.0 * noise)).exp()
            };
            let total = gaussian_mean(|z| likelihood(tau * z), &[]);
            let mean = gaussian_mean(|z| tau * z * likelihood(tau * z), &[]) / total;
            let x: Vec<_> = x.iter().map(|&x| vec![x]).collect();
            vec![(mean - ridge(&x, &y, lambda(noise, prior))[0]).abs()]
        })
    }
    claim(|bn| {
        all([
            for_numbers!(bn, 14, holds),
            posterior(|noise, prior| noise / prior),
            wrong("λ = τ²/σ²", for_numbers!(bn, 14, upside_down)),
            wrong("λ = σ²", for_numbers!(bn, 14, noise_alone)),
            wrong("the mean of the posterior with λ = 1/τ²", posterior(|_, prior| 1.0 / prior)),
        ])
    })
}

/// The squared error of a linear model, and of what it sees.
fn squared<W: Field>(y: W, x: &[W], w: &[W]) -> W {
    let off = y - dot(x, w);
    off * off
}

/// Independent noise of variance s² on every input adds s²‖w‖² to the expected squared error of a linear
/// model: ridge regression.
///
/// 모든 입력에 분산 s²인 잡음을 저마다 따로 더하면 선형 모델의 제곱 오차 기댓값에 s²‖w‖²이 더해집니다. 곧 능형 회귀입니다.
// E(y − x·w − δ·w)² = (y − x·w)² + E(δ·w)². Here each δ is s or −s, and all cases are averaged.
#[test]
fn input_noise_is_ridge() -> Claim {
    type Noise<W> = fn(&[W]) -> Vec<W>;
    type Penalty<W> = fn(W, &[W]) -> W;
    fn law<F: Drawn>(n: &[F], noise: Noise<F::Wide>, penalty: Penalty<F::Wide>) -> Vec<Sides<F>> {
        let (w, rest) = samples(n, 1, 3);
        let (w, x, y, s) = (&w[0], &rest[..3], rest[3], rest[4]);
        let with = |sign: &Vec<F::Wide>| {
            let x: Vec<_> = x.iter().zip(noise(sign)).map(|(&x, e)| x + s * e).collect();
            squared(y, &x, w)
        };
        let expected = mean(&signs(3).iter().map(with).collect::<Vec<_>>());
        vec![equal(expected, squared(y, x, w) + penalty(s, w))]
    }
    fn holds<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, <[_]>::to_vec, |s, w| s * s * dot(w, w))
    }
    fn common<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |sign| vec![sign[0]; 3], |s, w| s * s * dot(w, w))
    }
    fn deviation<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, <[_]>::to_vec, |s, w| s * dot(w, w))
    }
    fn constant<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, <[_]>::to_vec, |s, _| s * s)
    }
    claim(|bn| {
        all([
            for_numbers!(bn, 8, holds),
            wrong("the same noise on all inputs", for_numbers!(bn, 8, common)),
            wrong("s‖w‖²", for_numbers!(bn, 8, deviation)),
            wrong("as noise on the target does", for_numbers!(bn, 8, constant)),
        ])
    })
}

/// Dropout on the inputs, which keeps each with probability p and divides it by p, adds ((1−p)/p)·Σxⱼ²wⱼ² to
/// the expected squared error of a linear model: a ridge that weighs each weight by the size of its input.
///
/// 입력마다 확률 p로 남기고 p로 나누는 드롭아웃은 선형 모델의 제곱 오차 기댓값에 ((1−p)/p)·Σxⱼ²wⱼ²을 더합니다. 입력의 크기로 무게를 단 능형 회귀입니다.
#[test]
fn dropout_is_ridge_on_average() -> Claim {
    type Penalty<W> = fn(W, &[W], &[W]) -> W;
    fn law<F: Drawn>(n: &[F], scaled: bool, penalty: Penalty<F::Wide>) -> Vec<Sides<F>> {
        let (w, rest) = samples(n, 1, 3);
        let one = F::Wide::ONE;
        let (w, x, y, p) = (&w[0], &rest[..3], rest[3], rest[4] / (one + rest[4]));
        let factor = if scaled { one / p } else { one };
        let with = |kept: &Vec<F::Wide>| {
            let keeps = |k: &F::Wide| *k == one;
            let probability =
                kept.iter().fold(one, |all, k| all * if keeps(k) { p } else { one - p });
            let seen = |(&x, k)| if keeps(k) { x * factor } else { F::Wide::ZERO };
            probability * squared(y, &x.iter().zip(kept).map(seen).collect::<Vec<_>>(), w)
        };
        let expected = sum(signs(3).iter().map(with));
        vec![equal(expected, squared(y, x, w) + penalty(p, x, w))]
    }
    fn weighed<W: Field>(x: &[W], w: &[W]) -> W {
        sum(x.iter().zip(w).map(|(&x, &w)| x * x * w * w))
    }
    fn holds<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, true, |p, x, w| (F::Wide::ONE - p) / p * weighed(x, w))
    }
    fn unscaled<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, false, |p, x, w| (F::Wide::ONE - p) / p * weighed(x, w))
    }
    fn share<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, true, |p, x, w| (F::Wide::ONE - p) * weighed(x, w))
    }
    fn all_alike<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, true, |p, _, w| (F::Wide::ONE - p) / p * dot(w, w))
    }
    claim(|bn| {
        all([
            for_numbers!(bn, 8, holds),
            wrong("kept inputs not divided by p", for_numbers!(bn, 8, unscaled)),
            wrong("1−p for (1−p)/p", for_numbers!(bn, 8, share)),
            wrong("all weights alike", for_numbers!(bn, 8, all_alike)),
        ])
    })
}

/// The squared error of the mean of several predictions is the mean of their squared errors less their
/// variance: an ensemble is no worse than its members on average, though its best member may be better.
///
/// 여러 예측을 평균한 값의 제곱 오차는 제곱 오차의 평균에서 예측들의 분산을 뺀 것입니다. 앙상블은 구성원의 평균보다 나쁘지 않지만, 가장 좋은 구성원은 앙상블보다 나을 수 있습니다.
#[test]
fn an_ensemble_is_no_worse_than_its_members_on_average() -> Claim {
    fn law<F: Drawn>(n: &[F], spread: fn(F::Wide) -> F::Wide) -> Vec<Sides<F>> {
        let (f, y) = samples(n, 1, 4);
        let (f, y) = (&f[0], y[0]);
        let square = |v: F::Wide| v * v;
        let together = square(mean(f) - y);
        let (each, off) = (mean_of(f, |f| square(f - y)), mean_of(f, |v| square(v - mean(f))));
        vec![equal(together, each - spread(off)).to(16.0)]
    }
    fn holds<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |v| v)
    }
    fn without<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |_| F::Wide::ZERO)
    }
    fn added<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |v| -v)
    }
    fn bound<F: Drawn + Float>(n: &[F], members: fn(&[F::Wide]) -> F::Wide) -> Vec<Sides<F>> {
        let (f, y) = samples(n, 1, 4);
        let squares: Vec<_> = f[0].iter().map(|&f| (f - y[0]) * (f - y[0])).collect();
        let together = (mean(&f[0]) - y[0]) * (mean(&f[0]) - y[0]);
        vec![at_most(together, members(&squares)).to(16.0)]
    }
    fn average<F: Drawn + Float>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        bound(n, mean)
    }
    fn best<F: Drawn + Float>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        bound(n, |squares| {
            let least = |a: F::Wide, b: &F::Wide| {
                if F::narrow(*b - a).to_f64() < 0.0 { *b } else { a }
            };
            squares.iter().fold(squares[0], least)
        })
    }
    claim(|bn| {
        all([
            for_numbers!(bn, 5, holds),
            numbers::<f32>(bn, 5, average),
            numbers::<f64>(bn, 5, average),
            wrong("no better than the members", for_numbers!(bn, 5, without)),
            wrong("the variance added", for_numbers!(bn, 5, added)),
            wrong("no worse than the best member", numbers::<f64>(bn, 5, best)),
        ])
    })
}

/// The layer after a linear one bounds nothing: at inference with γ = √(σ̂²+ε) and β = b + μ̂, for W and any b,
/// it is Wx + b; every affine map can still be had.
///
/// 완전 연결층 뒤의 이 층은 아무것도 제한하지 않습니다. 추론에서 γ = √(σ̂²+ε), β = b + μ̂이면 어떤 W와 b에 대해서든 Wx + b가 됩니다. 모든 아핀 변환이 그대로 가능합니다.
#[test]
fn every_affine_map_is_still_there() -> Claim {
    type Parameters<F> = fn([<F as Scalar>::Wide; 4]) -> [<F as Scalar>::Wide; 2];
    /// γ and β from b, μ̂, σ̂² and ε.
    fn law<F: Drawn>(n: &[F], parameters: Parameters<F>) -> Vec<Sides<F>> {
        let weight = Array2::from_shape_fn((2, 2), |(i, j)| n[2 * i + j] - F::ONE);
        let x = Array2::from_shape_fn((3, 2), |(i, j)| n[4 + 2 * i + j]);
        let b = array![n[10] - F::ONE, n[11]];
        // Over the prime field each σ̂² + ε has the root that comes next.
        let eps = n[12];
        let vars = [13, 15].map(|i| F::eps_with_root(n[i], eps, n[i + 1]));
        let config = Config {
            eps,
            average: Average::Cumulative,
            running_var: RunningVar::Biased,
            affine: true,
        };
        let mut bn = BatchNorm::with(2, config).expect("good numbers");
        bn.running_mean = array![n[17], n[18] - F::ONE];
        bn.running_var = array![vars[0], vars[1]];
        let chosen = |c: usize| {
            let of = [b[c], bn.running_mean[c], bn.running_var[c], eps].map(|v| v.widen());
            parameters(of).map(F::narrow)
        };
        let (gamma, beta): (Vec<F>, Vec<F>) = (0..2).map(chosen).map(|[a, b]| (a, b)).unzip();
        (bn.gamma, bn.beta) = (Some(gamma.into()), Some(beta.into()));
        let linear = |bias| Linear::new(weight.clone(), bias).expect("fits");
        let z = linear(None).apply(&x).expect("fits");
        let got = bn.freeze().expect("v + ε > 0").apply(&z).expect("fits");
        let wanted = linear(Some(b)).apply(&x).expect("fits");
        // Wx is 24 at most; what is subtracted and added again is 4. γ/s is 1 but for rounding.
        let pairs = got.iter().zip(&wanted);
        pairs.map(|(a, b)| equal(a.widen(), b.widen()).to(8.0 * 36.0)).collect()
    }
    fn holds<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |[b, mu, var, eps]| [(var + eps).sqrt(), b + mu])
    }
    fn without_eps(_: Norm, n: &[f64]) -> Vec<Sides<f64>> {
        law(n, |[b, mu, var, _]| [var.sqrt(), b + mu])
    }
    fn beta_is_b<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |[b, _, var, eps]| [(var + eps).sqrt(), b])
    }
    fn as_at_the_start<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |_| [F::Wide::ONE, F::Wide::ZERO])
    }
    claim(|bn| {
        all([
            for_numbers!(bn, 19, holds),
            wrong("γ = √σ̂²", numbers(bn, 19, without_eps)),
            wrong("β = b", for_numbers!(bn, 19, beta_is_b)),
            wrong("γ = 1, β = 0", for_numbers!(bn, 19, as_at_the_start)),
        ])
    })
}

/// A batch of m independent values brings noise of a known size: Var μ = σ²/m, and Var v =
/// ((m−1)/m)²·(μ₄ − σ⁴(m−3)/(m−1))/m with the fourth central moment μ₄; for Gaussian values that is
/// 2σ⁴(m−1)/m².
///
/// 서로 독립인 값 m개의 배치에는 크기가 알려진 잡음이 있습니다. Var μ = σ²/m이고, 네 번째 중심 적률이 μ₄이면 Var v = ((m−1)/m)²·(μ₄ − σ⁴(m−3)/(m−1))/m입니다. 가우스 분포에서는 2σ⁴(m−1)/m²입니다.
#[test]
fn batch_norm_adds_noise_of_known_size() -> Claim {
    type Variance<W> = fn(W, W, W) -> W;
    fn moments<F: Scalar>(x: &[F]) -> Moments<F> {
        let x = Array2::from_shape_vec((x.len(), 1), x.to_vec()).expect("a column");
        let plan = Plan::batch(x.shape()).expect("two axes");
        norm::forward(x, plan, None, None, F::ONE).expect("ε is 1").1.moments()[0]
    }
    /// All batches of m that can be drawn from three values: the variances of μ and v, against m, σ² and μ₄.
    fn law<F: Drawn>(
        n: &[F],
        of_mean: Variance<F::Wide>,
        of_var: Variance<F::Wide>,
    ) -> Vec<Sides<F>> {
        let wide: Vec<_> = n.iter().map(|v| v.widen()).collect();
        let power = |k: usize| {
            let mu = mean(&wide);
            mean_of(&wide, |v| (0..k).fold(F::Wide::ONE, |all, _| all * (v - mu)))
        };
        let (square, fourth) = (power(2), power(4));
        let variance = |values: &[F::Wide]| {
            let mu = mean(values);
            mean_of(values, |v| (v - mu) * (v - mu))
        };
        let size = |m: usize| {
            let batch = |k: usize| {
                let value = |i: u32| n[k / n.len().pow(i) % n.len()];
                moments(&(0..m as u32).map(value).collect::<Vec<_>>())
            };
            let all: Vec<_> = (0..n.len().pow(m as u32)).map(batch).collect();
            let of =
                |f: fn(&Moments<F>) -> F::Wide| variance(&all.iter().map(f).collect::<Vec<_>>());
            let m = F::Wide::count(m);
            [
                equal(of(Moments::mean), of_mean(m, square, fourth)).to(16.0),
                equal(of(Moments::var), of_var(m, square, fourth)).to(256.0),
            ]
        };
        (2..=4).flat_map(size).collect()
    }
    fn general<W: Field>(m: W, square: W, fourth: W) -> W {
        let (one, three) = (W::ONE, W::count(3));
        let share = (m - one) / m;
        share * share * (fourth - square * square * (m - three) / (m - one)) / m
    }
    fn gaussian<W: Field>(m: W, square: W, _: W) -> W {
        (square + square) * square * (m - W::ONE) / (m * m)
    }
    fn holds<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |m, square, _| square / m, general)
    }
    /// The Gaussian case is the general one for μ₄ = 3σ⁴.
    fn special<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        let (m, square) = (F::Wide::ONE + n[0].widen(), n[1].widen());
        let fourth = F::Wide::count(3) * square * square;
        vec![equal(general(m, square, fourth), gaussian(m, square, fourth))]
    }
    fn as_gaussian<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |m, square, _| square / m, gaussian)
    }
    fn unbiased<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |m, square, _| square / (m - F::Wide::ONE), general)
    }
    fn squared<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |m, square, _| square / (m * m), general)
    }
    /// Gaussian batches: both variances, in standard errors.
    fn sampled(of_var: fn(f64) -> f64) -> Proof {
        let (batches, mut worst) = (8000, 0.0f64);
        let mut z = gaussians(31);
        for m in [2, 8, 32] {
            let all: Vec<_> = (0..batches)
                .map(|_| moments(&z.by_ref().take(m).collect::<Vec<_>>()))
                .map(|m| [f64::narrow(m.mean()), f64::narrow(m.var())])
                .collect();
            let of = |i: usize, expected: f64| {
                let values: Vec<_> = all.iter().map(|pair| pair[i]).collect();
                let middle = mean(&values);
                let squares: Vec<_> = values.iter().map(|v| (v - middle).powi(2)).collect();
                let variance = mean(&squares);
                let error = (mean_of(&squares, |s| (s - variance).powi(2)) / batches as f64).sqrt();
                (variance - expected).abs() / error
            };
            let m = m as f64;
            worst = worst.max(of(0, 1.0 / m)).max(of(1, of_var(m)));
        }
        let check = Check::new(How::Experiment, 3 * batches).scalar("f64");
        Ok(vec![check.note("in standard errors").within(4.0, worst)?])
    }
    claim(|bn| {
        all([
            for_numbers!(bn, 3, holds),
            for_numbers!(bn, 2, special),
            sampled(|m| 2.0 * (m - 1.0) / (m * m)),
            wrong("the Gaussian formula for every law", for_numbers!(bn, 3, as_gaussian)),
            wrong("σ²/(m−1)", for_numbers!(bn, 3, unbiased)),
            wrong("σ²/m²", for_numbers!(bn, 3, squared)),
            wrong("2σ⁴/(m−1), as with the unbiased variance", sampled(|m| 2.0 / (m - 1.0))),
        ])
    })
}

/// Weight decay on a weight in front of the layer keeps the function: multiplied by c > 0 a weight gives the
/// same output at ε = 0, and the output of ε/c² in general.
///
/// 이 층 앞의 가중치를 감쇠시켜도 함수는 그대로입니다. 가중치에 c > 0을 곱하면 ε = 0에서는 출력이 같고, 일반적으로는 ε/c²을 쓴 출력과 같습니다.
#[test]
fn decay_on_a_scale_invariant_weight_keeps_the_function() -> Claim {
    #[derive(Clone, Copy)]
    enum Then {
        Scaled,
        SameEps,
        Negative,
        Without,
    }
    fn law<F: Drawn>(bn: Norm, n: &[F], then: Then) -> Vec<Sides<F>> {
        let x = Array2::from_shape_fn((4, 2), |(i, k)| n[2 * i + k] - F::ONE);
        let w = Array2::from_shape_fn((1, 2), |(_, k)| n[8 + k]);
        let (gamma, beta) = (array![n[10]], array![n[11]]);
        // What a step of decay leaves.
        let c = n[12];
        let z = |w: &Array2<F>| {
            let z = Linear::new(w.clone(), None).expect("no bias").apply(&x).expect("fits");
            z.into_shape_with_order((4, 1, 1)).expect("one unit")
        };
        let long = z(&w);
        let wide: Vec<_> = long.iter().map(|v| v.widen()).collect();
        let mu = mean(&wide);
        let var = mean_of(&wide, |v| (v - mu) * (v - mu));
        let eps = F::eps_with_root(n[13], F::narrow(var), n[14]);
        let sign = if let Then::Negative = then { -c } else { c };
        let short = z(&w.mapv(|w| sign * w));
        let short_eps = if let Then::SameEps = then { eps } else { c * c * eps };
        let run = |z: &Array3<F>, eps: F| match then {
            Then::Without => z.clone(),
            _ => bn.forward(z, &gamma, &beta, eps),
        };
        let (before, after) = (run(&long, eps), run(&short, short_eps));
        // z is rounded, by a few of its own ulps: see `compare` in forward.rs.
        let s = (var + eps.widen()).sqrt().size();
        let top = 2.0 * largest(&wide).max(4.0);
        let scale =
            2.0 * (n[10].widen().size() * (4.0 * top / s * 4.0 + 4.0) + n[11].widen().size());
        before.iter().zip(&after).map(|(a, b)| equal(a.widen(), b.widen()).to(scale)).collect()
    }
    fn holds<F: Drawn>(bn: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(bn, n, Then::Scaled)
    }
    fn at_zero<F: Drawn>(bn: Norm, n: &[F]) -> Vec<Sides<F>> {
        let mut n = n.to_vec();
        n[13] = F::ZERO;
        law(bn, &n, Then::Scaled)
    }
    fn same_eps(bn: Norm, n: &[f64]) -> Vec<Sides<f64>> {
        law(bn, n, Then::SameEps)
    }
    fn negative<F: Drawn>(bn: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(bn, n, Then::Negative)
    }
    fn without<F: Drawn>(bn: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(bn, n, Then::Without)
    }
    claim(|bn| {
        all([
            for_numbers!(bn, 15, holds),
            numbers::<f32>(bn, 15, at_zero),
            numbers::<f64>(bn, 15, at_zero),
            once(bn, || wrong("the same ε", numbers(bn, 15, same_eps))),
            once(bn, || wrong("c < 0", for_numbers!(bn, 15, negative))),
            once(bn, || wrong("without the layer", for_numbers!(bn, 15, without))),
        ])
    })
    .rejects(&[Wrong::RunningStatistics, Wrong::EpsilonOutsideRoot, Wrong::DividedByVariance])
}
