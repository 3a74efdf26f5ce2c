//! Residual networks without normalization.

use crate::kit::dual::Dual;
use crate::kit::*;
use crate::{for_numbers, gradients, tables};
use batchnorm::dynamic_tanh::Tanh;
use batchnorm::fixup::Fixup;
use batchnorm::nn::init::Init;
use batchnorm::nn::random::Random;
use batchnorm::scalar::{Field, Scalar};
use batchnorm::skip_init::SkipInit;
use ndarray::{Array1, Array2, Axis};

/// In a residual network whose branches, at random initialization, have mean zero and keep the mean square of
/// their input, the mean square of the activations doubles with each block: 2^ℓ times that of the input after
/// ℓ blocks. With branches that start at zero it stays what it was.
///
/// 무작위로 초기화한 가지의 평균이 0이고 가지가 입력의 제곱 평균을 유지하는 잔차망에서는 활성값의 제곱 평균이 블록마다 두 배가 됩니다. ℓ개의 블록을 지나면 입력의 2^ℓ배입니다. 0에서 시작하는 가지에서는 처음 그대로입니다.
// E‖x + f‖² = ‖x‖² + 2 E⟨x, f⟩ + E‖f‖², where E f = 0, and E‖f‖² = ‖x‖². For linear branches with signs for
// weights, over √n, that is a mean over all signs, which can be counted; for He's initialization and ReLU it
// holds up to the width.
#[test]
fn plain_residual_variance_doubles() -> Claim {
    /// The mean of ‖x‖² after each of two blocks, over all signs of the 2 × 2 weights of each.
    fn counted<F: Number>(x: &[F], alpha: F, growth: u64) -> Vec<Sides<F>> {
        let end = SkipInit { alpha };
        let c = (F::ONE / F::count(2)).sqrt();
        let start = Array1::from(x.to_vec());
        let square = |x: &Array1<F>| sum(x.iter().map(|x| x.widen() * x.widen()));
        let mut level = vec![start.clone()];
        let (mut sides, mut factor) = (Vec::new(), F::Wide::ONE);
        for _ in 0..2 {
            let next = |x: &Array1<F>| {
                let x = x.clone();
                (0..16).map(move |signs: usize| {
                    let weight = |i: usize, j: usize| {
                        if signs >> (2 * i + j) & 1 == 0 { c } else { -c }
                    };
                    let f = (0..2).map(|i| weight(i, 0) * x[0] + weight(i, 1) * x[1]).collect();
                    end.forward(x.clone(), f).expect("one shape").0
                })
            };
            level = level.iter().flat_map(next).collect();
            factor = factor * F::Wide::count(growth as usize);
            let squares: Vec<_> = level.iter().map(square).collect();
            let expected = factor * square(&start);
            // Seven roundings in each block, of each of the two numbers.
            sides.push(equal(mean(&squares), expected).to(64.0 * expected.size()));
        }
        sides
    }
    fn doubles<F: Drawn>(_: Norm, x: &[F]) -> Vec<Sides<F>> {
        counted(x, F::ONE, 2)
    }
    fn stays<F: Drawn>(_: Norm, x: &[F]) -> Vec<Sides<F>> {
        counted(x, F::ZERO, 1)
    }
    fn half<F: Drawn>(_: Norm, x: &[F]) -> Vec<Sides<F>> {
        counted(x, F::ONE / F::count(2), 2)
    }
    fn unchanged<F: Drawn>(_: Norm, x: &[F]) -> Vec<Sides<F>> {
        counted(x, F::ONE, 1)
    }
    /// By how much the base of the growth over ten ReLU blocks of width 128 differs from `base`, in the mean
    /// of eight seeds: a branch is one layer with He's initialization behind a ReLU, or two such layers.
    fn grown(base: f64) -> Proof {
        let (width, depth, seeds) = (128, 10, 8);
        let grown = |layers: usize, seed: u64| {
            let random = &mut Random::new(seed);
            let mut x = Array2::from_shape_simple_fn((width, 4), || random.gaussian());
            let square = |x: &Array2<f64>| x.iter().map(|x| x * x).sum::<f64>();
            let before = square(&x);
            for _ in 0..depth {
                let mut f = x.clone();
                for _ in 0..layers {
                    let w = Init::He.draw((width, width), random);
                    let w: Array2<f64> = w.expect("a good shape");
                    f = w.dot(&f.mapv(|f| f.max(0.0)));
                }
                x = SkipInit { alpha: 1.0 }.forward(x, f).expect("one shape").0;
            }
            square(&x) / before
        };
        let off = |layers: usize| {
            let growth: Vec<_> = (0..seeds).map(|seed| grown(layers, seed)).collect();
            (mean(&growth).powf(1.0 / f64::from(depth)) / base - 1.0).abs()
        };
        let note = "ReLU, He's initialization, width 128, 10 blocks, means of 8 seeds";
        let check = Check::new(How::Experiment, 2).note(note);
        Ok(vec![check.within(0.05, off(1).max(off(2)))?])
    }
    claim(|bn| {
        all([
            for_numbers!(bn, 2, doubles),
            for_numbers!(bn, 2, stays),
            grown(2.0),
            wrong("branches of half the size double it, too", numbers::<f64>(bn, 2, half)),
            wrong("the mean square stays the same", numbers::<f64>(bn, 2, unchanged)),
            wrong("the mean square grows to 1.8^ℓ", grown(1.8)),
        ])
    })
}

