//! Figures of the chapter on the backward pass.

mod detached;
mod finite_difference;
mod graph;
mod jacobian;
mod projection;

pub use detached::detached;
pub use finite_difference::finite_difference;
pub use graph::graph;
pub use jacobian::jacobian;
pub use projection::projection;
