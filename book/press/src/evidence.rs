//! What the last full run of a claim's test recorded: how it was checked, on how many cases, how closely.

use crate::lang::{Lang, Word};
use serde::Deserialize;

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    pub checks: Vec<Check>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    pub how: How,
    pub cases: u64,
    pub scalar: Option<String>,
    /// Absent where equality is exact.
    pub tolerance: Option<f64>,
    pub worst: Option<f64>,
    pub note: Option<Note>,
}

/// A remark on a check, or the name of a wrong variant.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(from = "String")]
pub struct Note([String; 2]);

impl From<String> for Note {
    /// The tests speak English. Until [`Note::say`], Korean readers are told the same.
    fn from(en: String) -> Note {
        Note([en.clone(), en])
    }
}

impl Note {
    pub fn en(&self) -> &str {
        &self.0[1]
    }

    pub fn say(&mut self, ko: &str) {
        self.0[0] = ko.into();
    }

    pub fn text(&self, lang: Lang) -> &str {
        let [ko, en] = &self.0;
        lang.pick([ko, en])
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
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

impl How {
    pub fn word(self) -> Word {
        match self {
            How::PrimeField => ["소수체", "prime field"],
            How::Dual => ["이원수", "dual numbers"],
            How::DualPrimeField => ["소수체 위의 이원수", "dual numbers over the prime field"],
            How::FiniteDifferences => ["유한 차분", "finite differences"],
            How::Property => ["성질 검사", "property test"],
            How::Enumeration => ["모든 경우", "every case"],
            How::WorkedExample => ["손으로 푼 예", "worked example"],
            How::Golden => ["다른 구현과 비교", "other implementations"],
            How::Experiment => ["실험", "experiment"],
            How::WrongVariant => ["틀린 구현 기각", "wrong variant rejected"],
        }
    }
}

impl Evidence {
    pub fn parse(json: &str) -> Result<Evidence, (usize, String)> {
        let evidence: Evidence =
            serde_json::from_str(json).map_err(|e| (e.line(), e.to_string()))?;
        if evidence.checks.is_empty() {
            return Err((1, "there is no check in it".into()));
        }
        Ok(evidence)
    }

    /// The checks that support the claim.
    pub fn ways(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| check.how != How::WrongVariant)
    }

    /// The wrong implementations that the same checks turn down.
    pub fn rejected(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| check.how == How::WrongVariant)
    }

    /// The check that came nearest to its tolerance.
    pub fn tightest(&self) -> Option<(f64, f64)> {
        self.ways()
            .filter_map(|check| Some((check.worst?, check.tolerance?)))
            .max_by(|a, b| (a.0 / a.1).total_cmp(&(b.0 / b.1)))
    }
}

/// Two significant digits, as one writes them: `2.1×10⁻⁷`.
pub fn number(x: f64) -> String {
    if x == 0.0 {
        return "0".into();
    }
    let text = format!("{x:.1e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let mantissa = mantissa.strip_suffix(".0").unwrap_or(mantissa);
    match exponent.parse::<i32>().unwrap_or(0) {
        -2..=2 => format!(
            "{}",
            mantissa.parse::<f64>().unwrap_or(x) * 10f64.powi(exponent.parse().unwrap_or(0))
        )
        .chars()
        .take(6)
        .collect(),
        exponent => {
            let power: String = exponent.to_string().chars().map(superscript).collect();
            match mantissa {
                "1" => format!("10{power}"),
                _ => format!("{mantissa}×10{power}"),
            }
        }
    }
}

pub fn superscript(c: char) -> char {
    match c {
        '-' | '−' => '⁻',
        '+' => '⁺',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '0' | '4'..='9' => char::from_u32('⁰' as u32 + c as u32 - '0' as u32).unwrap_or(c),
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{"checks":[
        {"how":"prime field","cases":64},
        {"how":"property","scalar":"f32","cases":256,"tolerance":1e-5,"worst":2.1e-7},
        {"how":"property","scalar":"f64","cases":256,"tolerance":1e-14,"worst":5e-15},
        {"how":"wrong variant","note":"variance with n-1","cases":1}]}"#;

    #[test]
    fn reads_and_sums_up() {
        let evidence = Evidence::parse(JSON).unwrap();
        assert_eq!(evidence.ways().count(), 3);
        assert_eq!(evidence.rejected().count(), 1);
        assert_eq!(evidence.tightest(), Some((5e-15, 1e-14)));
    }

    #[test]
    fn a_broken_record_says_where() {
        let (line, message) =
            Evidence::parse("{\"checks\":[\n{\"how\":\"magic\",\"cases\":1}]}").unwrap_err();
        assert_eq!(line, 2);
        assert!(message.contains("magic"), "{message}");
        assert!(Evidence::parse(r#"{"checks":[]}"#).is_err());
    }

    #[test]
    fn numbers_for_people() {
        for (x, text) in [
            (2.1e-7, "2.1×10⁻⁷"),
            (1e-5, "10⁻⁵"),
            (0.25, "0.25"),
            (0.0, "0"),
            (12.0, "12"),
            (3e10, "3×10¹⁰"),
        ] {
            assert_eq!(number(x), text);
        }
    }
}
