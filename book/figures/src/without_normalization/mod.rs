//! Figures of the chapter on networks without normalization.

mod dynamic_tanh;
mod residual_growth;

pub use dynamic_tanh::{Curves, dynamic_tanh};
pub use residual_growth::{Growth, residual_growth};
