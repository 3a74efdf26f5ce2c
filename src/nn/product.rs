//! The matrix product.

use crate::error::Result;
use crate::norm::check_length;
use crate::scalar::Field;
use crate::simd::{Work, vectorized};
use ndarray::{Array2, ArrayRef2};
use std::array;

/// How many rows and columns of C are summed at a time: as many as there are registers for.
const ROWS: usize = 6;
const COLUMNS: usize = 8;

/// C = A B: `c[i][j]` = Σₖ `a[i][k]` · `b[k][j]`, for A of shape `[n, p]` and B of shape `[p, q]`.
///
/// Each sum is taken in the order of k, one product after the other. ndarray's own product is a little
/// faster, and takes another order, and fused operations, on every kind of processor: with it the
/// thousandth step of an experiment would differ from machine to machine.
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
    if p > 0 && q > 0 {
        let (a, b) = (a.as_standard_layout(), b.as_standard_layout());
        let (a, b) = (a.as_slice().expect("row-major"), b.as_slice().expect("row-major"));
        let c = c.as_slice_mut().expect("new arrays are row-major");
        vectorized(Product { a, b, c, p, q });
    }
    Ok(c)
}

struct Product<'a, F> {
    a: &'a [F],
    b: &'a [F],
    c: &'a mut [F],
    p: usize,
    q: usize,
}

// ANCHOR: product
impl<F: Field> Work for Product<'_, F> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Product { a, b, c, p, q } = self;
        // A few columns of B side by side in memory, filled up with zeros.
        let mut columns = vec![[F::ZERO; COLUMNS]; p];
        for first in (0..q).step_by(COLUMNS) {
            let width = COLUMNS.min(q - first);
            for (to, row) in columns.iter_mut().zip(b.chunks_exact(q)) {
                to[..width].copy_from_slice(&row[first..][..width]);
            }
            let (mut a, mut c) = (a.chunks_exact(ROWS * p), c.chunks_exact_mut(ROWS * q));
            for (a, c) in a.by_ref().zip(c.by_ref()) {
                for (sums, c) in tile::<F, ROWS>(a, &columns).iter().zip(c.chunks_exact_mut(q)) {
                    c[first..][..width].copy_from_slice(&sums[..width]);
                }
            }
            let rows = a.remainder().chunks_exact(p).zip(c.into_remainder().chunks_exact_mut(q));
            for (a, c) in rows {
                let [sums] = tile::<F, 1>(a, &columns);
                c[first..][..width].copy_from_slice(&sums[..width]);
            }
        }
    }
}

/// The products of some rows of A with some columns of B: all sums grow together, in the order of k.
#[inline(always)]
fn tile<F: Field, const N: usize>(a: &[F], columns: &[[F; COLUMNS]]) -> [[F; COLUMNS]; N] {
    let p = columns.len();
    let rows: [&[F]; N] = array::from_fn(|i| &a[i * p..][..p]);
    let mut sums = [[F::ZERO; COLUMNS]; N];
    for k in 0..p {
        let b = columns[k];
        for i in 0..N {
            for j in 0..COLUMNS {
                sums[i][j] = sums[i][j] + rows[i][k] * b[j];
            }
        }
    }
    sums
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
        for (n, p, q) in [
            (1, 1, 1),
            (3, 4, 5),
            (7, 9, 2),
            (12, 6, 8),
            (13, 11, 17),
            (4, 0, 3),
            (0, 3, 2),
            (3, 2, 0),
        ] {
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
