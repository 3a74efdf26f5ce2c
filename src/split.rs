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

/// A normalization layer: two splits of the same tensor, one for the values that share a mean and a
/// variance, one for those that share a γ and a β.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    statistics: Split,
    parameters: Split,
    center: Center,
}

/// What is subtracted before the mean square is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Center {
    /// The mean: then the mean square is the variance.
    Mean,
    /// Nothing: then its root is the root mean square of RMS normalization.
    Zero,
}
// ANCHOR_END: split

impl Plan {
    // ANCHOR: plans
    /// Batch normalization of `[N, C, …]`: a mean for each channel.
    ///
    /// # Errors
    /// Of all plans: [`Error::Rank`] for too few axes, [`Error::Empty`] for an axis of length zero.
    pub fn batch(shape: &[usize]) -> Result<Plan> {
        let (n, c, s) = batch_channels_space(shape)?;
        Ok(per_channel(split(n, c, s), (n, c, s)))
    }

    /// Layer normalization of `[N, C, …]`: a mean for each sample.
    ///
    /// # Errors
    /// As [`batch`](Plan::batch).
    pub fn layer(shape: &[usize]) -> Result<Plan> {
        let (n, c, s) = batch_channels_space(shape)?;
        Ok(per_channel(split(1, n, c * s), (n, c, s)))
    }

    /// Instance normalization of `[N, C, …]`: a mean for each channel of each sample.
    ///
    /// # Errors
    /// As [`batch`](Plan::batch).
    pub fn instance(shape: &[usize]) -> Result<Plan> {
        let (n, c, s) = batch_channels_space(shape)?;
        Ok(per_channel(split(1, n * c, s), (n, c, s)))
    }

    /// Group normalization of `[N, C, …]`: a mean for each group of adjacent channels of each sample.
    ///
    /// # Errors
    /// As [`batch`](Plan::batch), and [`Error::Groups`] if the groups do not divide the channels.
    pub fn group(shape: &[usize], groups: usize) -> Result<Plan> {
        let (n, c, s) = batch_channels_space(shape)?;
        check_groups(groups, c)?;
        Ok(per_channel(split(1, n * groups, c / groups * s), (n, c, s)))
    }

    /// Layer normalization as in transformers: a mean for each position, over the last `axes` axes, and
    /// a γ and a β for each place within them.
    ///
    /// # Errors
    /// As [`batch`](Plan::batch); at least one axis is normalized over.
    pub fn trailing(shape: &[usize], axes: usize) -> Result<Plan> {
        let need = axes.max(1);
        let cut = shape.len().checked_sub(need).ok_or(Error::Rank { need, got: shape.len() })?;
        not_empty(shape)?;
        let (m, d) = (shape[..cut].iter().product(), shape[cut..].iter().product());
        let (statistics, parameters) = (split(1, m, d), split(m, d, 1));
        Ok(Plan { statistics, parameters, center: Center::Mean })
    }
    // ANCHOR_END: plans

    /// Which elements share a mean and a variance.
    pub fn statistics(self) -> Split {
        self.statistics
    }

    /// Which elements share a γ and a β.
    pub fn parameters(self) -> Split {
        self.parameters
    }

    /// What is subtracted.
    pub fn center(self) -> Center {
        self.center
    }

    /// The same plan without subtracting the mean: RMS normalization.
    pub fn uncentred(self) -> Plan {
        Plan { center: Center::Zero, ..self }
    }

    /// This plan, if the values that share a mean are enough to say something about each of them.
    ///
    /// A single value *is* its own mean: two are needed, or one where no mean is subtracted.
    ///
    /// # Errors
    /// [`Error::TooFewValues`] otherwise.
    pub fn enough_values(self) -> Result<Plan> {
        let (need, got) = (self.least_values(), self.statistics.count());
        if got < need { Err(Error::TooFewValues { need, got }) } else { Ok(self) }
    }

    pub(crate) fn least_values(self) -> usize {
        match self.center {
            Center::Mean => 2,
            Center::Zero => 1,
        }
    }
}

fn split(outer: usize, kept: usize, inner: usize) -> Split {
    Split { outer, kept, inner }
}

/// γ and β for each channel of `[N, C, S]`, and these statistics.
fn per_channel(statistics: Split, (n, c, s): (usize, usize, usize)) -> Plan {
    Plan { statistics, parameters: split(n, c, s), center: Center::Mean }
}

