//! Batch normalization done right, and in every wrong way that has been seen in the wild.
//!
//! A check that wrong implementations pass shows nothing. So each claim names mistakes that it must
//! notice, and all of the mistakes of this file are noticed by some claim.

use super::{mean, sum};
use batchnorm::norm::{self, Gradients};
use batchnorm::scalar::{Field, Scalar};
use batchnorm::split::Plan;
use ndarray::{Array1, Array3, Ix3};

/// What a claim is checked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Norm {
    /// The kernels of the library.
    Library,
    /// The textbook formulas of this file, without a mistake: so that it is the mistake which is
    /// rejected, and not the file.
    Textbook,
    /// The same with one mistake.
    Wrong(Wrong),
}

/// One mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    // In the statistics:
    UnbiasedVariance,
    OnePassVariance,
    NotCentred,
    RunningStatistics,
    PerSample,
    WholeTensor,
    // In the denominator:
    NoEpsilon,
    EpsilonOutsideRoot,
    DividedByVariance,
    // In the affine map:
    GammaNotApplied,
    GammaBetaSwapped,
    BetaBeforeGamma,
    // In the backward pass:
    MeanDetached,
    VarianceDetached,
    BothDetached,
    EpsilonForgottenBackward,
    GammaForgottenBackward,
    GammaGradientWithOutput,
    BetaGradientIsMean,
}

impl Wrong {
    pub const ALL: [Wrong; 19] = [
        Wrong::UnbiasedVariance,
        Wrong::OnePassVariance,
        Wrong::NotCentred,
        Wrong::RunningStatistics,
        Wrong::PerSample,
        Wrong::WholeTensor,
        Wrong::NoEpsilon,
        Wrong::EpsilonOutsideRoot,
        Wrong::DividedByVariance,
        Wrong::GammaNotApplied,
        Wrong::GammaBetaSwapped,
        Wrong::BetaBeforeGamma,
        Wrong::MeanDetached,
        Wrong::VarianceDetached,
        Wrong::BothDetached,
        Wrong::EpsilonForgottenBackward,
        Wrong::GammaForgottenBackward,
        Wrong::GammaGradientWithOutput,
        Wrong::BetaGradientIsMean,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Wrong::UnbiasedVariance => "variance with m−1",
            Wrong::OnePassVariance => "variance as E[x²]−E[x]² without wider sums",
            Wrong::NotCentred => "mean not subtracted",
            Wrong::RunningStatistics => "running statistics in training",
            Wrong::PerSample => "statistics per sample",
            Wrong::WholeTensor => "statistics over the whole tensor",
            Wrong::NoEpsilon => "no ε",
            Wrong::EpsilonOutsideRoot => "ε outside the root",
            Wrong::DividedByVariance => "divided by the variance",
            Wrong::GammaNotApplied => "γ not applied",
            Wrong::GammaBetaSwapped => "γ and β swapped",
            Wrong::BetaBeforeGamma => "β added before γ",
            Wrong::MeanDetached => "μ detached in backward",
            Wrong::VarianceDetached => "σ² detached in backward",
            Wrong::BothDetached => "μ and σ² detached in backward",
            Wrong::EpsilonForgottenBackward => "ε forgotten in backward",
            Wrong::GammaForgottenBackward => "γ forgotten in backward",
            Wrong::GammaGradientWithOutput => "dγ with y for x̂",
            Wrong::BetaGradientIsMean => "dβ as a mean",
        }
    }
}

impl Norm {
    /// y.
    pub fn forward<F: Scalar>(
        self,
        x: &Array3<F>,
        gamma: &Array1<F>,
        beta: &Array1<F>,
        eps: F,
    ) -> Array3<F> {
        let Some(wrong) = self.textbook() else {
            let plan = Plan::batch(x.shape()).expect("three axes");
            let forward = norm::forward(x.clone(), plan, Some(gamma), Some(beta), eps);
            return forward.expect("a valid batch").0;
        };
        let (xhat, _) = normalize(wrong, x, eps);
        Array3::from_shape_fn(x.raw_dim(), |at| {
            let (xhat, gamma, beta) = (xhat[at], gamma[at.1].widen(), beta[at.1].widen());
            F::narrow(match wrong {
                Some(Wrong::GammaNotApplied) => xhat + beta,
                Some(Wrong::GammaBetaSwapped) => beta * xhat + gamma,
                Some(Wrong::BetaBeforeGamma) => gamma * (xhat + beta),
                _ => gamma * xhat + beta,
            })
        })
    }

