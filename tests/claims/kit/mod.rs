//! What the claims are proved with. `claim.rs` is where to start.

mod batch;
mod claim;
pub mod difference;
pub mod dual;
mod evidence;
pub mod exact;
mod gauss;
mod number;
mod numbers;
mod prime;
mod sides;
pub mod symmetric;
mod variants;
mod ways;

pub use batch::{Batch, Channel};
pub use claim::{Claim, claim};
pub use evidence::{Check, How, Proof};
pub use gauss::{gaussians, kolmogorov_smirnov};
pub use number::{Float, Measure, Number, largest, mean, mean_of, sum};
pub use numbers::{Drawn, numbers, over};
pub use prime::Prime;
pub use sides::{Sides, at_most, equal};
pub use variants::{Norm, Wrong};
pub use ways::{all, by, cases, prime_field, property, property_within, worked_example, wrong};
