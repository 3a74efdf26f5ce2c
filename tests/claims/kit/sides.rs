//! The two sides of an equation, and how far apart they may be.

use super::{Float, Measure, Number};

/// `left = right`, or `left ≤ right`, up to what rounding the outputs can do to it.
#[derive(Clone, Copy, Debug)]
pub struct Sides<F: Number> {
    left: F::Wide,
    right: F::Wide,
    scale: f64,
    order: bool,
}

/// Both sides are equal. Where numbers round: relative to the larger side, unless [`Sides::to`] says
/// relative to what.
pub fn equal<F: Number>(left: F::Wide, right: F::Wide) -> Sides<F> {
    Sides { left, right, scale: left.size().max(right.size()), order: false }
}

/// The left side is not the larger one. Over the prime field there is no order to check.
pub fn at_most<F: Float>(left: F::Wide, right: F::Wide) -> Sides<F> {
    Sides { order: true, ..equal(left, right) }
}

impl<F: Number> Sides<F> {
    /// How much the difference of the sides moves when every output moves by the size of its largest:
    /// the error is measured in units of this.
    pub fn to(self, scale: f64) -> Self {
        Sides { scale, ..self }
    }

    /// The left side is at most the right one, instead.
    pub fn as_bound(self) -> Self
    where
        F: Float,
    {
        Sides { order: true, ..self }
    }

    /// To the last bit, whatever the numbers.
    pub fn exactly(self) -> Self {
        self.to(0.0)
    }

    /// 0 where the statement holds to the last digit.
    pub fn error(&self) -> f64 {
        let excess = self.left - self.right;
        let holds =
            if self.order { F::narrow(excess).to_f64() <= 0.0 } else { self.left == self.right };
        if holds { 0.0 } else { excess.size() / self.scale }
    }
}
