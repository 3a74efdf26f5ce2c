//! Figures of the chapter on where to put batch normalization.

mod experiment;
mod relu;
mod sigmoid;
mod two_orders;

pub use experiment::experiment;
pub use relu::{Rectified, relu};
pub use sigmoid::sigmoid;
pub use two_orders::two_orders;
