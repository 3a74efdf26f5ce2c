//! Figures of the chapter on numerics.

mod cancellation;
mod epsilon;
mod frameworks;
mod offset;

pub use cancellation::{Method, cancellation};
pub use epsilon::epsilon;
pub use frameworks::frameworks;
pub use offset::offset;