/// How one step of gradient descent on scalars, from Fixup's start, moves the output of L branches of m
/// layers. For the input x and the derivative d of the loss in the output, to which s^(m−1) passes in each
/// branch, the last layer becomes a = −η d x s^(m−1), and the output x Π (1 + s^(m−1) a).
fn after_a_step<F: Field>(x: F, d: F, eta: F, s: F, branches: usize, layers: usize) -> F {
    // The derivative in the last layer of one branch, by dual numbers: all others are the identity.
    let (still, moving) = (Dual::constant, Dual::new(F::ZERO, F::ONE));
    let gradient = (still(d) * still(x) * (Dual::ONE + branch(still(s), moving, layers))).slope;
    let a = -(eta * gradient);
    (0..branches).fold(x, |x, _| x + branch(s, a, layers) * x)
}

/// What a branch multiplies by: m − 1 layers s, and the last.
fn branch<F: Field>(s: F, last: F, layers: usize) -> F {
    (1..layers).fold(last, |product, _| product * s)
}

/// From Fixup's start a first step of gradient descent moves the output of a residual network as far with any
/// number of branches. As scalars, to first order in η, it moves −ηdx², for any number L of branches and m of
/// layers in each; and where z = ηdx is between 0 and 1 all of it is between 1 − e⁻ᶻ and z, as a part of x.
/// Without the scale L^(−1/(2m−2)) it is L times as much.
///
/// Fixup으로 시작하면 가지가 몇 개이든 경사 하강의 첫걸음이 잔차망의 출력을 움직이는 폭은 같습니다. 스칼라로 보면 η의 1차까지 −ηdx²이고, 가지의 수 L이나 가지 안의 층수 m과 무관합니다. z = ηdx가 0과 1 사이이면 전체 변화는 x에 대한 비율로 1 − e⁻ᶻ과 z 사이입니다. L^(−1/(2m−2))을 곱하지 않으면 L배가 됩니다.
// With p = s^(m−1) and L p² = 1 the output after the step is x(1 − z/L)^L, which falls by z at L = 1, by
// 1 − e⁻ᶻ as L grows, and between them monotonously.
#[test]
fn fixup_update_is_bounded() -> Claim {
    const DEPTHS: [usize; 6] = [1, 2, 3, 10, 100, 1000];
    /// To first order, for any s: the derivative in η is −L s^(2m−2) d x².
    fn first_order<F: Drawn>(_: Norm, numbers: &[F]) -> Vec<Sides<F>> {
        let [x, d, s] = [0, 1, 2].map(|i| numbers[i]);
        let sides = [(1, 2), (2, 2), (3, 4), (5, 3)].map(|(branches, layers)| {
            let [x, d, s] = [x, d, s].map(Dual::constant);
            let eta = Dual::new(F::ZERO, F::ONE);
            let output = after_a_step(x, d, eta, s, branches, layers);
            let [x, d, s] = [x, d, s].map(|v| v.value.widen());
            let power = (0..2 * layers - 2).fold(F::Wide::ONE, |power, _| power * s);
            let expected = -(F::Wide::count(branches) * power * d * x * x);
            // In the type itself, where each of some dozen products rounds.
            equal(output.slope.widen(), expected).to(64.0 * expected.size())
        });
        sides.into()
    }
    /// All of it, with this scale.
    fn bounded(scale: fn(usize, usize) -> f64) -> Proof {
        let mut errors = Vec::new();
        for (branches, layers) in DEPTHS.into_iter().flat_map(|l| [2, 3, 4].map(|m| (l, m))) {
            let s = scale(branches, layers);
            errors.push((branches as f64 * s.powi(2 * layers as i32 - 2) - 1.0).abs());
            for z in [0.01, 0.1, 0.5, 1.0] {
                let (x, d) = (1.5, 0.8);
                let output = after_a_step(x, d, z / (d * x), s, branches, layers);
                let fall = 1.0 - output / x;
                errors.extend([(1.0 - f64::exp(-z) - fall).max(0.0), (fall - z).max(0.0)]);
                if fall.is_nan() {
                    errors.push(f64::NAN);
                }
            }
        }
        // A thousand factors, each rounded.
        worked_example(&errors, 2000.0 * f64::EPSILON)
    }
    /// A network of ReLU branches of width 64, from He's initialization: by how much the first step moves
    /// the output with 4, 16 and 64 branches, as a part of with one, in the mean of sixteen seeds.
    fn experiment(scale: fn(Fixup, &mut [&mut Array2<f64>])) -> Proof {
        let (width, layers, eta, seeds) = (64, 3, 0.05, 16);
        let moved = |branches: usize, seed: u64| {
            let random = &mut Random::new(seed);
            let fixup = Fixup::new(branches, layers).expect("three layers");
            let mut unit = || {
                let x = Array1::from_shape_simple_fn(width, || random.gaussian());
                &x / x.dot(&x).sqrt()
            };
            let (x, d) = (unit(), unit());
            let relu = |x: Array1<f64>| x.mapv(|x| x.max(0.0));
            let mut branch = || {
                let mut draw = || Init::He.draw((width, width), random).expect("a good shape");
                let [mut a, mut b]: [Array2<f64>; 2] = [draw(), draw()];
                let mut last = b.clone();
                scale(fixup, &mut [&mut a, &mut b, &mut last]);
                // The branches start at zero, so all are given the same x and the same gradient d of the
                // output. ∂L/∂W of a last layer is d hᵀ, with the h that it is given; of the others 0.
                let h = relu(b.dot(&relu(a.dot(&x)))).insert_axis(Axis(0));
                last = last - d.clone().insert_axis(Axis(1)).dot(&h) * eta;
                (a, b, last)
            };
            let branches: Vec<_> = (0..branches).map(|_| branch()).collect();
            let y = branches
                .iter()
                .fold(x.clone(), |x, (a, b, last)| &x + &last.dot(&relu(b.dot(&relu(a.dot(&x))))));
            let change = y - &x;
            change.dot(&change).sqrt()
        };
        let moved =
            |branches: usize| mean(&(0..seeds).map(|s| moved(branches, s)).collect::<Vec<_>>());
        let one = moved(1);
        let off = |branches: usize| (moved(branches) / one - 1.0).abs();
        let worst = [4, 16, 64].map(off).into_iter().fold(0.0, f64::max);
        let note = "against one branch: ReLU, width 64, 4 to 64 branches, means of 16 seeds";
        Ok(vec![Check::new(How::Experiment, 3).note(note).within(0.25, worst)?])
    }
    fn with_scale(fixup: Fixup, branch: &mut [&mut Array2<f64>]) {
        fixup.initialize(branch).expect("three layers");
    }
    fn without_scale(_: Fixup, branch: &mut [&mut Array2<f64>]) {
        branch[2].fill(0.0);
    }
    claim(|bn| {
        let library = |l, m| Fixup::new(l, m).expect("two layers at least").scale();
        all([
            for_numbers!(bn, 3, first_order),
            bounded(library),
            experiment(with_scale),
            wrong("no scale", bounded(|_, _| 1.0)),
            wrong("the scale 1/√L for every m", bounded(|l, _| (l as f64).powf(-0.5))),
            wrong("the scale L^(−1/m)", bounded(|l, m| (l as f64).powf(-1.0 / m as f64))),
            wrong("no scale, in the network", experiment(without_scale)),
        ])
    })
}

