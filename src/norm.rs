//! The only forward and the only backward.
//!
//! Every layer of this crate is a [`Plan`], which says which values share a mean and which share a γ
//! and a β, followed by these two functions. Both are generic over [`Scalar`]: the tests run them, as
//! they stand, on dual numbers and over a prime field.
//!
//! They work on 16 values side by side, the lanes, so that the compiler can use vector instructions:
//! whatever is indexed by `i` below has one element for each lane.

use super::error::{Error, Result};
use super::scalar::{Field, Scalar};
use super::split::{Block, Center, LANES, Plan, Runs};
use ndarray::{Array, Array1, ArrayRef, Dimension};
use std::array;

/// Mean, variance and 1/√(v+ε) of the values that share a mean.
///
/// Kept in the wide type and in a unit of the data's own size (see [`Scalar::unit`]), which is 1 but
/// for `f64` data whose squares leave the range of `f64`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments<F: Scalar> {
    unit: F,
    mean: F::Wide,
    var: F::Wide,
    inv_std: F::Wide,
    eps_share: F::Wide,
}

impl<F: Scalar> Moments<F> {
    // ANCHOR: moments
    /// μ = (1/m) Σ x and v = (1/m) Σ (x − μ)², then 1/√(v + ε), of the group of each lane.
    ///
    /// Two passes, for the one-pass formula E[x²] − E[x]² cancels where |μ| ≫ σ.
    #[inline(always)]
    fn of(x: &[F], plan: Plan, block: Block, eps: F) -> Result<[Self; LANES]> {
        let m = F::Wide::count(plan.statistics().count());
        let unit = unit(x, block);
        let per_unit = unit.map(|unit| F::ONE / unit);

        let mean = match plan.center() {
            Center::Zero => [F::Wide::ZERO; LANES],
            Center::Mean => {
                let sum = sum(x, block.runs(), |i, x| (x * per_unit[i]).widen());
                block.total(sum).map(|sum| sum / m)
            }
        };

        let squares = sum(x, block.runs(), |i, x| {
            let d = (x * per_unit[i]).widen() - mean[i];
            d * d
        });
        let var = block.total(squares).map(|sum| sum / m);

        let groups = block.lanes();
        let moments: [_; LANES] = array::from_fn(|i| Self::complete(unit[i], mean[i], var[i], eps));
        let nothing = |m: &Self| m.var == F::Wide::ZERO && eps == F::ZERO;
        match moments[..block.groups()].iter().position(nothing) {
            Some(i) => Err(Error::ZeroVariance { channel: groups[i] }),
            None => Ok(moments),
        }
    }
    // ANCHOR_END: moments

