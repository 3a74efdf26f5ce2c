//! Figures of the chapter on feature maps.

mod cube;
mod padding;
mod views;

pub use cube::cube;
pub use padding::padding;
pub use views::{View, views};
