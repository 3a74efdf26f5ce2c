//! Figures of the chapter on generalization and regularization.

mod four_ways;
mod gains;
mod gap;
mod noise;

pub use four_ways::{Knob, four_ways};
pub use gains::gains;
pub use gap::gap;
pub use noise::noise;
