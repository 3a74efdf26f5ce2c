//! Accuracy, held against the exact result: rational arithmetic and a square root to 100 digits.
//!
//! The claim `forward::within_one_ulp_of_the_exact_result` has the forward pass; here are the gradients
//! and the map of inference, on inputs as hard, and the layers whose statistics are not those of the
//! batch at hand.

#[path = "claims/kit/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the claims use the rest")]
mod kit;

use batchnorm::batch_norm::{Average, BatchNorm, Config, RunningVar};
use batchnorm::batch_renorm::{BatchRenorm, Clips};
use batchnorm::dynamic_tanh::DynamicTanh;
use batchnorm::ghost_batch_norm::GhostBatchNorm;
use batchnorm::gradient_clipping::AdaptiveClipping;
use batchnorm::norm::forward;
use batchnorm::population::Population;
use batchnorm::scalar::{DoubleDouble, Field, Scalar};
use batchnorm::spectral_norm::SpectralNorm;
use batchnorm::split::{Center, Plan, Split};
use batchnorm::synchronized;
use batchnorm::weight_norm::WeightNorm;
use batchnorm::weight_standardization::WeightStandardization;
use kit::exact::{self, Exact, rational};
use kit::{Float, Prime, gaussians};
use ndarray::{Array1, Array2, arr1};
use num_rational::BigRational;
use num_traits::{One, Zero};

/// Two, three or more values: near zero, far from it, huge, tiny, subnormal, almost equal.
fn hard(one_ulp: f64, huge: f64, tiny: f64, subnormal: f64) -> Vec<Vec<f64>> {
    let z: Vec<_> = gaussians(7).take(12).collect();
    let like = |offset: f64, size: f64| z.iter().map(|z| offset + size * z).collect::<Vec<_>>();
    let mut inputs = vec![
        like(0.0, 1.0),
        like(1e8, 100.0),
        like(0.0, huge),
        like(huge, huge * 1e-6),
        like(0.0, tiny),
        like(0.0, subnormal),
        vec![0.1; 5],
        vec![1.0, 1.0 + one_ulp],
        vec![1.0, 1.0, 1.0 + one_ulp, 1.0],
        vec![1e8, 1e8 + 8.0],
        vec![huge, -huge],
        vec![subnormal, 0.0],
        vec![-3.0, 5.0, 5.0],
    ];
    // And the same in twos and threes.
    let few: Vec<_> =
        inputs.iter().flat_map(|x| [x[..2].to_vec(), x[..x.len().min(3)].to_vec()]).collect();
    inputs.extend(few);
    inputs
}

fn layer<F: Float>(eps: F, gamma: F, beta: F) -> BatchNorm<F> {
    let config =
        Config { eps, average: Average::Cumulative, running_var: RunningVar::Biased, affine: true };
    let mut bn = BatchNorm::with(1, config).expect("a valid configuration");
    (bn.gamma, bn.beta) = (Some(arr1(&[gamma])), Some(arr1(&[beta])));
    bn
}

/// y, dx, dγ and dβ.
type Results<F> = [Vec<F>; 4];

/// What a layer makes of a column and its upstream gradient, and the exact result. With γ = 0.7, β = −0.3.
type Layer<F> = fn(&[F], &[F], eps: F) -> Option<(Results<F>, Exact)>;

const PARAMETERS: [f64; 2] = [0.7, -0.3];

fn parameters<F: Float>() -> [F; 2] {
    PARAMETERS.map(F::from_f64)
}

fn column<F: Float>(v: &[F]) -> Array2<F> {
    Array2::from_shape_vec((v.len(), 1), v.to_vec()).expect("a column")
}

fn constant<F: Float>(x: &[F]) -> bool {
    x.iter().all(|&v| v == x[0])
}

fn batch<F: Float>(x: &[F], g: &[F], eps: F) -> Option<(Results<F>, Exact)> {
    if constant(x) && eps == F::ZERO {
        return None;
    }
    let [gamma, beta] = parameters();
    let (y, tape) = layer(eps, gamma, beta).train(column(x)).expect("a valid batch");
    let got = tape.backward(&column(g)).expect("the shape of x");
    let [y, dx] = [y, got.x].map(|t| t.into_raw_vec_and_offset().0);
    let got = [y, dx, got.gamma.to_vec(), got.beta.to_vec()];
    Some((got, exact::batch_norm(x, g, gamma, beta, eps)))
}

