//! Layer normalization: over the last axis, and over channels and positions together.

use crate::kit::*;
use crate::ways;
use batchnorm::definition::normalize;
use batchnorm::layer_norm::LayerNorm;
use batchnorm::norm;
use batchnorm::scalar::Field;
use batchnorm::split::Plan;
use ndarray::{Array2, Array3, array};

const LAYERS: &[Layer] = &[Layer::Features, Layer::Channels];

/// In every sample the normalized values have mean zero and the variance ρ = v/(v+ε).
///
/// 샘플마다 정규화한 값의 평균은 0이고 분산은 ρ = v/(v+ε)입니다.
#[test]
fn mean_is_zero_and_variance_is_rho() -> Claim {
    claim(|_| {
        let mistakes = [
            Slip::OfTheBatch,
            Slip::WholeTensor,
            Slip::UnbiasedVariance,
            Slip::NoEpsilon,
            Slip::EpsilonOutsideRoot,
            Slip::DividedByVariance,
            Slip::NotCentred,
            Slip::RootMeanSquare,
        ];
        let layer = LayerNorm::new(4, 2.5).expect("a good ε");
        let (y, _) = layer.forward(array![[1.0, 1.0, 4.0, 10.0]]).expect("one sample");
        let errors = y - array![[-0.75, -0.75, 0.0, 1.5]];
        let errors: Vec<f64> = errors.iter().map(|e: &f64| e.abs()).collect();
        all([proves(LAYERS, &moments(), &mistakes), worked_example(&errors, 0.0)])
    })
}

/// Before γ and β, layer normalization is batch normalization of the transposed table: samples for
/// features, features for samples, forward and backward.
///
/// γ와 β를 빼면 층 정규화는 표를 전치하여 샘플과 특징을 맞바꾼 배치 정규화입니다. 순전파도 역전파도 그렇습니다.
#[test]
fn layer_norm_is_batch_norm_transposed() -> Claim {
    /// x̂ and its gradient by batch normalization of the table that `table` makes of a tensor.
    fn against<F: Number>(
        by: By,
        case: &Case<F>,
        table: fn(&Array2<F>) -> Array2<F>,
    ) -> Vec<Sides<F>> {
        let (gamma, beta) = (case.gamma.map(|_| F::ONE), case.beta.map(|_| F::ZERO));
        let case = Case { gamma, beta, ..case.clone() };
        let sets = case.sets(by);
        let rows = (sets.len(), sets[0].at.len());
        let read = |t: &Array3<F>| table(&t.to_shape(rows).expect("as many").to_owned());
        let (x, g) = (read(&case.x), read(&case.g));
        // With ε = 0 a column that only the wrong table has might be constant.
        let plan = Plan::batch(x.shape()).expect("two axes");
        let Ok((y, tape)) = norm::forward(x, plan, None, None, case.eps) else {
            return vec![equal(F::Wide::ONE, F::Wide::ZERO)];
        };
        let dx = tape.backward(&g).expect("the shape of x").x;
        let (y, dx) = (table(&y), table(&dx));
        let sides = |(i, set): (usize, Set<F>)| {
            let (top, slope) = (largest(&set.xhat), largest(&set.g) / set.s.size());
            let of_y =
                set.xhat.iter().zip(y.row(i)).map(|(a, b)| equal(*a, b.widen()).to(2.0 * top));
            let scale = 2.0 * (largest(&set.dx) + slope);
            let of_dx = set.dx.iter().zip(dx.row(i)).map(|(a, b)| equal(*a, b.widen()).to(scale));
            of_y.chain(of_dx).collect::<Vec<_>>()
        };
        sets.into_iter().enumerate().flat_map(sides).collect()
    }
    fn holds<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        against(by, case, |t| t.t().to_owned())
    }
    fn not_transposed<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        against(by, case, Array2::clone)
    }
    claim(|_| {
        let mistakes = [Slip::OfTheBatch, Slip::WholeTensor, Slip::UnbiasedVariance];
        all([
            proves(LAYERS, &ways!(holds), &mistakes),
            refutes("the table not transposed", LAYERS, &ways!(not_transposed)),
        ])
    })
}

/// What becomes of a sample depends on no other sample, forward and backward, not in a single bit; so
/// training and inference are the same function, and a batch of one is enough.
///
/// 한 샘플의 결과는 순전파에서도 역전파에서도 다른 샘플에 전혀 의존하지 않습니다. 그래서 학습과 추론이 같은 함수이고, 샘플 하나짜리 배치로도 충분합니다.
#[test]
fn a_sample_does_not_see_its_batch() -> Claim {
    claim(|_| {
        proves(LAYERS, &alone(), &[Slip::OfTheBatch, Slip::WholeTensor, Slip::GammaPerSample])
    })
}

/// With γ = √(v+ε) and β = μ of one sample the layer gives back that sample; every other comes out
/// with the mean and the scale of that one.
///
/// 한 샘플의 √(v+ε)과 μ를 γ와 β로 쓰면 층은 그 샘플을 그대로 돌려줍니다. 다른 샘플은 모두 그 샘플의 평균과 스케일로 나옵니다.
#[test]
fn identity_is_recovered_for_one_sample() -> Claim {
    claim(|_| {
        let mistakes = [
            Slip::OfTheBatch,
            Slip::UnbiasedVariance,
            Slip::NoEpsilon,
            Slip::EpsilonOutsideRoot,
            Slip::GammaNotApplied,
            Slip::BetaBeforeGamma,
        ];
        proves(LAYERS, &restores(), &mistakes)
    })
}

