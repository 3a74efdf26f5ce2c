//! What batch normalization of given numbers *is*: rational arithmetic, which does not round, and one
//! square root, to 100 digits.

use super::Float;
use num_rational::BigRational;
use num_traits::{Signed, ToPrimitive, Zero};

/// The exact values for one channel.
#[derive(Clone, Debug)]
pub struct Exact {
    pub y: Vec<BigRational>,
    pub dx: Vec<BigRational>,
    pub dgamma: BigRational,
    pub dbeta: BigRational,
}

/// A float, exactly.
pub fn rational(v: f64) -> BigRational {
    BigRational::from_float(v).expect("a finite number")
}

/// The definition, with all derivatives, of one channel with the values `x` and the upstream gradient
/// `g`.
pub fn batch_norm<F: Float>(x: &[F], g: &[F], gamma: F, beta: F, eps: F) -> Exact {
    let read = |v: &F| rational(v.to_f64());
    let (x, g): (Vec<_>, Vec<_>) = (x.iter().map(read).collect(), g.iter().map(read).collect());
    let (gamma, beta, eps) = (read(&gamma), read(&beta), read(&eps));
    let m = rational(x.len() as f64);
    let (mean, var) = moments(&x);
    let centred: Vec<_> = x.iter().map(|x| x - &mean).collect();
    let inv_s = root(&(var + eps)).recip();
    let xhat: Vec<_> = centred.iter().map(|d| d * &inv_s).collect();
    let dbeta: BigRational = g.iter().sum();
    let dgamma: BigRational = g.iter().zip(&xhat).map(|(g, xhat)| g * xhat).sum();
    let (mean_g, mean_gx) = (&dbeta / &m, &dgamma / &m);
    let dx =
        |(g, xhat): (&BigRational, &BigRational)| &gamma * &inv_s * (g - &mean_g - xhat * &mean_gx);
    Exact {
        y: xhat.iter().map(|xhat| &gamma * xhat + &beta).collect(),
        dx: g.iter().zip(&xhat).map(dx).collect(),
        dgamma,
        dbeta,
    }
}

/// Mean and biased variance.
pub fn moments(x: &[BigRational]) -> (BigRational, BigRational) {
    let m = rational(x.len() as f64);
    let mean = x.iter().sum::<BigRational>() / &m;
    let var = x.iter().map(|x| (x - &mean) * (x - &mean)).sum::<BigRational>() / &m;
    (mean, var)
}

/// The square root, with a relative error below 2⁻³³⁰.
pub fn root(square: &BigRational) -> BigRational {
    // √(n/d) = √(n·d·4ᵏ) / (d·2ᵏ), and the integer root of a number of 680 bits has 340.
    let product = square.numer() * square.denom();
    let k = 680u64.saturating_sub(product.bits()).div_ceil(2);
    BigRational::new((product << (2 * k)).sqrt(), square.denom() << k)
}

/// The largest error of `got`, in ulps of the largest of the exact values.
///
/// An exact value that is too large for the type has the largest number or infinity for its nearest.
pub fn ulps<F: Float>(got: impl IntoIterator<Item = F>, exact: &[BigRational]) -> f64 {
    let largest = exact.iter().map(|v| v.abs()).max().expect("at least one value");
    let ulp = ulp::<F>(&largest);
    let error = |(got, exact): (F, &BigRational)| {
        let got = got.to_f64();
        match BigRational::from_float(got) {
            Some(got) => ((got - exact) / &ulp).abs().to_f64().expect("a ratio"),
            None if got == nearest::<F>(exact).to_f64() => 0.0,
            None => f64::INFINITY,
        }
    };
    got.into_iter().zip(exact).map(error).fold(0.0, f64::max)
}

fn nearest<F: Float>(v: &BigRational) -> F {
    F::from_f64(v.to_f64().expect("a number or infinity"))
}

/// The distance of neighbouring numbers of the type around `v`.
fn ulp<F: Float>(v: &BigRational) -> BigRational {
    let smallest = if F::NAME == "f32" {
        rational(f64::from(f32::from_bits(1)))
    } else {
        rational(f64::from_bits(1))
    };
    if v.is_zero() {
        return smallest;
    }
    let two = rational(2.0);
    let mut exponent = v.numer().bits() as i32 - v.denom().bits() as i32;
    if two.pow(exponent) > *v {
        exponent -= 1;
    }
    (two.pow(exponent) * rational(F::ULP)).max(smallest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_have_a_hundred_digits() {
        for v in [2.0, 1e300, 1e-300, 5e-324, 0.25] {
            let v = rational(v);
            let root = root(&v);
            let error = ((&root * &root - &v) / &v).abs();
            assert!(error < rational(2.0).pow(-329));
        }
    }

    #[test]
    fn an_ulp_is_the_distance_to_the_next_number() {
        for v in [1.0, 1.5, 2.0, 1e300, 1e-310] {
            assert_eq!(ulp::<f64>(&rational(v)), rational(v.next_up() - v));
        }
        assert_eq!(ulps([1.0f32 + f32::EPSILON], &[rational(1.0)]), 1.0);
    }

    #[test]
    fn knows_the_example_of_the_book() {
        let exact = batch_norm(&[1.0, 2.0, 3.0, 6.0], &[1.0, 0.0, 0.0, 0.0], 2.0, 1.0, 0.5);
        assert_eq!(exact.y, [-1.0, 0.0, 1.0, 4.0].map(rational));
        assert_eq!((exact.dgamma, exact.dbeta), (rational(-1.0), rational(1.0)));
        // (γ/s)(g − 1/4 + x̂/4), s = 2.
        assert_eq!(exact.dx, [0.5, -0.375, -0.25, 0.125].map(rational));
    }
}
