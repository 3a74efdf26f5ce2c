//! Numerics: what rounding makes of a variance, of ε and of a difference quotient.

use crate::kit::*;
use crate::{everywhere, for_numbers};
use batchnorm::batch_norm::{BatchNorm, Config};
use batchnorm::error::Error;
use batchnorm::nn::real::Real;
use batchnorm::norm;
use batchnorm::scalar::Field;
use batchnorm::split::Plan;
use batchnorm::streaming::Streaming;
use half::{bf16, f16};
use ndarray::{Array2, Array3, array};
use proptest::collection::vec;
use proptest::prelude::*;

/// ⟨x²⟩ − ⟨x⟩², every operation rounded as the type rounds.
fn one_pass<W: Field>(x: &[W]) -> W {
    let mu = mean(x);
    mean_of(x, |v| v * v) - mu * mu
}

/// ⟨(x − ⟨x⟩)²⟩
fn two_pass<W: Field>(x: &[W]) -> W {
    let mu = mean(x);
    mean_of(x, |v| (v - mu) * (v - mu))
}

/// The half of an ulp that one operation may be wrong by, so many times over: γₖ = ku/(1 − ku) (N. J.
/// Higham, Accuracy and Stability of Numerical Algorithms, lemma 3.1).
fn gamma<F: Float>(k: usize) -> f64 {
    let ku = k as f64 * F::ULP / 2.0;
    ku / (1.0 - ku)
}

/// Between 2 and 32 numbers, whose mean may be far larger than their deviations: up to 2¹⁷ times in
/// `f32`, up to 2³⁹ times in `f64`. They are not all equal.
fn offset<F: Float>() -> impl Strategy<Value = Vec<F>> {
    let values = (2..=32usize).prop_flat_map(|n| vec(-1.0..1.0f64, n));
    let far = -0.75 * F::ULP.log2();
    let data = (values, 0.0..far, any::<bool>()).prop_map(|(z, far, sign)| {
        let offset = if sign { far.exp2() } else { -far.exp2() };
        z.into_iter().map(|z| F::from_f64(offset + z)).collect::<Vec<_>>()
    });
    data.prop_filter("not constant", |x| x.iter().any(|v| *v != x[0]))
}

/// The variance, the mean square and the condition number κ² = ⟨x²⟩/v = 1 + μ²/v of floats, from sums in
/// the wide type.
fn truth<F: Float>(x: &[F]) -> (F::Wide, f64) {
    let wide: Vec<_> = x.iter().map(|v| v.widen()).collect();
    let var = two_pass(&wide);
    (var, F::narrow(mean_of(&wide, |v| v * v) / var).to_f64())
}

/// By how much a variance is off, relative to the right one.
fn off<F: Float>(x: &[F], variance: F) -> f64 {
    let (var, _) = truth(x);
    F::narrow((variance.widen() - var) / var).to_f64().abs()
}

/// The error of a way to a variance, measured in the bound on it that is claimed, never exceeds 1.
fn bounded<F: Float>(by: fn(&[F]) -> F, bound: fn(usize, f64) -> f64) -> Proof {
    let check = Check::new(How::Property, 256).scalar(F::NAME).note("in units of the bound");
    over(check, 1.0, offset(), |x| {
        let (_, condition) = truth::<F>(x);
        vec![off(x, by(x)) / bound(x.len(), condition)]
    })
}

