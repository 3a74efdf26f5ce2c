//! The backward pass. Every check draws its upstream gradient g at random.

use crate::everywhere;
use crate::kit::dual::{self, Dual};
use crate::kit::*;
use batchnorm::norm::Gradients;
use batchnorm::scalar::Field;
use ndarray::{Array1, Array3, Axis, Ix3};

/// dx of every channel on the left, what it should be on the right.
fn dx_is<F: Number>(
    bn: Norm,
    batch: &Batch<F>,
    expected: impl Fn(&Channel<F>) -> Vec<F::Wide>,
) -> Vec<Sides<F>> {
    let sides = |c: Channel<F>| {
        let (expected, scale) = (expected(&c), c.dx_size());
        c.dx.into_iter().zip(expected).map(move |(dx, expected)| equal(dx, expected).to(scale))
    };
    batch.channels(bn).flat_map(sides).collect()
}

/// The gradient of β is the sum of the upstream gradient: dβ = Σ g.
///
/// β의 그레이디언트는 위에서 내려온 그레이디언트의 합입니다. dβ = Σ g.
#[test]
fn beta_gradient_is_the_sum() -> Claim {
    fn holds<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        let sides = |c: Channel<F>| {
            equal(c.dbeta, sum(c.g.iter().copied())).to(c.g.iter().map(|g| g.size()).sum())
        };
        batch.channels(bn).map(sides).collect()
    }
    claim(|bn| everywhere!(bn, holds)).rejects(&[Wrong::BetaGradientIsMean])
}

/// The gradient of γ is the sum of the upstream gradient times x̂: dγ = Σ g·x̂.
///
/// γ의 그레이디언트는 위에서 내려온 그레이디언트에 x̂을 곱한 것의 합입니다. dγ = Σ g·x̂.
#[test]
fn gamma_gradient_is_the_sum_with_xhat() -> Claim {
    fn holds<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        let sides = |c: Channel<F>| {
            let terms = c.g_xhat();
            let scale = terms.iter().map(|term| term.size()).sum();
            equal(c.dgamma, sum(terms)).to(scale)
        };
        batch.channels(bn).map(sides).collect()
    }
    claim(|bn| everywhere!(bn, holds)).rejects(&[
        Wrong::GammaGradientWithOutput,
        Wrong::EpsilonForgottenBackward,
        Wrong::PerSample,
        Wrong::WholeTensor,
    ])
}

/// Going back through the computational graph node by node gives the closed form.
///
/// 계산 그래프를 마디마다 거슬러 가면 닫힌 식과 같은 그레이디언트가 나옵니다.
#[test]
fn the_graph_node_by_node_gives_the_closed_form() -> Claim {
    fn node_by_node<F: Number>(c: &Channel<F>) -> Vec<F::Wide> {
        let two = F::Wide::count(2);
        // Forward: μ = ⟨x⟩, d = x − μ, q = d², v = ⟨q⟩, s = √(v+ε), i = 1/s, x̂ = d·i, y = γx̂ + β.
        let d: Vec<_> = c.x.iter().map(|&x| x - c.mean).collect();
        let i = F::Wide::ONE / c.s;
        // And each of these back again, the last first.
        let dxhat: Vec<_> = c.g.iter().map(|&g| c.gamma * g).collect();
        let di = sum(dxhat.iter().zip(&d).map(|(&dxhat, &d)| dxhat * d));
        let ds = -di * i * i;
        let dv = ds / (two * c.s);
        let dq = dv / c.m;
        let dd = dxhat.iter().zip(&d).map(|(&dxhat, &d)| dxhat * i + dq * two * d);
        let dd: Vec<_> = dd.collect();
        let dmean = -sum(dd.iter().copied());
        dd.iter().map(|&dd| dd + dmean / c.m).collect()
    }
    fn holds<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        dx_is(bn, batch, node_by_node)
    }
    claim(|bn| everywhere!(bn, holds)).rejects(&[
        Wrong::MeanDetached,
        Wrong::VarianceDetached,
        Wrong::BothDetached,
        Wrong::EpsilonForgottenBackward,
        Wrong::GammaForgottenBackward,
        Wrong::UnbiasedVariance,
    ])
}

