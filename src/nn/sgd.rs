//! Steps of gradient descent.

use super::real::Real;
use crate::error::{Error, Result};
use crate::norm::check_shape;
use ndarray::{ArrayD, ArrayRef, Dimension, Zip};

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
        check_not_negative("learning rate", rate)?;
        Ok(Sgd { rate })
    }

    /// Moves one tensor of parameters, of any shape, against its gradient.
    ///
    /// # Errors
    /// [`Error::Shape`] if the gradient has another shape.
    // ANCHOR: step
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
    // ANCHOR_END: step
}

/// Stochastic gradient descent with momentum μ and weight decay λ, as PyTorch's `SGD` has them:
///
/// v ← μ v + (∂L/∂w + λ w),  w ← w − rate · v,
///
/// with v = 0 before the first step.
///
/// A tensor is moved by [`decayed`](Step::decayed) or by [`exempt`](Step::exempt), so that every call
/// says which it is. Decay pulls towards 0, which is right for the weights of linear layers and
/// convolutions: there 0 means "this input does not matter". It says nothing of the kind for the others,
/// which are exempt by the usual recipe (T. He et al., "Bag of Tricks for Image Classification with
/// Convolutional Neural Networks", CVPR 2019, sec. 3.1, "no bias decay"):
///
/// - a *bias* or a *β* is a place, not a strength: there is no reason why 0 should be the best one;
/// - *γ* starts at 1, and at 0 the unit is gone, whatever its weights are.
///
/// (Frameworks decay everything they are given unless told otherwise.)
///
/// ```
/// use batchnorm::nn::sgd::Momentum;
/// use ndarray::array;
///
/// let (mut w, mut b) = (array![[1.0, 2.0]], array![3.0]);
/// let mut sgd = Momentum::new(0.5, 0.5, 0.25)?;
/// for _ in 0..2 {
///     let mut step = sgd.step();                      // the tensors in the same order each time
///     step.decayed(&mut w, &array![[0.0, 1.0]])?;
///     step.exempt(&mut b, &array![2.0])?;
/// }
/// // v = ∂L/∂b = 2 in the first step, and 0.5·2 + 2 = 3 in the second.
/// assert_eq!(b, array![3.0 - 0.5 * 2.0 - 0.5 * 3.0]);
/// // Without any gradient the first weight goes to 0.
/// assert_eq!(w[(0, 0)], 0.875 - 0.5 * (0.5 * 0.25 + 0.25 * 0.875));
/// # Ok::<(), batchnorm::error::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Momentum<F> {
    rate: f64,
    momentum: f64,
    weight_decay: f64,
    velocities: Vec<ArrayD<F>>,
}

/// One step in progress: it knows the velocity of each tensor by the order of the calls.
#[derive(Debug)]
#[must_use = "a step does nothing until it is given the tensors"]
pub struct Step<'a, F> {
    sgd: &'a mut Momentum<F>,
    next: usize,
}

impl<F: Real> Momentum<F> {
    /// Descent with this learning rate, momentum (0.9 is usual; 0 for none) and weight decay (1e-4 is
    /// usual; 0 for none).
    ///
    /// # Errors
    /// [`Error::Negative`] for a rate or a decay that is negative or not finite, [`Error::Fraction`] for a
    /// momentum outside `[0, 1)`.
    pub fn new(rate: f64, momentum: f64, weight_decay: f64) -> Result<Self> {
        check_not_negative("learning rate", rate)?;
        check_not_negative("weight decay", weight_decay)?;
        if !(0.0..1.0).contains(&momentum) {
            return Err(Error::Fraction { what: "momentum", got: momentum });
        }
        Ok(Momentum { rate, momentum, weight_decay, velocities: Vec::new() })
    }

    /// Another learning rate from here on; the velocities stay.
    ///
    /// # Errors
    /// [`Error::Negative`] for a rate that is negative or not finite.
    pub fn set_rate(&mut self, rate: f64) -> Result<()> {
        check_not_negative("learning rate", rate)?;
        self.rate = rate;
        Ok(())
    }

    /// Begins a step.
    pub fn step(&mut self) -> Step<'_, F> {
        Step { sgd: self, next: 0 }
    }
}

