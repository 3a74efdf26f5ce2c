use crate::data::Named;
use crate::forest::errors_and_differences;
use crate::lang::Lang;

/// Test error, in percent, of networks with different normalizations; and below it differences between two of them,
/// in points. Each with an interval over the seeds.
pub fn recentering(errors: &[Named], differences: &[Named], lang: Lang) -> String {
    let title = lang.pick("정규화에 따라", "By normalization");
    errors_and_differences(title, errors, differences, lang)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, row, well_made};

    #[test]
    fn keeps_the_contract() {
        let (errors, differences) = ([row("LN", 4.0), row("RMS", 4.1)], [row("LN − RMS", -0.1)]);
        check(|lang| recentering(&errors, &differences, lang), "같은 시드", "same seed");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&recentering(&[], &[], Lang::Ko));
        let wild = [row("wild", f64::NAN), row("wild", f64::INFINITY)];
        well_made(&recentering(&wild, &wild[1..], Lang::En));
    }
}