/// The closed form is the derivative of the forward pass: with respect to x, γ and β, for every ε.
///
/// 닫힌 식은 순전파의 도함수입니다. x, γ, β 모두에 대해서, 그리고 어떤 ε에서도 그렇습니다.
#[test]
pub fn closed_form_is_the_derivative() -> Claim {
    fn sides<F: Number>(
        bn: Norm,
        batch: &Batch<F>,
        derivative: &Gradients<F, Ix3>,
    ) -> Vec<Sides<F>> {
        let sides = |(i, c): (usize, Channel<F>)| {
            let g: f64 = c.g.iter().map(|g| g.size()).sum();
            let largest_xhat = largest(&c.normalized());
            // The derivative sums outputs times g, and divides them by a part of s.
            let dx =
                (g * (largest(&c.y) + c.gamma.size()) / c.s.size()) * (1.0 + largest_xhat.powi(2));
            let parameters = g * (largest(&c.y) + 1.0) * (1.0 + largest_xhat);
            let expected = batch.channel_of(&derivative.x, i);
            let mut sides: Vec<Sides<F>> =
                c.dx.iter().zip(expected).map(|(&a, b)| equal(a, b).to(dx)).collect();
            sides.push(equal(c.dgamma, derivative.gamma[i].widen()).to(parameters));
            sides.push(equal(c.dbeta, derivative.beta[i].widen()).to(parameters));
            sides
        };
        batch.channels(bn).enumerate().flat_map(sides).collect()
    }
    fn duals<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        sides(bn, batch, &dual::gradients(bn, batch))
    }
    fn differences(bn: Norm, batch: &Batch<f64>) -> Vec<Sides<f64>> {
        let s: Vec<_> = batch.channels(bn).map(|c| c.s.size()).collect();
        sides(bn, batch, &difference::gradients(bn, batch, &s))
    }
    claim(|bn| {
        let tolerance = difference::tolerance::<f64>();
        all([
            by(How::DualPrimeField, prime_field(bn, duals)),
            by(How::Dual, property::<f64>(bn, duals)),
            by(How::FiniteDifferences, property_within::<f64>(bn, tolerance, differences)),
        ])
    })
    .rejects(&[
        Wrong::MeanDetached,
        Wrong::VarianceDetached,
        Wrong::BothDetached,
        Wrong::EpsilonForgottenBackward,
        Wrong::GammaForgottenBackward,
        Wrong::GammaGradientWithOutput,
        Wrong::BetaGradientIsMean,
    ])
}

/// The term of the gradient that goes through the mean inside the variance is zero, and may be left
/// out.
///
/// 분산 안에 든 평균을 거쳐 가는 항은 0이어서 빼도 됩니다.
// ∂v/∂μ = −(2/m) Σ (x − μ), and the deviations from the mean sum to zero.
#[test]
fn the_term_through_the_mean_of_the_variance_is_zero() -> Claim {
    /// ∂/∂c of ⟨(x − c)²⟩, by a dual number.
    fn slope<F: Number>(c: &Channel<F>, centre: F::Wide) -> F::Wide {
        let centre = Dual::new(centre, F::Wide::ONE);
        let x: Vec<_> = c.x.iter().map(|&x| Dual::constant(x)).collect();
        mean_of(&x, |x| (x - centre) * (x - centre)).slope
    }
    fn at_the_mean<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        let zero = |c: Channel<F>| equal(slope(&c, c.mean), F::Wide::ZERO).to(largest(&c.x));
        batch.channels(bn).map(zero).collect()
    }
    fn at_the_first_value<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        let zero = |c: Channel<F>| equal(slope(&c, c.x[0]), F::Wide::ZERO).to(largest(&c.x));
        batch.channels(bn).map(zero).collect()
    }
    claim(|bn| {
        all([
            by(How::DualPrimeField, prime_field(bn, at_the_mean)),
            by(How::Dual, property::<f64>(bn, at_the_mean)),
            wrong("another centre than the mean", prime_field(bn, at_the_first_value)),
            wrong("another centre than the mean", property::<f64>(bn, at_the_first_value)),
        ])
    })
}

