//! Figures of the chapter on numerics.

mod cancellation;
mod epsilon;
mod frameworks;

pub use cancellation::{Method, cancellation};
pub use epsilon::epsilon;
pub use frameworks::frameworks;
