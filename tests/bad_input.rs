//! Whatever is put in: a result or an error that names the numbers, never a panic; and an error leaves
//! the layer as it was.

use batchnorm::affine::Affine;
use batchnorm::batch_norm::{Average, BatchNorm, Config, RunningVar};
use batchnorm::batch_renorm::{BatchRenorm, Clips};
use batchnorm::channelwise::{Statistics, Sums};
use batchnorm::dynamic_tanh::DynamicTanh;
use batchnorm::error::Error;
use batchnorm::fixup::{Fixup, ScalarAffine};
use batchnorm::folding;
use batchnorm::ghost_batch_norm::GhostBatchNorm;
use batchnorm::gradient_clipping::AdaptiveClipping;
use batchnorm::group_norm::GroupNorm;
use batchnorm::instance_norm::InstanceNorm;
use batchnorm::layer_norm::LayerNorm;
use batchnorm::layout;
use batchnorm::norm;
use batchnorm::population::Population;
use batchnorm::profile::{self, Profile};
use batchnorm::rms_norm::RmsNorm;
use batchnorm::scalar::Scalar;
use batchnorm::skip_init::SkipInit;
use batchnorm::spectral_norm::SpectralNorm;
use batchnorm::split::{Center, Plan, Split};
use batchnorm::synchronized;
use batchnorm::tracked_instance_norm::TrackedInstanceNorm;
use batchnorm::weight_norm::WeightNorm;
use batchnorm::weight_standardization::WeightStandardization;
use ndarray::{Array1, Array2, ArrayD, arr1, array};
use proptest::prelude::*;
use proptest::test_runner::{Config as Cases, RngAlgorithm, TestRng, TestRunner};

/// Any number at all, with the troublesome ones more often than chance would have them.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -2.0..2.0f64,
        1 => any::<f64>(),
        1 => prop_oneof![
            Just(0.0), Just(-0.0), Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY),
            Just(f64::MAX), Just(f64::MIN_POSITIVE), Just(1e-320), Just(1e38), Just(1e-45),
        ],
    ]
}

/// A tensor of zero to six axes of length zero to four, in some layout.
fn tensor() -> impl Strategy<Value = ArrayD<f64>> {
    let shape = prop_oneof![
        prop::collection::vec(0..=4usize, 0..=6),
        prop::collection::vec(1..=4usize, 2..=5),
    ];
    (shape, any::<bool>()).prop_flat_map(|(shape, turned)| {
        prop::collection::vec(number(), shape.iter().product::<usize>()).prop_map(move |values| {
            let x = ArrayD::from_shape_vec(shape.clone(), values).expect("a value for each place");
            if turned { x.reversed_axes() } else { x }
        })
    })
}

fn config() -> impl Strategy<Value = Config<f64>> {
    let plausible = || prop_oneof![3 => 0.0..1.0f64, 1 => number()];
    let inputs = (plausible(), plausible(), 0..3u8, any::<[bool; 2]>());
    inputs.prop_map(|(eps, momentum, kind, [b, affine])| Config {
        eps,
        average: match kind {
            0 => Average::Cumulative,
            1 => Average::BiasCorrected { momentum },
            _ => Average::Exponential { momentum },
        },
        running_var: if b { RunningVar::Biased } else { RunningVar::Unbiased },
        affine,
    })
}

/// The four public vectors of a layer; each has its own idea of the number of channels, now and then.
fn vectors() -> impl Strategy<Value = [Vec<f64>; 4]> {
    let one = || prop_oneof![8 => Just(4usize), 1 => 0..=6usize];
    [one(), one(), one(), one()]
        .prop_flat_map(|lengths| lengths.map(|n| prop::collection::vec(number(), n)))
}

