//! Figures of the chapter on feature maps.

mod cube;
mod padding;
mod places;
mod views;

pub use cube::cube;
pub use padding::padding;
pub use places::places;
pub use views::{View, views};
