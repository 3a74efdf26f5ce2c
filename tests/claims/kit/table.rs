//! Methods that work on tables of numbers, weights or activations, with no statistics of a batch: done
//! right by the library, done right once more by the textbook formulas of this file, and done wrong.

use super::dual::Dual;
use super::{By, Check, Drawn, Float, How, Number, Prime, Proof, Sides, all, over, sum, wrong};
use batchnorm::dynamic_tanh::{DynamicTanh, Tanh};
use batchnorm::gradient_clipping::AdaptiveClipping;
use batchnorm::scalar::{Field, Scalar};
use batchnorm::skip_init::SkipInit;
use batchnorm::spectral_norm::SpectralNorm;
use batchnorm::weight_norm::WeightNorm;
use ndarray::{Array1, Array2, Axis};
use proptest::collection::vec;
use proptest::prelude::*;

/// One mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    // In the length of a row of weights:
    LengthOfAll,
    LengthOfColumns,
    LengthSquared,
    RowNotScaled,
    LengthDetached,
    ProjectionNotNormalized,
    // In the power iteration, and what it is used for:
    StateForgotten,
    OneStep,
    Frobenius,
    LargestEntry,
    SigmaSquared,
    SigmaDetached,
    SigmaForgotten,
    OuterTransposed,
    // In clipping:
    ElementByElement,
    FloorForgotten,
    WeightsForgotten,
    AlwaysScaled,
    // In the end of a residual branch:
    ScaledSkip,
    SkipForgotten,
    StartsAtOne,
    ScaleForgotten,
    AlphaGradientWithOutput,
    // In dynamic tanh:
    BetaInside,
    AlphaOutside,
    SlopeForgotten,
    SlopePlus,
    AlphaGradientWithoutX,
}

impl Mistake {
    pub fn name(self) -> &'static str {
        match self {
            Mistake::LengthOfAll => "length of all rows together",
            Mistake::LengthOfColumns => "length of columns in place of rows",
            Mistake::LengthSquared => "divided by the square of the length",
            Mistake::RowNotScaled => "g forgotten",
            Mistake::LengthDetached => "length detached in backward",
            Mistake::ProjectionNotNormalized => "projection with v for v/‖v‖",
            Mistake::StateForgotten => "every step from the same u",
            Mistake::OneStep => "a single step of power iteration",
            Mistake::Frobenius => "Frobenius norm in place of σ",
            Mistake::LargestEntry => "largest entry in place of σ",
            Mistake::SigmaSquared => "σ² in place of σ",
            Mistake::SigmaDetached => "σ detached in backward",
            Mistake::SigmaForgotten => "gradient with ⟨G, W⟩ for ⟨G, W/σ⟩",
            Mistake::OuterTransposed => "gradient with u and v exchanged",
            Mistake::ElementByElement => "each element clipped by itself",
            Mistake::FloorForgotten => "no ε for small weights",
            Mistake::WeightsForgotten => "bound without the weights",
            Mistake::AlwaysScaled => "small gradients scaled up to the bound",
            Mistake::ScaledSkip => "α on the skip connection too",
            Mistake::SkipForgotten => "no skip connection",
            Mistake::StartsAtOne => "α starts at 1",
            Mistake::ScaleForgotten => "α forgotten in backward",
            Mistake::AlphaGradientWithOutput => "dα with y for the branch",
            Mistake::BetaInside => "β inside the tanh",
            Mistake::AlphaOutside => "α outside the tanh",
            Mistake::SlopeForgotten => "slope of tanh taken for 1",
            Mistake::SlopePlus => "slope of tanh taken for 1 + tanh²",
            Mistake::AlphaGradientWithoutX => "dα without x",
        }
    }
}

/// Whose work is checked.
pub type Hand = By<Mistake>;

/// Two tables of numbers with an upstream gradient, and numbers for their rows and columns: what they are
/// to a method is said where it is run.
#[derive(Clone, Debug)]
pub struct Table<F> {
    pub a: Array2<F>,
    pub b: Array2<F>,
    pub upstream: Array2<F>,
    pub rows: Array1<F>,
    pub columns: [Array1<F>; 2],
    pub number: F,
    /// Random, and positive (over the prime field: a square).
    pub spare: F,
}