/// On paper ⟨x²⟩ − ⟨x⟩² is the variance; in `f32` it makes −128 of 40000, 40001, 40002, 40003, whose
/// variance is 1.25.
///
/// 종이 위에서 ⟨x²⟩ − ⟨x⟩²은 분산입니다. 그러나 `f32`로 계산하면 분산이 1.25인 40000, 40001, 40002, 40003에서 −128이 나옵니다.
// 40000² to 40003² lie above 2³⁰, where neighbouring `f32` are 128 apart.
#[test]
fn one_pass_variance_can_be_negative() -> Claim {
    fn law<F: Drawn>(n: &[F], of: fn(&[F::Wide]) -> F::Wide) -> Vec<Sides<F>> {
        let x: Vec<_> = n.iter().map(|v| v.widen()).collect();
        // The terms that cancel are below 16, and have the digits of the wide type.
        vec![equal(of(&x), two_pass(&x)).to(16.0)]
    }
    fn holds<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, one_pass)
    }
    fn sum_squared<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |x| mean_of(x, |v| v * v) - sum(x.iter().copied()) * sum(x.iter().copied()))
    }
    fn not_squared<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |x| mean_of(x, |v| v * v) - mean(x))
    }
    /// The four of the statement; three more, whose variance is ⅔; five equal ones.
    fn examples<F: Float>(of: fn(&[F]) -> F) -> Proof {
        let run = |x: &[f64]| of(&x.iter().map(|&v| F::from_f64(v)).collect::<Vec<_>>()).to_f64();
        let errors = [
            run(&[40000.0, 40001.0, 40002.0, 40003.0]) + 128.0,
            run(&[38500.0, 38501.0, 38502.0, 38503.0]) - 128.0,
            run(&[6000.0, 6001.0, 6002.0, 6003.0]) + 4.0,
            run(&[10000.0, 10001.0, 10002.0]),
            run(&[1000.1; 5]) + 0.0625,
        ];
        worked_example(&errors.map(f64::abs), 0.0)
    }
    claim(|bn| {
        let right = two_pass(&[40000.0f32, 40001.0, 40002.0, 40003.0]) - 1.25;
        all([
            for_numbers!(bn, 8, holds),
            examples::<f32>(one_pass),
            worked_example(&[f64::from(right.abs())], 0.0),
            wrong("the same in f64", examples::<f64>(one_pass)),
            wrong("deviations from the mean", examples::<f32>(two_pass)),
            wrong("the square of the sum", for_numbers!(bn, 8, sum_squared)),
            wrong("the mean not squared", for_numbers!(bn, 8, not_squared)),
        ])
    })
}

/// Cutting a negative one-pass variance off at 0 is wrong by all of the variance, and leaves every other
/// error as it was: it hides the sign, not the error.
///
/// 한 번 훑어 구한 음수 분산을 0으로 자르면 분산 전체만큼 틀리고, 다른 오차는 그대로 남습니다. 부호를 감출 뿐 오차를 없애지 않습니다.
#[test]
fn clamping_hides_the_sign_not_the_error() -> Claim {
    fn clamped(x: &[f32]) -> f32 {
        one_pass(x).max(0.0)
    }
    /// `left` says what error is left, for the variance that one pass gives.
    fn leaves(left: fn(&[f32]) -> f64) -> Proof {
        let check = Check::new(How::Property, 256).scalar("f32");
        over(check, 0.0, offset(), |x| vec![(off(x, clamped(x)) - left(x)).abs()])
    }
    claim(|bn| {
        let four = |first: f32| [0.0f32, 1.0, 2.0, 3.0].map(|i| first + i);
        let variances = [clamped(&four(40000.0)), clamped(&four(38500.0)) - 128.0];
        // What the layer makes of them: ±1.5 over √1.25, and not over √ε, and not over √128.
        let xhat = |first: f32| {
            let x = Array3::from_shape_vec((4, 1, 1), four(first).to_vec()).expect("four values");
            f64::from(bn.forward(&x, &array![1.0], &array![0.0], 1e-5)[[3, 0, 0]])
        };
        let right = 1.5 / (1.25f64 + 1e-5).sqrt();
        let layer = [xhat(40000.0), xhat(38500.0)].map(|v| (v / right - 1.0).abs());
        let blown_up = (1.5 / 1e-5f64.sqrt() / right - 353.55).abs();
        all([
            leaves(|x| if one_pass(x) < 0.0 { 1.0 } else { off(x, one_pass(x)) }),
            worked_example(&variances.map(|v| f64::from(v.abs())), 0.0),
            Ok(vec![
                Check::new(How::WorkedExample, 2)
                    .within(f32::TOLERANCE, layer.into_iter().fold(0.0, f64::max))?,
            ]),
            worked_example(&[blown_up], 0.01),
            once(bn, || wrong("nothing is left", leaves(|_| 0.0))),
            once(bn, || {
                wrong("nothing is left where the sign was wrong", {
                    leaves(|x| if one_pass(x) < 0.0 { 0.0 } else { off(x, one_pass(x)) })
                })
            }),
            once(bn, || wrong("the old error is left", leaves(|x| off(x, one_pass(x))))),
        ])
    })
    .rejects(&[Wrong::OnePassVariance, Wrong::EpsilonOutsideRoot])
}

