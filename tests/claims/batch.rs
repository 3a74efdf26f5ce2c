//! Batches: what a mini-batch's gradient says about that of the whole set.

use crate::for_numbers;
use crate::kit::dual::Dual;
use crate::kit::*;
use batchnorm::nn::linear::Linear;
use batchnorm::nn::random::Random;
use batchnorm::nn::sgd::Sgd;
use batchnorm::scalar::{Field, Scalar};
use ndarray::{Array1, Array2, Array3, Axis, array, s};
use proptest::prelude::*;

/// Samples with two features and a target each, and a linear model with the loss ½(w·x − t)².
struct Fit<F> {
    x: Array2<F>,
    t: Array1<F>,
    w: Linear<F>,
}

/// Five samples and a w take 17 numbers.
const FIVE: usize = 17;

impl<F: Scalar> Fit<F> {
    /// Targets of both signs.
    fn of(n: &[F]) -> Fit<F> {
        let (w, samples) = n.split_at(2);
        let samples = Array2::from_shape_vec((5, 3), samples.to_vec()).expect("five samples");
        Fit {
            x: samples.slice(s![.., ..2]).to_owned(),
            t: samples.column(2).map(|&t| t - F::ONE),
            w: Linear::new(array![[w[0], w[1]]], None).expect("no bias"),
        }
    }

    /// (1/m) Σ (w·x − t)x over these m samples, by the layer.
    fn gradient(&self, rows: &[usize]) -> Array1<F> {
        let (y, tape) = self.w.forward(self.x.select(Axis(0), rows)).expect("two features");
        let m = F::count(rows.len());
        let dy = (&y.column(0) - &self.t.select(Axis(0), rows)).mapv(|d| d / m);
        let gradients = tape.backward(&dy.insert_axis(Axis(1))).expect("a column");
        gradients.weight.row(0).to_owned()
    }

    fn all(&self) -> Vec<usize> {
        (0..self.t.len()).collect()
    }
}

impl<F: Number> Fit<F> {
    /// The largest term (w·x − t)x, before anything cancels in it.
    fn size(&self) -> f64 {
        let size = |v: F| v.widen().size();
        let term = |(x, &t): (ndarray::ArrayView1<F>, &F)| {
            let y: f64 = x.iter().zip(&self.w.weight).map(|(&x, &w)| size(x) * size(w)).sum();
            (y + size(t)) * x.iter().map(|&x| size(x)).fold(0.0, f64::max)
        };
        self.x.rows().into_iter().zip(&self.t).map(term).fold(0.0, f64::max)
    }

    /// Two gradients that should be one: each is rounded eight times at most, by half an ulp.
    fn same(&self, left: &Array1<F>, right: &Array1<F>) -> Vec<Sides<F>> {
        let scale = 8.0 * self.size();
        let pairs = left.iter().zip(right);
        pairs.map(|(a, b)| equal(a.widen(), b.widen()).to(scale)).collect()
    }
}

fn average<F: Scalar>(gradients: &[Array1<F>]) -> Array1<F> {
    let of = |i| mean(&gradients.iter().map(|g| g[i].widen()).collect::<Vec<_>>());
    (0..gradients[0].len()).map(|i| F::narrow(of(i))).collect()
}

/// y = w·x through (1, 1), (1, 3), (2, 2), (2, 6).
fn by_hand(w: f64) -> Fit<f64> {
    Fit {
        x: array![[1.0], [1.0], [2.0], [2.0]],
        t: array![1.0, 3.0, 2.0, 6.0],
        w: Linear::new(array![[w]], None).expect("no bias"),
    }
}

/// All sets of m of n samples.
fn batches(n: usize, m: usize) -> Vec<Vec<usize>> {
    let members = |set: usize| (0..n).filter(|i| set >> i & 1 == 1).collect::<Vec<_>>();
    (0..1 << n).map(members).filter(|batch| batch.len() == m).collect()
}

/// All lists of m of n samples, which may have one more than once.
fn draws(n: usize, m: usize) -> Vec<Vec<usize>> {
    (0..n.pow(m as u32)).map(|k| (0..m as u32).map(|i| k / n.pow(i) % n).collect()).collect()
}