/// Whether so many groups can be made of the channels.
pub(crate) fn check_groups(groups: usize, channels: usize) -> Result<()> {
    let divide = groups > 0 && channels.is_multiple_of(groups);
    if divide { Ok(()) } else { Err(Error::Groups { groups, channels }) }
}

fn not_empty(shape: &[usize]) -> Result<()> {
    if shape.contains(&0) { Err(Error::Empty { shape: shape.to_vec() }) } else { Ok(()) }
}

/// `[N, C, …]` as N, C and the product of the rest.
fn batch_channels_space(shape: &[usize]) -> Result<(usize, usize, usize)> {
    not_empty(shape)?;
    match *shape {
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

    /// The group of an element.
    pub(crate) fn group_of(self, element: usize) -> usize {
        element / self.inner % self.kept
    }

    /// How many neighbours have the same group, or, where no two have, groups in succession.
    fn run_length(self) -> usize {
        if self.inner == 1 { self.kept } else { self.inner }
    }
}

/// Neighbouring elements all of which share a mean, or none; and all of which share a γ, or none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    /// The first element.
    pub start: usize,
    /// How many elements.
    pub length: usize,
    /// The group that the first element shares a mean with. The next ones belong to the same group, or
    /// each to the next.
    pub group: usize,
    /// The group that the first element shares a γ with, and so on.
    pub parameter: usize,
}

impl Run {
    /// So many elements of the run from one on; the steps are those of group and parameter.
    pub(crate) fn part(self, first: usize, length: usize, steps: [usize; 2]) -> Run {
        let [group, parameter] = [self.group + first * steps[0], self.parameter + first * steps[1]];
        Run { start: self.start + first, length, group, parameter }
    }
}

impl Plan {
    /// The values that share both a mean and a γ, where these are whole runs.
    pub(crate) fn alike(self) -> Option<Split> {
        let Split { inner, .. } = self.parameters;
        if self.statistics.inner <= inner {
            Some(self.statistics)
        } else if inner > 1 {
            Some(split(1, self.parameters.outer * self.parameters.kept, inner))
        } else {
            None
        }
    }

    /// Whether all values that share a mean share a γ, too, and no others do: batch normalization.
    pub(crate) fn one_gamma_a_mean(self) -> bool {
        self.statistics == self.parameters
    }

    /// The length of a run of the split whose runs are shorter.
    pub(crate) fn run_length(self) -> usize {
        self.statistics.run_length().min(self.parameters.run_length())
    }

    /// With which values those of group i of [`alike`](Plan::alike) share a mean, and with which a γ.
    pub(crate) fn groups_of(self, i: usize, alike: Split) -> (usize, usize) {
        if self.one_gamma_a_mean() {
            return (i, i);
        }
        let first = i * alike.inner;
        (self.statistics.group_of(first), self.parameters.group_of(first))
    }

    /// The runs of which a range is made; it may begin and end within one.
    #[inline(always)]
    pub(crate) fn runs(self, range: Range<usize>) -> impl Iterator<Item = Run> {
        let Range { mut start, end } = range;
        let mut group = Place::of(start, self.statistics);
        let mut parameter = Place::of(start, self.parameters);
        std::iter::from_fn(move || {
            let length = group.left.min(parameter.left).min(end - start);
            let run = Run { start, length, group: group.group, parameter: parameter.group };
            start += length;
            group.advance(length);
            parameter.advance(length);
            (length > 0).then_some(run)
        })
    }
}

/// Where an element is in a split. Carried along from run to run: to divide anew would take about as long
/// as to normalize a short run.
struct Place {
    split: Split,
    group: usize,
    /// How many elements are left of its run, itself among them.
    left: usize,
}

impl Place {
    fn of(element: usize, split: Split) -> Place {
        let whole = split.run_length();
        Place { split, group: split.group_of(element), left: whole - element % whole }
    }

    /// So many elements on, at most to the end of the run.
    #[inline(always)]
    fn advance(&mut self, length: usize) {
        let Split { kept, inner, .. } = self.split;
        self.left -= length;
        self.group += if inner == 1 { length } else { usize::from(self.left == 0) };
        if self.group == kept {
            self.group = 0;
        }
        if self.left == 0 {
            self.left = self.split.run_length();
        }
    }
}
