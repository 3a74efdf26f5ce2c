//! The numbers that claims are checked on.

use super::Prime;
use batchnorm::scalar::{DoubleDouble, Field, Scalar};

/// How large a number is, for judging an error. Over the prime field nothing is large or small, and
/// nothing asks.
pub trait Measure: Field {
    fn size(self) -> f64;
}

impl Measure for f64 {
    fn size(self) -> f64 {
        self.abs()
    }
}

impl Measure for DoubleDouble {
    fn size(self) -> f64 {
        self.hi.abs()
    }
}

impl Measure for Prime {
    fn size(self) -> f64 {
        f64::from(u8::from(self != Prime::ZERO))
    }
}

/// What a claim can be stated on: `f32`, `f64` and the integers modulo a prime. Claims *measure* in
/// the wide type, so that measuring adds no error of its own to that of the kernels.
pub trait Number: Scalar<Wide: Measure> {
    /// The ε given, where every v + ε has a root; over the prime field an ε such that v + ε has this
    /// one.
    fn eps_with_root(eps: Self, var: Self, root: Self) -> Self {
        let _ = (var, root);
        eps
    }
}

impl Number for f32 {}
impl Number for f64 {}
impl Number for Prime {
    fn eps_with_root(_: Prime, var: Prime, root: Prime) -> Prime {
        root * root - var
    }
}

/// Numbers that round.
pub trait Float: Number {
    const NAME: &'static str;
    /// The distance from 1 to the next number: one ulp, relative.
    const ULP: f64;
    /// What the library promises: each output is this close to the exact one, relative to the largest
    /// output of the channel. One ulp for `f32`, two for `f64`.
    ///
    /// It is the only tolerance there is. A claim about a function of the outputs says how much the
    /// function moves when each output moves by its largest (see [`Sides::to`](super::Sides::to)).
    const TOLERANCE: f64;
    fn from_f64(v: f64) -> Self;
}

impl Float for f32 {
    const NAME: &'static str = "f32";
    const ULP: f64 = f32::EPSILON as f64;
    const TOLERANCE: f64 = Self::ULP;
    fn from_f64(v: f64) -> f32 {
        v as f32
    }
}

impl Float for f64 {
    const NAME: &'static str = "f64";
    const ULP: f64 = f64::EPSILON;
    const TOLERANCE: f64 = 2.0 * Self::ULP;
    fn from_f64(v: f64) -> f64 {
        v
    }
}

pub fn sum<W: Field>(values: impl IntoIterator<Item = W>) -> W {
    values.into_iter().fold(W::ZERO, |sum, v| sum + v)
}

pub fn mean<W: Field>(values: &[W]) -> W {
    sum(values.iter().copied()) / W::count(values.len())
}

pub fn mean_of<W: Field>(values: &[W], f: impl Fn(W) -> W) -> W {
    mean(&values.iter().map(|&v| f(v)).collect::<Vec<_>>())
}

/// The largest magnitude.
pub fn largest<W: Measure>(values: &[W]) -> f64 {
    values.iter().map(|v| v.size()).fold(0.0, f64::max)
}
