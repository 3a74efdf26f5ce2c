//! Figures of the chapter on frameworks.

mod running_variance;

pub use running_variance::running_variance;
