//! Dropout (N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov, "Dropout: A Simple
//! Way to Prevent Neural Networks from Overfitting", JMLR 15, 2014).

use super::random::Random;
use super::real::Real;
use crate::error::{Error, Result};
use crate::norm::check_shape;
use ndarray::{Array, ArrayRef, Dimension, Zip};

/// In training, each element becomes 0 with probability p, and the others are divided by 1 − p:
///
/// y = m x/(1 − p), with m = 0 or 1 at random, E m = 1 − p, so that E y = x.
///
/// (The division in training is why it is called *inverted* dropout: the paper multiplies by 1 − p in
/// use instead.) In use nothing is dropped and y = x, so there is only a `train` here, and no mode that
/// could be forgotten: a network in use does not call it.
///
/// ```
/// use batchnorm::nn::{dropout::Dropout, random::Random};
/// use ndarray::Array1;
///
/// let x = Array1::from_elem(1000, 3.0_f64);
/// let (y, _) = Dropout::new(0.25)?.train(x, &mut Random::new(0));
/// assert!(y.iter().all(|&y| y == 0.0 || y == 4.0));
/// assert!((y.mean().unwrap() - 3.0).abs() < 0.2);
/// # Ok::<(), batchnorm::error::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    p: f64,
}

/// What the backward pass needs of the forward pass: which elements were kept.
#[derive(Clone, Debug)]
#[must_use = "the tape is what `backward` is called on"]
pub struct Tape<D: Dimension> {
    dropout: Dropout,
    kept: Array<bool, D>,
}

impl Dropout {
    /// Drops with probability p.
    ///
    /// # Errors
    /// [`Error::Fraction`] for a p outside `[0, 1)`: with p = 1 nothing would be left to scale.
    pub fn new(p: f64) -> Result<Self> {
        if (0.0..1.0).contains(&p) {
            Ok(Dropout { p })
        } else {
            Err(Error::Fraction { what: "probability of dropping", got: p })
        }
    }

    /// The probability of dropping.
    pub fn p(self) -> f64 {
        self.p
    }

    /// y, in the shape of x, with a mask drawn in row-major order; and the tape for the backward pass.
    ///
    /// A dropped element is 0, even where x is infinite or NaN.
    pub fn train<F: Real, D: Dimension>(
        self,
        x: Array<F, D>,
        random: &mut Random,
    ) -> (Array<F, D>, Tape<D>) {
        let kept = Array::from_shape_simple_fn(x.raw_dim(), || random.uniform() >= self.p);
        let tape = Tape { dropout: self, kept };
        (tape.mask(x), tape)
    }
}

impl<D: Dimension> Tape<D> {
    /// ∂L/∂x = m/(1 − p) · ∂L/∂y, with the mask of the forward pass.
    ///
    /// # Errors
    /// [`Error::Shape`] if `dy` does not have the shape of y.
    pub fn backward<F: Real>(self, dy: &ArrayRef<F, D>) -> Result<Array<F, D>> {
        check_shape("dy", self.kept.shape(), dy.shape())?;
        Ok(self.mask(dy.to_owned()))
    }

    fn mask<F: Real>(&self, mut values: Array<F, D>) -> Array<F, D> {
        let scale = F::from_f64(1.0 / (1.0 - self.dropout.p));
        Zip::from(&mut values)
            .and(&self.kept)
            .for_each(|v, &kept| *v = if kept { *v * scale } else { F::ZERO });
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::testing::{check_gradient, draw};
    use ndarray::{Array1, Array2, array};

    #[test]
    fn gradients_are_central_differences() {
        let (x, dy) = (draw([4, 5], 1), draw([4, 5], 2));
        let dropout = Dropout::new(0.4).unwrap();
        // The same seed gives the same mask.
        let forward = |x: &Array2<f64>| dropout.train(x.clone(), &mut Random::new(3));
        let dx = forward(&x).1.backward(&dy).unwrap();
        assert!(dx.iter().any(|&d| d == 0.0) && dx.iter().any(|&d| d != 0.0));
        check_gradient(&x, &dx, &dy, |x| forward(x).0);
    }

    #[test]
    fn keeps_its_share_and_the_mean() {
        for p in [0.0, 0.2, 0.5, 0.9] {
            let n = 100_000;
            let (y, _) =
                Dropout::new(p).unwrap().train(Array1::<f64>::ones(n), &mut Random::new(4));
            // A mean of n draws of m/(1 − p): variance p/(1 − p)/n; five standard errors.
            let bound = 5.0 * f64::sqrt(p / (1.0 - p) / n as f64) + 1e-12;
            assert!((y.mean().unwrap() - 1.0).abs() < bound, "{p}: {}", y.mean().unwrap());
        }
    }

    #[test]
    fn the_mask_does_not_depend_on_the_layout() {
        let x = draw([3, 4], 5);
        let mut turned = Array2::zeros((4, 3)).reversed_axes();
        turned.assign(&x);
        let train = |x| Dropout::new(0.5).unwrap().train(x, &mut Random::new(6)).0;
        assert_eq!(train(x), train(turned));
    }

    #[test]
    fn what_is_dropped_is_gone() {
        let x = Array1::from_elem(64, f64::NAN);
        let (y, tape) = Dropout::new(0.5).unwrap().train(x, &mut Random::new(7));
        assert!(y.iter().zip(&tape.kept).all(|(y, &kept)| if kept {
            y.is_nan()
        } else {
            *y == 0.0
        }));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for p in [-0.1, 1.0, f64::NAN] {
            assert!(matches!(Dropout::new(p), Err(Error::Fraction { .. })), "{p}");
        }
        let (_, tape) = Dropout::new(0.5).unwrap().train(array![1.0_f32, 2.0], &mut Random::new(0));
        let need = Error::Shape { what: "dy", need: vec![2], got: vec![3] };
        assert_eq!(tape.backward(&Array1::<f32>::zeros(3)), Err(need));
    }
}
