//! Instance normalization with running statistics (PyTorch's `InstanceNorm2d(…,
//! track_running_stats=True)`).

use super::affine::Affine;
use super::batch_norm::BatchNorm;
use super::error::Result;
use super::norm::{self, Tape};
use super::scalar::{Field, Scalar};
use super::split::Plan;
use ndarray::{Array, Dimension};

/// Instance normalization in training, batch normalization's affine map at inference.
///
/// In training each channel of each sample of `[N, C, …]` is normalized by itself, as by
/// [`InstanceNorm`](super::instance_norm::InstanceNorm); and the running statistics of a channel follow
/// the means over the N samples of its means and of its variances (unbiased, v·m/(m−1) with m the product
/// of the further axes, where the layer says so). At inference all samples are normalized by the running
/// statistics.
///
/// The two are different functions even if the statistics are known exactly: training removes the
/// contrast of each image, inference keeps it. And the mean of the variances within the images is not the
/// variance of the channel: it misses how far the means of the images are apart.
///
/// In PyTorch (2.15) γ and β are off by default, and `momentum=None` leaves the running statistics where
/// they started, while for its batch normalization it means the plain average.
///
/// ```
/// use batchnorm::{batch_norm::BatchNorm, tracked_instance_norm::TrackedInstanceNorm};
/// use ndarray::array;
///
/// let mut norm = TrackedInstanceNorm { layer: BatchNorm::<f64>::new(1) };
/// let (_, _) = norm.train(array![[[1.0, 3.0, 8.0]], [[0.0, 2.0, 4.0]]])?;
/// assert!((norm.layer.running_mean[0] - 0.3).abs() < 1e-15);       // 0.1·(4 + 2)/2
/// assert!((norm.layer.running_var[0] - 1.75).abs() < 1e-15);       // 0.9 + 0.1·(13 + 4)/2
/// let one_pixel = norm.freeze()?.apply(&array![[[1.0]]])?;         // fine at inference
/// # Ok::<(), batchnorm::error::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct TrackedInstanceNorm<F> {
    /// γ, β, ε, the running statistics and how they move: those of a batch normalization.
    pub layer: BatchNorm<F>,
}

impl<F: Scalar> TrackedInstanceNorm<F> {
    // ANCHOR: train
    /// y, in the shape of x, which is `[N, C, …]`; and the tape for the backward pass. Moves the running
    /// statistics, one step for the batch.
    ///
    /// # Errors
    /// Those of [`InstanceNorm::forward`](super::instance_norm::InstanceNorm::forward), and
    /// [`Error::Length`](super::error::Error::Length) where a public vector has been given another
    /// length. None of them moves the running statistics.
    pub fn train<D: Dimension>(&mut self, x: Array<F, D>) -> Result<(Array<F, D>, Tape<F, D>)> {
        let plan = Plan::instance(x.shape())?;
        let channels = plan.parameters().kept;
        self.layer.check_channels(channels)?;
        let plan = plan.enough_values()?;
        let (gamma, beta) = (self.layer.gamma.as_ref(), self.layer.beta.as_ref());
        let (y, tape) = norm::forward(x, plan, gamma, beta, self.layer.config().eps)?;
        let n = F::Wide::count(tape.moments().len() / channels);
        let mean_of = |c: usize, of: fn(&norm::Moments<F>) -> F::Wide| {
            let samples = tape.moments().iter().skip(c).step_by(channels);
            samples.fold(F::Wide::ZERO, |sum, moments| sum + of(moments)) / n
        };
        let of_channel = |c| (mean_of(c, norm::Moments::mean), mean_of(c, norm::Moments::var));
        self.layer.follow((0..channels).map(of_channel), tape.count());
        Ok((y, tape))
    }
    // ANCHOR_END: train

    /// The layer at inference, y = γ (x − μ̂)/√(σ̂² + ε) + β: that of [`BatchNorm::freeze`].
    ///
    /// # Errors
    /// As [`BatchNorm::freeze`].
    pub fn freeze(&self) -> Result<Affine<F>> {
        self.layer.freeze()
    }
}
