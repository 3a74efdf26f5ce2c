//! Spectral normalization (T. Miyato, T. Kataoka, M. Koyama, Y. Yoshida, "Spectral Normalization for
//! Generative Adversarial Networks", ICLR 2018, arXiv 1802.05957).

use super::error::{Error, Result};
use super::norm::{check_length, check_shape};
use super::rows::rows;
use super::scalar::{Field, Scalar};
use ndarray::{Array, Array1, ArrayRef, Dimension};

/// Spectral normalization: W̄ = W/σ, where σ is the largest singular value of the weights `[out, …]`, read
/// as a matrix with a row for each output. It is by how much W stretches a vector at most.
///
/// σ = uᵀ W v is estimated by power iteration, a step for each call of [`train`](Self::train):
///
/// v ← Wᵀu/‖Wᵀu‖,  u ← W v/‖W v‖.
///
/// u and v are the state of the layer: the weights move little in a step of training, so that a step of
/// iteration is enough to follow them. The estimate is never larger than the largest singular value. For
/// inference [`freeze`](Self::freeze) gives the plain W̄.
///
/// ```
/// use batchnorm::spectral_norm::SpectralNorm;
/// use ndarray::array;
///
/// let weight = array![[3.0, 0.0], [0.0, 4.0]];                    // singular values 3 and 4
/// let mut layer = SpectralNorm::new(&weight, array![1.0, 1.0])?;  // in use: a random start
/// for _ in 0..40 {
///     layer.step(&weight)?;
/// }
/// assert!((layer.sigma(&weight)? - 4.0_f64).abs() < 1e-12);
///
/// let (normalized, tape) = layer.train(weight)?;
/// assert!((normalized - array![[0.75, 0.0], [0.0, 1.0]]).iter().all(|d| d.abs() < 1e-9));
/// let dw = tape.backward(&array![[0.0, 0.0], [0.0, 1.0]])?;       // 4 is scaled to 1 whatever it is
/// assert!(dw.iter().all(|d| d.abs() < 1e-9));
/// # Ok::<(), batchnorm::error::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SpectralNorm<F> {
    /// The estimate of the first left singular vector, one element for each output. (PyTorch:
    /// `weight_u`.)
    pub u: Array1<F>,
    /// The estimate of the first right singular vector, one element for each weight of an output.
    /// (PyTorch: `weight_v`.)
    pub v: Array1<F>,
}

/// What the backward pass needs of the forward pass: the weights, u and v as they were, and σ.
#[derive(Clone, Debug)]
#[must_use = "the tape is what `backward` is called on"]
pub struct Tape<F: Scalar, D: Dimension> {
    weight: Array<F, D>,
    state: SpectralNorm<F>,
    sigma: Sigma<F>,
}

/// σ in the wide type and in a unit of the weights' own size.
#[derive(Clone, Copy, Debug)]
struct Sigma<F: Scalar> {
    per_unit: F,
    in_units: F::Wide,
}

impl<F: Scalar> SpectralNorm<F> {
    /// A layer for these weights `[out, …]`, whose power iteration starts with `u`, of length `out`.
    ///
    /// u is best drawn at random: a start that is orthogonal to the first left singular vector would find
    /// another singular value.
    ///
    /// # Errors
    /// [`Error::Rank`] below two axes, [`Error::Empty`] for an axis of length zero, [`Error::Length`] if u
    /// does not have an element for each output, [`Error::ZeroMatrix`] if Wᵀu or W v is zero.
    pub fn new<D: Dimension>(weight: &ArrayRef<F, D>, u: Array1<F>) -> Result<Self> {
        let (_, fan_in) = rows(weight.shape())?;
        let mut layer = SpectralNorm { u, v: Array1::from_elem(fan_in, F::ZERO) };
        layer.step(weight)?;
        Ok(layer)
    }

    // ANCHOR: step
    /// One step of power iteration. After an error u and v are what they were.
    ///
    /// # Errors
    /// As [`new`](Self::new), and [`Error::Length`] if v does not have an element for each weight of an
    /// output.
    pub fn step<D: Dimension>(&mut self, weight: &ArrayRef<F, D>) -> Result<()> {
        let v = self.unit_product(weight, &self.u, |(_, j)| j, |(i, _)| i)?;
        self.u = self.unit_product(weight, &v, |(i, _)| i, |(_, j)| j)?;
        self.v = v;
        Ok(())
    }
    // ANCHOR_END: step

