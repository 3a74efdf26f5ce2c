//! An affine map per channel: what batch normalization is once its statistics are fixed.

use super::error::Result;
use super::norm::{check_length, check_shape};
use super::scalar::Scalar;
use super::simd::with;
use super::split::Plan;
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
        let (plan, shape) = (self.plan(x.shape())?, x.raw_dim());
        let x = x.as_standard_layout();
        let x = x.as_slice().expect("made row-major one line above");
        let (center, shift) = (widen(&self.center), widen(&self.shift));
        let numbers = with(plan, [], [&center, &self.scale, &shift]);
        let y = numbers.map(x, |x, [], [center, scale, shift]| {
            F::narrow((x.widen() - center) * scale + shift)
        });
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
        let (plan, shape) = (self.plan(x.shape())?, x.raw_dim());
        check_shape("dy", x.shape(), dy.shape())?;
        let (x, dy) = (x.as_standard_layout(), dy.as_standard_layout());
        let (x, g) = (x.as_slice().expect("row-major"), dy.as_slice().expect("row-major"));
        let center = widen(&self.center);
        let numbers = with(plan, [], [&center]);
        let [scale, shift] = numbers.sums(plan.parameters(), g, x, |g, x, [], [center]| {
            (g.widen() * (x.widen() - center), g.widen())
        });
        let dx =
            with(plan, [], [&self.scale]).map(g, |g, [], [scale]| F::narrow(g.widen() * scale));
        let narrow = |sums: Vec<F::Wide>| sums.into_iter().map(F::narrow).collect();
        let x = Array::from_shape_vec(shape, dx).expect("as many values as x");
        Ok(AffineGradients { x, scale: narrow(scale), shift: narrow(shift) })
    }

    fn plan(&self, shape: &[usize]) -> Result<Plan> {
        let plan = Plan::batch(shape)?;
        check_length("channels", self.channels(), plan.parameters().kept)?;
        Ok(plan)
    }
}

fn widen<F: Scalar>(values: &[F]) -> Vec<F::Wide> {
    values.iter().map(|v| v.widen()).collect()
}
