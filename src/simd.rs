//! The three passes over a tensor that the kernels are made of, and the one place where the vector
//! instructions are chosen that they run in.
//!
//! A kernel says what happens to one element: [`With::map`] makes a new tensor of it, [`With::update`]
//! puts it in the place of an old one, and [`With::sums`] adds it up. Which mean and which γ an element
//! takes is a matter of the [`Plan`], settled here.

use super::scalar::{Field, Scalar};
use super::split::{Plan, Run, Split};
#[cfg(feature = "parallel")]
use rayon::prelude::*;
use std::array;
use std::ops::Range;

/// Something to be done in vector instructions. (Not a closure, for its `run` has to be
/// `#[inline(always)]` to become part of the function that these instructions are allowed in.)
pub(crate) trait Work {
    type Output;
    fn run(self) -> Self::Output;
}

/// Does the work in the widest vector instructions that this processor has.
///
/// They are looked up when the program runs, so the stock build is fast everywhere. The results are the
/// same on every processor, to the last bit: the order of all sums is written down below, and nothing is
/// fused. Without the feature `simd`, as in a copy of this file, the instructions are those that the
/// compiler was told to use.
pub(crate) fn vectorized<T: Work>(work: T) -> T::Output {
    #[cfg(feature = "simd")]
    {
        struct InAny<T>(T);
        impl<T: Work> pulp::NullaryFnOnce for InAny<T> {
            type Output = T::Output;
            #[inline(always)]
            fn call(self) -> T::Output {
                self.0.run()
            }
        }
        pulp::Arch::new().dispatch(InAny(work))
    }
    #[cfg(not(feature = "simd"))]
    work.run()
}

/// How many values are added side by side: whole vector registers, on any machine, and enough of them to
/// keep the adders busy.
///
/// A fixed number, so that sums are taken in the same order, and have the same last digit, everywhere.
const LANES: usize = 16;

/// How many groups are added up side by side: few enough for their lanes to stay in the first cache.
const NEIGHBOURS: usize = 16;

/// How many elements of an output are made at a time where runs are long: few enough for their zeros and
/// their results to wait for memory together.
const CHUNK: usize = 64;

/// How many where runs are short: few enough for the first cache.
const BLOCK: usize = 512;

/// How many elements are worth a thread: about as many as are normalized while another one wakes up.
#[cfg(feature = "parallel")]
const LEAST: usize = 1 << 16;

/// What is given to a thread is a multiple of so many elements.
#[cfg(feature = "parallel")]
const GRAIN: usize = 1024;

/// Of so many elements an output that is filled with zeros does not stay in the caches.
#[cfg(feature = "parallel")]
const CACHED: usize = 1 << 20;

