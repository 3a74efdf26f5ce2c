//! A step of gradient descent.

use super::real::Real;
use crate::error::{Error, Result};
use crate::norm::check_shape;
use ndarray::{ArrayRef, Dimension};

/// Plain stochastic gradient descent: w ← w − rate · ∂L/∂w.
///
/// ```
/// use batchnorm::nn::sgd::Sgd;
/// use ndarray::array;
///
/// let mut w = array![1.0, 2.0];
/// Sgd::new(0.5)?.step(&mut w, &array![2.0, -2.0])?;
/// assert_eq!(w, array![0.0, 3.0]);
/// # Ok::<(), batchnorm::error::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    rate: f64,
}

impl Sgd {
    /// Descent with this learning rate.
    ///
    /// # Errors
    /// [`Error::Negative`] for a rate that is negative or not finite.
    pub fn new(rate: f64) -> Result<Self> {
        if rate.is_finite() && rate >= 0.0 {
            Ok(Sgd { rate })
        } else {
            Err(Error::Negative { what: "learning rate", got: rate })
        }
    }

    /// Moves one tensor of parameters, of any shape, against its gradient.
    ///
    /// # Errors
    /// [`Error::Shape`] if the gradient has another shape.
    pub fn step<F: Real, D: Dimension>(
        &self,
        parameters: &mut ArrayRef<F, D>,
        gradient: &ArrayRef<F, D>,
    ) -> Result<()> {
        check_shape("gradient", parameters.shape(), gradient.shape())?;
        let rate = F::from_f64(self.rate);
        parameters.zip_mut_with(gradient, |w, &g| *w = *w - rate * g);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array1, Array2};

    #[test]
    fn bad_rates_and_shapes_are_refused() {
        for rate in [-0.1, f64::NAN, f64::INFINITY] {
            assert!(matches!(Sgd::new(rate), Err(Error::Negative { what: "learning rate", .. })));
        }
        // A row would be broadcast without the check.
        let mut w = Array2::<f32>::zeros((2, 3));
        let got = Sgd::new(1.0).unwrap().step(&mut w, &Array2::zeros((1, 3)));
        assert_eq!(got, Err(Error::Shape { what: "gradient", need: vec![2, 3], got: vec![1, 3] }));
        assert_eq!(
            Sgd::new(0.0).unwrap().step(&mut Array1::<f64>::ones(2), &Array1::ones(2)),
            Ok(())
        );
    }
}
