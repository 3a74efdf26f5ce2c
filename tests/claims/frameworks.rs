//! Chapter "Frameworks": what is the same everywhere, and what is not.

use crate::kit::golden::{Convention, Golden};
use crate::kit::*;
use crate::{everywhere, for_numbers};
use batchnorm::batch_norm::{Average, BatchNorm, Config, RunningVar};
use batchnorm::error::Error;
use batchnorm::interchange::{Style, Tensors};
use batchnorm::nn::activation::Activation;
use batchnorm::nn::init::Init;
use batchnorm::nn::linear::Linear;
use batchnorm::nn::random::Random;
use batchnorm::nn::sequential::{Layer, Sequential, Summary};
use batchnorm::norm;
use batchnorm::profile::{OneValue, Profile, Weighs, with_eps};
use batchnorm::scalar::{Field, Scalar};
use batchnorm::split::Plan;
use ndarray::{Array1, Array2, Array3, ArrayD, Dimension, Ix1, Ix2, Ix4, array};

fn exponential<F: Float>(momentum: F) -> BatchNorm<F> {
    let average = Average::Exponential { momentum };
    averaging(average)
}

fn averaging<F: Float>(average: Average<F>) -> BatchNorm<F> {
    let config = Config { eps: F::ONE, average, running_var: RunningVar::Biased, affine: true };
    BatchNorm::with(1, config).expect("good numbers")
}

/// A column of values.
fn column<F: Float>(values: &[f64]) -> Array2<F> {
    Array2::from_shape_vec((values.len(), 1), values.iter().map(|&v| F::from_f64(v)).collect())
        .expect("a column")
}

/// One library's momentum is 1 minus another's: PyTorch, burn and candle weigh the new value by it, Keras, Flax
/// and ONNX the old one, and with m there and 1 − m here the running averages are the same.
///
/// 한 라이브러리의 이동 평균 계수는 1에서 다른 라이브러리의 것을 뺀 값입니다. PyTorch, burn, candle은 새 값에, Keras, Flax, ONNX는 옛 값에 곱합니다. 한쪽이 m이고 다른 쪽이 1 − m이면 이동 평균은 같습니다.
#[test]
fn momentum_of_one_is_one_minus_the_other() -> Claim {
    /// The running mean under each profile, with the momentum m where it weighs the old value.
    fn agree<F: Float>(theirs: fn(Profile, F) -> F) -> Proof {
        let inputs = (0.0..1.0f64, -9.0..9.0f64, proptest::collection::vec(-9.0..9.0f64, 1..9));
        let check = Check::new(How::Property, 256).scalar(F::NAME);
        over(check, F::TOLERANCE, inputs, |(old, start, values)| {
            let (old, start) = (F::from_f64(*old), F::from_f64(*start));
            // As Keras has it: moving = moving · momentum + new · (1 − momentum).
            let mut moving = start.widen();
            for &value in values {
                let batch = [value - 1.0, value + 1.0].map(|v| F::from_f64(v).widen());
                moving = moving * old.widen() + mean(&batch) * (F::Wide::ONE - old.widen());
            }
            let sides = |profile: Profile| {
                let mut bn = exponential(profile.new_weight(theirs(profile, old)));
                bn.running_mean[0] = start;
                for value in values {
                    let _ = bn.train(column(&[value - 1.0, value + 1.0])).expect("two values");
                }
                // 1 − m is rounded, and so is every step.
                let scale = 10.0 * (values.len() + 1) as f64;
                let sides: Sides<F> = equal(bn.running_mean[0].widen(), moving);
                sides.to(2.0 * scale).error()
            };
            Profile::ALL.into_iter().map(sides).collect()
        })
    }
    fn translated<F: Float>(profile: Profile, old: F) -> F {
        match profile.weighs() {
            Weighs::Old => old,
            Weighs::New => F::ONE - old,
        }
    }
    /// The momentum that each framework takes by default, and the weight of the new value in the layer.
    fn defaults(expected: [[f64; 2]; 6]) -> Proof {
        let error = |(profile, expected): (Profile, [f64; 2])| {
            let Config { average, .. } = profile.config::<f64>();
            let p = match average {
                Average::Exponential { momentum } => momentum,
                _ => f64::NAN,
            };
            [profile.momentum::<f64>() - expected[0], p - expected[1]].map(f64::abs)
        };
        let errors = Profile::ALL.into_iter().zip(expected).flat_map(error);
        worked_example(&errors.collect::<Vec<_>>(), 0.0)
    }
    claim(|_| {
        let (torch, keras, onnx) = ([0.1, 0.1], [0.99, 0.01], [0.9, 0.1]);
        all([
            agree::<f32>(translated),
            agree::<f64>(translated),
            defaults([torch, keras, keras, onnx, torch, torch]),
            wrong("the number copied", agree::<f64>(|_, old| old)),
            wrong("all of them weigh the old value", agree::<f64>(|_, old| 1.0 - old)),
            wrong("0.99 for ONNX", defaults([torch, keras, keras, keras, torch, torch])),
        ])
    })
}