/// The relative error of the one-pass variance grows with the square of |μ|/σ: it is (3n+3)uκ² at most, to
/// first order in the unit roundoff u, with the condition number κ² = 1 + μ²/σ².
///
/// 한 번 훑어 구한 분산의 상대 오차는 |μ|/σ의 제곱으로 커집니다. 반올림 단위 u의 일차까지 보면 (3n+3)uκ²을 넘지 않으며, 조건수는 κ² = 1 + μ²/σ²입니다.
// ⟨x²⟩ is rounded n+1 times, ⟨x⟩² 2n+1 times, and both are ⟨x²⟩ = κ²v at most; the difference is rounded
// once more.
#[test]
fn error_grows_with_the_condition_number() -> Claim {
    /// The slope of log error over log |μ|/σ, from 8 to 8·2ᵒᶜᵗᵃᵛᵉˢ.
    fn slope<F: Float>(octaves: usize, seed: u64) -> f64 {
        let (n, batches) = (16, 40);
        let mut z = gaussians(seed);
        let points: Vec<_> = (0..=octaves)
            .map(|k| {
                let offset = (3.0 + k as f64).exp2();
                let square = |_| {
                    let draw = || F::from_f64(offset + z.next().expect("endless"));
                    let x: Vec<F> = std::iter::repeat_with(draw).take(n).collect();
                    off(&x, one_pass(&x)).powi(2)
                };
                let squares: f64 = (0..batches).map(square).sum();
                [offset.log2(), (squares / f64::from(batches)).sqrt().log2()]
            })
            .collect();
        let centred = |axis: fn(&[f64; 2]) -> f64| {
            let axis: Vec<_> = points.iter().map(axis).collect();
            let middle = mean(&axis);
            axis.into_iter().map(|v| v - middle).collect::<Vec<_>>()
        };
        let (x, y) = (centred(|p| p[0]), centred(|p| p[1]));
        let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        product(&x, &y) / product(&x, &x)
    }
    fn grows<F: Float>(octaves: usize, exponent: f64) -> Proof {
        let seeds = 20;
        let slopes: Vec<_> = (0..seeds).map(|seed| slope::<F>(octaves, seed)).collect();
        let average = mean(&slopes);
        let variance = mean_of(&slopes, |s| (s - average).powi(2)) / (seeds - 1) as f64;
        let check = Check::new(How::Experiment, seeds as usize).scalar(F::NAME);
        let check = check.note("exponent, in standard errors");
        Ok(vec![check.within(4.0, (average - exponent).abs() / variance.sqrt())?])
    }
    fn bound<F: Float>(n: usize, condition: f64) -> f64 {
        gamma::<F>(3 * n + 3) * condition
    }
    claim(|_| {
        all([
            bounded::<f32>(one_pass, bound::<f32>),
            bounded::<f64>(one_pass, bound::<f64>),
            grows::<f32>(7, 2.0),
            grows::<f64>(20, 2.0),
            wrong("|μ|/σ itself", grows::<f32>(7, 1.0)),
            wrong("the cube of |μ|/σ", grows::<f64>(20, 3.0)),
            wrong("a bound with κ for κ²", {
                bounded::<f32>(one_pass, |n, condition| bound::<f32>(n, condition.sqrt()))
            }),
            wrong("a bound without κ", bounded::<f64>(one_pass, |n, _| bound::<f64>(n, 1.0))),
        ])
    })
}

