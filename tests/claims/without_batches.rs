//! Normalization where there is no batch to speak of: weights.

use crate::kit::*;
use crate::{gradients, tables};
use batchnorm::scalar::Field;
use batchnorm::spectral_norm::SpectralNorm;
use batchnorm::split::Plan;
use batchnorm::{nn::random::Random, norm};
use ndarray::{Array1, Array2, array};
use proptest::collection::vec;
use proptest::prelude::*;

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
/// v̂ = v/‖v‖라고 할 때, 가중치 정규화의 그레이디언트 dg = ⟨G, v̂⟩와 dv = (g/‖v‖)(G − v̂⟨G, v̂⟩)는 w = g v̂의 도함수입니다.
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