/// The batch in shards of one value, two values, and the rest.
fn synchronized<F: Float>(x: &[F], g: &[F], eps: F) -> Option<(Results<F>, Exact)> {
    if constant(x) && eps == F::ZERO {
        return None;
    }
    let shards = |v: &[F]| -> Vec<Array2<F>> {
        let (one, rest) = v.split_at(1);
        let (two, rest) = rest.split_at(rest.len().min(2));
        [one, two, rest].into_iter().filter(|part| !part.is_empty()).map(column).collect()
    };
    let [gamma, beta] = parameters();
    let mut bn = layer(eps, gamma, beta);
    let (y, tape) = synchronized::train(&mut bn, shards(x)).expect("a valid batch");
    let got = tape.backward(&shards(g)).expect("the shapes of the shards");
    let whole = |parts: Vec<Array2<F>>| parts.into_iter().flatten().collect();
    let got = [whole(y), whole(got.x), got.gamma.to_vec(), got.beta.to_vec()];
    Some((got, exact::batch_norm(x, g, gamma, beta, eps)))
}

/// The batch in two chunks, or three.
fn ghost<F: Float>(x: &[F], g: &[F], eps: F) -> Option<(Results<F>, Exact)> {
    let [gamma, beta] = parameters();
    let size = if x.len() < 4 { x.len() } else { 4 };
    let mut ghost = GhostBatchNorm::new(layer(eps, gamma, beta), size).expect("not empty");
    let chunks: Vec<_> = ghost.chunks(x.len()).collect();
    if chunks.iter().any(|c| eps == F::ZERO && constant(&x[c.clone()])) {
        return None;
    }
    let (y, tape) = ghost.train(column(x)).expect("a valid batch");
    let got = tape.backward(&column(g)).expect("the shape of x");
    let [y, dx] = [y, got.x].map(|t| t.into_raw_vec_and_offset().0);
    let exact =
        |c: std::ops::Range<usize>| exact::batch_norm(&x[c.clone()], &g[c], gamma, beta, eps);
    let exact = chunks.into_iter().map(exact).reduce(|a, b| Exact {
        y: [a.y, b.y].concat(),
        dx: [a.dx, b.dx].concat(),
        dgamma: a.dgamma + b.dgamma,
        dbeta: a.dbeta + b.dbeta,
    });
    Some(([y, dx, got.gamma.to_vec(), got.beta.to_vec()], exact.expect("a chunk")))
}

/// With running averages made of s, and these bounds; the averages themselves, too.
fn renorm<F: Float>(
    x: &[F],
    g: &[F],
    eps: F,
    clips: Clips<F>,
    averages: impl Fn(F) -> [F; 2],
) -> Option<(Results<F>, Exact)> {
    let [gamma, beta] = parameters::<F>();
    let read = |v: F| rational(v.to_f64());
    let (mean, var) = exact::moments(&x.iter().map(|&x| read(x)).collect::<Vec<_>>());
    let s = exact::root(&(var + read(eps)));
    if constant(x) && eps == F::ZERO {
        return None;
    }
    let momentum = F::from_f64(0.01);
    let mut layer = BatchRenorm::new(1, eps, momentum).expect("good numbers");
    (layer.gamma, layer.beta) = (Some(arr1(&[gamma])), Some(arr1(&[beta])));
    let [center, std] = averages(num_traits::ToPrimitive::to_f64(&s).map(F::from_f64)?);
    if std == F::ZERO || !std.is_finite() {
        return None;
    }
    (layer.running_mean, layer.running_std) = (arr1(&[center]), arr1(&[std]));
    layer.clips = clips;
    let (y, tape) = layer.train(column(x)).expect("a valid batch");
    let got_d = tape.d()[0];
    let got = tape.backward(&column(g)).expect("the shape of x");
    let [y, dx] = [y, got.x].map(|t| t.into_raw_vec_and_offset().0);
    let moved = |from: F, to: &BigRational| read(from) + read(momentum) * (to - read(from));
    for (got, exact) in
        [(layer.running_mean, moved(center, &mean)), (layer.running_std, moved(std, &s))]
    {
        let ulps = exact::ulps(got, &[exact]);
        assert!(ulps <= 1.0, "a running average of {x:?}: {ulps} ulp off");
    }

    let (mut r, mut d) = (&s / read(std), (&mean - read(center)) / read(std));
    if let Some(most) = clips.r_max.map(read) {
        r = r.clamp(most.recip(), most);
    }
    if let Some(most) = clips.d_max.map(read) {
        d = d.clamp(-most.clone(), most);
    }
    let plain = exact::batch_norm(x, g, F::ONE, F::ZERO, eps);
    let (gamma, beta) = (read(gamma), read(beta));
    let ulps = exact::ulps([got_d], std::slice::from_ref(&d));
    assert!(ulps <= 1.0, "d of {x:?}: {ulps} ulp off");
    if got_d.to_f64().abs() < 1e-290 {
        // Its low part is below all numbers, and dγ would have Σ g times what is lost: dγ is for this d.
        d = read(got_d);
    }
    let exact = Exact {
        y: plain.y.iter().map(|xhat| &gamma * (xhat * &r + &d) + &beta).collect(),
        dx: plain.dx.iter().map(|dx| &gamma * &r * dx).collect(),
        dgamma: &r * &plain.dgamma + &d * &plain.dbeta,
        dbeta: plain.dbeta,
    };
    Some(([y, dx, got.gamma.to_vec(), got.beta.to_vec()], exact))
}