/// After one batch (1, 2, 3, 4), from 1 and with its own defaults, the running variance is 1.0667 under PyTorch and
/// candle, 1.025 under ONNX and burn, and 1.0025 under Keras and Flax. With the weight 0.1 of the new value for
/// all, it is 1.0667 under the two that average the unbiased variance and 1.025 under the four others: the part
/// that the batch has in it differs by m/(m − 1).
///
/// 배치 (1, 2, 3, 4)를 한 번 본 뒤, 1에서 출발해 저마다의 기본값을 쓰면 이동 분산은 PyTorch와 candle에서 1.0667, ONNX와 burn에서 1.025, Keras와 Flax에서 1.0025입니다. 새 값의 무게를 모두 0.1로 하면 비편향 분산을 평균하는 둘은 1.0667, 나머지 넷은 1.025입니다. 배치가 차지하는 몫이 m/(m − 1)배 다릅니다.
#[test]
fn profiles_differ_by_the_running_variance() -> Claim {
    /// The running variance after one batch under each profile.
    fn after<F: Float>(batch: &[f64], average: Option<F>) -> [F; 6] {
        Profile::ALL.map(|profile| {
            let config = profile.config::<F>();
            let average = match average {
                Some(momentum) => Average::Exponential { momentum },
                None => config.average,
            };
            let layer = BatchNorm::with(1, Config { average, ..config });
            let mut bn = layer.expect("good numbers");
            let _ = bn.train(column(batch)).expect("two values");
            bn.running_var[0]
        })
    }
    fn example<F: Float>(batch: &[f64], average: Option<f64>, expected: [f64; 6]) -> Proof {
        let got = after::<F>(batch, average.map(F::from_f64));
        let errors = got.into_iter().zip(expected).map(|(a, b)| (a.to_f64() / b - 1.0).abs());
        worked_example(&errors.collect::<Vec<_>>(), 2.0 * F::TOLERANCE)
    }
    /// What the batch adds under the unbiased profiles, and under the biased.
    fn share<F: Float>(factor: fn(F::Wide) -> F::Wide) -> Proof {
        let inputs = proptest::collection::vec(-9.0..9.0f64, 2..20);
        let check = Check::new(How::Property, 256).scalar(F::NAME);
        over(check, F::TOLERANCE, inputs, |values| {
            // With the weight 1 nothing of the start is left.
            let [torch, keras, flax, onnx, burn, candle] = after(values, Some(F::ONE));
            let more = factor(F::Wide::count(values.len()));
            let pairs = [(torch, keras), (candle, flax), (torch, onnx), (candle, burn)];
            let sides = |(unbiased, biased): (F, F)| {
                let sides: Sides<F> = equal(unbiased.widen(), more * biased.widen());
                // Both are rounded.
                sides.to(3.0 * unbiased.widen().size()).error()
            };
            pairs.map(sides).to_vec()
        })
    }
    claim(|_| {
        let [u, b] = [0.9 + 0.1 * 5.0 / 3.0, 1.025];
        let at = |u, k, b, o| [u, k, k, o, b, u];
        let errors = [(u - 1.0667f64).abs()];
        all([
            example::<f32>(&[1.0, 2.0, 3.0, 4.0], Some(0.1), at(u, b, b, b)),
            example::<f64>(&[1.0, 2.0, 3.0, 4.0], Some(0.1), at(u, b, b, b)),
            // With the momentum of each: what the libraries themselves give.
            example::<f64>(&[1.0, 2.0, 3.0, 4.0], None, at(u, 1.0025, b, b)),
            example::<f64>(
                &[1.0, 3.0, 8.0],
                Some(0.1),
                at(2.2, 53.0 / 30.0, 53.0 / 30.0, 53.0 / 30.0),
            ),
            worked_example(&errors, 5e-5),
            share::<f32>(|m| m / (m - FieldOf::<f32>::ONE)),
            share::<f64>(|m| m / (m - FieldOf::<f64>::ONE)),
            wrong(
                "the weight 0.1 for all",
                example::<f64>(&[1.0, 2.0, 3.0, 4.0], None, at(u, b, b, b)),
            ),
            wrong("all biased", example::<f64>(&[1.0, 2.0, 3.0, 4.0], Some(0.1), [b; 6])),
            wrong("all unbiased", example::<f64>(&[1.0, 2.0, 3.0, 4.0], Some(0.1), [u; 6])),
            wrong("no difference", share::<f64>(|_| FieldOf::<f64>::ONE)),
            wrong("(m + 1)/m", share::<f64>(|m| (m + FieldOf::<f64>::ONE) / m)),
        ])
    })
}

