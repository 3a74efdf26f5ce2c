//! Group normalization: between all channels and one.

use crate::kit::*;
use crate::ways;
use batchnorm::error::Error;
use batchnorm::group_norm::GroupNorm;
use batchnorm::scalar::Field;
use batchnorm::split::Plan;
use ndarray::{Array1, Array3, Axis, array};

const LAYER: &[Layer] = &[Layer::Group];

/// In every group of channels of every sample the normalized values have mean zero and the variance
/// ρ = v/(v+ε).
///
/// 샘플마다, 채널 그룹마다 정규화한 값의 평균은 0이고 분산은 ρ = v/(v+ε)입니다.
#[test]
fn mean_is_zero_and_variance_is_rho() -> Claim {
    claim(|_| {
        let mistakes = [
            Slip::OfTheBatch,
            Slip::WholeSample,
            Slip::PerMap,
            Slip::GroupsInTurn,
            Slip::UnbiasedVariance,
            Slip::NoEpsilon,
            Slip::EpsilonOutsideRoot,
            Slip::DividedByVariance,
            Slip::NotCentred,
        ];
        let layer = GroupNorm::new(2, 4, 0.0).expect("two groups of two");
        let (y, _) = layer.forward(array![[1.0, 3.0, 10.0, 50.0]]).expect("one sample");
        let errors = y - array![[-1.0, 1.0, -1.0, 1.0]];
        let errors: Vec<f64> = errors.iter().map(|e: &f64| e.abs()).collect();
        all([proves(LAYER, &moments(), &mistakes), worked_example(&errors, 0.0)])
    })
}

/// Forward and backward the same to the last bit as the layer that the case is of, with so many groups.
fn same_with_groups<F: Number>(by: By, case: &Case<F>, groups: usize) -> Vec<Sides<F>> {
    let grouped = Case { layer: Layer::Group, groups, ..case.clone() };
    let right = if by == By::Library { By::Library } else { By::Textbook };
    let (a, b) = (grouped.backward(by), case.backward(right));
    let outputs = grouped.forward(by).into_iter().zip(case.forward(right));
    let gradients = a.x.into_iter().zip(b.x).chain(a.gamma.into_iter().zip(b.gamma));
    let same = |(a, b): (F, F)| equal(a.widen(), b.widen()).exactly();
    outputs.chain(gradients).map(same).collect()
}

/// Whether the plan with so many groups of so many channels is that of the other layer, just where
/// `when` says so.
fn plans(other: fn(&[usize]) -> Result<Plan, Error>, when: fn(usize, usize) -> bool) -> Proof {
    let shapes =
        (1..=3usize).flat_map(|n| (1..=8usize).flat_map(move |c| (1..=4).map(move |s| [n, c, s])));
    let cases = shapes.flat_map(|shape| (1..=shape[1]).map(move |groups| (shape, groups)));
    let cases: Vec<_> = cases.filter(|(shape, groups)| shape[1].is_multiple_of(*groups)).collect();
    for (shape, groups) in &cases {
        let same = Plan::group(shape, *groups) == other(shape);
        if same != when(*groups, shape[1]) {
            return Err(format!("{groups} groups of {shape:?}"));
        }
    }
    Ok(vec![Check::new(How::Enumeration, cases.len())])
}

/// Group normalization with one group is layer normalization over channels and positions, to the last
/// bit, forward and backward.
///
/// 그룹이 하나인 그룹 정규화는 채널과 자리에 걸친 층 정규화입니다. 순전파도 역전파도 마지막 비트까지 같습니다.
#[test]
fn one_group_is_layer_norm() -> Claim {
    fn holds<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        same_with_groups(by, case, 1)
    }
    claim(|_| {
        let mistakes = [Slip::OfTheBatch, Slip::PerMap, Slip::UnbiasedVariance, Slip::NotCentred];
        all([
            proves(&[Layer::Channels], &ways!(holds), &mistakes),
            plans(Plan::layer, |groups, _| groups == 1),
            wrong("one channel a group", plans(Plan::layer, |groups, c| groups == c)),
        ])
    })
}

