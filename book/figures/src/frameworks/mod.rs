//! Figures of the chapter on frameworks.

mod copied;
mod running_variance;

pub use copied::copied;
pub use running_variance::running_variance;
