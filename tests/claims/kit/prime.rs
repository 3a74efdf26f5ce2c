//! Integers modulo the prime 2⁶¹ − 1: numbers that never round.
//!
//! Every identity of normalization is one between rational functions, once the root has a name. If it
//! is false, it is false at all but very few points: a random point satisfies a false identity of
//! degree d with probability at most d/p (Schwartz and Zippel), below 10⁻¹⁴ here. So one random point,
//! at which both sides agree to the last digit, is as good as a proof, and there is no tolerance to
//! tune.

use batchnorm::dynamic_tanh::Tanh;
use batchnorm::scalar::{Field, Scalar};
use std::ops::{Add, Div, Mul, Neg, Sub};

/// An integer modulo 2⁶¹ − 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prime(u64);

const P: u64 = (1 << 61) - 1;

impl Prime {
    pub fn new(n: u64) -> Prime {
        Prime(n % P)
    }

    pub fn pow(self, exponent: u64) -> Prime {
        let (mut base, mut power, mut exponent) = (self, Prime(1), exponent);
        while exponent > 0 {
            if exponent & 1 == 1 {
                power = power * base;
            }
            base = base * base;
            exponent >>= 1;
        }
        power
    }

    /// Whether it has a root, as half of all numbers do. −1 has none, so of a and −a exactly one is a
    /// square: squares are to this field what positive numbers are to the reals.
    pub fn is_square(self) -> bool {
        self.sqrt() * self.sqrt() == self
    }
}

impl Add for Prime {
    type Output = Prime;
    fn add(self, other: Prime) -> Prime {
        Prime((self.0 + other.0) % P)
    }
}

impl Neg for Prime {
    type Output = Prime;
    fn neg(self) -> Prime {
        Prime((P - self.0) % P)
    }
}

impl Sub for Prime {
    type Output = Prime;
    fn sub(self, other: Prime) -> Prime {
        self + -other
    }
}

impl Mul for Prime {
    type Output = Prime;
    /// 2⁶¹ is 1 here, so the digits above the lowest 61 are added to those: far faster than `%`.
    fn mul(self, other: Prime) -> Prime {
        let product = u128::from(self.0) * u128::from(other.0);
        Prime::new((product as u64 & P) + (product >> 61) as u64)
    }
}

impl Div for Prime {
    type Output = Prime;
    /// By Fermat a^(p−2) is 1/a.
    fn div(self, other: Prime) -> Prime {
        assert_ne!(other, Prime(0), "division by zero");
        self * other.pow(P - 2)
    }
}

impl Field for Prime {
    const ZERO: Prime = Prime(0);
    const ONE: Prime = Prime(1);

    fn count(n: usize) -> Prime {
        Prime::new(n as u64)
    }

    /// p = 3 (mod 4), so a^((p+1)/4) is a root of a: the one that is itself a square. Of a number that
    /// has no root it is a root of −a; only a wrong implementation asks for one, and then it deserves
    /// a wrong answer.
    fn sqrt(self) -> Prime {
        self.pow(P.div_ceil(4))
    }
}

impl Tanh for Prime {
    /// There is no tanh here, but an identity that uses no more of it than that it is odd, and that its
    /// derivative is 1 − tanh², holds for any odd function, with what dual numbers take for its derivative.
    fn tanh(self) -> Prime {
        self * self * self + self
    }
}

impl Scalar for Prime {
    /// There is nothing to round.
    type Wide = Prime;
    fn widen(self) -> Prime {
        self
    }
    fn narrow(wide: Prime) -> Prime {
        wide
    }
    fn to_f64(self) -> f64 {
        self.0 as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_field_with_square_roots() {
        for n in [1, 2, 3, 1 << 40, P - 1, P - 12345] {
            let a = Prime::new(n);
            assert_eq!(a / a, Prime::ONE);
            assert_eq!(a - a, Prime::ZERO);
            assert_eq!((-a * -a).0, (u128::from(a.0).pow(2) % u128::from(P)) as u64);
            assert_eq!((a * a).sqrt() * (a * a).sqrt(), a * a);
            assert_ne!(a.is_square(), (-a).is_square());
            assert!((a * a).sqrt().is_square());
        }
    }
}