/// With α = 0 the block is the identity, to the last bit, and the gradient of its output passes through the
/// skip connection unchanged; nothing reaches the branch, and the only parameter to be moved is α itself, by
/// dα = Σ g·f.
///
/// α = 0이면 블록은 마지막 비트까지 항등 함수이고, 출력의 그레이디언트는 잔차 연결을 그대로 지나갑니다. 가지에는 아무것도 전해지지 않으며, 움직이는 매개변수는 α뿐입니다. dα = Σ g·f입니다.
#[test]
fn skip_init_at_zero_is_the_identity() -> Claim {
    fn holds<F: Number>(by: Hand, table: &Table<F>) -> Vec<Sides<F>> {
        let table = Table { number: SkipInit::new().alpha, ..table.clone() };
        let (y, gradients) = (table.residual(by), table.residual_backward(by));
        let mut sides = Vec::new();
        for (at, g) in table.upstream.indexed_iter() {
            let same = |a: F, b: F| equal(a.widen(), b.widen()).exactly();
            sides.push(same(y[at], table.a[at]));
            sides.push(same(gradients.skip[at], *g));
            sides.push(same(gradients.branch[at], F::ZERO));
        }
        let terms = || table.b.iter().zip(&table.upstream).map(|(f, g)| f.widen() * g.widen());
        let sizes: f64 = terms().map(|t| t.size()).sum();
        sides.push(equal(gradients.alpha.widen(), sum(terms())).to(sizes));
        sides
    }
    claim(|_| {
        let mistakes = [
            Mistake::StartsAtOne,
            Mistake::ScaledSkip,
            Mistake::SkipForgotten,
            Mistake::ScaleForgotten,
            Mistake::AlphaGradientWithOutput,
        ];
        stands(&tables!(holds), &mistakes)
    })
}