/// Weight normalization: `a` is v, `rows` is g, `upstream` is ∂L/∂w.
#[derive(Clone, Debug)]
pub struct WeightGradients<F> {
    pub g: Array1<F>,
    pub v: Array2<F>,
}

/// Dynamic tanh: `a` is x, `number` is α, `columns` are γ and β, `upstream` is ∂L/∂y.
#[derive(Clone, Debug)]
pub struct TanhGradients<F> {
    pub x: Array2<F>,
    pub alpha: F,
    pub gamma: Array1<F>,
    pub beta: Array1<F>,
}

/// The end of a residual branch: `a` is x, `b` the branch, `number` is α, `upstream` is ∂L/∂y.
#[derive(Clone, Debug)]
pub struct EndGradients<F> {
    pub skip: Array2<F>,
    pub branch: Array2<F>,
    pub alpha: F,
}

impl<F: Scalar> Table<F> {
    /// The same for other numbers.
    pub fn map<G: Clone>(&self, f: impl Fn(F) -> G) -> Table<G> {
        Table {
            a: self.a.mapv(&f),
            b: self.b.mapv(&f),
            upstream: self.upstream.mapv(&f),
            rows: self.rows.mapv(&f),
            columns: self.columns.each_ref().map(|c| c.mapv(&f)),
            number: f(self.number),
            spare: f(self.spare),
        }
    }

    /// ‖v‖ for each row of `a`, as a mistake has it.
    fn lengths(&self, mistake: Option<Mistake>) -> Array2<F::Wide> {
        let square = self.a.mapv(|v| v.widen() * v.widen());
        let by_axis = |axis| {
            let add = |sum: &F::Wide, v: &F::Wide| *sum + *v;
            square.fold_axis(Axis(axis), F::Wide::ZERO, add).insert_axis(Axis(axis))
        };
        let all = Array2::from_elem((1, 1), sum(square.iter().copied()));
        let squares = match mistake {
            Some(Mistake::LengthOfAll) => all,
            Some(Mistake::LengthOfColumns) => by_axis(0),
            _ => by_axis(1),
        };
        let lengths = squares.mapv(|square| match mistake {
            Some(Mistake::LengthSquared) => square,
            _ => square.sqrt(),
        });
        lengths.broadcast(self.a.raw_dim()).expect("rows, columns or one").to_owned()
    }

    /// w = g v/‖v‖.
    pub fn weight_norm(&self, by: Hand) -> Array2<F> {
        let Some(mistake) = by.textbook() else {
            let layer = WeightNorm { g: self.rows.clone(), v: self.a.clone() };
            return layer.weight().expect("no row of zeros");
        };
        let lengths = self.lengths(mistake);
        Array2::from_shape_fn(self.a.raw_dim(), |at| {
            let g = match mistake {
                Some(Mistake::RowNotScaled) => F::Wide::ONE,
                _ => self.rows[at.0].widen(),
            };
            F::narrow(g * self.a[at].widen() / lengths[at])
        })
    }

    pub fn weight_norm_backward(&self, by: Hand) -> WeightGradients<F> {
        let Some(mistake) = by.textbook() else {
            let layer = WeightNorm { g: self.rows.clone(), v: self.a.clone() };
            let gradients = layer.backward(&self.upstream).expect("the shape of w");
            return WeightGradients { g: gradients.g, v: gradients.v };
        };
        let lengths = self.lengths(mistake);
        let direction = |at| self.a[at].widen() / lengths[at];
        let along = |i: usize| {
            let (_, columns) = self.a.dim();
            sum((0..columns).map(|j| self.upstream[[i, j]].widen() * direction((i, j))))
        };
        let v = Array2::from_shape_fn(self.a.raw_dim(), |at| {
            let g = match mistake {
                Some(Mistake::RowNotScaled) => F::Wide::ONE,
                _ => self.rows[at.0].widen(),
            };
            let projection = match mistake {
                Some(Mistake::LengthDetached) => F::Wide::ZERO,
                Some(Mistake::ProjectionNotNormalized) => self.a[at].widen() * along(at.0),
                _ => direction(at) * along(at.0),
            };
            F::narrow(g / lengths[at] * (self.upstream[at].widen() - projection))
        });
        let g = (0..self.rows.len()).map(|i| F::narrow(along(i))).collect();
        WeightGradients { g, v }
    }

