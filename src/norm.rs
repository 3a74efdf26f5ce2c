//! The only forward and the only backward.
//!
//! Every layer of this crate is a [`Plan`], which says which values share a mean and which share a γ
//! and a β, followed by these two functions. Both are generic over [`Scalar`]: the tests run them, as
//! they stand, on dual numbers and over a prime field.
//!
//! Each is a few passes over the tensor (see `simd.rs`); the closures below are what happens
//! to one element, with the numbers of the groups that it belongs to.

use super::error::{Error, Result};
use super::scalar::{Field, Scalar};
use super::simd::with;
use super::split::{Center, Plan, Split};
use ndarray::{Array, Array1, ArrayRef, Dimension};

/// Mean, variance and 1/√(v+ε) of the values that share a mean.
///
/// Kept in the wide type and in a unit of the data's own size (see [`Scalar::unit`]), which is 1 but
/// for `f64` data whose squares leave the range of `f64`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments<F: Scalar> {
    pub(super) unit: F,
    pub(super) mean: F::Wide,
    var: F::Wide,
    pub(super) inv_std: F::Wide,
    eps_share: F::Wide,
}

/// Mean and M₂ = Σ (x − mean)² of values that share a mean, in a unit of their own size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread<F: Scalar> {
    pub(super) unit: F,
    pub(super) mean: F::Wide,
    pub(super) m2: F::Wide,
}

// ANCHOR: moments
impl<F: Scalar> Spread<F> {
    /// μ = (1/m) Σ x and M₂ = Σ (x − μ)² of each group.
    ///
    /// Σ (x − μ)² = Σ x² − m μ² takes no second pass, but cancels where |μ| ≫ σ. What is left of Σ x²
    /// tells how much: less than a thousandth, and more than ten binary digits are gone.
    pub(crate) fn of(x: &[F], plan: Plan) -> Vec<Self> {
        let groups = plan.statistics();
        let m = F::Wide::count(groups.count());
        let unit = |k| F::unit(groups.runs(k).flatten().map(|i| x[i]));
        let units: Vec<F> = (0..groups.kept).map(unit).collect();
        let per_unit: Vec<_> = units.iter().map(|&unit| (F::ONE / unit).widen()).collect();

        let [sum, squares] = with(plan, [&per_unit], []).sums(groups, x, x, |x, _, [unit], []| {
            let x = x.in_unit(unit);
            (x, x * x)
        });
        let mean: Vec<_> = match plan.center() {
            Center::Mean => sum.into_iter().map(|sum| sum / m).collect(),
            Center::Zero => vec![F::Wide::ZERO; groups.kept],
        };

        let mut m2: Vec<_> =
            squares.iter().zip(&mean).map(|(&squares, &mean)| squares - m * mean * mean).collect();
        let cancelled = |k: &usize| cancelled::<F>(m2[*k], squares[*k]);
        let cancelled: Vec<usize> = (0..groups.kept).filter(cancelled).collect();
        if !cancelled.is_empty() {
            let numbers = with(plan, [&per_unit, &mean], []);
            let [_, second] = numbers.sums(groups, x, x, |x, _, [unit, mean], []| {
                let d = x.in_unit(unit) - mean;
                (d, d * d)
            });
            cancelled.into_iter().for_each(|k| m2[k] = second[k]);
        }
        (0..groups.kept).map(|k| Spread { unit: units[k], mean: mean[k], m2: m2[k] }).collect()
    }
}

