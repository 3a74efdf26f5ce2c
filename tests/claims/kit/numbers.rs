//! Statements about a handful of numbers, which need no batch.

use super::{Check, Float, How, Norm, Number, Prime, Proof, Sides, cases};
use proptest::prelude::*;
use std::cell::Cell;

/// A statement about some numbers, and maybe about what an implementation makes of them.
pub type Law<F> = fn(Norm, &[F]) -> Vec<Sides<F>>;

/// A number that can be drawn.
pub trait Drawn: Number {
    /// From ¼ to 4; over the prime field any square, for that is what positive numbers are there.
    fn positive() -> BoxedStrategy<Self>;
    /// The check that its cases make, and the error that each may have.
    fn check() -> (Check, f64);
}

impl Drawn for Prime {
    fn positive() -> BoxedStrategy<Prime> {
        any::<u64>().prop_map(|n| Prime::new(n) * Prime::new(n)).boxed()
    }
    fn check() -> (Check, f64) {
        (Check::new(How::PrimeField, 64), 0.0)
    }
}

macro_rules! drawn {
    ($($float:ty),*) => {$(
        impl Drawn for $float {
            fn positive() -> BoxedStrategy<$float> {
                (-2.0..2.0f64).prop_map(|e| <$float>::from_f64(e.exp2())).boxed()
            }
            fn check() -> (Check, f64) {
                (Check::new(How::Property, 256).scalar(Self::NAME), Self::TOLERANCE)
            }
        }
    )*};
}
drawn!(f32, f64);

/// The statement about `count` random numbers.
pub fn numbers<F: Drawn>(bn: Norm, count: usize, holds: Law<F>) -> Proof {
    let (check, tolerance) = F::check();
    let inputs = proptest::collection::vec(F::positive(), count);
    over(check, tolerance, inputs, |numbers| holds(bn, numbers).iter().map(Sides::error).collect())
}

/// The statement everywhere: exactly over the prime field, within rounding in `f32` and `f64`.
#[macro_export]
macro_rules! for_numbers {
    ($bn:expr, $count:expr, $holds:ident) => {
        $crate::kit::all([
            $crate::kit::numbers::<$crate::kit::Prime>($bn, $count, $holds),
            $crate::kit::numbers::<f32>($bn, $count, $holds),
            $crate::kit::numbers::<f64>($bn, $count, $holds),
        ])
    };
}

/// No error that any of the inputs leads to exceeds the tolerance. The inputs are the same in every run.
pub fn over<T: std::fmt::Debug>(
    check: Check,
    tolerance: f64,
    inputs: impl Strategy<Value = T>,
    errors: impl Fn(&T) -> Vec<f64>,
) -> Proof {
    let worst = Cell::new(0.0f64);
    cases(check.cases as u32, inputs, |input| {
        for error in errors(input) {
            if error.is_nan() || error > tolerance {
                return Err(format!("an error of {error:.2e}, more than {tolerance:.2e}"));
            }
            worst.set(worst.get().max(error));
        }
        Ok(())
    })?;
    Ok(vec![if tolerance == 0.0 { check } else { check.within(tolerance, worst.get())? }])
}
