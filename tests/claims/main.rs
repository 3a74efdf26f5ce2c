//! The claims of the book, one module a chapter: `claim[forward::mean_is_zero]` is the test
//! `mean_is_zero` of `forward.rs`.

mod backward;
mod covariate_shift;
mod forward;
mod introduction;
mod kit;
mod train_and_test;