impl<F: Scalar> Moments<F> {
    /// v = M₂/m of each group of m values, then 1/√(v + ε) and the share of ε in v + ε.
    ///
    /// # Errors
    /// [`Error::ZeroVariance`] where all values of a group are equal and `eps` is 0.
    pub(crate) fn new(spreads: &[Spread<F>], m: usize, eps: F) -> Result<Vec<Self>> {
        let m = F::Wide::count(m);
        let equal = |spread: &Spread<F>| spread.m2 / m == F::Wide::ZERO;
        if eps == F::ZERO
            && let Some(channel) = spreads.iter().position(equal)
        {
            return Err(Error::ZeroVariance { channel });
        }
        let new = |spread: &Spread<F>| {
            let Spread { unit, mean, m2 } = *spread;
            let var = m2 / m;
            let per_unit = F::ONE / unit;
            let eps_in_unit = (eps * per_unit * per_unit).widen();
            let (inv_std, eps_share) = if var != F::Wide::ZERO && eps_in_unit.is_finite() {
                let inv_std = F::Wide::ONE / (var + eps_in_unit).sqrt();
                (inv_std, eps_in_unit * inv_std * inv_std)
            } else {
                // ε is all there is of v + ε, and may be out of range in the unit.
                (unit.widen() / eps.widen().sqrt(), F::Wide::ONE)
            };
            Moments { unit, mean, var, inv_std, eps_share }
        };
        Ok(spreads.iter().map(new).collect())
    }
}
// ANCHOR_END: moments

impl<F: Scalar> Moments<F> {
    /// The mean μ.
    pub fn mean(&self) -> F::Wide {
        self.mean * self.unit.widen()
    }

    /// The biased variance v, the mean of (x − μ)².
    pub fn var(&self) -> F::Wide {
        self.var * self.unit.widen() * self.unit.widen()
    }
}

// ANCHOR: forward
/// y = γ x̂ + β with x̂ = (x − μ)/√(v + ε), statistics and parameters shared as the plan says.
///
/// Returns y and the [`Tape`] that [`Tape::backward`] needs. `gamma` and `beta`, where given, have one
/// element for each of `plan.parameters().kept`; `None` stands for γ = 1 and β = 0.
///
/// # Errors
/// [`Error::Length`] for a wrong number of elements, [`Error::ZeroVariance`] where all values of a
/// group are equal and `eps` is 0.
pub fn forward<F: Scalar, D: Dimension>(
    x: Array<F, D>,
    plan: Plan,
    gamma: Option<&Array1<F>>,
    beta: Option<&Array1<F>>,
    eps: F,
) -> Result<(Array<F, D>, Tape<F, D>)> {
    check_length("x", plan.statistics().len(), x.len())?;
    let gamma = parameter("gamma", gamma, F::ONE, plan.parameters().kept)?;
    let beta = parameter("beta", beta, F::ZERO, plan.parameters().kept)?;
    let x = row_major(x);
    let moments = Moments::new(&Spread::of(slice(&x), plan), plan.statistics().count(), eps)?;
    let y = normalized(slice(&x), plan, &moments, [&gamma, &beta]);
    let y = Array::from_shape_vec(x.raw_dim(), y).expect("as many values as x");
    Ok((y, Tape { x, plan, gamma, moments }))
}

/// y = γ x̂ + β by the moments of each group.
pub(crate) fn normalized<F: Scalar>(
    x: &[F],
    plan: Plan,
    moments: &[Moments<F>],
    parameters: [&[F::Wide]; 2],
) -> Vec<F> {
    let Columns { per_unit, mean, inv_std, .. } = Columns::of(moments);
    let y = |x: F, unit, mean, scale, shift| F::narrow((x.in_unit(unit) - mean) * scale + shift);
    if plan.one_gamma_a_mean() {
        // γ/s once for each channel, not for each element.
        let scale = times(parameters[0], &inv_std);
        let numbers = with(plan, [&per_unit, &mean, &scale, parameters[1]], []);
        numbers.map(x, |x, [unit, mean, scale, beta], []| y(x, unit, mean, scale, beta))
    } else {
        let numbers = with(plan, [&per_unit, &mean, &inv_std], parameters);
        numbers.map(x, |x, [unit, mean, inv_std], [gamma, beta]| {
            y(x, unit, mean, gamma * inv_std, beta)
        })
    }
}
// ANCHOR_END: forward