    /// Spectral normalization: `a` is W, `rows` and the first of `columns` are u and v, `upstream` is
    /// ∂L/∂W̄. This is W/σ without a step of power iteration.
    pub fn spectral_norm(&self, by: Hand) -> Array2<F> {
        let Some(mistake) = by.textbook() else {
            let layer = SpectralNorm { u: self.rows.clone(), v: self.columns[0].clone() };
            return layer.freeze(&self.a).expect("a σ that is not 0");
        };
        let sigma = self.sigma(mistake);
        self.a.mapv(|w| F::narrow(w.widen() / sigma))
    }

    /// σ = uᵀWv.
    pub fn sigma(&self, mistake: Option<Mistake>) -> F::Wide {
        let (u, v) = (&self.rows, &self.columns[0]);
        let term = |((i, j), w): ((usize, usize), &F)| u[i].widen() * w.widen() * v[j].widen();
        let sigma = sum(self.a.indexed_iter().map(term));
        match mistake {
            Some(Mistake::SigmaSquared) => sigma * sigma,
            Some(Mistake::Frobenius) => sum(self.a.iter().map(|w| w.widen() * w.widen())).sqrt(),
            Some(Mistake::LargestEntry) => self.a[[0, 0]].widen(),
            _ => sigma,
        }
    }

    /// The table whose u and v are those of a training pass, and the gradient of that pass.
    pub fn spectral_norm_backward(&self, by: Hand) -> (Self, Array2<F>) {
        let mut layer = SpectralNorm { u: self.rows.clone(), v: self.columns[0].clone() };
        let (_, tape) = layer.train(self.a.clone()).expect("a σ that is not 0");
        let mut stepped = self.clone();
        (stepped.rows, stepped.columns[0]) = (layer.u, layer.v);
        let Some(mistake) = by.textbook() else {
            return (stepped, tape.backward(&self.upstream).expect("the shape of W"));
        };
        let sigma = stepped.sigma(None);
        let along = sum(self.a.iter().zip(&self.upstream).map(|(w, g)| w.widen() * g.widen()));
        let along = match mistake {
            Some(Mistake::SigmaForgotten) => along,
            Some(Mistake::SigmaDetached) => F::Wide::ZERO,
            _ => along / sigma,
        };
        let (u, v) = (&stepped.rows, &stepped.columns[0]);
        let gradient = Array2::from_shape_fn(self.a.raw_dim(), |(i, j)| {
            let outer = match mistake {
                Some(Mistake::OuterTransposed) => v[i % v.len()].widen() * u[j % u.len()].widen(),
                _ => u[i].widen() * v[j].widen(),
            };
            F::narrow((self.upstream[[i, j]].widen() - along * outer) / sigma)
        });
        (stepped, gradient)
    }

    /// y = x + α f.
    pub fn residual(&self, by: Hand) -> Array2<F> {
        let Some(mistake) = by.textbook() else {
            let end = SkipInit { alpha: self.number };
            return end.forward(self.a.clone(), self.b.clone()).expect("one shape").0;
        };
        let alpha = self.number.widen();
        Array2::from_shape_fn(self.a.raw_dim(), |at| {
            let (x, f) = (self.a[at].widen(), self.b[at].widen());
            F::narrow(match mistake {
                Some(Mistake::ScaledSkip) => alpha * (x + f),
                Some(Mistake::SkipForgotten) => alpha * f,
                Some(Mistake::StartsAtOne) => x + (F::Wide::ONE + alpha) * f,
                _ => x + alpha * f,
            })
        })
    }

