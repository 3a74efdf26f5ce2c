//! Batch normalization of which every step can be left out, or done otherwise, and its gradient.

use batchnorm::nn::real::Real;
use ndarray::{Array1, Array2, ArrayRef2, Axis};

const EPS: f64 = 1e-5;

/// What the deviations are divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Divisor {
    /// They are not.
    One,
    /// √(v + ε).
    Root,
    /// √v + ε.
    RootPlus,
    /// v + ε.
    Variance,
}

/// How each step is done.
#[derive(Clone, Copy, Debug)]
pub struct Steps {
    /// The axis of `[N, C]` that statistics are taken over: 0 for each feature over the batch, 1 for each
    /// sample over its features.
    pub axis: usize,
    /// Whether the mean is subtracted.
    pub subtract: bool,
    pub divisor: Divisor,
    /// Whether the v of training divides by m − 1.
    pub unbiased: bool,
    pub gamma: bool,
    pub beta: bool,
    /// Whether the gradient goes through the mean.
    pub through_mean: bool,
    /// Whether it goes through the divisor.
    pub through_divisor: bool,
    /// Whether √v is averaged for use, rather than v.
    pub deviations: bool,
    /// The weight of a new batch in these averages.
    pub momentum: f64,
}

/// As the library does it.
pub const RIGHT: Steps = Steps {
    axis: 0,
    subtract: true,
    divisor: Divisor::Root,
    unbiased: false,
    gamma: true,
    beta: true,
    through_mean: true,
    through_divisor: true,
    deviations: false,
    momentum: 0.1,
};

/// The layer.
#[derive(Clone, Debug)]
pub struct Norm<F> {
    steps: Steps,
    pub gamma: Option<Array1<F>>,
    pub beta: Option<Array1<F>>,
    running_mean: Array2<F>,
    /// Of v m/(m − 1), or of its root.
    running: Array2<F>,
}

/// What the backward pass needs. All but `c` and `h` have length 1 along the axis of the statistics.
pub struct Tape<F> {
    steps: Steps,
    gamma: Option<Array1<F>>,
    mean: Array2<F>,
    var: Array2<F>,
    s: Array2<F>,
    /// ∂s/∂xⱼ = slope · (xⱼ − μ).
    slope: Array2<F>,
    /// x − μ.
    c: Array2<F>,
    /// What γ is multiplied with.
    h: Array2<F>,
}

pub struct Gradients<F> {
    pub x: Array2<F>,
    pub gamma: Option<Array1<F>>,
    pub beta: Option<Array1<F>>,
}

impl Divisor {
    /// s, and ∂s/∂v.
    fn of<F: Real>(self, v: F) -> (F, F) {
        let (eps, two) = (F::from_f64(EPS), F::count(2));
        let half_over = |root: F| if root > F::ZERO { F::ONE / (two * root) } else { F::ZERO };
        match self {
            Divisor::One => (F::ONE, F::ZERO),
            Divisor::Root => ((v + eps).sqrt(), half_over((v + eps).sqrt())),
            Divisor::RootPlus => (v.sqrt() + eps, half_over(v.sqrt())),
            Divisor::Variance => (v + eps, F::ONE),
        }
    }
}

/// The mean along an axis, which stays, with length 1.
fn mean<F: Real>(x: &ArrayRef2<F>, axis: usize) -> Array2<F> {
    let m = F::count(x.len_of(Axis(axis)));
    let sum = x.fold_axis(Axis(axis), F::ZERO, |&sum, &x| sum + x);
    sum.mapv(|sum| sum / m).insert_axis(Axis(axis))
}

fn rows<F: Real>(x: &ArrayRef2<F>) -> Array1<F> {
    x.fold_axis(Axis(0), F::ZERO, |&sum, &x| sum + x)
}