/// The one-pass variance of n numbers that are not all equal is positive as long as (3n+3)uκ² < 1; beyond
/// that it can be negative, and at |μ|/σ = 10⁴ it is, in `f32`, for 4 to 6 of 10 Gaussian batches of
/// 1024.
///
/// 모두 같지는 않은 수 n개의 분산을 한 번 훑어 구하면 (3n+3)uκ² < 1인 동안에는 양수입니다. 그 너머에서는 음수가 될 수 있습니다. `f32`에서 |μ|/σ = 10⁴이면 가우스 분포에서 뽑은 1024개짜리 배치 열 가운데 네 개에서 여섯 개가 음수입니다.
#[test]
fn a_negative_variance_needs_a_large_mean() -> Claim {
    fn positive<F: Float>(way: fn(&[F]) -> F, safe: fn(usize, f64) -> f64) -> Proof {
        let check = Check::new(How::Property, 256).scalar(F::NAME);
        over(check, 0.0, offset(), |x| {
            let (_, condition) = truth::<F>(x);
            let fails = safe(x.len(), condition) < 1.0 && way(x).to_f64() <= 0.0;
            vec![f64::from(u8::from(fails))]
        })
    }
    /// The share of negative variances.
    fn negative(way: fn(&[f32]) -> f32) -> f64 {
        let (mut z, batches) = (gaussians(1), 500);
        let below = |_: &i32| {
            let x: Vec<_> = z.by_ref().take(1024).map(|z| (1e4 + z) as f32).collect();
            way(&x) < 0.0
        };
        f64::from((0..batches).filter(below).count() as u32) / f64::from(batches)
    }
    fn half(way: fn(&[f32]) -> f32) -> Proof {
        let check = Check::new(How::Experiment, 500).scalar("f32").note("share of batches from ½");
        Ok(vec![check.within(0.1, (negative(way) - 0.5).abs())?])
    }
    claim(|_| {
        all([
            positive::<f32>(one_pass, |n, condition| gamma::<f32>(3 * n + 3) * condition),
            positive::<f64>(one_pass, |n, condition| gamma::<f64>(3 * n + 3) * condition),
            half(one_pass),
            wrong("as long as (3n+3)uκ < 1", {
                positive::<f32>(one_pass, |n, c| gamma::<f32>(3 * n + 3) * c.sqrt())
            }),
            wrong("as long as κ < 10⁴", positive::<f32>(one_pass, |_, c| c / 1e8)),
            wrong("deviations from the mean", half(two_pass)),
        ])
    })
}

/// Welford: one value at a time, the mean first; `m2` adds to the sum of squares from the deviations from
/// the mean before and after.
fn welford<W: Field>(x: &[W], m2: fn(W, W) -> W) -> W {
    let (mut mean, mut squares) = (W::ZERO, W::ZERO);
    for (i, &x) in x.iter().enumerate() {
        let before = x - mean;
        mean = mean + before / W::count(i + 1);
        squares = squares + m2(before, x - mean);
    }
    squares / W::count(x.len())
}

/// Two passes and Welford's updates give the variance exactly, but for rounding: two passes to (n+3)u +
/// (nκu)² of it, Welford to nκu; the library carries wider sums, and is right to an ulp.
///
/// 두 번 훑기와 웰퍼드의 갱신은 반올림이 없으면 분산을 정확히 냅니다. 두 번 훑기의 상대 오차는 (n+3)u + (nκu)², 웰퍼드는 nκu 안에 있습니다. 이 책의 라이브러리는 더 넓은 형으로 합을 내어 마지막 자리까지 맞습니다.
// The mean of n numbers is off by γₙκσ at most, which adds its square to the variance.
#[test]
fn two_pass_and_welford_are_right() -> Claim {
    fn law<F: Drawn>(n: &[F], m2: fn(F::Wide, F::Wide) -> F::Wide) -> Vec<Sides<F>> {
        let x: Vec<_> = n.iter().map(|v| v.widen()).collect();
        vec![equal(welford(&x, m2), two_pass(&x)).to(16.0)]
    }
    fn holds<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |before, after| before * after)
    }
    fn before<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |before, _| before * before)
    }
    fn after<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |_, after| after * after)
    }
    fn library<F: Float>(x: &[F]) -> F {
        let column = Array2::from_shape_vec((x.len(), 1), x.to_vec()).expect("a column");
        let plan = Plan::batch(column.shape()).expect("two axes");
        norm::forward(column, plan, None, None, F::ONE).expect("ε is 1").1.var()[0]
    }
    fn streamed(x: &[f64]) -> f64 {
        x.iter().copied().collect::<Streaming>().biased_variance().expect("two values")
    }
    fn two<F: Float>(n: usize, condition: f64) -> f64 {
        let square = gamma::<F>(n).powi(2) * condition;
        square + gamma::<F>(n + 3) * (1.0 + square)
    }
    fn updates<F: Float>(n: usize, condition: f64) -> f64 {
        n as f64 * condition.sqrt() * F::ULP / 2.0
    }
    claim(|bn| {
        let updating = |x: &[f32]| welford(x, |before, after| before * after);
        all([
            for_numbers!(bn, 8, holds),
            bounded::<f32>(two_pass, two::<f32>),
            bounded::<f64>(two_pass, two::<f64>),
            bounded::<f32>(updating, updates::<f32>),
            bounded::<f64>(streamed, updates::<f64>),
            bounded::<f32>(library, |_, _| f32::TOLERANCE),
            bounded::<f64>(library, |_, _| f64::TOLERANCE),
            wrong("one pass, by the bound of two", bounded::<f32>(one_pass, two::<f32>)),
            wrong("one pass, by Welford's bound", bounded::<f64>(one_pass, updates::<f64>)),
            wrong("two passes without wider sums, to an ulp", {
                bounded::<f32>(two_pass, |_, _| f32::TOLERANCE)
            }),
            wrong("the old mean twice", for_numbers!(bn, 8, before)),
            wrong("the new mean twice", for_numbers!(bn, 8, after)),
        ])
    })
}

