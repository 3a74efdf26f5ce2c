//! A claim: a statement of the book, with everything that is needed to check it.
//!
//! ```ignore
//! /// The normalized values have mean zero, whatever ε is.
//! ///
//! /// ε이 얼마이든 정규화한 값의 평균은 0입니다.
//! #[test]
//! fn mean_is_zero() -> Claim {
//!     fn holds<F: Number>(bn: Norm, batch: &Batch<F>) -> Vec<Sides<F>> {
//!         let zero = |c: Channel<F>| equal(mean(&c.xhat), F::Wide::ZERO).to(largest(&c.xhat));
//!         batch.channels(bn).map(zero).collect()
//!     }
//!     claim(|bn| all([prime_field(bn, holds), property::<f32>(bn, holds), property::<f64>(bn, holds)]))
//!         .rejects(&[Wrong::RunningStatistics, Wrong::PerSample])
//! }
//! ```
//!
//! The test makes the claim, and returning it runs it: the check must pass for the kernels of the
//! library, and fail for each named wrong implementation, or the check is too weak to mean anything.

use super::evidence::{Check, Evidence, How, Proof};
use super::variants::{Norm, Wrong};
use std::process::{ExitCode, Termination};

/// A named check of an implementation of batch normalization.
#[must_use = "a claim is checked when the test returns it"]
pub struct Claim {
    /// `chapter::claim`.
    name: String,
    check: Box<dyn Fn(Norm) -> Proof>,
    rejects: &'static [Wrong],
}

/// A claim named after the test that calls this function.
pub fn claim<C: Fn(Norm) -> Proof + 'static>(check: C) -> Claim {
    // The type of a closure is called `claims::chapter::claim::{{closure}}`: so no name is typed twice.
    let path = std::any::type_name::<C>();
    let name = path.strip_prefix("claims::").and_then(|p| p.strip_suffix("::{{closure}}"));
    let name =
        name.unwrap_or_else(|| panic!("give `claim` a closure written in the test, not {path}"));
    Claim { name: name.into(), check: Box::new(check), rejects: &[] }
}

impl Claim {
    /// These implementations must fail the check.
    pub fn rejects(self, wrong: &'static [Wrong]) -> Claim {
        Claim { rejects: wrong, ..self }
    }

    /// Whether this is one of the implementations that must fail.
    pub fn is_to_reject(&self, wrong: Wrong) -> bool {
        self.rejects.contains(&wrong)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the check says of an implementation.
    pub fn check(&self, bn: Norm) -> Proof {
        (self.check)(bn)
    }

    fn prove(&self) -> Evidence {
        let mut checks =
            self.check(Norm::Library).unwrap_or_else(|why| panic!("{}: {why}", self.name));
        for &wrong in self.rejects {
            if self.check(Norm::Wrong(wrong)).is_ok() {
                panic!("{} does not notice this mistake: {}", self.name, wrong.name());
            }
            checks.push(Check::new(How::WrongVariant, 1).note(wrong.name()));
        }
        Evidence { checks }
    }
}

impl Termination for Claim {
    fn report(self) -> ExitCode {
        self.prove().settle(&self.name);
        ExitCode::SUCCESS
    }
}
