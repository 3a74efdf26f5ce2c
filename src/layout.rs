//! Channels last: `[N, …, C]`, as TensorFlow, Keras and Flax have their tensors.

use super::error::{Error, Result};
use ndarray::{Array, Dimension};

// ANCHOR: layout
/// `[N, …, C]` → `[N, C, …]`: the last axis becomes the second, the others keep their order.
///
/// No element moves: the same memory is read by other strides. (A layer puts it in order when it
/// begins to work, which costs one copy.)
///
/// ```
/// use batchnorm::{batch_norm::BatchNorm, layout};
/// use ndarray::Array4;
///
/// let images = Array4::from_shape_fn((2, 3, 4, 5), |(n, h, w, c)| (n + h * w + c * c) as f64);
/// let (y, tape) = BatchNorm::new(5).train(layout::channels_first(images)?)?;   // [2, 5, 3, 4]
/// let y = layout::channels_last(y)?;
/// assert_eq!(y.dim(), (2, 3, 4, 5));
/// # Ok::<(), batchnorm::error::Error>(())
/// ```
///
/// # Errors
/// [`Error::Rank`] below two axes.
pub fn channels_first<F, D: Dimension>(x: Array<F, D>) -> Result<Array<F, D>> {
    moved(x, |axis, last| match axis {
        0 => 0,
        1 => last,
        _ => axis - 1,
    })
}

/// `[N, C, …]` → `[N, …, C]`: the way back.
///
/// # Errors
/// [`Error::Rank`] below two axes.
pub fn channels_last<F, D: Dimension>(x: Array<F, D>) -> Result<Array<F, D>> {
    moved(x, |axis, last| match axis {
        0 => 0,
        _ if axis == last => 1,
        _ => axis + 1,
    })
}
// ANCHOR_END: layout

/// Each axis taken from where `from(axis, last axis)` says.
fn moved<F, D: Dimension>(x: Array<F, D>, from: fn(usize, usize) -> usize) -> Result<Array<F, D>> {
    let last = x.ndim().checked_sub(1).filter(|&last| last > 0);
    let last = last.ok_or(Error::Rank { need: 2, got: x.ndim() })?;
    let mut axes = D::zeros(x.ndim());
    (0..=last).for_each(|axis| axes[axis] = from(axis, last));
    Ok(x.permuted_axes(axes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, Array5, arr1};

    #[test]
    fn there_and_back() {
        let x = Array5::from_shape_fn((2, 3, 4, 5, 6), |at| at);
        let first = channels_first(x.clone()).unwrap();
        assert_eq!(first.shape(), [2, 6, 3, 4, 5]);
        assert_eq!(first[[1, 5, 2, 3, 4]], (1, 2, 3, 4, 5));
        assert_eq!(channels_last(first).unwrap(), x);
        let table = Array2::from_shape_fn((2, 3), |at| at);
        assert_eq!(channels_first(table.clone()).unwrap(), table);
        assert_eq!(channels_last(arr1(&[1])), Err(Error::Rank { need: 2, got: 1 }));
    }
}
