//! Dual numbers a + bδ with δ² = 0: run a function on them, and b is its derivative.
//!
//! No step to choose, and nothing is lost but rounding. Over the prime field not even that.

use super::{Batch, Norm, Number};
use batchnorm::dynamic_tanh::Tanh;
use batchnorm::norm::Gradients;
use batchnorm::scalar::{Field, Scalar};
use ndarray::{Array1, Array3, Ix3};
use std::ops::{Add, Div, Mul, Neg, Sub};

/// A value, and its derivative along some direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dual<F> {
    pub value: F,
    pub slope: F,
}

impl<F: Field> Dual<F> {
    pub fn new(value: F, slope: F) -> Self {
        Dual { value, slope }
    }

    /// A number that does not move.
    pub fn constant(value: F) -> Self {
        Dual { value, slope: F::ZERO }
    }
}

impl<F: Field> Add for Dual<F> {
    type Output = Self;
    fn add(self, o: Self) -> Self {
        Dual::new(self.value + o.value, self.slope + o.slope)
    }
}

impl<F: Field> Neg for Dual<F> {
    type Output = Self;
    fn neg(self) -> Self {
        Dual::new(-self.value, -self.slope)
    }
}

impl<F: Field> Sub for Dual<F> {
    type Output = Self;
    fn sub(self, o: Self) -> Self {
        self + -o
    }
}

impl<F: Field> Mul for Dual<F> {
    type Output = Self;
    fn mul(self, o: Self) -> Self {
        Dual::new(self.value * o.value, self.value * o.slope + self.slope * o.value)
    }
}

impl<F: Field> Div for Dual<F> {
    type Output = Self;
    fn div(self, o: Self) -> Self {
        let quotient = self.value / o.value;
        Dual::new(quotient, (self.slope - quotient * o.slope) / o.value)
    }
}

impl<F: Field> Field for Dual<F> {
    const ZERO: Self = Dual { value: F::ZERO, slope: F::ZERO };
    const ONE: Self = Dual { value: F::ONE, slope: F::ZERO };
    fn count(n: usize) -> Self {
        Dual::constant(F::count(n))
    }
    fn sqrt(self) -> Self {
        let root = self.value.sqrt();
        Dual::new(root, self.slope / (root + root))
    }
    fn is_finite(self) -> bool {
        self.value.is_finite() && self.slope.is_finite()
    }
}

impl<F: Tanh> Tanh for Dual<F> {
    fn tanh(self) -> Self {
        let t = self.value.tanh();
        Dual::new(t, (F::ONE - t * t) * self.slope)
    }
}

impl<F: Scalar> Scalar for Dual<F> {
    type Wide = Dual<F::Wide>;
    fn widen(self) -> Self::Wide {
        Dual::new(self.value.widen(), self.slope.widen())
    }
    fn narrow(wide: Self::Wide) -> Self {
        Dual::new(F::narrow(wide.value), F::narrow(wide.slope))
    }
    fn to_f64(self) -> f64 {
        self.value.to_f64()
    }
}

/// The gradients of Σ g·y, by running the forward pass once for each number that may move.
pub fn gradients<F: Number>(bn: Norm, batch: &Batch<F>) -> Gradients<F, Ix3> {
    let still = |v: &F| Dual::constant(*v);
    let x = batch.x.map(still);
    let (gamma, beta, eps) = (batch.gamma.map(still), batch.beta.map(still), still(&batch.eps));
    let slope = |x: &Array3<Dual<F>>, gamma: &Array1<Dual<F>>, beta: &Array1<Dual<F>>| {
        let y = bn.forward(x, gamma, beta, eps);
        let gy = y.iter().zip(&batch.g).map(|(y, g)| y.slope.widen() * g.widen());
        F::narrow(gy.fold(F::Wide::ZERO, |sum, v| sum + v))
    };
    let moved = |v: Dual<F>| Dual::new(v.value, F::ONE);

    let mut dx = batch.x.clone();
    for (index, d) in dx.indexed_iter_mut() {
        let mut x = x.clone();
        x[index] = moved(x[index]);
        *d = slope(&x, &gamma, &beta);
    }
    let along = |parameter: &Array1<Dual<F>>, slope: &dyn Fn(&Array1<Dual<F>>) -> F| {
        let one = |c: usize| {
            let mut parameter = parameter.clone();
            parameter[c] = moved(parameter[c]);
            slope(&parameter)
        };
        (0..parameter.len()).map(one).collect()
    };
    let dgamma = along(&gamma, &|gamma| slope(&x, gamma, &beta));
    let dbeta = along(&beta, &|beta| slope(&x, &gamma, beta));
    Gradients { x: dx, gamma: dgamma, beta: dbeta }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_rules_of_differentiation() {
        let x = Dual::new(4.0, 1.0);
        assert_eq!(x * x * x, Dual::new(64.0, 48.0));
        assert_eq!(Dual::ONE / x, Dual::new(0.25, -0.0625));
        assert_eq!(x.sqrt(), Dual::new(2.0, 0.25));
        assert_eq!(x - Dual::constant(1.0), Dual::new(3.0, 1.0));
    }
}
