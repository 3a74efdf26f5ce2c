//! The fully connected layer.

use super::init::Init;
use super::product::product;
use super::random::Random;
use super::real::Real;
use crate::error::Result;
use crate::norm::{check_length, check_shape};
use crate::scalar::Scalar;
use ndarray::{Array1, Array2, ArrayRef2, Axis};

/// Y = X Wᵀ + b, with X of shape `[N, in]`, W of shape `[out, in]` and b of length `out`.
///
/// ```
/// use batchnorm::nn::linear::Linear;
/// use ndarray::array;
///
/// let layer = Linear::new(array![[1.0, 2.0]], Some(array![0.5]))?;
/// let (y, tape) = layer.forward(array![[1.0, 1.0], [0.0, 3.0]])?;
/// assert_eq!(y, array![[3.5], [6.5]]);
///
/// let gradients = tape.backward(&array![[1.0], [-1.0]])?;
/// assert_eq!(gradients.x, array![[1.0, 2.0], [-1.0, -2.0]]);
/// assert_eq!(gradients.weight, array![[1.0, -2.0]]);
/// assert_eq!(gradients.bias, Some(array![0.0]));
/// # Ok::<(), batchnorm::error::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Linear<F> {
    /// W, one row for each output.
    pub weight: Array2<F>,
    /// b, one for each output. `None` where the layer has none, as before a batch normalization.
    pub bias: Option<Array1<F>>,
}

/// What the backward pass needs of the forward pass: the layer and its input.
#[derive(Clone, Debug)]
#[must_use = "the tape is what `backward` is called on"]
pub struct Tape<'a, F> {
    layer: &'a Linear<F>,
    x: Array2<F>,
}

/// The gradients of the loss with respect to the layer's input and parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradients<F> {
    /// ∂L/∂X = G W, `[N, in]`.
    pub x: Array2<F>,
    /// ∂L/∂W = Gᵀ X, `[out, in]`.
    pub weight: Array2<F>,
    /// ∂L/∂b = the sum of the rows of G; `None` where there is no b.
    pub bias: Option<Array1<F>>,
}

impl<F: Scalar> Linear<F> {
    /// The layer with these parameters.
    ///
    /// # Errors
    /// [`Error::Length`](crate::error::Error::Length) if the bias does not have one element for each
    /// row of the weights.
    pub fn new(weight: Array2<F>, bias: Option<Array1<F>>) -> Result<Self> {
        let layer = Linear { weight, bias };
        layer.check_bias()?;
        Ok(layer)
    }

    /// A layer from `inputs` to `outputs` units with random weights and, if asked for, a bias of 0.
    ///
    /// # Errors
    /// As [`Init::draw`].
    pub fn random(
        (inputs, outputs): (usize, usize),
        bias: bool,
        init: Init,
        random: &mut Random,
    ) -> Result<Self>
    where
        F: Real,
    {
        let weight = init.draw((outputs, inputs), random)?;
        Linear::new(weight, bias.then(|| Array1::from_elem(outputs, F::ZERO)))
    }

    /// Y, for X of shape `[N, in]`.
    ///
    /// # Errors
    /// [`Error::Length`](crate::error::Error::Length) if X does not have `in` columns, or the public
    /// bias has been given another length.
    pub fn apply(&self, x: &ArrayRef2<F>) -> Result<Array2<F>> {
        self.check_bias()?;
        check_length("inputs", self.weight.ncols(), x.ncols())?;
        let mut y = product(x, &self.weight.t())?;
        if let Some(bias) = &self.bias {
            y.rows_mut()
                .into_iter()
                .for_each(|mut row| row.zip_mut_with(bias, |y, &b| *y = *y + b));
        }
        Ok(y)
    }

    /// As [`apply`](Self::apply), with the tape for the backward pass, which keeps X.
    ///
    /// # Errors
    /// As `apply`.
    pub fn forward(&self, x: Array2<F>) -> Result<(Array2<F>, Tape<'_, F>)> {
        Ok((self.apply(&x)?, Tape { layer: self, x }))
    }

    /// The bias is public: its length is checked where it is used.
    fn check_bias(&self) -> Result<()> {
        let bias = self.bias.as_ref().map_or(self.weight.nrows(), Array1::len);
        check_length("bias", self.weight.nrows(), bias)
    }
}

impl<F: Scalar> Tape<'_, F> {
    /// The gradients, for G = ∂L/∂Y.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::error::Error::Shape) if `dy` does not have the shape of Y.
    pub fn backward(self, dy: &ArrayRef2<F>) -> Result<Gradients<F>> {
        let Tape { layer, x } = self;
        check_shape("dy", &[x.nrows(), layer.weight.nrows()], dy.shape())?;
        let sum = || dy.fold_axis(Axis(0), F::ZERO, |&sum, &g| sum + g);
        Ok(Gradients {
            x: product(dy, &layer.weight)?,
            weight: product(&dy.t(), &x)?,
            bias: layer.bias.as_ref().map(|_| sum()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::nn::testing::{check_gradient, draw};

    #[test]
    fn gradients_are_central_differences() {
        let layer = Linear::new(draw([4, 3], 1), Some(draw([4], 2))).unwrap();
        let (x, dy) = (draw([5, 3], 3), draw([5, 4], 4));
        let gradients = layer.forward(x.clone()).unwrap().1.backward(&dy).unwrap();
        let y = |layer: Linear<f64>, x: &Array2<f64>| layer.apply(x).unwrap();
        check_gradient(&x, &gradients.x, &dy, |x| y(layer.clone(), x));
        check_gradient(&layer.weight, &gradients.weight, &dy, |weight| {
            y(Linear { weight: weight.clone(), ..layer.clone() }, &x)
        });
        check_gradient(
            layer.bias.as_ref().unwrap(),
            gradients.bias.as_ref().unwrap(),
            &dy,
            |bias| y(Linear { bias: Some(bias.clone()), ..layer.clone() }, &x),
        );
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        let layer = Linear::<f32>::new(Array2::zeros((4, 3)), None).unwrap();
        let (_, tape) = layer.forward(Array2::zeros((5, 3))).unwrap();
        let need = Error::Shape { what: "dy", need: vec![5, 4], got: vec![4, 5] };
        assert_eq!(tape.backward(&Array2::zeros((4, 5))), Err(need));
        let need = Error::Length { what: "inputs", need: 3, got: 2 };
        assert_eq!(layer.apply(&Array2::zeros((5, 2))), Err(need));
        let need = Error::Length { what: "bias", need: 4, got: 3 };
        assert_eq!(Linear::<f32>::new(Array2::zeros((4, 3)), Some(Array1::zeros(3))), Err(need));
    }
}
