//! Weight normalization (T. Salimans, D. P. Kingma, "Weight Normalization: A Simple Reparameterization to
//! Accelerate Training of Deep Neural Networks", NeurIPS 2016, arXiv 1602.07868).

use super::error::{Error, Result};
use super::norm::{self, check_length, check_shape};
use super::rows::{Length, rows};
use super::scalar::{Field, Scalar};
use super::split::Plan;
use ndarray::{Array, Array1, ArrayRef, Dimension};

/// Weights `[out, …]` as a length and a direction for each output: w = g · v/‖v‖, row by row.
///
/// The layer that they belong to is given [`weight`](Self::weight), and hands its ∂L/∂w to
/// [`backward`](Self::backward). No data take part: training and inference are the same function, and for
/// inference the plain weights are all that is needed.
///
/// v/‖v‖ is the RMS-normalized row divided by √fan_in.
///
/// ```
/// use batchnorm::weight_norm::WeightNorm;
/// use ndarray::array;
///
/// let mut layer = WeightNorm::new(array![[3.0, 4.0]])?;           // g = ‖w‖ = 5: nothing changes
/// assert_eq!(layer.weight()?, array![[3.0, 4.0]]);
/// layer.g = array![10.0];
/// assert_eq!(layer.weight()?, array![[6.0, 8.0]]);
///
/// let gradients = layer.backward(&array![[5.0, 0.0]])?;
/// assert_eq!(gradients.g, array![3.0]);
/// assert!((gradients.v - array![[6.4, -4.8]]).iter().all(|d: &f64| d.abs() < 1e-14)); // ⊥ (3, 4)
/// # Ok::<(), batchnorm::error::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct WeightNorm<F, D: Dimension> {
    /// The length of each row of weights; a negative one turns the row round. (PyTorch: `weight_g`.)
    pub g: Array1<F>,
    /// The direction of each row, as a vector of any length but 0. (PyTorch: `weight_v`.)
    pub v: Array<F, D>,
}

/// The gradients of the loss with respect to the parameters of [`WeightNorm`].
#[derive(Clone, Debug, PartialEq)]
pub struct Gradients<F, D: Dimension> {
    /// ∂L/∂g, one element for each row.
    pub g: Array1<F>,
    /// ∂L/∂v, in the shape of v.
    pub v: Array<F, D>,
}

impl<F: Scalar, D: Dimension> WeightNorm<F, D> {
    /// These weights, as they are: v = w and g = ‖w‖.
    ///
    /// # Errors
    /// [`Error::Rank`] below two axes, [`Error::Empty`] for an axis of length zero, [`Error::ZeroRow`] for
    /// a row of zeros, which has no direction.
    pub fn new(weight: Array<F, D>) -> Result<Self> {
        let (out, _) = rows(weight.shape())?;
        let mut layer = WeightNorm { g: Array1::from_elem(out, F::ONE), v: weight };
        layer.g = layer.lengths()?.into_iter().map(Length::get).collect();
        Ok(layer)
    }

    // ANCHOR: weight
    /// w = g · v/‖v‖.
    ///
    /// # Errors
    /// As [`new`](Self::new), and [`Error::Length`] if the public g has another length than v has rows.
    pub fn weight(&self) -> Result<Array<F, D>> {
        let lengths = self.lengths()?;
        let fan_in = self.v.len() / lengths.len();
        let weight = |(i, &v): (usize, &F)| {
            let row = i / fan_in;
            F::narrow(self.g[row].widen() * lengths[row].direction(v))
        };
        Ok(like(&self.v, self.v.iter().enumerate().map(weight).collect()))
    }
    // ANCHOR_END: weight