fn renorm_unclipped<F: Float>(x: &[F], g: &[F], eps: F) -> Option<(Results<F>, Exact)> {
    renorm(x, g, eps, Clips::NONE, |s| [x[0], F::from_f64(0.6) * s])
}

fn clips<F: Float>() -> Clips<F> {
    Clips { r_max: Some(F::from_f64(1.1)), d_max: Some(F::from_f64(0.3)) }
}

fn renorm_clipped_above<F: Float>(x: &[F], g: &[F], eps: F) -> Option<(Results<F>, Exact)> {
    renorm(x, g, eps, clips(), |s| [x[0], F::from_f64(0.6) * s])
}

fn renorm_clipped_below<F: Float>(x: &[F], g: &[F], eps: F) -> Option<(Results<F>, Exact)> {
    renorm(x, g, eps, clips(), |s| [x[0], F::from_f64(1.7) * s])
}

/// y, dx, dγ and dβ of every hard input, with and without ε.
fn training<F: Float>(layer: Layer<F>, inputs: &[Vec<f64>], allowed: f64) {
    let mut checked = 0;
    for (i, x) in inputs.iter().enumerate() {
        let x: Vec<F> = x.iter().map(|&v| F::from_f64(v)).collect();
        let g: Vec<F> = gaussians(100 + i as u64).take(x.len()).map(F::from_f64).collect();
        for eps in [1e-5, 0.0].map(F::from_f64) {
            let Some((got, exact)) = layer(&x, &g, eps) else { continue };
            let [dgamma, dbeta] = [exact.dgamma, exact.dbeta].map(|v| vec![v]);
            let exact = [exact.y, exact.dx, dgamma, dbeta];
            for ((what, got), exact) in ["y", "dx", "dγ", "dβ"].iter().zip(got).zip(exact) {
                let ulps = exact::ulps(got.iter().copied(), &exact);
                assert!(
                    ulps <= allowed,
                    "{what} of {x:?}, g {g:?}, ε {eps:?}: {ulps} ulp off: {got:?}"
                );
            }
            checked += 1;
        }
    }
    assert!(checked > inputs.len());
}

fn f32_training(layer: Layer<f32>) {
    training(layer, &hard(f32::EPSILON.into(), 1e30, 1e-20, 1e-40), 1.0);
    training(layer, &hard(f32::EPSILON.into(), 1e18, 1e-30, 1e-44), 1.0);
}

fn f64_training(layer: Layer<f64>) {
    training(layer, &hard(f64::EPSILON, 1e200, 1e-200, 1e-310), 2.0);
    training(layer, &hard(f64::EPSILON, 1e30, 1e-150, 1e-320), 2.0);
    training(layer, &hard(f64::EPSILON, 1e305, 1e-300, 5e-324), 2.0);
}

#[test]
fn f32_training_is_within_one_ulp() {
    f32_training(batch);
}

#[test]
fn f64_training_is_within_two_ulps() {
    f64_training(batch);
}

