//! Random numbers that are the same on every machine.

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};

/// A seeded source of random numbers (the PCG generator of `rand_pcg`).
///
/// ```
/// use batchnorm::nn::random::Random;
///
/// let (mut one, mut same) = (Random::new(7), Random::new(7));
/// assert_eq!(one.gaussian(), same.gaussian());
/// assert_ne!(one.gaussian(), Random::new(8).gaussian());
/// ```
#[derive(Clone, Debug)]
pub struct Random(Pcg64Mcg);

impl Random {
    /// The source that belongs to this seed. Neighbouring seeds give unrelated numbers.
    pub fn new(seed: u64) -> Self {
        Random(Pcg64Mcg::seed_from_u64(seed))
    }

    /// Uniform on `[0, 1)`, a multiple of 2⁻⁵³.
    pub fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Gaussian with mean 0 and standard deviation 1 (Box and Muller's method).
    pub fn gaussian(&mut self) -> f64 {
        // 1 − u is never 0, so its logarithm is finite.
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.uniform()));
        radius * libm::cos(2.0 * core::f64::consts::PI * self.uniform())
    }

    /// One of the `n` numbers below `n`; 0 if there is none.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.0.next_u64()) * n as u128) >> 64) as usize
    }

    /// The numbers below `n` in random order (Fisher and Yates's shuffle).
    pub fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        (1..n).rev().for_each(|i| order.swap(i, self.below(i + 1)));
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first numbers of seed 0: the published results rest on them.
    #[test]
    fn the_numbers_do_not_change() {
        let mut random = Random::new(0);
        let got: Vec<f64> = (0..3).map(|_| random.gaussian()).collect();
        assert_eq!(got, [0.4750518074620873, -0.40055363155098017, -0.4529313394421264]);
        assert_eq!(random.permutation(6), [2, 3, 4, 5, 1, 0]);
    }

    #[test]
    fn gaussian_moments() {
        let mut random = Random::new(1);
        let n = 100_000;
        let draws: Vec<f64> = (0..n).map(|_| random.gaussian()).collect();
        let moment = |k: i32| draws.iter().map(|x| x.powi(k)).sum::<f64>() / f64::from(n);
        // Five standard errors: the variance of the mean of xᵏ is (E x²ᵏ − (E xᵏ)²)/n.
        for (k, expected, variance) in
            [(1, 0.0, 1.0), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0)]
        {
            let bound = 5.0 * f64::sqrt(variance / f64::from(n));
            assert!((moment(k) - expected).abs() < bound, "moment {k}: {}", moment(k));
        }
    }

    #[test]
    fn a_permutation_has_each_number_once_and_every_place_for_each() {
        let mut random = Random::new(2);
        let mut first = [0; 5];
        for _ in 0..5000 {
            let order = random.permutation(5);
            first[order[0]] += 1;
            let mut sorted = order;
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2, 3, 4]);
        }
        // 1000 each, with a standard deviation of 28.
        assert!(first.iter().all(|&n| (860..1140).contains(&n)), "{first:?}");
        assert_eq!((random.permutation(0), random.below(0)), (vec![], 0));
    }
}