type FieldOf<F> = <F as Scalar>::Wide;

/// A layer with the ε, γ and β of the batch, and with running statistics among its values.
fn trained<F: Number>(batch: &Batch<F>, eps: F) -> BatchNorm<F> {
    let (average, running_var) = (Average::Cumulative, RunningVar::Biased);
    let config = Config { eps, average, running_var, affine: true };
    let mut bn = BatchNorm::with(batch.channels_count(), config).expect("good numbers");
    (bn.gamma, bn.beta) = (Some(batch.gamma.clone()), Some(batch.beta.clone()));
    bn.running_mean = batch.channels(Norm::Library).map(|c| c.x[0]).map(F::narrow).collect();
    bn.running_var = batch.channels(Norm::Library).map(|c| F::narrow(c.var)).collect();
    bn
}

fn infer<F: Number>(bn: &BatchNorm<F>, x: &Array3<F>) -> Array3<F> {
    bn.freeze().and_then(|map| map.apply(x)).expect("v + ε > 0")
}

/// The four vectors moved from a layer of one profile into one of another keep the output at inference, if ε is
/// moved with them; where it cannot be, γ′ = γ√((σ̂² + ε′)/(σ̂² + ε)) makes up for it.
///
/// 한 프로파일의 층에서 다른 프로파일의 층으로 벡터 넷을 옮길 때 ε도 함께 옮기면 추론 출력이 그대로입니다. ε을 옮길 수 없으면 γ′ = γ√((σ̂² + ε′)/(σ̂² + ε))으로 맞출 수 있습니다.
#[test]
fn converting_a_profile_keeps_the_output() -> Claim {
    /// From every profile to every other.
    fn moved<F: Float>(
        batch: &Batch<F>,
        change: fn(BatchNorm<F>, from: Profile, to: Profile) -> BatchNorm<F>,
    ) -> Vec<Sides<F>> {
        let mut sides = Vec::new();
        for from in Profile::ALL {
            let before = trained(batch, from.eps());
            let y = infer(&before, &batch.x);
            for to in Profile::ALL {
                let after = change(to.adopt(&before).expect("a sound layer"), from, to);
                let pairs = y.iter().zip(infer(&after, &batch.x));
                sides.extend(pairs.map(|(a, b)| equal(a.widen(), b.widen()).exactly()));
            }
        }
        sides
    }
    fn adopted<F: Float>(_: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        moved(batch, |bn, _, _| bn)
    }
    fn own_eps<F: Float>(_: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        moved(batch, |bn, _, to| {
            let config = Config { eps: to.eps(), ..*bn.config() };
            let mut other = BatchNorm::with(bn.channels(), config).expect("good numbers");
            (other.gamma, other.beta) = (bn.gamma, bn.beta);
            (other.running_mean, other.running_var) = (bn.running_mean, bn.running_var);
            other
        })
    }
    fn made_unbiased<F: Float>(_: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        moved(batch, |mut bn, from, to| {
            if from.running_var() != to.running_var() {
                let m = F::count(4);
                bn.running_var.mapv_inplace(|v| v * m / (m - F::ONE));
            }
            bn
        })
    }
    fn swapped<F: Float>(_: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        moved(batch, |mut bn, from, to| {
            if from.names() != to.names() {
                std::mem::swap(&mut bn.gamma, &mut bn.beta);
            }
            bn
        })
    }
    /// One channel of the batch, with another ε; over the prime field v + ε has a root for both.
    fn with<F: Number>(
        batch: &Batch<F>,
        change: fn(&BatchNorm<F>, F) -> BatchNorm<F>,
    ) -> Vec<Sides<F>> {
        let values: Vec<F> = batch.x.index_axis(ndarray::Axis(1), 0).iter().copied().collect();
        let batch = batch.single(&values);
        let before = trained(&batch, batch.eps);
        let var = before.running_var[0];
        let eps = F::eps_with_root(batch.spare[1], var, batch.spare[2]);
        let after = change(&before, eps);
        let (a, b) = (infer(&before, &batch.x), infer(&after, &batch.x));
        let [gamma, beta] = [&batch.gamma, &batch.beta].map(|p| p[0].widen().size());
        let x: Vec<_> = a
            .iter()
            .map(|y| (y.widen() - batch.beta[0].widen()) / batch.gamma[0].widen())
            .collect();
        let scale = gamma * largest(&x) + beta;
        a.iter().zip(&b).map(|(a, b)| equal(a.widen(), b.widen()).to(3.0 * scale)).collect()
    }
    fn other_eps<F: Number>(_: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        with(batch, |bn, eps| with_eps(bn, eps).expect("a sound layer"))
    }
    fn gamma_kept<F: Number>(_: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        with(batch, |bn, eps| {
            let mut other = with_eps(bn, eps).expect("a sound layer");
            other.gamma.clone_from(&bn.gamma);
            other
        })
    }
    fn upside_down<F: Number>(_: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        with(batch, |bn, eps| {
            let mut other = with_eps(bn, eps).expect("a sound layer");
            let gamma = bn.gamma.clone().zip(other.gamma.clone());
            other.gamma = gamma.map(|(before, after)| &before * &before / after);
            other
        })
    }
    claim(|bn| {
        all([
            property::<f32>(bn, adopted),
            property::<f64>(bn, adopted),
            everywhere!(bn, other_eps),
            wrong("the ε of the other profile", property::<f64>(bn, own_eps)),
            wrong("the running variance made unbiased", property::<f64>(bn, made_unbiased)),
            wrong("γ and β under each other's names", property::<f64>(bn, swapped)),
            wrong("γ kept where ε changes", everywhere!(bn, gamma_kept)),
            wrong("the factor of γ upside down", everywhere!(bn, upside_down)),
        ])
    })
}