/// Scaling a sample by α changes at most the sign: LN_ε(αx) = sgn(α)·LN_{ε/α²}(x), and at ε = 0 that is
/// sgn(α)·LN(x).
///
/// 샘플에 0이 아닌 α를 곱해도, ε의 몫을 빼면 바뀔 수 있는 것은 부호뿐입니다. LN_ε(αx) = sgn(α)·LN_{ε/α²}(x)이고, ε = 0이면 sgn(α)·LN(x)입니다.
#[test]
fn scaling_the_input_changes_at_most_the_sign() -> Claim {
    claim(|_| {
        let mistakes = [Slip::EpsilonOutsideRoot, Slip::DividedByVariance];
        let wrong_sign = "LN(αx) = LN(x) for α < 0 too";
        all([
            proves(LAYERS, &scaling(), &mistakes),
            refutes(wrong_sign, LAYERS, &scaling_without_sign()),
        ])
    })
}

/// Adding a constant to all values of a sample, another one in each sample, changes nothing.
///
/// 한 샘플의 모든 값에 같은 수를 더해도, 더하는 수가 샘플마다 달라도, 아무것도 바뀌지 않습니다.
#[test]
fn adding_a_constant_changes_nothing() -> Claim {
    /// A constant for each sample, added to so many of its values.
    fn added<F: Number>(by: By, case: &Case<F>, values: usize) -> Vec<Sides<F>> {
        let mut x = case.x.clone();
        for set in case.members(None) {
            let constant = case.spare[0] * case.x[set[0]];
            set.into_iter().take(values).for_each(|at| x[at] = x[at] + constant);
        }
        same_xhat(by, &case.with_x(x), case, F::Wide::ONE)
    }
    fn holds<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        added(by, case, usize::MAX)
    }
    fn to_one_value<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        added(by, case, 1)
    }
    claim(|_| {
        let mistakes = [Slip::NotCentred, Slip::RootMeanSquare, Slip::OfTheBatch];
        all([
            proves(LAYERS, &ways!(holds), &mistakes),
            refutes("a constant added to one value alone", LAYERS, &ways!(to_one_value)),
        ])
    })
}

/// Normalizing each pixel over its channels is not normalizing the image over channels and pixels: the
/// two agree only where all pixels have the same mean and the same variance.
///
/// 픽셀마다 채널에 걸쳐 정규화하는 것과 이미지를 채널과 픽셀에 걸쳐 한꺼번에 정규화하는 것은 다릅니다. 두 결과는 모든 픽셀의 평균이 서로 같고 분산도 서로 같을 때만 같습니다.
// Why only there: see `parts_and_whole`.
#[test]
fn per_pixel_is_not_one_group() -> Claim {
    /// A table of channels × pixels as an image `[1, C, S]`.
    fn image(table: &Array2<f64>) -> Array3<f64> {
        table.clone().insert_axis(ndarray::Axis(0))
    }
    fn per_pixel(table: &Array2<f64>) -> Array2<f64> {
        let channels_last = image(table).permuted_axes([0, 2, 1]);
        let layer = LayerNorm::new(2, 0.5).expect("a good ε");
        let (y, _) = layer.forward(channels_last).expect("two channels");
        y.index_axis(ndarray::Axis(0), 0).t().to_owned()
    }
    fn one_group(table: &Array2<f64>) -> Array2<f64> {
        let layer = LayerNorm::over_channels(2, 0.5).expect("a good ε");
        let (y, _) = layer.forward(image(table)).expect("two channels");
        y.index_axis(ndarray::Axis(0), 0).to_owned()
    }
    /// Both, by the definition.
    fn over(axes: &[usize], table: &Array2<f64>) -> Array2<f64> {
        let y = normalize(&image(table).into_dyn(), axes, 0.5);
        y.index_axis(ndarray::Axis(0), 0).to_owned().into_dimensionality().expect("two axes")
    }
    claim(|_| {
        all([
            parts_and_whole(per_pixel, one_group, alike),
            parts_and_whole(|t| over(&[1], t), |t| over(&[1, 2], t), alike),
            wrong("they always agree", parts_and_whole(per_pixel, one_group, |_| true)),
            wrong("they never agree", parts_and_whole(per_pixel, one_group, |_| false)),
            wrong("equal means are enough", parts_and_whole(per_pixel, one_group, equal_means)),
            wrong("per channel", parts_and_whole(|t| over(&[2], t), one_group, alike)),
        ])
    })
}

/// The gradient dx = (g̃ − ⟨g̃⟩ − x̂⟨g̃x̂⟩)/√(v+ε), with g̃ = γg inside the means, is the derivative of the
/// forward pass; dγ = Σ g·x̂ and dβ = Σ g run over the samples.
///
/// 평균 안에 g̃ = γg를 넣은 그레이디언트 dx = (g̃ − ⟨g̃⟩ − x̂⟨g̃x̂⟩)/√(v+ε)은 순전파의 도함수입니다. dγ = Σ g·x̂과 dβ = Σ g는 샘플에 걸친 합입니다.
#[test]
fn gradient_is_the_derivative() -> Claim {
    claim(|_| {
        let mistakes = [
            Slip::GammaAfterMeans,
            Slip::GammaForgotten,
            Slip::MeanDetached,
            Slip::VarianceDetached,
            Slip::EpsilonForgotten,
            Slip::GammaGradientWithOutput,
        ];
        proves(LAYERS, &gradient(), &mistakes)
    })
}