/// Subtracting the same number from all values first, a pivot, repairs the one-pass formula: with one of
/// the n values for a pivot κ² is n at most, and the error (3n+8)nu, however far the values are from zero.
///
/// 모든 값에서 같은 수, 곧 기준값을 먼저 빼면 한 번 훑는 공식이 고쳐집니다. 값 n개 가운데 하나를 기준값으로 쓰면 κ²은 n을 넘지 않습니다. 그래서 값이 0에서 아무리 멀어도 상대 오차는 (3n+8)nu 안에 있습니다.
// No value is further from the mean than √(n−1)·σ (see `forward::largest_value_is_bounded`). Each
// difference is rounded once more, which moves σ by u·κσ at most.
#[test]
fn a_pivot_repairs_the_one_pass_formula() -> Claim {
    fn shifted<W: Field>(x: &[W], pivot: W) -> W {
        one_pass(&x.iter().map(|&v| v - pivot).collect::<Vec<_>>())
    }
    fn law<F: Drawn>(n: &[F], of: fn(&[F::Wide], F::Wide) -> F::Wide) -> Vec<Sides<F>> {
        let x: Vec<_> = n[1..].iter().map(|v| v.widen()).collect();
        // Any pivot, and one of the values.
        [n[0].widen(), x[0]].map(|pivot| equal(of(&x, pivot), two_pass(&x)).to(16.0)).to_vec()
    }
    fn holds<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, shifted)
    }
    fn half_shifted<F: Drawn>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |x, pivot| {
            let mu = mean(x);
            mean_of(x, |v| (v - pivot) * (v - pivot)) - mu * mu
        })
    }
    fn bound<F: Float>(n: usize, _: f64) -> f64 {
        n as f64 * gamma::<F>(3 * n + 8)
    }
    /// κ² of the shifted values, in units of n.
    fn round<F: Float>(pivot: fn(&[F]) -> F) -> Proof {
        let check = Check::new(How::Property, 256).scalar(F::NAME);
        over(check, 1.0, offset::<F>(), |x| {
            let wide: Vec<_> = x.iter().map(|v| v.widen() - pivot(x).widen()).collect();
            let condition = mean_of(&wide, |v| v * v) / two_pass(&wide);
            // Attained by two values, up to the rounding of this line.
            vec![F::narrow(condition).to_f64() / x.len() as f64 * (1.0 - F::ULP)]
        })
    }
    claim(|bn| {
        let four = [40000.0f32, 40001.0, 40002.0, 40003.0];
        let errors = [shifted(&four, 40000.0), shifted(&four, 40003.0), shifted(&four, 40100.0)];
        all([
            for_numbers!(bn, 9, holds),
            round::<f32>(|x| x[0]),
            round::<f64>(|x| x[0]),
            bounded::<f32>(|x| shifted(x, x[0]), bound::<f32>),
            bounded::<f64>(|x| shifted(x, x[0]), bound::<f64>),
            worked_example(&errors.map(|v| f64::from((v - 1.25).abs())), 0.0),
            wrong("no pivot", bounded::<f32>(one_pass, bound::<f32>)),
            wrong("a pivot halfway", bounded::<f64>(|x| shifted(x, x[0] / 2.0), bound::<f64>)),
            wrong("a pivot halfway, κ²", round::<f32>(|x| x[0] / 2.0)),
            wrong("the mean not shifted", for_numbers!(bn, 9, half_shifted)),
        ])
    })
}