/// Runs on 2,000 inputs, the same each time.
fn each<T: std::fmt::Debug>(inputs: impl Strategy<Value = T>, f: impl Fn(T)) {
    let cases = Cases { cases: 2000, failure_persistence: None, ..Cases::default() };
    let mut runner =
        TestRunner::new_with_rng(cases, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let check = |input| {
        f(input);
        Ok(())
    };
    runner.run(&inputs, check).unwrap_or_else(|e| panic!("{e}"));
}

fn bits<F: Scalar>(v: &Array1<F>) -> Vec<u64> {
    v.iter().map(|v| v.to_f64().to_bits()).collect()
}

/// Everything a layer can do, with these arguments.
fn use_layer<F: Scalar>(
    cast: fn(f64) -> F,
    config: Config<f64>,
    x: &ArrayD<f64>,
    dy: &ArrayD<f64>,
    [mean, var, gamma, beta]: &[Vec<f64>; 4],
    own_vectors: bool,
) {
    let average = match config.average {
        Average::Cumulative => Average::Cumulative,
        Average::BiasCorrected { momentum } => Average::BiasCorrected { momentum: cast(momentum) },
        Average::Exponential { momentum } => Average::Exponential { momentum: cast(momentum) },
    };
    let (eps, x, dy) = (cast(config.eps), x.map(|&v| cast(v)), dy.map(|&v| cast(v)));
    let config = Config { eps, average, running_var: config.running_var, affine: config.affine };
    let channels = x.shape().get(1).copied().unwrap_or(3);
    let Ok(mut bn) = BatchNorm::with(channels, config) else { return };
    if own_vectors {
        let vector = |v: &Vec<f64>| v.iter().map(|&v| cast(v)).collect::<Array1<F>>();
        (bn.running_mean, bn.running_var) = (vector(mean), vector(var));
        (bn.gamma, bn.beta) = (bn.gamma.map(|_| vector(gamma)), Some(vector(beta)));
    }
    let before = (bits(&bn.running_mean), bits(&bn.running_var), bn.batches());
    match bn.train(x.clone()) {
        Ok((y, tape)) => {
            assert_eq!((y.shape(), bn.batches()), (x.shape(), 1));
            let _ = tape.clone().backward(&y);
            let _ = (tape.mean(), tape.var(), tape.backward(&dy));
        }
        Err(e) => {
            assert_eq!(before, (bits(&bn.running_mean), bits(&bn.running_var), bn.batches()));
            assert!(!e.to_string().is_empty());
        }
    }
    let _ = (bn.frozen_backward(&x, &dy), bn.frozen_backward(&x, &x));
    if let Ok(map) = bn.freeze() {
        let _ = (
            map.slope(),
            map.intercept(),
            map.apply(&x),
            map.backward(&x, &dy),
            map.backward(&x, &x),
        );
    }
}

#[test]
fn a_layer_never_panics() {
    each(
        (config(), tensor(), tensor(), vectors(), any::<bool>()),
        |(config, x, dy, vectors, own)| {
            use_layer(|v| v, config, &x, &dy, &vectors, own);
            use_layer(|v| v as f32, config, &x, &dy, &vectors, own);
        },
    );
}

#[test]
fn an_affine_map_never_panics() {
    each((tensor(), tensor(), vectors()), |(x, dy, [center, scale, shift, _])| {
        if let Ok(map) = Affine::new(center.into(), scale.into(), shift.into()) {
            let _ = (map.apply(&x), map.backward(&x, &dy), map.backward(&x, &x));
        }
    });
}

/// Every plan there is for a shape.
fn plans(shape: &[usize]) -> Vec<Plan> {
    let by_channel = [Plan::batch(shape), Plan::layer(shape), Plan::instance(shape)];
    let grouped = (0..=7).map(|groups| Plan::group(shape, groups));
    let trailing = (0..=7).map(|axes| Plan::trailing(shape, axes));
    let centred: Vec<Plan> =
        by_channel.into_iter().chain(grouped).chain(trailing).flatten().collect();
    let uncentred = centred.iter().map(|plan| plan.uncentred());
    uncentred.chain(centred.iter().copied()).collect()
}

/// The plan of one shape may be given the tensor of another.
#[test]
fn a_plan_never_panics() {
    let shape = prop::collection::vec(0..=4usize, 0..=5);
    let vector = || prop::option::of(prop::collection::vec(number(), 0..=6));
    each((shape, tensor(), vector(), vector(), number()), |(shape, x, gamma, beta, eps)| {
        let (gamma, beta) = (gamma.map(Array1::from), beta.map(Array1::from));
        for plan in plans(&shape).into_iter().chain(plans(x.shape())) {
            let layer = norm::forward(x.clone(), plan, gamma.as_ref(), beta.as_ref(), eps);
            if let Ok((y, tape)) = layer {
                let _ = tape.backward(&y);
            }
        }
    });
}

/// Statistics over the values that a plan names, parameters where it puts them, and nothing else.
#[test]
fn a_plan_is_followed_to_the_letter() {
    let mut followed = 0;
    for shape in
        [vec![3, 4], vec![2, 6, 5], vec![2, 4, 3, 2], vec![3, 2, 40], vec![2, 33], vec![1, 1, 7]]
    {
        let len = shape.iter().product();
        let values = (0..len).map(|i: usize| (i * 37 % 101) as f64).collect();
        let x = ArrayD::from_shape_vec(shape.clone(), values).expect("a value for each place");
        for plan in plans(&shape) {
            let (statistics, parameters) = (plan.statistics(), plan.parameters());
            assert_eq!((statistics.len(), parameters.len()), (len, len));
            assert!(!statistics.is_empty() && Split { outer: 0, ..statistics }.is_empty());
            let gamma: Array1<f64> = (1..=parameters.kept).map(|c| c as f64).collect();
            let beta = gamma.map(|c| -0.5 * c);
            let (y, _) = norm::forward(x.clone(), plan, Some(&gamma), Some(&beta), 1e-3)
                .expect("a plan of this shape");
            let (x, y) = (x.as_slice().expect("row-major"), y.as_slice().expect("row-major"));
            for k in 0..statistics.kept {
                let group: Vec<_> = statistics.runs(k).flatten().collect();
                let m = group.len() as f64;
                let mean = match plan.center() {
                    Center::Mean => group.iter().map(|&i| x[i]).sum::<f64>() / m,
                    Center::Zero => 0.0,
                };
                let var = group.iter().map(|&i| (x[i] - mean).powi(2)).sum::<f64>() / m;
                for i in group {
                    let c = i / parameters.inner % parameters.kept;
                    let expected = gamma[c] * (x[i] - mean) / (var + 1e-3).sqrt() + beta[c];
                    assert!(
                        (y[i] - expected).abs() <= 1e-11 * gamma[c],
                        "{plan:?} of {shape:?} at {i}"
                    );
                }
            }
            followed += 1;
        }
    }
    assert!(followed > 60, "{followed}");
}

/// Layers without running statistics, given whatever there is.
#[test]
fn a_layer_without_a_state_never_panics() {
    let inputs = (tensor(), tensor(), vectors(), number(), [0..=6usize, 0..=6usize]);
    each(inputs, |(x, dy, [gamma, beta, ..], eps, [groups, channels])| {
        let (gamma, beta) = (Array1::from(gamma), Array1::from(beta));
        let last = x.shape().last().copied().unwrap_or(channels);
        let second = x.shape().get(1).copied().unwrap_or(channels);
        let mut results = Vec::new();
        for channels in [channels, last, second] {
            for own in [false, true] {
                let set = |g: &mut Option<Array1<f64>>, v: &Array1<f64>| {
                    if own {
                        *g = Some(v.clone());
                    }
                };
                if let Ok(mut layer) = GroupNorm::new(groups, channels, eps) {
                    set(&mut layer.gamma, &gamma);
                    set(&mut layer.beta, &beta);
                    results.push(layer.forward(x.clone()));
                }
                if let Ok(mut layer) = InstanceNorm::new(channels, eps) {
                    set(&mut layer.gamma, &gamma);
                    layer.beta = None;
                    results.push(layer.forward(x.clone()));
                }
                let layers = [
                    LayerNorm::new(channels, eps),
                    LayerNorm::over_channels(channels, eps),
                    LayerNorm::over_axes(&x.shape()[groups.min(x.ndim())..], eps),
                ];
                for mut layer in layers.into_iter().flatten() {
                    set(&mut layer.gamma, &gamma);
                    set(&mut layer.beta, &beta);
                    results.push(layer.forward(x.clone()));
                }
                if let Ok(mut layer) = RmsNorm::new(channels, eps) {
                    set(&mut layer.gamma, &gamma);
                    results.push(layer.forward(x.clone()));
                }
            }
        }
        for (y, tape) in results.into_iter().flatten() {
            assert_eq!(y.shape(), x.shape());
            let _ = (tape.clone().backward(&dy), tape.backward(&y));
        }
    });
}

/// What works on weights, given whatever there is.
#[test]
fn a_method_for_weights_never_panics() {
    let inputs = (tensor(), tensor(), vectors(), [number(), number()], any::<bool>());
    each(inputs, |(w, dw, [a, b, ..], [eps, ratio], own)| {
        let [a, b] = [a, b].map(Array1::from);
        if let Ok(mut layer) = WeightNorm::new(w.clone()) {
            let _ = (layer.weight(), layer.backward(&dw), layer.backward(&w));
            let _ = (layer.initialize(dw.clone()), layer.initialize(w.clone()), layer.weight());
            layer.g = a.clone();
            let _ = (layer.weight(), layer.backward(&w), layer.initialize(dw.clone()));
            layer.v = dw.clone();
            let _ = (layer.weight(), layer.backward(&dw));
        }
        if let Ok((y, tape)) =
            WeightStandardization::new(eps).and_then(|layer| layer.forward(w.clone()))
        {
            let _ = (tape.clone().backward(&dw), tape.backward(&y));
        }
        let out = w.shape().first().copied().unwrap_or(1);
        let u = if own { a.clone() } else { Array1::ones(out) };
        if let Ok(mut layer) = SpectralNorm::new(&w, u) {
            let _ = (layer.step(&dw), layer.freeze(&dw), layer.sigma(&w));
            if let Ok((y, tape)) = layer.train(w.clone()) {
                let _ = (tape.clone().backward(&dw), tape.backward(&y));
            }
            (layer.u, layer.v) = (a.clone(), b.clone());
            let before = layer.clone();
            if layer.step(&w).is_err() {
                let same = |a: &Array1<f64>, b: &Array1<f64>| assert_eq!(bits(a), bits(b));
                same(&layer.u, &before.u);
                same(&layer.v, &before.v);
            }
            let _ = (layer.freeze(&w), layer.sigma(&w), layer.train(w.clone()));
        }
        if let Ok(clipping) = AdaptiveClipping::new(ratio, eps) {
            let (mut g, mut same) = (dw.clone(), w.clone());
            let _ = (clipping.clip(&w, &mut g), clipping.clip(&w, &mut same));
        }
        let mut branch = [w.clone(), dw.clone(), w.clone()];
        for (branches, layers) in [(0, 2), (out, a.len()), (3, 3), (usize::MAX, usize::MAX)] {
            if let Ok(fixup) = Fixup::new(branches, layers) {
                let mut weights: Vec<_> = branch.iter_mut().collect();
                assert!((0.0..=1.0).contains(&fixup.scale()));
                let _ = fixup.initialize(&mut weights);
            }
        }
    });
}

/// What stands in the place of a normalization layer, given whatever there is.
#[test]
fn a_layer_without_normalization_never_panics() {
    let inputs = (tensor(), tensor(), vectors(), number());
    each(inputs, |(x, dy, [gamma, beta, ..], number)| {
        let scalar = ScalarAffine { multiplier: number, bias: -number };
        let y = scalar.apply(&x);
        let _ = (scalar.backward(&x, &dy), scalar.backward(&x, &y));
        let end = SkipInit { alpha: number };
        for branch in [&x, &dy] {
            if let Ok((y, tape)) = end.forward(x.clone(), branch.clone()) {
                let _ = (tape.clone().backward(&dy), tape.backward(&y));
            }
        }
        let mut layer = DynamicTanh::new(x.shape().last().copied().unwrap_or(2), number);
        for own in [false, true] {
            if own {
                (layer.gamma, layer.beta) = (gamma.clone().into(), beta.clone().into());
            }
            if let Ok((y, tape)) = layer.forward(x.clone()) {
                assert_eq!(y.shape(), x.shape());
                let _ = (tape.clone().backward(&dy), tape.backward(&y));
            }
        }
    });
}

/// Folding, with maps and weights of whatever shape.
#[test]
fn folding_never_panics() {
    let sides = || prop::collection::vec(0..=4usize, 4);
    let sizes = || prop_oneof![4 => 0..=3usize, 1 => Just(usize::MAX)];
    let inputs = (sides(), [sizes(), sizes(), sizes(), sizes()], vectors(), number());
    each(inputs, |(shape, [groups, stride, padding, dilation], [a, b, c, d], value)| {
        let Ok(map) = Affine::new(a.into(), b.into(), c.into()) else { return };
        let weight = ndarray::Array4::from_elem((shape[0], shape[1], shape[2], shape[3]), value);
        let matrix = Array2::from_elem((shape[0], shape[1]), value);
        let window = folding::Transposed { stride, padding, dilation, groups };
        let bias = Array1::from(d);
        for bias in [None, Some(&bias)] {
            let _ = folding::into_previous(&weight, bias, &map);
            let _ = folding::into_next(&matrix, bias, &map);
            let _ = folding::into_next_convolution(&weight, bias, groups, padding, &map);
            let _ = folding::into_previous_transposed_convolution(&weight, bias, groups, &map);
            let _ = folding::into_next_transposed_convolution(&weight, bias, window, &map);
        }
    });
}

/// A layer with any configuration, and any vectors in it.
fn any_layer() -> impl Strategy<Value = Option<BatchNorm<f64>>> {
    (config(), vectors(), any::<bool>(), 0..=5usize).prop_map(
        |(config, vectors, own_vectors, channels)| {
            let mut bn = BatchNorm::with(channels, config).ok()?;
            if own_vectors {
                let [mean, var, gamma, beta] = vectors.map(Array1::from);
                (bn.running_mean, bn.running_var) = (mean, var);
                (bn.gamma, bn.beta) = (bn.gamma.map(|_| gamma), Some(beta));
            }
            Some(bn)
        },
    )
}

fn state(bn: &BatchNorm<f64>) -> (Vec<u64>, Vec<u64>, usize) {
    (bits(&bn.running_mean), bits(&bn.running_var), bn.batches())
}

/// Layers around a batch normalization: in chunks, in shards, by instance.
#[test]
fn a_layer_around_a_layer_never_panics() {
    let others = (tensor(), tensor(), 0..=6usize, 0..=3usize);
    each((any_layer(), tensor(), others), |(bn, x, (other, dy, chunk, repeats))| {
        let Some(bn) = bn else { return };
        let before = state(&bn);
        if let Ok(mut ghost) = GhostBatchNorm::new(bn.clone(), chunk) {
            let pieces: usize = ghost.chunks(x.len()).map(|c| c.len()).sum();
            assert_eq!(pieces, x.len());
            match ghost.train(x.clone()) {
                Ok((y, tape)) => {
                    assert_eq!(y.shape(), x.shape());
                    let _ = (tape.clone().backward(&dy), tape.backward(&y));
                }
                Err(_) => assert_eq!(before, state(&ghost.layer)),
            }
        }
        let mut tracked = TrackedInstanceNorm { layer: bn.clone() };
        match tracked.train(x.clone()) {
            Ok((y, tape)) => drop((tape.clone().backward(&dy), tape.backward(&y))),
            Err(_) => assert_eq!(before, state(&tracked.layer)),
        }
        let _ = tracked.freeze();
        let mut shards = vec![x.clone(); repeats];
        shards.push(other.clone());
        for shards in [vec![], vec![x.clone()], vec![x.clone(); repeats], shards] {
            let mut bn = bn.clone();
            match synchronized::train(&mut bn, shards) {
                Ok((y, tape)) => {
                    let _ = tape.clone().backward(&y).expect("the shapes of the outputs");
                    let _ = (tape.clone().backward(std::slice::from_ref(&dy)), tape.backward(&[]));
                }
                Err(_) => assert_eq!(before, state(&bn)),
            }
        }
        for profile in Profile::ALL {
            if let Ok(adopted) = profile.adopt(&bn) {
                let _ = (adopted.freeze(), profile::with_eps(&bn, profile.eps()));
            }
        }
        let _ = profile::with_eps(&bn, dy.first().copied().unwrap_or(-1.0));
    });
}

/// Statistics of anything, and anything normalized by them.
#[test]
fn statistics_that_are_given_never_panic() {
    each((any_layer(), tensor(), tensor(), number()), |(bn, x, other, eps)| {
        let parts = [Population::of(&x), Population::of(&other), Ok(Population::empty(3))];
        for mut set in parts.into_iter().flatten() {
            let before = set.clone();
            if set.add(&other).is_err() {
                assert_eq!(format!("{before:?}"), format!("{set:?}"));
            }
            let _ = set.merge(&Population::empty(3));
            let _ = (set.mean(), set.biased_variance(), set.unbiased_variance());
            let (Ok(statistics), Some(bn)) = (Statistics::new(&set, eps), &bn) else { continue };
            let Ok((y, shard)) = synchronized::forward(bn, x.clone(), &statistics) else {
                continue;
            };
            let mut sums = Sums::zero(3);
            let _ = (shard.sums(&other), sums.add(&shard.sums(&y).expect("the shape of y")));
            let _ = (shard.clone().backward(&other, &sums), shard.backward(&y, &sums));
        }
        let _ = layout::channels_first(x.clone()).map(layout::channels_last);
        let _ = layout::channels_last(x);
    });
}

#[test]
fn a_renormalization_never_panics() {
    let clips = || (prop::option::of(number()), prop::option::of(0.0..4.0f64));
    let inputs = (tensor(), tensor(), vectors(), [number(), number()], (clips(), any::<bool>()));
    each(inputs, |(x, dy, [mean, std, gamma, beta], [eps, momentum], (clips, plausible))| {
        let (eps, momentum) = if plausible { (1e-3, 0.01) } else { (eps, momentum) };
        let channels = x.shape().get(1).copied().unwrap_or(3);
        let Ok(mut layer) = BatchRenorm::new(channels, eps, momentum) else { return };
        layer.clips = Clips { r_max: clips.1.map(|r| 1.0 + r), d_max: clips.0 };
        let mut own = layer.clone();
        (own.running_mean, own.running_std) = (mean.into(), std.into());
        (own.gamma, own.beta) = (Some(gamma.into()), Some(beta.into()));
        for mut layer in [layer, own] {
            let state =
                |layer: &BatchRenorm<f64>| (bits(&layer.running_mean), bits(&layer.running_std));
            let before = state(&layer);
            match layer.train(x.clone()) {
                Ok((y, tape)) => {
                    let _ = (tape.r(), tape.d(), tape.clone().backward(&dy), tape.backward(&y));
                }
                Err(e) => {
                    assert!(!e.to_string().is_empty());
                    assert_eq!(before, state(&layer));
                }
            }
            if let Ok(map) = layer.freeze() {
                let _ = map.apply(&x);
            }
        }
    });
}

/// NaN in one channel stays there, in the output, the gradient and the running statistics.
#[test]
fn a_bad_value_stays_in_its_channel() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let x = array![[1.0, 4.0, 0.1], [2.0, bad, 0.2], [4.0, 9.0, 0.4]];
        let g = array![[1.0, 0.5, 2.0], [0.0, 1.0, -1.0], [0.3, 0.2, 0.1]];
        let good = array![[1.0, 4.0, 0.1], [2.0, 5.0, 0.2], [4.0, 9.0, 0.4]];
        let run = |x: Array2<f64>| {
            let mut bn = BatchNorm::<f64>::new(3);
            let (y, tape) = bn.train(x).expect("a valid batch");
            let gradients = tape.backward(&g).expect("the shape of x");
            (y, gradients, bn.running_mean, bn.running_var)
        };
        let (with, without) = (run(x), run(good));
        for c in [0, 2] {
            assert_eq!(with.0.column(c), without.0.column(c));
            assert_eq!(with.1.x.column(c), without.1.x.column(c));
            let of = |r: &(_, norm::Gradients<f64, _>, Array1<f64>, Array1<f64>)| {
                let _: &Array2<f64> = &r.0;
                [r.1.gamma[c], r.1.beta[c], r.2[c], r.3[c]]
            };
            assert_eq!(of(&with), of(&without));
        }
        assert!(with.0.column(1).iter().any(|v| v.is_nan()), "an answer made up out of {bad}");
        assert!(!with.2[1].is_finite());
    }
}

