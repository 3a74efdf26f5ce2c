//! What the claims are proved with. `claim.rs` is where to start.

mod batch;
mod claim;
pub mod difference;
pub mod dual;
mod evidence;
pub mod exact;
mod number;
mod prime;
mod sides;
mod variants;
mod ways;

pub use batch::{Batch, Channel};
pub use claim::{Claim, claim};
pub use evidence::{Check, How, Proof};
pub use number::{Float, Measure, Number, largest, mean, sum};
pub use prime::Prime;
pub use sides::{Sides, at_most, equal};
pub use variants::{Norm, Wrong};
pub use ways::{all, by, cases, prime_field, property, worked_example, wrong};