/// Where v ≪ ε the layer multiplies deviations by 1/√ε instead of 1/√v: x̂ falls short of (x−μ)/√ε by the
/// share v/2ε at most. A channel that is dead at inference has the slope 1/√ε: 316.2 for ε = 10⁻⁵, 31.62
/// for 10⁻³.
///
/// v ≪ ε이면 이 층은 평균과의 차이에 1/√v가 아니라 1/√ε을 곱합니다. x̂은 (x−μ)/√ε보다 많아야 v/2ε의 비율만큼 작습니다. 추론할 때 죽은 채널의 기울기는 1/√ε입니다. ε = 10⁻⁵이면 316.2, 10⁻³이면 31.62입니다.
#[test]
fn a_small_variance_meets_epsilon() -> Claim {
    fn holds<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        // x̂²(v + ε) = (x − μ)².
        let sides = |c: Channel<F>| {
            let scale = 2.0 * largest(&c.xhat).powi(2) * (c.s * c.s).size();
            let (mu, square) = (c.mean, c.s * c.s);
            let pairs: Vec<_> = c.x.into_iter().zip(c.xhat).collect();
            pairs
                .into_iter()
                .map(move |(x, xhat)| equal(xhat * xhat * square, (x - mu) * (x - mu)).to(scale))
        };
        batch.channels(bn).flat_map(sides).collect()
    }
    fn between<F: Float>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        // An ε above zero, and far above the variance for every other batch or so.
        let eps = if batch.eps == F::ZERO { batch.spare[0] } else { batch.eps };
        let sides = |c: Channel<F>| {
            let root = c.eps.sqrt();
            let short = c.var / (c.eps + c.eps);
            let scale = largest(&c.xhat) * root.size();
            let (mu, pairs) = (c.mean, c.x.into_iter().zip(c.xhat).collect::<Vec<_>>());
            pairs.into_iter().flat_map(move |(x, xhat)| {
                // 0 ≤ 1 − got/full ≤ short, times the square of `full`, which has a sign.
                let (full, got) = (x - mu, xhat * root);
                let (square, product) = (full * full, full * got);
                let scale = scale * full.size();
                [
                    at_most(product, square).to(scale),
                    at_most(square - square * short, product).to(scale),
                ]
            })
        };
        batch.with_eps(eps).channels(bn).flat_map(sides).collect()
    }
    claim(|bn| {
        let slope = |eps: f64| {
            let mut dead =
                BatchNorm::with(1, Config { eps, ..Config::default() }).expect("a good ε");
            dead.running_var = array![0.0];
            dead.freeze().expect("ε > 0").slope()[0]
        };
        // v = 10⁻⁸ = ε/1000; v = ε = ¼.
        let share = |x: f64, eps: f64| {
            let pair = Array3::from_shape_vec((2, 1, 1), vec![x, -x]).expect("two values");
            bn.forward(&pair, &array![1.0], &array![0.0], eps)[[0, 0, 0]]
        };
        let errors = [
            slope(1e-5) - 316.2278,
            slope(1e-3) - 31.6228,
            share(1e-4, 1e-5) - 0.0316070,
            share(0.5, 0.25) - 0.5f64.sqrt(),
        ];
        all([
            everywhere!(bn, holds),
            property::<f32>(bn, between),
            property::<f64>(bn, between),
            worked_example(&errors.map(f64::abs), 5e-5),
        ])
    })
    .rejects(&[
        Wrong::NoEpsilon,
        Wrong::EpsilonOutsideRoot,
        Wrong::DividedByVariance,
        Wrong::UnbiasedVariance,
    ])
}