/// p(1 − p)ⁿ, n = 0, 1, …, t − 1, over their sum: the weights of the last batch, the one before it, ….
fn weights<W: Field>(p: W, t: usize) -> Vec<W> {
    let powers: Vec<_> =
        std::iter::successors(Some(W::ONE), |&w| Some(w * (W::ONE - p))).take(t).collect();
    let all = sum(powers.iter().copied());
    powers.into_iter().map(|w| w / all).collect()
}

/// With the weight p_t = p/(1 − (1−p)ᵗ) for the t-th batch the running average is a weighted mean of the batches
/// alone: the k-th of t weighs p(1−p)^(t−k)/(1 − (1−p)ᵗ), these weights sum to 1, and after the first batch the
/// average is that batch.
///
/// t번째 배치의 무게를 p_t = p/(1 − (1−p)ᵗ)으로 하면 이동 평균은 배치들만의 가중 평균입니다. t개 가운데 k번째의 무게는 p(1−p)^(t−k)/(1 − (1−p)ᵗ)이고 무게의 합은 1이며, 첫 배치 뒤의 평균은 그 배치의 값입니다.
#[test]
fn bias_corrected_average_is_weighted_mean() -> Claim {
    fn follows<F: Float>(average: fn(F) -> Average<F>) -> Proof {
        let momentum =
            proptest::prop_oneof![0.0..1.0f64, proptest::sample::select(vec![0.0, 1.0, 1e-6])];
        let inputs = (momentum, -9.0..9.0f64, proptest::collection::vec(-9.0..9.0f64, 1..40));
        let check = Check::new(How::Property, 256).scalar(F::NAME);
        over(check, F::TOLERANCE, inputs, |(p, start, values)| {
            let p = F::from_f64(*p);
            let mut bn = averaging(average(p));
            bn.running_mean[0] = F::from_f64(*start);
            let mut errors = Vec::new();
            let mut means = Vec::new();
            for (i, value) in values.iter().enumerate() {
                let batch = [value - 1.0, value + 1.0];
                means.insert(0, mean(&batch.map(|v| F::from_f64(v).widen())));
                let _ = bn.train(column(&batch)).expect("two values");
                let weights = weights(p.widen(), i + 1);
                let expected = sum(weights.iter().zip(&means).map(|(&w, &mu)| w * mu));
                // Every step rounds once.
                let scale = if i == 0 { expected.size() } else { 9.0 * (i + 1) as f64 };
                let sides: Sides<F> = equal(bn.running_mean[0].widen(), expected);
                errors.push(sides.to(scale).error());
            }
            errors
        })
    }
    /// The recurrence r ← r + p_t(x_t − r) from anywhere, the closed form, and the exponential average with its start
    /// taken out, of seven values.
    fn law<F: Number>(n: &[F], weight: fn(F::Wide, usize) -> F::Wide) -> Vec<Sides<F>> {
        let n: Vec<_> = n.iter().map(|v| v.widen()).collect();
        // Between 0 and 1, where there is an order.
        let (p, start, x) = (n[0] / (n[0] + F::Wide::count(4)), n[1], &n[2..]);
        let (mut corrected, mut plain) = (start, start);
        for (i, &x) in x.iter().enumerate() {
            corrected = corrected + weight(p, i + 1) * (x - corrected);
            plain = plain + p * (x - plain);
        }
        let weights = weights(p, x.len());
        let closed = sum(weights.iter().rev().zip(x).map(|(&w, &x)| w * x));
        let left = (0..x.len()).fold(F::Wide::ONE, |left, _| left * (F::Wide::ONE - p));
        let debiased = (plain - left * start) / (F::Wide::ONE - left);
        let scale = 16.0 * largest(&n);
        vec![
            equal(corrected, closed).to(scale),
            equal(debiased, closed).to(scale / (F::Wide::ONE - left).size()),
            equal(sum(weights), F::Wide::ONE),
        ]
    }
    fn right<W: Field>(p: W, t: usize) -> W {
        let left = (0..t).fold(W::ONE, |left, _| left * (W::ONE - p));
        p / (W::ONE - left)
    }
    fn holds<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, right)
    }
    fn constant<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |p, _| p)
    }
    fn one_late<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |p, t| right(p, t + 1))
    }
    fn first_batch() -> Proof {
        let errors = [0.0, 0.1, 0.01, 1e-12, 1.0].map(|momentum: f64| {
            let mut bn = averaging::<f64>(Average::BiasCorrected { momentum });
            (bn.running_mean, bn.running_var) = (array![7.0], array![5.0]);
            let _ = bn.train(column(&[1.0, 2.0, 3.0, 6.0])).expect("four values");
            (bn.running_mean[0] - 3.0).abs() + (bn.running_var[0] - 3.5).abs()
        });
        worked_example(&errors, 0.0)
    }
    claim(|bn| {
        all([
            follows::<f32>(|momentum| Average::BiasCorrected { momentum }),
            follows::<f64>(|momentum| Average::BiasCorrected { momentum }),
            for_numbers!(bn, 8, holds),
            first_batch(),
            wrong(
                "the exponential average",
                follows::<f64>(|momentum| Average::Exponential { momentum }),
            ),
            wrong("the plain average", follows::<f64>(|_| Average::Cumulative)),
            wrong("p for every batch", for_numbers!(bn, 8, constant)),
            wrong("counted from 0", for_numbers!(bn, 8, one_late)),
        ])
    })
}

