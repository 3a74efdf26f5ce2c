//! Training and inference: which statistics stand in for the batch, and what follows.

use crate::kit::dual::Dual;
use crate::kit::*;
use crate::{everywhere, for_numbers};
use batchnorm::affine::Affine;
use batchnorm::batch_norm::{Average, BatchNorm, Config, RunningVar};
use batchnorm::error::Error;
use batchnorm::folding::{into_next, into_next_convolution, into_previous};
use batchnorm::nn::conv2d::{Conv2d, Window};
use batchnorm::nn::linear::Linear;
use batchnorm::nn::random::Random;
use batchnorm::norm::{self, Gradients, Moments};
use batchnorm::scalar::{DoubleDouble, Field, Scalar};
use batchnorm::split::Plan;
use batchnorm::streaming::Streaming;
use ndarray::{Array, Array1, Array2, Array3, Array4, Axis, Ix3, array, s};
use proptest::prelude::*;

const BIASED: RunningVar = RunningVar::Biased;
const UNBIASED: RunningVar = RunningVar::Unbiased;

/// A layer that averages like this.
fn layer<F: Scalar>(channels: usize, eps: F, average: Average<F>, var: RunningVar) -> BatchNorm<F> {
    let config = Config { eps, average, running_var: var, affine: true };
    BatchNorm::with(channels, config).expect("good numbers")
}

/// A layer with the ε, γ and β of the batch; its running variances are those of the batch, its running
/// means are not.
fn frozen<F: Number>(batch: &Batch<F>) -> BatchNorm<F> {
    let mut bn = layer(batch.channels_count(), batch.eps, Average::Cumulative, BIASED);
    bn.gamma = Some(batch.gamma.clone());
    bn.beta = Some(batch.beta.clone());
    bn.running_mean = batch.x.slice(s![0, .., 0]).to_owned();
    let plan = Plan::batch(batch.x.shape()).expect("three axes");
    let forward = norm::forward(batch.x.clone(), plan, None, None, batch.eps);
    bn.running_var = forward.expect("not constant").1.var();
    bn
}

/// γ, β, μ̂, σ̂² + ε and its root, of a channel.
fn fixed<F: Number>(bn: &BatchNorm<F>, c: usize) -> [F::Wide; 5] {
    let of = |v: &Option<Array1<F>>| v.as_ref().expect("an affine layer")[c].widen();
    let square = bn.running_var[c].widen() + bn.config().eps.widen();
    [of(&bn.gamma), of(&bn.beta), bn.running_mean[c].widen(), square, square.sqrt()]
}

/// In training the output of a sample depends on the rest of the batch; at inference not in a single bit.
///
/// 학습할 때 한 샘플의 출력은 배치의 나머지에 따라 달라지고, 추론할 때는 조금도 달라지지 않습니다.
#[test]
fn batch_mates_matter_only_in_training() -> Claim {
    /// The first sample by itself, among its batch-mates, and among others.
    fn same<F: Number>(
        batch: &Batch<F>,
        y: fn(&Batch<F>, &Array3<F>) -> Array3<F>,
    ) -> Vec<Sides<F>> {
        let mut other = batch.g.clone();
        other.slice_mut(s![0, .., ..]).assign(&batch.x.slice(s![0, .., ..]));
        let first = |x: &Array3<F>| y(batch, x).slice_move(s![0, .., ..]);
        let alone = first(&batch.x.slice(s![..1, .., ..]).to_owned());
        let among = [first(&batch.x), first(&other)];
        let pairs = among.iter().flat_map(|among| alone.iter().zip(among));
        pairs.map(|(a, b)| equal(a.widen(), b.widen()).exactly()).collect()
    }
    fn inference<F: Number>(_: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        same(batch, |batch, x| frozen(batch).freeze().expect("v + ε > 0").apply(x).expect("fits"))
    }
    fn training<F: Number>(_: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        same(&batch.with_eps(batch.spare[0]), |batch, x| {
            Norm::Library.forward(x, &batch.gamma, &batch.beta, batch.eps)
        })
    }
    claim(|bn| {
        let first = |batch: &[f64]| {
            let x = Array3::from_shape_vec((batch.len(), 1, 1), batch.to_vec()).expect("a column");
            bn.forward(&x, &array![1.0], &array![0.0], 0.0)[[0, 0, 0]]
        };
        let mates = [
            first(&[4.0, 1.0, 1.0, 10.0]),
            first(&[4.0, 5.0, 6.0, 7.0]) + 1.5 / 1.25f64.sqrt(),
            first(&[0.0, 2.0]) + 1.0,
            first(&[0.0, -4.0]) - 1.0,
        ];
        all([
            everywhere!(bn, inference),
            worked_example(&mates.map(f64::abs), 4.0 * f64::EPSILON),
            wrong("statistics of the batch at inference", everywhere!(bn, training)),
        ])
    })
    .rejects(&[Wrong::RunningStatistics, Wrong::PerSample])
}

/// At inference the layer is the affine map ax + b with a = γ/√(σ̂²+ε) and b = β − aμ̂.
///
/// 추론할 때 이 층은 a = γ/√(σ̂²+ε), b = β − aμ̂인 아핀 변환 ax + b입니다.
#[test]
fn inference_is_an_affine_map() -> Claim {
    fn law<F: Number>(batch: &Batch<F>, s: fn(F::Wide, F::Wide) -> F::Wide) -> Vec<Sides<F>> {
        let bn = frozen(batch);
        let map = bn.freeze().expect("v + ε > 0");
        let y = map.apply(&batch.g).expect("fits");
        let sides = |c: usize| {
            let [gamma, beta, mu, ..] = fixed(&bn, c);
            let a = gamma / s(bn.running_var[c].widen(), batch.eps.widen());
            let b = beta - a * mu;
            let scale = beta.size() + (a * mu).size();
            let (x, y) = (batch.channel_of(&batch.g, c), batch.channel_of(&y, c));
            let output = x
                .into_iter()
                .zip(y)
                .map(move |(x, y)| equal(y, a * x + b).to(scale + (a * x).size()));
            let (slope, intercept) = (map.slope()[c].widen(), map.intercept()[c].widen());
            output.chain([equal(slope, a), equal(intercept, b).to(scale)])
        };
        (0..batch.channels_count()).flat_map(sides).collect()
    }
    fn holds<F: Number>(_: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        law(batch, |var, eps| (var + eps).sqrt())
    }
    fn outside<F: Number>(_: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        law(batch, |var, eps| var.sqrt() + eps)
    }
    fn variance<F: Number>(_: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        law(batch, |var, eps| var + eps)
    }
    claim(|bn| {
        all([
            everywhere!(bn, holds),
            wrong("ε outside the root", everywhere!(bn, outside)),
            wrong("divided by the variance", everywhere!(bn, variance)),
        ])
    })
}

/// The moments of these batches, each of which is as many consecutive numbers.
fn moments_of<F: Number>(n: &[F], sizes: &[usize]) -> Vec<Moments<F>> {
    let mut rest = n;
    let each = |&size: &usize| {
        let (batch, after) = rest.split_at(size);
        rest = after;
        let x = Array2::from_shape_vec((size, 1), batch.to_vec()).expect("a column");
        let plan = Plan::batch(x.shape()).expect("two axes");
        norm::forward(x, plan, None, None, F::ONE).expect("ε is 1").1.moments()[0]
    };
    sizes.iter().map(each).collect()
}