/// In half precision ε = 10⁻⁵ is not zero: in `f16` it is the subnormal number 168·2⁻²⁴. But v + ε is v from
/// v = 2⁻⁵ on in `f16`, 2⁻⁸ in `bf16`, 2⁸ in `f32`; and in `f16` the square of a deviation of 256 or more
/// is infinite.
///
/// 반정밀도에서 ε = 10⁻⁵은 0이 되지 않습니다. `f16`에서는 준정규 수 168·2⁻²⁴입니다. 그러나 `f16`에서는 v = 2⁻⁵부터, `bf16`에서는 2⁻⁸부터, `f32`에서는 2⁸부터 v + ε이 v와 같습니다. 또 `f16`에서는 크기가 256 이상인 편차의 제곱이 무한대입니다.
// Below v the next number is further than 2ε away from these powers of two on.
#[test]
fn epsilon_in_half_precision() -> Claim {
    /// Whether v + ε = v is the same as v ≥ limit, for all these v.
    fn absorbed<T: PartialEq + Copy>(
        values: impl Iterator<Item = T>,
        plus_eps: fn(T) -> T,
        above: impl Fn(T) -> bool,
    ) -> Proof {
        let mut cases = 0;
        for v in values {
            if (plus_eps(v) == v) != above(v) {
                return Err("v + ε is v elsewhere, too".into());
            }
            cases += 1;
        }
        Ok(vec![Check::new(How::Enumeration, cases)])
    }
    /// All finite numbers from 0 on.
    fn halves() -> impl Iterator<Item = f16> {
        (0..0x7c00).map(f16::from_bits)
    }
    fn in_f16(limit: f32) -> Proof {
        absorbed(halves(), |v| v + f16::from_f64(1e-5), |v| v.to_f32() >= limit)
    }
    fn in_bf16(limit: f32) -> Proof {
        let values = (0..0x7f80).map(bf16::from_bits);
        absorbed(values, |v| v + bf16::from_f64(1e-5), |v| v.to_f32() >= limit)
    }
    /// The first, the second and the last number of each binade.
    fn in_f32(limit: f32) -> Proof {
        let values = (0..0x7f80_0000u32)
            .step_by(1 << 23)
            .flat_map(|first| [first, first + 1, first + (1 << 23) - 1].map(f32::from_bits));
        absorbed(values, |v| v + 1e-5, |v| v >= limit)
    }
    fn overflows(limit: f32) -> Proof {
        let infinite = |v: f16| (v * v).is_infinite() == (v.to_f32() >= limit);
        if !halves().all(infinite) {
            return Err("other squares overflow".into());
        }
        Ok(vec![Check::new(How::Enumeration, halves().count())])
    }
    fn rounded(eps: f64, units: f64) -> Proof {
        worked_example(&[(f16::from_f64(eps).to_f64() - units / 24f64.exp2()).abs()], 0.0)
    }
    claim(|_| {
        all([
            rounded(1e-5, 168.0),
            rounded(1e-8, 0.0),
            in_f16(5f32.exp2().recip()),
            in_bf16(8f32.exp2().recip()),
            in_f32(256.0),
            overflows(256.0),
            wrong("10⁻⁵ is zero in f16", rounded(1e-5, 0.0)),
            wrong("the limit of f16 twice as high", in_f16(4f32.exp2().recip())),
            wrong("bf16 as good as f16", in_bf16(5f32.exp2().recip())),
            wrong("f32 from 1 on", in_f32(1.0)),
            wrong("squares overflow from the largest number on", overflows(65504.0)),
        ])
    })
}

/// The variance with n−1 of one value is 0/0. The library refuses to compute it and leaves the running
/// statistics alone; computed anyway, it makes them NaN for good.
///
/// 값 하나를 n−1로 나눈 분산은 0/0입니다. 라이브러리는 그것을 계산하기를 거절하고 이동 통계를 그대로 둡니다. 그냥 계산하면 이동 분산이 NaN이 되어 돌아오지 않습니다.
#[test]
fn one_value_has_no_unbiased_variance() -> Claim {
    type Train = fn(&mut BatchNorm<f64>, f64) -> Result<(), Error>;
    fn refuse(bn: &mut BatchNorm<f64>, x: f64) -> Result<(), Error> {
        bn.train(array![[x]]).map(|_| ())
    }
    /// As a layer does that does not count its values.
    fn anyway(bn: &mut BatchNorm<f64>, x: f64) -> Result<(), Error> {
        let unbiased = (x - x).powi(2) / (1.0 - 1.0);
        bn.running_mean[0] += 0.1 * (x - bn.running_mean[0]);
        bn.running_var[0] += 0.1 * (unbiased - bn.running_var[0]);
        Ok(())
    }
    /// As a layer does that takes the variance with n for it, 0.
    fn as_zero(bn: &mut BatchNorm<f64>, x: f64) -> Result<(), Error> {
        bn.running_mean[0] += 0.1 * (x - bn.running_mean[0]);
        bn.running_var[0] *= 0.9;
        Ok(())
    }
    /// Two values, one value, two values: what is in the way of the same without the one.
    fn unharmed(train: Train) -> Proof {
        let check = Check::new(How::Property, 256).scalar("f64");
        over(check, 0.0, [-9.0..9.0f64, -9.0..9.0, -9.0..9.0], |&[a, b, one]| {
            let [mut bn, mut without] = [(); 2].map(|()| BatchNorm::<f64>::new(1));
            let pair = || array![[a], [a + 1.0 + b * b]];
            let mut both = |with: bool| {
                let _ = without.train(pair()).expect("two values");
                let _ = bn.train(pair()).expect("two values");
                with.then(|| train(&mut bn, one))
            };
            let refused = both(true) == Some(Err(Error::TooFewValues { need: 2, got: 1 }));
            both(false);
            let same = bn.running_var == without.running_var
                && bn.running_mean == without.running_mean
                && bn.batches() == without.batches();
            vec![f64::from(u8::from(!(refused && same)))]
        })
    }
    claim(|_| {
        let one: Streaming = [5.0].into_iter().collect();
        let refused = one.unbiased_variance() == Err(Error::TooFewValues { need: 2, got: 1 })
            && one.biased_variance() == Ok(0.0);
        let mut harmed = BatchNorm::<f64>::new(1);
        anyway(&mut harmed, 5.0).expect("never fails");
        for i in 0..100 {
            let _ = harmed.train(array![[0.0], [f64::from(i)]]).expect("two values");
        }
        let right = [refused, harmed.running_var[0].is_nan()];
        all([
            unharmed(refuse),
            worked_example(&right.map(|right| f64::from(u8::from(!right))), 0.0),
            wrong("computed anyway", unharmed(anyway)),
            wrong("taken for 0", unharmed(as_zero)),
        ])
    })
}