/// A single value a channel is its own mean, so that training puts out β whatever it was, and hands back no gradient.
/// PyTorch refuses it, as this crate does; Keras, Flax, ONNX and burn do so, and let it draw the running variance
/// towards 0; candle takes 0/0 into its running variance.
///
/// 채널마다 값이 하나뿐이면 그 값이 곧 평균이어서, 학습의 출력은 값과 상관없이 β이고 돌아오는 그레이디언트는 0입니다. PyTorch는 이 책의 라이브러리처럼 거절합니다. Keras, Flax, ONNX, burn은 그대로 계산하고 이동 분산이 0 쪽으로 끌려갑니다. candle의 이동 분산에는 0/0이 들어갑니다.
#[test]
fn one_value_per_channel() -> Claim {
    fn holds<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        // One value; an ε that has a root by itself.
        let eps = batch.spare[0] * batch.spare[0];
        let x = batch.single(&[batch.x[[0, 0, 0]]]).with_eps(eps);
        let (y, gradients) = (x.forward(bn), x.backward(bn));
        let zero = |v: F| equal(v.widen(), F::Wide::ZERO).to(x.g[[0, 0, 0]].widen().size());
        vec![
            equal(y[[0, 0, 0]].widen(), x.beta[0].widen()),
            zero(gradients.x[[0, 0, 0]]),
            zero(gradients.gamma[0]),
        ]
    }
    /// What becomes of a running variance of 1 under each profile, by the formula that it has. What the libraries
    /// themselves give is what each profile says.
    fn running(kinds: fn(Profile) -> OneValue) -> Proof {
        let error = |profile: Profile| {
            let Average::Exponential { momentum: p } = profile.config::<f64>().average else {
                return 1.0;
            };
            let plan = Plan::batch(&[1, 1]).expect("a value");
            let forward = norm::forward(array![[5.0]], plan, None, None, profile.eps());
            let (_, tape) = forward.expect("ε is not 0");
            let m = tape.count() as f64;
            let m2 = tape.var()[0] * m;
            let new = match profile.running_var() {
                RunningVar::Biased => m2 / m,
                RunningVar::Unbiased => m2 / (m - 1.0),
            };
            let after = (1.0 - p) + p * new;
            let as_said = match kinds(profile) {
                OneValue::Refused => profile == Profile::PyTorch,
                OneValue::Shift => after == 1.0 - p,
                OneValue::NotANumber => after.is_nan(),
            };
            // And this crate refuses under every profile.
            let layer = BatchNorm::<f64>::with(1, profile.config());
            let mut layer = layer.expect("good numbers");
            let refused = layer.train(array![[5.0]]).map(|_| ());
            let refused = refused == Err(Error::TooFewValues { need: 2, got: 1 });
            let untouched = layer.running_var == Array1::from_elem(1, 1.0);
            f64::from(u8::from(!(as_said && refused && untouched)))
        };
        worked_example(&Profile::ALL.map(error), 0.0)
    }
    claim(|bn| {
        all([
            everywhere!(bn, holds),
            running(Profile::one_value),
            wrong("all of them refuse", running(|_| OneValue::Refused)),
            wrong("the running variance stays", running(|_| OneValue::Shift)),
        ])
    })
    .rejects(&[
        Wrong::NotCentred,
        Wrong::RunningStatistics,
        Wrong::MeanDetached,
        Wrong::BothDetached,
    ])
}

