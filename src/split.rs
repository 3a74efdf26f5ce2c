//! Which values share a mean, and which share a γ and a β: Figure 2 of Wu & He (2018) in numbers.

use super::error::{Error, Result};
use std::ops::Range;

// ANCHOR: split
/// A tensor in standard (row-major) layout, read as `outer × kept × inner`.
///
/// All elements with the same middle index belong together. No element moves: adjacent axes of a
/// row-major tensor merge into one by multiplying their lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    /// Product of the axes before the kept one.
    pub outer: usize,
    /// How many groups of elements there are.
    pub kept: usize,
    /// Product of the axes after the kept one: the length of a contiguous run of one group.
    pub inner: usize,
}

/// A normalization layer is two splits of the same tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Which elements share a mean and a variance.
    pub statistics: Split,
    /// Which elements share a γ and a β.
    pub parameters: Split,
}
// ANCHOR_END: split

impl Plan {
    // ANCHOR: batch
    /// Batch normalization of `[N, C, …]`: statistics, γ and β per channel.
    ///
    /// # Errors
    /// [`Error::Rank`] below two axes, [`Error::Empty`] for an axis of length zero.
    pub fn batch(shape: &[usize]) -> Result<Plan> {
        let (n, c, s) = batch_channels_space(shape)?;
        let channel = Split { outer: n, kept: c, inner: s };
        Ok(Plan { statistics: channel, parameters: channel })
    }
    // ANCHOR_END: batch
}

/// `[N, C, …]` as N, C and the product of the rest.
fn batch_channels_space(shape: &[usize]) -> Result<(usize, usize, usize)> {
    match *shape {
        _ if shape.contains(&0) => Err(Error::Empty { shape: shape.to_vec() }),
        [n, c, ref rest @ ..] => Ok((n, c, rest.iter().product())),
        _ => Err(Error::Rank { need: 2, got: shape.len() }),
    }
}

impl Split {
    /// How many values each group has: the m of the formulas.
    pub fn count(self) -> usize {
        self.outer * self.inner
    }

    /// How many elements the tensor has.
    pub fn len(self) -> usize {
        self.outer * self.kept * self.inner
    }

    /// Whether the tensor has no element.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The contiguous runs of group `k`.
    pub fn runs(self, k: usize) -> impl Iterator<Item = Range<usize>> {
        (0..self.outer).map(move |o| {
            let start = (o * self.kept + k) * self.inner;
            start..start + self.inner
        })
    }
}
