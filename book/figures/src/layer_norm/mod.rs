//! Figures of the chapter on layer normalization.

mod rows_and_columns;

pub use rows_and_columns::rows_and_columns;