/// The widths of the textbook's network: pixels, two hidden layers, classes.
const WIDTHS: [usize; 4] = [784, 300, 100, 10];

/// The textbook's network, 784–BN–300–BN–100–BN–10.
fn network(hidden_bias: bool) -> Sequential<f32> {
    let mut random = Random::new(0);
    let mut linear = |inputs, outputs, bias| {
        let layer = Linear::random((inputs, outputs), bias, Init::He, &mut random);
        Layer::Linear(layer.expect("a positive number of weights"))
    };
    let layers = vec![
        Layer::Flatten,
        Layer::BatchNorm(BatchNorm::new(784)),
        linear(784, 300, hidden_bias),
        Layer::Activation(Activation::Elu),
        Layer::BatchNorm(BatchNorm::new(300)),
        linear(300, 100, hidden_bias),
        Layer::Activation(Activation::Elu),
        Layer::BatchNorm(BatchNorm::new(100)),
        linear(100, 10, true),
    ];
    Sequential::new(&[28, 28], layers).expect("every layer fits the one before")
}

/// The network of 784, 300, 100 and 10 units with batch normalization before each layer of weights has
/// 271,346 parameters, of which training moves 268,978 and 2,368 are running statistics; 3,136, 1,200 and
/// 400 are in the three normalization layers, and 270,946 are left without the biases of the hidden layers.
///
/// 784, 300, 100, 10개의 유닛을 잇고 가중치 층마다 그 앞에 배치 정규화를 둔 신경망의 매개변수는 271,346개입니다. 학습되는 것이 268,978개, 이동 통계량이 2,368개이며, 세 정규화 층에 3,136개, 1,200개, 400개가 있고, 은닉층의 편향을 빼면 270,946개가 남습니다.
#[test]
fn textbook_network_has_271346_parameters() -> Claim {
    type Count = fn(bool) -> [usize; 3];

    /// In all, trained, not trained: width by width, with so many numbers a normalized feature.
    fn hand(hidden_bias: bool, trained: usize, not_trained: usize) -> [usize; 3] {
        let weights: usize = WIDTHS.windows(2).map(|w| w[0] * w[1]).sum();
        let biases = 10 + if hidden_bias { 300 + 100 } else { 0 };
        let features = 784 + 300 + 100;
        let learned = weights + biases + trained * features;
        [learned + not_trained * features, learned, not_trained * features]
    }
    fn by_hand(hidden_bias: bool) -> [usize; 3] {
        hand(hidden_bias, 2, 2)
    }
    fn by_summary(hidden_bias: bool) -> [usize; 3] {
        let summary = network(hidden_bias).summary().expect("fits");
        [summary.total(), summary.trained(), summary.not_trained()]
    }
    /// What there is a gradient for, and what else a pass of training moves.
    fn by_training(hidden_bias: bool) -> [usize; 3] {
        let (mut model, mut random) = (network(hidden_bias), Random::new(1));
        let x = ArrayD::from_shape_simple_fn(vec![3, 28, 28], || random.gaussian() as f32);
        let (y, tape) = model.train(x, &mut random).expect("three samples");
        let gradients = tape.backward(&y).expect("its own shape");
        let trained = gradients.layers.iter().flatten().map(ArrayD::len).sum();
        let moved = |layer: &Layer<f32>| match layer {
            Layer::BatchNorm(bn) => {
                let means = bn.running_mean.iter().filter(|&&mean| mean != 0.0);
                means.count() + bn.running_var.iter().filter(|&&var| var != 1.0).count()
            }
            _ => 0,
        };
        let not_trained = model.layers().iter().map(moved).sum();
        [trained + not_trained, trained, not_trained]
    }
    fn counts(count: Count) -> Proof {
        let need = [[271_346, 268_978, 2_368], [270_946, 268_578, 2_368]];
        let got = [count(true), count(false)];
        let errors = got.iter().flatten().zip(need.iter().flatten());
        worked_example(&errors.map(|(a, b)| a.abs_diff(*b) as f64).collect::<Vec<_>>(), 0.0)
    }
    fn in_the_layers(summary: &Summary) -> Proof {
        let norms = summary.rows.iter().filter(|row| row.layer == "BatchNorm").map(|r| r.total());
        let counts: Vec<_> = norms.collect();
        worked_example(&[f64::from(u8::from(counts != [3_136, 1_200, 400]))], 0.0)
    }
    claim(|_| {
        all([
            counts(by_hand),
            counts(by_summary),
            counts(by_training),
            in_the_layers(&network(true).summary().expect("fits")),
            wrong("without the running statistics", counts(|bias| hand(bias, 2, 0))),
            wrong("four trained numbers a feature", counts(|bias| hand(bias, 4, 0))),
            wrong("a bias that is not there", counts(|_| hand(true, 2, 2))),
            wrong("γ and β for the whole layer", counts(|bias| hand(bias, 0, 2))),
        ])
    })
}

