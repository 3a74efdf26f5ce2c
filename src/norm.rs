//! The only forward and the only backward.
//!
//! Every layer of this crate is a [`Plan`], which says which values share a mean and which share a γ
//! and a β, followed by these two functions. Both are generic over [`Scalar`]: the tests run them, as
//! they stand, on dual numbers and over a prime field.

use super::error::{Error, Result};
use super::scalar::{Field, Scalar};
use super::split::{Plan, Split};
use ndarray::{Array, Array1, ArrayRef, Dimension};
use std::ops::Range;

/// Mean, variance and 1/√(v+ε) of the values that share a mean.
///
/// Kept in the wide type and in a unit of the data's own size (see [`Scalar::unit`]), which is 1 but
/// for `f64` data whose squares leave the range of `f64`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments<F: Scalar> {
    unit: F,
    per_unit: F,
    mean: F::Wide,
    var: F::Wide,
    inv_std: F::Wide,
    eps_share: F::Wide,
}

// ANCHOR: moments
impl<F: Scalar> Moments<F> {
    /// μ = (1/m) Σ x,  v = (1/m) Σ (x − μ)²,  1/s = 1/√(v + ε), of group `k` of the tensor.
    ///
    /// Two passes: the one-pass formula E[x²] − E[x]² cancels where |μ| ≫ σ.
    fn of(x: &[F], split: Split, k: usize, eps: F) -> Result<Self> {
        let m = F::Wide::count(split.count());
        let unit = F::unit(split.runs(k).flat_map(|run| &x[run]).copied());
        let per_unit = F::ONE / unit;

        let mut sum = Sum::new();
        split.runs(k).for_each(|run| sum.add(&x[run], |x| (x * per_unit).widen()));
        let mean = sum.total() / m;

        let mut sum = Sum::new();
        split.runs(k).for_each(|run| {
            sum.add(&x[run], |x| {
                let d = (x * per_unit).widen() - mean;
                d * d
            })
        });
        let var = sum.total() / m;
        // ANCHOR_END: moments

        // ε in the same unit. Where that is infinite, or v is 0, ε is all there is of v + ε.
        let eps_in_unit = (eps * per_unit * per_unit).widen();
        let alone = var == F::Wide::ZERO || !eps_in_unit.is_finite();
        if alone && eps == F::ZERO {
            return Err(Error::ZeroVariance { channel: k });
        }
        let (inv_std, eps_share) = if alone {
            (unit.widen() / eps.widen().sqrt(), F::Wide::ONE)
        } else {
            let inv_std = F::Wide::ONE / (var + eps_in_unit).sqrt();
            (inv_std, eps_in_unit * inv_std * inv_std)
        };
        Ok(Moments { unit, per_unit, mean, var, inv_std, eps_share })
    }

    /// x − μ, in the unit.
    fn deviation(&self, x: F) -> F::Wide {
        (x * self.per_unit).widen() - self.mean
    }

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
/// element for each of `plan.parameters.kept`; `None` stands for γ = 1 and β = 0.
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
    check_length("x", plan.statistics.len(), x.len())?;
    let gamma = parameter("gamma", gamma, F::ONE, plan.parameters.kept)?;
    let beta = parameter("beta", beta, F::ZERO, plan.parameters.kept)?;

