//! Figures of the chapter on instance normalization.

mod contrast;

pub use contrast::{Version, contrast};
