//! The layers that are plans for the same two kernels: done right by the library, done right once more
//! by the textbook formulas of this file, and done wrong.

use super::{Number, mean, sum};
use batchnorm::batch_norm::{Average, BatchNorm, Config, RunningVar};
use batchnorm::group_norm::GroupNorm;
use batchnorm::instance_norm::InstanceNorm;
use batchnorm::layer_norm::LayerNorm;
use batchnorm::norm::{Gradients, Tape};
use batchnorm::rms_norm::RmsNorm;
use batchnorm::scalar::{Field, Scalar};
use batchnorm::weight_standardization::WeightStandardization;
use ndarray::{Array1, Array3, Ix3, s};
use std::collections::BTreeMap;

/// A layer, on a tensor `[N, C, S]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// Batch normalization: a mean for each channel.
    Batch,
    /// Layer normalization over the last axis: a mean for each of the N·C positions, S features.
    Features,
    /// Layer normalization over channels and positions: a mean for each sample.
    Channels,
    /// Instance normalization: a mean for each map.
    Instance,
    /// Group normalization: a mean for each group of channels of each sample.
    Group,
    /// RMS normalization over the last axis: nothing subtracted.
    Rms,
    /// Weight standardization: the tensor is weights, with a mean for each of its N rows, and no γ or β.
    Weights,
}

/// Whose work is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By<M = Slip> {
    /// The layers of the library.
    Library,
    /// The formulas of this file, without a mistake: so that it is the mistake which is rejected, and
    /// not the file.
    Textbook,
    /// The same with one mistake.
    Wrong(M),
}

/// One mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slip {
    // In what shares a mean:
    OfTheBatch,
    WholeTensor,
    WholeSample,
    PerMap,
    PerPixel,
    GroupsInTurn,
    // In the statistics and the denominator:
    UnbiasedVariance,
    SumOfSquares,
    NoEpsilon,
    EpsilonOutsideRoot,
    DividedByVariance,
    NotCentred,
    RootMeanSquare,
    MeanSubtracted,
    // In what shares a γ and a β, and how they are applied:
    GammaPerSample,
    GammaPerPixel,
    GammaNotApplied,
    BetaBeforeGamma,
    // In the backward pass:
    MeanDetached,
    VarianceDetached,
    GammaAfterMeans,
    GammaForgotten,
    EpsilonForgotten,
    MeanTermAdded,
    GammaGradientWithOutput,
}

impl Slip {
    pub fn name(self) -> &'static str {
        match self {
            Slip::OfTheBatch => "statistics of the batch, feature by feature",
            Slip::WholeTensor => "statistics over the whole tensor",
            Slip::WholeSample => "statistics over the whole sample",
            Slip::PerMap => "statistics per map",
            Slip::PerPixel => "statistics per pixel",
            Slip::GroupsInTurn => "channels dealt out to the groups in turn",
            Slip::UnbiasedVariance => "variance with m−1",
            Slip::SumOfSquares => "sum of squares in place of their mean",
            Slip::NoEpsilon => "no ε",
            Slip::EpsilonOutsideRoot => "ε outside the root",
            Slip::DividedByVariance => "divided by the variance",
            Slip::NotCentred => "mean not subtracted",
            Slip::RootMeanSquare => "root mean square in place of mean and variance",
            Slip::MeanSubtracted => "mean subtracted",
            Slip::GammaPerSample => "γ and β per sample",
            Slip::GammaPerPixel => "γ and β per pixel",
            Slip::GammaNotApplied => "γ not applied",
            Slip::BetaBeforeGamma => "β added before γ",
            Slip::MeanDetached => "gradient without ⟨g̃⟩",
            Slip::VarianceDetached => "gradient without x̂⟨g̃x̂⟩",
            Slip::GammaAfterMeans => "γ behind the means of the gradient",
            Slip::GammaForgotten => "γ forgotten in backward",
            Slip::EpsilonForgotten => "ε forgotten in backward",
            Slip::MeanTermAdded => "gradient with ⟨g̃⟩",
            Slip::GammaGradientWithOutput => "dγ with y for x̂",
        }
    }
}

