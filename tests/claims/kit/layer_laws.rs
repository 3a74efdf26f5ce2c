//! How a statement about layers is proved, and the statements that are the same for several of them.

use super::dual::Dual;
use super::{
    By, Case, Check, Drawn, Float, Given, How, Layer, Measure, Number, Proof, Set, Sides, Slip,
    all, difference, equal, largest, mean, mean_of, over, sum, wrong,
};
use batchnorm::norm::Gradients;
use batchnorm::scalar::{Field, Scalar};
use ndarray::{Array2, Array3, Ix3};
use proptest::strategy::Strategy;

/// A statement about what a layer makes of its input.
pub type LayerLaw<F> = fn(By, &Case<F>) -> Vec<Sides<F>>;

/// A way of checking a statement.
pub type Way = fn(By, &'static [Layer]) -> Proof;

/// The statement at 64 points of the prime field, or for 256 random inputs within rounding.
pub fn checked<F: Given>(by: By, layers: &'static [Layer], holds: LayerLaw<F>) -> Proof {
    let (check, tolerance) = <F as Drawn>::check();
    checked_within(by, layers, holds, check, tolerance)
}

/// The same under another name, with another tolerance, for what is approximate by itself.
pub fn checked_within<F: Given>(
    by: By,
    layers: &'static [Layer],
    holds: LayerLaw<F>,
    check: Check,
    tolerance: f64,
) -> Proof {
    let errors = |case: &Case<F>| holds(by, case).iter().map(Sides::error).collect();
    // Most inputs are small; to shrink them would slow down all the checks that are meant to fail.
    over(check, tolerance, F::cases(layers).no_shrink(), errors)
}

/// A statement everywhere: exactly over the prime field, within rounding in `f32` and `f64`.
#[macro_export]
macro_rules! ways {
    ($holds:expr) => {{
        let ways: [$crate::kit::Way; 3] = [
            |by, layers| $crate::kit::checked::<$crate::kit::Prime>(by, layers, $holds),
            |by, layers| $crate::kit::checked::<f32>(by, layers, $holds),
            |by, layers| $crate::kit::checked::<f64>(by, layers, $holds),
        ];
        ways
    }};
}

/// The library passes every check, and the textbook formulas the first, which is exact; with any of these
/// mistakes in them they pass none.
pub fn proves(layers: &'static [Layer], ways: &[Way], mistakes: &[Slip]) -> Proof {
    let mut proof = all(ways.iter().map(|way| way(By::Library, layers)))?;
    ways[0](By::Textbook, layers).map_err(|e| format!("the textbook: {e}"))?;
    for &slip in mistakes {
        refused(slip.name(), By::Wrong(slip), layers, ways)?;
        proof.push(Check::new(How::WrongVariant, 1).note(slip.name()));
    }
    Ok(proof)
}

/// A wrong statement about the library, which no check passes.
pub fn refutes(statement: &str, layers: &'static [Layer], ways: &[Way]) -> Proof {
    refused(statement, By::Library, layers, ways)?;
    Ok(vec![Check::new(How::WrongVariant, 1).note(statement)])
}

fn refused(what: &str, by: By, layers: &'static [Layer], ways: &[Way]) -> Result<(), String> {
    ways.iter().try_for_each(|way| wrong(what, way(by, layers)).map(|_| ()))
}

/// The mean of x̂ is 0, where a mean is subtracted, and its mean square is v/(v+ε).
pub fn moments() -> [Way; 3] {
    fn holds<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        let sides = |set: Set<F>| {
            let top = largest(&set.xhat);
            let zero = equal(mean(&set.xhat), F::Wide::ZERO).to(top);
            let rho = equal(mean_of(&set.xhat, |v| v * v), set.rho).to(2.0 * top.powi(2));
            if case.layer == Layer::Rms { vec![rho] } else { vec![zero, rho] }
        };
        case.sets(by).into_iter().flat_map(sides).collect()
    }
    ways!(holds)
}

