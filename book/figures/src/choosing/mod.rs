//! Figures of the chapter on choosing.

mod decision;

pub use decision::decision;