    /// The gradients of Σ g·y.
    pub fn backward<F: Scalar>(
        self,
        x: &Array3<F>,
        gamma: &Array1<F>,
        beta: &Array1<F>,
        eps: F,
        g: &Array3<F>,
    ) -> Gradients<F, Ix3> {
        let Some(wrong) = self.textbook() else {
            let plan = Plan::batch(x.shape()).expect("three axes");
            let forward = norm::forward(x.clone(), plan, Some(gamma), Some(beta), eps);
            return forward.expect("a valid batch").1.backward(g).expect("the shape of x");
        };
        let eps = if wrong == Some(Wrong::EpsilonForgottenBackward) { F::ZERO } else { eps };
        let (xhat, s) = normalize(wrong, x, eps);
        let y = self.forward(x, gamma, beta, eps);
        let mut gradients = Gradients { x: x.clone(), gamma: gamma.clone(), beta: beta.clone() };
        for c in 0..gamma.len() {
            let here: Vec<_> = positions(x).filter(|at| at.1 == c).collect();
            let of_g = |f: &dyn Fn((usize, usize, usize)) -> F::Wide| {
                here.iter().map(|&at| g[at].widen() * f(at)).collect::<Vec<_>>()
            };
            let (g_one, g_xhat) = (of_g(&|_| F::Wide::ONE), of_g(&|at| xhat[at]));
            for &at in &here {
                let through_mean = match wrong {
                    Some(Wrong::MeanDetached | Wrong::BothDetached) => F::Wide::ZERO,
                    _ => mean(&g_one),
                };
                let through_variance = match wrong {
                    Some(Wrong::VarianceDetached | Wrong::BothDetached) => F::Wide::ZERO,
                    _ => xhat[at] * mean(&g_xhat),
                };
                let gamma = match wrong {
                    Some(Wrong::GammaForgottenBackward) => F::Wide::ONE,
                    _ => gamma[c].widen(),
                };
                let dx = gamma * (g[at].widen() - through_mean - through_variance) / s[at];
                gradients.x[at] = F::narrow(dx);
            }
            gradients.gamma[c] = F::narrow(match wrong {
                Some(Wrong::GammaGradientWithOutput) => sum(of_g(&|at| y[at].widen())),
                _ => sum(g_xhat),
            });
            gradients.beta[c] = F::narrow(match wrong {
                Some(Wrong::BetaGradientIsMean) => mean(&g_one),
                _ => sum(g_one),
            });
        }
        gradients
    }

    /// The mistake, if it is the textbook that is asked for.
    fn textbook(self) -> Option<Option<Wrong>> {
        match self {
            Norm::Library => None,
            Norm::Textbook => Some(None),
            Norm::Wrong(wrong) => Some(Some(wrong)),
        }
    }
}

fn positions<F>(x: &Array3<F>) -> impl Iterator<Item = (usize, usize, usize)> {
    let (n, c, s) = x.dim();
    (0..n).flat_map(move |i| (0..c).flat_map(move |j| (0..s).map(move |k| (i, j, k))))
}

/// x̂ and what was divided by, element by element.
fn normalize<F: Scalar>(
    wrong: Option<Wrong>,
    x: &Array3<F>,
    eps: F,
) -> (Array3<F::Wide>, Array3<F::Wide>) {
    let mut xhat = x.map(|v| v.widen());
    let mut divisor = xhat.clone();
    let groups = match wrong {
        Some(Wrong::PerSample) => x.dim().0,
        Some(Wrong::WholeTensor) => 1,
        _ => x.dim().1,
    };
    for group in 0..groups {
        let belongs = |at: &(usize, usize, usize)| match wrong {
            Some(Wrong::PerSample) => at.0 == group,
            Some(Wrong::WholeTensor) => true,
            _ => at.1 == group,
        };
        let here: Vec<_> = positions(x).filter(belongs).collect();
        let values: Vec<F> = here.iter().map(|&at| x[at]).collect();
        let (mu, var) = statistics(wrong, &values);
        let eps = if wrong == Some(Wrong::NoEpsilon) { F::Wide::ZERO } else { eps.widen() };
        let s = match wrong {
            Some(Wrong::EpsilonOutsideRoot) => var.sqrt() + eps,
            Some(Wrong::DividedByVariance) => var + eps,
            _ => (var + eps).sqrt(),
        };
        for at in here {
            xhat[at] = (xhat[at] - mu) / s;
            divisor[at] = s;
        }
    }
    (xhat, divisor)
}

/// μ and v.
fn statistics<F: Scalar>(wrong: Option<Wrong>, x: &[F]) -> (F::Wide, F::Wide) {
    let wide: Vec<_> = x.iter().map(|v| v.widen()).collect();
    let mu = mean(&wide);
    let squares = sum(wide.iter().map(|&x| (x - mu) * (x - mu)));
    let m = F::Wide::count(x.len());
    match wrong {
        Some(Wrong::UnbiasedVariance) => (mu, squares / (m - F::Wide::ONE)),
        Some(Wrong::OnePassVariance) => {
            let (mu, of_squares) = (mean(x), mean(&x.iter().map(|&v| v * v).collect::<Vec<_>>()));
            (mu.widen(), (of_squares - mu * mu).widen())
        }
        Some(Wrong::NotCentred) => (F::Wide::ZERO, squares / m),
        // Those of a layer that has seen no batch.
        Some(Wrong::RunningStatistics) => (F::Wide::ZERO, F::Wide::ONE),
        _ => (mu, squares / m),
    }
}