/// The plain average over equal batches has the mean of the whole set exactly; of its variance the
/// average of the biased variances misses the variance of the batch means.
///
/// 크기가 같은 배치들의 누적 평균은 전체 집합의 평균과 정확히 같습니다. 분산은, m으로 나눈 분산의 평균이 배치 평균들의 분산만큼 모자랍니다.
#[test]
fn cumulative_average_is_the_whole_set() -> Claim {
    fn law<F: Number>(n: &[F], sizes: &[usize], average: Average<F>, between: F) -> Vec<Sides<F>> {
        let mut layers = [BIASED, UNBIASED].map(|var| layer(1, F::ONE, average, var));
        let mut rest = n;
        for &size in sizes {
            let (batch, after) = rest.split_at(size);
            rest = after;
            for bn in &mut layers {
                let x = Array2::from_shape_vec((size, 1), batch.to_vec()).expect("a column");
                let _ = bn.train(x).expect("two values at least");
            }
        }
        let whole = moments_of(n, &[n.len()])[0];
        let means: Vec<_> = moments_of(n, sizes).iter().map(Moments::mean).collect();
        let missed = mean_of(&means, |mu| (mu - whole.mean()) * (mu - whole.mean()));
        let within = whole.var() - between.widen() * missed;
        let m = F::Wide::count(sizes[0]);
        let [mean, var] = [layers[0].running_mean[0], layers[0].running_var[0]].map(|v| v.widen());
        let unbiased = layers[1].running_var[0].widen();
        // Each of the batches rounds the average once.
        let scale = |v: F::Wide| sizes.len() as f64 * v.size();
        vec![
            equal(mean, whole.mean()).to(scale(mean)),
            equal(var, within).to(scale(whole.var())),
            equal(unbiased, m / (m - F::Wide::ONE) * within).to(2.0 * scale(whole.var())),
        ]
    }
    fn holds<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, &[4; 3], Average::Cumulative, F::ONE)
    }
    fn unlike<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, &[2, 3, 7], Average::Cumulative, F::ONE)
    }
    fn whole<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, &[4; 3], Average::Cumulative, F::ZERO)
    }
    fn exponential(_: Norm, n: &[f64]) -> Vec<Sides<f64>> {
        law(n, &[4; 3], Average::Exponential { momentum: 0.1 }, 1.0)
    }
    claim(|bn| {
        all([
            for_numbers!(bn, 12, holds),
            wrong("batches of unlike sizes", for_numbers!(bn, 12, unlike)),
            wrong("the variance of the whole set", for_numbers!(bn, 12, whole)),
            wrong("an exponential average", numbers(bn, 12, exponential)),
        ])
    })
}

/// The variance of equal batches together is the mean of their variances plus the variance of their means.
///
/// 크기가 같은 배치들을 한데 모은 분산은 분산의 평균 더하기 평균의 분산입니다.
#[test]
fn total_variance() -> Claim {
    fn law<F: Number>(n: &[F], between: F) -> Vec<Sides<F>> {
        let (whole, parts) = (moments_of(n, &[n.len()])[0], moments_of(n, &[n.len() / 3; 3]));
        let within = mean(&parts.iter().map(Moments::var).collect::<Vec<_>>());
        let off = |part: &Moments<F>| part.mean() - whole.mean();
        let off = mean(&parts.iter().map(|part| off(part) * off(part)).collect::<Vec<_>>());
        vec![equal(whole.var(), within + between.widen() * off)]
    }
    fn holds<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, F::ONE)
    }
    fn within<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, F::ZERO)
    }
    claim(|bn| {
        let [a, b] = [[1.0, 3.0], [5.0, 7.0]].map(|batch| moments_of::<f64>(&batch, &[2])[0]);
        let whole = moments_of::<f64>(&[1.0, 3.0, 5.0, 7.0], &[4])[0];
        let [a, b, whole] = [a, b, whole].map(|m| f64::narrow(m.var()));
        all([
            for_numbers!(bn, 12, holds),
            worked_example(&[a - 1.0, b - 1.0, whole - 5.0].map(f64::abs), 0.0),
            wrong("the variance within alone", for_numbers!(bn, 12, within)),
        ])
    })
}

/// Count, mean and sum of squared deviations of two shards, of any sizes, merge into those of the whole;
/// the average of their variances is not its variance.
///
/// 크기가 어떻든 두 조각의 개수, 평균, 편차 제곱의 합을 합치면 전체의 것이 됩니다. 조각 분산의 평균은 전체의 분산이 아닙니다.
#[test]
fn merged_shards_are_the_whole() -> Claim {
    /// The mean and the sum of squares of the first three and the last six numbers, merged; the last term
    /// of the merge counts so many times.
    fn law<F: Number>(n: &[F], last: fn(F::Wide, F::Wide) -> F::Wide) -> Vec<Sides<F>> {
        let (whole, parts) = (moments_of(n, &[9])[0], moments_of(n, &[3, 6]));
        let [a, b, all] = [3, 6, 9].map(F::Wide::count);
        let delta = parts[1].mean() - parts[0].mean();
        let merged = a * parts[0].var() + b * parts[1].var() + delta * delta * last(a, b);
        vec![
            equal(whole.mean(), parts[0].mean() + delta * b / all),
            equal(all * whole.var(), merged),
        ]
    }
    fn holds<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |a, b| a * b / (a + b))
    }
    fn forgotten<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |_, _| F::Wide::ZERO)
    }
    fn undivided<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |a, b| a * b)
    }
    fn merge(a: &[f64], b: &[f64]) -> Streaming {
        let [mut a, b] = [a, b].map(|v| v.iter().copied().collect::<Streaming>());
        a.merge(&b);
        a
    }
    fn library(_: Norm, n: &[f64]) -> Vec<Sides<f64>> {
        let whole = moments_of(n, &[9])[0];
        let sides = |cut: usize| {
            let merged = merge(&n[..cut], &n[cut..]);
            let mean = merged.mean().expect("nine values").widen();
            let var = merged.biased_variance().expect("nine values").widen();
            // Plain `f64`: nine roundings of the mean, and as many of the squares.
            let scale = 9.0 * largest(&[whole.mean()]);
            [equal(mean, whole.mean()).to(scale), equal(var, whole.var()).to(scale * 4.0)]
        };
        (0..=9).flat_map(sides).collect()
    }
    claim(|bn| {
        let var = |a: &[f64], b: &[f64]| merge(a, b).biased_variance().expect("values");
        let errors =
            [var(&[1.0, 3.0], &[5.0, 7.0]) - 5.0, var(&[0.0, 0.0], &[4.0; 4]) - 32.0 / 9.0];
        all([
            for_numbers!(bn, 9, holds),
            numbers(bn, 9, library),
            worked_example(&errors.map(f64::abs), 2.0 * f64::EPSILON),
            wrong("the variances averaged", for_numbers!(bn, 9, forgotten)),
            wrong("the last term without 1/n", for_numbers!(bn, 9, undivided)),
        ])
    })
}

