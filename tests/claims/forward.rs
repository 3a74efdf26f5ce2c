//! The forward pass.

use crate::kit::*;
use batchnorm::scalar::Field;

/// The normalized values have mean zero, whatever ε is.
///
/// ε이 얼마이든 정규화한 값의 평균은 0입니다.
#[test]
fn mean_is_zero() -> Claim {
    fn holds<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
        let zero = |c: Channel<F>| equal(mean(&c.xhat), F::Wide::ZERO).to(largest(&c.xhat));
        batch.channels(bn).map(zero).collect()
    }
    claim(|bn| {
        all([prime_field(bn, holds), property::<f32>(bn, holds), property::<f64>(bn, holds)])
    })
    .rejects(&[Wrong::RunningStatistics, Wrong::NotCentred, Wrong::PerSample])
}
