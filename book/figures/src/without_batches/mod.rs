//! Figures of the chapter on normalization without large batches.

mod power_iteration;
mod three_batches;
mod weight_norm;

pub use power_iteration::{Iteration, power_iteration};
pub use three_batches::three_batches;
pub use weight_norm::{Weights, weight_norm};