impl<F: Real> Step<'_, F> {
    /// Moves the weights of a linear layer or of a convolution, with decay.
    ///
    /// # Errors
    /// [`Error::Shape`] if the gradient has another shape, or the tensor that came at this place in the
    /// step before had. Nothing has moved then.
    pub fn decayed<D: Dimension>(
        &mut self,
        parameters: &mut ArrayRef<F, D>,
        gradient: &ArrayRef<F, D>,
    ) -> Result<()> {
        self.descend(parameters, gradient, self.sgd.weight_decay)
    }

    /// Moves a bias, a β or a γ, without decay.
    ///
    /// # Errors
    /// As [`decayed`](Self::decayed).
    pub fn exempt<D: Dimension>(
        &mut self,
        parameters: &mut ArrayRef<F, D>,
        gradient: &ArrayRef<F, D>,
    ) -> Result<()> {
        self.descend(parameters, gradient, 0.0)
    }

    fn descend<D: Dimension>(
        &mut self,
        parameters: &mut ArrayRef<F, D>,
        gradient: &ArrayRef<F, D>,
        decay: f64,
    ) -> Result<()> {
        check_shape("gradient", parameters.shape(), gradient.shape())?;
        let velocities = &mut self.sgd.velocities;
        if self.next == velocities.len() {
            velocities.push(ArrayD::from_elem(gradient.shape(), F::ZERO));
        }
        let velocity = &mut velocities[self.next];
        check_shape("parameters", velocity.shape(), parameters.shape())?;
        self.next += 1;
        let [rate, momentum, decay] = [self.sgd.rate, self.sgd.momentum, decay].map(F::from_f64);
        let velocity = velocity.view_mut().into_dimensionality::<D>().expect("of one shape");
        Zip::from(parameters).and(gradient).and(velocity).for_each(|w, &g, v| {
            *v = momentum * *v + (g + decay * *w);
            *w = *w - rate * *v;
        });
        Ok(())
    }
}

fn check_not_negative(what: &'static str, got: f64) -> Result<()> {
    if got.is_finite() && got >= 0.0 { Ok(()) } else { Err(Error::Negative { what, got }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::testing::draw;
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

    /// torch.optim.SGD(lr=0.1, momentum=0.9, weight_decay=0.01): w from 1 by the gradients 1, −2, 0.5.
    #[test]
    fn moves_as_pytorch_does() {
        let mut sgd = Momentum::<f64>::new(0.1, 0.9, 0.01).unwrap();
        let mut w = Array1::ones(1);
        let path = [1.0, -2.0, 0.5].map(|g| {
            sgd.step().decayed(&mut w, &Array1::from_elem(1, g)).unwrap();
            w[0]
        });
        for (w, torch) in path.iter().zip([0.899, 1.007201, 1.0535746990000001]) {
            assert!((w - torch).abs() < 1e-15, "{w} {torch}");
        }
    }

    #[test]
    fn plain_where_momentum_and_decay_are_zero() {
        let (mut a, g) = (draw([3, 2], 1), draw([3, 2], 2));
        let mut b = a.clone();
        let mut momentum = Momentum::new(0.3, 0.0, 0.0).unwrap();
        for _ in 0..3 {
            momentum.step().decayed(&mut a, &g).unwrap();
            Sgd::new(0.3).unwrap().step(&mut b, &g).unwrap();
        }
        assert_eq!(a, b);
    }

    #[test]
    fn each_tensor_has_its_own_velocity_and_place() {
        let mut sgd = Momentum::<f64>::new(1.0, 0.5, 0.5).unwrap();
        let (mut a, mut b) = (Array1::zeros(1), Array2::ones((1, 2)));
        for _ in 0..2 {
            let mut step = sgd.step();
            step.exempt(&mut a, &Array1::ones(1)).unwrap();
            step.exempt(&mut b, &Array2::zeros((1, 2))).unwrap();
        }
        assert_eq!((a[0], b[(0, 1)]), (-2.5, 1.0));
        let need = Error::Shape { what: "parameters", need: vec![1], got: vec![1, 2] };
        let before = (b.clone(), sgd.clone());
        assert_eq!(sgd.step().decayed(&mut b, &Array2::ones((1, 2))), Err(need));
        assert_eq!((b, sgd), before);
    }

    #[test]
    fn bad_momentum_and_decay_are_refused() {
        let error =
            |rate, momentum, decay| Momentum::<f32>::new(rate, momentum, decay).unwrap_err();
        assert_eq!(error(0.1, 1.0, 0.0), Error::Fraction { what: "momentum", got: 1.0 });
        assert_eq!(error(0.1, 0.9, -1.0), Error::Negative { what: "weight decay", got: -1.0 });
        assert_eq!(error(-0.1, 0.9, 0.0), Error::Negative { what: "learning rate", got: -0.1 });
        let mut sgd = Momentum::<f32>::new(0.1, 0.9, 0.0).unwrap();
        assert!(sgd.set_rate(f64::NAN).is_err() && sgd.set_rate(0.2).is_ok());
        let need = Error::Shape { what: "gradient", need: vec![2], got: vec![3] };
        assert_eq!(sgd.step().exempt(&mut Array1::zeros(2), &Array1::zeros(3)), Err(need));
    }
}