/// A plan, with numbers that go with the elements: G for each group that shares a mean, and P for each
/// group that shares a γ.
#[derive(Clone, Copy)]
pub(crate) struct With<'a, W, const G: usize, const P: usize> {
    plan: Plan,
    groups: [&'a [W]; G],
    parameters: [&'a [W]; P],
}

/// A plan with these numbers.
pub(crate) fn with<'a, W, const G: usize, const P: usize>(
    plan: Plan,
    groups: [&'a [W]; G],
    parameters: [&'a [W]; P],
) -> With<'a, W, G, P> {
    With { plan, groups, parameters }
}

impl<W: Field, const G: usize, const P: usize> With<'_, W, G, P> {
    /// f(x), with the numbers of its groups, for each element x.
    pub(crate) fn map<F: Scalar<Wide = W>>(
        self,
        x: &[F],
        f: impl Fn(F, [W; G], [W; P]) -> F + Sync,
    ) -> Vec<F> {
        #[cfg(feature = "parallel")]
        if x.len() > LEAST {
            return self.map_in_pieces(x, f);
        }
        if self.plan.statistics().inner > 1 && self.plan.run_length() >= 2 * CHUNK {
            vectorized(InSteps { with: self, pass: MapRuns { x, f } })
        } else {
            vectorized(InSteps { with: self, pass: MapBlocks { x, f } })
        }
    }

    /// The same in several threads.
    #[cfg(feature = "parallel")]
    fn map_in_pieces<F: Scalar<Wide = W>>(
        self,
        x: &[F],
        f: impl Fn(F, [W; G], [W; P]) -> F + Sync,
    ) -> Vec<F> {
        let f = |_, x, groups: [W; G], parameters: [W; P]| f(x, groups, parameters);
        if x.len() < CACHED {
            let mut y = vec![F::ZERO; x.len()];
            self.update(&mut y, x, f);
            return y;
        }
        // Zeros would cross the memory once more, all of them from one thread.
        let block = |(i, x): (usize, &[F])| {
            let mut y = [F::ZERO; GRAIN];
            let (start, a) = (i * GRAIN, &mut y[..x.len()]);
            vectorized(InSteps { with: self, pass: Update { start, a, b: x, f } });
            y
        };
        let blocks = x.par_chunks(GRAIN).enumerate().with_min_len(LEAST / GRAIN);
        let mut y = blocks.map(block).collect::<Vec<_>>().into_flattened();
        y.truncate(x.len());
        y
    }

    /// a ← f(a, b), with the numbers of their groups, for each two elements at the same place.
    pub(crate) fn update<F: Scalar<Wide = W>>(
        self,
        a: &mut [F],
        b: &[F],
        f: impl Fn(F, F, [W; G], [W; P]) -> F + Sync,
    ) {
        let piece = |start, a: &mut [F], b: &[F]| {
            vectorized(InSteps { with: self, pass: Update { start, a, b, f: &f } });
        };
        #[cfg(feature = "parallel")]
        {
            let size = piece_size(a.len(), GRAIN);
            if size >= a.len() {
                return piece(0, a, b);
            }
            let pieces = a.par_chunks_mut(size).zip(b.par_chunks(size)).enumerate();
            pieces.for_each(|(i, (a, b))| piece(i * size, a, b));
        }
        #[cfg(not(feature = "parallel"))]
        piece(0, a, b);
    }

    /// Two sums, Σ f(a, b), over the elements of each group of `by`, which is the statistics or the
    /// parameters of the plan.
    pub(crate) fn sums<F: Scalar<Wide = W>>(
        self,
        by: Split,
        a: &[F],
        b: &[F],
        f: impl Fn(F, F, [W; G], [W; P]) -> (W, W) + Sync,
    ) -> [Vec<W>; 2] {
        let piece =
            |groups| vectorized(InSteps { with: self, pass: Sums { by, groups, a, b, f: &f } });
        #[cfg(feature = "parallel")]
        {
            let size = piece_size(by.len(), 16 * by.count()) / by.count();
            if size >= by.kept {
                return piece(0..by.kept);
            }
            let starts = (0..by.kept).into_par_iter().step_by(size);
            let pieces = starts.map(|first| piece(first..by.kept.min(first + size)));
            let append = |[mut s, mut t]: [Vec<W>; 2], [next_s, next_t]: [Vec<W>; 2]| {
                s.extend(next_s);
                t.extend(next_t);
                [s, t]
            };
            pieces.reduce(|| [Vec::new(), Vec::new()], append)
        }
        #[cfg(not(feature = "parallel"))]
        piece(0..by.kept)
    }
}

/// How many of so many elements make a piece for one thread: several pieces a thread, none too small to
/// be worth it, and each a multiple of the grain.
///
/// No sum is ever cut in two, so it is the same whatever the pieces are.
#[cfg(feature = "parallel")]
fn piece_size(elements: usize, grain: usize) -> usize {
    elements.div_ceil(4 * rayon::current_num_threads()).max(LEAST).next_multiple_of(grain)
}

/// A pass. K and C are the steps at which the numbers of groups and of parameters are read along a run:
/// 0 where all elements of the run share one, 1 where each element has its own.
trait Pass<W, const G: usize, const P: usize> {
    type Output;
    fn run<const K: usize, const C: usize>(self, with: With<W, G, P>) -> Self::Output;
}