/// With the γ = √(v+ε) and β = μ of the first sample the layer gives back that sample, and any other
/// with the mean and the root of the first: y = (√(v₀+ε)/√(v+ε))·(x−μ) + μ₀.
pub fn restores() -> [Way; 3] {
    fn holds<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        let sets = case.sets(by);
        // Whose mean and root each γ and β are: the first that has the parameter is of the first sample.
        let mut owner = vec![0; case.gamma.len()];
        for (i, set) in sets.iter().enumerate().rev() {
            set.at.iter().for_each(|&at| owner[case.parameter(at)] = i);
        }
        let restoring = Case {
            gamma: owner.iter().map(|&i| F::narrow(sets[i].s)).collect(),
            beta: owner.iter().map(|&i| F::narrow(sets[i].center)).collect(),
            ..case.clone()
        };
        let sides = |(i, set): (usize, Set<F>)| {
            let owner = |k: usize| owner[case.parameter(set.at[k])];
            let owners: Vec<_> = (0..set.at.len()).map(|k| &sets[owner(k)]).collect();
            let restored = owners.iter().zip(set.normalized());
            let restored: Vec<_> = restored.map(|(o, xhat)| o.s * xhat + o.center).collect();
            // y, γ and β are each rounded.
            let top = |of: fn(&Set<F>) -> F::Wide| {
                owners.iter().map(|o| of(o).size()).fold(0.0, f64::max)
            };
            let scale = largest(&restored) + top(|o| o.s) * largest(&set.xhat) + top(|o| o.center);
            let own = |k: usize| owner(k) == i;
            let sides = (0..set.at.len()).flat_map(|k| {
                let to_itself = own(k).then(|| equal(set.y[k], set.x[k]).to(scale));
                [Some(equal(set.y[k], restored[k]).to(scale)), to_itself]
            });
            sides.flatten().collect::<Vec<_>>()
        };
        restoring.sets(by).into_iter().enumerate().flat_map(sides).collect()
    }
    ways!(holds)
}

/// What a sample becomes, and what it is handed back, is the same to the last bit without the others.
pub fn alone() -> [Way; 3] {
    fn holds<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        let (y, dx) = (case.forward(by), case.backward(by).x);
        let sample = |n: usize| {
            let alone = case.sample(n);
            let pairs = [(&y, alone.forward(by)), (&dx, alone.backward(by).x)];
            let same = |(all, one): (&Array3<F>, Array3<F>)| {
                let all = all.index_axis(ndarray::Axis(0), n);
                let pairs = all.iter().zip(&one);
                pairs.map(|(a, b)| equal(a.widen(), b.widen()).exactly()).collect::<Vec<_>>()
            };
            pairs.into_iter().flat_map(same).collect::<Vec<_>>()
        };
        (0..case.x.dim().0).flat_map(sample).collect()
    }
    ways!(holds)
}

/// The x̂ of both, which are the same up to a factor and to rounding: of the outputs, of ε, and of the
/// input of the first, which was computed.
///
/// An error δ in each x moves x̂ by at most (δ/s)(2 + max|x̂|), by the Jacobian of normalization.
pub fn same_xhat<F: Number>(
    by: By,
    computed: &Case<F>,
    given: &Case<F>,
    factor: F::Wide,
) -> Vec<Sides<F>> {
    let sides = |(a, b): (Set<F>, Set<F>)| {
        let top = largest(&a.xhat);
        let scale = 3.0 * top + largest(&a.x) / a.s.size() * (2.0 + top);
        let pairs: Vec<_> = a.xhat.into_iter().zip(b.xhat).collect();
        pairs.into_iter().map(move |(a, b)| equal(a, factor * b).to(scale))
    };
    computed.sets(by).into_iter().zip(given.sets(by)).flat_map(sides).collect()
}

/// Scaled by α, with ε: the x̂ of x with ε/α², with the sign of α. Both signs, and ε = 0 too.
pub fn scaling() -> [Way; 3] {
    fn holds<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        let signs = [F::ONE, -F::ONE];
        let pairs = signs.into_iter().flat_map(|s| [(s, case.eps), (s, F::ZERO)]);
        pairs.flat_map(|(sign, eps)| scaled(by, &case.with_eps(eps), sign, sign)).collect()
    }
    ways!(holds)
}

/// The same, were there no sign.
pub fn scaling_without_sign() -> [Way; 3] {
    fn holds<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        scaled(by, case, -F::ONE, F::ONE)
    }
    ways!(holds)
}

fn scaled<F: Number>(by: By, case: &Case<F>, sign: F, expected: F) -> Vec<Sides<F>> {
    let alpha = sign * case.spare[0];
    let x = case.x.map(|&x| alpha * x);
    let eps = alpha * alpha * case.eps;
    same_xhat(by, &Case { x, eps, ..case.clone() }, case, expected.widen())
}