/// The gradient of the input sums to zero over each channel: a shift of all its values changes
/// nothing.
///
/// 입력의 그레이디언트를 한 채널에서 모두 더하면 0입니다. 값을 다 같이 옮겨도 달라지는 것이 없기 때문입니다.
#[test]
fn gradient_sums_to_zero() -> Claim {
    fn holds<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        let zero = |c: Channel<F>| {
            equal(sum(c.dx.iter().copied()), F::Wide::ZERO).to(c.m.size() * c.dx_size())
        };
        batch.channels(bn).map(zero).collect()
    }
    claim(|bn| everywhere!(bn, holds)).rejects(&[
        Wrong::MeanDetached,
        Wrong::BothDetached,
        Wrong::PerSample,
        Wrong::NotCentred,
    ])
}

/// Along x̂ the gradient keeps the share of ε: Σ dx·x̂ = (γ/s)·(ε/(v+ε))·Σ g·x̂, which is zero at
/// ε = 0.
///
/// x̂ 방향으로는 ε의 몫만 남습니다. Σ dx·x̂ = (γ/s)·(ε/(v+ε))·Σ g·x̂이고, ε = 0이면 0입니다.
#[test]
fn gradient_against_xhat() -> Claim {
    fn holds<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        let sides = |c: Channel<F>| {
            let xhat = c.normalized();
            let left = sum(c.dx.iter().zip(&xhat).map(|(&dx, &xhat)| dx * xhat));
            let share = c.eps / (c.var + c.eps);
            let scale = c.dx_size() * c.m.size() * largest(&xhat);
            equal(left, c.gamma / c.s * share * sum(c.g_xhat())).to(scale)
        };
        let batches = [batch.clone(), batch.with_eps(F::ZERO)];
        batches.iter().flat_map(|batch| batch.channels(bn).map(sides)).collect()
    }
    claim(|bn| everywhere!(bn, holds)).rejects(&[
        Wrong::VarianceDetached,
        Wrong::BothDetached,
        Wrong::EpsilonForgottenBackward,
        Wrong::GammaForgottenBackward,
    ])
}

/// ‖dx‖² = (γ²/s²)(‖g‖² − m⟨g⟩² − (2−ρ)·m⟨g·x̂⟩²); so the layer never passes back more than (|γ|/s)‖g‖.
///
/// ‖dx‖² = (γ²/s²)(‖g‖² − m⟨g⟩² − (2−ρ)·m⟨g·x̂⟩²)입니다. 따라서 이 층이 내려보내는 그레이디언트는 (|γ|/s)‖g‖를 넘지 않습니다.
// With c = ⟨g x̂⟩ and ⟨x̂⟩ = 0, ⟨x̂²⟩ = ρ: ‖g − ⟨g⟩ − c x̂‖² = ‖g‖² − m⟨g⟩² − 2mc² + mρc².
#[test]
fn norm_of_the_gradient() -> Claim {
    fn square<W: Field>(values: &[W]) -> W {
        sum(values.iter().map(|&v| v * v))
    }
    fn identity<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        let sides = |c: Channel<F>| {
            let (mean_g, mean_gx) = (mean(&c.g), mean(&c.g_xhat()));
            let two_less_rho = F::Wide::count(2) - c.rho;
            let left_over =
                square(&c.g) - c.m * mean_g * mean_g - two_less_rho * c.m * mean_gx * mean_gx;
            let factor = c.gamma / c.s;
            equal(square(&c.dx), factor * factor * left_over)
                .to(2.0 * c.m.size() * c.dx_size().powi(2))
        };
        batch.channels(bn).map(sides).collect()
    }
    fn bound<F: Float>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        let sides = |c: Channel<F>| {
            let factor = c.gamma / c.s;
            at_most(square(&c.dx), factor * factor * square(&c.g))
                .to(2.0 * c.m.size() * c.dx_size().powi(2))
        };
        batch.channels(bn).map(sides).collect()
    }
    claim(|bn| {
        let bound = [property::<f32>(bn, bound), property::<f64>(bn, bound)];
        all([everywhere!(bn, identity), all(bound)])
    })
    .rejects(&[
        Wrong::MeanDetached,
        Wrong::VarianceDetached,
        Wrong::BothDetached,
        Wrong::EpsilonForgottenBackward,
        Wrong::GammaForgottenBackward,
    ])
}

/// The same batch with another upstream gradient, γ = 1 and β = 0: dx is then the Jacobian of x̂,
/// applied to g.
fn plain<F: Number>(batch: &Batch<F>, g: Array3<F>) -> Batch<F> {
    let (gamma, beta) = (batch.gamma.map(|_| F::ONE), batch.beta.map(|_| F::ZERO));
    Batch { g, gamma, beta, ..batch.clone() }
}

