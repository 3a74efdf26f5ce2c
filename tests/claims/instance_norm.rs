//! Instance normalization: each map by itself.

use crate::kit::*;
use crate::ways;
use batchnorm::instance_norm::InstanceNorm;
use batchnorm::scalar::Field;
use ndarray::{Array1, Array3, Axis, array, s};

const LAYER: &[Layer] = &[Layer::Instance];

/// In every map of every sample the normalized values have mean zero and the variance ρ = v/(v+ε).
///
/// 샘플마다, 맵마다 정규화한 값의 평균은 0이고 분산은 ρ = v/(v+ε)입니다.
#[test]
fn mean_is_zero_and_variance_is_rho() -> Claim {
    claim(|_| {
        let mistakes = [
            Slip::OfTheBatch,
            Slip::WholeSample,
            Slip::UnbiasedVariance,
            Slip::NoEpsilon,
            Slip::EpsilonOutsideRoot,
            Slip::DividedByVariance,
            Slip::NotCentred,
        ];
        let layer = InstanceNorm::new(1, 2.5).expect("a good ε");
        let (y, _) = layer.forward(array![[[1.0, 1.0, 4.0, 10.0]]]).expect("four pixels");
        let errors = y - array![[[-0.75, -0.75, 0.0, 1.5]]];
        let errors: Vec<f64> = errors.iter().map(|e: &f64| e.abs()).collect();
        all([proves(LAYER, &moments(), &mistakes), worked_example(&errors, 0.0)])
    })
}

/// What becomes of a map depends on no other map, of its own sample or of another, forward and backward,
/// not in a single bit.
///
/// 한 맵의 결과는 순전파에서도 역전파에서도, 같은 샘플의 것이든 다른 샘플의 것이든 다른 맵에 전혀 의존하지 않습니다.
#[test]
fn a_map_sees_no_other() -> Claim {
    fn holds<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        let (y, dx) = (case.forward(by), case.backward(by).x);
        let (n, c, _) = case.x.dim();
        let map = |(i, j): (usize, usize)| {
            let only = |t: &Array3<F>| t.slice(s![i..=i, j..=j, ..]).to_owned();
            let parameter = |p: &Array1<F>| p.slice(s![j..=j]).to_owned();
            let alone = Case {
                x: only(&case.x),
                g: only(&case.g),
                gamma: parameter(&case.gamma),
                beta: parameter(&case.beta),
                ..case.clone()
            };
            let pairs = [(only(&y), alone.forward(by)), (only(&dx), alone.backward(by).x)];
            let same = |(a, b): (Array3<F>, Array3<F>)| {
                let pairs = a.into_iter().zip(b);
                pairs.map(|(a, b)| equal(a.widen(), b.widen()).exactly()).collect::<Vec<_>>()
            };
            pairs.into_iter().flat_map(same).collect::<Vec<_>>()
        };
        (0..n).flat_map(|i| (0..c).map(move |j| (i, j))).flat_map(map).collect()
    }
    claim(|_| {
        let mistakes =
            [Slip::OfTheBatch, Slip::WholeSample, Slip::WholeTensor, Slip::GammaPerSample];
        proves(LAYER, &ways!(holds), &mistakes)
    })
}

/// Contrast a > 0 and brightness b are removed: at ε = 0 the maps ax + b have the output of x, with an a
/// and a b for each map; with ε they have it if ε is scaled, too: IN_{a²ε}(ax+b) = IN_ε(x).
///
/// 대비 a > 0과 밝기 b는 지워집니다. ε = 0이면 맵마다 a와 b가 달라도 ax + b의 출력은 x의 출력과 같습니다. ε이 있으면 ε도 함께 바꾸어야 같습니다. IN_{a²ε}(ax+b) = IN_ε(x)입니다.
#[test]
fn contrast_and_brightness_are_removed() -> Claim {
    /// The maps with these contrasts, of brightnesses that are all different.
    fn photographed<F: Number>(case: &Case<F>, contrast: impl Fn(usize) -> F) -> Array3<F> {
        let mut x = case.x.clone();
        for (i, set) in case.members(None).into_iter().enumerate() {
            let (a, b) = (contrast(i), case.spare[1] * case.x[set[0]]);
            set.into_iter().for_each(|at| x[at] = a * x[at] + b);
        }
        x
    }
    fn one_contrast<F: Number>(by: By, case: &Case<F>, scaled_eps: bool) -> Vec<Sides<F>> {
        let a = case.spare[0];
        let eps = if scaled_eps { a * a * case.eps } else { case.eps };
        let computed = Case { x: photographed(case, |_| a), eps, ..case.clone() };
        same_xhat(by, &computed, case, F::Wide::ONE)
    }
    fn holds<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        let sharp = case.with_eps(F::ZERO);
        let x = photographed(case, |i| case.spare[i % 3]);
        let each_its_own = same_xhat(by, &sharp.with_x(x), &sharp, F::Wide::ONE);
        [each_its_own, one_contrast(by, case, true)].concat()
    }
    fn eps_kept<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        one_contrast(by, case, false)
    }
    fn negative<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        let sharp = case.with_eps(F::ZERO);
        let x = photographed(case, |_| -case.spare[0]);
        same_xhat(by, &sharp.with_x(x), &sharp, F::Wide::ONE)
    }
    claim(|_| {
        let mistakes = [
            Slip::OfTheBatch,
            Slip::WholeSample,
            Slip::EpsilonOutsideRoot,
            Slip::DividedByVariance,
            Slip::NotCentred,
        ];
        all([
            proves(LAYER, &ways!(holds), &mistakes),
            refutes("ε kept where the contrast changes", LAYER, &ways!(eps_kept)),
            refutes("a negative is the same picture", LAYER, &ways!(negative)),
        ])
    })
}

