//! Accuracy, held against the exact result: rational arithmetic and a square root to 100 digits.
//!
//! The claim `forward::within_one_ulp_of_the_exact_result` has the forward pass; here are the gradients
//! and the map of inference, on inputs as hard.

#[path = "claims/kit/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the claims use the rest")]
mod kit;

use batchnorm::batch_norm::{Average, BatchNorm, Config, RunningVar};
use kit::exact::{self, rational};
use kit::{Float, gaussians};
use ndarray::{Array1, Array2, arr1};
use num_rational::BigRational;

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

/// y, dx, dγ and dβ of every hard input, with and without ε.
fn training<F: Float>(inputs: &[Vec<f64>], allowed: f64) {
    let mut checked = 0;
    for (i, x) in inputs.iter().enumerate() {
        let x: Vec<F> = x.iter().map(|&v| F::from_f64(v)).collect();
        let g: Vec<F> = gaussians(100 + i as u64).take(x.len()).map(F::from_f64).collect();
        let constant = x.iter().all(|&v| v == x[0]);
        for eps in [1e-5, 0.0].map(F::from_f64) {
            if constant && eps == F::ZERO {
                continue;
            }
            let (gamma, beta) = (F::from_f64(0.7), F::from_f64(-0.3));
            let column =
                |v: &[F]| Array2::from_shape_vec((v.len(), 1), v.to_vec()).expect("a column");
            let (y, tape) = layer(eps, gamma, beta).train(column(&x)).expect("a valid batch");
            let got = tape.backward(&column(&g)).expect("the shape of x");
            let exact = exact::batch_norm(&x, &g, gamma, beta, eps);
            let within = |what: &str, got: Vec<F>, exact: &[BigRational]| {
                let ulps = exact::ulps(got.iter().copied(), exact);
                assert!(
                    ulps <= allowed,
                    "{what} of {x:?}, g {g:?}, ε {eps:?}: {ulps} ulp off: {got:?}"
                );
            };
            within("y", y.into_raw_vec_and_offset().0, &exact.y);
            within("dx", got.x.into_raw_vec_and_offset().0, &exact.dx);
            within("dγ", got.gamma.to_vec(), &[exact.dgamma]);
            within("dβ", got.beta.to_vec(), &[exact.dbeta]);
            checked += 1;
        }
    }
    assert!(checked > inputs.len());
}

#[test]
fn f32_training_is_within_one_ulp() {
    training::<f32>(&hard(f32::EPSILON.into(), 1e30, 1e-20, 1e-40), 1.0);
    training::<f32>(&hard(f32::EPSILON.into(), 1e18, 1e-30, 1e-44), 1.0);
}

#[test]
fn f64_training_is_within_two_ulps() {
    training::<f64>(&hard(f64::EPSILON, 1e200, 1e-200, 1e-310), 2.0);
    training::<f64>(&hard(f64::EPSILON, 1e30, 1e-150, 1e-320), 2.0);
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
