//! Figures of the chapter on numerics.

mod cancellation;
mod epsilon;

pub use cancellation::{Method, cancellation};
pub use epsilon::epsilon;