/// Group normalization with as many groups as channels is instance normalization, to the last bit,
/// forward and backward.
///
/// 그룹이 채널 수만큼인 그룹 정규화는 인스턴스 정규화입니다. 순전파도 역전파도 마지막 비트까지 같습니다.
#[test]
fn as_many_groups_as_channels_is_instance_norm() -> Claim {
    fn holds<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        same_with_groups(by, case, case.x.dim().1)
    }
    claim(|_| {
        let mistakes =
            [Slip::OfTheBatch, Slip::WholeSample, Slip::UnbiasedVariance, Slip::NotCentred];
        all([
            proves(&[Layer::Instance], &ways!(holds), &mistakes),
            plans(Plan::instance, |groups, c| groups == c),
            wrong("one group", plans(Plan::instance, |groups, _| groups == 1)),
        ])
    })
}

/// What becomes of a sample depends on no other sample, forward and backward, not in a single bit: the
/// size of the batch does not matter.
///
/// 한 샘플의 결과는 순전파에서도 역전파에서도 다른 샘플에 전혀 의존하지 않습니다. 배치 크기는 아무 상관이 없습니다.
#[test]
fn a_sample_does_not_see_its_batch() -> Claim {
    claim(|_| {
        let mistakes = [Slip::OfTheBatch, Slip::WholeTensor, Slip::GammaPerSample];
        proves(LAYER, &alone(), &mistakes)
    })
}

/// Permuting the channels within their groups, or whole groups, each with its γ and β, permutes the
/// output; exchanging two channels between groups of several changes it, but for coincidences.
///
/// 채널을 γ, β와 함께 그룹 안에서 섞거나 그룹째 섞으면 출력도 똑같이 섞일 뿐입니다. 여러 채널로 된 그룹 사이에서 두 채널을 맞바꾸면 통계가 우연히 같지 않은 한 출력이 달라집니다.
#[test]
fn regrouping_changes_the_result() -> Claim {
    /// The output for permuted channels, and the permuted output.
    fn both_orders<F: Number>(by: By, case: &Case<F>, order: &[usize]) -> [Array3<F>; 2] {
        let axis = |t: &Array3<F>| t.select(Axis(1), order);
        let parameter = |p: &Array1<F>| p.select(Axis(0), order);
        let permuted = Case {
            x: axis(&case.x),
            gamma: parameter(&case.gamma),
            beta: parameter(&case.beta),
            ..case.clone()
        };
        [permuted.forward(by), axis(&case.forward(by))]
    }
    fn within<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        // Each group turned by one channel; all channels turned by one group.
        let channels = case.x.dim().1;
        let size = channels / case.groups;
        let within = |c: usize| c / size * size + (c + 1) % size;
        let groups = |c: usize| (c + size) % channels;
        let orders =
            [(0..channels).map(within).collect(), (0..channels).map(groups).collect::<Vec<_>>()];
        let top = case.forward(by).iter().map(|y| y.widen().size()).fold(0.0, f64::max);
        let sides = |order: Vec<usize>| {
            let [then, first] = both_orders(by, case, &order);
            let pairs = then.into_iter().zip(first);
            pairs.map(|(a, b)| equal(a.widen(), b.widen()).to(2.0 * top)).collect::<Vec<_>>()
        };
        orders.into_iter().flat_map(sides).collect()
    }
    /// The first and the last channel exchanged, where there are several groups of several.
    fn across<F: Number>(by: By, case: &Case<F>) -> Vec<Sides<F>> {
        let channels = case.x.dim().1;
        if case.groups == 1 || case.groups == channels {
            return Vec::new();
        }
        let mut order: Vec<_> = (0..channels).collect();
        order.swap(0, channels - 1);
        let [then, first] = both_orders(by, case, &order);
        let changed = if then == first { F::Wide::ZERO } else { F::Wide::ONE };
        vec![equal(changed, F::Wide::ONE)]
    }
    claim(|_| {
        // At random points; floats may be tied.
        let [exact, ..] = ways!(across);
        all([
            proves(LAYER, &ways!(within), &[Slip::GroupsInTurn]),
            proves(LAYER, &[exact], &[Slip::WholeSample, Slip::PerMap, Slip::OfTheBatch]),
        ])
    })
}

/// The gradient dx = (g̃ − ⟨g̃⟩ − x̂⟨g̃x̂⟩)/√(v+ε), with g̃ = γg inside the means of each group, is the
/// derivative of the forward pass.
///
/// 그룹마다 평균 안에 g̃ = γg를 넣은 그레이디언트 dx = (g̃ − ⟨g̃⟩ − x̂⟨g̃x̂⟩)/√(v+ε)은 순전파의 도함수입니다.
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
        proves(LAYER, &gradient(), &mistakes)
    })
}
