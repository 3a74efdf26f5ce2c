//! Fixup initialization (H. Zhang, Y. N. Dauphin, T. Ma, "Fixup Initialization: Residual Learning Without
//! Normalization", ICLR 2019, arXiv 1901.09321).

use super::error::{Error, Result};
use super::norm::{check_length, check_shape};
use super::scalar::{Field, Scalar};
use ndarray::{Array, ArrayRef, Dimension, NdFloat};

/// How a residual network without normalization starts: L residual branches of m layers each.
///
/// 1. The last layer of each branch, and that which classifies, start at 0: so each block starts as the
///    identity.
/// 2. All other layers start as usual (He's initialization, say), and those inside a branch are then
///    multiplied by L^(−1/(2m−2)).
/// 3. A [`ScalarAffine`] stands before each linear layer, convolution and activation (a bias, its
///    multiplier not learned) and at the end of each branch (both).
///
/// By 2. a first step of gradient descent moves the output of the network as far with a thousand branches as
/// with one. To the last layer of a branch, as scalars, the others pass on a product p of m − 1 factors
/// L^(−1/(2m−2)), times what came in: p² = 1/L. The step moves that layer by a multiple of p, which moves the
/// branch by a multiple of p², and there are L of them.
///
/// ```
/// use batchnorm::fixup::{Fixup, ScalarAffine};
/// use ndarray::array;
///
/// let fixup = Fixup::new(16, 2)?;                                 // 16 branches of 2 layers
/// assert_eq!(fixup.scale(), 0.25);                                // 16^(−1/2)
///
/// let mut first = array![[4.0, -8.0], [2.0, 0.0]];                // as usually initialized
/// let mut last = array![[1.0, 3.0], [5.0, 7.0]];
/// fixup.initialize(&mut [&mut first, &mut last])?;
/// assert_eq!(first, array![[1.0, -2.0], [0.5, 0.0]]);
/// assert_eq!(last, array![[0.0, 0.0], [0.0, 0.0]]);
///
/// // The branch of x: linear, ReLU, linear. For a column x, W x is `w.dot(&x)`.
/// let bias = [ScalarAffine::<f64>::new(), ScalarAffine::new(), ScalarAffine::new()];
/// let (x, end) = (array![[1.0], [2.0]], ScalarAffine::new());
/// let h = first.dot(&bias[0].apply(&x));
/// let h = bias[1].apply(&h).mapv(|h| h.max(0.0));
/// let y = &x + &end.apply(&last.dot(&bias[2].apply(&h)));
/// assert_eq!(y, x);
/// # Ok::<(), batchnorm::error::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fixup {
    branches: usize,
    layers: usize,
}

impl Fixup {
    /// For a network of so many residual branches with so many layers of weights in each.
    ///
    /// # Errors
    /// [`Error::Branches`] for no branch, or less than two layers in it: of one layer, which starts at 0,
    /// there is none inside to scale.
    pub fn new(branches: usize, layers: usize) -> Result<Self> {
        if branches == 0 || layers < 2 {
            return Err(Error::Branches { branches, layers });
        }
        Ok(Fixup { branches, layers })
    }

    // ANCHOR: scale
    /// L^(−1/(2m−2)).
    pub fn scale(self) -> f64 {
        (self.branches as f64).powf(-0.5 / (self.layers - 1) as f64)
    }
    // ANCHOR_END: scale

    // ANCHOR: initialize
    /// The weights of one branch, first layer to last, which have been initialized as usual: scales all but
    /// the last, and makes that zero.
    ///
    /// # Errors
    /// [`Error::Length`] if they are not as many as a branch has layers.
    pub fn initialize<F: NdFloat, D: Dimension>(
        self,
        branch: &mut [&mut Array<F, D>],
    ) -> Result<()> {
        check_length("layers of the branch", self.layers, branch.len())?;
        let scale = F::from(self.scale()).expect("a number of at most 1");
        let (last, inner) = branch.split_last_mut().expect("at least two layers");
        inner.iter_mut().for_each(|weight| weight.mapv_inplace(|w| w * scale));
        last.fill(F::zero());
        Ok(())
    }
    // ANCHOR_END: initialize
}

/// y = multiplier · x + bias with two numbers for a whole layer, in place of a γ and a β for each channel.
///
/// ```
/// use batchnorm::fixup::ScalarAffine;
/// use ndarray::array;
///
/// let layer = ScalarAffine { multiplier: 3.0, bias: 0.5 };
/// let x = array![1.0, -2.0, 4.0];
/// assert_eq!(layer.apply(&x), array![3.5, -5.5, 12.5]);
///
/// let gradients = layer.backward(&x, &array![0.25, 1.0, -2.0])?;
/// assert_eq!(gradients.x, array![0.75, 3.0, -6.0]);
/// assert_eq!(gradients.multiplier, 0.25 - 2.0 - 8.0); // Σ x ∂L/∂y
/// assert_eq!(gradients.bias, 0.25 + 1.0 - 2.0);
/// # Ok::<(), batchnorm::error::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScalarAffine<F> {
    /// 1 at first.
    pub multiplier: F,
    /// 0 at first.
    pub bias: F,
}

/// The gradients of the loss with respect to the input and the parameters of [`ScalarAffine`].
#[derive(Clone, Debug, PartialEq)]
pub struct Gradients<F, D: Dimension> {
    /// ∂L/∂x = multiplier · ∂L/∂y.
    pub x: Array<F, D>,
    /// ∂L/∂multiplier = Σ x ∂L/∂y.
    pub multiplier: F,
    /// ∂L/∂bias = Σ ∂L/∂y.
    pub bias: F,
}

impl<F: Scalar> Default for ScalarAffine<F> {
    fn default() -> Self {
        Self::new()
    }
}

impl<F: Scalar> ScalarAffine<F> {
    /// The identity, with which training starts.
    pub fn new() -> Self {
        ScalarAffine { multiplier: F::ONE, bias: F::ZERO }
    }

    /// y, for x of any shape.
    pub fn apply<D: Dimension>(&self, x: &ArrayRef<F, D>) -> Array<F, D> {
        x.mapv(|x| F::narrow(self.multiplier.widen() * x.widen() + self.bias.widen()))
    }

    /// The gradients, for the x that [`apply`](Self::apply) was given and dy = ∂L/∂y.
    ///
    /// # Errors
    /// [`Error::Shape`] if `dy` does not have the shape of x.
    pub fn backward<D: Dimension>(
        &self,
        x: &ArrayRef<F, D>,
        dy: &ArrayRef<F, D>,
    ) -> Result<Gradients<F, D>> {
        check_shape("dy", x.shape(), dy.shape())?;
        let mut sums = [F::Wide::ZERO; 2];
        for (x, g) in x.iter().zip(dy) {
            sums = [sums[0] + x.widen() * g.widen(), sums[1] + g.widen()];
        }
        let [multiplier, bias] = sums.map(F::narrow);
        Ok(Gradients { x: dy.mapv(|g| self.multiplier * g), multiplier, bias })
    }
}
