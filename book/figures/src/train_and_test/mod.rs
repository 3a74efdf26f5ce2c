//! Figures of the chapter on training and inference.

mod batch_mates;
mod bias_by_batch_size;
mod ema;
mod folding;
mod mode_bug;
mod stale;

pub use batch_mates::batch_mates;
pub use bias_by_batch_size::bias_by_batch_size;
pub use ema::ema;
pub use folding::folding;
pub use mode_bug::{ModeAccuracy, mode_bug};
pub use stale::stale;
