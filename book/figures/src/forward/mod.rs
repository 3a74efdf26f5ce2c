//! Figures of the chapter on the forward pass.

mod ablation;
mod affine_slopes;
mod before_after;
mod bound;
mod pipeline;
mod rho;
mod shape_unchanged;
mod small_batches;

pub use ablation::ablation;
pub use affine_slopes::affine_slopes;
pub use before_after::{Channel, before_after};
pub use bound::{Outliers, bound};
pub use pipeline::{Pipeline, pipeline};
pub use rho::rho;
pub use shape_unchanged::shape_unchanged;
pub use small_batches::{BatchHistogram, small_batches};
