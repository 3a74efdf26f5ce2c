//! An axis: a label, an interval, where the ticks are, and where a value lies, linear or logarithmic.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

use crate::number::{decimal, power_of_ten};

#[derive(Clone, Debug)]
pub struct Axis {
    pub(crate) label: String,
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) ticks: Vec<(f64, String)>,
    log: bool,
}

impl Axis {
    /// From `low` to `high`, with ticks at round numbers. An interval that is none becomes one of length one.
    pub fn linear(label: &str, low: f64, high: f64) -> Axis {
        let (low, high) = interval(low, high, 0.5, (0.0, 1.0));
        let mut axis = Axis { label: label.into(), low, high, ticks: Vec::new(), log: false };
        let step = round_step((high - low) / 5.0);
        let first = libm::ceil(low / step - 1e-9);
        let count = libm::floor(high / step + 1e-9) - first;
        let decimals = (-libm::floor(libm::log10(step) + 1e-9)).clamp(0.0, 12.0) as usize;
        axis.ticks = (0..=count.clamp(0.0, 20.0) as u32)
            .map(|i| (first + f64::from(i)) * step)
            .map(|value| (value, decimal(value, decimals)))
            .collect();
        axis
    }

    /// Wide enough for the values that are finite, with a margin of a twentieth.
    pub fn around(label: &str, values: impl IntoIterator<Item = f64>) -> Axis {
        let (low, high) = extent(values);
        let margin = (high - low) / 20.0;
        Axis::linear(label, low - margin, high + margin)
    }

    /// Logarithmic, over the whole decades that hold `low` and `high`.
    pub fn log(label: &str, low: f64, high: f64) -> Axis {
        let decade = |value: f64, round: fn(f64) -> f64, nudge: f64| {
            if value > 0.0 { round(libm::log10(value) + nudge) } else { f64::NAN }
        };
        let low = decade(low, libm::floor, 1e-9);
        let high = decade(high, libm::ceil, -1e-9);
        let (low, high) = interval(low, high, 1.0, (-1.0, 1.0));
        let step = libm::ceil((high - low) / 6.0).max(1.0) as usize;
        let ticks = (low as i32..=high as i32)
            .step_by(step)
            .map(|exponent| (libm::exp10(exponent.into()), power_of_ten(exponent)))
            .collect();
        let (low, high) = (libm::exp10(low), libm::exp10(high));
        Axis { label: label.into(), low, high, ticks, log: true }
    }

    /// Logarithmic, over the whole decades that hold every positive finite value.
    pub fn log_around(label: &str, values: impl IntoIterator<Item = f64>) -> Axis {
        let mut values = values.into_iter().filter(|&v| v > 0.0 && v.is_finite()).peekable();
        match values.peek() {
            None => Axis::log(label, 0.1, 10.0),
            Some(_) => {
                let (low, high) = extent(values);
                Axis::log(label, low, high)
            }
        }
    }

    /// These ticks in place of the round numbers.
    pub fn ticks(self, ticks: impl IntoIterator<Item = (f64, String)>) -> Axis {
        let seen = |&(value, _): &(f64, String)| (self.low..=self.high).contains(&value);
        let ticks = ticks.into_iter().filter(seen).collect();
        Axis { ticks, ..self }
    }

    /// Every second tick, for a narrow chart.
    pub fn sparse(self) -> Axis {
        let ticks = self.ticks.into_iter().step_by(2).collect();
        Axis { ticks, ..self }
    }

    /// The same axis from `low` to `high` exactly, instead of whole decades.
    pub fn cut(mut self, low: f64, high: f64) -> Axis {
        if self.has_place(low) && self.has_place(high) && low < high {
            (self.low, self.high) = (low, high);
            self.ticks.retain(|&(at, _)| (low..=high).contains(&at));
        }
        self
    }

    /// Whether the value can be drawn: what is not finite cannot, nor zero on a logarithmic axis.
    pub fn has_place(&self, value: f64) -> bool {
        self.scale(value).is_finite()
    }

