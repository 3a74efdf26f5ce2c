//! Every figure of the book: a pure function from parameters and language to SVG text.
//!
//! One module a chapter, one file a figure. A figure reads no clock and no file and draws the same text for the same
//! numbers every time. Colours are CSS variables (`--fig-1` to `--fig-6`, `--fig-grid`, `--fig-muted`) and the text
//! colour of the page, so a figure put into a page follows its theme.
//!
//! Numbers that are not finite are left out; no numbers at all give empty axes.

mod axis;
mod data;
mod diagram;
mod forest;
mod ink;
mod lang;
mod number;
mod page;
mod plot;
mod svg;
#[cfg(test)]
mod testing;

pub mod backward;
pub mod batch;
pub mod choosing;
pub mod corrections;
pub mod covariate_shift;
pub mod feature_maps;
pub mod forward;
pub mod frameworks;
pub mod generalization;
pub mod group_norm;
pub mod instance_norm;
pub mod introduction;
pub mod layer_norm;
pub mod numerics;
pub mod placement;
pub mod rms_norm;
pub mod train_and_test;
pub mod why_it_works;
pub mod without_batches;
pub mod without_normalization;

pub use data::{Band, Histogram, Interval, Named, Series};
pub use lang::{Lang, UnknownLang};