/// dx = (g̃ − ⟨g̃⟩ − x̂⟨g̃x̂⟩)/s, without ⟨g̃⟩ where no mean is subtracted; dγ = Σ g·x̂ and dβ = Σ g; and
/// these are the derivatives of the forward pass.
pub fn gradient() -> [Way; 6] {
    fn closed_form<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        let gradients = case.backward(by);
        let mut expected = vec![[F::Wide::ZERO; 2]; case.gamma.len()];
        let (mut sizes, mut sides) = (vec![0.0; case.gamma.len()], Vec::new());
        for set in case.sets(by) {
            let xhat = set.normalized();
            let gx: Vec<_> = set.g.iter().zip(&xhat).map(|(&g, &xhat)| g * xhat).collect();
            let mean_g = if case.layer == Layer::Rms { F::Wide::ZERO } else { mean(&set.g) };
            let scale = largest(&set.dx) + largest(&set.g) / set.s.size();
            for (i, &at) in set.at.iter().enumerate() {
                let dx = (set.g[i] - mean_g - xhat[i] * mean(&gx)) / set.s;
                sides.push(equal(set.dx[i], dx).to(scale));
                let (p, g) = (case.parameter(at), case.g[at].widen());
                expected[p] = [expected[p][0] + g * xhat[i], expected[p][1] + g];
                sizes[p] += g.size() * (1.0 + xhat[i].size());
            }
        }
        for (p, [dgamma, dbeta]) in expected.into_iter().enumerate() {
            sides.push(equal(gradients.gamma[p].widen(), dgamma).to(sizes[p]));
            sides.push(equal(gradients.beta[p].widen(), dbeta).to(sizes[p]));
        }
        sides
    }
    /// The gradients against derivatives, which sum outputs times g, and divide them by a part of s.
    fn against<F: Number>(by: By, case: &Case<F>, derivative: &Gradients<F, Ix3>) -> Vec<Sides<F>> {
        let (gradients, mut sides, mut parameters) = (case.backward(by), Vec::new(), 0.0);
        for set in case.sets(by) {
            let gamma = set.at.iter().map(|&at| case.gamma[case.parameter(at)].widen().size());
            let g: f64 = set.at.iter().map(|&at| case.g[at].widen().size()).sum();
            let (gamma, xhat) = (gamma.fold(0.0, f64::max), largest(&set.normalized()));
            let dx = g * (largest(&set.y) + gamma) / set.s.size() * (1.0 + xhat.powi(2));
            parameters += g * (largest(&set.y) + 1.0) * (1.0 + xhat);
            let pairs = set.dx.iter().zip(&set.at);
            sides.extend(pairs.map(|(&dx_, &at)| equal(dx_, derivative.x[at].widen()).to(dx)));
        }
        let mut compare = |a: F, b: F| sides.push(equal(a.widen(), b.widen()).to(parameters));
        if case.layer != Layer::Weights {
            gradients.gamma.iter().zip(&derivative.gamma).for_each(|(&a, &b)| compare(a, b));
        }
        if !matches!(case.layer, Layer::Rms | Layer::Weights) {
            gradients.beta.iter().zip(&derivative.beta).for_each(|(&a, &b)| compare(a, b));
        }
        sides
    }
    fn duals<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        against(by, case, &dual_gradients(by, case))
    }
    fn differences(by: By, case: &Case<f64>) -> Vec<Sides<f64>> {
        against(by, case, &difference_gradients(by, case))
    }
    let [field, single, double] = ways!(closed_form);
    [
        field,
        single,
        double,
        |by, layers| {
            checked_within::<super::Prime>(
                by,
                layers,
                duals,
                Check::new(How::DualPrimeField, 64),
                0.0,
            )
        },
        |by, layers| {
            let check = Check::new(How::Dual, 64).scalar("f64");
            checked_within::<f64>(by, layers, duals, check, <f64 as Float>::TOLERANCE)
        },
        |by, layers| {
            let check = Check::new(How::FiniteDifferences, 64).scalar("f64");
            checked_within(by, layers, differences, check, difference::tolerance::<f64>())
        },
    ]
}

/// Σ g·y, summed in the wide type.
fn loss<F: Scalar>(by: By, case: &Case<F>) -> F::Wide {
    sum(case.forward(by).iter().zip(&case.g).map(|(y, g)| y.widen() * g.widen()))
}

/// The derivative with respect to each variable.
fn each<F: Scalar>(case: &Case<F>, derivative: impl Fn(Variable) -> F) -> Gradients<F, Ix3> {
    let (mut x, mut gamma, mut beta) = (case.x.clone(), case.gamma.clone(), case.beta.clone());
    x.indexed_iter_mut().for_each(|(at, d)| *d = derivative(Variable::X(at)));
    gamma.indexed_iter_mut().for_each(|(p, d)| *d = derivative(Variable::Gamma(p)));
    beta.indexed_iter_mut().for_each(|(p, d)| *d = derivative(Variable::Beta(p)));
    Gradients { x, gamma, beta }
}

/// A number that the loss depends on.
#[derive(Clone, Copy)]
enum Variable {
    X(super::At),
    Gamma(usize),
    Beta(usize),
}