/// (1 − p)ⁿ.
fn kept<W: Field>(p: W, n: usize) -> W {
    (0..n).fold(W::ONE, |kept, _| kept * (W::ONE - p))
}

fn exponential<F: Scalar>(momentum: F) -> BatchNorm<F> {
    layer(1, F::ONE, Average::Exponential { momentum }, BIASED)
}

/// After t steps the start weighs (1−p)ᵗ in the running average, and the k-th batch p(1−p)^(t−k).
///
/// t 스텝 뒤 이동 평균에서 처음 값의 무게는 (1−p)ᵗ이고 k번째 배치의 무게는 p(1−p)^(t−k)입니다.
#[test]
fn weight_of_the_start() -> Claim {
    fn follows<F: Float>(kept: fn(F::Wide, usize) -> F::Wide) -> Proof {
        let inputs = (0.0..1.0f64, -9.0..9.0f64, proptest::collection::vec(-9.0..9.0f64, 1..60));
        let check = Check::new(How::Property, 256).scalar(F::NAME);
        over(check, F::TOLERANCE, inputs, |(p, start, values)| {
            let mut bn = exponential(F::from_f64(*p));
            bn.running_mean[0] = F::from_f64(*start);
            let (p, t) = (F::from_f64(*p).widen(), values.len());
            let mut expected = kept(p, t) * bn.running_mean[0].widen();
            for (k, &value) in values.iter().enumerate() {
                let batch = [value - 1.0, value + 1.0].map(F::from_f64);
                expected = expected + p * kept(p, t - k - 1) * mean(&batch.map(|v| v.widen()));
                let _ = bn.train(array![[batch[0]], [batch[1]]]).expect("two values");
            }
            // Every step rounds once.
            let sides: Sides<F> = equal(bn.running_mean[0].widen(), expected);
            vec![sides.to(9.0 * t as f64).error()]
        })
    }
    /// What is left of the 1 that the running variance starts with, after 50 batches without variance.
    fn left(momentum: f64) -> f64 {
        let mut bn = exponential(momentum);
        for _ in 0..50 {
            let _ = bn.train(array![[0.0], [0.0]]).expect("ε is 1");
        }
        bn.running_var[0]
    }
    claim(|_| {
        let other = |p: DoubleDouble, n| kept(DoubleDouble::ONE - p, n);
        let linear = |p: DoubleDouble, n| DoubleDouble::ONE - p * DoubleDouble::count(n);
        all([
            follows::<f32>(kept),
            follows::<f64>(kept),
            worked_example(&[(left(0.1) - 0.0052).abs(), (left(0.01) - 0.605).abs()], 5e-5),
            wrong("momentum as the weight of the old value", follows::<f64>(other)),
            wrong("1 − pt", follows::<f64>(linear)),
        ])
    })
}

/// An exponential average is as steady as a plain one over (2−p)/p batches: its variance is σ²·p/(2−p)
/// for independent batches of variance σ².
///
/// 지수 이동 평균은 배치 (2−p)/p개를 고르게 평균한 것만큼 잔잔합니다. 서로 독립이고 분산이 σ²인 배치들이라면 분산이 σ²·p/(2−p)입니다.
#[test]
fn effective_window() -> Claim {
    /// 1/Σw², for the weights w that a batch has in the average afterwards.
    fn measured(p: f64) -> f64 {
        let mut bn = exponential(p);
        let mut weights = Vec::new();
        for step in 0..(40.0 / p) as usize {
            let mean = if step == 0 { 1.0 } else { 0.0 };
            let _ = bn.train(array![[mean - 1.0], [mean + 1.0]]).expect("two values");
            weights.push(bn.running_mean[0]);
        }
        1.0 / weights.iter().map(|w| w * w).sum::<f64>()
    }
    fn windows(window: fn(f64) -> f64) -> Proof {
        let errors = [0.5, 0.3, 0.1, 0.01].map(|p| (measured(p) / window(p) - 1.0).abs());
        // The weights that count are those of the first 1/p steps, each of which rounds.
        worked_example(&errors, 100.0 * f64::EPSILON)
    }
    /// The variance over many averages of independent Gaussian batches, in standard errors.
    fn noise(window: fn(f64) -> f64) -> Proof {
        let (p, channels) = (0.1, 4000);
        let mut bn = layer(channels, 1e-5, Average::Exponential { momentum: p }, BIASED);
        let mut gaussians = gaussians(9);
        for _ in 0..100 {
            let draw = || gaussians.next().expect("endless");
            let _ = bn.train(Array2::from_shape_simple_fn((2, channels), draw)).expect("two rows");
        }
        // A mean of two has half the variance.
        let share = bn.running_mean.var(0.0) / 0.5 * window(p) - 1.0;
        let standard_error = (2.0 / channels as f64).sqrt();
        let check = Check::new(How::Experiment, channels).scalar("f64").note("in standard errors");
        Ok(vec![check.within(4.0, share.abs() / standard_error)?])
    }
    claim(|_| {
        let exact = |p: f64| (2.0 - p) / p;
        let errors = [exact(0.1) - 19.0, exact(0.01) - 199.0].map(f64::abs);
        all([
            windows(exact),
            noise(exact),
            worked_example(&errors, 256.0 * f64::EPSILON),
            wrong("1/p", windows(|p| 1.0 / p)),
            wrong("2/p", windows(|p| 2.0 / p)),
            wrong("1/p", noise(|p| 1.0 / p)),
        ])
    })
}

/// The momentum that weighs the new value is 1 minus the momentum that weighs the old one.
///
/// 새 값의 무게로 쓰는 이동 평균 계수는 1에서 옛 값의 무게로 쓰는 계수를 뺀 것입니다.
#[test]
fn momentum_is_one_minus_the_other_convention() -> Claim {
    fn agree<F: Float>(translate: fn(F) -> F) -> Proof {
        let check = Check::new(How::Property, 256).scalar(F::NAME);
        let inputs = (0.0..1.0f64, -9.0..9.0f64, -9.0..9.0f64);
        over(check, F::TOLERANCE, inputs, |&(old, start, value)| {
            let [old, start, low, high] = [old, start, value - 1.0, value + 1.0].map(F::from_f64);
            let mut bn = exponential(translate(old));
            bn.running_mean[0] = start;
            let _ = bn.train(array![[low], [high]]).expect("two values");
            // As Keras has it: moving = moving * momentum + new * (1 − momentum).
            let (old, new) = (old.widen(), mean(&[low.widen(), high.widen()]));
            let expected = start.widen() * old + new * (F::Wide::ONE - old);
            // 1 − momentum is rounded, and so is the result.
            let sides: Sides<F> = equal(bn.running_mean[0].widen(), expected);
            vec![sides.to(2.0 * (start.widen().size() + new.size())).error()]
        })
    }
    claim(|_| {
        all([
            agree::<f32>(|old| 1.0 - old),
            agree::<f64>(|old| 1.0 - old),
            wrong("the number copied", agree::<f64>(|old| old)),
        ])
    })
}