/// With the whole training set for a batch a step of learning is gradient descent on the mean loss: the
/// gradient of the mean is the mean of the gradients.
///
/// 학습 데이터 전체를 한 배치로 쓰면 학습의 한 스텝은 평균 손실에 대한 경사 하강입니다. 평균의 그레이디언트가 곧 그레이디언트의 평균입니다.
#[test]
fn full_batch_is_gradient_descent() -> Claim {
    type Mean<F> = fn(&Fit<F>) -> Array1<F>;
    /// The slope of the mean loss along each weight, by dual numbers.
    fn slope<F: Number>(fit: &Fit<F>) -> Array1<F> {
        let still = |v: &F| Dual::constant(*v);
        let along = |i: usize| {
            let moved = |((_, j), &w): ((usize, usize), &F)| {
                Dual::new(w, if i == j { F::ONE } else { F::ZERO })
            };
            let weight = fit.w.weight.indexed_iter().map(moved).collect::<Vec<_>>();
            let weight = Array2::from_shape_vec(fit.w.weight.raw_dim(), weight).expect("as many");
            let w = Linear::new(weight, None).expect("no bias");
            let y = w.apply(&fit.x.map(still)).expect("two features");
            let losses = y.iter().zip(&fit.t).map(|(y, t)| {
                let off = (*y - still(t)).widen();
                off * off / Dual::count(2)
            });
            F::narrow(mean(&losses.collect::<Vec<_>>()).slope)
        };
        (0..fit.w.weight.len()).map(along).collect()
    }
    fn law<F: Number>(n: &[F], mean: Mean<F>) -> Vec<Sides<F>> {
        let fit = Fit::of(n);
        let full = fit.gradient(&fit.all());
        [fit.same(&full, &slope(&fit)), fit.same(&full, &mean(&fit))].concat()
    }
    fn one_by_one<F: Scalar>(fit: &Fit<F>) -> Vec<Array1<F>> {
        fit.all().iter().map(|&i| fit.gradient(&[i])).collect()
    }
    fn holds<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |fit| average(&one_by_one(fit)))
    }
    fn summed<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |fit| average(&one_by_one(fit)).mapv(|g| g * F::count(5)))
    }
    fn one<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |fit| fit.gradient(&[0]))
    }
    fn without_half<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |fit| average(&one_by_one(fit)).mapv(|g| g + g))
    }
    /// Steps from w = 0 with η = 0.2: the curvature is 2.5, so each halves the distance to w = 2.
    fn descends(rows: &[usize]) -> Proof {
        let (mut fit, sgd) = (by_hand(0.0), Sgd::new(0.2).expect("a good rate"));
        let step = |_| {
            let gradient = fit.gradient(rows).insert_axis(Axis(0));
            sgd.step(&mut fit.w.weight, &gradient).expect("one weight");
            2.0 - fit.w.weight[[0, 0]]
        };
        let left: Vec<f64> = (0..20).map(step).collect();
        let errors = left.iter().zip(1..).map(|(left, t)| (left - 2.0 * 0.5f64.powi(t)).abs());
        worked_example(&errors.collect::<Vec<_>>(), 8.0 * f64::EPSILON)
    }
    claim(|bn| {
        let full = by_hand(0.0).gradient(&[0, 1, 2, 3])[0];
        let single: Vec<_> = (0..4).map(|i| by_hand(0.0).gradient(&[i])[0]).collect();
        let right = full == -5.0 && single == [-1.0, -3.0, -4.0, -12.0];
        all([
            for_numbers!(bn, FIVE, holds),
            worked_example(&[f64::from(u8::from(!right))], 0.0),
            descends(&[0, 1, 2, 3]),
            wrong("the sum of the gradients", for_numbers!(bn, FIVE, summed)),
            wrong("the gradient of one sample", for_numbers!(bn, FIVE, one)),
            wrong("the loss without its half", for_numbers!(bn, FIVE, without_half)),
            wrong("steps of a batch of two", descends(&[0, 1])),
        ])
    })
}

