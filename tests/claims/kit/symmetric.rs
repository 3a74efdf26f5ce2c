//! Eigenvalues of small symmetric matrices, by Jacobi's rotations.

use ndarray::{Array1, Array2, Axis};

/// The eigenvalues, in no order, and a matrix with the eigenvectors for its columns.
pub fn eigen(a: &Array2<f64>) -> (Array1<f64>, Array2<f64>) {
    let n = a.nrows();
    let (mut a, mut vectors) = (a.clone(), Array2::eye(n));
    // Each round turns all pairs of axes; the rest off the diagonal is squared by every round.
    for _ in 0..12 {
        for p in 0..n {
            for q in p + 1..n {
                let angle = 0.5 * f64::atan2(2.0 * a[[p, q]], a[[q, q]] - a[[p, p]]);
                let (sin, cos) = angle.sin_cos();
                let mut turn = Array2::eye(n);
                (turn[[p, p]], turn[[q, q]]) = (cos, cos);
                (turn[[p, q]], turn[[q, p]]) = (sin, -sin);
                a = turn.t().dot(&a).dot(&turn);
                vectors = vectors.dot(&turn);
            }
        }
    }
    (a.diag().to_owned(), vectors)
}

/// The largest eigenvalue by the smallest.
pub fn condition(a: &Array2<f64>) -> f64 {
    let values = eigen(a).0;
    let by = |f: fn(f64, f64) -> f64| values.iter().copied().reduce(f).expect("not empty");
    by(f64::max) / by(f64::min)
}

/// The largest singular value: by how much the matrix stretches a vector at most.
pub fn norm(w: &Array2<f64>) -> f64 {
    eigen(&w.t().dot(w)).0.into_iter().fold(0.0, f64::max).sqrt()
}

/// ⟨x xᵀ⟩ over the rows of `x`.
pub fn second_moments(x: &Array2<f64>) -> Array2<f64> {
    x.t().dot(x) / x.len_of(Axis(0)) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn knows_a_matrix_of_three() {
        // (1, 1, 1), (1, −1, 0) and (1, 1, −2) are its eigenvectors.
        let a = array![[3.0, 1.0, 1.0], [1.0, 3.0, 1.0], [1.0, 1.0, 3.0]];
        let (values, vectors) = eigen(&a);
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        assert!(sorted.iter().zip([2.0, 2.0, 5.0]).all(|(a, b)| (a - b).abs() < 1e-14));
        let again = vectors.dot(&Array2::from_diag(&values)).dot(&vectors.t());
        assert!((again - &a).iter().all(|d| d.abs() < 1e-14));
        assert!((condition(&a) - 2.5).abs() < 1e-14);
        assert_eq!(norm(&array![[0.0, -3.0], [2.0, 0.0]]), 3.0);
    }
}
