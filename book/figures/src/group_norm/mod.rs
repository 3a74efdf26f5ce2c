//! Figures of the chapter on group normalization.

mod by_batch_size;
mod error_by_batch_size;
mod noise;
mod published;
mod spectrum;

pub use by_batch_size::ByBatchSize;
pub use error_by_batch_size::error_by_batch_size;
pub use noise::noise;
pub use published::published;
pub use spectrum::spectrum;
