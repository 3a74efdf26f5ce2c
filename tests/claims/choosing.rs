//! Choosing: what each layer of the book depends on.

use crate::kit::*;
use ndarray::{Array1, Array3};
use proptest::collection::vec;
use proptest::prelude::*;

/// What a value of the output depends on, besides itself.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Depends {
    /// On the same place in another sample.
    on_mates: bool,
    /// On another channel of its group, in the same sample and place.
    on_its_group: bool,
    /// On a channel of another group.
    on_other_groups: bool,
    /// On another place of the same channel and sample.
    on_places: bool,
}

/// The table of the chapter, for a tensor `[N, C, S]`, with two groups of two channels. Layer and RMS
/// normalization over the last axis take its S numbers for the features.
const TABLE: [(Layer, Depends); 6] = [
    (Layer::Batch, row(true, false, false, true)),
    (Layer::Channels, row(false, true, true, true)),
    (Layer::Group, row(false, true, false, true)),
    (Layer::Instance, row(false, false, false, true)),
    (Layer::Features, row(false, false, false, true)),
    (Layer::Rms, row(false, false, false, true)),
];

const fn row(
    on_mates: bool,
    on_its_group: bool,
    on_other_groups: bool,
    on_places: bool,
) -> Depends {
    Depends { on_mates, on_its_group, on_other_groups, on_places }
}

/// Three samples of four channels with three places.
fn cases<F: Float>() -> impl Strategy<Value = Case<F>> {
    let numbers = |n| vec((-1.0..1.0f64).prop_map(F::from_f64), n);
    (numbers(36), numbers(4), numbers(4)).prop_map(|(x, gamma, beta)| {
        let x = Array3::from_shape_vec((3, 4, 3), x).expect("36 numbers");
        Case {
            layer: Layer::Batch,
            groups: 2,
            g: x.clone(),
            x,
            // Never 0, or nothing would depend on anything.
            gamma: Array1::from(gamma).mapv(|v| v + F::from_f64(2.0)),
            beta: beta.into(),
            eps: F::from_f64(1e-5),
            spare: [F::ONE; 3],
        }
    })
}

/// The case for this layer: with as many γ and β as it has.
fn with_layer<F: Float>(case: &Case<F>, layer: Layer) -> Case<F> {
    let count = if let Layer::Features | Layer::Rms = layer { 3 } else { 4 };
    let first = |v: &Array1<F>| v.iter().copied().take(count).collect::<Array1<F>>();
    let beta = if layer == Layer::Rms { Array1::from_elem(3, F::ZERO) } else { first(&case.beta) };
    Case { layer, gamma: first(&case.gamma), beta, ..case.clone() }
}

/// What the first value of the first sample depends on: another value is moved by 1, and the first one
/// moves, or does not in a single bit.
fn measured<F: Float>(case: &Case<F>, by: By) -> Depends {
    let first = |x: &Array3<F>| case.with_x(x.clone()).forward(by)[[0, 0, 0]];
    let before = first(&case.x);
    let on = |at: At| {
        let mut x = case.x.clone();
        x[at] = x[at] + F::ONE;
        first(&x) != before
    };
    Depends {
        on_mates: on((1, 0, 0)) || on((2, 0, 0)),
        on_its_group: on((0, 1, 0)),
        on_other_groups: on((0, 2, 0)) || on((0, 3, 0)),
        on_places: on((0, 0, 1)) || on((0, 0, 2)),
    }
}

/// Training with batch normalization couples the samples of a batch, and no other layer does; what a value
/// depends on inside its own sample is: its map under batch, instance, layer and RMS normalization over the
/// last axis, the maps of its group under group normalization, all maps under layer normalization over
/// channels; at inference batch normalization depends on the value alone.
///
/// 배치 정규화로 하는 학습은 배치의 샘플들을 서로 엮고, 다른 층은 그러지 않습니다. 자기 샘플 안에서 한 값이 의존하는 것은 배치 정규화, 인스턴스 정규화, 마지막 축에 대한 층 정규화와 RMS 정규화에서는 자기 맵, 그룹 정규화에서는 자기 그룹의 맵들, 채널까지 묶는 층 정규화에서는 모든 맵입니다. 추론할 때 배치 정규화는 그 값에만 의존합니다.
#[test]
fn the_table_of_dependences_is_measured() -> Claim {
    fn agree<F: Float>(table: &'static [(Layer, Depends)], by: By) -> Proof {
        let check = Check::new(How::Property, 64).scalar(F::NAME);
        over(check, 0.0, cases::<F>(), |case| {
            let off = |&(layer, depends): &(Layer, Depends)| {
                f64::from(u8::from(measured(&with_layer(case, layer), by) != depends))
            };
            table.iter().map(off).collect()
        })
    }
    /// The frozen layer: a value by itself.
    fn inference<F: Float>(places: bool) -> Proof {
        let check = Check::new(How::Property, 64).scalar(F::NAME);
        over(check, 0.0, cases::<F>(), |case| {
            let mut bn = batchnorm::batch_norm::BatchNorm::with(
                4,
                batchnorm::batch_norm::Config {
                    eps: F::from_f64(1e-5),
                    average: batchnorm::batch_norm::Average::Cumulative,
                    running_var: batchnorm::batch_norm::RunningVar::Biased,
                    affine: true,
                },
            )
            .expect("good numbers");
            let _ = bn.train(case.x.clone()).expect("nine values a channel");
            let map = bn.freeze().expect("v + ε > 0");
            let first = |x: &Array3<F>| map.apply(x).expect("fits")[[0, 0, 0]];
            let before = first(&case.x);
            let mut others = case.places().filter(|&at| at != (0, 0, 0));
            let changes = |at: At| {
                let mut x = case.x.clone();
                x[at] = x[at] + F::ONE;
                first(&x) != before
            };
            vec![f64::from(u8::from(others.any(changes) != places))]
        })
    }
    const PER_MAP: [(Layer, Depends); 1] = [(Layer::Channels, row(false, false, false, true))];
    const PER_ELEMENT: [(Layer, Depends); 1] = [(Layer::Instance, row(false, false, false, false))];
    const COUPLED: [(Layer, Depends); 1] = [(Layer::Group, row(true, true, false, true))];
    claim(|_| {
        let slips = [Slip::OfTheBatch, Slip::WholeTensor, Slip::WholeSample, Slip::GroupsInTurn];
        let slipped = slips.map(|slip| wrong(slip.name(), agree::<f64>(&TABLE, By::Wrong(slip))));
        all([
            agree::<f32>(&TABLE, By::Library),
            agree::<f64>(&TABLE, By::Library),
            inference::<f32>(false),
            inference::<f64>(false),
            all(slipped),
            wrong("layer normalization per map", agree::<f64>(&PER_MAP, By::Library)),
            wrong("instance normalization per element", {
                agree::<f64>(&PER_ELEMENT, By::Library)
            }),
            wrong("groups that couple samples", agree::<f64>(&COUPLED, By::Library)),
            wrong("inference that sees other places", inference::<f64>(true)),
        ])
    })
}