/// Averaged over all batches of a size, drawn with replacement or without, the gradient of a mini-batch is
/// that of the whole set.
///
/// 크기가 같은 모든 미니배치에 걸쳐 평균하면, 복원 추출이든 비복원 추출이든 미니배치의 그레이디언트는 전체의 그레이디언트와 같습니다.
#[test]
fn mini_batch_gradient_is_unbiased() -> Claim {
    type Batches = fn(usize) -> Vec<Vec<usize>>;
    type Estimate<F> = fn(&Fit<F>, &[usize]) -> Array1<F>;
    fn law<F: Number>(n: &[F], of: Batches, sizes: usize, by: Estimate<F>) -> Vec<Sides<F>> {
        let fit = Fit::of(n);
        let full = fit.gradient(&fit.all());
        let size = |m: usize| {
            let each: Vec<_> = of(m).iter().map(|batch| by(&fit, batch)).collect();
            fit.same(&average(&each), &full)
        };
        (1..=sizes).flat_map(size).collect()
    }
    fn holds<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        let without = law(n, |m| batches(5, m), 5, Fit::gradient);
        [without, law(n, |m| draws(5, m), 2, Fit::gradient)].concat()
    }
    fn summed<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(
            n,
            |m| batches(5, m),
            5,
            |fit, batch| fit.gradient(batch).mapv(|g| g * F::count(batch.len())),
        )
    }
    fn four_of_five<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, |m| batches(4, m), 4, Fit::gradient)
    }
    fn neighbours<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(
            n,
            |m| (0..=5 - m).map(|first| (first..first + m).collect()).collect(),
            4,
            Fit::gradient,
        )
    }
    claim(|bn| {
        let pairs = batches(4, 2);
        let means: Vec<_> = pairs.iter().map(|batch| by_hand(0.0).gradient(batch)[0]).collect();
        let right = means == [-2.0, -2.5, -3.5, -6.5, -7.5, -8.0] && mean(&means) == -5.0;
        all([
            for_numbers!(bn, FIVE, holds),
            worked_example(&[f64::from(u8::from(!right))], 0.0),
            wrong("the sum over the batch", for_numbers!(bn, FIVE, summed)),
            wrong("a sample that is never drawn", for_numbers!(bn, FIVE, four_of_five)),
            wrong("only neighbours in a batch", for_numbers!(bn, FIVE, neighbours)),
        ])
    })
}