/// A layer brought in from a PyTorch file, written under Keras's names and brought in again with the same
/// ε, gives the output at inference that it gave before, and that PyTorch gives.
///
/// PyTorch 파일에서 가져온 층을 Keras의 이름으로 저장했다가 같은 ε으로 다시 가져오면, 추론의 출력은 그대로이고 PyTorch의 출력과도 같습니다.
#[test]
fn moving_weights_keeps_the_output() -> Claim {
    const FILE: &[u8] = include_bytes!("../golden/interchange/pytorch.safetensors");
    /// Layers of the file: name, ε, input and output.
    const LAYERS: [(&str, f32, &str, &str); 2] =
        [("bn1", 1e-5, "example.conv", "example.bn1"), ("bn2", 1e-3, "example.fc", "example.y")];

    /// Changes the file on the way, and gives the ε that the layer is brought in again with.
    type Mistake = fn(&mut Tensors, f32) -> f32;

    fn config(eps: f32) -> Config<f32> {
        Config { eps, ..Profile::PyTorch.config() }
    }
    /// The largest difference between the outputs of the moved layer and those of PyTorch, relative to
    /// the largest output; infinite if they are not, to the last bit, those of the layer before.
    fn distance<D: Dimension>(
        file: &Tensors,
        (name, eps, x, y): (&str, f32, &str, &str),
        mistake: Mistake,
    ) -> Result<f64, String> {
        let why = |e: batchnorm::interchange::Error| e.to_string();
        let before = file.batch_norm(name, Style::PyTorch, config(eps)).map_err(why)?;
        let mut keras = Tensors::default();
        keras.insert_batch_norm(name, Style::Keras, &before).map_err(why)?;
        let mut keras = Tensors::from_bytes(&keras.to_bytes().map_err(why)?).map_err(why)?;
        let eps = mistake(&mut keras, eps);
        let there = keras.batch_norm(name, Style::Keras, config(eps)).map_err(why)?;
        let mut torch = Tensors::default();
        torch.insert_batch_norm(name, Style::PyTorch, &there).map_err(why)?;
        let back = torch.batch_norm::<f32>(name, Style::PyTorch, config(eps)).map_err(why)?;

        let x = file.array::<f32, D>(x).map_err(why)?;
        let y = file.array::<f32, D>(y).map_err(why)?;
        let [first, last] = [&before, &back].map(|bn| bn.freeze().expect("v ≥ 0").apply(&x));
        let (first, last) = (first.expect("fits"), last.expect("fits"));
        if first != last {
            return Err(format!("{name}: the output has changed on the way"));
        }
        let largest = |values: &mut dyn Iterator<Item = f32>| {
            values.fold(0.0f64, |a, b| a.max(f64::from(b.abs())))
        };
        let error = largest(&mut last.iter().zip(&y).map(|(a, b)| a - b));
        Ok(error / largest(&mut y.iter().copied()))
    }
    fn moved(mistake: Mistake) -> Proof {
        let file = Tensors::from_bytes(FILE).map_err(|e| e.to_string())?;
        let errors = [
            distance::<Ix4>(&file, LAYERS[0], mistake)?,
            distance::<Ix2>(&file, LAYERS[1], mistake)?,
        ];
        let check = Check::new(How::Golden, errors.len()).scalar("f32");
        // PyTorch computes in f32 throughout.
        Ok(vec![check.within(8.0 * f64::from(f32::EPSILON), errors[0].max(errors[1]))?])
    }
    /// Gives the tensor `to` the values of `from`, changed.
    fn put(tensors: &mut Tensors, from: &str, to: &str, change: fn(f32) -> f32) {
        for (layer, ..) in LAYERS {
            if let Ok(values) = tensors.array::<f32, Ix1>(&format!("{layer}/{from}")) {
                tensors.insert(&format!("{layer}/{to}"), &values.mapv(change));
            }
        }
    }
    claim(|_| {
        all([
            moved(|_, eps| eps),
            wrong("Keras's ε with PyTorch's vectors", moved(|_, _| Profile::Keras.eps())),
            wrong("PyTorch's ε for every layer", moved(|_, _| Profile::PyTorch.eps())),
            wrong(
                "standard deviations for variances",
                moved(|tensors, eps| {
                    put(tensors, "moving_variance", "moving_variance", f32::sqrt);
                    eps
                }),
            ),
            wrong(
                "β where γ belongs",
                moved(|tensors, eps| {
                    put(tensors, "beta", "gamma", |b| b);
                    eps
                }),
            ),
            wrong(
                "the running mean left behind",
                moved(|tensors, eps| {
                    put(tensors, "moving_mean", "moving_mean", |_| 0.0);
                    eps
                }),
            ),
        ])
    })
}