/// Over all samples of m independent draws the biased variance is (m−1)/m of the population's σ² on
/// average.
///
/// 독립으로 뽑은 m개짜리 표본 전체에서 m으로 나눈 분산의 평균은 모집단 분산 σ²의 (m−1)/m배입니다.
#[test]
fn biased_variance_expects_less() -> Claim {
    /// The library's variance of every sample of `m` numbers of a population that is allowed.
    fn variances<F: Number>(
        population: &[F],
        m: usize,
        allowed: fn(&[usize]) -> bool,
    ) -> Vec<F::Wide> {
        let n = population.len();
        let index = |sample: usize| (0..m).map(move |i| sample / n.pow(i as u32) % n);
        let samples = (0..n.pow(m as u32)).map(|sample| index(sample).collect::<Vec<_>>());
        let samples: Vec<_> = samples.filter(|sample| allowed(sample)).collect();
        let values: Vec<F> = samples.concat().into_iter().map(|i| population[i]).collect();
        moments_of(&values, &vec![m; samples.len()]).iter().map(Moments::var).collect()
    }
    type Factor<W> = fn(W) -> W;
    fn law<F: Number>(
        n: &[F],
        factor: Factor<F::Wide>,
        allowed: fn(&[usize]) -> bool,
    ) -> Vec<Sides<F>> {
        let sigma2 = moments_of(n, &[n.len()])[0].var();
        let side = |m| equal(mean(&variances(n, m, allowed)), factor(F::Wide::count(m)) * sigma2);
        (2..=3).map(side).collect()
    }
    fn shrunk<W: Field>(m: W) -> W {
        (m - W::ONE) / m
    }
    fn holds<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, shrunk, |_| true)
    }
    fn unbiased<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |_| F::Wide::ONE, |_| true)
    }
    fn without_replacement<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, shrunk, |sample| sample.iter().enumerate().all(|(i, v)| !sample[..i].contains(v)))
    }
    claim(|bn| {
        let v: Vec<_> = variances(&[0.0, 2.0], 2, |_| true).into_iter().map(f64::narrow).collect();
        let errors: Vec<_> = v.iter().zip([0.0, 1.0, 1.0, 0.0]).map(|(a, b)| a - b).collect();
        all([
            by(How::Enumeration, for_numbers!(bn, 3, holds)),
            worked_example(&errors, 0.0),
            wrong("σ² itself", for_numbers!(bn, 3, unbiased)),
            wrong("draws without replacement", for_numbers!(bn, 3, without_replacement)),
        ])
    })
}

/// The running variance after one batch, from 1, at momentum 0.1: whether it is the one expected, for
/// each of the two kinds.
fn after_one_batch<F: Float>(batch: &[f64], expected: [f64; 2]) -> Proof
where
    Config<F>: Default,
{
    let error = |(running_var, expected): (RunningVar, f64)| {
        let config = Config { running_var, ..Config::<F>::default() };
        let mut bn = BatchNorm::with(1, config).expect("the default");
        let x = batch.iter().map(|&v| F::from_f64(v)).collect();
        let x = Array2::from_shape_vec((batch.len(), 1), x).expect("a column");
        let _ = bn.train(x).expect("more than one value");
        (bn.running_var[0].to_f64() / expected - 1.0).abs()
    };
    let errors = [BIASED, UNBIASED].into_iter().zip(expected).map(error);
    let scalar = |check: Check| check.scalar(F::NAME);
    Ok(worked_example(&errors.collect::<Vec<_>>(), F::TOLERANCE)?.into_iter().map(scalar).collect())
}

/// One batch (1, 2, 3, 4) at momentum 0.1 takes the running variance from 1 to 1.025 if it is biased, to
/// 1.0667 if unbiased.
///
/// 이동 평균 계수 0.1로 배치 (1, 2, 3, 4)를 한 번 보면 이동 분산은 1에서, 편향이면 1.025, 비편향이면 1.0667이 됩니다.
#[test]
fn running_variance_of_one_two_three_four() -> Claim {
    claim(|_| {
        let (batch, [biased, unbiased]) = ([1.0, 2.0, 3.0, 4.0], [1.025, 0.9 + 0.1 * 5.0 / 3.0]);
        all([
            after_one_batch::<f32>(&batch, [biased, unbiased]),
            after_one_batch::<f64>(&batch, [biased, unbiased]),
            worked_example(&[(unbiased - 1.0667f64).abs()], 5e-5),
            wrong("the two kinds mistaken", after_one_batch::<f64>(&batch, [unbiased, biased])),
            wrong("momentum 0.9", after_one_batch::<f64>(&batch, [1.225, 0.1 + 0.9 * 5.0 / 3.0])),
        ])
    })
}

/// One batch (1, 3, 8) at momentum 0.1 takes the running variance from 1 to 1.7667 if it is biased, to
/// 2.2 if unbiased.
///
/// 이동 평균 계수 0.1로 배치 (1, 3, 8)을 한 번 보면 이동 분산은 1에서, 편향이면 1.7667, 비편향이면 2.2가 됩니다.
#[test]
fn running_variance_of_one_three_eight() -> Claim {
    claim(|_| {
        let (batch, [biased, unbiased]) = ([1.0, 3.0, 8.0], [0.9 + 2.6 / 3.0, 2.2]);
        all([
            after_one_batch::<f32>(&batch, [biased, unbiased]),
            after_one_batch::<f64>(&batch, [biased, unbiased]),
            worked_example(&[(biased - 1.7667f64).abs()], 5e-5),
            wrong("the two kinds mistaken", after_one_batch::<f64>(&batch, [unbiased, biased])),
            wrong("momentum 0.9", after_one_batch::<f64>(&batch, [7.9, 11.8])),
        ])
    })
}