/// The gradient of a mini-batch of m has the variance σ²/m about that of all n samples, if samples are
/// drawn with replacement, and σ²/m·(n−m)/(n−1), if not; σ² is the variance of the n gradients.
///
/// 크기 m인 미니배치의 그레이디언트는 전체 n개의 그레이디언트를 중심으로 분산이 σ²/m이고(복원 추출), 비복원 추출이면 σ²/m·(n−m)/(n−1)입니다. σ²은 그레이디언트 n개의 분산입니다.
#[test]
fn noise_falls_with_the_batch_size() -> Claim {
    /// The variance, as a share of σ², of batches of m out of n.
    type Share<W> = fn(W, W) -> W;
    fn variance<F: Number>(fit: &Fit<F>, batches: &[Vec<usize>]) -> [F::Wide; 2] {
        let full = fit.gradient(&fit.all());
        let off: Vec<_> = batches.iter().map(|batch| fit.gradient(batch) - &full).collect();
        [0, 1].map(|i| mean_of(&off.iter().map(|d| d[i].widen()).collect::<Vec<_>>(), |d| d * d))
    }
    fn law<F: Number>(
        n: &[F],
        of: fn(usize) -> Vec<Vec<usize>>,
        sizes: usize,
        share: Share<F::Wide>,
    ) -> Vec<Sides<F>> {
        let fit = Fit::of(n);
        let single = variance(&fit, &batches(5, 1));
        let size = |m: usize| {
            let share = share(F::Wide::count(m), F::Wide::count(5));
            // The square of a difference of two gradients: see `Fit::same`.
            let scale = 4.0 * 8.0 * fit.size().powi(2);
            let side = move |(of_m, of_one)| equal(of_m, of_one * share).to(scale);
            variance(&fit, &of(m)).into_iter().zip(single).map(side)
        };
        (1..=sizes).flat_map(size).collect()
    }
    fn with<F: Number>(n: &[F], share: Share<F::Wide>) -> Vec<Sides<F>> {
        law(n, |m| draws(5, m), 2, share)
    }
    fn without<F: Number>(n: &[F], share: Share<F::Wide>) -> Vec<Sides<F>> {
        law(n, |m| batches(5, m), 5, share)
    }
    fn holds<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        let drawn = with(n, |m, _| F::Wide::ONE / m);
        [drawn, without(n, |m, n| (n - m) / (n - F::Wide::ONE) / m)].concat()
    }
    fn not_replaced<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        without(n, |m, _| F::Wide::ONE / m)
    }
    fn over_n<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        without(n, |m, n| (n - m) / n / m)
    }
    fn squared<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        with(n, |m, _| F::Wide::ONE / (m * m))
    }
    claim(|bn| {
        // −1, −3, −4, −12: σ² = 17.5, and 17.5/2·(4−2)/(4−1) for pairs.
        let of = |batches: &[Vec<usize>]| {
            let off = |batch: &Vec<usize>| by_hand(0.0).gradient(batch)[0] + 5.0;
            mean_of(&batches.iter().map(off).collect::<Vec<_>>(), |d| d * d)
        };
        let errors = [
            of(&batches(4, 1)) - 17.5,
            of(&draws(4, 2)) - 8.75,
            of(&batches(4, 2)) - 17.5 / 3.0,
            of(&batches(4, 4)),
        ];
        all([
            for_numbers!(bn, FIVE, holds),
            worked_example(&errors.map(f64::abs), 4.0 * f64::EPSILON),
            wrong("1/m without replacement", for_numbers!(bn, FIVE, not_replaced)),
            wrong("(n−m)/n", for_numbers!(bn, FIVE, over_n)),
            wrong("1/m²", for_numbers!(bn, FIVE, squared)),
        ])
    })
}

/// Shuffled and cut into batches of m, the n samples of an epoch take ⌈n/m⌉ steps and each has its turn
/// exactly once; of n draws with replacement (1−1/n)ⁿ of the samples are missing on average, 37 % of many.
///
/// 섞어서 m개씩 자르면 한 에포크는 ⌈n/m⌉ 스텝이고, 샘플 n개는 저마다 꼭 한 번씩 나옵니다. n번 복원 추출하면 평균 (1−1/n)ⁿ의 비율이 빠지고, n이 크면 37 %입니다.
#[test]
fn one_epoch_visits_every_sample_once() -> Claim {
    type Epoch = fn(usize, usize, &mut Random) -> Vec<Vec<usize>>;
    fn shuffled(n: usize, m: usize, random: &mut Random) -> Vec<Vec<usize>> {
        random.permutation(n).chunks(m).map(<[usize]>::to_vec).collect()
    }
    fn once(epoch: Epoch) -> Proof {
        let check = Check::new(How::Property, 256);
        over(check, 0.0, (1..200usize, 1..50usize, any::<u64>()), |&(n, m, seed)| {
            let batches = epoch(n, m, &mut Random::new(seed));
            let mut turns = vec![0; n];
            batches.iter().flatten().for_each(|&i| turns[i] += 1);
            let right = batches.len() == n.div_ceil(m)
                && batches.iter().all(|batch| batch.len() <= m)
                && turns.iter().all(|&turns| turns == 1);
            vec![f64::from(u8::from(!right))]
        })
    }
    /// Samples that are missing from n draws, on average over all of them.
    fn missing(share: fn(f64) -> f64) -> Proof {
        let (mut errors, mut cases) = (Vec::new(), 0);
        for n in 1..=6 {
            let all = draws(n, n);
            cases += all.len();
            let absent = |draw: &Vec<usize>| (0..n).filter(|i| !draw.contains(i)).count();
            let average = all.iter().map(absent).sum::<usize>() as f64 / all.len() as f64;
            errors.push((average / n as f64 - share(n as f64)).abs());
        }
        let worst = errors.into_iter().fold(0.0, f64::max);
        Ok(vec![Check::new(How::Enumeration, cases).within(4.0 * f64::EPSILON, worst)?])
    }
    claim(|_| {
        let share = |n: f64| (1.0 - 1.0 / n).powf(n);
        let errors = [share(1e6) - 0.367_879, share(4.0) - 0.316_406].map(f64::abs);
        all([
            once(shuffled),
            missing(share),
            worked_example(&errors, 1e-6),
            wrong("drawn with replacement", {
                once(|n, m, random| {
                    let all: Vec<_> = (0..n).map(|_| random.below(n)).collect();
                    all.chunks(m).map(<[usize]>::to_vec).collect()
                })
            }),
            wrong("the rest dropped", {
                once(|n, m, random| {
                    random.permutation(n).chunks_exact(m).map(<[usize]>::to_vec).collect()
                })
            }),
            wrong("shuffled anew for each step", {
                once(|n, m, random| {
                    let batch = |k: usize, random: &mut Random| {
                        random.permutation(n).into_iter().skip(k * m).take(m).collect()
                    };
                    (0..n.div_ceil(m)).map(|k| batch(k, random)).collect()
                })
            }),
            wrong("half of the draws miss", missing(|_| 0.5)),
        ])
    })
}

