//! Folding: the affine map that batch normalization is at inference disappears into the layer before it
//! or behind it.
//!
//! Weights are given and returned as plain arrays, one function for each shape, so that they can come
//! from anywhere.

use super::affine::Affine;
use super::error::{Error, Result};
use super::norm::check_length;
use super::scalar::{Field, Scalar};
use super::split::check_groups;
use ndarray::{Array, Array1, Array2, Array4, ArrayRef, ArrayRef2, ArrayRef4, Axis, RemoveAxis};

// ANCHOR: into_previous
/// Folds a map into the layer before it: weights `[out, …]` of a linear layer (`[out, in]`) or of a
/// convolution with any number of groups (`[out, in/groups, kh, kw]`), one channel of the map for each
/// output. A layer without a bias has one afterwards.
///
/// With α the slope of the map: W′ = α W, row by row, and b′ is where the map sends b,
///
/// α (W x + b − center) + shift = (α W) x + (α (b − center) + shift).
///
/// ```
/// use batchnorm::{affine::Affine, folding::into_previous};
/// use ndarray::array;
///
/// let map = Affine::new(array![1.0, 0.0], array![2.0, -1.0], array![0.0, 3.0])?;
/// let (weight, bias) = into_previous(&array![[1.0, 2.0], [3.0, 4.0]], None, &map)?;
/// assert_eq!(weight, array![[2.0, 4.0], [-3.0, -4.0]]);
/// assert_eq!(bias, array![-2.0, 3.0]);
/// # Ok::<(), batchnorm::error::Error>(())
/// ```
///
/// # Errors
/// [`Error::Rank`] for weights without an axis, [`Error::Length`] if the map or the bias does not have
/// one channel for each output, [`Error::Empty`] if there is no output.
pub fn into_previous<F: Scalar, D: RemoveAxis>(
    weight: &ArrayRef<F, D>,
    bias: Option<&Array1<F>>,
    map: &Affine<F>,
) -> Result<(Array<F, D>, Array1<F>)> {
    let Some(&outputs) = weight.shape().first() else {
        return Err(Error::Rank { need: 1, got: 0 });
    };
    check_length("channels of the map", outputs, map.channels())?;
    check_length("bias", outputs, bias.map_or(outputs, Array1::len))?;
    let bias = bias.cloned().unwrap_or_else(|| Array1::from_elem(outputs, F::ZERO));
    let bias = map.apply(&bias.insert_axis(Axis(0)))?.remove_axis(Axis(0));

    let mut weight = weight.to_owned();
    for (mut row, &a) in weight.axis_iter_mut(Axis(0)).zip(&map.slope()) {
        row.mapv_inplace(|w| w * a);
    }
    Ok((weight, bias))
}
// ANCHOR_END: into_previous

// ANCHOR: into_next
/// Folds a map into the linear layer behind it, of weights `[out, in]`, one channel of the map for each
/// input: with the map written as αx + c,
///
/// W (αx + c) + b = (W diag α) x + (W c + b).
///
/// ```
/// use batchnorm::{affine::Affine, folding::into_next};
/// use ndarray::array;
///
/// let map = Affine::new(array![1.0, 0.0], array![2.0, -1.0], array![0.0, 3.0])?;
/// let (weight, bias) = into_next(&array![[1.0, 2.0]], Some(&array![0.5]), &map)?;
/// assert_eq!(weight, array![[2.0, -2.0]]);
/// assert_eq!(bias, array![4.5]);
/// # Ok::<(), batchnorm::error::Error>(())
/// ```
///
/// # Errors
/// [`Error::Length`] if the map does not have one channel for each input, or the bias one element for
/// each output.
pub fn into_next<F: Scalar>(
    weight: &ArrayRef2<F>,
    bias: Option<&Array1<F>>,
    map: &Affine<F>,
) -> Result<(Array2<F>, Array1<F>)> {
    let one_by_one = weight.to_owned().insert_axis(Axis(2)).insert_axis(Axis(3));
    let (weight, bias) = into_next_convolution(&one_by_one, bias, 1, 0, map)?;
    Ok((weight.remove_axis(Axis(3)).remove_axis(Axis(2)), bias))
}
// ANCHOR_END: into_next

// ANCHOR: into_next_convolution
/// Folds a map into the convolution behind it, of weights `[out, in/groups, kh, kw]`, one channel of the
/// map for each input channel.
///
/// Exact for padding 0, and refused for any other: at a padded border the convolution saw a zero where
/// the map's c would be, so no one bias is right both there and inside.
///
/// ```
/// use batchnorm::{affine::Affine, error::Error, folding::into_next_convolution};
/// use ndarray::{array, Array4};
///
/// let map = Affine::new(array![0.0], array![2.0], array![3.0])?;
/// let ones = Array4::ones((1, 1, 3, 3));
/// let (weight, bias) = into_next_convolution(&ones, None, 1, 0, &map)?;
/// assert_eq!((weight, bias), (ones.clone() * 2.0, array![27.0]));
///
/// let padded = into_next_convolution(&ones, None, 1, 1, &map);
/// assert_eq!(padded, Err(Error::Padding { got: 1 }));
/// # Ok::<(), batchnorm::error::Error>(())
/// ```
///
/// # Errors
/// [`Error::Padding`] for a padding, [`Error::Groups`] if the groups do not divide the outputs,
/// [`Error::Length`] if the map does not have one channel for each input channel, or the bias one
/// element for each output.
pub fn into_next_convolution<F: Scalar>(
    weight: &ArrayRef4<F>,
    bias: Option<&Array1<F>>,
    groups: usize,
    padding: usize,
    map: &Affine<F>,
) -> Result<(Array4<F>, Array1<F>)> {
    let (outputs, depth, ..) = weight.dim();
    if padding != 0 {
        return Err(Error::Padding { got: padding });
    }
    check_groups(groups, outputs)?;
    check_length("channels of the map", groups * depth, map.channels())?;
    check_length("bias", outputs, bias.map_or(outputs, Array1::len))?;
    let (slope, intercept) = (map.slope(), map.intercept());
    let mut sums = bias.map_or(vec![F::Wide::ZERO; outputs], |b| b.map(|b| b.widen()).to_vec());
    let mut weight = weight.to_owned();
    for ((o, c, ..), w) in weight.indexed_iter_mut() {
        // The input channel that the c-th weight of this output meets.
        let channel = o / (outputs / groups) * depth + c;
        sums[o] = sums[o] + w.widen() * intercept[channel].widen();
        *w = *w * slope[channel];
    }
    Ok((weight, sums.into_iter().map(F::narrow).collect()))
}
// ANCHOR_END: into_next_convolution
