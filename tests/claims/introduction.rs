//! The definition, the library, and the mistakes that the claims are armed against.

use crate::kit::*;
use crate::{backward, forward};
use batchnorm::batch_norm::{BatchNorm, Config};
use batchnorm::definition::normalize;
use ndarray::{Array1, ArrayD};
use proptest::collection::vec;
use proptest::prelude::*;
use std::cell::Cell;

/// The definition, ten lines of array arithmetic, and the library, made for speed and accuracy, compute
/// the same thing.
///
/// 배열 연산 열 줄로 쓴 정의와, 속도와 정확도를 위해 만든 라이브러리는 같은 것을 계산합니다.
#[test]
fn the_definition_and_the_library_agree() -> Claim {
    /// A tensor of two to five axes, and numbers to make γ and β of.
    fn tensors() -> impl Strategy<Value = (ArrayD<f64>, Vec<f64>)> {
        let shapes = vec(1..=4usize, 2..=5)
            .prop_filter("two values", |s| s.iter().product::<usize>() > s[1]);
        (shapes, -3.0..3.0f64, -100.0..100.0f64).prop_flat_map(|(shape, size, offset)| {
            let size = 10f64.powf(size);
            let values = vec(-1.0..1.0f64, shape.iter().product::<usize>());
            let x = values.prop_map(move |z| {
                let x = z.iter().map(|z| size * (offset + z)).collect();
                ArrayD::from_shape_vec(shape.clone(), x).expect("a value for each place")
            });
            (x, vec(-2.0..2.0f64, 8))
        })
    }
    /// γ·x̂ + β by the definition, over these axes.
    fn defined(x: &ArrayD<f64>, axes: &[usize], eps: f64, parameters: &[f64]) -> ArrayD<f64> {
        let mut y = normalize(x, axes, eps);
        y.indexed_iter_mut()
            .for_each(|(at, y)| *y = parameters[at[1]] * *y + parameters[at[1] + 4]);
        y
    }
    fn agree<F: Float>(axes: fn(usize) -> Vec<usize>) -> Proof
    where
        Config<F>: Default,
    {
        let worst = Cell::new(0.0f64);
        let cases_count = 256;
        cases(cases_count, tensors(), |(x, parameters)| {
            // Both are given the same numbers, those that F can hold.
            let (x, parameters) =
                (x.map(|&v| F::from_f64(v)), parameters.iter().map(|&v| F::from_f64(v)));
            let parameters: Vec<F> = parameters.collect();
            let channels = x.shape()[1];
            let mut bn = BatchNorm::<F>::new(channels);
            bn.gamma = Some(Array1::from(parameters[..channels].to_vec()));
            bn.beta = Some(Array1::from(parameters[4..4 + channels].to_vec()));
            let eps = bn.config().eps.to_f64();
            let (y, _) = bn.train(x.clone()).map_err(|e| e.to_string())?;

            let wide = x.map(|v| v.to_f64());
            let parameters: Vec<_> = parameters.iter().map(|v| v.to_f64()).collect();
            let defined = defined(&wide, &axes(x.ndim()), eps, &parameters);
            for (c, gamma) in parameters[..channels].iter().enumerate() {
                let of =
                    |t: &ArrayD<f64>| t.index_axis(ndarray::Axis(1), c).iter().copied().collect();
                let (x, defined): (Vec<_>, Vec<_>) = (of(&wide), of(&defined));
                let (mu, m) = (mean(&x), x.len() as f64);
                let s = (mean_of(&x, |v| (v - mu) * (v - mu)) + eps).sqrt();
                // The definition is plain `f64`: its sums of m values round, and the rounding of the mean
                // counts as much as the deviations are smaller than x.
                let own = m * largest(&x) / s * (2.0 + m.sqrt()) * f64::EPSILON;
                let scale = largest(&defined) + gamma.abs() * own / F::TOLERANCE;
                let y = y.index_axis(ndarray::Axis(1), c);
                for (y, defined) in y.iter().zip(defined) {
                    let error = (y.to_f64() - defined).abs() / scale;
                    if error.is_nan() || error > F::TOLERANCE {
                        return Err(format!("{y:?} for {defined}"));
                    }
                    worst.set(worst.get().max(error));
                }
            }
            Ok(())
        })?;
        let check = Check::new(How::Property, cases_count as usize).scalar(F::NAME);
        Ok(vec![check.within(F::TOLERANCE, worst.get())?])
    }
    let all_but_channels = |rank: usize| (0..rank).filter(|&axis| axis != 1).collect();
    claim(move |_| {
        all([
            agree::<f32>(all_but_channels),
            agree::<f64>(all_but_channels),
            wrong("statistics per sample", agree::<f64>(|rank| (1..rank).collect())),
            wrong("statistics over the samples alone", agree::<f64>(|_| vec![0])),
            wrong("statistics over the whole tensor", agree::<f64>(|rank| (0..rank).collect())),
        ])
    })
}

/// Every mistake in a list of known ones is noticed by some claim, and it is the mistake that is
/// noticed: the same formulas without it pass.
///
/// 알려진 실수의 목록에 있는 것은 모두 적어도 한 주장에 걸립니다. 걸리는 것은 바로 그 실수입니다. 실수만 없앤 같은 식은 통과합니다.
#[test]
fn every_wrong_variant_is_rejected() -> Claim {
    claim(|_| {
        let claims = [
            forward::mean_is_zero(),
            forward::variance_is_rho(),
            forward::identity_is_recovered(),
            backward::closed_form_is_the_derivative(),
        ];
        for claim in &claims {
            let without_mistake = claim.check(Norm::Textbook);
            without_mistake.map_err(|e| format!("{} and the textbook: {e}", claim.name()))?;
        }
        let mut proof = Vec::new();
        for mistake in Wrong::ALL {
            let rejecting: Vec<_> =
                claims.iter().filter(|claim| claim.is_to_reject(mistake)).collect();
            if rejecting.is_empty() {
                return Err(format!("no claim of these is about this mistake: {}", mistake.name()));
            }
            for claim in rejecting {
                proof.extend(wrong(mistake.name(), claim.check(Norm::Wrong(mistake)))?);
            }
        }
        Ok(proof)
    })
}
