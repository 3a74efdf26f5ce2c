//! What a claim leaves behind for the book: how it was checked, on how many inputs, how closely.
//!
//! The evidence is committed, and every run compares its own with it. `BLESS=1` writes it anew.

use serde::{Deserialize, Serialize};
use std::path::Path;
use std::{env, fs};

/// The ways of checking, in the words of the evidence files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum How {
    #[serde(rename = "prime field")]
    PrimeField,
    #[serde(rename = "dual numbers")]
    Dual,
    #[serde(rename = "dual numbers over the prime field")]
    DualPrimeField,
    #[serde(rename = "finite differences")]
    FiniteDifferences,
    #[serde(rename = "property")]
    Property,
    #[serde(rename = "enumeration")]
    Enumeration,
    #[serde(rename = "worked example")]
    WorkedExample,
    #[serde(rename = "golden")]
    Golden,
    #[serde(rename = "experiment")]
    Experiment,
    #[serde(rename = "wrong variant")]
    WrongVariant,
}

/// One way of checking, and how it went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    pub how: How,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scalar: Option<String>,
    /// How many inputs.
    pub cases: usize,
    /// The error allowed; absent where equality is exact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<f64>,
    /// The largest error seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The checks that passed, or why one did not.
pub type Proof = Result<Vec<Check>, String>;

impl Check {
    /// An exact check.
    pub fn new(how: How, cases: usize) -> Check {
        Check { how, cases, scalar: None, tolerance: None, worst: None, note: None }
    }

    pub fn note(self, note: &str) -> Check {
        Check { note: Some(note.into()), ..self }
    }

    pub fn scalar(self, scalar: &str) -> Check {
        Check { scalar: Some(scalar.into()), ..self }
    }

    /// Passes if the largest error seen is within the tolerance. Not a number never is.
    pub fn within(self, tolerance: f64, worst: f64) -> Result<Check, String> {
        if worst <= tolerance {
            Ok(Check {
                tolerance: Some(digits(3, tolerance)),
                worst: Some(digits(2, worst)),
                ..self
            })
        } else {
            Err(format!("{:?}: an error of {worst:.2e}, more than {tolerance:.2e}", self.how))
        }
    }

    /// Two runs agree if all but the rounding does, which may differ from machine to machine.
    fn agrees(&self, other: &Check) -> bool {
        let without_worst = |c: &Check| Check { worst: None, ..c.clone() };
        let near = |a: f64, b: f64| {
            // Below a hundredth of the tolerance an error is as good as none.
            let floor = self.tolerance.unwrap_or(0.0) / 100.0;
            a.max(floor) <= 10.0 * b.max(floor)
        };
        without_worst(self) == without_worst(other)
            && match (self.worst, other.worst) {
                (Some(a), Some(b)) => near(a, b) && near(b, a),
                (a, b) => a == b,
            }
    }
}

/// All that a claim's test has shown.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    pub checks: Vec<Check>,
}

impl Evidence {
    /// Compares with the committed evidence of the claim, or replaces it where `BLESS` is set.
    pub fn settle(&self, name: &str) {
        let path = format!("book/out/claims/{}.json", name.replace("::", "."));
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(&path);
        let mut new = serde_json::to_string_pretty(self).expect("plain data");
        new.push('\n');
        let old = fs::read_to_string(&file).ok();
        let committed = old.as_deref().and_then(|old| serde_json::from_str::<Evidence>(old).ok());
        if committed.is_some_and(|committed| committed.agrees(self)) {
            return;
        }
        if env::var_os("BLESS").is_some_and(|v| v == "1") {
            fs::create_dir_all(file.parent().expect("below the repository"))
                .and_then(|()| fs::write(&file, new))
                .unwrap_or_else(|e| panic!("{path}: {e}"));
            return;
        }
        panic!(
            "the claim holds, but its evidence is not the committed one.\n\
             {path} has:\n{}\nthis run has:\n{new}\n\
             If that is as it should be: BLESS=1 cargo test --test claims {name}",
            old.as_deref().unwrap_or("(no such file)")
        );
    }

    fn agrees(&self, other: &Evidence) -> bool {
        self.checks.len() == other.checks.len()
            && self.checks.iter().zip(&other.checks).all(|(a, b)| a.agrees(b))
    }
}

/// So many significant digits. More than two of an error would differ between machines.
fn digits(n: usize, v: f64) -> f64 {
    format!("{v:.*e}", n - 1).parse().expect("a number just printed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_worst_error_may_differ() {
        let check = |cases, worst| Check::new(How::Property, cases).within(1e-6, worst).unwrap();
        assert!(check(9, 2e-7).agrees(&check(9, 3e-7)));
        assert!(!check(9, 2e-8).agrees(&check(9, 3e-7)));
        assert!(!check(9, 2e-7).agrees(&check(8, 2e-7)));
        assert!(check(9, 0.0).agrees(&check(9, 1e-9)));
        assert!(!check(9, 2e-7).agrees(&Check::new(How::Property, 9)));
    }

    #[test]
    fn an_error_that_is_not_a_number_is_no_success() {
        assert!(Check::new(How::Property, 1).within(1.0, f64::NAN).is_err());
    }
}