/// Running mean and variance after one more batch; infinite where the range has no room for the variance.
fn running<F: Float>(inputs: &[Vec<f64>]) {
    let read = |v: F| rational(v.to_f64());
    for x in inputs {
        let x: Vec<F> = x.iter().map(|&v| F::from_f64(v)).collect();
        let (mean, var) = exact::moments(&x.iter().map(|&x| read(x)).collect::<Vec<_>>());
        let momentum = F::from_f64(0.3);
        let config = Config {
            eps: F::from_f64(1e-5),
            average: Average::Exponential { momentum },
            running_var: RunningVar::Biased,
            affine: false,
        };
        let mut bn = BatchNorm::with(1, config).expect("good numbers");
        let from = [x[1], x[0] * x[0]].map(|v| if v.is_finite() { v } else { F::ONE });
        (bn.running_mean, bn.running_var) = (arr1(&[from[0]]), arr1(&[from[1]]));
        let _ = bn.train(column(&x)).expect("a valid batch");
        for (what, got, from, to) in
            [("mean", bn.running_mean, from[0], mean), ("variance", bn.running_var, from[1], var)]
        {
            let exact = read(from) + read(momentum) * (to - read(from));
            let ulps = exact::ulps(got, &[exact]);
            assert!(ulps <= 1.0, "running {what} of {x:?}: {ulps} ulp off");
        }
    }
}

#[test]
fn running_statistics_are_within_one_ulp() {
    running::<f32>(&hard(f32::EPSILON.into(), 1e30, 1e-20, 1e-40));
    running::<f64>(&hard(f64::EPSILON, 1e200, 1e-200, 1e-310));
    running::<f64>(&hard(f64::EPSILON, 1e305, 1e-300, 5e-324));
}

/// Data whose squares leave the range of `f64` are measured in a unit of their own size; what the tape tells is
/// in the units of the data.
#[test]
fn moments_are_told_in_the_units_of_the_data() -> batchnorm::error::Result<()> {
    for size in [2_f64.powi(400), 2_f64.powi(-400)] {
        let (_, tape) = BatchNorm::new(1).train(column(&[size, 3.0 * size]))?;
        assert_eq!(tape.mean(), Array1::from_elem(1, 2.0 * size));
        assert_eq!(tape.var(), Array1::from_elem(1, size * size));

        let config = Config { average: Average::Cumulative, ..Config::default() };
        let mut bn = BatchNorm::with(1, config)?;
        let _ = synchronized::train(&mut bn, vec![column(&[size]), column(&[3.0 * size])])?;
        let running = (bn.running_mean[0], bn.running_var[0]);
        assert_eq!(running, (2.0 * size, 2.0 * size * size));
    }
    Ok(())
}

/// A running variance without room for the next one is infinite, wherever it begins; what has no weight, and
/// may be infinite, changes nothing.
#[test]
fn running_variances_may_leave_the_range() -> batchnorm::error::Result<()> {
    let infinite = f64::INFINITY;
    for (from, momentum, x, to) in [
        (0.0, 0.1, 1e300, infinite),
        (1.0, 0.1, 1e300, infinite),
        (0.0, 1.0, 1e300, infinite),
        (1.0, 0.0, 1e300, 1.0),
        (infinite, 0.0, 1.0, infinite),
        (infinite, 0.1, 1.0, infinite),
        (infinite, 1.0, 1.0, 2.0),
    ] {
        let average = Average::Exponential { momentum };
        let mut bn = BatchNorm::with(1, Config { average, ..Config::default() })?;
        bn.running_var = arr1(&[from]);
        let _ = bn.train(column(&[-x, x]))?;
        assert_eq!((bn.running_mean[0], bn.running_var[0]), (0.0, to), "{from} {momentum} {x:e}");
    }
    Ok(())
}

/// Subnormal data have a unit in which the running deviation would be infinite.
#[test]
fn running_averages_may_be_far_from_the_data() -> batchnorm::error::Result<()> {
    let power = |e| 2_f64.powi(e);
    let mut layer = BatchRenorm::new(1, power(-16), 0.01)?; // so s is 2⁻⁸
    layer.clips = Clips::NONE;
    (layer.running_mean, layer.running_std) = (arr1(&[1.0]), arr1(&[power(30)]));
    let size = f64::MIN_POSITIVE / 256.0;
    let (_, tape) = layer.train(column(&[size, 3.0 * size]))?;
    assert_eq!((tape.r()[0], tape.d()[0]), (power(-38), -power(-30)));
    Ok(())
}

/// Parts that have nothing of the same size: zeros have no unit, and the larger unit is the one to keep.
#[test]
fn f64_shards_of_any_sizes_are_within_two_ulps() {
    let (tiny, huge) = (1e-200, 1e200);
    let inputs = [
        vec![0.0, 0.0, 0.0, tiny, -3.0 * tiny],
        vec![tiny, 0.0, 3.0 * tiny, huge, -2.0 * huge, 0.5 * huge],
        vec![huge, -2.0 * huge, 0.5 * huge, tiny, 0.0, 3.0 * tiny],
    ];
    training::<f64>(synchronized, &inputs, 2.0);
}

