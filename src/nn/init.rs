//! How weights start.

use super::random::Random;
use super::real::Real;
use crate::error::{Error, Result};
use ndarray::{Array, Dimension, ShapeBuilder};

/// The distribution that the first weights are drawn from: Gaussians with mean 0, of which each has
/// another standard deviation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// The same standard deviation whatever the size of the layer.
    Gaussian {
        /// That standard deviation.
        sd: f64,
    },
    /// √(2/(fan_in + fan_out)): keeps forward and backward sums even for slopes near 1 (X. Glorot,
    /// Y. Bengio, AISTATS 2010).
    Xavier,
    /// √(2/fan_in): makes up for the half that ReLU removes (K. He et al., ICCV 2015, arXiv
    /// 1502.01852).
    He,
}

impl Init {
    /// The standard deviation for a unit that has `fan_in` inputs and feeds `fan_out` units.
    pub fn sd(self, fan_in: usize, fan_out: usize) -> f64 {
        match self {
            Init::Gaussian { sd } => sd,
            Init::Xavier => libm::sqrt(2.0 / (fan_in + fan_out) as f64),
            Init::He => libm::sqrt(2.0 / fan_in as f64),
        }
    }

    /// Weights of shape `[out, in, …]`; the fans are `in` and `out` times the product of the rest.
    ///
    /// ```
    /// use batchnorm::nn::{init::Init, random::Random};
    ///
    /// let w = Init::Gaussian { sd: 0.1 }.draw::<f32, _>((3, 2), &mut Random::new(0))?;
    /// assert_eq!(w.dim(), (3, 2));
    /// # Ok::<(), batchnorm::error::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Rank`] below two axes, [`Error::Empty`] for an axis of length zero, [`Error::Negative`]
    /// for a standard deviation that is negative or not finite.
    pub fn draw<F: Real, S: ShapeBuilder>(
        self,
        shape: S,
        random: &mut Random,
    ) -> Result<Array<F, S::Dim>> {
        let shape = shape.into_shape_with_order();
        let sides = shape.raw_dim().slice();
        let (fan_in, fan_out) = match *sides {
            _ if sides.contains(&0) => return Err(Error::Empty { shape: sides.to_vec() }),
            [out, into, ref rest @ ..] => {
                let window = rest.iter().product::<usize>();
                (into * window, out * window)
            }
            _ => return Err(Error::Rank { need: 2, got: sides.len() }),
        };
        let sd = self.sd(fan_in, fan_out);
        if !(sd.is_finite() && sd >= 0.0) {
            return Err(Error::Negative { what: "sd", got: sd });
        }
        Ok(Array::from_shape_simple_fn(shape, || F::from_f64(sd * random.gaussian())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_deviations() {
        for (init, expected) in [
            (Init::Gaussian { sd: 0.1 }, 0.1),
            (Init::Xavier, f64::sqrt(2.0 / (200.0 * 9.0 + 100.0 * 9.0))),
            (Init::He, f64::sqrt(2.0 / (200.0 * 9.0))),
        ] {
            let w = init.draw::<f64, _>((100, 200, 3, 3), &mut Random::new(5)).unwrap();
            // 180 000 weights: the standard error of their sd is 0.17 %.
            assert!((w.std(0.0) / expected - 1.0).abs() < 0.01, "{init:?}: {}", w.std(0.0));
        }
    }

    #[test]
    fn bad_shapes_and_deviations_are_refused() {
        let mut random = Random::new(0);
        let mut draw =
            |shape: &[usize], sd| Init::Gaussian { sd }.draw::<f32, _>(shape, &mut random);
        assert_eq!(draw(&[3], 1.0), Err(Error::Rank { need: 2, got: 1 }));
        assert_eq!(draw(&[3, 0], 1.0), Err(Error::Empty { shape: vec![3, 0] }));
        assert_eq!(draw(&[3, 2], -1.0), Err(Error::Negative { what: "sd", got: -1.0 }));
        assert!(draw(&[3, 2], f64::NAN).is_err());
    }
}