/// The gradients of y = x + αf, which are g for x, αg for f and Σ g·f for α, are its derivatives.
///
/// y = x + αf의 그레이디언트는 x로는 g, f로는 αg, α로는 Σ g·f입니다. 이들은 y의 도함수입니다.
#[test]
fn skip_init_gradient_is_the_derivative() -> Claim {
    fn compare<F: Number>(
        by: Hand,
        table: &Table<F>,
        of: [&dyn Fn((usize, usize)) -> F; 2],
        alpha: F,
    ) -> Vec<Sides<F>> {
        let got = table.residual_backward(by);
        let sizes = |values: Vec<F::Wide>| values.iter().map(|v| v.size()).sum::<f64>();
        let g = sizes(table.upstream.iter().map(|g| g.widen()).collect());
        let f = largest(&table.b.iter().map(|f| f.widen()).collect::<Vec<_>>());
        let top = 1.0 + table.number.widen().size();
        let each = [&got.skip, &got.branch].into_iter().zip(of).flat_map(|(got, of)| {
            let side = |(at, d): ((usize, usize), &F)| equal(d.widen(), of(at).widen()).to(g * top);
            got.indexed_iter().map(side).collect::<Vec<_>>()
        });
        each.chain([equal(got.alpha.widen(), alpha.widen()).to(g * f)]).collect()
    }
    fn formula<F: Number>(by: Hand, table: &Table<F>) -> Vec<Sides<F>> {
        let e = table.residual_backward(By::Textbook);
        compare(by, table, [&|at| e.skip[at], &|at| e.branch[at]], e.alpha)
    }
    fn dual<F: Number>(by: Hand, table: &Table<F>) -> Vec<Sides<F>> {
        let y = |t: &Table<Dual<F>>| t.residual(By::Library);
        let of_x = |at| slope(table, |t| &mut t.a[at], y);
        let of_f = |at| slope(table, |t| &mut t.b[at], y);
        compare(by, table, [&of_x, &of_f], slope(table, |t| &mut t.number, y))
    }
    fn differences(by: Hand, table: &Table<f64>) -> Vec<Sides<f64>> {
        // All is linear: the step is of the size of the other terms, so as to lose no digits to them.
        let y = |t: &Table<f64>| t.residual(By::Library);
        let top = |t: &Array2<f64>| t.iter().fold(0.0, |top: f64, v| top.max(v.abs()));
        let (x, f, alpha) = (top(&table.a), top(&table.b), table.number);
        let all = x + alpha * f;
        let of_x = |at| central(table, all, |t| &mut t.a[at], y);
        let of_f = |at| central(table, all / alpha, |t| &mut t.b[at], y);
        let of_alpha = central(table, all / f, |t| &mut t.number, y);
        compare(by, table, [&of_x, &of_f], of_alpha)
    }
    claim(|_| {
        let mistakes = [
            Mistake::ScaledSkip,
            Mistake::SkipForgotten,
            Mistake::ScaleForgotten,
            Mistake::AlphaGradientWithOutput,
        ];
        stands(&gradients!(formula, dual, differences), &mistakes)
    })
}