/// Lengths and singular values of weights of any size; a gradient at its bound is not clipped again.
#[test]
fn weights_are_measured_in_a_unit_of_their_size() -> batchnorm::error::Result<()> {
    for size in [2_f64.powi(600), 1.0, 2_f64.powi(-600)] {
        let (weight, mut gradient) = (arr1(&[3.0, 4.0]) * size, arr1(&[6.0, 8.0]) * size);
        let clipping = AdaptiveClipping::new(0.5, 0.0)?;
        assert_eq!(clipping.clip(&weight, &mut gradient)?, 1);
        assert_eq!(gradient, arr1(&[1.5, 2.0]) * size);
        assert_eq!(clipping.clip(&weight, &mut gradient)?, 0);
        let matrix = Array2::from_elem((1, 1), size);
        assert_eq!(SpectralNorm::new(&matrix, arr1(&[1.0]))?.sigma(&matrix)?, size);
    }
    Ok(())
}

/// tanh′ times the low part of αx, seen where β takes away the rest.
#[test]
fn dynamic_tanh_knows_the_low_part_of_its_argument() -> batchnorm::error::Result<()> {
    let near_one = 1.0 + 2_f64.powi(-30); // its square is 1 + 2⁻²⁹ and, in the low part, 2⁻⁶⁰
    let t = (1.0 + 2_f64.powi(-29)).tanh();
    let mut layer = DynamicTanh::new(1, near_one);
    layer.beta = arr1(&[-t]);
    let (y, _) = layer.forward(arr1(&[near_one]))?;
    approx::assert_relative_eq!(
        y[0],
        (1.0 - t * t) * 2_f64.powi(-60),
        epsilon = 0.0,
        max_relative = 1e-12
    );
    Ok(())
}

/// The numbers that sums are carried in have roots, and an infinity that can be divided by; the low parts of
/// a sum are not lost when the high ones cancel.
#[test]
fn wide_numbers_have_roots_and_ends() {
    fn holds<W: Field + std::fmt::Debug>(infinity: W) {
        assert_eq!(W::count(9).sqrt(), W::count(3));
        assert_eq!(W::ZERO.sqrt(), W::ZERO);
        assert_eq!(infinity.sqrt(), infinity);
        assert_eq!(W::ONE / infinity, W::ZERO);
        assert!(W::ONE.is_finite() && !infinity.is_finite());
    }
    holds(f32::INFINITY);
    holds(f64::INFINITY);
    holds(f64::INFINITY.widen());
    let [low, lower] = [-60, -120].map(|e| 2_f64.powi(e));
    let sum = DoubleDouble { hi: 1.0, lo: low } + DoubleDouble { hi: -1.0, lo: lower };
    assert_eq!(sum, DoubleDouble { hi: low, lo: lower });
}

/// y, dx, dγ and dβ by the formulas, element by element.
fn plainly(
    [x, g]: [&[Prime]; 2],
    plan: Plan,
    [gamma, beta]: [&[Prime]; 2],
    eps: Prime,
) -> [Vec<Prime>; 4] {
    let every = |of: &dyn Fn(usize) -> Prime| (0..x.len()).map(of).collect::<Vec<_>>();
    let group = |of: Split, i: usize| i / of.inner % of.kept;
    let sums = |of: Split, terms: &[Prime]| {
        let mut sums = vec![Prime::ZERO; of.kept];
        terms.iter().enumerate().for_each(|(i, &t)| sums[group(of, i)] = sums[group(of, i)] + t);
        sums
    };
    let (statistics, parameters) = (plan.statistics(), plan.parameters());
    let m = Prime::count(x.len() / statistics.kept);
    let means = |terms: &[Prime]| {
        let means: Vec<_> = sums(statistics, terms).iter().map(|&sum| sum / m).collect();
        every(&|i| means[group(statistics, i)])
    };
    let less_mean = |v: &[Prime]| match (plan.center(), means(v)) {
        (Center::Mean, mean) => every(&|i| v[i] - mean[i]),
        (Center::Zero, _) => v.to_vec(),
    };
    let own = |v: &[Prime], i: usize| v[group(parameters, i)];

    let centred = less_mean(x);
    let var = means(&every(&|i| centred[i] * centred[i]));
    let xhat = every(&|i| centred[i] / (var[i] + eps).sqrt());
    let y = every(&|i| own(gamma, i) * xhat[i] + own(beta, i));
    let scaled = every(&|i| own(gamma, i) * g[i]);
    let along = means(&every(&|i| scaled[i] * xhat[i]));
    let across = less_mean(&scaled);
    let dx = every(&|i| (across[i] - xhat[i] * along[i]) / (var[i] + eps).sqrt());
    [y, dx, sums(parameters, &every(&|i| g[i] * xhat[i])), sums(parameters, g)]
}