/// The means of batches of m and a last one of r < m, averaged step by step, count each sample of the last
/// m/r times as much as another; weighted by their sizes they make the mean of all.
///
/// m개짜리 배치들과 r < m개짜리 마지막 배치의 평균을 스텝마다 똑같이 치면, 마지막 배치의 샘플은 다른 샘플의 m/r배로 셈에 들어갑니다. 배치의 크기로 무게를 달면 전체의 평균이 됩니다.
#[test]
fn a_short_last_batch_counts_more() -> Claim {
    /// Of five samples in twos: what each counts, in sixths.
    fn law<F: Number>(n: &[F], sixths: [usize; 5]) -> Vec<Sides<F>> {
        let fit = Fit::of(n);
        let parts = [vec![0, 1], vec![2, 3], vec![4]];
        let means: Vec<_> = parts.iter().map(|part| fit.gradient(part)).collect();
        let counted = |i: usize| {
            let each = sixths.iter().zip(0..).map(|(&sixths, sample)| {
                F::Wide::count(sixths) * fit.gradient(&[sample])[i].widen()
            });
            F::narrow(sum(each) / F::Wide::count(6))
        };
        fit.same(&average(&means), &(0..2).map(counted).collect())
    }
    fn weighted<F: Number>(n: &[F], weight: fn(usize) -> usize, all: usize) -> Vec<Sides<F>> {
        let fit = Fit::of(n);
        let parts = [vec![0, 1], vec![2, 3], vec![4]];
        let of = |i: usize| {
            let part = |part: &Vec<usize>| {
                F::Wide::count(weight(part.len())) * fit.gradient(part)[i].widen()
            };
            F::narrow(sum(parts.iter().map(part)) / F::Wide::count(all))
        };
        fit.same(&(0..2).map(of).collect(), &fit.gradient(&fit.all()))
    }
    fn holds<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        [law(n, [1, 1, 1, 1, 2]), weighted(n, |m| m, 5)].concat()
    }
    fn alike<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        weighted(n, |_| 1, 3)
    }
    fn less<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, [2, 1, 1, 1, 1])
    }
    claim(|bn| {
        all([
            for_numbers!(bn, FIVE, holds),
            wrong("batches counted alike", for_numbers!(bn, FIVE, alike)),
            wrong("the first sample counts more", for_numbers!(bn, FIVE, less)),
        ])
    })
}

/// Five samples and a network x → W₁x → (normalized) → square → w₂ → ½(y − t)²: from 21 numbers.
struct Net<F> {
    x: Array2<F>,
    t: Array1<F>,
    first: Linear<F>,
    second: Linear<F>,
}