/// A layer and its input, with all that belongs to it, and an upstream gradient that is random.
#[derive(Clone, Debug)]
pub struct Case<F> {
    pub layer: Layer,
    pub groups: usize,
    pub x: Array3<F>,
    pub g: Array3<F>,
    pub gamma: Array1<F>,
    pub beta: Array1<F>,
    pub eps: F,
    /// A few more random numbers, positive (over the prime field: squares).
    pub spare: [F; 3],
}

/// The place of one value.
pub type At = (usize, usize, usize);

/// The values that share a mean, as the formulas of the book have them, in the wide type.
#[derive(Clone, Debug)]
pub struct Set<F: Number> {
    pub at: Vec<At>,
    pub x: Vec<F::Wide>,
    /// g̃ = γ·g.
    pub g: Vec<F::Wide>,
    /// What is subtracted: the mean, or nothing.
    pub center: F::Wide,
    /// √(v+ε) and v/(v+ε), for the mean square v of what is left.
    pub s: F::Wide,
    pub rho: F::Wide,
    /// Output of what is checked: for γ = 1 and β = 0, and for the γ and β of the case.
    pub xhat: Vec<F::Wide>,
    pub y: Vec<F::Wide>,
    pub dx: Vec<F::Wide>,
}

impl<F: Number> Set<F> {
    /// x̂ by the definition, not by what is checked.
    pub fn normalized(&self) -> Vec<F::Wide> {
        self.x.iter().map(|&x| (x - self.center) / self.s).collect()
    }
}

impl<F: Scalar> Case<F> {
    /// The same for other numbers.
    pub fn map<G>(&self, f: impl Fn(F) -> G) -> Case<G> {
        Case {
            layer: self.layer,
            groups: self.groups,
            x: self.x.mapv(&f),
            g: self.g.mapv(&f),
            gamma: self.gamma.mapv(&f),
            beta: self.beta.mapv(&f),
            eps: f(self.eps),
            spare: self.spare.map(f),
        }
    }

    pub fn with_x(&self, x: Array3<F>) -> Self {
        Case { x, ..self.clone() }
    }

    pub fn with_eps(&self, eps: F) -> Self {
        Case { eps, ..self.clone() }
    }

    /// The sample `n` and nothing else.
    pub fn sample(&self, n: usize) -> Self {
        let only = |t: &Array3<F>| t.slice(s![n..=n, .., ..]).to_owned();
        Case { x: only(&self.x), g: only(&self.g), ..self.clone() }
    }

    /// Which γ and β a value has.
    pub fn parameter(&self, at: At) -> usize {
        let (_, c, s) = at;
        match self.layer {
            Layer::Features | Layer::Rms => s,
            Layer::Weights => at.0,
            _ => c,
        }
    }

    pub fn places(&self) -> impl Iterator<Item = At> + use<F> {
        let (n, c, s) = self.x.dim();
        (0..n).flat_map(move |i| (0..c).flat_map(move |j| (0..s).map(move |k| (i, j, k))))
    }

    /// The places that share a mean.
    pub fn members(&self, slip: Option<Slip>) -> Vec<Vec<At>> {
        let (_, channels, width) = self.x.dim();
        let key = |at: At| {
            let (n, c, s) = at;
            let map = n * channels + c;
            match (slip, self.layer) {
                (Some(Slip::OfTheBatch), _) => self.parameter(at),
                (Some(Slip::WholeTensor), _) => 0,
                (Some(Slip::WholeSample), _) => n,
                (Some(Slip::PerMap), _) => map,
                (Some(Slip::PerPixel), _) => c * width + s,
                (Some(Slip::GroupsInTurn), _) => n * self.groups + c % self.groups,
                (_, Layer::Batch) => c,
                (_, Layer::Channels | Layer::Weights) => n,
                (_, Layer::Features | Layer::Instance | Layer::Rms) => map,
                (_, Layer::Group) => n * self.groups + c / (channels / self.groups),
            }
        };
        let mut sets = BTreeMap::<_, Vec<At>>::new();
        self.places().for_each(|at| sets.entry(key(at)).or_default().push(at));
        sets.into_values().collect()
    }

    /// y, by what is checked.
    pub fn forward(&self, by: By) -> Array3<F> {
        match by {
            By::Library => self.library().0,
            By::Textbook => self.textbook_forward(None),
            By::Wrong(slip) => self.textbook_forward(Some(slip)),
        }
    }