/// What each error says, with the numbers in it.
#[test]
fn messages_have_the_numbers() {
    let says = |e: Error, message: &str| assert_eq!(e.to_string(), message);
    let mut bn = BatchNorm::<f64>::new(3);
    let x = array![[1.0, 2.0, 3.0], [4.0, 5.0, 7.0]];

    says(bn.train(array![1.0, 2.0]).unwrap_err(), "need at least 2 axes, got 1");
    says(bn.train(Array2::zeros((0, 3))).unwrap_err(), "the shape [0, 3] has no element");
    says(bn.train(array![[1.0], [2.0]]).unwrap_err(), "channels: need 3, got 1");
    says(bn.train(array![[1.0, 2.0, 3.0]]).unwrap_err(), "need at least 2 values per mean, got 1");
    let (_, tape) = bn.train(x.clone()).expect("a valid batch");
    says(tape.backward(&x.t()).unwrap_err(), "dy: need the shape [2, 3], got [3, 2]");

    let exponential = |momentum| Average::Exponential { momentum };
    let with = |eps, momentum| {
        let config = Config { eps, average: exponential(momentum), ..Config::<f64>::default() };
        BatchNorm::with(1, config)
    };
    says(with(-1.0, 0.1).unwrap_err(), "eps must be finite and not negative, got -1");
    says(with(f64::NAN, 0.1).unwrap_err(), "eps must be finite and not negative, got NaN");
    says(with(1e-5, 1.5).unwrap_err(), "momentum must be within [0, 1], got 1.5");

    let mut no_eps = with(0.0, 0.1).expect("0 is a valid ε");
    let constant = no_eps.train(array![[2.0], [2.0]]).unwrap_err();
    says(constant, "channel 0 is constant and eps is 0: nothing to divide by");

    bn.running_var = arr1(&[1.0, -2.0, 1.0]);
    let negative = "the running variance -2 of channel 1 (eps 0.00001) cannot be divided by";
    says(bn.freeze().unwrap_err(), negative);
    no_eps.running_var = arr1(&[0.0]);
    let nothing = "the running variance 0 of channel 0 (eps 0) cannot be divided by";
    says(no_eps.freeze().unwrap_err(), nothing);
    let empty = Population::<f64>::empty(1).biased_variance();
    says(empty.unwrap_err(), "need at least 1 values per mean, got 0");
    let one = Population::of(&array![[2.0]]).and_then(|one| one.unbiased_variance());
    says(one.unwrap_err(), "need at least 2 values per mean, got 1");
    bn.running_var = arr1(&[1.0]);
    says(bn.freeze().unwrap_err(), "running_var: need 3, got 1");
    says(bn.train(x.clone()).unwrap_err(), "running_var: need 3, got 1");
    (bn.running_var, bn.gamma) = (arr1(&[1.0; 3]), Some(arr1(&[1.0; 4])));
    says(bn.train(x).unwrap_err(), "gamma: need 3, got 4");
    let mut renorm = BatchRenorm::new(1, 0.0, 0.01).expect("good numbers");
    let column = array![[1.0], [2.0]];
    renorm.clips = Clips { r_max: Some(0.5), d_max: None };
    says(renorm.train(column.clone()).unwrap_err(), "r_max must be at least 1, got 0.5");
    renorm.running_std = arr1(&[-1.0]);
    let negative = "the running standard deviation -1 of channel 0 cannot be divided by";
    says(renorm.train(column.clone()).unwrap_err(), negative);
    says(renorm.freeze().unwrap_err(), negative);
    let mut bn = BatchNorm::<f64>::new(1);
    let (_, tape) = synchronized::train(&mut bn, vec![column]).expect("one shard");
    says(tape.backward(&[]).unwrap_err(), "shards: need 1, got 0");
    let none = synchronized::train(&mut bn, Vec::<Array2<f64>>::new()).map(|_| ());
    says(none.unwrap_err(), "need at least 2 values per mean, got 0");
    let affine = Affine::new(arr1(&[0.0]), arr1(&[1.0, 1.0]), arr1(&[0.0]));
    says(affine.unwrap_err(), "scale: need 1, got 2");

    let no_row = WeightNorm::new(Array2::<f64>::zeros((0, 2))).unwrap_err();
    says(no_row, "the shape [0, 2] has no element");
    let zero_row = WeightNorm::new(array![[1.0, 2.0], [0.0, 0.0]]).unwrap_err();
    says(zero_row, "row 1 of the weights is zero: it has no direction");
    let mut layer = WeightNorm::new(array![[1.0, 2.0]]).expect("a row");
    says(layer.backward(&array![[1.0]]).unwrap_err(), "dw: need the shape [1, 2], got [1, 1]");
    layer.g = arr1(&[1.0, 1.0]);
    says(layer.weight().unwrap_err(), "g: need 1, got 2");
    let zero_matrix = SpectralNorm::new(&Array2::zeros((2, 3)), arr1(&[1.0, 1.0])).unwrap_err();
    let message = "the 2 x 3 weights take the vector of the power iteration to zero: no singular \
                   value to divide by";
    says(zero_matrix, message);
    let u = SpectralNorm::new(&Array2::<f64>::zeros((2, 3)), arr1(&[1.0])).unwrap_err();
    says(u, "u: need 2, got 1");
    let clipping = |ratio, eps| AdaptiveClipping::<f64>::new(ratio, eps).unwrap_err();
    says(clipping(-1.0, 0.0), "ratio must be finite and not negative, got -1");
    says(clipping(1.0, f64::NAN), "eps must be finite and not negative, got NaN");
    let branches = Fixup::new(7, 1).unwrap_err();
    says(branches, "need at least 1 branch of at least 2 layers, got 7 of 1");
    let mut only = array![[1.0]];
    let short = Fixup::new(7, 2).expect("two layers").initialize(&mut [&mut only]).unwrap_err();
    says(short, "layers of the branch: need 2, got 1");
    let transposed = Error::Transposed { stride: 2, padding: 0, need: 2 };
    let message = "cannot fold into a transposed convolution behind with stride 2 and padding 0: \
                   exact only with stride 1 and padding 2 or more";
    says(transposed, message);
}

/// An error in one channel of several: nothing has moved, for the others either.
#[test]
fn running_statistics_survive_an_error() {
    let config = Config { eps: 0.0, ..Config::<f64>::default() };
    let mut bn = BatchNorm::with(2, config).expect("0 is a valid ε");
    let _ = bn.train(array![[1.0, 2.0], [4.0, 8.0]]).expect("a valid batch");
    let before = (bn.running_mean.clone(), bn.running_var.clone(), bn.batches());
    let error = bn.train(array![[1.0, 5.0], [9.0, 5.0]]).map(|_| ());
    assert_eq!(error, Err(Error::ZeroVariance { channel: 1 }));
    let after = (bn.running_mean.clone(), bn.running_var.clone(), bn.batches());
    assert_eq!(before, after);
}
