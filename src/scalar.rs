//! The numbers that the kernels run on.
//!
//! The kernels ask very little of a number: the four operations, a square root, and a count turned
//! into a number. So the *same* kernels run on `f32` and `f64` here, and in the tests on dual numbers
//! (exact derivatives) and on the integers modulo a prime (identities without any rounding).

use std::fmt::Debug;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// What the kernels ask of a number.
pub trait Field:
    Copy
    + Debug
    + PartialEq
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + Send
    + Sync
    + 'static
{
    /// The neutral element of addition.
    const ZERO: Self;
    /// The neutral element of multiplication.
    const ONE: Self;
    /// The number of things counted, as a number.
    fn count(n: usize) -> Self;
    /// The number whose square this is.
    fn sqrt(self) -> Self;
    /// Neither infinite nor NaN. Exact numbers always are.
    fn is_finite(self) -> bool {
        true
    }
}

/// A number that tensors are made of, with a wider one in which sums are carried.
///
/// A mean subtracted from data with a large offset cancels most of its digits: 1e8 ± 1 in `f32` has
/// none to lose. So everything between reading an element and writing one happens in `Wide`, and is
/// rounded once, at the end.
pub trait Scalar: Field {
    /// `f64` for `f32`, [`DoubleDouble`] for `f64`; an exact number is its own wide type.
    type Wide: Field;
    /// This number in the wide type, exactly.
    fn widen(self) -> Self::Wide;
    /// The nearest number of this type.
    fn narrow(wide: Self::Wide) -> Self;
    /// For range checks and error messages.
    fn to_f64(self) -> f64;
    /// A power of two near the largest magnitude in `values`.
    ///
    /// Squares of deviations must neither overflow nor vanish. Squares of all `f32` fit into `f64`, so
    /// the unit is 1; a square of 1e200 or 1e-200 does not, so `f64` measures such data in a unit of
    /// their own size. Multiplying by a power of two is exact.
    fn unit(values: impl Iterator<Item = Self>) -> Self {
        let _ = values;
        Self::ONE
    }
    /// This number in the wide type, measured in a unit: `per_unit` is one over a [`unit`](Self::unit).
    fn in_unit(self, per_unit: Self::Wide) -> Self::Wide {
        let _ = per_unit; // 1, for the unit is
        self.widen()
    }
}

impl Field for f32 {
    const ZERO: f32 = 0.0;
    const ONE: f32 = 1.0;
    fn count(n: usize) -> f32 {
        n as f32
    }
    fn sqrt(self) -> f32 {
        f32::sqrt(self)
    }
    fn is_finite(self) -> bool {
        f32::is_finite(self)
    }
}

impl Scalar for f32 {
    type Wide = f64;
    fn widen(self) -> f64 {
        f64::from(self)
    }
    fn narrow(wide: f64) -> f32 {
        wide as f32
    }
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
}

impl Field for f64 {
    const ZERO: f64 = 0.0;
    const ONE: f64 = 1.0;
    fn count(n: usize) -> f64 {
        n as f64
    }
    fn sqrt(self) -> f64 {
        f64::sqrt(self)
    }
    fn is_finite(self) -> bool {
        f64::is_finite(self)
    }
}

impl Scalar for f64 {
    type Wide = DoubleDouble;
    fn widen(self) -> DoubleDouble {
        DoubleDouble { hi: self, lo: 0.0 }
    }
    fn narrow(wide: DoubleDouble) -> f64 {
        wide.hi
    }
    fn to_f64(self) -> f64 {
        self
    }
    fn in_unit(self, per_unit: DoubleDouble) -> DoubleDouble {
        (self * per_unit.hi).widen()
    }
    fn unit(values: impl Iterator<Item = f64>) -> f64 {
        let largest = values.map(f64::abs).filter(|v| v.is_finite()).fold(0.0, f64::max);
        if largest == 0.0 || (1e-100..1e100).contains(&largest) {
            return 1.0;
        }
        // A subnormal's exponent field is 0; ±1000 keeps the unit and its reciprocal normal.
        let exponent = (largest.to_bits() >> 52) as i32 - 1023;
        f64::from_bits(((exponent.clamp(-1000, 1000) + 1023) as u64) << 52)
    }
}

