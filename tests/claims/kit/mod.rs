//! What the claims are proved with. `claim.rs` is where to start.

mod batch;
mod claim;
pub mod difference;
pub mod dual;
mod evidence;
pub mod exact;
mod gauss;
pub mod golden;
mod layer;
mod layer_cases;
mod layer_laws;
mod number;
mod numbers;
mod prime;
mod quadrature;
mod sides;
pub mod symmetric;
mod table;
mod variants;
mod ways;

pub use batch::{Batch, Channel};
pub use claim::{Claim, claim};
pub use evidence::{Check, How, Proof};
pub use gauss::{gaussians, kolmogorov_smirnov};
pub use layer::{At, By, Case, Layer, Set, Slip};
pub use layer_cases::Given;
pub use layer_laws::{
    Way, alike, alone, checked, equal_means, gradient, moments, parts_and_whole, proves, refutes,
    restores, same_xhat, scaling, scaling_without_sign,
};
pub use number::{Float, Measure, Number, largest, mean, mean_of, sum};
pub use numbers::{Drawn, numbers, over};
pub use prime::Prime;
pub use quadrature::gaussian_mean;
pub use sides::{Sides, at_most, equal};
pub use table::{
    Hand, Mistake, Table, TableWay, central, falls, slope, stands, tabled, tabled_within,
};
pub use variants::{Norm, Wrong};
pub use ways::{
    all, by, cases, once, prime_field, property, property_within, worked_example, wrong,
};