struct InSteps<'a, W, T, const G: usize, const P: usize> {
    with: With<'a, W, G, P>,
    pass: T,
}

impl<W, T: Pass<W, G, P>, const G: usize, const P: usize> Work for InSteps<'_, W, T, G, P> {
    type Output = T::Output;
    #[inline(always)]
    fn run(self) -> T::Output {
        let InSteps { with, pass } = self;
        let own = |split: Split| split.inner == 1;
        match (own(with.plan.statistics()), own(with.plan.parameters())) {
            (false, false) => pass.run::<0, 0>(with),
            (false, true) => pass.run::<0, 1>(with),
            (true, _) => pass.run::<1, 1>(with),
        }
    }
}

/// Makes an output by long runs.
///
/// Safe Rust hands out no memory that has not been written to, so there are zeros first, chunk by chunk and
/// in the same loop.
struct MapRuns<'a, F, T> {
    x: &'a [F],
    f: T,
}

impl<F: Scalar, T, const G: usize, const P: usize> Pass<F::Wide, G, P> for MapRuns<'_, F, T>
where
    T: Fn(F, [F::Wide; G], [F::Wide; P]) -> F,
{
    type Output = Vec<F>;
    #[inline(always)]
    fn run<const K: usize, const C: usize>(self, with: With<F::Wide, G, P>) -> Vec<F> {
        let mut y = Vec::with_capacity(self.x.len());
        for run in with.plan.runs(0..self.x.len()) {
            let (groups, parameters) = with.of::<K, C>(&run);
            let (x, x_end) = self.x[run.start..][..run.length].as_chunks::<CHUNK>();
            for (chunk, x) in x.iter().enumerate() {
                let groups = groups.part(chunk * CHUNK, CHUNK);
                let parameters = parameters.part(chunk * CHUNK, CHUNK);
                let y = zeros(&mut y).expect("room for all of x");
                for i in 0..CHUNK {
                    y[i] = (self.f)(x[i], groups.at(i), parameters.at(i));
                }
            }
            let groups = groups.part(x.len() * CHUNK, x_end.len());
            let parameters = parameters.part(x.len() * CHUNK, x_end.len());
            // A whole chunk of zeros, cut, takes less time than the call that writes a few.
            let (start, end) = (y.len(), y.len() + x_end.len());
            if zeros(&mut y).is_none() {
                y.resize(end, F::ZERO);
            }
            y.truncate(end);
            let y = &mut y[start..];
            for i in 0..x_end.len() {
                y[i] = (self.f)(x_end[i], groups.at(i), parameters.at(i));
            }
        }
        y
    }
}

/// A chunk of zeros at the end of a vector, if there is room for one.
#[inline(always)]
fn zeros<F: Field>(y: &mut Vec<F>) -> Option<&mut [F; CHUNK]> {
    // Without this the vector might have to grow, and all registers would be saved for it.
    if y.capacity() - y.len() < CHUNK {
        return None;
    }
    y.extend_from_slice(&[F::ZERO; CHUNK]);
    y.last_chunk_mut()
}

/// Makes an output by blocks of many short runs, filled with zeros and overwritten at once. (Those of a whole
/// tensor would cross the memory once more.)
struct MapBlocks<'a, F, T> {
    x: &'a [F],
    f: T,
}

impl<F: Scalar, T, const G: usize, const P: usize> Pass<F::Wide, G, P> for MapBlocks<'_, F, T>
where
    T: Fn(F, [F::Wide; G], [F::Wide; P]) -> F,
{
    type Output = Vec<F>;
    #[inline(always)]
    fn run<const K: usize, const C: usize>(self, with: With<F::Wide, G, P>) -> Vec<F> {
        let mut y = Vec::with_capacity(self.x.len());
        let f =
            |_, x, groups: [F::Wide; G], parameters: [F::Wide; P]| (self.f)(x, groups, parameters);
        for b in self.x.chunks(BLOCK) {
            let start = y.len();
            y.resize(start + b.len(), F::ZERO);
            Update { start, a: &mut y[start..], b, f }.run::<K, C>(with);
        }
        y
    }
}

