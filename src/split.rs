//! Which values share a mean, and which share a γ and a β: Figure 2 of Wu & He (2018) in numbers.

use super::error::{Error, Result};
use super::scalar::Field;
use std::array;
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

    /// The fields are public: what a plan must be like for the kernels to follow it.
    ///
    /// Both splits are of a tensor of `len` elements; values that are worked on together share their
    /// parameters, that is, the runs of one split lie within those of the other, and where several runs
    /// make a group, the parameters repeat from one to the next.
    pub(crate) fn check(self, len: usize) -> Result<()> {
        let Plan { statistics: s, parameters: p } = self;
        for Split { outer, kept, inner } in [s, p] {
            let need = outer.saturating_mul(kept).saturating_mul(inner);
            if need == 0 {
                return Err(Error::Empty { shape: vec![outer, kept, inner] });
            }
            if need != len {
                return Err(Error::Length { what: "x", need, got: len });
            }
        }
        let nested = if p.inner < s.inner {
            s.inner % p.inner == 0
        } else {
            let repeats = (s.kept * s.inner).is_multiple_of(p.kept * p.inner);
            p.inner % s.inner == 0 && (s.outer == 1 || repeats)
        };
        let three = |split: Split| vec![split.outer, split.kept, split.inner];
        match nested {
            true => Ok(()),
            false => Err(Error::Shape { what: "plan.parameters", need: three(s), got: three(p) }),
        }
    }
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

    /// All groups, block by block.
    pub(crate) fn blocks(self) -> impl Iterator<Item = Block> {
        let groups = if self.inner == 1 { LANES } else { 1 };
        (0..self.kept).step_by(groups).map(move |first| Block {
            split: self,
            first,
            groups: groups.min(self.kept - first),
        })
    }
}

/// How many values are worked on side by side: whole vector registers, on any machine.
///
/// A fixed number, so that sums are added in the same order, and have the same last digit, everywhere.
pub(crate) const LANES: usize = 16;

/// Neighbouring groups that are worked on together.
///
/// Where a group has long runs, a block is one group, and its values are dealt out to all lanes. Where
/// its runs have length 1 (a column of `[N, C]`), a block is as many groups as there are lanes, one a
/// lane, so that memory is read along the rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    split: Split,
    first: usize,
    groups: usize,
}

/// Runs of equal length at equal distances.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Runs {
    first: usize,
    length: usize,
    stride: usize,
    count: usize,
}

impl Block {
    /// How many groups the block has.
    pub(crate) fn groups(self) -> usize {
        self.groups
    }

    /// The group that each lane belongs to. (Lanes without work repeat the last group.)
    pub(crate) fn lanes(self) -> [usize; LANES] {
        array::from_fn(|lane| self.first + lane.min(self.groups - 1))
    }

    /// Where the values of the block lie.
    pub(crate) fn runs(self) -> Runs {
        let Split { outer, kept, inner } = self.split;
        let (first, length) = (self.first * inner, self.groups * inner);
        Runs { first, length, stride: kept * inner, count: outer }
    }

    /// Where the values of the group of one lane lie.
    pub(crate) fn values(self, lane: usize) -> impl Iterator<Item = usize> {
        self.split.runs(self.lanes()[lane]).flatten()
    }

    /// Makes of one sum a lane the sum of the lane's group.
    #[inline(always)]
    pub(crate) fn total<W: Field>(self, sums: [W; LANES]) -> [W; LANES] {
        if self.split.inner == 1 {
            return sums;
        }
        [sums.into_iter().fold(W::ZERO, |total, sum| total + sum); LANES]
    }
}

impl Runs {
    pub(crate) fn ranges(self) -> impl Iterator<Item = Range<usize>> {
        let starts = (0..self.count).map(move |i| self.first + i * self.stride);
        starts.map(move |start| start..start + self.length)
    }
}

impl Plan {
    /// The values of a block, parted by the parameters they share; with the index of the γ and the β
    /// of each lane.
    pub(crate) fn parts(self, block: Block) -> impl Iterator<Item = ([usize; LANES], Runs)> {
        let (runs, parameters) = (block.runs(), self.parameters);
        // Either a run has but one γ and one β (a lane), or it is cut where the next begin.
        let cut = parameters.inner < self.statistics.inner;
        let length = if cut { parameters.inner } else { runs.length };
        let count = if cut { 1 } else { runs.count };
        let firsts =
            runs.ranges().take(runs.count / count).flat_map(move |run| run.step_by(length));
        firsts.map(move |first| {
            let index = |i: usize| i / parameters.inner % parameters.kept;
            let lanes = block.lanes().map(|k| match block.groups {
                1 => index(first),
                _ => index(first + k - block.first),
            });
            (lanes, Runs { first, length, count, ..runs })
        })
    }
}