/// From `f32` to `f64` the best step of a central difference falls as u^⅓ and its error as u^⅔; of a
/// one-sided difference both fall as u^½.
///
/// `f32`에서 `f64`로 가면 중앙 차분의 가장 좋은 간격은 u^⅓에, 그때의 오차는 u^⅔에 비례하여 줄어듭니다. 한쪽 차분에서는 둘 다 u^½에 비례합니다.
// A central difference is off by h²|f‴|/6 + u|f|/h about, which is least at h³ = 3u|f|/|f‴|.
#[test]
fn a_central_difference_is_best_near_the_cube_root() -> Claim {
    type Quotient<F> = fn(F, F) -> (F, F);
    fn central<F: Float>(at: F, h: F) -> (F, F) {
        (at - h, at + h)
    }
    fn one_sided<F: Float>(at: F, h: F) -> (F, F) {
        (at, at + h)
    }
    /// The best step for eˣ, and the error there, by the root mean square over many places.
    fn best<F: Float + Real>(ends: Quotient<F>) -> (f64, f64) {
        let error = |step: i32| {
            let h = (-0.25 * f64::from(step)).exp2();
            let square = |i: u32| {
                let at =
                    <F as Real>::from_f64(f64::from(i) / 200.0 - 0.5 + 1e-3 * f64::from(i).sin());
                let (left, right) = ends(at, <F as Real>::from_f64(h));
                let (rise, run) = (right.exp() - left.exp(), right - left);
                // e to the middle of f64: its own error is far below that of the quotient.
                (rise.to_f64() / run.to_f64() / libm_exp(at.to_f64()) - 1.0).powi(2)
            };
            ((0..200).map(square).sum::<f64>() / 200.0).sqrt()
        };
        // As long as x + h is not x.
        let steps = (0..).take_while(|&step| (-0.25 * f64::from(step)).exp2() > 8.0 * F::ULP);
        let errors = steps.map(|step| ((-0.25 * f64::from(step)).exp2(), error(step)));
        errors.min_by(|a, b| a.1.total_cmp(&b.1)).expect("some step")
    }
    fn libm_exp(x: f64) -> f64 {
        Real::exp(x)
    }
    fn exponents(of: [(f64, f64); 2], step: f64, error: f64) -> Proof {
        let [coarse, fine] = of;
        let per = (f32::ULP / f64::ULP).ln();
        let got = [(coarse.0 / fine.0).ln() / per, (coarse.1 / fine.1).ln() / per];
        let worst = (got[0] - step).abs().max((got[1] - error).abs());
        // 29 bits lie between the two; one octave of the step is 1/29.
        let check = Check::new(How::FiniteDifferences, 400).note("exponent of u");
        Ok(vec![check.within(1.5 / 29.0, worst)?])
    }
    claim(|_| {
        let middle = [best::<f32>(central), best::<f64>(central)];
        let side = [best::<f32>(one_sided), best::<f64>(one_sided)];
        all([
            exponents(middle, 1.0 / 3.0, 2.0 / 3.0),
            exponents(side, 0.5, 0.5),
            wrong("a one-sided difference as good as a central one", {
                exponents(side, 1.0 / 3.0, 2.0 / 3.0)
            }),
            wrong("√u for the central difference", exponents(middle, 0.5, 0.5)),
            wrong("all digits", exponents(middle, 1.0 / 3.0, 1.0)),
        ])
    })
}
