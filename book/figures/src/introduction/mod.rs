//! Figures of the introduction.

mod four_checks;
mod inputs;
mod notebook_map;

pub use four_checks::four_checks;
pub use inputs::inputs;
pub use notebook_map::notebook_map;