    pub fn residual_backward(&self, by: Hand) -> EndGradients<F> {
        let Some(mistake) = by.textbook() else {
            let end = SkipInit { alpha: self.number };
            let (_, tape) = end.forward(self.a.clone(), self.b.clone()).expect("one shape");
            let gradients = tape.backward(&self.upstream).expect("the shape of y");
            let (skip, branch) = (gradients.skip, gradients.branch);
            return EndGradients { skip, branch, alpha: gradients.alpha };
        };
        let (y, g) = (self.residual(by), &self.upstream);
        let of_alpha = match mistake {
            Some(Mistake::AlphaGradientWithOutput) => &y,
            _ => &self.b,
        };
        let alpha = sum(of_alpha.iter().zip(g).map(|(f, g)| f.widen() * g.widen()));
        let to_branch = match mistake {
            Some(Mistake::ScaleForgotten) => F::ONE,
            Some(Mistake::StartsAtOne) => F::ONE + self.number,
            _ => self.number,
        };
        let to_skip = match mistake {
            Some(Mistake::ScaledSkip) => self.number,
            Some(Mistake::SkipForgotten) => F::ZERO,
            _ => F::ONE,
        };
        let (skip, branch) = (g.mapv(|g| to_skip * g), g.mapv(|g| to_branch * g));
        EndGradients { skip, branch, alpha: F::narrow(alpha) }
    }
}

impl<F: Scalar<Wide: Tanh>> Table<F> {
    fn layer(&self) -> DynamicTanh<F> {
        let [gamma, beta] = self.columns.clone();
        DynamicTanh { alpha: self.number, gamma, beta }
    }

    /// y = γ tanh(αx) + β.
    pub fn dynamic_tanh(&self, by: Hand) -> Array2<F> {
        let Some(mistake) = by.textbook() else {
            return self.layer().forward(self.a.clone()).expect("a γ for each column").0;
        };
        let (alpha, [gamma, beta]) = (self.number.widen(), &self.columns);
        Array2::from_shape_fn(self.a.raw_dim(), |at| {
            let (x, gamma, beta) = (self.a[at].widen(), gamma[at.1].widen(), beta[at.1].widen());
            F::narrow(match mistake {
                Some(Mistake::BetaInside) => gamma * (alpha * x + beta).tanh(),
                Some(Mistake::AlphaOutside) => gamma * alpha * x.tanh() + beta,
                _ => gamma * (alpha * x).tanh() + beta,
            })
        })
    }

    pub fn dynamic_tanh_backward(&self, by: Hand) -> TanhGradients<F> {
        let Some(mistake) = by.textbook() else {
            let layer = self.layer();
            let (_, tape) = layer.forward(self.a.clone()).expect("a γ for each column");
            let gradients = tape.backward(&self.upstream).expect("the shape of y");
            let (x, alpha) = (gradients.x, gradients.alpha);
            return TanhGradients { x, alpha, gamma: gradients.gamma, beta: gradients.beta };
        };
        let one = F::Wide::ONE;
        let (alpha, [gamma, beta]) = (self.number.widen(), &self.columns);
        let mut x = self.a.clone();
        let mut sums = [gamma, beta].map(|c| c.mapv(|_| F::Wide::ZERO));
        let mut of_alpha = F::Wide::ZERO;
        for (at, dx) in x.indexed_iter_mut() {
            let (x, g) = (dx.widen(), self.upstream[at].widen());
            let t = (alpha * x).tanh();
            let slope = match mistake {
                Some(Mistake::SlopeForgotten) => one,
                Some(Mistake::SlopePlus) => one + t * t,
                _ => one - t * t,
            };
            let through = gamma[at.1].widen() * slope * g;
            of_alpha = of_alpha
                + match mistake {
                    Some(Mistake::AlphaGradientWithoutX) => through,
                    _ => through * x,
                };
            sums[0][at.1] = sums[0][at.1] + t * g;
            sums[1][at.1] = sums[1][at.1] + g;
            *dx = F::narrow(match mistake {
                Some(Mistake::ScaleForgotten) => through,
                _ => alpha * through,
            });
        }
        let [gamma, beta] = sums.map(|sums| sums.mapv(F::narrow));
        TanhGradients { x, alpha: F::narrow(of_alpha), gamma, beta }
    }
}

