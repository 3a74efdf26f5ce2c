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
/// Exact for every stride, padding and dilation: these say which pixels the window sees, and a row of W is
/// multiplied by one α whatever it sees.
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
    let bias = mapped(bias, map)?;
    let mut weight = weight.to_owned();
    for (mut row, &a) in weight.axis_iter_mut(Axis(0)).zip(&map.slope()) {
        row.mapv_inplace(|w| w * a);
    }
    Ok((weight, bias))
}
// ANCHOR_END: into_previous

// ANCHOR: into_previous_transposed
/// Folds a map into the *transposed* convolution before it: weights `[in, out/groups, kh, kw]`, as PyTorch
/// has them, one channel of the map for each output.
///
/// As [`into_previous`], only that the output channel is the second axis, within its group:
/// w′\[c, j\] = α\[o\] w\[c, j\] for the j-th output o of the group of the input c.
///
/// ```
/// use batchnorm::{affine::Affine, folding::into_previous_transposed_convolution};
/// use ndarray::{array, Array1};
///
/// let slope = array![1.0, 10.0, 100.0, 1000.0];                   // 4 outputs, in 2 groups
/// let map = Affine::new(Array1::zeros(4), slope, Array1::zeros(4))?;
/// let weight = array![[[[1.0]], [[2.0]]], [[[3.0]], [[4.0]]]];    // 2 inputs
/// let (weight, _) = into_previous_transposed_convolution(&weight, None, 2, &map)?;
/// assert_eq!(weight, array![[[[1.0]], [[20.0]]], [[[300.0]], [[4000.0]]]]);
/// # Ok::<(), batchnorm::error::Error>(())
/// ```
///
/// # Errors
/// [`Error::Groups`] if the groups do not divide the inputs, [`Error::Length`] if the map or the bias does
/// not have one channel for each output, [`Error::Empty`] if there is no output.
pub fn into_previous_transposed_convolution<F: Scalar>(
    weight: &ArrayRef4<F>,
    bias: Option<&Array1<F>>,
    groups: usize,
    map: &Affine<F>,
) -> Result<(Array4<F>, Array1<F>)> {
    let (inputs, depth, ..) = weight.dim();
    check_groups(groups, inputs)?;
    check_length("channels of the map", groups.saturating_mul(depth), map.channels())?;
    let bias = mapped(bias, map)?;
    let (mut weight, slope) = (weight.to_owned(), map.slope());
    for ((c, j, ..), w) in weight.indexed_iter_mut() {
        *w = *w * slope[c / (inputs / groups) * depth + j];
    }
    Ok((weight, bias))
}
// ANCHOR_END: into_previous_transposed

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
    check_length("channels of the map", groups.saturating_mul(depth), map.channels())?;
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

// ANCHOR: into_next_transposed
/// How a transposed convolution goes over an image: its input pixel i and its weight p meet in the output
/// pixel i·stride + p·dilation − padding, in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transposed {
    /// By how many pixels the window moves.
    pub stride: usize,
    /// How many pixels are cut off the output, on every side. (What PyTorch calls `output_padding` gives
    /// back some of them at one end: subtract it here.)
    pub padding: usize,
    /// How many pixels lie from one weight of the window to the next.
    pub dilation: usize,
    /// Into how many groups the channels are divided.
    pub groups: usize,
}

/// Folds a map into the transposed convolution behind it, of weights `[in, out/groups, kh, kw]`, one
/// channel of the map for each input.
///
/// Exact where each output sees all of the window, for the c of the map αx + c reaches it through as many
/// weights as see a pixel. With a stride above 1 none does: between the pixels that are moved apart there
/// are gaps. With stride 1 the border does not, and is as wide as the window: it must have been cut off by a
/// padding of (k − 1)·dilation or more for a window of size k. All else is refused. (A transposed
/// convolution of stride 1 is a convolution padded by (k − 1)·dilation − padding zeros: the rule is that of
/// [`into_next_convolution`].)
///
/// ```
/// use batchnorm::{affine::Affine, error::Error};
/// use batchnorm::folding::{Transposed, into_next_transposed_convolution};
/// use ndarray::{array, Array4};
///
/// let map = Affine::new(array![0.0], array![2.0], array![3.0])?;
/// let ones = Array4::ones((1, 1, 3, 3));
/// let cut = Transposed { stride: 1, padding: 2, dilation: 1, groups: 1 };
/// let (weight, bias) = into_next_transposed_convolution(&ones, None, cut, &map)?;
/// assert_eq!((weight, bias), (ones.clone() * 2.0, array![27.0]));
///
/// let uncut = into_next_transposed_convolution(&ones, None, Transposed { padding: 0, ..cut }, &map);
/// assert_eq!(uncut, Err(Error::Transposed { stride: 1, padding: 0, need: 2 }));
/// # Ok::<(), batchnorm::error::Error>(())
/// ```
///
/// # Errors
/// [`Error::Transposed`] where it is not exact, [`Error::Empty`] if there is no input, [`Error::Groups`] if
/// the groups do not divide the inputs, [`Error::Length`] if the map does not have one channel for each
/// input, or the bias one element for each output.
pub fn into_next_transposed_convolution<F: Scalar>(
    weight: &ArrayRef4<F>,
    bias: Option<&Array1<F>>,
    window: Transposed,
    map: &Affine<F>,
) -> Result<(Array4<F>, Array1<F>)> {
    let Transposed { stride, padding, dilation, groups } = window;
    let (inputs, depth, kh, kw) = weight.dim();
    let need = kh.max(kw).saturating_sub(1).saturating_mul(dilation);
    if stride != 1 || padding < need {
        return Err(Error::Transposed { stride, padding, need });
    }
    if inputs == 0 {
        return Err(Error::Empty { shape: weight.shape().to_vec() });
    }
    check_groups(groups, inputs)?;
    let outputs = groups * depth;
    check_length("channels of the map", inputs, map.channels())?;
    check_length("bias", outputs, bias.map_or(outputs, Array1::len))?;
    let (slope, intercept) = (map.slope(), map.intercept());
    let mut sums = bias.map_or(vec![F::Wide::ZERO; outputs], |b| b.map(|b| b.widen()).to_vec());
    let mut weight = weight.to_owned();
    for ((c, j, ..), w) in weight.indexed_iter_mut() {
        let o = c / (inputs / groups) * depth + j;
        sums[o] = sums[o] + w.widen() * intercept[c].widen();
        *w = *w * slope[c];
    }
    Ok((weight, sums.into_iter().map(F::narrow).collect()))
}
// ANCHOR_END: into_next_transposed

/// Where the map sends a bias, which is 0 where there is none.
fn mapped<F: Scalar>(bias: Option<&Array1<F>>, map: &Affine<F>) -> Result<Array1<F>> {
    let outputs = map.channels();
    check_length("bias", outputs, bias.map_or(outputs, Array1::len))?;
    let bias = bias.cloned().unwrap_or_else(|| Array1::from_elem(outputs, F::ZERO));
    Ok(map.apply(&bias.insert_axis(Axis(0)))?.remove_axis(Axis(0)))
}
