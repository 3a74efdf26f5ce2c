//! Figures of the chapter on instance normalization.

mod contrast;
mod lighting;

pub use contrast::{Version, contrast};
pub use lighting::lighting;
