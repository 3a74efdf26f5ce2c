//! A mean over seeds, and how far to trust it.

use std::fmt;

/// The mean of a few numbers and Student's 95 % interval about it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    pub low: f64,
    pub mean: f64,
    pub high: f64,
}

impl Interval {
    /// mean ± t·s/√n, with s² = Σ(x − mean)²/(n − 1) and t for n − 1 degrees of freedom. Of fewer than
    /// two numbers the interval is everything.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Interval {
        let values: Vec<f64> = values.into_iter().collect();
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|x| (x - mean) * (x - mean)).sum();
        let half = match values.len() {
            0 | 1 => f64::INFINITY,
            n_values => student(n_values - 1) * libm::sqrt(squares / (n - 1.0) / n),
        };
        Interval { low: mean - half, mean, high: mean + half }
    }

    /// The geometric mean of ratios, with the interval of their logarithms.
    pub fn of_ratios(ratios: impl IntoIterator<Item = f64>) -> Interval {
        let Interval { low, mean, high } = Interval::of(ratios.into_iter().map(libm::log));
        Interval { low: libm::exp(low), mean: libm::exp(mean), high: libm::exp(high) }
    }

    /// Of a − b, pair by pair.
    pub fn of_differences(
        a: impl IntoIterator<Item = f64>,
        b: impl IntoIterator<Item = f64>,
    ) -> Interval {
        Interval::of(a.into_iter().zip(b).map(|(a, b)| a - b))
    }

    /// As a figure wants it, with its place along the axis.
    pub fn at(&self, x: f64) -> figures::Interval {
        figures::Interval { x, low: self.low, mid: self.mean, high: self.high }
    }

    /// As a figure wants it, with its name.
    pub fn named(&self, label: impl Into<String>) -> figures::Named {
        figures::Named { label: label.into(), low: self.low, mid: self.mean, high: self.high }
    }

    /// Whether all of the interval lies above `value`.
    pub fn above(&self, value: f64) -> bool {
        self.low > value
    }

    /// Whether all of the interval lies below `value`.
    pub fn below(&self, value: f64) -> bool {
        self.high < value
    }

    /// Whether all of the interval lies closer to 0 than `distance`.
    pub fn within(&self, distance: f64) -> bool {
        self.above(-distance) && self.below(distance)
    }
}

/// `mean (low … high)`, with the precision asked for, and a sign with `+`.
impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(2);
        let Interval { low, mean, high } = self;
        if f.sign_plus() {
            write!(f, "{mean:+.digits$} ({low:+.digits$} … {high:+.digits$})")
        } else {
            write!(f, "{mean:.digits$} ({low:.digits$} … {high:.digits$})")
        }
    }
}

/// The t that a Student-distributed number with this many degrees of freedom stays below in magnitude
/// 19 times in 20.
fn student(freedom: usize) -> f64 {
    const TABLE: [f64; 10] =
        [12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281];
    if let Some(t) = freedom.checked_sub(1).and_then(|i| TABLE.get(i)) {
        return *t;
    }
    // The expansion about the Gaussian quantile z (Abramowitz & Stegun 26.7.5); 1e-4 off at 11.
    let (z, n) = (1.959_964_f64, freedom as f64);
    let z2 = z * z;
    z + z * (z2 + 1.0) / (4.0 * n)
        + z * ((5.0 * z2 + 16.0) * z2 + 3.0) / (96.0 * n * n)
        + z * (((3.0 * z2 + 19.0) * z2 + 17.0) * z2 - 15.0) / (384.0 * n * n * n)
}
