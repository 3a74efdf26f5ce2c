//! What training makes small: the loss of a classifier, and that of a regression.

use super::real::Real;
use crate::error::{Error, Result};
use crate::norm::{check_length, check_shape, row_major, slice_mut};
use crate::scalar::{Field, Scalar};
use crate::simd::{Work, vectorized};
use ndarray::{Array, Array2, ArrayRef, ArrayRef2, Dimension};

/// Mean cross-entropy of softmax probabilities, and its gradient with respect to the logits.
///
/// For logits z of shape `[N, classes]` and the labels t:
///
/// L = −(1/N) Σₙ ln pₙ(tₙ) with pₙ = softmax(zₙ),  ∂L/∂zₙ = (pₙ − onehot(tₙ))/N.
///
/// ```
/// use batchnorm::nn::loss::softmax_cross_entropy;
/// use ndarray::array;
///
/// let (loss, gradient) = softmax_cross_entropy(&array![[0.0, 0.0]], &[1])?;
/// assert_eq!(loss, f64::ln(2.0));
/// assert_eq!(gradient, array![[0.5, -0.5]]);
/// # Ok::<(), batchnorm::error::Error>(())
/// ```
///
/// # Errors
/// [`Error::Length`] if there is not one label for each row, [`Error::Empty`] if there is no logit,
/// [`Error::Label`] for a label that is no column.
pub fn softmax_cross_entropy<F: Real>(
    logits: &ArrayRef2<F>,
    labels: &[usize],
) -> Result<(F, Array2<F>)> {
    let (n, classes) = logits.dim();
    check_length("labels", n, labels.len())?;
    if logits.is_empty() {
        return Err(Error::Empty { shape: logits.shape().to_vec() });
    }
    let each = F::ONE / F::count(n);
    let mut loss = F::ZERO;
    let mut gradient = row_major(logits.to_owned());
    let mut own = Vec::with_capacity(n);
    for (sample, (mut row, &label)) in gradient.rows_mut().into_iter().zip(labels).enumerate() {
        if label >= classes {
            return Err(Error::Label { sample, got: label, classes });
        }
        // Softmax does not change when all logits move together; with the largest at 0 no exp overflows.
        let largest = row.iter().copied().fold(row[0], |a, b| if b > a { b } else { a });
        row.mapv_inplace(|z| z - largest);
        own.push(row[label]);
    }
    vectorized(Exponentials(slice_mut(&mut gradient)));
    for ((mut row, &label), own) in gradient.rows_mut().into_iter().zip(labels).zip(own) {
        let total = row.iter().fold(F::ZERO, |sum, &e| sum + e);
        loss = loss + (total.ln() - own) * each;
        row.mapv_inplace(|e| e / total * each);
        row[label] = row[label] - each;
    }
    Ok((loss, gradient))
}

/// z ← eᶻ.
struct Exponentials<'a, F>(&'a mut [F]);

impl<F: Real> Work for Exponentials<'_, F> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for z in self.0 {
            *z = z.exp();
        }
    }
}

/// Mean squared error, and its gradient with respect to the outputs.
///
/// For outputs y and targets t of the same shape, with n elements each:
///
/// L = (1/n) Σ (y − t)²,  ∂L/∂y = 2 (y − t)/n.
///
/// ```
/// use batchnorm::nn::loss::mean_squared_error;
/// use ndarray::array;
///
/// let (loss, gradient) = mean_squared_error(&array![[1.0, 5.0]], &array![[2.0, 2.0]])?;
/// assert_eq!(loss, 5.0);
/// assert_eq!(gradient, array![[-1.0, 3.0]]);
/// # Ok::<(), batchnorm::error::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shape`] if the targets have another shape, [`Error::Empty`] if there is no output.
pub fn mean_squared_error<F: Scalar, D: Dimension>(
    y: &ArrayRef<F, D>,
    targets: &ArrayRef<F, D>,
) -> Result<(F, Array<F, D>)> {
    check_shape("targets", y.shape(), targets.shape())?;
    if y.is_empty() {
        return Err(Error::Empty { shape: y.shape().to_vec() });
    }
    let n = F::Wide::count(y.len());
    let difference = |y: F, t: F| y.widen() - t.widen();
    let squares = y.iter().zip(targets).map(|(&y, &t)| difference(y, t) * difference(y, t));
    let loss = F::narrow(squares.fold(F::Wide::ZERO, |sum, square| sum + square) / n);
    let mut gradient = y.to_owned();
    gradient.zip_mut_with(targets, |y, &t| {
        *y = F::narrow((difference(*y, t) + difference(*y, t)) / n);
    });
    Ok((loss, gradient))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::testing::{check_gradient, draw};
    use ndarray::array;

    #[test]
    fn the_gradient_is_central_differences() {
        let (logits, labels) = (draw([4, 3], 1), [0, 2, 1, 2]);
        let dy = array![1.7];
        let gradient = softmax_cross_entropy(&logits, &labels).unwrap().1 * dy[0];
        check_gradient(&logits, &gradient, &dy, |z| {
            array![softmax_cross_entropy(z, &labels).unwrap().0]
        });
    }

    #[test]
    fn the_gradient_of_squares_is_central_differences() {
        let (y, targets, dy) = (draw([4, 3, 2], 1), draw([4, 3, 2], 2), array![1.7]);
        let gradient = mean_squared_error(&y, &targets).unwrap().1 * dy[0];
        check_gradient(&y, &gradient, &dy, |y| array![mean_squared_error(y, &targets).unwrap().0]);
    }

    #[test]
    fn targets_that_do_not_fit_are_refused() {
        let y = Array2::<f32>::zeros((3, 2));
        let need = Error::Shape { what: "targets", need: vec![3, 2], got: vec![1, 2] };
        assert_eq!(mean_squared_error(&y, &Array2::zeros((1, 2))), Err(need));
        let empty = Array2::<f32>::zeros((0, 2));
        assert_eq!(mean_squared_error(&empty, &empty), Err(Error::Empty { shape: vec![0, 2] }));
    }

    #[test]
    fn large_logits_do_not_overflow() {
        let (loss, gradient) = softmax_cross_entropy(&array![[1e30_f32, 0.0]], &[1]).unwrap();
        assert_eq!((loss, gradient), (1e30, array![[1.0, -1.0]]));
    }

    #[test]
    fn labels_that_do_not_fit_are_refused() {
        let z = array![[0.0_f32, 1.0], [2.0, 3.0]];
        let label = |labels: &[usize]| softmax_cross_entropy(&z, labels).unwrap_err();
        assert_eq!(label(&[0, 2]), Error::Label { sample: 1, got: 2, classes: 2 });
        assert_eq!(label(&[0]), Error::Length { what: "labels", need: 2, got: 1 });
        let empty = softmax_cross_entropy(&Array2::<f32>::zeros((0, 3)), &[]);
        assert_eq!(empty, Err(Error::Empty { shape: vec![0, 3] }));
    }
}