impl<F: Number> Table<F> {
    /// `b`, a gradient of the weights `a`, clipped at the ratio λ = `number` with ε = `spare`.
    pub fn clipped(&self, by: Hand) -> Array2<F> {
        let Some(mistake) = by.textbook() else {
            let mut gradient = self.b.clone();
            let clipping = AdaptiveClipping::new(self.number, self.spare);
            let clipped = clipping.and_then(|clipping| clipping.clip(&self.a, &mut gradient));
            clipped.expect("one shape");
            return gradient;
        };
        let gradient = Table { a: self.b.clone(), ..self.clone() };
        let (of_w, of_g) = (self.lengths(mistake), gradient.lengths(mistake));
        let smaller = |a: F::Wide, b: F::Wide| F::narrow(a).to_f64() < F::narrow(b).to_f64();
        let (ratio, eps) = (self.number.widen(), self.spare.widen());
        Array2::from_shape_fn(self.a.raw_dim(), |at| {
            let (w, length, g) = (of_w[at], of_g[at], self.b[at].widen());
            let floor = smaller(w, eps) && mistake != Some(Mistake::FloorForgotten);
            let bound = match mistake {
                Some(Mistake::WeightsForgotten) => ratio,
                _ => ratio * if floor { eps } else { w },
            };
            let (size, sign) = if smaller(g, F::Wide::ZERO) { (-g, -bound) } else { (g, bound) };
            match mistake {
                Some(Mistake::ElementByElement) if smaller(bound, size) => F::narrow(sign),
                Some(Mistake::ElementByElement) => self.b[at],
                Some(Mistake::AlwaysScaled) => F::narrow(bound * g / length),
                _ if smaller(bound, length) => F::narrow(bound * g / length),
                _ => self.b[at],
            }
        })
    }
}

impl Hand {
    /// The mistake, if it is the textbook that is asked for.
    fn textbook(self) -> Option<Option<Mistake>> {
        match self {
            By::Library => None,
            By::Textbook => Some(None),
            By::Wrong(mistake) => Some(Some(mistake)),
        }
    }
}

/// A statement about a method.
pub type TableLaw<F> = fn(Hand, &Table<F>) -> Vec<Sides<F>>;

/// A way of checking it.
pub type TableWay = fn(Hand) -> Proof;

/// A number that tables are made of.
pub trait Tabled: Drawn {
    fn tables() -> BoxedStrategy<Table<Self>>;
}

/// Rows and columns: few, and now and then more than the kernels have lanes.
fn sides(most: usize) -> impl Strategy<Value = (usize, usize)> {
    prop_oneof![9 => (1..=4usize, 1..=4usize), 1 => (1..=2usize, 5..=most)]
}

fn table<F>((rows, columns): (usize, usize), values: Vec<F>) -> Array2<F> {
    Array2::from_shape_vec((rows, columns), values).expect("as many values as places")
}