/// Settled on one batch, L layers without ε, with only linear maps between them, give that same batch
/// deviations at inference that are ((m−1)/m)^(L/2) of those in training, if the running variance is
/// unbiased.
///
/// 선형 변환만 사이에 두고 쌓은 L개 층이 ε 없이 한 배치에 안착했고 이동 분산이 비편향이면, 같은 배치의 편차는 추론에서 학습 때의 ((m−1)/m)^(L/2)배입니다.
// A layer at inference divides by √(m/(m−1)) more than in training, and its running mean is the mean of
// the batch. Its input has its deviations multiplied by what the layers before it have lost, all by the
// same factor, which linear maps hand on.
#[test]
fn stacked_layers_multiply_the_bias() -> Claim {
    /// The outputs behind the last layer, in training and at inference.
    fn outputs<F: Scalar>(
        m: usize,
        layers: usize,
        var: RunningVar,
        mut draw: impl FnMut() -> F,
    ) -> [Array2<F>; 2] {
        let mut training = Array2::from_shape_simple_fn((m, 3), &mut draw);
        let mut inference = training.clone();
        for _ in 0..layers {
            let weight = Array2::from_shape_simple_fn((3, 3), &mut draw);
            let bias = Array1::from_shape_simple_fn(3, &mut draw);
            let linear = Linear::new(weight, Some(bias)).expect("three biases");
            let mut bn = layer(3, F::ZERO, Average::Cumulative, var);
            training = bn.train(linear.apply(&training).expect("fits")).expect("not constant").0;
            let map = bn.freeze().expect("not constant");
            inference = map.apply(&linear.apply(&inference).expect("fits")).expect("fits");
        }
        [training, inference]
    }
    /// Every value's deviation from its mean, exactly. Where m/(m−1) is a square of the prime field its root
    /// goes through all roots, whichever of the two they are.
    fn law(var: RunningVar, ratio: fn(Prime, usize) -> Prime) -> Proof {
        let share = |m: usize| Prime::count(m - 1) / Prime::count(m);
        let sizes: Vec<_> = (2..=12).filter(|&m| share(m).is_square()).collect();
        let inputs = (proptest::sample::select(sizes), 1..=6usize, any::<u64>());
        over(Check::new(How::PrimeField, 64), 0.0, inputs, |&(m, layers, seed)| {
            let mut random = Random::new(seed);
            let draw = || Prime::new(random.below(usize::MAX) as u64);
            let deviations = outputs(m, layers, var, draw).map(|y| {
                let mu = y.fold_axis(Axis(0), Prime::ZERO, |&sum, &y| sum + y);
                y.map(|&y| y * Prime::count(m)) - mu
            });
            let ratio = ratio(share(m).sqrt(), layers);
            let pairs = deviations[0].iter().zip(&deviations[1]);
            pairs.map(|(&train, &infer)| f64::from(u8::from(infer != train * ratio))).collect()
        })
    }
    fn multiplied(root: Prime, layers: usize) -> Prime {
        root.pow(layers as u64)
    }
    claim(|_| {
        let mut random = Random::new(0);
        let twenty = outputs(64, 20, UNBIASED, || random.gaussian());
        let [train, infer] = twenty.map(|y| y.std_axis(Axis(0), 0.0));
        let errors = (infer / train).mapv(|ratio: f64| (ratio - 0.854).abs()).to_vec();
        all([
            law(UNBIASED, multiplied),
            law(BIASED, |_, _| Prime::ONE),
            worked_example(&errors, 5e-4),
            wrong("the biased running variance", law(BIASED, multiplied)),
            wrong("one layer's worth", law(UNBIASED, |root, _| root)),
            wrong("(m−1)/m a layer", law(UNBIASED, |root, layers| multiplied(root * root, layers))),
        ])
    })
}

/// Averaging standard deviations gives too little: by the factor c₄(m) < 1 for Gaussian samples, and never
/// more than the root of the average variance for any samples.
///
/// 표준편차를 평균하면 작게 나옵니다. 가우스 분포의 표본이라면 c₄(m) < 1배이고, 어떤 표본이든 평균 분산의 제곱근을 넘지 못합니다.
#[test]
fn averaging_deviations_underestimates() -> Claim {
    fn c4(m: usize) -> f64 {
        let m = m as f64;
        (2.0 / (m - 1.0)).sqrt() * (libm::lgamma(m / 2.0) - libm::lgamma((m - 1.0) / 2.0)).exp()
    }
    // The deviations of m Gaussian values from their mean are a Gaussian vector in the m − 1 dimensions
    // of Σd = 0: its length r has the density r^(m−2)·exp(−r²/2), but for a constant. Simpson's rule.
    fn integrals(factor: fn(usize) -> f64) -> Proof {
        let error = |m: usize| {
            let (n, h) = (4000, 20.0 / 4000.0);
            let integral = |power: usize| {
                let f = |i: usize| {
                    let r = i as f64 * h;
                    r.powi(power as i32) * (-r * r / 2.0).exp() * [2.0, 4.0][i % 2]
                };
                // Half of the ends, of which the far one is nothing.
                (1..n).map(f).sum::<f64>() + f(0) / 2.0
            };
            (integral(m - 1) / integral(m - 2) / (m as f64 - 1.0).sqrt() / factor(m) - 1.0).abs()
        };
        worked_example(&[2, 3, 4, 8, 32].map(error), 1e-10)
    }
    /// The mean of the library's unbiased deviations, over many Gaussian batches, in standard errors.
    fn measured(factor: fn(usize) -> f64) -> Proof {
        let batches = 5000;
        let error = |m: usize| {
            let mut gaussians = gaussians(40 + m as u64);
            let draw = || 7.0 + 3.0 * gaussians.next().expect("endless");
            let x = Array2::from_shape_simple_fn((m, batches), draw);
            let (_, tape) = BatchNorm::<f64>::new(batches).train(x).expect("two rows at least");
            let unbiased = m as f64 / (m as f64 - 1.0);
            let deviations = tape.var().mapv(|v| (v * unbiased).sqrt() / 3.0);
            let standard_error = deviations.std(1.0) / (batches as f64).sqrt();
            (deviations.mean().expect("batches") - factor(m)).abs() / standard_error
        };
        let worst = [2, 4, 8].map(error).into_iter().fold(0.0, f64::max);
        let check =
            Check::new(How::Experiment, 3 * batches).scalar("f64").note("in standard errors");
        Ok(vec![check.within(4.0, worst)?])
    }
    fn below(_: Norm, n: &[f64]) -> Vec<Sides<f64>> {
        let var: Vec<_> = moments_of(n, &[4; 3]).iter().map(Moments::var).collect();
        vec![at_most(mean_of(&var, |v| v.sqrt()), mean(&var).sqrt())]
    }
    fn reversed(_: Norm, n: &[f64]) -> Vec<Sides<f64>> {
        let var: Vec<_> = moments_of(n, &[4; 3]).iter().map(Moments::var).collect();
        vec![at_most(mean(&var).sqrt(), mean_of(&var, |v| v.sqrt()))]
    }
    claim(|bn| {
        // All samples of two from {0, 2}: unbiased variances 0, 2, 2, 0.
        let v = moments_of::<f64>(&[0.0, 0.0, 0.0, 2.0, 2.0, 0.0, 2.0, 2.0], &[2; 4]);
        let roots: Vec<_> = v.iter().map(|m| (2.0 * f64::narrow(m.var())).sqrt()).collect();
        let counted = (mean(&roots) - 0.5f64.sqrt()).abs();
        let digits = [c4(2) - 0.798, c4(4) - 0.921, c4(32) - 0.992].map(f64::abs);
        all([
            integrals(c4),
            measured(c4),
            numbers(bn, 12, below),
            worked_example(&[counted], 2.0 * f64::EPSILON),
            worked_example(&digits, 5e-4),
            wrong("no bias", integrals(|_| 1.0)),
            wrong("no bias", measured(|_| 1.0)),
            wrong("√((m−1)/m)", integrals(|m| (1.0 - 1.0 / m as f64).sqrt())),
            wrong("too much", numbers(bn, 12, reversed)),
        ])
    })
}

