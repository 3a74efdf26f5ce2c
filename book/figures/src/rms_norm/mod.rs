//! Figures of the chapter on RMS normalization.

mod recentering;
mod sphere;

pub use recentering::recentering;
pub use sphere::{Point, sphere};
