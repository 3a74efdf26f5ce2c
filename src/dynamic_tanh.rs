//! Dynamic tanh (J. Zhu, X. Chen, K. He, Y. LeCun, Z. Liu, "Transformers without Normalization", CVPR 2025,
//! arXiv 2503.10622).

use super::error::{Error, Result};
use super::norm::{check_length, check_shape};
use super::scalar::{DoubleDouble, Field, Scalar};
use ndarray::{Array, Array1, ArrayRef, Dimension};

/// A number that has a hyperbolic tangent: the wide type of `f32` and of `f64`.
pub trait Tanh: Field {
    /// The hyperbolic tangent, whose derivative is 1 − tanh².
    fn tanh(self) -> Self;
}

impl Tanh for f64 {
    fn tanh(self) -> f64 {
        f64::tanh(self)
    }
}

impl Tanh for DoubleDouble {
    /// As accurate as that of `f64`, with the low part of the argument along the slope.
    fn tanh(self) -> Self {
        let t = self.hi.tanh().widen();
        if !self.is_finite() {
            return t;
        }
        t + (Self::ONE - t * t) * self.lo.widen()
    }
}

/// Dynamic tanh of `[…, D]`: y = γ tanh(αx) + β, with one α, and a γ and a β for each of the D features.
///
/// In the place of layer normalization, and without any statistics: every value is by itself. The paper saw
/// that trained layer normalizations map their inputs along curves like that of a tanh.
///
/// ```
/// use batchnorm::dynamic_tanh::DynamicTanh;
/// use ndarray::array;
///
/// let mut layer = DynamicTanh::new(2, 0.5);                       // the α of the paper, at first
/// (layer.gamma, layer.beta) = (array![2.0, 2.0], array![1.0, 1.0]);
/// let (y, tape) = layer.forward(array![[0.0, 1e9]])?;
/// assert_eq!(y, array![[1.0, 3.0]]);                              // β, and all but γ + β
/// let gradients = tape.backward(&array![[1.0, 1.0]])?;
/// assert_eq!(gradients.x, array![[1.0, 0.0]]);                    // slope αγ at 0, none far out
/// # Ok::<(), batchnorm::error::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct DynamicTanh<F> {
    /// α, one number for the layer.
    pub alpha: F,
    /// γ, one for each feature: 1 at first.
    pub gamma: Array1<F>,
    /// β, one for each feature: 0 at first.
    pub beta: Array1<F>,
}

/// What the backward pass needs of the forward pass: the layer and its input.
#[derive(Clone, Debug)]
#[must_use = "the tape is what `backward` is called on"]
pub struct Tape<'a, F, D: Dimension> {
    layer: &'a DynamicTanh<F>,
    x: Array<F, D>,
}

/// The gradients of the loss with respect to the layer's input and parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradients<F, D: Dimension> {
    /// ∂L/∂x, in the shape of x.
    pub x: Array<F, D>,
    /// ∂L/∂α.
    pub alpha: F,
    /// ∂L/∂γ, one element for each feature.
    pub gamma: Array1<F>,
    /// ∂L/∂β, one element for each feature.
    pub beta: Array1<F>,
}

impl<F: Scalar<Wide: Tanh>> DynamicTanh<F> {
    /// A layer for so many features, with γ = 1 and β = 0. The paper starts with α = 0.5, and with smaller
    /// ones in wide language models.
    pub fn new(features: usize, alpha: F) -> Self {
        let filled = |value| Array1::from_elem(features, value);
        DynamicTanh { alpha, gamma: filled(F::ONE), beta: filled(F::ZERO) }
    }

    // ANCHOR: forward
    /// y, in the shape of x, which is `[…, D]`; and the tape for the backward pass.
    ///
    /// # Errors
    /// [`Error::Rank`] without an axis, [`Error::Length`] if the last axis is not that of the layer, or γ
    /// and β differ in length.
    pub fn forward<D: Dimension>(&self, x: Array<F, D>) -> Result<(Array<F, D>, Tape<'_, F, D>)> {
        let Some(&last) = x.shape().last() else {
            return Err(Error::Rank { need: 1, got: 0 });
        };
        check_length("the last axis", self.gamma.len(), last)?;
        check_length("beta", self.gamma.len(), self.beta.len())?;
        let mut y = x.clone();
        for mut position in y.rows_mut() {
            for ((y, gamma), beta) in position.iter_mut().zip(&self.gamma).zip(&self.beta) {
                *y = F::narrow(gamma.widen() * self.tanh(*y) + beta.widen());
            }
        }
        Ok((y, Tape { layer: self, x }))
    }
    // ANCHOR_END: forward

    /// tanh(αx).
    fn tanh(&self, x: F) -> F::Wide {
        (self.alpha.widen() * x.widen()).tanh()
    }
}

impl<F: Scalar<Wide: Tanh>, D: Dimension> Tape<'_, F, D> {
    // ANCHOR: backward
    /// The gradients, for g = ∂L/∂y: with t = tanh(αx), whose slope in αx is 1 − t²,
    ///
    /// dx = γ α (1 − t²) g,  dα = Σ γ x (1 − t²) g,  dγ = Σ t g,  dβ = Σ g.
    ///
    /// # Errors
    /// [`Error::Shape`] if `dy` does not have the shape of y.
    pub fn backward(self, dy: &ArrayRef<F, D>) -> Result<Gradients<F, D>> {
        let Tape { layer, mut x } = self;
        check_shape("dy", x.shape(), dy.shape())?;
        let features = layer.gamma.len();
        let (mut dalpha, mut dgamma) = (F::Wide::ZERO, vec![F::Wide::ZERO; features]);
        let mut dbeta = dgamma.clone();
        for (mut x, dy) in x.rows_mut().into_iter().zip(dy.rows()) {
            for (c, (x, g)) in x.iter_mut().zip(dy).enumerate() {
                let (t, g) = (layer.tanh(*x), g.widen());
                let through = layer.gamma[c].widen() * (F::Wide::ONE - t * t) * g;
                dalpha = dalpha + x.widen() * through;
                dgamma[c] = dgamma[c] + t * g;
                dbeta[c] = dbeta[c] + g;
                *x = F::narrow(layer.alpha.widen() * through);
            }
        }
        let narrow = |sums: Vec<F::Wide>| sums.into_iter().map(F::narrow).collect();
        Ok(Gradients { x, alpha: F::narrow(dalpha), gamma: narrow(dgamma), beta: narrow(dbeta) })
    }
    // ANCHOR_END: backward
}