/// At inference each sample has its own gradient: ∂L/∂xᵢ = γgᵢ/√(σ̂²+ε), and those of γ and β are sums
/// with the fixed statistics.
///
/// 추론에서는 샘플마다 그레이디언트가 따로입니다. ∂L/∂xᵢ = γgᵢ/√(σ̂²+ε)이고, γ와 β의 그레이디언트는 고정된 통계로 구한 합입니다.
#[test]
fn inference_gradient_decouples() -> Claim {
    type Backward<F> = fn(&Batch<F>) -> Gradients<F, Ix3>;
    fn at_inference<F: Number>(batch: &Batch<F>) -> Gradients<F, Ix3> {
        frozen(batch).frozen_backward(&batch.x, &batch.g).expect("v + ε > 0")
    }
    fn closed_form<F: Number>(batch: &Batch<F>, backward: Backward<F>) -> Vec<Sides<F>> {
        let (bn, gradients) = (frozen(batch), backward(batch));
        let sides = |c: usize| {
            let [gamma, _, mu, _, s] = fixed(&bn, c);
            let [x, g] = [&batch.x, &batch.g].map(|tensor| batch.channel_of(tensor, c));
            let dx = batch.channel_of(&gradients.x, c).into_iter().zip(g.clone());
            let dx = dx.map(move |(dx, g)| equal(dx, gamma / s * g));
            let terms: Vec<_> = x.iter().zip(&g).map(|(&x, &g)| g * (x - mu) / s).collect();
            // What is summed is rounded once, and once more by the chain to γ.
            let size = |terms: &[F::Wide]| 2.0 * terms.iter().map(|v| v.size()).sum::<f64>();
            let (scale_gamma, scale_beta) = (size(&terms), size(&g));
            dx.chain([
                equal(gradients.gamma[c].widen(), sum(terms)).to(scale_gamma),
                equal(gradients.beta[c].widen(), sum(g)).to(scale_beta),
            ])
        };
        (0..batch.channels_count()).flat_map(sides).collect()
    }
    /// The derivative of Σg·y along one direction of all x, γ and β, by dual numbers.
    fn derivative<F: Number>(_: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        let along_x = &batch.x * &batch.g;
        let (along_gamma, along_beta) = (&batch.gamma * &batch.beta, &batch.gamma + &batch.beta);
        let (bn, gradients) = (frozen(batch), at_inference(batch));
        let still = |v: &Array1<F>| v.map(|&v| Dual::constant(v));
        let moving = |v: &Array1<F>, along: &Array1<F>| {
            v.iter().zip(along).map(|(&v, &d)| Dual::new(v, d)).collect::<Array1<_>>()
        };
        let eps = Dual::constant(batch.eps);
        let mut dual = layer(bn.channels(), eps, Average::Cumulative, BIASED);
        (dual.running_mean, dual.running_var) = (still(&bn.running_mean), still(&bn.running_var));
        dual.gamma = Some(moving(&batch.gamma, &along_gamma));
        dual.beta = Some(moving(&batch.beta, &along_beta));
        let x = Array3::from_shape_fn(batch.x.raw_dim(), |at| Dual::new(batch.x[at], along_x[at]));
        let y = dual.freeze().expect("v + ε > 0").apply(&x).expect("fits");
        let slope: Vec<_> =
            y.iter().zip(&batch.g).map(|(y, g)| y.slope.widen() * g.widen()).collect();
        fn products<F: Number>(
            a: impl IntoIterator<Item = F>,
            b: impl IntoIterator<Item = F>,
        ) -> Vec<F::Wide> {
            a.into_iter().zip(b).map(|(a, b)| a.widen() * b.widen()).collect()
        }
        let terms = [
            products(gradients.x, along_x),
            products(gradients.gamma, along_gamma),
            products(gradients.beta, along_beta),
        ]
        .concat();
        // Rounded: each gradient, up to twice, and in the sums for γ what cancels there; each slope.
        let scale = slope.iter().chain(&terms).map(|v| v.size()).sum::<f64>();
        let cancelled = (0..bn.channels()).map(|c| {
            let [.., s] = fixed(&bn, c);
            let [x, g] = [&batch.x, &batch.g].map(|tensor| batch.channel_of(tensor, c));
            let one =
                |(x, g): (&F::Wide, &F::Wide)| (*g * (*x - bn.running_mean[c].widen()) / s).size();
            (batch.gamma[c] * batch.beta[c]).widen().size() * x.iter().zip(&g).map(one).sum::<f64>()
                + (batch.gamma[c] + batch.beta[c]).widen().size()
                    * g.iter().map(|g| g.size()).sum::<f64>()
        });
        let scale = 2.0 * (scale + cancelled.sum::<f64>());
        vec![equal(sum(terms), sum(slope)).to(scale)]
    }
    fn holds<F: Number>(_: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        closed_form(batch, at_inference)
    }
    fn training<F: Number>(_: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        closed_form(batch, |batch| batch.backward(Norm::Library))
    }
    fn without_gamma<F: Number>(_: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        closed_form(batch, |batch| {
            let gamma = batch.gamma.map(|_| F::ONE);
            at_inference(&Batch { gamma, ..batch.clone() })
        })
    }
    claim(|bn| {
        all([
            everywhere!(bn, holds),
            by(How::DualPrimeField, prime_field(bn, derivative)),
            by(How::Dual, property::<f64>(bn, derivative)),
            wrong("the gradient of training", everywhere!(bn, training)),
            wrong("γ forgotten", everywhere!(bn, without_gamma)),
        ])
    })
}

/// Takes numbers off a list, so that tensors can be filled with them.
struct Numbers<'a, F>(std::slice::Iter<'a, F>);

impl<F: Number> Numbers<'_, F> {
    fn positive(&mut self) -> F {
        *self.0.next().expect("enough numbers")
    }

    /// Of both signs.
    fn fill<S: ndarray::IntoDimension>(&mut self, shape: S) -> Array<F, S::Dim> {
        Array::from_shape_simple_fn(shape, || self.positive() - F::ONE)
    }

    /// A layer at inference, made of 5 numbers a channel and one more. Over the prime field the roots exist.
    fn frozen(&mut self, channels: usize) -> BatchNorm<F> {
        let eps = self.positive();
        let mut bn = layer(channels, eps, Average::Cumulative, BIASED);
        (bn.gamma, bn.beta) = (Some(self.fill(channels)), Some(self.fill(channels)));
        bn.running_mean = self.fill(channels);
        let var = |_| F::eps_with_root(self.positive(), eps, self.positive());
        bn.running_var = (0..channels).map(var).collect();
        bn
    }
}

/// Two ways to the same output, which round at most so often, numbers of the size of `scale` at most.
fn agree<F: Number, D: ndarray::Dimension>(
    one: &Array<F, D>,
    other: &Array<F, D>,
    roundings: usize,
    scale: f64,
) -> Vec<Sides<F>> {
    let pairs = one.iter().zip(other);
    pairs.map(|(a, b)| equal(a.widen(), b.widen()).to(roundings as f64 * scale)).collect()
}

/// The size of the largest sums of `terms` products of weights with inputs below 3, of biases and
/// shifts below 3, times the largest slope of the map, before anything cancels.
fn size_of<F: Number>(map: &Affine<F>, terms: usize) -> f64 {
    let slope = map.slope().iter().map(|a| a.widen().size()).fold(1.0, f64::max);
    let intercept = map.intercept().iter().map(|b| b.widen().size()).fold(1.0, f64::max);
    (slope * (9.0 * terms as f64 + 6.0) + 3.0) * (1.0 + intercept)
}

