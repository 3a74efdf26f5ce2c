//! Weights as rows, one for each output, and how long a row is.

use super::error::{Error, Result};
use super::scalar::{Field, Scalar};

/// Weights `[out, …]` as a matrix: the number of rows, and of the weights in each.
///
/// # Errors
/// [`Error::Rank`] below two axes, [`Error::Empty`] for an axis of length zero.
pub(crate) fn rows(shape: &[usize]) -> Result<(usize, usize)> {
    match *shape {
        _ if shape.contains(&0) => Err(Error::Empty { shape: shape.to_vec() }),
        [out, ref rest @ .., last] => Ok((out, rest.iter().product::<usize>() * last)),
        _ => Err(Error::Rank { need: 2, got: shape.len() }),
    }
}

/// ‖x‖ = √(Σ x²), in the wide type and in a unit of the data's own size (see [`Scalar::unit`]), so that
/// no square leaves the range.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Length<F: Scalar> {
    per_unit: F,
    in_units: F::Wide,
}

impl<F: Scalar> Length<F> {
    pub(crate) fn of(x: &[F]) -> Self {
        let per_unit = F::ONE / F::unit(x.iter().copied());
        let squares = x.iter().map(|&x| {
            let x = (x * per_unit).widen();
            x * x
        });
        let in_units = squares.fold(F::Wide::ZERO, |sum, square| sum + square).sqrt();
        Length { per_unit, in_units }
    }

    pub(crate) fn is_zero(self) -> bool {
        self.in_units == F::Wide::ZERO
    }

    /// ‖x‖.
    pub(crate) fn get(self) -> F {
        F::narrow(self.in_units) / self.per_unit
    }

    /// ‖x‖, not rounded.
    pub(crate) fn wide(self) -> F::Wide {
        self.in_units / self.per_unit.widen()
    }

    /// x/‖x‖, for an element of the vector whose length this is.
    pub(crate) fn direction(self, x: F) -> F::Wide {
        (x * self.per_unit).widen() / self.in_units
    }

    /// a/‖x‖.
    pub(crate) fn divide(self, a: F::Wide) -> F {
        F::narrow(a / self.in_units) * self.per_unit
    }
}