    fn scale(&self, value: f64) -> f64 {
        if self.log { libm::log10(value) } else { value }
    }
}

/// An axis is a coordinate of plotters. What lies beyond its ends is drawn at the end.
impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        let (low, high) = (self.scale(self.low), self.scale(self.high));
        let share = ((self.scale(*value) - low) / (high - low)).clamp(0.0, 1.0);
        from + libm::round(share * f64::from(to - from)) as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() {
            return Vec::new();
        }
        self.ticks.iter().map(|&(value, _)| value).collect()
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        let named = self.ticks.iter().find(|tick| tick.0 == *value);
        named.map_or_else(String::new, |tick| tick.1.clone())
    }
}

/// The smallest and the largest of the finite values; (0, 1) of none.
pub fn extent(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    values
        .into_iter()
        .filter(|value| value.is_finite())
        .fold(None, |range: Option<(f64, f64)>, v| {
            Some(range.map_or((v, v), |(low, high)| (low.min(v), high.max(v))))
        })
        .unwrap_or((0.0, 1.0))
}

fn interval(low: f64, high: f64, half: f64, default: (f64, f64)) -> (f64, f64) {
    if !low.is_finite() || !high.is_finite() {
        default
    } else if high - low > 1e-12 * low.abs().max(high.abs()) {
        (low, high)
    } else {
        let half = half.max(low.abs() * 1e-3);
        (low - half, low + half)
    }
}

/// 1, 2 or 5 times a power of ten, not below `step`.
fn round_step(step: f64) -> f64 {
    let unit = libm::exp10(libm::floor(libm::log10(step)));
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * unit)
        .find(|&round| round >= step * (1.0 - 1e-9))
        .unwrap_or(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, name)| name.as_str()).collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(names(&Axis::linear("", -1.0, 1.0)), ["−1", "−0.5", "0", "0.5", "1"]);
        assert_eq!(
            names(&Axis::linear("", 0.0, 1000.0)),
            ["0", "200", "400", "600", "800", "1000"]
        );
        assert_eq!(names(&Axis::log("", 3e-5, 0.2)), ["10⁻⁵", "10⁻⁴", "10⁻³", "0.01", "0.1", "1"]);
    }

    #[test]
    fn an_interval_that_is_none_becomes_one() {
        for (low, high) in
            [(2.0, 2.0), (3.0, 1.0), (f64::NAN, 1.0), (0.0, f64::INFINITY), (1e9, 1e9)]
        {
            let axis = Axis::linear("", low, high);
            assert!(axis.low < axis.high && !axis.ticks.is_empty(), "{axis:?}");
            let axis = Axis::log("", low, high);
            assert!(axis.low < axis.high && !axis.ticks.is_empty(), "{axis:?}");
        }
    }

    #[test]
    fn values_lie_between_the_ends() {
        let axis = Axis::log("", 1.0, 100.0);
        assert_eq!(
            [0.1, 1.0, 10.0, 100.0, 1e9].map(|v| axis.map(&v, (0, 200))),
            [0, 0, 100, 200, 200]
        );
        let axis = Axis::linear("", 0.0, 4.0);
        assert_eq!([-1.0, 0.0, 1.0, 9.0].map(|v| axis.map(&v, (400, 0))), [400, 400, 300, 0]);
    }

    #[test]
    fn some_values_have_no_place() {
        let (log, linear) = (Axis::log("", 1.0, 100.0), Axis::linear("", 0.0, 1.0));
        assert!(!log.has_place(0.0) && !log.has_place(-1.0) && !linear.has_place(f64::NAN));
        assert!(log.has_place(1e-9) && linear.has_place(-7.0));
    }

    #[test]
    fn extent_ignores_what_is_not_finite() {
        assert_eq!(extent([f64::NAN, 3.0, -1.0, f64::INFINITY]), (-1.0, 3.0));
        assert_eq!(extent([]), (0.0, 1.0));
    }
}
