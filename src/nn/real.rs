//! The functions beyond the four operations that a network asks of its numbers.

use super::exponential;
use crate::scalar::Scalar;

/// A floating-point number, with functions that round the same way on every machine.
///
/// Those of the standard library are the platform's, and differ between platforms in the last digit.
pub trait Real: Scalar + PartialOrd {
    /// The nearest number of this type.
    fn from_f64(value: f64) -> Self;
    /// eˣ.
    fn exp(self) -> Self;
    /// eˣ − 1, with all its digits where x is small.
    fn exp_m1(self) -> Self;
    /// The natural logarithm.
    fn ln(self) -> Self;
    /// The hyperbolic tangent.
    fn tanh(self) -> Self;
}

impl Real for f32 {
    fn from_f64(value: f64) -> f32 {
        value as f32
    }
    #[inline(always)]
    fn exp(self) -> f32 {
        exponential::exp(self)
    }
    #[inline(always)]
    fn exp_m1(self) -> f32 {
        exponential::exp_m1(self)
    }
    fn ln(self) -> f32 {
        libm::logf(self)
    }
    #[inline(always)]
    fn tanh(self) -> f32 {
        exponential::tanh(self)
    }
}

impl Real for f64 {
    fn from_f64(value: f64) -> f64 {
        value
    }
    fn exp(self) -> f64 {
        libm::exp(self)
    }
    fn exp_m1(self) -> f64 {
        libm::expm1(self)
    }
    fn ln(self) -> f64 {
        libm::log(self)
    }
    fn tanh(self) -> f64 {
        libm::tanh(self)
    }
}