/// The mistakes of a forward pass that golden vectors must notice.
const FORWARD: &[Wrong] = &[
    Wrong::UnbiasedVariance,
    Wrong::NotCentred,
    Wrong::RunningStatistics,
    Wrong::PerSample,
    Wrong::NoEpsilon,
    Wrong::EpsilonOutsideRoot,
    Wrong::DividedByVariance,
    Wrong::GammaNotApplied,
    Wrong::GammaBetaSwapped,
    Wrong::BetaBeforeGamma,
];

/// The same with those of a backward pass.
const BOTH: &[Wrong] = &[
    Wrong::UnbiasedVariance,
    Wrong::RunningStatistics,
    Wrong::EpsilonOutsideRoot,
    Wrong::MeanDetached,
    Wrong::VarianceDetached,
    Wrong::BothDetached,
    Wrong::EpsilonForgottenBackward,
    Wrong::GammaForgottenBackward,
    Wrong::GammaGradientWithOutput,
    Wrong::BetaGradientIsMean,
];

/// The vectors of an implementation agree under its own convention, and under no other.
fn agrees(name: &str, bn: Norm, profile: Profile) -> Proof {
    let (golden, own) = (Golden::read(name), Convention::from(profile));
    let weighs = match own.weighs {
        Weighs::New => Weighs::Old,
        Weighs::Old => Weighs::New,
    };
    let running_var = match own.running_var {
        RunningVar::Biased => RunningVar::Unbiased,
        RunningVar::Unbiased => RunningVar::Biased,
    };
    let under = |convention| golden.agrees(Norm::Library, convention);
    all([
        golden.agrees(bn, own),
        wrong("momentum read the other way", under(Convention { weighs, ..own })),
        wrong("the other running variance", under(Convention { running_var, ..own })),
    ])
}

/// PyTorch 2.15 gives what the library gives, in training, backward and at inference: batch, layer,
/// instance, group, RMS, weight and spectral normalization, and folding.
///
/// PyTorch 2.15는 학습에서도 역전파에서도 추론에서도 이 책의 라이브러리와 같은 값을 냅니다. 배치, 층, 인스턴스, 그룹, RMS, 가중치, 스펙트럼 정규화와 접기에서 그렇습니다.
#[test]
fn pytorch_gives_the_same() -> Claim {
    claim(|bn| agrees("pytorch", bn, Profile::PyTorch)).rejects(BOTH)
}

/// Keras 3.15 on TensorFlow gives what the library gives, in training, backward and at inference: batch,
/// layer, instance, group and RMS normalization.
///
/// TensorFlow 위의 Keras 3.15는 학습에서도 역전파에서도 추론에서도 이 책의 라이브러리와 같은 값을 냅니다. 배치, 층, 인스턴스, 그룹, RMS 정규화에서 그렇습니다.
#[test]
fn keras_gives_the_same() -> Claim {
    claim(|bn| agrees("keras", bn, Profile::Keras)).rejects(BOTH)
}

/// Flax 0.12 gives what the library gives, in training, backward and at inference: batch, layer, instance,
/// group and RMS normalization.
///
/// Flax 0.12는 학습에서도 역전파에서도 추론에서도 이 책의 라이브러리와 같은 값을 냅니다. 배치, 층, 인스턴스, 그룹, RMS 정규화에서 그렇습니다.
#[test]
fn flax_gives_the_same() -> Claim {
    claim(|bn| agrees("flax", bn, Profile::Flax)).rejects(BOTH)
}

/// The reference evaluator of ONNX gives what the library gives, in training and at inference: batch,
/// layer, instance, group and RMS normalization.
///
/// ONNX의 참조 실행기는 학습에서도 추론에서도 이 책의 라이브러리와 같은 값을 냅니다. 배치, 층, 인스턴스, 그룹, RMS 정규화에서 그렇습니다.
#[test]
fn onnx_gives_the_same() -> Claim {
    claim(|bn| agrees("onnx", bn, Profile::Onnx)).rejects(FORWARD)
}