struct Update<'a, F, T> {
    start: usize,
    a: &'a mut [F],
    b: &'a [F],
    f: T,
}

impl<F: Scalar, T, const G: usize, const P: usize> Pass<F::Wide, G, P> for Update<'_, F, T>
where
    T: Fn(F, F, [F::Wide; G], [F::Wide; P]) -> F,
{
    type Output = ();
    #[inline(always)]
    fn run<const K: usize, const C: usize>(self, with: With<F::Wide, G, P>) {
        for run in with.plan.runs(self.start..self.start + self.a.len()) {
            let (groups, parameters) = with.of::<K, C>(&run);
            let first = run.start - self.start;
            let (a, b) = (&mut self.a[first..][..run.length], &self.b[first..][..run.length]);
            for i in 0..run.length {
                a[i] = (self.f)(a[i], b[i], groups.at(i), parameters.at(i));
            }
        }
    }
}

struct Sums<'a, F, T> {
    by: Split,
    groups: Range<usize>,
    a: &'a [F],
    b: &'a [F],
    f: T,
}

impl<F: Scalar, T, const G: usize, const P: usize> Pass<F::Wide, G, P> for Sums<'_, F, T>
where
    T: Fn(F, F, [F::Wide; G], [F::Wide; P]) -> (F::Wide, F::Wide),
{
    type Output = [Vec<F::Wide>; 2];
    #[inline(always)]
    fn run<const K: usize, const C: usize>(self, with: With<F::Wide, G, P>) -> [Vec<F::Wide>; 2] {
        let zeros = vec![F::Wide::ZERO; self.groups.len()];
        let (mut s, mut t) = (zeros.clone(), zeros);
        if self.by.inner == 1 {
            self.row_by_row::<K, C, G, P>(with, &mut s, &mut t);
        } else {
            let some = s.chunks_mut(NEIGHBOURS).zip(t.chunks_mut(NEIGHBOURS));
            for (first, (s, t)) in self.groups.clone().step_by(NEIGHBOURS).zip(some) {
                self.of_neighbours::<K, C, G, P>(with, first, s, t);
            }
        }
        [s, t]
    }
}

