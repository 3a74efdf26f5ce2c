//! Activation functions.

use self::Activation::{Elu, Relu, Sigmoid, Tanh};
use super::real::Real;
use crate::error::Result;
use crate::norm::{check_shape, row_major, slice, slice_mut};
use crate::simd::{Work, vectorized};
use ndarray::{Array, ArrayRef, Dimension};

/// A function that is applied to each element by itself.
///
/// The slope of each of them can be told from its output alone, so the tape keeps y and not x.
///
/// ```
/// use batchnorm::nn::activation::Activation;
/// use ndarray::array;
///
/// let (y, tape) = Activation::Sigmoid.forward(array![0.0, 2.0]);
/// assert_eq!(y[0], 0.5);
/// assert_eq!(tape.backward(&array![1.0, 0.0])?, array![0.25, 0.0]);
/// # Ok::<(), batchnorm::error::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// y = 1/(1 + e⁻ˣ), with slope y(1 − y), which is ¼ at most.
    Sigmoid,
    /// y = max(x, 0), with slope 1 where y > 0 and 0 elsewhere.
    Relu,
    /// y = tanh x, with slope 1 − y².
    Tanh,
    /// y = x where x > 0 and eˣ − 1 elsewhere, with slope 1 there and y + 1 here (D. Clevert, T.
    /// Unterthiner, S. Hochreiter, "Fast and Accurate Deep Network Learning by Exponential Linear Units
    /// (ELUs)", ICLR 2016, arXiv 1511.07289, with α = 1).
    Elu,
}

/// What the backward pass needs of the forward pass: the output.
#[derive(Clone, Debug)]
#[must_use = "the tape is what `backward` is called on"]
pub struct Tape<F, D: Dimension> {
    activation: Activation,
    y: Array<F, D>,
}

impl Activation {
    /// y, for x of any shape. NaN stays NaN.
    pub fn apply<F: Real, D: Dimension>(self, x: Array<F, D>) -> Array<F, D> {
        let x = row_major(x);
        // Not in place: elements that stay would be left out by masks, which takes longer than writing them.
        let mut y = Array::from_elem(x.raw_dim(), F::ZERO);
        vectorized(Forward { activation: self, x: slice(&x), y: slice_mut(&mut y) });
        y
    }

    /// As [`apply`](Self::apply), with the tape for the backward pass.
    pub fn forward<F: Real, D: Dimension>(self, x: Array<F, D>) -> (Array<F, D>, Tape<F, D>) {
        let y = self.apply(x);
        (y.clone(), Tape { activation: self, y })
    }

    /// y where the input is x.
    #[inline(always)]
    fn of<F: Real>(self, x: F) -> F {
        match self {
            Sigmoid => F::ONE / (F::ONE + (-x).exp()),
            Relu if x < F::ZERO => F::ZERO,
            Relu => x,
            Tanh => x.tanh(),
            Elu if x > F::ZERO => x,
            Elu => x.exp_m1(),
        }
    }

    /// dy/dx where the output is y.
    #[inline(always)]
    pub fn slope<F: Real>(self, y: F) -> F {
        match self {
            Sigmoid => y * (F::ONE - y),
            Relu if y > F::ZERO => F::ONE,
            Relu => F::ZERO,
            Tanh => F::ONE - y * y,
            Elu if y > F::ZERO => F::ONE,
            Elu => F::ONE + y,
        }
    }
}

impl<F: Real, D: Dimension> Tape<F, D> {
    /// ∂L/∂x = slope · ∂L/∂y.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::error::Error::Shape) if `dy` does not have the shape of y.
    pub fn backward(self, dy: &ArrayRef<F, D>) -> Result<Array<F, D>> {
        let Tape { activation, mut y } = self;
        check_shape("dy", y.shape(), dy.shape())?;
        let dy = dy.as_standard_layout();
        let dy = dy.as_slice().expect("made row-major one line above");
        vectorized(Backward { activation, y: slice_mut(&mut y), dy });
        Ok(y)
    }
}

/// y ← f(x).
struct Forward<'a, F> {
    activation: Activation,
    x: &'a [F],
    y: &'a mut [F],
}

/// y ← f′(x) · ∂L/∂y.
struct Backward<'a, F> {
    activation: Activation,
    y: &'a mut [F],
    dy: &'a [F],
}

// A loop for each function, with nothing to choose inside.
impl<F: Real> Work for Forward<'_, F> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        match self.activation {
            Sigmoid => forward(Sigmoid, self.x, self.y),
            Relu => forward(Relu, self.x, self.y),
            Tanh => forward(Tanh, self.x, self.y),
            Elu => forward(Elu, self.x, self.y),
        }
    }
}

impl<F: Real> Work for Backward<'_, F> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        match self.activation {
            Sigmoid => backward(Sigmoid, self.y, self.dy),
            Relu => backward(Relu, self.y, self.dy),
            Tanh => backward(Tanh, self.y, self.dy),
            Elu => backward(Elu, self.y, self.dy),
        }
    }
}

#[inline(always)]
fn forward<F: Real>(f: Activation, x: &[F], y: &mut [F]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = f.of(x);
    }
}

#[inline(always)]
fn backward<F: Real>(f: Activation, y: &mut [F], dy: &[F]) {
    for (y, &g) in y.iter_mut().zip(dy) {
        *y = f.slope(*y) * g;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::nn::testing::{check_gradient, draw};
    use ndarray::{Array1, array};

    #[test]
    fn gradients_are_central_differences() {
        for activation in [Sigmoid, Relu, Tanh, Elu] {
            let (x, dy) = (draw([4, 5], 1), draw([4, 5], 2));
            let dx = activation.forward(x.clone()).1.backward(&dy).unwrap();
            check_gradient(&x, &dx, &dy, |x| activation.apply(x.clone()));
        }
    }

    #[test]
    fn far_out_nothing_overflows() {
        let x = array![-1e30_f32, -100.0, 0.0, 100.0, 1e30];
        assert_eq!(Activation::Sigmoid.apply(x.clone())[0], 0.0);
        assert_eq!(Activation::Sigmoid.apply(x.clone())[4], 1.0);
        assert_eq!(Activation::Tanh.apply(x.clone())[0], -1.0);
        assert_eq!(Activation::Elu.apply(x.clone()), array![-1.0, -1.0, 0.0, 100.0, 1e30]);
        assert_eq!(Activation::Relu.apply(x)[4], 1e30);
        assert!(Activation::Relu.apply(array![f32::NAN])[0].is_nan());
        assert!(Activation::Elu.apply(array![f32::NAN])[0].is_nan());
        // eˣ and 1 agree to all digits here; their difference is x.
        assert_eq!(Activation::Elu.apply(array![-1e-20_f32])[0], -1e-20);
    }

    #[test]
    fn a_dy_of_another_shape_is_refused() {
        let (_, tape) = Activation::Relu.forward(Array1::<f32>::zeros(3));
        let need = Error::Shape { what: "dy", need: vec![3], got: vec![2] };
        assert_eq!(tape.backward(&Array1::zeros(2)), Err(need));
    }
}