/// The entries of the Jacobian are ∂x̂ᵢ/∂xⱼ = (δᵢⱼ − 1/m − x̂ᵢx̂ⱼ/m)/s.
///
/// 야코비 행렬의 성분은 ∂x̂ᵢ/∂xⱼ = (δᵢⱼ − 1/m − x̂ᵢx̂ⱼ/m)/s입니다.
#[test]
fn jacobian_entries() -> Claim {
    /// Every row of the first channel, against what `row` makes of it.
    fn rows<F: Number>(
        bn: Norm,
        batch: &Batch<F>,
        row: impl Fn(&Batch<F>, (usize, usize, usize)) -> Array3<F>,
    ) -> Vec<Sides<F>> {
        let channels: Vec<_> = batch.channels(bn).collect();
        let (c, width) = (&channels[0], batch.x.dim().2);
        let xhat = c.normalized();
        let scale = (2.0 + largest(&xhat).powi(2)) / c.s.size();
        let at = |i: usize| (i / width, 0, i % width);
        let entry = |i: usize, j: usize| {
            let one = if i == j { F::Wide::ONE } else { F::Wide::ZERO };
            (one - (F::Wide::ONE + xhat[i] * xhat[j]) / c.m) / c.s
        };
        let sides = |i| {
            let row = row(batch, at(i));
            let entries = (0..xhat.len()).map(|j| equal(row[at(j)].widen(), entry(i, j)).to(scale));
            entries.collect::<Vec<_>>()
        };
        (0..xhat.len()).flat_map(sides).collect()
    }
    /// The derivative along one x of every x̂: a column, which is a row too.
    fn forwards<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        rows(bn, batch, |batch, at| {
            let mut x = batch.x.map(|&v| Dual::constant(v));
            x[at].slope = F::ONE;
            let filled = |v: F| Array1::from_elem(batch.channels_count(), Dual::constant(v));
            let eps = Dual::constant(batch.eps);
            bn.forward(&x, &filled(F::ONE), &filled(F::ZERO), eps).map(|xhat| xhat.slope)
        })
    }
    /// The gradient of one x̂ with respect to every x.
    fn backwards<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        rows(bn, batch, |batch, at| {
            let mut one_hot = batch.g.map(|_| F::ZERO);
            one_hot[at] = F::ONE;
            plain(batch, one_hot).backward(bn).x
        })
    }
    claim(|bn| {
        all([
            by(How::DualPrimeField, prime_field(bn, forwards)),
            by(How::Dual, property::<f64>(bn, forwards)),
            everywhere!(bn, backwards),
        ])
    })
    .rejects(&[
        Wrong::MeanDetached,
        Wrong::VarianceDetached,
        Wrong::EpsilonForgottenBackward,
        Wrong::UnbiasedVariance,
        Wrong::PerSample,
        Wrong::WholeTensor,
    ])
}

