//! SkipInit (S. De, S. L. Smith, "Batch Normalization Biases Residual Blocks Towards the Identity Function
//! in Deep Networks", NeurIPS 2020, arXiv 2002.10444).

use super::error::Result;
use super::norm::check_shape;
use super::scalar::{Field, Scalar};
use ndarray::{Array, ArrayRef, Dimension};

/// SkipInit: the end of a residual block, y = x + α f(x), with one number α to learn that starts at 0.
///
/// So each block starts as the identity, and the variance of the activations does not grow with depth;
/// this, the paper finds, is the part of batch normalization that deep residual networks need to train.
///
/// ```
/// use batchnorm::skip_init::SkipInit;
/// use ndarray::array;
///
/// let (x, f) = (array![[1.0, 2.0]], array![[3.0, -5.0]]);         // a block's input, and its branch
/// let mut end = SkipInit::new();
/// assert_eq!(end.forward(x.clone(), f.clone())?.0, x);
/// end.alpha = 0.5;
/// let (y, tape) = end.forward(x, f)?;
/// assert_eq!(y, array![[2.5, -0.5]]);
/// let gradients = tape.backward(&array![[2.0, 1.0]])?;
/// assert_eq!((gradients.alpha, gradients.branch), (1.0, array![[1.0, 0.5]]));
/// # Ok::<(), batchnorm::error::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SkipInit<F> {
    /// α: 0 at first.
    pub alpha: F,
}

/// What the backward pass needs of the forward pass: α and f(x).
#[derive(Clone, Debug)]
#[must_use = "the tape is what `backward` is called on"]
pub struct Tape<F, D: Dimension> {
    alpha: F,
    branch: Array<F, D>,
}

/// The gradients of the loss with respect to the two inputs of the sum, and to α.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradients<F, D: Dimension> {
    /// ∂L/∂x along the skip connection: dy. What comes back through the branch is to be added.
    pub skip: Array<F, D>,
    /// ∂L/∂f(x) = α dy.
    pub branch: Array<F, D>,
    /// ∂L/∂α = Σ dy f(x).
    pub alpha: F,
}

impl<F: Scalar> Default for SkipInit<F> {
    fn default() -> Self {
        Self::new()
    }
}

impl<F: Scalar> SkipInit<F> {
    /// With α = 0.
    pub fn new() -> Self {
        SkipInit { alpha: F::ZERO }
    }

    // ANCHOR: forward
    /// y = x + α f(x), for the `skip` x and the `branch` f(x), of any shape; and the tape for the backward
    /// pass.
    ///
    /// # Errors
    /// [`Error::Shape`](super::error::Error::Shape) if the two differ in shape.
    pub fn forward<D: Dimension>(
        &self,
        skip: Array<F, D>,
        branch: Array<F, D>,
    ) -> Result<(Array<F, D>, Tape<F, D>)> {
        check_shape("branch", skip.shape(), branch.shape())?;
        let (mut y, alpha) = (skip, self.alpha);
        y.zip_mut_with(&branch, |y, f| {
            *y = F::narrow(y.widen() + alpha.widen() * f.widen());
        });
        Ok((y, Tape { alpha, branch }))
    }
    // ANCHOR_END: forward
}

impl<F: Scalar, D: Dimension> Tape<F, D> {
    /// The gradients, for dy = ∂L/∂y.
    ///
    /// # Errors
    /// [`Error::Shape`](super::error::Error::Shape) if `dy` does not have the shape of y.
    pub fn backward(self, dy: &ArrayRef<F, D>) -> Result<Gradients<F, D>> {
        let Tape { alpha, branch } = self;
        check_shape("dy", branch.shape(), dy.shape())?;
        let products = branch.iter().zip(dy).map(|(f, g)| f.widen() * g.widen());
        let sum = products.fold(F::Wide::ZERO, |sum, product| sum + product);
        let branch = dy.mapv(|g| alpha * g);
        Ok(Gradients { skip: dy.to_owned(), branch, alpha: F::narrow(sum) })
    }
}
