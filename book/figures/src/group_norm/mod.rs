//! Figures of the chapter on group normalization.

mod noise;
mod published;
mod spectrum;

pub use noise::{Noise, noise};
pub use published::{Published, published};
pub use spectrum::spectrum;