/// The unevaluated sum `hi + lo` of two `f64` with |lo| ≤ ½ ulp(hi): about 32 decimal digits.
///
/// The building blocks are error-free: the rounding error of a sum or a product of two `f64` is itself
/// an `f64`, and can be had by a few more operations (T. J. Dekker, "A floating-point technique for
/// extending the available precision", Numerische Mathematik 18, 1971; D. E. Knuth, TAOCP vol. 2,
/// sec. 4.2.2).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DoubleDouble {
    /// The nearest `f64`.
    pub hi: f64,
    /// What `hi` misses.
    pub lo: f64,
}

impl DoubleDouble {
    /// `a + b` for |a| ≥ |b|: the sum and its rounding error.
    fn quick_two_sum(a: f64, b: f64) -> DoubleDouble {
        let hi = a + b;
        // Infinite and NaN have no rounding error; inf − inf would make one up.
        if !hi.is_finite() {
            return DoubleDouble { hi, lo: 0.0 };
        }
        DoubleDouble { hi, lo: b - (hi - a) }
    }

    /// `a + b`: the sum and its rounding error.
    fn two_sum(a: f64, b: f64) -> (f64, f64) {
        let sum = a + b;
        let b_part = sum - a;
        (sum, (a - (sum - b_part)) + (b - b_part))
    }

    /// `a · b`: the product and its rounding error.
    fn two_product(a: f64, b: f64) -> (f64, f64) {
        // 26 leading bits and the rest, so that the four partial products are exact.
        fn halves(a: f64) -> (f64, f64) {
            let c = 134_217_729.0 * a; // 2²⁷ + 1
            let hi = c - (c - a);
            (hi, a - hi)
        }
        let product = a * b;
        let ((a1, a0), (b1, b0)) = (halves(a), halves(b));
        (product, ((a1 * b1 - product) + a1 * b0 + a0 * b1) + a0 * b0)
    }
}

impl Add for DoubleDouble {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let (s, e) = Self::two_sum(self.hi, other.hi);
        let (t, f) = Self::two_sum(self.lo, other.lo);
        let sum = Self::quick_two_sum(s, e + t);
        Self::quick_two_sum(sum.hi, sum.lo + f)
    }
}

impl Neg for DoubleDouble {
    type Output = Self;
    fn neg(self) -> Self {
        DoubleDouble { hi: -self.hi, lo: -self.lo }
    }
}

impl Sub for DoubleDouble {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for DoubleDouble {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        let (product, error) = Self::two_product(self.hi, other.hi);
        let lo = error + (self.hi * other.lo + self.lo * other.hi);
        // A factor near the end of the range has no halves, and an infinite product no error.
        if !lo.is_finite() {
            return DoubleDouble { hi: product, lo: 0.0 };
        }
        Self::quick_two_sum(product, lo)
    }
}

impl Div for DoubleDouble {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        // Long division: each step takes the next 53 bits of the quotient off the remainder.
        let q1 = self.hi / other.hi;
        if !q1.is_finite() || other.hi.is_infinite() {
            return DoubleDouble { hi: q1, lo: 0.0 };
        }
        let rest = self - other * q1.widen();
        let q2 = rest.hi / other.hi;
        let rest = rest - other * q2.widen();
        Self::quick_two_sum(q1, q2) + (rest.hi / other.hi).widen()
    }
}

impl Field for DoubleDouble {
    const ZERO: Self = DoubleDouble { hi: 0.0, lo: 0.0 };
    const ONE: Self = DoubleDouble { hi: 1.0, lo: 0.0 };
    fn count(n: usize) -> Self {
        (n as f64).widen()
    }
    fn sqrt(self) -> Self {
        let root = self.hi.sqrt();
        if root == 0.0 || !root.is_finite() {
            return DoubleDouble { hi: root, lo: 0.0 };
        }
        // One Newton step doubles the digits of the f64 root.
        let rest = self - root.widen() * root.widen();
        Self::quick_two_sum(root, rest.hi / (2.0 * root))
    }
    fn is_finite(self) -> bool {
        self.hi.is_finite()
    }
}