    /// x̂: y for γ = 1 and β = 0.
    pub fn normalize(&self, by: By) -> Array3<F> {
        let (gamma, beta) = (self.gamma.map(|_| F::ONE), self.beta.map(|_| F::ZERO));
        Case { gamma, beta, ..self.clone() }.forward(by)
    }

    /// The gradients of Σ g·y.
    pub fn backward(&self, by: By) -> Gradients<F, Ix3> {
        match by {
            By::Library => self.library().1.backward(&self.g).expect("the shape of x"),
            By::Textbook => self.textbook_backward(None),
            By::Wrong(slip) => self.textbook_backward(Some(slip)),
        }
    }

    fn library(&self) -> (Array3<F>, Tape<F, Ix3>) {
        let (_, channels, width) = self.x.dim();
        let (x, eps) = (self.x.clone(), self.eps);
        let parameters = (Some(self.gamma.clone()), Some(self.beta.clone()));
        let layer_norm = |layer: batchnorm::error::Result<LayerNorm<F>>| {
            let mut layer = layer?;
            (layer.gamma, layer.beta) = parameters.clone();
            layer.forward(x.clone())
        };
        let run = match self.layer {
            Layer::Features => layer_norm(LayerNorm::new(width, eps)),
            Layer::Channels => layer_norm(LayerNorm::over_channels(channels, eps)),
            Layer::Batch => {
                let (average, running_var) = (Average::Cumulative, RunningVar::Biased);
                let config = Config { eps, average, running_var, affine: true };
                BatchNorm::with(channels, config).and_then(|mut layer| {
                    (layer.gamma, layer.beta) = parameters;
                    layer.train(x)
                })
            }
            Layer::Instance => InstanceNorm::new(channels, eps).and_then(|mut layer| {
                (layer.gamma, layer.beta) = parameters;
                layer.forward(x)
            }),
            Layer::Group => GroupNorm::new(self.groups, channels, eps).and_then(|mut layer| {
                (layer.gamma, layer.beta) = parameters;
                layer.forward(x)
            }),
            Layer::Rms => RmsNorm::new(width, eps).and_then(|mut layer| {
                layer.gamma = parameters.0;
                layer.forward(x)
            }),
            Layer::Weights => WeightStandardization::new(eps).and_then(|layer| layer.forward(x)),
        };
        run.expect("a valid case")
    }

    fn textbook_forward(&self, slip: Option<Slip>) -> Array3<F> {
        let mut y = self.x.clone();
        for set in self.members(slip) {
            for (at, xhat) in set.iter().zip(self.textbook_set(slip, &set).0) {
                let (gamma, beta) = self.textbook_parameters(slip, *at);
                y[*at] = F::narrow(match slip {
                    Some(Slip::GammaNotApplied) => xhat + beta,
                    Some(Slip::BetaBeforeGamma) => gamma * (xhat + beta),
                    _ => gamma * xhat + beta,
                });
            }
        }
        y
    }

    fn textbook_backward(&self, slip: Option<Slip>) -> Gradients<F, Ix3> {
        let y = self.forward(slip.map_or(By::Textbook, By::Wrong));
        let case = match slip {
            Some(Slip::EpsilonForgotten) => self.with_eps(F::ZERO),
            _ => self.clone(),
        };
        let mut dx = self.x.clone();
        let mut dgamma = self.gamma.map(|_| F::Wide::ZERO);
        let mut dbeta = dgamma.clone();
        for set in self.members(slip) {
            let (xhat, s) = case.textbook_set(slip, &set);
            let gamma = |at| self.textbook_parameters(slip, at).0;
            let inside = |&at: &At| match slip {
                Some(Slip::GammaAfterMeans | Slip::GammaForgotten) => self.g[at].widen(),
                _ => gamma(at) * self.g[at].widen(),
            };
            let g: Vec<_> = set.iter().map(inside).collect();
            let gx: Vec<_> = g.iter().zip(&xhat).map(|(&g, &xhat)| g * xhat).collect();
            let mean_g = match (slip, self.layer) {
                (Some(Slip::MeanDetached), _) => F::Wide::ZERO,
                (Some(Slip::MeanTermAdded), _) => mean(&g),
                (_, Layer::Rms) => F::Wide::ZERO,
                _ => mean(&g),
            };
            let mean_gx = match slip {
                Some(Slip::VarianceDetached) => F::Wide::ZERO,
                _ => mean(&gx),
            };
            for (i, &at) in set.iter().enumerate() {
                let outside = match slip {
                    Some(Slip::GammaAfterMeans) => gamma(at),
                    _ => F::Wide::ONE,
                };
                dx[at] = F::narrow(outside * (g[i] - mean_g - xhat[i] * mean_gx) / s);
                let of_gamma = match slip {
                    Some(Slip::GammaGradientWithOutput) => y[at].widen(),
                    _ => xhat[i],
                };
                let (p, g) = (self.textbook_parameter(slip, at), self.g[at].widen());
                dgamma[p] = dgamma[p] + g * of_gamma;
                dbeta[p] = dbeta[p] + g;
            }
        }
        Gradients { x: dx, gamma: dgamma.mapv(F::narrow), beta: dbeta.mapv(F::narrow) }
    }