/// With the γ = √(v+ε) and β = μ of one map of each channel the layer gives back these maps; the others
/// of a channel come out with the mean and the scale of that one.
///
/// 채널마다 한 맵의 √(v+ε)과 μ를 γ와 β로 쓰면 층은 그 맵들을 그대로 돌려줍니다. 같은 채널의 다른 맵은 그 맵의 평균과 스케일로 나옵니다.
#[test]
fn identity_is_recovered_for_one_map() -> Claim {
    claim(|_| {
        let mistakes = [
            Slip::OfTheBatch,
            Slip::WholeSample,
            Slip::UnbiasedVariance,
            Slip::NoEpsilon,
            Slip::EpsilonOutsideRoot,
            Slip::GammaPerSample,
            Slip::GammaNotApplied,
            Slip::BetaBeforeGamma,
        ];
        proves(LAYER, &restores(), &mistakes)
    })
}

/// Two numbers are lost of each map, its mean and its scale, and no more: x = √(v+ε)·x̂ + μ; at ε = 0 two
/// maps have the same output exactly if one is the other at another brightness and contrast.
///
/// 맵마다 많아야 평균과 스케일, 두 수가 사라집니다. x = √(v+ε)·x̂ + μ입니다. ε = 0이면 상수가 아닌 두 맵의 출력은 한쪽이 다른 쪽의 밝기와 대비만 바꾼 것일 때, 그리고 그때만 같습니다.
#[test]
fn only_the_shape_of_a_map_is_left() -> Claim {
    fn holds<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        let sides = |set: Set<F>| {
            let scale = set.s.size() * largest(&set.xhat);
            let pairs: Vec<_> = set.x.into_iter().zip(set.xhat).collect();
            pairs.into_iter().map(move |(x, xhat)| equal(x, set.s * xhat + set.center).to(scale))
        };
        case.sets(by).into_iter().flat_map(sides).collect()
    }
    /// All pairs of maps of four pixels with values from 0 to 2: they have the same output just where
    /// `alike` says so.
    fn pairs(alike: fn(&[i32], &[i32]) -> bool) -> Proof {
        let map = |code: i32| (0..4).map(|i| code / 3i32.pow(i) % 3).collect::<Vec<_>>();
        let maps: Vec<_> = (0..81).map(map).filter(|m| m.iter().any(|&v| v != m[0])).collect();
        let x = Array3::from_shape_fn((maps.len(), 1, 4), |(n, _, s)| f64::from(maps[n][s]));
        let layer = InstanceNorm::new(1, 0.0).expect("a good ε");
        let (y, _) = layer.forward(x).expect("no map is constant");
        for (i, a) in maps.iter().enumerate() {
            for (j, b) in maps.iter().enumerate() {
                let difference = &y.index_axis(Axis(0), i) - &y.index_axis(Axis(0), j);
                let difference = difference.iter().fold(0.0, |top: f64, d| top.max(d.abs()));
                let same = difference < 1e-14;
                if !same && difference < 1e-3 || same != alike(a, b) {
                    return Err(format!("{a:?}, {b:?}: {difference}"));
                }
            }
        }
        Ok(vec![Check::new(How::Enumeration, maps.len().pow(2))])
    }
    fn centred(map: &[i32]) -> Vec<i32> {
        let sum: i32 = map.iter().sum();
        map.iter().map(|v| 4 * v - sum).collect()
    }
    fn dot(a: &[i32], b: &[i32]) -> i32 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }
    /// One is αx + β of the other: without means, the case of equality of Cauchy and Schwarz.
    fn line(a: &[i32], b: &[i32]) -> bool {
        let (a, b) = (centred(a), centred(b));
        dot(&a, &b).pow(2) == dot(&a, &a) * dot(&b, &b)
    }
    fn shape(a: &[i32], b: &[i32]) -> bool {
        line(a, b) && dot(&centred(a), &centred(b)) > 0
    }
    claim(|_| {
        let mistakes =
            [Slip::OfTheBatch, Slip::WholeSample, Slip::EpsilonOutsideRoot, Slip::NoEpsilon];
        all([
            proves(LAYER, &ways!(holds), &mistakes),
            pairs(shape),
            wrong("a negative contrast is removed, too", pairs(line)),
            wrong("brightness alone is removed", pairs(|a, b| centred(a) == centred(b))),
        ])
    })
}

/// The gradient dx = (γ/√(v+ε))(g − ⟨g⟩ − x̂⟨g·x̂⟩), with means over one map, is the derivative of the
/// forward pass; dγ = Σ g·x̂ and dβ = Σ g run over all samples.
///
/// 한 맵에 걸친 평균을 쓰는 그레이디언트 dx = (γ/√(v+ε))(g − ⟨g⟩ − x̂⟨g·x̂⟩)은 순전파의 도함수입니다. dγ = Σ g·x̂과 dβ = Σ g는 모든 샘플에 걸친 합입니다.
#[test]
fn gradient_is_the_derivative() -> Claim {
    claim(|_| {
        let mistakes = [
            Slip::GammaForgotten,
            Slip::MeanDetached,
            Slip::VarianceDetached,
            Slip::EpsilonForgotten,
            Slip::GammaGradientWithOutput,
        ];
        proves(LAYER, &gradient(), &mistakes)
    })
}