/// The Jacobian of x̂ is symmetric, with the eigenvalues 0 (once, along equal values), ε/(s(v+ε))
/// (once, along x̂) and 1/s (along the other m−2 directions).
///
/// x̂의 야코비 행렬은 대칭이고, 고윳값은 0(값이 모두 같은 방향 하나), ε/(s(v+ε))(x̂ 방향 하나), 1/s(나머지 m−2개 방향)입니다.
#[test]
fn jacobian_is_symmetric_with_known_eigenvalues() -> Claim {
    fn holds<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        let batch = batch.single(&first_channel(batch));
        let c = batch.channels(bn).next().expect("one channel");
        let xhat = c.normalized();
        let times = |w: &[F::Wide]| {
            let w = w.iter().map(|&w| F::narrow(w)).collect();
            let g = Array3::from_shape_vec(batch.x.raw_dim(), w).expect("a value for each");
            (batch.channel_of(&g, 0), batch.channel_of(&plain(&batch, g).backward(bn).x, 0))
        };
        let size = |w: &[F::Wide]| largest(w) * (2.0 + largest(&xhat).powi(2)) / c.s.size();
        let eigen = |w: &[F::Wide], value: F::Wide, scale: f64| {
            let (w, jw) = times(w);
            jw.into_iter().zip(w).map(|(jw, w)| equal(jw, value * w).to(scale)).collect::<Vec<_>>()
        };
        let ones = vec![F::Wide::ONE; xhat.len()];
        // g without its parts along the first two directions is any of the others.
        let (mean_g, slope) = (mean(&c.g), mean(&c.g_xhat()) / c.rho);
        let rest = c.g.iter().zip(&xhat).map(|(&g, &xhat)| g - mean_g - slope * xhat);
        let rest: Vec<_> = rest.collect();
        // Symmetric: u·Jw = w·Ju.
        let (w, jw) = times(&c.g);
        let (u, ju) = times(&c.x.iter().map(|&x| x / c.s).collect::<Vec<_>>());
        let dot = |a: &[F::Wide], b: &[F::Wide]| sum(a.iter().zip(b).map(|(&a, &b)| a * b));
        let m = c.m.size();
        let symmetric = equal(dot(&u, &jw), dot(&w, &ju)).to(2.0 * m * largest(&u) * size(&w));
        [
            vec![symmetric],
            eigen(&ones, F::Wide::ZERO, size(&ones)),
            eigen(&xhat, c.eps / (c.s * (c.var + c.eps)), size(&xhat)),
            // What is left over may be nothing but the rounding of g and of slope·x̂.
            eigen(&rest, F::Wide::ONE / c.s, size(&c.g) + slope.size() * size(&xhat)),
        ]
        .concat()
    }
    claim(|bn| everywhere!(bn, holds)).rejects(&[
        Wrong::MeanDetached,
        Wrong::VarianceDetached,
        Wrong::BothDetached,
        Wrong::EpsilonForgottenBackward,
        Wrong::UnbiasedVariance,
    ])
}

fn first_channel<F: Number>(batch: &Batch<F>) -> Vec<F> {
    batch.x.index_axis(Axis(1), 0).iter().copied().collect()
}

/// An upstream gradient that is the same for every value of a channel gives dx = 0: a test with ones
/// for a gradient misses many mistakes.
///
/// 위에서 내려온 그레이디언트가 한 채널의 모든 값에서 같으면 dx = 0입니다. 1로 채운 그레이디언트로 검사하면 많은 실수를 놓칩니다.
#[test]
fn constant_gradient_gives_nothing() -> Claim {
    fn holds<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        let g = Array3::from_shape_fn(batch.g.raw_dim(), |(_, c, _)| batch.g[[0, c, 0]]);
        let constant = Batch { g, ..batch.clone() };
        dx_is(bn, &constant, |c| vec![F::Wide::ZERO; c.dx.len()])
    }
    claim(|bn| everywhere!(bn, holds)).rejects(&[
        Wrong::MeanDetached,
        Wrong::BothDetached,
        Wrong::NotCentred,
    ])
}

/// Of two values the gradient keeps the share of ε alone: dx = (γ/s)·(ε/(v+ε))·(g − ⟨g⟩), which is
/// zero at ε = 0.
///
/// 값이 둘이면 그레이디언트는 ε의 몫만 남습니다. dx = (γ/s)·(ε/(v+ε))·(g − ⟨g⟩)이고, ε = 0이면 0입니다.
// In two dimensions, what is orthogonal to (1, 1) is along x̂.
#[test]
fn two_values_pass_almost_nothing() -> Claim {
    fn holds<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        let pair = batch.single(&batch.two_values());
        let share = |c: &Channel<F>| {
            let (factor, mean_g) = (c.gamma / c.s * c.eps / (c.var + c.eps), mean(&c.g));
            c.g.iter().map(|&g| factor * (g - mean_g)).collect()
        };
        let batches = [pair.with_eps(F::ZERO), pair];
        batches.iter().flat_map(|batch| dx_is(bn, batch, share)).collect()
    }
    claim(|bn| everywhere!(bn, holds)).rejects(&[
        Wrong::VarianceDetached,
        Wrong::BothDetached,
        Wrong::EpsilonForgottenBackward,
    ])
}

