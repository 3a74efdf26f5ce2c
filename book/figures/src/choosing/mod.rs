//! Figures of the chapter on choosing.

mod decision;
mod methods;

pub use decision::decision;
pub use methods::{Panel, methods};
