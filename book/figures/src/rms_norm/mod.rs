//! Figures of the chapter on RMS normalization.

mod sphere;

pub use sphere::{Point, sphere};