/// Points of the prime field: everything random, but the rows of `a` and `b` have a length, and so has what
/// a step of power iteration makes of `rows`.
impl Tabled for Prime {
    fn tables() -> BoxedStrategy<Table<Prime>> {
        let length = |v: &[Prime]| sum(v.iter().map(|&v| v * v));
        let of_shape = move |(r, c): (usize, usize)| {
            let prime = || any::<u64>().prop_map(Prime::new);
            let numbers =
                (vec(prime(), r * c), vec(prime(), r), [vec(prime(), c), vec(prime(), c)]);
            let single = (prime(), Prime::positive());
            (any::<u64>(), numbers, single).prop_map(
                move |(seed, (upstream, rows, columns), (number, spare))| {
                    let mut draws = (seed..).map(|i| Prime::new(super::batch::scramble(i)));
                    let mut rooted = |length: &dyn Fn(&[Prime]) -> Prime| {
                        let mut row = || draws.by_ref().take(c).collect::<Vec<_>>();
                        let rows = (0..r).map(|_| {
                            loop {
                                let row = row();
                                if length(&row).is_square() {
                                    return row;
                                }
                            }
                        });
                        table((r, c), rows.collect::<Vec<_>>().concat())
                    };
                    let mut a = rooted(&length);
                    let rows = Array1::from(rows);
                    let iterates = |a: &Array2<Prime>| {
                        let dot = |m: &Array2<Prime>, axis: usize, x: &Array1<Prime>| {
                            let products = m.lanes(Axis(axis)).into_iter();
                            let dot = |lane: ndarray::ArrayView1<Prime>| {
                                sum(lane.iter().zip(x).map(|(&a, &b)| a * b))
                            };
                            products.map(dot).collect::<Array1<_>>()
                        };
                        let v = dot(a, 0, &rows);
                        let u = dot(a, 1, &v);
                        length(&v.to_vec()).is_square() && length(&u.to_vec()).is_square()
                    };
                    while !iterates(&a) {
                        a = rooted(&length);
                    }
                    let b = rooted(&length);
                    let (upstream, columns) = (table((r, c), upstream), columns.map(Array1::from));
                    Table { a, b, upstream, rows, columns, number, spare }
                },
            )
        };
        sides(7).prop_flat_map(of_shape).boxed()
    }
}

/// Floats: tables of sizes over twelve orders of magnitude, smooth, of small integers, or with an outlier; a
/// `number` that is of the order of 1 to the entries of `a`, or to nothing in particular.
fn floats<F: Float + Drawn>() -> BoxedStrategy<Table<F>> {
    let values = |len: usize| {
        prop_oneof![
            2 => vec(-1.0..1.0f64, len),
            1 => vec((1..=3i8).prop_map(f64::from), len),
            1 => vec(prop_oneof![9 => -1.0..1.0f64, 1 => Just(30.0)], len),
        ]
    };
    let exponents = [-6.0..6.0f64, -6.0..6.0, -3.0..3.0];
    let of_shape = move |((r, c), exponents, fits): ((usize, usize), [f64; 3], bool)| {
        let numbers = (vec(-2.0..2.0f64, r), [vec(-2.0..2.0f64, c), vec(-2.0..2.0f64, c)]);
        let tables = (values(r * c), values(r * c), vec(-1.0..1.0f64, r * c));
        let [of_a, of_b, of_g] = exponents.map(|e| 10f64.powf(e));
        let single = (0.1..3.0f64, F::positive());
        (tables, numbers, single).prop_map(
            move |((a, b, upstream), (rows, columns), (number, spare))| {
                let scaled = |values: Vec<f64>, by: f64| {
                    table((r, c), values.into_iter().map(|v| F::from_f64(v * by)).collect())
                };
                let read = |v: Vec<f64>| v.into_iter().map(F::from_f64).collect();
                Table {
                    a: scaled(a, of_a),
                    b: scaled(b, of_b),
                    upstream: scaled(upstream, of_g),
                    rows: read(rows),
                    columns: columns.map(read),
                    number: F::from_f64(if fits { number / of_a } else { number }),
                    spare,
                }
            },
        )
    };
    (sides(20), exponents, any::<bool>()).prop_flat_map(of_shape).boxed()
}

impl Tabled for f32 {
    fn tables() -> BoxedStrategy<Table<f32>> {
        floats()
    }
}

impl Tabled for f64 {
    fn tables() -> BoxedStrategy<Table<f64>> {
        floats()
    }
}

/// The statement at 64 points of the prime field, or for 256 random tables within rounding.
pub fn tabled<F: Tabled>(by: Hand, holds: TableLaw<F>) -> Proof {
    let (check, tolerance) = <F as Drawn>::check();
    tabled_within(by, holds, check, tolerance)
}

