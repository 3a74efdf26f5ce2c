//! Figures of the chapter on covariate shift.

mod depth_drift;
mod learning_curves;
mod percentile_bands;
mod quadratic_paths;
mod sigmoid_gradient;
mod two_domains;

pub use depth_drift::depth_drift;
pub use learning_curves::learning_curves;
pub use percentile_bands::percentile_bands;
pub use quadratic_paths::{Descent, quadratic_paths};
pub use sigmoid_gradient::sigmoid_gradient;
pub use two_domains::{Domain, covariate_shift};
