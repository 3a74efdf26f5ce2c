//! RMS normalization: layer normalization that subtracts nothing.

use crate::kit::*;
use crate::ways;
use batchnorm::rms_norm::RmsNorm;
use batchnorm::scalar::Field;
use ndarray::{Array1, array};

const LAYER: &[Layer] = &[Layer::Rms];

/// The normalized values have the mean square ⟨x²⟩/(⟨x²⟩+ε), which is 1 at ε = 0; their mean is whatever
/// it was, divided by r = √(⟨x²⟩+ε).
///
/// 정규화한 값의 제곱 평균은 ⟨x²⟩/(⟨x²⟩+ε)이고, ε = 0이면 1입니다. 평균은 원래의 평균을 r = √(⟨x²⟩+ε)으로 나눈 값으로 남습니다.
#[test]
fn mean_square_is_rho() -> Claim {
    fn mean_is_left<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        let sides =
            |set: Set<F>| equal(mean(&set.xhat), mean(&set.x) / set.s).to(largest(&set.xhat));
        case.sets(by).into_iter().map(sides).collect()
    }
    claim(|_| {
        let mistakes = [
            Slip::MeanSubtracted,
            Slip::SumOfSquares,
            Slip::NoEpsilon,
            Slip::EpsilonOutsideRoot,
            Slip::DividedByVariance,
            Slip::OfTheBatch,
        ];
        let layer = RmsNorm::new(2, 0.0).expect("a good ε");
        let (y, _) = layer.forward(array![[1.0, 7.0]]).expect("one position");
        let errors = y - array![[0.2, 1.4]];
        let errors: Vec<f64> = errors.iter().map(|e: &f64| e.abs()).collect();
        all([
            proves(LAYER, &moments(), &mistakes),
            proves(LAYER, &ways!(mean_is_left), &[Slip::MeanSubtracted, Slip::SumOfSquares]),
            worked_example(&errors, 0.0),
        ])
    })
}

/// On values whose mean has been subtracted RMS normalization is layer normalization without β; backward
/// only the subtraction is missing: dx − ⟨dx⟩ is its gradient.
///
/// 평균을 뺀 값에서는 RMS 정규화가 β 없는 층 정규화와 같습니다. 역전파에서도 모자라는 것은 빼기 하나입니다. dx − ⟨dx⟩이 층 정규화의 그레이디언트입니다.
#[test]
fn centred_input_gives_layer_norm() -> Claim {
    fn against<F: Number>(by: By, case: &Case<F>, centred: bool) -> Vec<Sides<F>> {
        let layer_norm = Case { beta: case.beta.map(|_| F::ZERO), ..case.clone() };
        let right = if by == By::Library { By::Library } else { By::Textbook };
        let layer_norm_sets = layer_norm.sets(right);
        let mut rms = Case { layer: Layer::Rms, ..layer_norm };
        for set in layer_norm_sets.iter().filter(|_| centred) {
            set.at.iter().zip(&set.x).for_each(|(&at, &x)| rms.x[at] = F::narrow(x - set.center));
        }
        let sides = |(rms, ln): (Set<F>, Set<F>)| {
            // The centred values are rounded, and dx − ⟨dx⟩ is a difference of rounded numbers.
            let top = 2.0 + largest(&ln.xhat);
            let gamma = case.gamma.iter().map(|g| g.widen().size()).fold(0.0, f64::max);
            let of_y = gamma * top.powi(2);
            let of_dx = (largest(&rms.dx) + largest(&ln.g) / ln.s.size()) * top.powi(3);
            let mean_dx = mean(&rms.dx);
            let y = rms.y.into_iter().zip(ln.y).map(move |(a, b)| equal(a, b).to(of_y));
            let dx = rms.dx.into_iter().zip(ln.dx);
            y.chain(dx.map(move |(a, b)| equal(a - mean_dx, b).to(of_dx)))
        };
        rms.sets(by).into_iter().zip(layer_norm_sets).flat_map(sides).collect()
    }
    fn holds<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        against(by, case, true)
    }
    fn as_it_is<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        against(by, case, false)
    }
    claim(|_| {
        let layer = &[Layer::Features];
        let mistakes =
            [Slip::SumOfSquares, Slip::NoEpsilon, Slip::EpsilonOutsideRoot, Slip::OfTheBatch];
        all([
            proves(layer, &ways!(holds), &mistakes),
            refutes("the mean left in", layer, &ways!(as_it_is)),
        ])
    })
}

