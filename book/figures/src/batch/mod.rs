//! Figures of the chapter on batches and gradient descent.

mod how_large;
mod noise;
mod paths;
mod sizes;

pub use how_large::how_large;
pub use noise::noise;
pub use paths::{Path, paths};
pub use sizes::sizes;