/// Dynamic tanh is odd about β: what it makes of −x and of x lies as far below β as above.
///
/// 동적 tanh는 β를 중심으로 홀함수입니다. −x의 출력과 x의 출력은 β에서 반대쪽으로 같은 거리에 있습니다.
#[test]
fn dynamic_tanh_is_odd_about_beta() -> Claim {
    fn holds<F: Number<Wide: Tanh>>(by: Hand, table: &Table<F>) -> Vec<Sides<F>> {
        let mirrored = Table { a: table.a.mapv(|x| -x), ..table.clone() };
        let (y, mirrored) = (table.dynamic_tanh(by), mirrored.dynamic_tanh(by));
        let side = |(at, y): ((usize, usize), &F)| {
            let [gamma, beta] = table.columns.each_ref().map(|c| c[at.1].widen());
            let (y, mirrored) = (y.widen(), mirrored[at].widen());
            equal(y + mirrored, beta + beta).to(2.0 * (y.size() + mirrored.size() + gamma.size()))
        };
        y.indexed_iter().map(side).collect()
    }
    claim(|_| {
        let about_zero: [TableWay; 1] = [|by| {
            fn holds(by: Hand, table: &Table<f64>) -> Vec<Sides<f64>> {
                let mirrored = Table { a: table.a.mapv(|x| -x), ..table.clone() };
                let pairs = table.dynamic_tanh(by) + mirrored.dynamic_tanh(by);
                pairs.iter().map(|sum| equal(sum.widen(), 0.0.widen()).to(1.0)).collect()
            }
            tabled::<f64>(by, holds)
        }];
        all([stands(&tables!(holds), &[Mistake::BetaInside]), falls("odd about 0", &about_zero)])
    })
}