/// At inference the layer folds into the linear layer before it: W′ = diag(α)W and b′ = α(b − μ̂) + β give
/// the same output.
///
/// 추론에서 이 층은 바로 앞의 완전 연결층으로 접힙니다. W′ = diag(α)W, b′ = α(b − μ̂) + β의 출력이 원래와 같습니다.
#[test]
fn folding_into_a_linear_layer_is_exact() -> Claim {
    type Spoil<F> = fn(&mut Linear<F>, &Linear<F>);
    fn law<F: Number>(n: &[F], spoil: Spoil<F>) -> Vec<Sides<F>> {
        let mut n = Numbers(n.iter());
        let linear = Linear::new(n.fill((3, 2)), Some(n.fill(3))).expect("fits");
        let (bn, x) = (n.frozen(3), n.fill((2, 2)));
        let map = bn.freeze().expect("v + ε > 0");
        let bias = linear.bias.as_ref().expect("given above");
        let (w, b) = into_previous(&linear.weight, Some(bias), &map).expect("fits");
        let mut sides = Vec::new();
        for c in 0..3 {
            let [gamma, beta, mu, _, s] = fixed(&bn, c);
            let (alpha, old) = (gamma / s, bias[c].widen());
            let scale = (alpha * old).size() + (alpha * mu).size() + beta.size();
            sides.push(equal(b[c].widen(), alpha * (old - mu) + beta).to(scale));
            let rows = w.row(c).to_vec().into_iter().zip(linear.weight.row(c).to_vec());
            sides.extend(rows.map(|(w, old)| {
                let product = alpha * old.widen();
                equal(w.widen(), product).to(2.0 * product.size())
            }));
        }
        let mut folded = Linear::new(w, Some(b)).expect("fits");
        spoil(&mut folded, &linear);
        let one = map.apply(&linear.apply(&x).expect("fits")).expect("fits");
        sides.extend(agree(&one, &folded.apply(&x).expect("fits"), 10, size_of(&map, 2)));
        sides
    }
    fn holds<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |_, _| ())
    }
    fn old_bias<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |folded, old| folded.bias.clone_from(&old.bias))
    }
    fn old_weight<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |folded, old| folded.weight.clone_from(&old.weight))
    }
    claim(|bn| {
        let map = |[mu, a, beta]: [f64; 3]| Affine::new(array![mu], array![a], array![beta]);
        let fold = |w: Array2<f64>, b: f64, numbers| {
            let map = map(numbers).expect("one channel");
            into_previous(&w, Some(&array![b]), &map).expect("fits")
        };
        // W = (1, 2), b = 3, μ̂ = 5, α = 6/2, β = 1; and W = 3, b = 1, μ̂ = 4, α = 2/4, β = 1.
        let right = fold(array![[1.0, 2.0]], 3.0, [5.0, 3.0, 1.0])
            == (array![[3.0, 6.0]], array![-5.0])
            && fold(array![[3.0]], 1.0, [4.0, 0.5, 1.0]) == (array![[1.5]], array![-0.5]);
        all([
            for_numbers!(bn, 29, holds),
            worked_example(&[f64::from(u8::from(!right))], 0.0),
            wrong("the bias not folded", for_numbers!(bn, 29, old_bias)),
            wrong("the weights not folded", for_numbers!(bn, 29, old_weight)),
        ])
    })
}

/// A convolution of two channels, from 18 numbers or fewer.
fn convolution<F: Number>(n: &mut Numbers<F>, window: Window) -> Conv2d<F> {
    let weight = n.fill((2, 2 / window.groups, 2, 2));
    Conv2d::new(weight, Some(n.fill(2)), window).expect("fits")
}

/// At inference the layer folds into the convolution before it, with any stride, padding and groups: each
/// output channel's kernel times α, and b′ = α(b − μ̂) + β.
///
/// 추론에서 이 층은 바로 앞의 합성곱으로 접힙니다. 스트라이드, 패딩, 그룹이 어떻든 출력 채널마다 필터에 α를 곱하고 b′ = α(b − μ̂) + β로 놓으면 됩니다.
#[test]
fn folding_into_a_convolution_is_exact() -> Claim {
    type Weight<F> = fn(&Conv2d<F>, &Array4<F>, &Affine<F>) -> Array4<F>;
    fn law<F: Number>(n: &[F], weight: Weight<F>) -> Vec<Sides<F>> {
        let windows = [(1, 0, 1), (2, 1, 1), (1, 2, 2), (2, 0, 2)];
        let sides = |(stride, padding, groups)| {
            let (mut n, window) = (Numbers(n.iter()), Window { stride, padding, groups });
            let (bn, x) = (n.frozen(2), n.fill((1, 2, 3, 3)));
            let (conv, map) = (convolution(&mut n, window), bn.freeze().expect("v + ε > 0"));
            let (w, b) = into_previous(&conv.weight, conv.bias.as_ref(), &map).expect("fits");
            let folded = Conv2d::new(weight(&conv, &w, &map), Some(b), window).expect("fits");
            let one = map.apply(&conv.apply(&x).expect("fits")).expect("fits");
            agree(&one, &folded.apply(&x).expect("fits"), 4, size_of(&map, 8))
        };
        windows.into_iter().flat_map(sides).collect()
    }
    fn holds<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |_, folded, _| folded.clone())
    }
    fn unfolded<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |old, _, _| old.weight.clone())
    }
    fn by_input<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |old, _, map| {
            let slope = |at: (usize, usize, usize, usize)| map.slope()[at.1];
            Array4::from_shape_fn(old.weight.raw_dim(), |at| old.weight[at] * slope(at))
        })
    }
    claim(|bn| {
        all([
            for_numbers!(bn, 47, holds),
            wrong("the weights not folded", for_numbers!(bn, 47, unfolded)),
            wrong("input channels scaled for output channels", for_numbers!(bn, 47, by_input)),
        ])
    })
}