    fn textbook_parameter(&self, slip: Option<Slip>, at: At) -> usize {
        match slip {
            Some(Slip::GammaPerSample) => at.0 % self.gamma.len(),
            Some(Slip::GammaPerPixel) => at.2 % self.gamma.len(),
            _ => self.parameter(at),
        }
    }

    fn textbook_parameters(&self, slip: Option<Slip>, at: At) -> (F::Wide, F::Wide) {
        let p = self.textbook_parameter(slip, at);
        (self.gamma[p].widen(), self.beta[p].widen())
    }

    /// x̂ of the values at these places, and what they were divided by.
    fn textbook_set(&self, slip: Option<Slip>, set: &[At]) -> (Vec<F::Wide>, F::Wide) {
        let x: Vec<_> = set.iter().map(|&at| self.x[at].widen()).collect();
        let (mu, m) = (mean(&x), F::Wide::count(x.len()));
        let (center, around) = match (slip, self.layer) {
            (Some(Slip::MeanSubtracted), _) => (mu, mu),
            (Some(Slip::NotCentred), _) => (F::Wide::ZERO, mu),
            (Some(Slip::RootMeanSquare), _) | (_, Layer::Rms) => (F::Wide::ZERO, F::Wide::ZERO),
            _ => (mu, mu),
        };
        let squares = sum(x.iter().map(|&x| (x - around) * (x - around)));
        let var = match slip {
            Some(Slip::UnbiasedVariance) => squares / (m - F::Wide::ONE),
            Some(Slip::SumOfSquares) => squares,
            _ => squares / m,
        };
        let eps = self.eps.widen();
        let s = match slip {
            Some(Slip::NoEpsilon) => var.sqrt(),
            Some(Slip::EpsilonOutsideRoot) => var.sqrt() + eps,
            Some(Slip::DividedByVariance) => var + eps,
            _ => (var + eps).sqrt(),
        };
        (x.into_iter().map(|x| (x - center) / s).collect(), s)
    }
}

impl<F: Number> Case<F> {
    /// Everything about each set of values that share a mean.
    pub fn sets(&self, by: By) -> Vec<Set<F>> {
        let (xhat, y, dx) = (self.normalize(by), self.forward(by), self.backward(by).x);
        let set = |at: Vec<At>| {
            let of = |t: &Array3<F>| at.iter().map(|&at| t[at].widen()).collect::<Vec<_>>();
            let x = of(&self.x);
            let center = if self.layer == Layer::Rms { F::Wide::ZERO } else { mean(&x) };
            let squares: Vec<_> = x.iter().map(|&x| (x - center) * (x - center)).collect();
            let (var, eps) = (mean(&squares), self.eps.widen());
            let g =
                at.iter().map(|&at| self.gamma[self.parameter(at)].widen() * self.g[at].widen());
            Set {
                g: g.collect(),
                center,
                s: (var + eps).sqrt(),
                rho: var / (var + eps),
                xhat: of(&xhat),
                y: of(&y),
                dx: of(&dx),
                x,
                at,
            }
        };
        self.members(None).into_iter().map(set).collect()
    }
}