/// At x = 0 dynamic tanh has the slope γα, and nowhere a steeper one; |y − β| is at most |γ|, however large
/// x is, and at most |γαx|.
///
/// 동적 tanh의 기울기는 x = 0에서 γα이고 어디에서도 이보다 가파르지 않습니다. |y − β|는 x가 아무리 커도 |γ|를 넘지 않고, |γαx|도 넘지 않습니다.
#[test]
fn dynamic_tanh_slope_and_bound() -> Claim {
    /// By dual numbers through the forward pass, and by the backward pass.
    fn slope_at_zero<F: Number<Wide: Tanh>>(by: Hand, table: &Table<F>) -> Vec<Sides<F>> {
        let at_zero = Table { a: table.a.mapv(|_| F::ZERO), ..table.clone() };
        let mut moving = at_zero.map(Dual::constant);
        moving.a.mapv_inplace(|x| Dual::new(x.value, F::ONE));
        let (y, dx) = (moving.dynamic_tanh(by), at_zero.dynamic_tanh_backward(by).x);
        let sides = y.indexed_iter().flat_map(|(at, y)| {
            let slope = table.columns[0][at.1].widen() * table.number.widen();
            let g = table.upstream[at].widen();
            [equal(y.slope.widen(), slope), equal(dx[at].widen(), slope * g)]
        });
        sides.collect()
    }
    fn bound<F: Float<Wide: Tanh>>(by: Hand, table: &Table<F>) -> Vec<Sides<F>> {
        let size = |v: F::Wide| if F::narrow(v).to_f64() < 0.0 { -v } else { v };
        let (y, dx) = (table.dynamic_tanh(by), table.dynamic_tanh_backward(by).x);
        let sides = y.indexed_iter().flat_map(|(at, y)| {
            let [gamma, beta] = table.columns.each_ref().map(|c| c[at.1].widen());
            let slope = size(gamma * table.number.widen());
            let (far, linear) = (size(gamma), slope * size(table.a[at].widen()));
            let (above, g) = (size(y.widen() - beta), size(table.upstream[at].widen()));
            let scale = far.size() + beta.size();
            [
                at_most(above, far).to(scale),
                at_most(above, linear).to(scale),
                at_most(size(dx[at].widen()), slope * g),
            ]
        });
        sides.collect()
    }
    claim(|_| {
        let mistakes = [Mistake::BetaInside, Mistake::AlphaOutside, Mistake::SlopePlus];
        let bounds: [TableWay; 2] = [|by| tabled::<f32>(by, bound), |by| tabled::<f64>(by, bound)];
        all([
            stands(&tables!(slope_at_zero), &[Mistake::BetaInside, Mistake::ScaleForgotten]),
            stands(&bounds, &mistakes),
        ])
    })
}