/// What the backward pass needs of the forward pass: x itself, and each group's mean and 1/√(v+ε).
///
/// No copy of x̂ is kept; [`backward`](Tape::backward) recomputes it. A tape is used once: backward
/// writes dx into the memory of x.
#[derive(Clone, Debug)]
#[must_use = "the tape is what `backward` is called on"]
pub struct Tape<F: Scalar, D: Dimension> {
    x: Array<F, D>,
    plan: Plan,
    gamma: Vec<F::Wide>,
    moments: Vec<Moments<F>>,
}

/// The gradients of the loss with respect to a layer's input and parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradients<F, D: Dimension> {
    /// ∂L/∂x, in the shape of x.
    pub x: Array<F, D>,
    /// ∂L/∂γ, one element for each γ. For a layer without γ: the gradient at γ = 1.
    pub gamma: Array1<F>,
    /// ∂L/∂β, one element for each β. For a layer without β: the gradient at β = 0.
    pub beta: Array1<F>,
}

// ANCHOR: backward
impl<F: Scalar, D: Dimension> Tape<F, D> {
    /// With g = ∂L/∂y and g̃ = γ g, and ⟨·⟩ for the mean over the m values that share a mean:
    ///
    /// dx = (g̃ − ⟨g̃⟩ − x̂ ⟨g̃ x̂⟩) / s,  dγ = Σ g x̂,  dβ = Σ g.
    ///
    /// Exact for every ε: it is the derivative of the function computed, not of its ε → 0 limit.
    ///
    /// # Errors
    /// [`Error::Shape`] if `dy` does not have the shape of the output.
    pub fn backward(self, dy: &ArrayRef<F, D>) -> Result<Gradients<F, D>> {
        check_shape("dy", self.x.shape(), dy.shape())?;
        let dy = dy.as_standard_layout();
        let g = dy.as_slice().expect("made row-major one line above");
        let columns = Columns::of(&self.moments);
        let [dbeta, dgamma, mean_g, mean_gx] = self.backward_sums(g, &columns);
        let narrow = |sums: Vec<F::Wide>| sums.into_iter().map(F::narrow).collect();
        let Tape { mut x, plan, gamma, .. } = self;
        let m = plan.statistics().count();
        input_gradient(slice_mut(&mut x), g, (plan, m), &columns, &gamma, [&mean_g, &mean_gx]);
        Ok(Gradients { x, gamma: narrow(dgamma), beta: narrow(dbeta) })
    }

    /// Σ g and Σ g x̂ of each γ, and ⟨g̃⟩ and ⟨g̃ x̂⟩ of each group.
    fn backward_sums(&self, g: &[F], columns: &Columns<F>) -> [Vec<F::Wide>; 4] {
        let (plan, x) = (self.plan, slice(&self.x));
        let Columns { per_unit, mean, inv_std, .. } = columns;
        let zeros = |split: Split| vec![F::Wide::ZERO; split.kept];
        let (mut dbeta, mut dgamma) = (zeros(plan.parameters()), zeros(plan.parameters()));
        let (mut mean_g, mut mean_gx) = (zeros(plan.statistics()), zeros(plan.statistics()));
        if let Some(alike) = plan.alike() {
            // γ, μ and 1/s are the same for all values of a sum: they can wait.
            let [sum_g, sum_gd] = gradient_sums(x, g, (plan, alike), columns);
            for (i, (&g, &gd)) in sum_g.iter().zip(&sum_gd).enumerate() {
                let (k, c) = plan.groups_of(i, alike);
                let (gamma, gx) = (self.gamma[c], gd * inv_std[k]);
                (dbeta[c], dgamma[c]) = (dbeta[c] + g, dgamma[c] + gx);
                (mean_g[k], mean_gx[k]) = (mean_g[k] + gamma * g, mean_gx[k] + gamma * gx);
            }
        } else {
            let numbers = with(plan, [per_unit, mean, inv_std], []);
            [dbeta, dgamma] =
                numbers.sums(plan.parameters(), g, x, |g, x, [unit, mean, inv_std], []| {
                    (g.widen(), g.widen() * ((x.in_unit(unit) - mean) * inv_std))
                });
            let numbers = with(plan, [per_unit, mean, inv_std], [&self.gamma]);
            [mean_g, mean_gx] =
                numbers.sums(plan.statistics(), g, x, |g, x, [unit, mean, inv_std], [gamma]| {
                    let g = gamma * g.widen();
                    (g, g * ((x.in_unit(unit) - mean) * inv_std))
                });
        }
        let m = F::Wide::count(plan.statistics().count());
        mean_gx.iter_mut().for_each(|sum| *sum = *sum / m);
        match plan.center() {
            Center::Mean => mean_g.iter_mut().for_each(|sum| *sum = *sum / m),
            Center::Zero => mean_g.fill(F::Wide::ZERO),
        }
        [dbeta, dgamma, mean_g, mean_gx]
    }
}

