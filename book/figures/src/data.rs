//! What figures are given: numbers with the names under which they are drawn.

/// A named line through points.
#[derive(Clone, Copy, Debug)]
pub struct Series<'a> {
    pub label: &'a str,
    pub points: &'a [(f64, f64)],
}

/// A value at `x` between a low and a high one: a mean and its interval, a median and two percentiles.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    pub x: f64,
    pub low: f64,
    pub mid: f64,
    pub high: f64,
}

/// A named line with an interval about it.
#[derive(Clone, Copy, Debug)]
pub struct Band<'a> {
    pub label: &'a str,
    pub points: &'a [Interval],
}

/// A named value with an interval about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    pub label: String,
    pub low: f64,
    pub mid: f64,
    pub high: f64,
}

/// How many values fell into each of the equal bins between `low` and `high`.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    pub low: f64,
    pub high: f64,
    pub counts: Vec<u64>,
    /// Mean and standard deviation of all values, those outside the bins too.
    pub mean: f64,
    pub sd: f64,
}

impl Histogram {
    /// Counts `values` in `bins` bins. What is not a number is left out.
    pub fn of(
        values: impl IntoIterator<Item = f64>,
        low: f64,
        high: f64,
        bins: usize,
    ) -> Histogram {
        let values: Vec<_> = values.into_iter().filter(|value| value.is_finite()).collect();
        let average = |f: &dyn Fn(f64) -> f64| {
            values.iter().map(|&value| f(value)).sum::<f64>() / values.len() as f64
        };
        let mean = average(&|value| value);
        let sd = libm::sqrt(average(&|value| (value - mean) * (value - mean)));
        let mut counts = vec![0; bins];
        for &value in values.iter().filter(|value| (low..=high).contains(value)) {
            let bin = ((value - low) / (high - low) * bins as f64) as usize;
            if let Some(count) = counts.get_mut(bin.min(bins.saturating_sub(1))) {
                *count += 1;
            }
        }
        Histogram { low, high, counts, mean, sd }
    }

    fn total(&self) -> f64 {
        self.counts.iter().sum::<u64>() as f64
    }

    pub(crate) fn bin_width(&self) -> f64 {
        (self.high - self.low) / self.counts.len().max(1) as f64
    }

    /// The bars: left end, right end, and a height that makes the area of all bars one.
    pub(crate) fn bars(&self) -> impl Iterator<Item = (f64, f64, f64)> {
        let width = self.bin_width();
        let area = self.total() * width;
        let left = move |bin: usize| self.low + bin as f64 * width;
        self.counts
            .iter()
            .enumerate()
            .filter(move |_| area > 0.0)
            .map(move |(bin, &count)| (left(bin), left(bin + 1), count as f64 / area))
    }

    pub(crate) fn tallest(&self) -> f64 {
        self.bars().map(|(_, _, height)| height).fold(0.0, f64::max)
    }
}

/// The density of a Gaussian at `x`.
pub(crate) fn gaussian(x: f64, mean: f64, sd: f64) -> f64 {
    let z = (x - mean) / sd;
    libm::exp(-0.5 * z * z) / (sd * libm::sqrt(2.0 * core::f64::consts::PI))
}

/// `count + 1` points of a function from `low` to `high`, evenly spaced.
pub(crate) fn sample(low: f64, high: f64, count: u32, f: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
    (0..=count)
        .map(|i| low + (high - low) * f64::from(i) / f64::from(count))
        .map(|x| (x, f(x)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_counts_and_has_area_one() {
        let histogram = Histogram::of([0.0, 0.1, 0.6, 1.0, 1.1, -0.1, f64::NAN], 0.0, 1.0, 2);
        assert_eq!(histogram.counts, [2, 2]);
        assert!((histogram.mean - 0.45).abs() < 1e-12 && (histogram.sd - 0.4787).abs() < 1e-4);
        let area: f64 = histogram.bars().map(|(l, r, h)| (r - l) * h).sum();
        assert!((area - 1.0).abs() < 1e-12, "{area}");
    }

    #[test]
    fn an_empty_histogram_has_no_bars() {
        assert_eq!(Histogram::of([], 0.0, 1.0, 4).bars().count(), 0);
        assert_eq!(Histogram::of([1.0], 0.0, 1.0, 0).bars().count(), 0);
    }
}