/// The kernels work in lanes and blocks. In a tensor that is larger than these, too, every element meets the
/// mean and the γ of its own groups: over a prime field, where nothing is rounded, the formulas hold exactly.
#[test]
fn a_tensor_of_many_blocks_is_normalized_exactly() -> batchnorm::error::Result<()> {
    let mut draws = (1..).map(|i: u64| Prime::new(i.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    for shape in [[3, 6, 601], [2, 3, 128], [3, 600, 1], [3, 600, 3]] {
        let plans = [
            Plan::batch(&shape)?,
            Plan::group(&shape, 3)?,
            Plan::layer(&shape)?,
            Plan::trailing(&shape, 2)?,
            Plan::trailing(&shape, 2)?.uncentred(),
        ];
        for plan in plans {
            let parameters = plan.parameters().kept;
            let mut draw = |n: usize| draws.by_ref().take(n).collect::<Array1<_>>();
            let [x, g] = [(); 2].map(|()| draw(shape.iter().product()));
            let [gamma, beta] = [(); 2].map(|()| draw(parameters));
            let eps = draw(1)[0];
            let (y, tape) = forward(x.clone(), plan, Some(&gamma), Some(&beta), eps)?;
            let got = tape.backward(&g)?;
            let got = [y, got.x, got.gamma, got.beta].map(|v| v.to_vec());
            let [x, g, gamma, beta] = [&x, &g, &gamma, &beta].map(|v| v.as_slice().expect("a row"));
            assert!(got == plainly([x, g], plan, [gamma, beta], eps), "{shape:?}, {plan:?}");
        }
    }
    Ok(())
}

#[test]
fn f32_shards_are_within_one_ulp() {
    f32_training(synchronized);
}

#[test]
fn f64_shards_are_within_two_ulps() {
    f64_training(synchronized);
}

#[test]
fn f32_chunks_are_within_one_ulp() {
    f32_training(ghost);
}

#[test]
fn f64_chunks_are_within_two_ulps() {
    f64_training(ghost);
}

#[test]
fn f32_renormalization_is_within_one_ulp() {
    f32_training(renorm_unclipped);
    f32_training(renorm_clipped_above);
    f32_training(renorm_clipped_below);
}

#[test]
fn f64_renormalization_is_within_two_ulps() {
    f64_training(renorm_unclipped);
    f64_training(renorm_clipped_above);
    f64_training(renorm_clipped_below);
}

/// Mean and variance of a set in parts of one, two and more values.
fn population<F: Float>(inputs: &[Vec<f64>], allowed: f64) {
    for x in inputs {
        let x: Vec<F> = x.iter().map(|&v| F::from_f64(v)).collect();
        let (one, rest) = x.split_at(1);
        let (two, rest) = rest.split_at(rest.len().min(2));
        let mut set = Population::empty(1);
        for part in [rest, one, two].into_iter().filter(|part| !part.is_empty()) {
            set.add(&column(part)).expect("one channel");
        }
        let (m, read) = (rational(x.len() as f64), |v: F| rational(v.to_f64()));
        let mean = x.iter().map(|&x| read(x)).sum::<BigRational>() / &m;
        let square = |&x: &F| (read(x) - &mean) * (read(x) - &mean);
        let m2 = x.iter().map(square).sum::<BigRational>();
        let unbiased = &m2 / (&m - BigRational::one());
        let within = |got: Array1<F>, exact: BigRational, what: &str| {
            let ulps = exact::ulps(got, &[exact]);
            assert!(ulps <= allowed, "{what} of {x:?}: {ulps} ulp off");
        };
        within(set.biased_variance().expect("values"), &m2 / &m, "variance");
        within(set.unbiased_variance().expect("two values"), unbiased, "unbiased variance");
        within(set.mean().expect("values"), mean, "mean");
    }
}

#[test]
fn f32_population_is_within_one_ulp() {
    population::<f32>(&hard(f32::EPSILON.into(), 1e30, 1e-20, 1e-40), 1.0);
}

#[test]
fn f64_population_is_within_two_ulps() {
    population::<f64>(&hard(f64::EPSILON, 1e150, 1e-150, 1e-310), 2.0);
}

/// γ(x − μ̂)/√(σ̂² + ε) + β.
fn inference<F: Float>(sizes: &[f64], allowed: f64) {
    for &size in sizes {
        for (eps, offset) in [(1e-5, 0.0), (1e-5, 1.0), (1e-5, 1e4), (0.0, 1e4)] {
            let [mean, var, gamma, beta, eps] =
                [size * offset, size, -1.3, 0.2, eps].map(F::from_f64);
            let x: Array1<F> =
                gaussians(3).take(20).map(|z| F::from_f64(size * (offset + z))).collect();
            let mut bn = layer(eps, gamma, beta);
            (bn.running_mean, bn.running_var) = (arr1(&[mean]), arr1(&[var]));
            let column = x.clone().insert_axis(ndarray::Axis(1));
            let y = bn.freeze().and_then(|map| map.apply(&column)).expect("a valid layer");
            let read = |v: F| rational(v.to_f64());
            let s = exact::root(&(read(var) + read(eps)));
            let exact = |&x: &F| read(gamma) * (read(x) - read(mean)) / &s + read(beta);
            let exact: Vec<_> = x.iter().map(exact).collect();
            let ulps = exact::ulps(y.iter().copied(), &exact);
            assert!(ulps <= allowed, "size {size}, offset {offset}, ε {eps:?}: {ulps} ulp off");
        }
    }
}

#[test]
fn f32_inference_is_within_one_ulp() {
    inference::<f32>(&[1.0, 1e8, 1e-8, 1e18, 1e30, 1e-30], 1.0);
}

#[test]
fn f64_inference_is_within_two_ulps() {
    inference::<f64>(&[1.0, 1e8, 1e-8, 1e30, 1e-30, 1e200, 1e-200], 2.0);
}

/// A row of weights, and an upstream gradient for it.
fn row<F: Float>(seed: u64, values: &[f64]) -> [Array2<F>; 2] {
    let g = gaussians(seed).take(values.len());
    [values.to_vec(), g.collect()].map(|values| {
        let values: Vec<_> = values.into_iter().map(F::from_f64).collect();
        Array2::from_shape_vec((1, values.len()), values).expect("one row")
    })
}

fn read<F: Float>(values: &Array2<F>) -> Vec<BigRational> {
    values.iter().map(|v| rational(v.to_f64())).collect()
}

fn within<F: Float>(what: &str, got: &Array2<F>, exact: &[BigRational], allowed: f64) {
    let ulps = exact::ulps(got.iter().copied(), exact);
    assert!(ulps <= allowed, "{what}: {ulps} ulp off: {got:?}");
}

/// w = g v/‖v‖ and its gradients, as far as they are not too large for a rational root.
fn weight_normalization<F: Float>(inputs: &[Vec<f64>], allowed: f64) {
    let dot = |a: &[BigRational], b: &[BigRational]| -> BigRational {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    };
    for (i, values) in inputs.iter().enumerate() {
        let [v, dw] = row::<F>(200 + i as u64, values);
        let mut layer = WeightNorm::new(v.clone()).expect("no row of zeros");
        let (exact_v, exact_dw) = (read(&v), read(&dw));
        let inv = exact::root(&dot(&exact_v, &exact_v)).recip();
        let length = layer.g.insert_axis(ndarray::Axis(0));
        within("‖v‖", &length, &[inv.recip()], allowed);
        layer.g = arr1(&[F::from_f64(-1.7)]);
        let g = rational(layer.g[0].to_f64());
        let direction: Vec<_> = exact_v.iter().map(|v| v * &inv).collect();
        let along = dot(&exact_dw, &direction);
        let weight: Vec<_> = direction.iter().map(|v| v * &g).collect();
        let across = |(dw, v): (&BigRational, &BigRational)| (dw - v * &along) * &g * &inv;
        let mut dv: Vec<_> = exact_dw.iter().zip(&direction).map(across).collect();
        if let [dv] = &mut dv[..] {
            *dv = BigRational::zero(); // which the root, to its 100 digits, misses
        }
        within(&format!("w of {v:?}"), &layer.weight().expect("a row"), &weight, allowed);
        let gradients = layer.backward(&dw).expect("the shape of w");
        within(&format!("dv of {v:?}, {dw:?}"), &gradients.v, &dv, allowed);
        let dg = gradients.g.insert_axis(ndarray::Axis(0));
        within(&format!("dg of {v:?}, {dw:?}"), &dg, &[along], allowed);
    }
}

/// (W − μ)/√(v + ε) and its gradient.
fn weight_standardization<F: Float>(inputs: &[Vec<f64>], allowed: f64) {
    for (i, values) in inputs.iter().enumerate() {
        let [w, dw] = row::<F>(300 + i as u64, values);
        let eps = F::from_f64(1e-5);
        let layer = WeightStandardization::new(eps).expect("a good ε");
        let (y, tape) = layer.forward(w.clone()).expect("two weights");
        let flat = |t: &Array2<F>| t.iter().copied().collect::<Vec<_>>();
        let exact = exact::batch_norm(&flat(&w), &flat(&dw), F::ONE, F::ZERO, eps);
        within(&format!("Ŵ of {w:?}"), &y, &exact.y, allowed);
        let dx = tape.backward(&dw).expect("the shape of w").x;
        within(&format!("dW of {w:?}, {dw:?}"), &dx, &exact.dx, allowed);
    }
}

/// W/σ and its gradient, with σ = uᵀWv for the u and v that the layer has.
fn spectral_normalization<F: Float>(inputs: &[Vec<f64>], allowed: f64) {
    for (i, values) in inputs.iter().enumerate() {
        let [w, dw] = row::<F>(400 + i as u64, values);
        // In two rows, where there is an even number of values.
        let rows = 2 - values.len() % 2;
        let shape = (rows, values.len() / rows);
        let [w, dw] = [w, dw].map(|t| t.into_shape_with_order(shape).expect("as many values"));
        let u = gaussians(500 + i as u64).take(rows).map(F::from_f64).collect();
        let mut layer = SpectralNorm::new(&w, u).expect("not zero");
        let (normalized, tape) = layer.train(w.clone()).expect("not zero");
        let outer = |(k, w): (usize, &BigRational)| {
            let (u, v) = (layer.u[k / shape.1].to_f64(), layer.v[k % shape.1].to_f64());
            let uv = rational(u) * rational(v);
            (w * &uv, uv)
        };
        let (exact_w, exact_dw) = (read(&w), read(&dw));
        let outer: Vec<_> = exact_w.iter().enumerate().map(outer).collect();
        let sigma: BigRational = outer.iter().map(|(wuv, _)| wuv).sum();
        let weight: Vec<_> = exact_w.iter().map(|w| w / &sigma).collect();
        let along: BigRational = exact_dw.iter().zip(&weight).map(|(g, w)| g * w).sum();
        let gradient = |(g, (_, uv)): (&BigRational, &(_, BigRational))| (g - &along * uv) / &sigma;
        let gradient: Vec<_> = exact_dw.iter().zip(&outer).map(gradient).collect();
        within(&format!("W/σ of {w:?}"), &normalized, &weight, allowed);
        let got = tape.backward(&dw).expect("the shape of W");
        within(&format!("dW of {w:?}, {dw:?}"), &got, &gradient, allowed);
    }
}

fn weights<F: Float>(inputs: &[Vec<f64>], allowed: f64) {
    weight_normalization::<F>(inputs, allowed);
    weight_standardization::<F>(inputs, allowed);
    spectral_normalization::<F>(inputs, allowed);
    let single: Vec<_> = inputs.iter().map(|x| vec![x[0]]).filter(|x| x[0] != 0.0).collect();
    weight_normalization::<F>(&single, allowed);
    spectral_normalization::<F>(&single, allowed);
}

#[test]
fn f32_weights_are_within_one_ulp() {
    weights::<f32>(&hard(f32::EPSILON.into(), 1e30, 1e-20, 1e-40), 1.0);
    weights::<f32>(&hard(f32::EPSILON.into(), 1e18, 1e-30, 1e-44), 1.0);
}

#[test]
fn f64_weights_are_within_two_ulps() {
    weights::<f64>(&hard(f64::EPSILON, 1e200, 1e-200, 1e-310), 2.0);
    weights::<f64>(&hard(f64::EPSILON, 1e30, 1e-150, 1e-320), 2.0);
}