impl<F: Scalar, T> Sums<'_, F, T> {
    /// Where each row of the tensor has one element of each group: all sums grow together.
    #[inline(always)]
    fn row_by_row<const K: usize, const C: usize, const G: usize, const P: usize>(
        &self,
        with: With<F::Wide, G, P>,
        s: &mut [F::Wide],
        t: &mut [F::Wide],
    ) where
        T: Fn(F, F, [F::Wide; G], [F::Wide; P]) -> (F::Wide, F::Wide),
    {
        for run in with.plan.runs(0..self.a.len()) {
            let here = self.by.group_of(run.start);
            let (from, to) = (here.max(self.groups.start), self.groups.end.min(here + run.length));
            if from >= to {
                continue;
            }
            let run = run.part(from - here, to - from, [K, C]);
            let (groups, parameters) = with.of::<K, C>(&run);
            let (a, b) = (&self.a[run.start..][..run.length], &self.b[run.start..][..run.length]);
            let first = from - self.groups.start;
            let (s, t) = (&mut s[first..][..run.length], &mut t[first..][..run.length]);
            for i in 0..run.length {
                let term = (self.f)(a[i], b[i], groups.at(i), parameters.at(i));
                (s[i], t[i]) = (s[i] + term.0, t[i] + term.1);
            }
        }
    }

    /// The sums of a few adjacent groups with long runs, whose elements are dealt out to the lanes.
    ///
    /// The runs of one group alone may lie far apart, and memory is fastest in order.
    #[inline(always)]
    fn of_neighbours<const K: usize, const C: usize, const G: usize, const P: usize>(
        &self,
        with: With<F::Wide, G, P>,
        first: usize,
        s: &mut [F::Wide],
        t: &mut [F::Wide],
    ) where
        T: Fn(F, F, [F::Wide; G], [F::Wide; P]) -> (F::Wide, F::Wide),
    {
        let mut lanes: [Lanes<F::Wide>; NEIGHBOURS] =
            [([F::Wide::ZERO; LANES], [F::Wide::ZERO; LANES]); NEIGHBOURS];
        let lanes = &mut lanes[..s.len()];
        let Split { outer, kept, inner } = self.by;
        for row in 0..outer {
            let start = (row * kept + first) * inner;
            for run in with.plan.runs(start..start + lanes.len() * inner) {
                let lanes = &mut lanes[(run.start - start) / inner];
                self.add_run::<K, C, G, P>(with, &run, lanes);
            }
        }
        for (k, &(lanes_s, lanes_t)) in lanes.iter().enumerate() {
            (s[k], t[k]) = (total(lanes_s), total(lanes_t));
        }
    }

    /// Adds the elements of a run, each to the next lane.
    #[inline(always)]
    fn add_run<const K: usize, const C: usize, const G: usize, const P: usize>(
        &self,
        with: With<F::Wide, G, P>,
        run: &Run,
        lanes: &mut Lanes<F::Wide>,
    ) where
        T: Fn(F, F, [F::Wide; G], [F::Wide; P]) -> (F::Wide, F::Wide),
    {
        let (mut s, mut t) = *lanes;
        let (groups, parameters) = with.of::<K, C>(run);
        let (a, a_end) = self.a[run.start..][..run.length].as_chunks::<LANES>();
        let (b, b_end) = self.b[run.start..][..run.length].as_chunks::<LANES>();
        for (chunk, (a, b)) in a.iter().zip(b).enumerate() {
            let groups = groups.part(chunk * LANES, LANES);
            let parameters = parameters.part(chunk * LANES, LANES);
            for i in 0..LANES {
                let term = (self.f)(a[i], b[i], groups.at(i), parameters.at(i));
                s[i] = s[i] + term.0;
                t[i] = t[i] + term.1;
            }
        }
        let groups = groups.part(a.len() * LANES, a_end.len());
        let parameters = parameters.part(a.len() * LANES, a_end.len());
        for i in 0..a_end.len() {
            let term = (self.f)(a_end[i], b_end[i], groups.at(i), parameters.at(i));
            (s[i], t[i]) = (s[i] + term.0, t[i] + term.1);
        }
        *lanes = (s, t);
    }
}

/// Two sums, each in as many parts as there are lanes.
type Lanes<W> = ([W; LANES], [W; LANES]);

/// The sum of all lanes, by halves: 8 + 8, 4 + 4, …
#[inline(always)]
fn total<W: Field>(mut lanes: [W; LANES]) -> W {
    for half in [8, 4, 2, 1] {
        for i in 0..half {
            lanes[i] = lanes[i] + lanes[half + i];
        }
    }
    lanes[0]
}

/// The numbers that belong to the elements of a run: one for all (`STEP` 0), or one for each (1).
#[derive(Clone, Copy)]
struct Along<'a, W, const STEP: usize, const N: usize>([&'a [W]; N]);

impl<'a, W: Field, const STEP: usize, const N: usize> Along<'a, W, STEP, N> {
    /// Those of so many elements from place `first` on.
    #[inline(always)]
    fn part(self, first: usize, length: usize) -> Self {
        let length = if STEP == 0 { 1 } else { length };
        Along(self.0.map(|numbers| &numbers[first * STEP..][..length]))
    }

    /// Those of the element at place i.
    #[inline(always)]
    fn at(self, i: usize) -> [W; N] {
        array::from_fn(|n| self.0[n][i * STEP])
    }
}

impl<'a, W: Field, const G: usize, const P: usize> With<'a, W, G, P> {
    /// The numbers of a run.
    #[inline(always)]
    fn of<const K: usize, const C: usize>(
        self,
        run: &Run,
    ) -> (Along<'a, W, K, G>, Along<'a, W, C, P>) {
        let groups = Along(self.groups.map(|numbers| &numbers[run.group..]));
        let parameters = Along(self.parameters.map(|numbers| &numbers[run.parameter..]));
        (groups.part(0, run.length), parameters.part(0, run.length))
    }
}