/// The same under another name, with another tolerance, for what is approximate by itself.
pub fn tabled_within<F: Tabled>(
    by: Hand,
    holds: TableLaw<F>,
    check: Check,
    tolerance: f64,
) -> Proof {
    let errors = |table: &Table<F>| holds(by, table).iter().map(Sides::error).collect();
    over(check, tolerance, F::tables().no_shrink(), errors)
}

/// A statement everywhere: exactly over the prime field, within rounding in `f32` and `f64`.
#[macro_export]
macro_rules! tables {
    ($holds:expr) => {{
        let ways: [$crate::kit::TableWay; 3] = [
            |by| $crate::kit::tabled::<$crate::kit::Prime>(by, $holds),
            |by| $crate::kit::tabled::<f32>(by, $holds),
            |by| $crate::kit::tabled::<f64>(by, $holds),
        ];
        ways
    }};
}

/// The six ways of checking a gradient: its formula everywhere, and the derivative by dual numbers (over the
/// prime field, and in `f64`) and by central differences.
#[macro_export]
macro_rules! gradients {
    ($formula:expr, $dual:expr, $difference:expr) => {{
        use $crate::kit::{Check, Float, How, Prime, difference, tabled_within};
        let [field, single, double] = $crate::tables!($formula);
        let ways: [$crate::kit::TableWay; 6] = [
            field,
            single,
            double,
            |by| tabled_within::<Prime>(by, $dual, Check::new(How::DualPrimeField, 64), 0.0),
            |by| {
                let check = Check::new(How::Dual, 64).scalar("f64");
                tabled_within::<f64>(by, $dual, check, <f64 as Float>::TOLERANCE)
            },
            |by| {
                let check = Check::new(How::FiniteDifferences, 64).scalar("f64");
                tabled_within::<f64>(by, $difference, check, difference::tolerance::<f64>())
            },
        ];
        ways
    }};
}

/// The library passes every check, and so does the textbook; with any of these mistakes in it it passes
/// none of the first.
pub fn stands(ways: &[TableWay], mistakes: &[Mistake]) -> Proof {
    let mut proof = all(ways.iter().map(|way| way(By::Library)))?;
    ways[0](By::Textbook).map_err(|e| format!("the textbook: {e}"))?;
    for &mistake in mistakes {
        for way in ways {
            wrong(mistake.name(), way(By::Wrong(mistake)))?;
        }
        proof.push(Check::new(How::WrongVariant, 1).note(mistake.name()));
    }
    Ok(proof)
}

/// A wrong statement about the library, which no check passes.
pub fn falls(statement: &str, ways: &[TableWay]) -> Proof {
    ways.iter().try_for_each(|way| wrong(statement, way(By::Library)).map(|_| ()))?;
    Ok(vec![Check::new(How::WrongVariant, 1).note(statement)])
}

/// The derivative of Σ upstream·y along one number of the table, by dual numbers.
pub fn slope<F: Number>(
    table: &Table<F>,
    along: impl Fn(&mut Table<Dual<F>>) -> &mut Dual<F>,
    y: impl Fn(&Table<Dual<F>>) -> Array2<Dual<F>>,
) -> F {
    let mut moving = table.map(Dual::constant);
    along(&mut moving).slope = F::ONE;
    let y = y(&moving);
    let products = y.iter().zip(&table.upstream).map(|(y, g)| y.slope.widen() * g.widen());
    F::narrow(sum(products))
}

/// The same by a central difference, with this step.
pub fn central(
    table: &Table<f64>,
    step: f64,
    along: impl Fn(&mut Table<f64>) -> &mut f64,
    y: impl Fn(&Table<f64>) -> Array2<f64>,
) -> f64 {
    let at = |h: f64| {
        let mut moved = table.clone();
        let number = along(&mut moved);
        *number += h;
        let number = *number;
        let products = y(&moved);
        let products = products.iter().zip(&table.upstream).map(|(y, g)| y.widen() * g.widen());
        (number.widen(), sum(products))
    };
    let ((right, f_right), (left, f_left)) = (at(step), at(-step));
    f64::narrow((f_right - f_left) / (right - left))
}