/// The gradients of dynamic tanh, with t = tanh(αx): dx = γα(1 − t²)g, dα = Σ γx(1 − t²)g, dγ = Σ tg and
/// dβ = Σ g, are its derivatives.
///
/// t = tanh(αx)라고 할 때 동적 tanh의 그레이디언트 dx = γα(1 − t²)g, dα = Σ γx(1 − t²)g, dγ = Σ tg, dβ = Σ g는 도함수입니다.
#[test]
fn dynamic_tanh_gradient_is_the_derivative() -> Claim {
    /// The expected gradients: of x, γ, β and α.
    struct Of<'a, F> {
        x: &'a dyn Fn((usize, usize)) -> F,
        columns: [&'a dyn Fn(usize) -> F; 2],
        alpha: F,
    }
    /// Sums over all of G times slopes; the rounding of y counts against 1/α, the scale of x.
    fn compare<F: Number<Wide: Tanh>>(by: Hand, table: &Table<F>, of: &Of<F>) -> Vec<Sides<F>> {
        let got = table.dynamic_tanh_backward(by);
        let sizes = |t: &Array2<F>| t.iter().map(|v| v.widen().size()).sum::<f64>();
        let tops = table
            .columns
            .each_ref()
            .map(|c| c.iter().map(|v| v.widen().size()).fold(1.0, f64::max));
        let (g, alpha) = (sizes(&table.upstream), table.number.widen().size());
        let scale = 4.0 * g * (tops[0] + tops[1]);
        let x = got
            .x
            .indexed_iter()
            .map(|(at, &d)| equal(d.widen(), (of.x)(at).widen()).to(scale * alpha));
        let columns = [&got.gamma, &got.beta].into_iter().zip(of.columns).flat_map(|(got, of)| {
            let side = |(i, d): (usize, &F)| equal(d.widen(), of(i).widen()).to(scale);
            got.indexed_iter().map(side).collect::<Vec<_>>()
        });
        let largest_x = largest(&table.a.iter().map(|x| x.widen()).collect::<Vec<_>>());
        let of_alpha =
            equal(got.alpha.widen(), of.alpha.widen()).to(scale * (largest_x + 1.0 / alpha));
        x.chain(columns).chain([of_alpha]).collect()
    }
    fn formula<F: Number<Wide: Tanh>>(by: Hand, table: &Table<F>) -> Vec<Sides<F>> {
        let e = table.dynamic_tanh_backward(By::Textbook);
        let columns: [&dyn Fn(usize) -> F; 2] = [&|i| e.gamma[i], &|i| e.beta[i]];
        compare(by, table, &Of { x: &|at| e.x[at], columns, alpha: e.alpha })
    }
    fn dual<F: Number<Wide: Tanh>>(by: Hand, table: &Table<F>) -> Vec<Sides<F>> {
        let y = |t: &Table<Dual<F>>| t.dynamic_tanh(By::Library);
        let columns: [&dyn Fn(usize) -> F; 2] =
            [&|i| slope(table, |t| &mut t.columns[0][i], y), &|i| {
                slope(table, |t| &mut t.columns[1][i], y)
            }];
        let (x, alpha) =
            (|at| slope(table, |t| &mut t.a[at], y), slope(table, |t| &mut t.number, y));
        compare(by, table, &Of { x: &x, columns, alpha })
    }
    fn differences(by: Hand, table: &Table<f64>) -> Vec<Sides<f64>> {
        let y = |t: &Table<f64>| t.dynamic_tanh(By::Library);
        let h = difference::step::<f64>();
        let columns: [&dyn Fn(usize) -> f64; 2] =
            [&|i| central(table, h, |t| &mut t.columns[0][i], y), &|i| {
                central(table, h, |t| &mut t.columns[1][i], y)
            }];
        // The tanh changes where αx does by 1: so x by 1/α, and α by one over the largest x.
        let x = |at| central(table, h / table.number, |t| &mut t.a[at], y);
        let top = table.a.iter().fold(0.0, |top: f64, x| top.max(x.abs()));
        let step = h / (top + 1.0 / table.number);
        let alpha = central(table, step, |t| &mut t.number, y);
        compare(by, table, &Of { x: &x, columns, alpha })
    }
    claim(|_| {
        let mistakes = [
            Mistake::SlopeForgotten,
            Mistake::SlopePlus,
            Mistake::ScaleForgotten,
            Mistake::AlphaGradientWithoutX,
        ];
        stands(&gradients!(formula, dual, differences), &mistakes)
    })
}