/// Into the linear layer or the unpadded convolution behind it the layer y = αx + c folds exactly; behind
/// a border padded with zeros the result is wrong unless c = 0, right inside, and right throughout if the
/// padding is −c/α.
///
/// 이 층 y = αx + c는 뒤의 완전 연결층이나 패딩 없는 합성곱으로 정확히 접힙니다. 0으로 패딩한 가장자리에서는 c = 0이 아니면 틀리고 안쪽은 맞으며, −c/α로 패딩하면 가장자리까지 맞습니다.
#[test]
fn folding_into_the_next_layer_fails_at_a_padded_border() -> Claim {
    #[derive(Clone, Copy)]
    enum Case {
        Unpadded,
        Padded,
        Inside,
        WithoutShift,
        PaddedWithTheRoot,
    }
    fn law<F: Number>(n: &[F], groups: usize, case: Case) -> Vec<Sides<F>> {
        let mut n = Numbers(n.iter());
        let (mut bn, x) = (n.frozen(2), n.fill((1, 2, 3, 3)));
        let padding = if let Case::Unpadded = case { 0 } else { 1 };
        let conv = convolution(&mut n, Window { stride: 1, padding, groups });
        if let Case::WithoutShift = case {
            bn.beta = None;
            bn.running_mean.fill(F::ZERO);
        }
        let map = bn.freeze().expect("v + ε > 0");
        let (slope, c) = (map.slope(), map.intercept());
        let mut direct = conv.apply(&map.apply(&x).expect("fits")).expect("fits");
        let folded = into_next_convolution(&conv.weight, conv.bias.as_ref(), groups, 0, &map);
        let (w, b) = folded.expect("fits");
        // The root of αx + c, all around.
        let mut surrounded = Array4::from_shape_fn((1, 2, 5, 5), |at| -c[at.1] / slope[at.1]);
        surrounded.slice_mut(s![.., .., 1..4, 1..4]).assign(&x);
        let (padding, x) = match case {
            Case::PaddedWithTheRoot => (0, surrounded),
            _ => (padding, x),
        };
        let folded = Conv2d::new(w, Some(b), Window { stride: 1, padding, groups }).expect("fits");
        let mut folded = folded.apply(&x).expect("fits");
        if let Case::Inside = case {
            for y in [&mut direct, &mut folded] {
                y.slice_collapse(s![.., .., 1..3, 1..3]);
            }
        }
        agree(&direct, &folded, 12, size_of(&map, 8))
    }
    fn right<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        let cases = [Case::Unpadded, Case::Inside, Case::WithoutShift, Case::PaddedWithTheRoot];
        let both = |case| [1, 2].map(|groups| law(n, groups, case)).concat();
        cases.into_iter().flat_map(both).chain(linear(n)).collect()
    }
    fn border<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, 1, Case::Padded)
    }
    fn linear<F: Number>(n: &[F]) -> Vec<Sides<F>> {
        let mut n = Numbers(n.iter());
        let linear = Linear::new(n.fill((3, 2)), Some(n.fill(3))).expect("fits");
        let (map, x) = (n.frozen(2).freeze().expect("v + ε > 0"), n.fill((2, 2)));
        let (w, b) = into_next(&linear.weight, linear.bias.as_ref(), &map).expect("fits");
        let folded = Linear::new(w, Some(b)).expect("fits").apply(&x).expect("fits");
        let direct = linear.apply(&map.apply(&x).expect("fits")).expect("fits");
        agree(&direct, &folded, 12, size_of(&map, 2))
    }
    /// Five pixels of 0, y = x + 1, a kernel (1, 1, 1): what comes out directly, and folded.
    fn row() -> Proof {
        let map = Affine::new(array![0.0], array![1.0], array![1.0]).expect("one channel");
        // Above and below the row all three sums would see padding: a kernel of height 3 that is 0 there.
        let ones = Array4::from_shape_fn((1, 1, 3, 3), |(_, _, i, _)| f64::from(u8::from(i == 1)));
        let padded = Window { padding: 1, ..Window::default() };
        let output = |w: &Array4<f64>, b: Option<Array1<f64>>, x: &Array4<f64>| {
            let conv = Conv2d::new(w.clone(), b, padded).expect("fits");
            conv.apply(x).expect("fits").into_iter().collect::<Vec<_>>()
        };
        let x = Array4::zeros((1, 1, 1, 5));
        let direct = output(&ones, None, &map.apply(&x).expect("fits"));
        let (w, b) = into_next_convolution(&ones, None, 1, 0, &map).expect("fits");
        let refused = into_next_convolution(&ones, None, 1, 1, &map).map(|_| ());
        let right = direct == [2.0, 3.0, 3.0, 3.0, 2.0]
            && output(&w, Some(b), &x) == [3.0; 5]
            && refused == Err(Error::Padding { got: 1 });
        worked_example(&[f64::from(u8::from(!right))], 0.0)
    }
    claim(|bn| {
        all([
            for_numbers!(bn, 47, right),
            row(),
            wrong("folded at a padded border", for_numbers!(bn, 47, border)),
        ])
    })
}

/// The layer keeps four numbers a feature, which are all that inference needs; gradient descent trains two
/// of them, and the other two play no part in the output of training.
///
/// 이 층은 특징마다 수 네 개를 지니고, 추론에는 그 넷이면 됩니다. 그레이디언트로 학습되는 것은 둘이고, 나머지 둘은 학습의 출력에 들어가지 않습니다.
#[test]
fn four_numbers_a_feature_two_trained() -> Claim {
    /// A layer made anew from the four vectors that `bn` has, or from two of them.
    fn restored<F: Number>(batch: &Batch<F>, bn: &BatchNorm<F>, buffers: bool) -> BatchNorm<F> {
        let mut copy = layer(bn.channels(), batch.eps, Average::Cumulative, BIASED);
        (copy.gamma, copy.beta) = (bn.gamma.clone(), bn.beta.clone());
        if buffers {
            copy.running_mean = bn.running_mean.clone();
            copy.running_var = bn.running_var.clone();
        }
        copy
    }
    fn same<F: Number>(one: &Array3<F>, other: &Array3<F>) -> Vec<Sides<F>> {
        agree(one, other, 0, 0.0)
    }
    fn law<F: Number>(batch: &Batch<F>, buffers: bool) -> Vec<Sides<F>> {
        let bn = frozen(batch);
        let infer =
            |bn: &BatchNorm<F>| bn.freeze().expect("v + ε > 0").apply(&batch.g).expect("fits");
        same(&infer(&bn), &infer(&restored(batch, &bn, buffers)))
    }
    fn holds<F: Number>(_: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        let mut bn = frozen(batch);
        let mut other = restored(batch, &bn, false);
        let [one, another] =
            [&mut bn, &mut other].map(|bn| bn.train(batch.x.clone()).expect("valid").0);
        [law(batch, true), same(&one, &another)].concat()
    }
    fn lost<F: Number>(_: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        law(batch, false)
    }
    /// How many numbers layers of these widths keep, and for how many there is a gradient.
    fn count(widths: &[usize]) -> [usize; 2] {
        let of = |&width: &usize| {
            let mut bn = BatchNorm::<f32>::new(width);
            let x = Array2::from_shape_fn((2, width), |(i, _)| i as f32);
            let (y, tape) = bn.train(x).expect("two rows");
            let gradients = tape.backward(&y).expect("fits");
            let parameters = [&bn.gamma, &bn.beta].map(|p| p.as_ref().map_or(0, Array1::len));
            let buffers = [&bn.running_mean, &bn.running_var].map(Array1::len);
            let kept = parameters.iter().chain(&buffers).sum::<usize>();
            [kept, gradients.gamma.len() + gradients.beta.len()]
        };
        widths.iter().map(of).fold([0, 0], |[a, b], [c, d]| [a + c, b + d])
    }
    fn counts(kept: usize, trained: usize) -> Proof {
        let [a, b] = count(&[784, 300, 100]);
        let widths = [count(&[1]) == [4, 2], a == kept, b == trained];
        worked_example(&widths.map(|right| f64::from(u8::from(!right))), 0.0)
    }
    claim(|bn| {
        all([
            everywhere!(bn, holds),
            counts(4736, 2368),
            wrong("a checkpoint without the running statistics", everywhere!(bn, lost)),
            wrong("four trained", counts(4736, 4736)),
        ])
    })
}