/// Σ g and Σ g (x − μ), by groups all of whose values share a mean.
pub(crate) fn gradient_sums<F: Scalar>(
    x: &[F],
    g: &[F],
    (plan, by): (Plan, Split),
    Columns { per_unit, mean, .. }: &Columns<F>,
) -> [Vec<F::Wide>; 2] {
    with(plan, [per_unit, mean], [])
        .sums(by, g, x, |g, x, [unit, mean], []| (g.widen(), g.widen() * (x.in_unit(unit) - mean)))
}

/// dx = (g̃ − ⟨g̃⟩ − x̂ ⟨g̃ x̂⟩) / s, in the memory of x, where m values share a mean.
pub(crate) fn input_gradient<F: Scalar>(
    x: &mut [F],
    g: &[F],
    (plan, m): (Plan, usize),
    Columns { per_unit, mean, inv_std, eps_share }: &Columns<F>,
    gamma: &[F::Wide],
    [mean_g, mean_gx]: [&[F::Wide]; 2],
) {
    if m == plan.least_values() {
        // Of two values g̃ − ⟨g̃⟩ is a multiple of x̂, and the difference below would be rounding noise.
        // What is left of it is known: the share of ε in v + ε. (Of one value, where no mean is
        // subtracted.)
        let numbers = with(plan, [per_unit, inv_std, eps_share, mean_g], [gamma]);
        numbers.update(x, g, |_, g, [unit, inv_std, eps_share, mean_g], [gamma]| {
            let rest = (gamma * g.widen() - mean_g) * eps_share;
            F::narrow(rest * inv_std) * F::narrow(unit)
        });
    } else {
        // dx = (γ/s) g − ⟨g̃⟩/s − (x − μ) ⟨g̃ x̂⟩/s²
        let (mean_g, mean_gx) = (times(mean_g, inv_std), times(mean_gx, inv_std));
        let slope = times(&mean_gx, inv_std);
        let dx = |x: F, g: F, unit, mean, scale, mean_g, slope| {
            let same = mean_g + (x.in_unit(unit) - mean) * slope;
            F::narrow(scale * g.widen() - same) * F::narrow(unit)
        };
        if plan.one_gamma_a_mean() {
            let scale = times(gamma, inv_std);
            let numbers = with(plan, [per_unit, mean, &scale, &mean_g, &slope], []);
            numbers.update(x, g, |x, g, [unit, mean, scale, mean_g, slope], []| {
                dx(x, g, unit, mean, scale, mean_g, slope)
            });
        } else {
            let numbers = with(plan, [per_unit, mean, inv_std, &mean_g, &slope], [gamma]);
            numbers.update(x, g, |x, g, [unit, mean, inv_std, mean_g, slope], [gamma]| {
                dx(x, g, unit, mean, gamma * inv_std, mean_g, slope)
            });
        }
    }
}
// ANCHOR_END: backward

