//! Mean and variance of values that arrive one by one, or in parts.

use super::error::{Error, Result};

// ANCHOR: streaming
/// Count, mean, and M₂ = Σ(x − mean)² of the values so far: enough for mean and variance, and enough to
/// be merged.
///
/// ```
/// use batchnorm::streaming::Streaming;
///
/// let whole: Streaming = [1.0, 2.0, 3.0, 6.0].into_iter().collect();
/// let (mut left, right): (Streaming, Streaming) =
///     ([1.0].into_iter().collect(), [2.0, 3.0, 6.0].into_iter().collect());
/// left.merge(&right);
/// assert_eq!((left.count(), left.mean()), (4, Some(3.0)));
/// assert_eq!(left.biased_variance()?, 3.5);
/// assert_eq!(left.unbiased_variance()?, whole.unbiased_variance()?);
/// # Ok::<(), batchnorm::error::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Streaming {
    count: u64,
    mean: f64,
    m2: f64,
}

impl Streaming {
    /// Adds one value (B. P. Welford, Technometrics 4, 1962).
    pub fn push(&mut self, value: f64) {
        self.count += 1;
        let before = value - self.mean;
        self.mean += before / self.count as f64;
        self.m2 += before * (value - self.mean);
    }

    /// Adds all values of another part (T. F. Chan, G. H. Golub, R. J. LeVeque, 1979): with δ the
    /// difference of the two means,
    ///
    /// mean = mean_A + δ n_B/n,  M₂ = M₂_A + M₂_B + δ² n_A n_B/n.
    pub fn merge(&mut self, other: &Streaming) {
        if other.count == 0 {
            return;
        }
        let (a, b) = (self.count as f64, other.count as f64);
        let (n, delta) = (a + b, other.mean - self.mean);
        self.mean += delta * (b / n);
        self.m2 += other.m2 + delta * delta * (a * b / n);
        self.count += other.count;
    }
    // ANCHOR_END: streaming

    /// How many values.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their mean, if there is any value.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean)
    }

    /// Σ(x − mean)²/n.
    ///
    /// # Errors
    /// [`Error::TooFewValues`] without a value.
    pub fn biased_variance(&self) -> Result<f64> {
        self.divided_by_all_but(0)
    }

    /// Σ(x − mean)²/(n − 1).
    ///
    /// # Errors
    /// [`Error::TooFewValues`] below two values.
    pub fn unbiased_variance(&self) -> Result<f64> {
        self.divided_by_all_but(1)
    }

    fn divided_by_all_but(&self, left_out: u64) -> Result<f64> {
        if self.count > left_out {
            Ok(self.m2 / (self.count - left_out) as f64)
        } else {
            Err(Error::TooFewValues { need: left_out as usize + 1, got: self.count as usize })
        }
    }
}

impl Extend<f64> for Streaming {
    fn extend<I: IntoIterator<Item = f64>>(&mut self, values: I) {
        values.into_iter().for_each(|value| self.push(value));
    }
}

impl FromIterator<f64> for Streaming {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let mut all = Streaming::default();
        all.extend(values);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn parts_in_any_order_are_the_whole(
            values in prop::collection::vec(-1e3..1e3, 1..60),
            offset in prop::sample::select(vec![0.0, 1e3, -1e6]),
            cuts in prop::collection::vec(0_usize..60, 0..5),
        ) {
            let values: Vec<f64> = values.into_iter().map(|v: f64| v + offset).collect();
            let n = values.len() as f64;
            let mean = values.iter().sum::<f64>() / n;
            let var = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;

            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c % (values.len() + 1)).collect();
            cuts.extend([0, values.len()]);
            cuts.sort_unstable();
            let mut merged = Streaming::default();
            for ends in cuts.windows(2).rev() {
                merged.merge(&values[ends[0]..ends[1]].iter().copied().collect());
            }
            prop_assert_eq!(merged.count() as usize, values.len());
            let u = f64::EPSILON;
            let scale = 1e3 + offset.abs();
            prop_assert!((merged.mean().unwrap() - mean).abs() <= 100.0 * u * scale);
            // The mean's own error moves each deviation by about u·scale.
            let bound = 100.0 * u * (var + scale * var.sqrt() + scale * scale * u);
            prop_assert!((merged.biased_variance().unwrap() - var).abs() <= bound);
            if let Ok(unbiased) = merged.unbiased_variance() {
                prop_assert!((unbiased * (n - 1.0) / n - var).abs() <= bound);
            }
        }
    }

    #[test]
    fn too_few_values_are_refused() {
        let mut s = Streaming::default();
        assert_eq!(s.mean(), None);
        assert_eq!(s.biased_variance(), Err(Error::TooFewValues { need: 1, got: 0 }));
        s.push(5.0);
        assert_eq!(s.unbiased_variance(), Err(Error::TooFewValues { need: 2, got: 1 }));
        assert_eq!((s.mean(), s.biased_variance()), (Some(5.0), Ok(0.0)));
    }
}