/// What dual numbers make of Σ g·y if the mean, or the variance, is held constant: what an automatic
/// differentiation computes behind a stop-gradient.
fn stopped<F: Number>(c: &Channel<F>, stop_mean: bool, stop_variance: bool) -> Vec<F::Wide> {
    let constant = |v: F::Wide| Dual::constant(v);
    let derivative = |i: usize| {
        let mut x: Vec<_> = c.x.iter().map(|&x| constant(x)).collect();
        x[i].slope = F::Wide::ONE;
        let mu = if stop_mean { constant(c.mean) } else { mean(&x) };
        let var =
            if stop_variance { constant(c.var) } else { mean_of(&x, |x| (x - mu) * (x - mu)) };
        let s = (var + constant(c.eps)).sqrt();
        let loss =
            x.iter().zip(&c.g).map(|(&x, &g)| constant(g) * constant(c.gamma) * (x - mu) / s);
        sum(loss).slope
    };
    (0..c.x.len()).map(derivative).collect()
}

/// Detaching the mean is wrong unless ⟨g⟩ = 0: it adds (γ/s)⟨g⟩ to every dx.
///
/// 평균을 떼어 내고 역전파하면 ⟨g⟩ = 0이 아닌 한 틀립니다. 모든 dx에 (γ/s)⟨g⟩이 더해집니다.
#[test]
fn detaching_the_mean_is_wrong() -> Claim {
    fn holds<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        dx_is(bn, batch, |c| {
            let added = c.gamma / c.s * mean(&c.g);
            stopped(c, true, false).into_iter().map(|dx| dx - added).collect()
        })
    }
    claim(|bn| {
        all([
            by(How::DualPrimeField, prime_field(bn, holds)),
            by(How::Dual, all([property::<f32>(bn, holds), property::<f64>(bn, holds)])),
        ])
    })
    .rejects(&[Wrong::MeanDetached, Wrong::BothDetached])
}

/// Detaching the variance is wrong unless ⟨g·x̂⟩ = 0: it adds (γ/s)·x̂⟨g·x̂⟩ to dx.
///
/// 분산을 떼어 내고 역전파하면 ⟨g·x̂⟩ = 0이 아닌 한 틀립니다. dx에 (γ/s)·x̂⟨g·x̂⟩이 더해집니다.
#[test]
fn detaching_the_variance_is_wrong() -> Claim {
    fn holds<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        dx_is(bn, batch, |c| {
            let slope = c.gamma / c.s * mean(&c.g_xhat());
            let stopped = stopped(c, false, true).into_iter().zip(c.normalized());
            stopped.map(|(dx, xhat)| dx - slope * xhat).collect()
        })
    }
    claim(|bn| {
        all([
            by(How::DualPrimeField, prime_field(bn, holds)),
            by(How::Dual, all([property::<f32>(bn, holds), property::<f64>(bn, holds)])),
        ])
    })
    .rejects(&[Wrong::VarianceDetached, Wrong::BothDetached])
}

/// With the variance of m−1 in the forward pass, the last term of the closed form has m/(m−1) in it.
///
/// 순전파에 m−1로 나눈 분산을 쓰면 닫힌 식의 마지막 항에 m/(m−1)이 곱해집니다.
#[test]
fn unbiased_variance_changes_the_gradient() -> Claim {
    const UNBIASED: Norm = Norm::Wrong(Wrong::UnbiasedVariance);
    /// The derivative of that forward pass against the closed form with a factor for its last term.
    fn with_factor<F: Number>(
        batch: &Batch<F>,
        factor: impl Fn(F::Wide) -> F::Wide,
    ) -> Vec<Sides<F>> {
        let derivative = dual::gradients(UNBIASED, batch);
        let sides = |(i, c): (usize, Channel<F>)| {
            let s = (c.var * c.m / (c.m - F::Wide::ONE) + c.eps).sqrt();
            let xhat: Vec<_> = c.x.iter().map(|&x| (x - c.mean) / s).collect();
            let mean_gx =
                mean(&c.g.iter().zip(&xhat).map(|(&g, &xhat)| g * xhat).collect::<Vec<_>>());
            let last = factor(c.m) * mean_gx;
            let mean_g = mean(&c.g);
            let closed =
                c.g.iter().zip(&xhat).map(|(&g, &xhat)| c.gamma / s * (g - mean_g - xhat * last));
            let scale =
                (c.gamma / s).size() * c.m.size() * largest(&c.g) * (2.0 + largest(&xhat).powi(2));
            let pairs: Vec<_> =
                batch.channel_of(&derivative.x, i).into_iter().zip(closed).collect();
            pairs.into_iter().map(move |(a, b)| equal(a, b).to(scale))
        };
        batch.channels(Norm::Library).enumerate().flat_map(sides).collect()
    }
    fn holds<F: Number>(_: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        with_factor(batch, |m| m / (m - F::Wide::ONE))
    }
    fn without<F: Number>(_: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        with_factor(batch, |_| F::Wide::ONE)
    }
    claim(|bn| {
        all([
            by(How::DualPrimeField, prime_field(bn, holds)),
            by(How::Dual, property::<f64>(bn, holds)),
            wrong("the closed form without the factor", prime_field(bn, without)),
            wrong("the closed form without the factor", property::<f64>(bn, without)),
        ])
    })
}