    // ANCHOR: train
    /// The training forward pass: a step of power iteration, then W/σ; and the tape for the backward pass.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn train<D: Dimension>(
        &mut self,
        weight: Array<F, D>,
    ) -> Result<(Array<F, D>, Tape<F, D>)> {
        self.step(&weight)?;
        let sigma = self.estimate(&weight)?;
        let normalized = weight.mapv(|w| sigma.normalize(w));
        Ok((normalized, Tape { weight, state: self.clone(), sigma }))
    }
    // ANCHOR_END: train

    /// W/σ with u and v as they are: the plain weights for inference.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn freeze<D: Dimension>(&self, weight: &ArrayRef<F, D>) -> Result<Array<F, D>> {
        let sigma = self.estimate(weight)?;
        Ok(weight.mapv(|w| sigma.normalize(w)))
    }

    /// σ = uᵀ W v with u and v as they are.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn sigma<D: Dimension>(&self, weight: &ArrayRef<F, D>) -> Result<F> {
        let Sigma { per_unit, in_units } = self.estimate(weight)?;
        Ok(F::narrow(in_units) / per_unit)
    }

    fn estimate<D: Dimension>(&self, weight: &ArrayRef<F, D>) -> Result<Sigma<F>> {
        let (out, fan_in) = self.check(weight)?;
        let per_unit = F::ONE / F::unit(weight.iter().copied());
        let term = |(k, &w): (usize, &F)| {
            let (u, v) = (self.u[k / fan_in].widen(), self.v[k % fan_in].widen());
            u * (w * per_unit).widen() * v
        };
        let in_units = weight.iter().enumerate().map(term).fold(F::Wide::ZERO, |sum, t| sum + t);
        if in_units == F::Wide::ZERO {
            return Err(Error::ZeroMatrix { rows: out, columns: fan_in });
        }
        Ok(Sigma { per_unit, in_units })
    }

    /// W v/‖W v‖, or with the two indices exchanged Wᵀu/‖Wᵀu‖.
    fn unit_product<D: Dimension>(
        &self,
        weight: &ArrayRef<F, D>,
        x: &Array1<F>,
        to: fn((usize, usize)) -> usize,
        from: fn((usize, usize)) -> usize,
    ) -> Result<Array1<F>> {
        let (out, fan_in) = self.check(weight)?;
        let per_unit = F::ONE / F::unit(weight.iter().copied());
        let mut sums = vec![F::Wide::ZERO; to((out, fan_in))];
        for (k, &w) in weight.iter().enumerate() {
            let at = (k / fan_in, k % fan_in);
            sums[to(at)] = sums[to(at)] + (w * per_unit).widen() * x[from(at)].widen();
        }
        let length = sums.iter().fold(F::Wide::ZERO, |sum, &x| sum + x * x).sqrt();
        if length == F::Wide::ZERO {
            return Err(Error::ZeroMatrix { rows: out, columns: fan_in });
        }
        Ok(sums.into_iter().map(|x| F::narrow(x / length)).collect())
    }

    /// u and v are public: their lengths are checked where they are used.
    fn check<D: Dimension>(&self, weight: &ArrayRef<F, D>) -> Result<(usize, usize)> {
        let (out, fan_in) = rows(weight.shape())?;
        check_length("u", out, self.u.len())?;
        check_length("v", fan_in, self.v.len())?;
        Ok((out, fan_in))
    }
}

impl<F: Scalar> Sigma<F> {
    /// w/σ.
    fn normalize(self, w: F) -> F {
        F::narrow((w * self.per_unit).widen() / self.in_units)
    }
}

impl<F: Scalar, D: Dimension> Tape<F, D> {
    // ANCHOR: backward
    /// ∂L/∂W, with G = ∂L/∂W̄ and ⟨·,·⟩ for the sum over all elements:
    ///
    /// dW = (G − ⟨G, W̄⟩ u vᵀ)/σ.
    ///
    /// σ = uᵀ W v depends on W, and this is its gradient u vᵀ with u and v held; where they are singular
    /// vectors, it is the gradient of the singular value.
    ///
    /// # Errors
    /// [`Error::Shape`] if `dw` does not have the shape of the weights.
    pub fn backward(self, dw: &ArrayRef<F, D>) -> Result<Array<F, D>> {
        let Tape { weight, state: SpectralNorm { u, v }, sigma } = self;
        check_shape("dw", weight.shape(), dw.shape())?;
        let normalized = |w: F| (w * sigma.per_unit).widen() / sigma.in_units;
        let products = weight.iter().zip(dw).map(|(&w, g)| g.widen() * normalized(w));
        let along = products.fold(F::Wide::ZERO, |sum, product| sum + product);
        let gradient = |(k, g): (usize, &F)| {
            let (u, v) = (u[k / v.len()].widen(), v[k % v.len()].widen());
            F::narrow((g.widen() - along * u * v) / sigma.in_units) * sigma.per_unit
        };
        let gradient = dw.iter().enumerate().map(gradient).collect();
        Ok(Array::from_shape_vec(weight.raw_dim(), gradient).expect("as many elements as W"))
    }
    // ANCHOR_END: backward
}
