//! Figures of the chapter on why batch normalization works.

mod accuracy;
mod deep_sigmoid;
mod explosion;
mod four_effects;
mod landscape;
mod scale_invariance;

pub use accuracy::{initialization, learning_rates};
pub use deep_sigmoid::deep_sigmoid;
pub use explosion::explosion;
pub use four_effects::four_effects;
pub use landscape::landscape;
pub use scale_invariance::scale_invariance;