/// After adaptive clipping the gradient of no unit is longer than λ max(‖w‖, ε); one that was not longer is
/// the same to the last bit, and any other has just this length.
///
/// 적응적 자르기를 거친 그레이디언트는 어느 유닛에서도 λ max(‖w‖, ε)보다 길지 않습니다. 그보다 길지 않던 것은 마지막 비트까지 그대로이고, 나머지는 정확히 이 길이가 됩니다.
#[test]
fn adaptive_clipping_bounds_the_ratio() -> Claim {
    fn holds<F: Float>(by: Hand, table: &Table<F>) -> Vec<Sides<F>> {
        let mut table = table.clone();
        // ε of the size of the weights, and a unit of weights that are zero.
        table.spare = table.spare * table.a[[0, 0]];
        if table.spare.to_f64() < 0.0 {
            table.spare = -table.spare;
        }
        table.a.row_mut(0).fill(F::ZERO);
        let length =
            |row: ndarray::ArrayView1<F>| sum(row.iter().map(|v| v.widen() * v.widen())).sqrt();
        let clipped = table.clipped(by);
        let mut sides = Vec::new();
        for (i, w) in table.a.rows().into_iter().enumerate() {
            let floor = F::narrow(length(w)).to_f64() < table.spare.to_f64();
            let least = if floor { table.spare.widen() } else { length(w) };
            let bound = table.number.widen() * least;
            let (before, after) = (length(table.b.row(i)), length(clipped.row(i)));
            sides.push(at_most(after, bound));
            if F::narrow(before).to_f64() > F::narrow(bound).to_f64() {
                sides.push(equal(after, bound));
            } else {
                let pairs = clipped.row(i).to_vec().into_iter().zip(table.b.row(i).to_vec());
                let same = |(a, b): (F, F)| equal(a.widen(), b.widen()).exactly();
                sides.extend(pairs.map(same));
            }
        }
        sides
    }
    claim(|_| {
        let mistakes = [
            Mistake::LengthOfAll,
            Mistake::LengthOfColumns,
            Mistake::ElementByElement,
            Mistake::FloorForgotten,
            Mistake::WeightsForgotten,
            Mistake::AlwaysScaled,
        ];
        let ways: [TableWay; 2] = [|by| tabled::<f32>(by, holds), |by| tabled::<f64>(by, holds)];
        stands(&ways, &mistakes)
    })
}

/// Clipping makes the gradient of a unit shorter, and never turns it: each element is multiplied by the same
/// number, from 0 to 1.
///
/// 자르기는 유닛의 그레이디언트를 짧게 할 뿐 방향을 바꾸지 않습니다. 모든 원소에 0과 1 사이의 같은 수를 곱합니다.
#[test]
fn clipping_keeps_the_direction() -> Claim {
    fn parallel<F: Number>(by: Hand, table: &Table<F>) -> Vec<Sides<F>> {
        let after = table.clipped(by);
        let sides = after.rows().into_iter().zip(table.b.rows()).flat_map(|(after, before)| {
            let [after, before] =
                [after, before].map(|row| row.iter().map(|v| v.widen()).collect::<Vec<_>>());
            let scale = 2.0 * largest(&after) * largest(&before);
            let side = |j: usize| equal(after[0] * before[j], after[j] * before[0]).to(scale);
            (1..after.len()).map(side).collect::<Vec<_>>()
        });
        sides.collect()
    }
    fn shorter<F: Float>(by: Hand, table: &Table<F>) -> Vec<Sides<F>> {
        let after = table.clipped(by);
        let sides = after.iter().zip(&table.b).flat_map(|(after, before)| {
            let (after, before) = (after.widen(), before.widen());
            let square = before * before;
            [at_most(after * before, square), at_most(F::Wide::ZERO, after * before)]
        });
        sides.collect()
    }
    claim(|_| {
        let shorter: [TableWay; 2] =
            [|by| tabled::<f32>(by, shorter), |by| tabled::<f64>(by, shorter)];
        let floats: [TableWay; 2] =
            [|by| tabled::<f32>(by, parallel), |by| tabled::<f64>(by, parallel)];
        all([
            stands(&[|by| tabled::<Prime>(by, parallel)], &[]),
            stands(&floats, &[Mistake::ElementByElement, Mistake::LengthOfColumns]),
            stands(&shorter, &[Mistake::AlwaysScaled]),
        ])
    })
}
