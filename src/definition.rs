//! The definition: what the library computes, said in ten lines of ndarray.
//!
//! Slow and plain. The book shows it first, and the tests hold the library against it.

use ndarray::{ArrayD, Axis};

// ANCHOR: normalize
/// x̂ = (x − μ)/√(v + ε), mean and biased variance over the `axes` that are named.
///
/// Over the axes (0, 2, 3) of `[N, C, H, W]` it is batch normalization.
///
/// ```
/// use batchnorm::definition::normalize;
/// use ndarray::array;
///
/// let x = array![[1.0], [2.0], [3.0], [6.0]].into_dyn();
/// assert_eq!(normalize(&x, &[0], 0.5), array![[-1.0], [-0.5], [0.0], [1.5]].into_dyn());
/// ```
pub fn normalize(x: &ArrayD<f64>, axes: &[usize], eps: f64) -> ArrayD<f64> {
    let m: usize = axes.iter().map(|&a| x.len_of(Axis(a))).product();
    let mean = |t: &ArrayD<f64>| {
        let sum = |t: ArrayD<f64>, &a: &usize| t.sum_axis(Axis(a)).insert_axis(Axis(a));
        axes.iter().fold(t.clone(), sum) / m as f64
    };
    let centred = x - &mean(x);
    let var = mean(&(&centred * &centred));
    centred / (var + eps).sqrt()
}
// ANCHOR_END: normalize