    /// Adds 1/√(v + ε), which is 0 here where v + ε is 0, and the share of ε in v + ε.
    fn complete(unit: F, mean: F::Wide, var: F::Wide, eps: F) -> Self {
        let moments = |inv_std, eps_share| Moments { unit, mean, var, inv_std, eps_share };
        let per_unit = F::ONE / unit;
        let eps_in_unit = (eps * per_unit * per_unit).widen();
        if var != F::Wide::ZERO && eps_in_unit.is_finite() {
            let inv_std = F::Wide::ONE / (var + eps_in_unit).sqrt();
            moments(inv_std, eps_in_unit * inv_std * inv_std)
        } else if eps != F::ZERO {
            // ε is all there is of v + ε, and may be out of range in the unit.
            moments(unit.widen() / eps.widen().sqrt(), F::Wide::ONE)
        } else {
            moments(F::Wide::ZERO, F::Wide::ZERO)
        }
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
    let mut y = Array::from_elem(x.raw_dim(), F::ZERO);
    let mut all = Vec::with_capacity(plan.statistics().kept);

    for block in plan.statistics().blocks() {
        let moments = Moments::of(slice(&x), plan, block, eps)?;
        let (per_unit, mean) = (moments.map(|m| F::ONE / m.unit), moments.map(|m| m.mean));
        for (c, runs) in plan.parts(block) {
            let scale: [_; LANES] = array::from_fn(|i| gamma[c[i]].widen() * moments[i].inv_std);
            let shift = c.map(|c| beta[c].widen());
            update(slice_mut(&mut y), slice(&x), runs, |i, _, x| {
                let d = (x * per_unit[i]).widen() - mean[i];
                F::narrow(d * scale[i] + shift[i])
            });
        }
        all.extend_from_slice(&moments[..block.groups()]);
    }
    Ok((y, Tape { x, plan, gamma, moments: all }))
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
        let dy = dy.as_standard_layout();
        let g = dy.as_slice().expect("made row-major one line above");
        let m = F::Wide::count(plan.statistics().count());
        let centred = plan.center() == Center::Mean;
        let mut dgamma = vec![F::Wide::ZERO; plan.parameters().kept];
        let mut dbeta = vec![F::Wide::ZERO; plan.parameters().kept];

        for block in plan.statistics().blocks() {
            let moments = block.lanes().map(|k| moments[k]);
            let (per_unit, mean) = (moments.map(|m| F::ONE / m.unit), moments.map(|m| m.mean));
            let inv_std = moments.map(|m| m.inv_std);
            let mut sums = [[F::Wide::ZERO; LANES]; 2]; // Σ g̃ and Σ g̃ x̂
            for (c, runs) in plan.parts(block) {
                let sum_g = sum(g, runs, |_, g| g.widen());
                let sum_gd = sum2(g, slice(&x), runs, |i, g, x| {
                    g.widen() * ((x * per_unit[i]).widen() - mean[i])
                });
                for i in 0..LANES {
                    let (gamma, sum_gx) = (gamma[c[i]].widen(), sum_gd[i] * inv_std[i]);
                    dbeta[c[i]] = dbeta[c[i]] + sum_g[i];
                    dgamma[c[i]] = dgamma[c[i]] + sum_gx;
                    sums[0][i] = sums[0][i] + gamma * sum_g[i];
                    sums[1][i] = sums[1][i] + gamma * sum_gx;
                }
            }
            let [mean_g, mean_gx] = sums.map(|sums| block.total(sums).map(|sum| sum / m));
            let mean_g = mean_g.map(|mean| if centred { mean } else { F::Wide::ZERO });

            let slope: [_; LANES] = array::from_fn(|i| inv_std[i] * mean_gx[i]);
            let eps_share = moments.map(|m| m.eps_share);
            for (c, runs) in plan.parts(block) {
                let gamma = c.map(|c| gamma[c].widen());
                if plan.statistics().count() == plan.least_values() {
                    // Of two values g̃ − ⟨g̃⟩ is a multiple of x̂, and the difference below would be
                    // rounding noise. What is left of it is known: the share of ε in v + ε. (Of one
                    // value, where no mean is subtracted.)
                    update(slice_mut(&mut x), g, runs, |i, _, g| {
                        let rest = (gamma[i] * g.widen() - mean_g[i]) * eps_share[i];
                        F::narrow(rest * inv_std[i]) * per_unit[i]
                    });
                } else {
                    update(slice_mut(&mut x), g, runs, |i, x, g| {
                        let d = (x * per_unit[i]).widen() - mean[i];
                        let rest = gamma[i] * g.widen() - mean_g[i] - d * slope[i];
                        F::narrow(rest * inv_std[i]) * per_unit[i]
                    });
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
        self.plan.statistics().count()
    }
}

/// Σ f(i, x) for each lane i.
#[inline(always)]
fn sum<F: Scalar>(x: &[F], runs: Runs, f: impl Fn(usize, F) -> F::Wide) -> [F::Wide; LANES] {
    sum2(x, x, runs, |i, x, _| f(i, x))
}

/// Σ f(i, a, b) for each lane i. Several sums at a time keep the processor's adders busy.
#[inline(always)]
fn sum2<F: Scalar>(
    a: &[F],
    b: &[F],
    runs: Runs,
    f: impl Fn(usize, F, F) -> F::Wide,
) -> [F::Wide; LANES] {
    let mut sum = [F::Wide::ZERO; LANES];
    for range in runs.ranges() {
        let (a, a_rest) = a[range.clone()].as_chunks::<LANES>();
        let (b, b_rest) = b[range].as_chunks::<LANES>();
        for (a, b) in a.iter().zip(b) {
            for i in 0..LANES {
                sum[i] = sum[i] + f(i, a[i], b[i]);
            }
        }
        for (i, (&a, &b)) in a_rest.iter().zip(b_rest).enumerate() {
            sum[i] = sum[i] + f(i, a, b);
        }
    }
    sum
}

/// a ← f(i, a, b), element by element, on lane i.
#[inline(always)]
pub(crate) fn update<F: Scalar>(a: &mut [F], b: &[F], runs: Runs, f: impl Fn(usize, F, F) -> F) {
    for range in runs.ranges() {
        let (a, a_rest) = a[range.clone()].as_chunks_mut::<LANES>();
        let (b, b_rest) = b[range].as_chunks::<LANES>();
        for (a, b) in a.iter_mut().zip(b) {
            for i in 0..LANES {
                a[i] = f(i, a[i], b[i]);
            }
        }
        for (i, (a, &b)) in a_rest.iter_mut().zip(b_rest).enumerate() {
            *a = f(i, *a, b);
        }
    }
}

/// The unit of the values on each lane.
#[inline(always)]
fn unit<F: Scalar>(x: &[F], block: Block) -> [F; LANES] {
    array::from_fn(|i| F::unit(block.values(i).map(|j| x[j])))
}

/// The array itself if its elements lie in row-major order, else a copy whose elements do.
fn row_major<F: Copy, D: Dimension>(x: Array<F, D>) -> Array<F, D> {
    if x.is_standard_layout() { x } else { x.as_standard_layout().into_owned() }
}

fn slice<F, D: Dimension>(x: &Array<F, D>) -> &[F] {
    x.as_slice().expect("made row-major at the door")
}

fn slice_mut<F, D: Dimension>(x: &mut Array<F, D>) -> &mut [F] {
    x.as_slice_mut().expect("made row-major at the door")
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