impl<F: Scalar> Net<F> {
    fn of(n: &[F]) -> Net<F> {
        let (weights, samples) = n.split_at(6);
        let samples = Array2::from_shape_vec((5, 3), samples.to_vec()).expect("five samples");
        let [a, b, c, d, e, f]: [F; 6] = weights.try_into().expect("six");
        // Weights of both signs, or all units would be alike.
        Net {
            x: samples.slice(s![.., ..2]).map(|&x| x - F::ONE),
            t: samples.column(2).to_owned(),
            first: Linear::new(array![[a, -b], [c, d]], None).expect("no bias"),
            second: Linear::new(array![[e, -f]], None).expect("no bias"),
        }
    }

    /// The gradient of W₁ of the mean loss over these samples.
    fn gradient(&self, rows: &[usize], norm: Option<(Norm, F)>) -> Array1<F> {
        let (z, first) = self.first.forward(self.x.select(Axis(0), rows)).expect("two features");
        let z = z.insert_axis(Axis(2));
        let (one, zero) = (Array1::from_elem(2, F::ONE), Array1::from_elem(2, F::ZERO));
        let u = norm.map_or(z.clone(), |(bn, eps)| bn.forward(&z, &one, &zero, eps));
        let u = u.remove_axis(Axis(2));
        let (y, second) = self.second.forward(&u * &u).expect("two units");
        let m = F::count(rows.len());
        let dy = (&y.column(0) - &self.t.select(Axis(0), rows)).mapv(|d| d / m);
        let da = second.backward(&dy.insert_axis(Axis(1))).expect("a column").x;
        let du: Array3<F> = (&da * &(&u + &u)).insert_axis(Axis(2));
        let dz = norm.map_or(du.clone(), |(bn, eps)| bn.backward(&z, &one, &zero, eps, &du).x);
        let weight = first.backward(&dz.remove_axis(Axis(2))).expect("two units").weight;
        weight.iter().copied().collect()
    }

    /// The gradients of two micro-batches, and what makes one of them.
    fn accumulated(
        &self,
        [a, b]: [&[usize]; 2],
        norm: Option<(Norm, F)>,
        weight: fn(usize) -> F,
    ) -> Array1<F> {
        let part = |rows: &[usize]| self.gradient(rows, norm).mapv(|g| weight(rows.len()) * g);
        part(a) + part(b)
    }
}

impl<F: Number> Net<F> {
    /// Two gradients of W₁ that should be one: each is made of terms 2(y − t)·w₂·u·x, and rounded some
    /// dozen times, by half an ulp.
    fn same(&self, left: &Array1<F>, right: &Array1<F>) -> Vec<Sides<F>> {
        let top = |values: &Array2<F>| values.iter().map(|v| v.widen().size()).fold(0.0, f64::max);
        let (x, first, second) = (top(&self.x), &self.first.weight, top(&self.second.weight));
        let u = 2.0 * top(first) * x;
        let off = 2.0 * second * u * u + top(&self.t.clone().insert_axis(Axis(1)));
        let scale = 12.0 * 2.0 * off * second * u * x;
        let pairs = left.iter().zip(right);
        pairs.map(|(a, b)| equal(a.widen(), b.widen()).to(scale)).collect()
    }
}

/// Without batch normalization the loss of a batch is a mean over its samples: the gradients of
/// micro-batches, each weighted by its share of the samples, add up to that of the batch.
///
/// 배치 정규화가 없으면 배치의 손실은 샘플별 손실의 평균입니다. 그래서 마이크로배치의 그레이디언트를 샘플 수의 비율만큼 무게를 달아 더하면 배치의 그레이디언트가 됩니다.
#[test]
fn micro_batches_add_up_without_batch_norm() -> Claim {
    fn law<F: Number>(n: &[F], norm: Option<(Norm, F)>, weight: fn(usize) -> F) -> Vec<Sides<F>> {
        let net = Net::of(n);
        let parts = net.accumulated([&[0, 1], &[2, 3, 4]], norm, weight);
        net.same(&parts, &net.gradient(&[0, 1, 2, 3, 4], norm))
    }
    fn holds<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, None, |m| F::count(m) / F::count(5))
    }
    fn summed<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, None, |_| F::ONE)
    }
    fn averaged<F: Number>(_: Norm, n: &[F]) -> Vec<Sides<F>> {
        law(n, None, |_| F::ONE / F::count(2))
    }
    fn normalized(bn: Norm, n: &[f64]) -> Vec<Sides<f64>> {
        law(n, Some((bn, 1e-5)), |m| m as f64 / 5.0)
    }
    claim(|bn| {
        all([
            for_numbers!(bn, 21, holds),
            wrong("the means of the micro-batches summed", for_numbers!(bn, 21, summed)),
            wrong("unequal micro-batches averaged alike", for_numbers!(bn, 21, averaged)),
            wrong("with batch normalization", numbers(bn, 21, normalized)),
        ])
    })
}

