//! The ways of checking.

use super::{Batch, Check, Float, How, Norm, Number, Prime, Proof, Sides, batch};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use std::cell::Cell;

/// A statement about what an implementation makes of a batch.
pub type Statement<F> = fn(Norm, &Batch<F>) -> Vec<Sides<F>>;

/// All of these checks.
pub fn all(proofs: impl IntoIterator<Item = Proof>) -> Proof {
    proofs.into_iter().collect::<Result<Vec<_>, _>>().map(|checks| checks.concat())
}

/// The statement at 64 random points of the prime field: exactly, or not at all.
pub fn prime_field(bn: Norm, holds: Statement<Prime>) -> Proof {
    let cases = 64;
    worst_over(bn, cases, batch::points(), holds, 0.0)?;
    Ok(vec![Check::new(How::PrimeField, cases as usize)])
}

/// The statement for 256 random batches, within the tolerance of the scalar.
pub fn property<F: Float>(bn: Norm, holds: Statement<F>) -> Proof {
    property_within::<F>(bn, F::TOLERANCE, holds)
}

/// The same with another tolerance, for what is approximate by itself.
pub fn property_within<F: Float>(bn: Norm, tolerance: f64, holds: Statement<F>) -> Proof {
    let cases = 256;
    let worst = worst_over(bn, cases, batch::floats(), holds, tolerance)?;
    let check = Check::new(How::Property, cases as usize).scalar(F::NAME);
    Ok(vec![check.within(tolerance, worst)?])
}

/// The statement everywhere: exactly over the prime field, within rounding in `f32` and `f64`.
#[macro_export]
macro_rules! everywhere {
    ($bn:expr, $holds:ident) => {
        $crate::kit::all([
            $crate::kit::prime_field($bn, $holds),
            $crate::kit::property::<f32>($bn, $holds),
            $crate::kit::property::<f64>($bn, $holds),
        ])
    };
}

/// The same check, called by the name of what it does to the batch.
pub fn by(how: How, proof: Proof) -> Proof {
    Ok(proof?.into_iter().map(|check| Check { how, ..check }).collect())
}

/// The largest error of the statement over the batches that a strategy makes. The random numbers are
/// the same in every run.
fn worst_over<F: Number>(
    bn: Norm,
    cases: u32,
    batches: impl Strategy<Value = Batch<F>>,
    holds: Statement<F>,
    tolerance: f64,
) -> Result<f64, String> {
    let worst = Cell::new(0.0f64);
    cases_of(bn, cases, batches, |batch| {
        for sides in holds(bn, batch) {
            let error = sides.error();
            if error.is_nan() || error > tolerance {
                return Err(format!(
                    "an error of {error:.2e}, more than {tolerance:.2e}: {sides:?}"
                ));
            }
            worst.set(worst.get().max(error));
        }
        Ok(())
    })?;
    Ok(worst.get())
}

/// Runs a check on everything that a strategy makes, always the same, and shrinks what fails.
pub fn cases<T: std::fmt::Debug>(
    cases: u32,
    inputs: impl Strategy<Value = T>,
    check: impl Fn(&T) -> Result<(), String>,
) -> Result<(), String> {
    cases_of(Norm::Library, cases, inputs, check)
}

fn cases_of<T: std::fmt::Debug>(
    bn: Norm,
    cases: u32,
    inputs: impl Strategy<Value = T>,
    check: impl Fn(&T) -> Result<(), String>,
) -> Result<(), String> {
    // Where an implementation is meant to fail, one failure is enough, however large. A formula that is
    // meant to fail is run like the library: so the shrinking must not take longer than the check.
    let max_shrink_iters = if let Norm::Library = bn { 64 } else { 0 };
    let config = Config { cases, max_shrink_iters, failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    TestRunner::new_with_rng(config, rng)
        .run(&inputs, |input| check(&input).map_err(TestCaseError::fail))
        .map_err(|e| e.to_string())
}

/// What does not depend on the implementation is checked with the library alone, and not again with each
/// wrong one.
pub fn once(bn: Norm, proof: impl FnOnce() -> Proof) -> Proof {
    if bn == Norm::Library { proof() } else { Ok(Vec::new()) }
}

/// Numbers worked out by hand.
pub fn worked_example(errors: &[f64], tolerance: f64) -> Proof {
    let worst =
        errors.iter().copied().fold(0.0, |a: f64, b| if b > a || b.is_nan() { b } else { a });
    let check = Check::new(How::WorkedExample, errors.len());
    Ok(vec![if tolerance == 0.0 && worst == 0.0 {
        check
    } else {
        check.within(tolerance, worst)?
    }])
}

/// A wrong formula, which must not pass the check that the right one passes.
pub fn wrong(name: &str, check: Proof) -> Proof {
    match check {
        Ok(_) => Err(format!("the check does not notice this mistake: {name}")),
        Err(_) => Ok(vec![Check::new(How::WrongVariant, 1).note(name)]),
    }
}