    let x = row_major(x);
    let mut y = Array::from_elem(x.raw_dim(), F::ZERO);
    let (data, out) = (slice(&x), y.as_slice_mut().expect("new arrays are row-major"));
    let mut moments = Vec::with_capacity(plan.statistics.kept);
    for k in 0..plan.statistics.kept {
        let group = Moments::of(data, plan.statistics, k, eps)?;
        for (piece, c) in plan.pieces(k) {
            let (scale, shift) = (gamma[c].widen() * group.inv_std, beta[c].widen());
            for (y, &x) in out[piece.clone()].iter_mut().zip(&data[piece]) {
                *y = F::narrow(group.deviation(x) * scale + shift);
            }
        }
        moments.push(group);
    }
    Ok((y, Tape { x, plan, gamma, moments }))
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
    gamma: Vec<F>,
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

impl<F: Scalar, D: Dimension> Tape<F, D> {
    // ANCHOR: backward
    /// With g = ∂L/∂y and g̃ = γ g, and ⟨·⟩ for the mean over the m values that share a mean:
    ///
    /// dx = (g̃ − ⟨g̃⟩ − x̂ ⟨g̃ x̂⟩) / s,  dγ = Σ g x̂,  dβ = Σ g.
    ///
    /// Exact for every ε: it is the derivative of the function computed, not of its ε → 0 limit.
    ///
    /// # Errors
    /// [`Error::Shape`] if `dy` does not have the shape of the output.
    pub fn backward(self, dy: &ArrayRef<F, D>) -> Result<Gradients<F, D>> {
        let Tape { mut x, plan, gamma, moments } = self;
        check_shape("dy", x.shape(), dy.shape())?;
        let dy = row_major(dy.to_owned());
        let (g, data) = (slice(&dy), x.as_slice_mut().expect("the tape is row-major"));
        let m = F::Wide::count(plan.statistics.count());
        let mut dgamma = vec![F::Wide::ZERO; plan.parameters.kept];
        let mut dbeta = vec![F::Wide::ZERO; plan.parameters.kept];

        for (k, group) in moments.iter().enumerate() {
            let (mut sum_g, mut sum_gx) = (F::Wide::ZERO, F::Wide::ZERO);
            for (piece, c) in plan.pieces(k) {
                let (mut pg, mut pgx) = (Sum::new(), Sum::new());
                pg.add(&g[piece.clone()], |g| g.widen());
                pgx.add2(&g[piece.clone()], &data[piece], |g, x| g.widen() * group.deviation(x));
                let (pg, pgx) = (pg.total(), pgx.total() * group.inv_std);
                dbeta[c] = dbeta[c] + pg;
                dgamma[c] = dgamma[c] + pgx;
                sum_g = sum_g + gamma[c].widen() * pg;
                sum_gx = sum_gx + gamma[c].widen() * pgx;
            }
            let (mean_g, slope) = (sum_g / m, sum_gx / m * group.inv_std);

            for (piece, c) in plan.pieces(k) {
                let gamma = gamma[c].widen();
                for (x, &g) in data[piece.clone()].iter_mut().zip(&g[piece]) {
                    let centred = gamma * g.widen() - mean_g;
                    let rest = if plan.statistics.count() == 2 {
                        // Of two values g̃ − ⟨g̃⟩ is a multiple of x̂, and the difference below would be
                        // rounding noise. What is left of it is known: the share of ε in v + ε.
                        centred * group.eps_share
                    } else {
                        centred - group.deviation(*x) * slope
                    };
                    *x = F::narrow(rest * group.inv_std) * group.per_unit;
                }
            }
        }
        let narrow = |sums: Vec<F::Wide>| sums.into_iter().map(F::narrow).collect();
        Ok(Gradients { x, gamma: narrow(dgamma), beta: narrow(dbeta) })
    }
    // ANCHOR_END: backward

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
        self.plan.statistics.count()
    }
}

impl Plan {
    /// The pieces of group `k` on which the parameters, too, are one γ and one β; with their index.
    fn pieces(self, k: usize) -> impl Iterator<Item = (Range<usize>, usize)> {
        let Plan { statistics, parameters } = self;
        let length = statistics.inner.min(parameters.inner);
        statistics.runs(k).flat_map(move |run| {
            run.step_by(length).map(move |start| {
                (start..start + length, start / parameters.inner % parameters.kept)
            })
        })
    }
}

/// A sum carried in several accumulators.
///
/// They keep the processor's adders busy, and their fixed number makes the result the same on every
/// machine, whatever the width of its vector registers.
struct Sum<W>([W; LANES]);

const LANES: usize = 8;

impl<W: Field> Sum<W> {
    fn new() -> Self {
        Sum([W::ZERO; LANES])
    }

    fn add<F: Copy>(&mut self, run: &[F], f: impl Fn(F) -> W) {
        for chunk in run.chunks(LANES) {
            for (lane, &v) in self.0.iter_mut().zip(chunk) {
                *lane = *lane + f(v);
            }
        }
    }

    fn add2<F: Copy>(&mut self, a: &[F], b: &[F], f: impl Fn(F, F) -> W) {
        for (a, b) in a.chunks(LANES).zip(b.chunks(LANES)) {
            for ((lane, &a), &b) in self.0.iter_mut().zip(a).zip(b) {
                *lane = *lane + f(a, b);
            }
        }
    }

    fn total(self) -> W {
        self.0.into_iter().fold(W::ZERO, |sum, lane| sum + lane)
    }
}

/// The array itself if its elements lie in row-major order, else a copy whose elements do.
fn row_major<F: Copy, D: Dimension>(x: Array<F, D>) -> Array<F, D> {
    if x.is_standard_layout() { x } else { x.as_standard_layout().into_owned() }
}

fn slice<F, D: Dimension>(x: &Array<F, D>) -> &[F] {
    x.as_slice().expect("made row-major at the door")
}

/// γ or β as a vector, checked; `neutral` throughout where the layer has none.
fn parameter<F: Scalar>(
    what: &'static str,
    given: Option<&Array1<F>>,
    neutral: F,
    need: usize,
) -> Result<Vec<F>> {
    match given {
        Some(v) => check_length(what, need, v.len()).map(|()| v.to_vec()),
        None => Ok(vec![neutral; need]),
    }
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
