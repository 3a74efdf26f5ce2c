//! The claims of the book, one module a chapter: `claim[forward::mean_is_zero]` is the test
//! `mean_is_zero` of `forward.rs`.

mod backward;
mod batch;
mod choosing;
mod corrections;
mod covariate_shift;
mod feature_maps;
mod forward;
mod frameworks;
mod generalization;
mod group_norm;
mod instance_norm;
mod introduction;
mod kit;
mod layer_norm;
mod numerics;
mod placement;
mod rms_norm;
mod train_and_test;
mod why_it_works;
mod without_batches;
mod without_normalization;