/// A central difference has a best step, near the cube root of the machine epsilon times the scale of
/// the function: a larger one costs the third derivative, a smaller one the digits.
///
/// 중앙 차분에는 가장 좋은 간격이 있습니다. 함수의 척도에 기계 엡실론의 세제곱근을 곱한 값 근처이고, 더 크면 삼차 도함수가, 더 작으면 자릿수 상쇄가 오차를 키웁니다.
#[test]
fn a_central_difference_has_a_best_step() -> Claim {
    /// The relative error of a difference quotient of x̂₁ along x₁, at steps of s·2⁻ᵏ.
    fn errors<F: Float>(
        bn: Norm,
        seed: u64,
        quotient: fn(&dyn Fn(f64) -> f64, f64) -> f64,
    ) -> Vec<f64> {
        let x: Vec<_> = gaussians(seed).take(8).collect();
        let read = |first: f64| {
            let values = std::iter::once(first).chain(x[1..].iter().copied()).map(F::from_f64);
            let x = Array3::from_shape_vec((8, 1, 1), values.collect()).expect("eight values");
            let filled = |v| Array1::from_elem(1, v);
            bn.forward(&x, &filled(F::ONE), &filled(F::ZERO), F::ZERO)[[0, 0, 0]].to_f64()
        };
        // Steps from a number that has its last digits free, so that x ± h is exact in `f32`, too.
        let at = (x[0] * 64.0).round() / 64.0;
        let mut exact = gaussians(seed).take(8).collect::<Vec<_>>();
        exact[0] = at;
        let exact: Vec<_> = exact.iter().map(|&v| F::from_f64(v).to_f64()).collect();
        let (mu, m) = (mean(&exact), exact.len() as f64);
        let s = mean_of(&exact, |v| (v - mu) * (v - mu)).sqrt();
        let xhat = (at - mu) / s;
        let truth = (1.0 - (1.0 + xhat * xhat) / m) / s;
        let error = |k: i32| {
            let moved = |h: f64| read(at + h);
            (quotient(&moved, 2f64.powi(-k)) / truth - 1.0).abs()
        };
        (0..=40).map(error).collect()
    }
    fn central(f: &dyn Fn(f64) -> f64, h: f64) -> f64 {
        (f(h) - f(-h)) / (2.0 * h)
    }
    fn forward(f: &dyn Fn(f64) -> f64, h: f64) -> f64 {
        (f(h) - f(0.0)) / h
    }
    /// How many decimal orders the best step is away from ∛u, by the geometric mean of the errors over
    /// many batches.
    fn away<F: Float>(bn: Norm, quotient: fn(&dyn Fn(f64) -> f64, f64) -> f64) -> Proof {
        let batches = 200;
        let runs: Vec<_> = (0..batches).map(|seed| errors::<F>(bn, seed, quotient)).collect();
        // Below the last place of x₁ a step is none at all.
        let steps = (0..=40).take_while(|&k| 2f64.powi(-k) > 8.0 * F::ULP);
        let average =
            |k: usize| runs.iter().map(|run| run[k].max(F::ULP.powi(2)).ln()).sum::<f64>();
        let best = steps.min_by(|&a, &b| average(a as usize).total_cmp(&average(b as usize)));
        let best = 2f64.powi(-best.expect("some step"));
        let away = (best / F::ULP.cbrt()).log10().abs();
        let check = Check::new(How::FiniteDifferences, batches as usize).scalar(F::NAME);
        Ok(vec![check.note("decimal orders from ∛u").within(0.75, away)?])
    }
    claim(|bn| {
        all([
            away::<f64>(bn, central),
            away::<f32>(bn, central),
            wrong("a one-sided difference", away::<f64>(bn, forward)),
        ])
    })
}
