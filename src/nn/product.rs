//! The matrix product.

use crate::error::Result;
use crate::norm::check_length;
use crate::scalar::Field;
use ndarray::{Array2, ArrayRef2};

// ANCHOR: product
/// C = A B: `c[i][j]` = Σₖ `a[i][k]` · `b[k][j]`, for A of shape `[n, p]` and B of shape `[p, q]`.
///
/// Each sum is taken in the order of k, one product after the other. ndarray's own product is about
/// three times as fast, and takes another order, and fused operations, on every kind of processor: with
/// it the thousandth step of an experiment would differ from machine to machine.
///
/// ```
/// use batchnorm::nn::product::product;
/// use ndarray::array;
///
/// assert_eq!(product(&array![[1, 2]].map(|&v| v as f64), &array![[3.0], [4.0]])?, array![[11.0]]);
/// # Ok::<(), batchnorm::error::Error>(())
/// ```
///
/// # Errors
/// [`Error::Length`](crate::error::Error::Length) if B does not have as many rows as A has columns.
pub fn product<F: Field>(a: &ArrayRef2<F>, b: &ArrayRef2<F>) -> Result<Array2<F>> {
    let ((n, p), q) = (a.dim(), b.ncols());
    check_length("rows of the right factor", p, b.nrows())?;
    let mut c = Array2::from_elem((n, q), F::ZERO);
    if p == 0 || q == 0 {
        return Ok(c);
    }
    let (a, b) = (a.as_standard_layout(), b.as_standard_layout());
    let (a, b) = (a.as_slice().expect("row-major"), b.as_slice().expect("row-major"));
    let rows = c.as_slice_mut().expect("new arrays are row-major").chunks_exact_mut(q);
    for (c, a) in rows.zip(a.chunks_exact(p)) {
        // Four rows of B at a time: an element of C is loaded and stored once for four products.
        let (mut fours, mut blocks) = (a.chunks_exact(4), b.chunks_exact(4 * q));
        for (a, block) in fours.by_ref().zip(blocks.by_ref()) {
            let (upper, lower) = block.split_at(2 * q);
            let ((b0, b1), (b2, b3)) = (upper.split_at(q), lower.split_at(q));
            for ((((c, &b0), &b1), &b2), &b3) in c.iter_mut().zip(b0).zip(b1).zip(b2).zip(b3) {
                *c = *c + a[0] * b0 + a[1] * b1 + a[2] * b2 + a[3] * b3;
            }
        }
        for (&a, b) in fours.remainder().iter().zip(blocks.remainder().chunks_exact(q)) {
            c.iter_mut().zip(b).for_each(|(c, &b)| *c = *c + a * b);
        }
    }
    Ok(c)
}
// ANCHOR_END: product

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::nn::random::Random;

    #[test]
    fn is_the_product_of_ndarray() {
        let mut random = Random::new(0);
        for (n, p, q) in
            [(1, 1, 1), (3, 4, 5), (7, 9, 2), (2, 6, 8), (5, 11, 1), (4, 0, 3), (0, 3, 2)]
        {
            // Small integers: sums are exact in every order.
            let mut draw =
                |shape| Array2::from_shape_simple_fn(shape, || random.below(19) as f64 - 9.0);
            let (a, b) = (draw((n, p)), draw((q, p)));
            assert_eq!(product(&a, &b.t()).unwrap(), a.dot(&b.t()), "{n} {p} {q}");
        }
    }

    #[test]
    fn sums_in_order() {
        // 1 is lost beside 1e20, unless it comes after the two that cancel.
        let ones = Array2::from_elem((6, 1), 1.0);
        let c = |row: [f64; 6]| product(&Array2::from(vec![row]), &ones).unwrap()[(0, 0)];
        assert_eq!(c([1.0, 1e20, -1e20, 0.0, 0.0, 0.0]), 0.0);
        assert_eq!(c([0.0, 0.0, 1e20, -1e20, 1.0, 1.0]), 2.0);
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        let got = product(&Array2::<f32>::zeros((2, 3)), &Array2::zeros((4, 2)));
        assert_eq!(got, Err(Error::Length { what: "rows of the right factor", need: 3, got: 4 }));
    }
}