/// With batch normalization they do not add up: each micro-batch has its own mean and variance. Cut into
/// micro-batches of two a batch hands nothing at all to the weights before the layer, at ε = 0, and with ε
/// only the share ε/(v+ε).
///
/// 배치 정규화가 있으면 그렇게 더해지지 않습니다. 마이크로배치마다 평균과 분산이 다르기 때문입니다. 배치를 두 개짜리 마이크로배치로 자르면 ε = 0일 때 이 층 앞의 가중치에는 아무 그레이디언트도 가지 않고, ε이 있으면 ε/(v+ε)의 비율만 갑니다.
#[test]
fn micro_batches_do_not_add_up_with_batch_norm() -> Claim {
    fn pairs<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        let pair = batch.single(&batch.two_values());
        let channel = |batch: Batch<F>| batch.channels(bn).next().expect("one channel");
        let (with, without) = (channel(pair.clone()), channel(pair.with_eps(F::ZERO)));
        // With γ and all, and against what a fixed s would pass.
        let (scale, mu) = (with.dx_size(), mean(&with.g));
        let left = with.eps / (with.var + with.eps);
        let share = with
            .dx
            .iter()
            .zip(&with.g)
            .map(|(&dx, &g)| equal(dx, with.gamma / with.s * left * (g - mu)).to(scale));
        let scale = without.dx_size();
        let nothing = without.dx.iter().map(|&dx| equal(dx, F::Wide::ZERO).to(scale));
        share.chain(nothing).collect()
    }
    fn adds_up(bn: Norm, n: &[f64]) -> Vec<Sides<f64>> {
        let net = Net::of(n);
        let norm = Some((bn, 1e-5));
        let parts = net.accumulated([&[0, 1], &[2, 3]], norm, |_| 0.5);
        net.same(&parts, &net.gradient(&[0, 1, 2, 3], norm))
    }
    claim(|bn| {
        // z is the first feature, x̂ = z, and (y − t)/4 = (1, 0, 0, 0); at ε = 0.
        let x = array![[1.0, 2.0], [-1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]];
        let g = array![1.0, 0.0, 0.0, 0.0];
        let gradient = |rows: std::ops::Range<usize>| {
            let z = x.slice(s![rows.clone(), ..1]).to_owned().insert_axis(Axis(2));
            let g = g.slice(s![rows.clone()]).to_owned().insert_axis(Axis(1)).insert_axis(Axis(2));
            let dz = bn.backward(&z, &array![1.0], &array![0.0], 0.0, &g).x;
            let of = |feature: usize| {
                let column = x.slice(s![rows.clone(), feature]);
                dz.iter().zip(column).map(|(dz, x)| dz * x).sum::<f64>()
            };
            [of(0), of(1)]
        };
        let right = gradient(0..4) == [0.0, 1.0]
            && gradient(0..2) == [0.0, 0.0]
            && gradient(2..4) == [0.0, 0.0];
        all([
            crate::everywhere!(bn, pairs),
            worked_example(&[f64::from(u8::from(!right))], 0.0),
            once(bn, || wrong("they add up", numbers(bn, 21, adds_up))),
        ])
    })
    .rejects(&[Wrong::RunningStatistics, Wrong::MeanDetached, Wrong::VarianceDetached])
}