impl<F: Scalar, D: Dimension> Tape<F, D> {
    /// Mean and variance of each group, in the order of the groups.
    pub fn moments(&self) -> &[Moments<F>] {
        &self.moments
    }

    /// The mean of each group, rounded to the type of the tensor.
    pub fn mean(&self) -> Array1<F> {
        self.moments.iter().map(|m| F::narrow(m.mean())).collect()
    }

    /// The biased variance of each group, rounded to the type of the tensor.
    pub fn var(&self) -> Array1<F> {
        self.moments.iter().map(|m| F::narrow(m.var())).collect()
    }

    /// How many values share a mean: the m of the formulas.
    pub fn count(&self) -> usize {
        self.plan.statistics().count()
    }
}

/// What each group's moments have under one name, as vectors with an element for each group.
pub(crate) struct Columns<F: Scalar> {
    per_unit: Vec<F::Wide>,
    mean: Vec<F::Wide>,
    pub(super) inv_std: Vec<F::Wide>,
    eps_share: Vec<F::Wide>,
}

impl<F: Scalar> Columns<F> {
    pub(crate) fn of(moments: &[Moments<F>]) -> Self {
        let column = |of: fn(&Moments<F>) -> F::Wide| moments.iter().map(of).collect();
        Columns {
            per_unit: column(|m| (F::ONE / m.unit).widen()),
            mean: column(|m| m.mean),
            inv_std: column(|m| m.inv_std),
            eps_share: column(|m| m.eps_share),
        }
    }
}

/// The products of the elements of two vectors.
pub(crate) fn times<W: Field>(a: &[W], b: &[W]) -> Vec<W> {
    a.iter().zip(b).map(|(&a, &b)| a * b).collect()
}

/// Whether a difference has lost more than ten binary digits: more than the wide type has to spare, for
/// certain.
fn cancelled<F: Scalar>(rest: F::Wide, of: F::Wide) -> bool {
    of != F::Wide::ZERO && F::narrow(rest / of).to_f64() < 1.0 / 1024.0
}

/// The array itself if its elements lie in row-major order, else a copy whose elements do.
pub(crate) fn row_major<F: Copy, D: Dimension>(x: Array<F, D>) -> Array<F, D> {
    if x.is_standard_layout() { x } else { x.as_standard_layout().into_owned() }
}

pub(crate) fn slice<F, D: Dimension>(x: &Array<F, D>) -> &[F] {
    x.as_slice().expect("made row-major at the door")
}

pub(crate) fn slice_mut<F, D: Dimension>(x: &mut Array<F, D>) -> &mut [F] {
    x.as_slice_mut().expect("made row-major at the door")
}

/// γ or β as a vector, checked; `neutral` throughout where the layer has none.
fn parameter<F: Scalar>(
    what: &'static str,
    given: Option<&Array1<F>>,
    neutral: F,
    need: usize,
) -> Result<Vec<F::Wide>> {
    match given {
        Some(v) => {
            check_length(what, need, v.len()).map(|()| v.iter().map(|v| v.widen()).collect())
        }
        None => Ok(vec![neutral.widen(); need]),
    }
}

pub(crate) fn check_eps<F: Scalar>(eps: F) -> Result<()> {
    let got = eps.to_f64();
    if got.is_finite() && got >= 0.0 { Ok(()) } else { Err(Error::Eps { got }) }
}

pub(crate) fn check_length(what: &'static str, need: usize, got: usize) -> Result<()> {
    if need == got { Ok(()) } else { Err(Error::Length { what, need, got }) }
}

pub(crate) fn check_shape(what: &'static str, need: &[usize], got: &[usize]) -> Result<()> {
    if need == got {
        Ok(())
    } else {
        Err(Error::Shape { what, need: need.to_vec(), got: got.to_vec() })
    }
}
