//! An affine map per channel: what batch normalization is once its statistics are fixed.

use super::error::Result;
use super::norm::{check_length, check_shape, update};
use super::scalar::{Field, Scalar};
use super::split::{Plan, Split};
use ndarray::{Array, Array1, ArrayRef, Dimension};

/// y = scale · (x − center) + shift, for each channel of `[N, C, …]`.
///
/// The same map is y = scale · x + (shift − scale · center), and [`slope`](Affine::slope) and
/// [`intercept`](Affine::intercept) give it in that form, for folding. It is *computed* around its
/// center, because where |μ| ≫ σ the two large products of the short form cancel.
///
/// ```
/// use batchnorm::affine::Affine;
/// use ndarray::{array, Array1};
///
/// let map = Affine::new(array![10.0], array![2.0], array![1.0])?;
/// assert_eq!(map.apply(&array![[10.0], [11.0]])?, array![[1.0], [3.0]]);
/// assert_eq!((map.slope(), map.intercept()), (array![2.0], array![-19.0]));
/// # Ok::<(), batchnorm::error::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Affine<F: Scalar> {
    center: Vec<F>,
    scale: Vec<F::Wide>,
    shift: Vec<F>,
}

/// The gradients of the loss with respect to the input and the three vectors of an affine map.
#[derive(Clone, Debug, PartialEq)]
pub struct AffineGradients<F, D: Dimension> {
    /// ∂L/∂x = scale · ∂L/∂y, element by element.
    pub x: Array<F, D>,
    /// ∂L/∂scale = Σ ∂L/∂y · (x − center).
    pub scale: Array1<F>,
    /// ∂L/∂shift = Σ ∂L/∂y.
    pub shift: Array1<F>,
}

impl<F: Scalar> Affine<F> {
    /// The map of these three vectors, one element for each channel.
    ///
    /// # Errors
    /// [`Error::Length`](super::error::Error::Length) if the three differ in length.
    pub fn new(center: Array1<F>, scale: Array1<F>, shift: Array1<F>) -> Result<Self> {
        let scale = scale.iter().map(|s| s.widen()).collect();
        Self::from_wide(center.to_vec(), scale, shift.to_vec())
    }

    /// As [`new`](Self::new), with a scale that has not been rounded.
    pub(crate) fn from_wide(center: Vec<F>, scale: Vec<F::Wide>, shift: Vec<F>) -> Result<Self> {
        check_length("scale", center.len(), scale.len())?;
        check_length("shift", center.len(), shift.len())?;
        Ok(Affine { center, scale, shift })
    }

    /// How many channels the map has.
    pub fn channels(&self) -> usize {
        self.center.len()
    }

    /// The a of y = a x + b, for each channel.
    pub fn slope(&self) -> Array1<F> {
        self.scale.iter().map(|&s| F::narrow(s)).collect()
    }

    /// The b of y = a x + b, for each channel.
    pub fn intercept(&self) -> Array1<F> {
        let b = |c: usize| self.shift[c].widen() - self.scale[c] * self.center[c].widen();
        (0..self.channels()).map(|c| F::narrow(b(c))).collect()
    }

    // ANCHOR: apply
    /// y, for x of shape `[N, C, …]`.
    ///
    /// # Errors
    /// [`Error::Rank`](super::error::Error::Rank), [`Error::Empty`](super::error::Error::Empty), or
    /// [`Error::Length`](super::error::Error::Length) if the channels of x are not those of the map.
    pub fn apply<D: Dimension>(&self, x: &ArrayRef<F, D>) -> Result<Array<F, D>> {
        let (split, shape) = (self.split(x.shape())?, x.raw_dim());
        let x = x.as_standard_layout();
        let x = x.as_slice().expect("made row-major one line above");
        let mut y = vec![F::ZERO; x.len()];
        for block in split.blocks() {
            let c = block.lanes();
            let center = c.map(|c| self.center[c].widen());
            let (scale, shift) = (c.map(|c| self.scale[c]), c.map(|c| self.shift[c].widen()));
            update(&mut y, x, block.runs(), |i, _, x| {
                F::narrow((x.widen() - center[i]) * scale[i] + shift[i])
            });
        }
        Ok(Array::from_shape_vec(shape, y).expect("as many values as x"))
    }
    // ANCHOR_END: apply

    /// The gradients, for the x that [`apply`](Self::apply) was given and g = ∂L/∂y.
    ///
    /// Nothing here couples one sample with another: that is the difference to training.
    ///
    /// # Errors
    /// As `apply`, and [`Error::Shape`](super::error::Error::Shape) if `dy` has another shape than x.
    pub fn backward<D: Dimension>(
        &self,
        x: &ArrayRef<F, D>,
        dy: &ArrayRef<F, D>,
    ) -> Result<AffineGradients<F, D>> {
        let split = self.split(x.shape())?;
        check_shape("dy", x.shape(), dy.shape())?;
        let (x, mut dx) = (x.as_standard_layout(), dy.as_standard_layout().into_owned());
        let (x, g) = (x.as_slice().expect("row-major"), dx.as_slice_mut().expect("row-major"));
        let (mut scale, mut shift) = (Vec::new(), Vec::new());
        for c in 0..split.kept {
            let (mut sum_gx, mut sum_g) = (F::Wide::ZERO, F::Wide::ZERO);
            for run in split.runs(c) {
                for (g, x) in g[run.clone()].iter_mut().zip(&x[run]) {
                    sum_gx = sum_gx + g.widen() * (x.widen() - self.center[c].widen());
                    sum_g = sum_g + g.widen();
                    *g = F::narrow(g.widen() * self.scale[c]);
                }
            }
            scale.push(F::narrow(sum_gx));
            shift.push(F::narrow(sum_g));
        }
        Ok(AffineGradients { x: dx, scale: scale.into(), shift: shift.into() })
    }

    fn split(&self, shape: &[usize]) -> Result<Split> {
        let split = Plan::batch(shape)?.parameters();
        check_length("channels", self.channels(), split.kept)?;
        Ok(split)
    }
}