impl Variable {
    fn of<F>(self, case: &mut Case<F>) -> &mut F {
        match self {
            Variable::X(at) => &mut case.x[at],
            Variable::Gamma(p) => &mut case.gamma[p],
            Variable::Beta(p) => &mut case.beta[p],
        }
    }
}

/// The forward pass on dual numbers, once for each number that may move.
fn dual_gradients<F: Number>(by: By, case: &Case<F>) -> Gradients<F, Ix3> {
    let still = case.map(Dual::constant);
    each(case, |number| {
        let mut case = still.clone();
        number.of(&mut case).slope = F::ONE;
        F::narrow(loss(by, &case).slope)
    })
}

/// Central differences, with steps in units of s for x.
fn difference_gradients(by: By, case: &Case<f64>) -> Gradients<f64, Ix3> {
    let mut s = case.x.clone();
    for set in case.sets(by) {
        set.at.iter().for_each(|&at| s[at] = set.s.size());
    }
    each(case, |number| {
        let unit = if let Variable::X(at) = number { s[at] } else { 1.0 };
        let h = difference::step::<f64>() * unit;
        let moved = |h: f64| {
            let mut case = case.clone();
            let number = number.of(&mut case);
            *number += h;
            (number.widen(), loss(by, &case))
        };
        let ((right, f_right), (left, f_left)) = (moved(h), moved(-h));
        // What is divided by is the step that the rounded arguments really are apart.
        f64::narrow((f_right - f_left) / (right - left))
    })
}

/// Whether normalizing each column of a table by itself agrees with normalizing all of it together,
/// just where `agree` says so: for all tables of two by two with entries from 0 to 4.
///
/// Two affine maps that agree at two different values are the same map: so a column that is not constant
/// has the mean μ and the variance v of the whole. One that is constant becomes 0, so that it is μ. Then
/// all columns have the mean μ, so v is the mean of their variances, which are v or 0: all v, or all 0.
pub fn parts_and_whole(
    parts: fn(&Array2<f64>) -> Array2<f64>,
    whole: fn(&Array2<f64>) -> Array2<f64>,
    agree: fn([[i32; 2]; 2]) -> bool,
) -> Proof {
    let tables = 5i32.pow(4);
    for code in 0..tables {
        let entry = |i: u32| code / 5i32.pow(i) % 5;
        let columns = [[entry(0), entry(1)], [entry(2), entry(3)]];
        let table = Array2::from_shape_fn((2, 2), |(i, j)| f64::from(columns[j][i]));
        let difference = parts(&table) - whole(&table);
        let difference = difference.iter().fold(0.0, |a: f64, d| a.max(d.abs()));
        // Nothing lies between rounding and a real difference.
        let agreed = difference < 1e-14;
        if !agreed && difference < 1e-3 || agreed != agree(columns) {
            return Err(format!("{columns:?}: {difference}"));
        }
    }
    Ok(vec![Check::new(How::Enumeration, tables as usize)])
}

/// Both columns have the same mean and the same variance.
pub fn alike([a, b]: [[i32; 2]; 2]) -> bool {
    let spread = |c: [i32; 2]| (c[0] - c[1]).abs();
    equal_means([a, b]) && spread(a) == spread(b)
}

/// Both columns have the same mean.
pub fn equal_means([a, b]: [[i32; 2]; 2]) -> bool {
    a[0] + a[1] == b[0] + b[1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_that_no_check_notices_is_reported() {
        // The moments of x̂ say nothing of γ.
        let proof = proves(&[Layer::Features], &moments(), &[Slip::GammaPerSample]);
        assert!(proof.unwrap_err().contains("γ and β per sample"));
        // And one that a single way does not notice: an f32 has room for it, the field has not.
        fn holds<F: Number>(_: By, case: &Case<F>) -> Vec<Sides<F>> {
            let (x, tiny) = (F::Wide::ONE, F::Wide::ONE / F::Wide::count(1 << 30));
            vec![equal(x + tiny, x); case.x.len()]
        }
        let [field, single, _] = ways!(holds);
        assert!(refutes("one is more than one", &[Layer::Rms], &[field]).is_ok());
        assert!(refutes("one is more than one", &[Layer::Rms], &[field, single]).is_err());
    }

    #[test]
    fn a_true_statement_is_not_refuted() {
        assert!(refutes("moments", &[Layer::Instance], &moments()).is_err());
    }

    #[test]
    fn tables_have_columns() {
        let sums = |t: &Array2<f64>| t.map(|_| t.sum());
        let columns =
            |t: &Array2<f64>| Array2::from_shape_fn((2, 2), |(_, j)| 2.0 * t.column(j).sum());
        assert!(parts_and_whole(columns, sums, equal_means).is_ok());
        assert!(parts_and_whole(columns, sums, alike).is_err());
    }
}