/// A constant c added to all values is not undone: r² becomes r² + 2cμ + c², and unless all values are
/// equal the output is another for every c but 0.
///
/// 모든 값에 더한 상수 c는 지워지지 않습니다. r²이 r² + 2cμ + c²이 되고, 값이 모두 같지 않은 한 c가 0이 아니면 출력이 달라집니다.
// If (x+c)/r′ = x/r for all values x, then x(1/r − 1/r′) = c/r′: so either all x are equal, or r = r′ and
// c = 0.
#[test]
fn a_shift_is_not_undone() -> Claim {
    fn holds<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        // Of the size of the values, so that adding it rounds no worse than they do.
        let shift = case.spare[1] * case.x[[0, 0, 0]];
        let shifted = case.with_x(case.x.map(|&x| x + shift));
        let sides = |(then, first): (Set<F>, Set<F>)| {
            let (c, two) = (shift.widen(), F::Wide::count(2));
            let r2 = first.s * first.s + two * c * mean(&first.x) + c * c;
            let r = r2.sqrt();
            let top = largest(&then.xhat);
            let through_x = (largest(&then.x) + c.size()) / r.size() * (1.0 + top.powi(2));
            let pairs: Vec<_> = then.xhat.into_iter().zip(first.x).collect();
            pairs
                .into_iter()
                .map(move |(xhat, x)| equal(xhat, (x + c) / r).to(2.0 * top + through_x))
        };
        shifted.sets(by).into_iter().zip(case.sets(by)).flat_map(sides).collect()
    }
    /// For all triples with values from −2 to 2, and c from −2 to 2, at ε = ½: the output is the same
    /// just where `same` says so.
    fn triples(layer: Layer, same: fn([i32; 3], i32) -> bool) -> Proof {
        let codes = 5i32.pow(4);
        for code in 0..codes {
            let digit = |i: u32| code / 5i32.pow(i) % 5 - 2;
            let (x, c) = ([digit(0), digit(1), digit(2)], digit(3));
            let y = |c: i32| {
                let x = Array1::from_iter(x.map(|v| f64::from(v + c)));
                let filled = |v: f64| Array1::from_elem(3, v);
                let x = x.to_shape((1, 1, 3)).expect("three values").to_owned();
                let (g, gamma, beta) = (x.clone(), filled(1.0), filled(0.0));
                Case { layer, groups: 1, x, g, gamma, beta, eps: 0.5, spare: [1.0; 3] }
                    .forward(By::Library)
            };
            let difference = (y(c) - y(0)).iter().fold(0.0, |top: f64, d| top.max(d.abs()));
            let agreed = difference < 1e-14;
            if !agreed && difference < 1e-3 || agreed != same(x, c) {
                return Err(format!("{x:?} + {c}: {difference}"));
            }
        }
        Ok(vec![Check::new(How::Enumeration, codes as usize)])
    }
    /// Three equal values a become a/√(a²+ε) each, which grows with a: for ε > 0 a shift shows there, too.
    fn only_without_shift(_: [i32; 3], c: i32) -> bool {
        c == 0
    }
    claim(|_| {
        let mistakes = [Slip::MeanSubtracted, Slip::SumOfSquares, Slip::EpsilonOutsideRoot];
        all([
            proves(LAYER, &ways!(holds), &mistakes),
            triples(Layer::Rms, only_without_shift),
            wrong("the mean subtracted", triples(Layer::Features, only_without_shift)),
            wrong("every shift is undone", triples(Layer::Rms, |_, _| true)),
        ])
    })
}

/// Scaling the values by α changes at most the sign: RMS_ε(αx) = sgn(α)·RMS_{ε/α²}(x), and at ε = 0 that is
/// sgn(α)·RMS(x).
///
/// 값에 0이 아닌 α를 곱해도, ε의 몫을 빼면 바뀔 수 있는 것은 부호뿐입니다. RMS_ε(αx) = sgn(α)·RMS_{ε/α²}(x)이고, ε = 0이면 sgn(α)·RMS(x)입니다.
#[test]
fn scaling_the_input_changes_at_most_the_sign() -> Claim {
    claim(|_| {
        let mistakes = [Slip::EpsilonOutsideRoot, Slip::DividedByVariance];
        all([
            proves(LAYER, &scaling(), &mistakes),
            refutes("RMS(αx) = RMS(x) for α < 0 too", LAYER, &scaling_without_sign()),
        ])
    })
}

/// The gradient dx = (g̃ − x̂⟨g̃x̂⟩)/r, with g̃ = γg and without the ⟨g̃⟩ of layer normalization, is the
/// derivative of the forward pass.
///
/// g̃ = γg라고 할 때, 층 정규화의 ⟨g̃⟩이 없는 그레이디언트 dx = (g̃ − x̂⟨g̃x̂⟩)/r은 순전파의 도함수입니다.
#[test]
fn gradient_is_the_derivative() -> Claim {
    claim(|_| {
        let mistakes = [
            Slip::MeanTermAdded,
            Slip::GammaAfterMeans,
            Slip::GammaForgotten,
            Slip::VarianceDetached,
            Slip::EpsilonForgotten,
            Slip::GammaGradientWithOutput,
        ];
        proves(LAYER, &gradient(), &mistakes)
    })
}

/// Along the values themselves the gradient keeps the share of ε: Σ x·dx = (ε/r²)·Σ g̃x̂, which is zero at
/// ε = 0.
///
/// 값 자신의 방향으로는 그레이디언트에 ε의 몫만 남습니다. Σ x·dx = (ε/r²)·Σ g̃x̂이고, ε = 0이면 0입니다.
#[test]
fn gradient_against_the_input() -> Claim {
    fn along<F: Number>(
        by: By,
        case: &Case<F>,
        share: fn(F::Wide, F::Wide) -> F::Wide,
    ) -> Vec<Sides<F>> {
        let sides = |set: Set<F>| {
            let dot = |a: &[F::Wide], b: &[F::Wide]| sum(a.iter().zip(b).map(|(&a, &b)| a * b));
            let right = share(case.eps.widen(), set.s * set.s) * dot(&set.g, &set.normalized());
            let sizes = set.x.iter().map(|x| x.size()).sum::<f64>();
            let scale = sizes * (largest(&set.dx) + largest(&set.g) / set.s.size());
            equal(dot(&set.x, &set.dx), right).to(scale)
        };
        case.sets(by).into_iter().map(sides).collect()
    }
    fn holds<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        let cases = [case.clone(), case.with_eps(F::ZERO)];
        cases.iter().flat_map(|case| along(by, case, |eps, r2| eps / r2)).collect()
    }
    fn always_zero<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        along(by, case, |_, _| F::Wide::ZERO)
    }
    claim(|_| {
        let mistakes = [
            Slip::MeanTermAdded,
            Slip::GammaAfterMeans,
            Slip::VarianceDetached,
            Slip::EpsilonForgotten,
        ];
        all([
            proves(LAYER, &ways!(holds), &mistakes),
            refutes("zero for every ε", LAYER, &ways!(always_zero)),
        ])
    })
}