    // ANCHOR: backward
    /// With G = ∂L/∂w, the v̂ = v/‖v‖ of a row, and ⟨·,·⟩ for the sum over its elements:
    ///
    /// dg = ⟨G, v̂⟩,  dv = (g/‖v‖)(G − v̂ ⟨G, v̂⟩),
    ///
    /// so that dv has no part along v.
    ///
    /// # Errors
    /// As [`weight`](Self::weight), and [`Error::Shape`] if `dw` does not have the shape of the weights.
    pub fn backward(&self, dw: &ArrayRef<F, D>) -> Result<Gradients<F, D>> {
        let lengths = self.lengths()?;
        check_shape("dw", self.v.shape(), dw.shape())?;
        let fan_in = self.v.len() / lengths.len();
        let mut along = vec![F::Wide::ZERO; lengths.len()];
        for (i, (&v, &dw)) in self.v.iter().zip(dw).enumerate() {
            let row = i / fan_in;
            along[row] = along[row] + dw.widen() * lengths[row].direction(v);
        }
        let across = |(i, (&v, &dw)): (usize, (&F, &F))| {
            let row = i / fan_in;
            if fan_in == 1 {
                return F::ZERO; // one weight has a sign, and no other direction to turn to
            }
            let rest = dw.widen() - lengths[row].direction(v) * along[row];
            lengths[row].divide(self.g[row].widen() * rest)
        };
        let v = self.v.iter().zip(dw).enumerate().map(across).collect();
        Ok(Gradients { g: along.into_iter().map(F::narrow).collect(), v: like(&self.v, v) })
    }
    // ANCHOR_END: backward

    // ANCHOR: initialize
    /// Initialization by the first batch: `t`, of shape `[N, out, …]`, is what the layer made of it with
    /// these weights and without a bias. Divides g by the standard deviation of each channel of t, and
    /// returns the bias −μ/σ: with both, the first batch comes out with mean 0 and variance 1, as if batch
    /// normalization had been there for once.
    ///
    /// ```
    /// use batchnorm::weight_norm::WeightNorm;
    /// use ndarray::array;
    ///
    /// let mut layer = WeightNorm::new(array![[0.0, 4.0]])?; // g = 4
    /// let bias = layer.initialize(array![[1.0], [5.0]])?; // μ = 3, σ = 2
    /// assert_eq!((layer.g, bias), (array![2.0], array![-1.5]));
    /// # Ok::<(), batchnorm::error::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`weight`](Self::weight); [`Error::Rank`], [`Error::Empty`] or [`Error::Length`] for a `t` that is
    /// not `[N, out, …]`, [`Error::TooFewValues`] for one value per channel, [`Error::ZeroVariance`] for a
    /// channel that is constant.
    pub fn initialize<E: Dimension>(&mut self, t: Array<F, E>) -> Result<Array1<F>> {
        self.lengths()?;
        let plan = Plan::batch(t.shape())?.enough_values()?;
        check_length("channels", self.g.len(), plan.statistics().kept)?;
        let (_, tape) = norm::forward(t, plan, None, None, F::ZERO)?;
        let bias = |(g, m): (&mut F, &norm::Moments<F>)| {
            let sd = m.var().sqrt();
            *g = F::narrow(g.widen() / sd);
            F::narrow(-m.mean() / sd)
        };
        Ok(self.g.iter_mut().zip(tape.moments()).map(bias).collect())
    }
    // ANCHOR_END: initialize

    /// ‖v‖ of each row. g and v are public: they are checked where they are used.
    fn lengths(&self) -> Result<Vec<Length<F>>> {
        let (out, fan_in) = rows(self.v.shape())?;
        check_length("g", out, self.g.len())?;
        let v = self.v.as_standard_layout();
        let v = v.as_slice().expect("made row-major one line above");
        let length = |(row, v): (usize, &[F])| match Length::of(v) {
            length if length.is_zero() => Err(Error::ZeroRow { row }),
            length => Ok(length),
        };
        v.chunks(fan_in).enumerate().map(length).collect()
    }
}

/// These elements, in the shape of `v`.
fn like<F, D: Dimension>(v: &Array<F, D>, elements: Vec<F>) -> Array<F, D> {
    Array::from_shape_vec(v.raw_dim(), elements).expect("as many elements as v")
}
