//! Figures of the chapter of corrections.

mod map;
mod mistakes;

pub use map::{Chapter, map};
pub use mistakes::mistakes;