impl<F: Real> Norm<F> {
    pub fn new(features: usize, steps: Steps) -> Norm<F> {
        let filled = |value| Array1::from_elem(features, value);
        Norm {
            steps,
            gamma: steps.gamma.then(|| filled(F::ONE)),
            beta: steps.beta.then(|| filled(F::ZERO)),
            running_mean: filled(F::ZERO).insert_axis(Axis(0)),
            running: filled(F::ONE).insert_axis(Axis(0)),
        }
    }

    fn affine(&self, h: &Array2<F>) -> Array2<F> {
        let scaled = match &self.gamma {
            Some(gamma) => h * gamma,
            None => h.clone(),
        };
        match &self.beta {
            Some(beta) => scaled + beta,
            None => scaled,
        }
    }

    // ANCHOR: forward
    /// Normalizes by the batch, or by the sample.
    pub fn by_batch(&self, x: Array2<F>) -> (Array2<F>, Tape<F>) {
        let Steps { axis, subtract, divisor, unbiased, .. } = self.steps;
        let m = x.len_of(Axis(axis));
        let correction = if unbiased { F::count(m) / F::count(m - 1) } else { F::ONE };
        let mean_x = mean(&x, axis);
        let c = &x - &mean_x;
        let var = mean(&(&c * &c), axis);
        let parts = var.mapv(|v| divisor.of(correction * v));
        let s = parts.mapv(|(s, _)| s);
        // ∂v/∂xⱼ = 2 (xⱼ − μ)/m.
        let slope = parts.mapv(|(_, ds)| ds * correction * F::count(2) / F::count(m));
        let h = if subtract { &c / &s } else { &x / &s };
        let (gamma, y) = (self.gamma.clone(), self.affine(&h));
        (y, Tape { steps: self.steps, gamma, mean: mean_x, var, s, slope, c, h })
    }
    // ANCHOR_END: forward

    /// The same, and the running statistics follow.
    pub fn train(&mut self, x: Array2<F>) -> (Array2<F>, Tape<F>) {
        let m = x.nrows();
        let (y, tape) = self.by_batch(x);
        if self.steps.axis == 0 {
            let p = F::from_f64(self.steps.momentum);
            let follow = |r: &mut F, &new: &F| *r = (F::ONE - p) * *r + p * new;
            let unbiased = tape.var.mapv(|v| v * F::count(m) / F::count(m - 1));
            let averaged = if self.steps.deviations { unbiased.mapv(F::sqrt) } else { unbiased };
            self.running_mean.zip_mut_with(&tape.mean, follow);
            self.running.zip_mut_with(&averaged, follow);
        }
        (y, tape)
    }

    /// In use: by the running statistics, where there are any.
    pub fn infer(&self, x: Array2<F>) -> Array2<F> {
        let Steps { axis, subtract, divisor, deviations, .. } = self.steps;
        if axis == 1 {
            return self.by_batch(x).0;
        }
        let s = self.running.mapv(|r| divisor.of(if deviations { r * r } else { r }).0);
        let c = if subtract { &x - &self.running_mean } else { x };
        self.affine(&(&c / &s))
    }
}

impl<F: Real> Tape<F> {
    // ANCHOR: backward
    /// The gradients, or what takes their place where a statistic counts as a constant.
    pub fn backward(self, dy: &Array2<F>) -> Gradients<F> {
        let Tape { steps, gamma, s, slope, c, h, .. } = self;
        let beta = steps.beta.then(|| rows(dy));
        let g = match &gamma {
            Some(gamma) => dy * gamma,
            None => dy.clone(),
        };
        let mut x = &g / &s;
        if steps.subtract && steps.through_mean {
            x = &x - &mean(&x, steps.axis);
        }
        if steps.through_divisor {
            // hᵢ = …/s, so ∂L/∂s = −Σ gᵢ hᵢ/s.
            let m = F::count(h.len_of(Axis(steps.axis)));
            let ds = mean(&(&g * &h), steps.axis).mapv(|mean| m * mean) / &s;
            x = &x - &(&(&ds * &slope) * &c);
        }
        Gradients { x, gamma: gamma.map(|_| rows(&(dy * h))), beta }
    }
    // ANCHOR_END: backward
}
