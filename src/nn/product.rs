//! The matrix product.

use crate::error::Result;
use crate::norm::check_length;
use crate::scalar::Field;
use crate::simd::{Work, vectorized};
use ndarray::{Array2, ArrayRef2, ArrayView2, AxisDescription, CowArray, Slice};
use std::array;
use std::ops::Range;

/// How many rows and columns of C are summed at a time: as many as there are registers for, which hold
/// twice as many numbers of half the size. And how many products are added to them at a time: so many that
/// the columns of B, side by side, stay in the nearest memory.
const ROWS: usize = 4;
const COLUMNS: usize = 8;
const DEPTH: usize = 256;

/// C = A B: `c[i][j]` = Σₖ `a[i][k]` · `b[k][j]`, for A of shape `[n, p]` and B of shape `[p, q]`.
///
/// Each sum is taken in the order of k, one product after the other. ndarray's own product takes
/// another order, and fused operations, on every kind of processor. That makes it faster, up to twice at
/// most, for a fused operation does the work of two; but with it the thousandth step of an experiment would differ from machine to machine.
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
        let mut rows = CowArray::from(a.view());
        if !a.is_standard_layout() {
            // `assign` chooses the order that suits both, and `as_standard_layout` takes twice as long.
            let mut copy = Array2::from_elem((n, p), F::ZERO);
            copy.assign(a);
            rows = copy.into();
        }
        let a = rows.as_slice().expect("row-major");
        let c = c.as_slice_mut().expect("new arrays are row-major");
        vectorized(Product { a, b: b.view(), c, p, q });
    }
    Ok(c)
}

struct Product<'a, F> {
    a: &'a [F],
    b: ArrayView2<'a, F>,
    c: &'a mut [F],
    p: usize,
    q: usize,
}

// ANCHOR: product
impl<F: Field> Work for Product<'_, F> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        match size_of::<F>() {
            4 => self.in_tiles::<{ 2 * COLUMNS }>(),
            _ => self.in_tiles::<COLUMNS>(),
        }
    }
}

impl<F: Field> Product<'_, F> {
    #[inline(always)]
    fn in_tiles<const COLUMNS: usize>(self) {
        let Product { a, b, c, p, q } = self;
        // A few columns of B side by side in memory, filled up with zeros.
        let mut columns = vec![[F::ZERO; COLUMNS]; DEPTH.min(p)];
        for first in (0..q).step_by(COLUMNS) {
            let place = first..q.min(first + COLUMNS);
            for depth in (0..p).step_by(DEPTH) {
                let columns = &mut columns[..DEPTH.min(p - depth)];
                let taken = [depth..depth + columns.len(), place.clone()];
                let taken = |a: AxisDescription| Slice::from(taken[a.axis.index()].clone());
                gather(b.slice_each_axis(taken), columns);
                let (mut a, mut c) = (a.chunks_exact(ROWS * p), c.chunks_exact_mut(ROWS * q));
                for (a, c) in a.by_ref().zip(c.by_ref()) {
                    tile::<F, ROWS, COLUMNS>((a, p, depth), columns, (c, q, &place));
                }
                let rows =
                    a.remainder().chunks_exact(p).zip(c.into_remainder().chunks_exact_mut(q));
                for (a, c) in rows {
                    tile::<F, 1, COLUMNS>((a, p, depth), columns, (c, q, &place));
                }
            }
        }
    }
}

/// Writes a few columns side by side, in the order in which they lie in memory.
#[inline(always)]
fn gather<F: Field, const COLUMNS: usize>(from: ArrayView2<F>, columns: &mut [[F; COLUMNS]]) {
    if from.strides()[0] == 1 {
        for (j, column) in from.columns().into_iter().enumerate() {
            columns.iter_mut().zip(column).for_each(|(to, &b)| to[j] = b);
        }
    } else {
        for (to, row) in columns.iter_mut().zip(from.rows()) {
            to.iter_mut().zip(row).for_each(|(to, &b)| *to = b);
        }
    }
}

/// Adds the products of some rows of A with some columns of B: all sums grow together, in the order of k.
#[inline(always)]
fn tile<F: Field, const ROWS: usize, const COLUMNS: usize>(
    (a, p, depth): (&[F], usize, usize),
    columns: &[[F; COLUMNS]],
    (c, q, place): (&mut [F], usize, &Range<usize>),
) {
    let rows: [&[F]; ROWS] = array::from_fn(|i| &a[i * p + depth..][..columns.len()]);
    let mut sums = [[F::ZERO; COLUMNS]; ROWS];
    // Whole registers, but for the last columns.
    for (sums, c) in sums.iter_mut().zip(c.chunks_exact(q)) {
        let c = &c[place.clone()];
        match c.try_into() {
            Ok(c) => *sums = c,
            Err(_) => sums[..c.len()].copy_from_slice(c),
        }
    }
    for (k, b) in columns.iter().enumerate() {
        for i in 0..ROWS {
            for j in 0..COLUMNS {
                sums[i][j] = sums[i][j] + rows[i][k] * b[j];
            }
        }
    }
    for (sums, c) in sums.iter().zip(c.chunks_exact_mut(q)) {
        let c = &mut c[place.clone()];
        match <&mut [F; COLUMNS]>::try_from(&mut *c) {
            Ok(c) => *c = *sums,
            Err(_) => c.copy_from_slice(&sums[..c.len()]),
        }
    }
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
            (5, 600, 19),
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
