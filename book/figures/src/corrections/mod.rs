//! Figures of the chapter of corrections.

mod map;

pub use map::{Chapter, map};
