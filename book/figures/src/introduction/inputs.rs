use crate::data::Named;
use crate::forest::errors_and_differences;
use crate::lang::Lang;

/// Test error, in percent, by what is normalized; and below it differences between two, in points. Each with an
/// interval over the seeds.
pub fn inputs(errors: &[Named], differences: &[Named], lang: Lang) -> String {
    let title = lang.pick("무엇을 정규화했는지에 따라", "By what is normalized");
    errors_and_differences(title, errors, differences, lang)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, row, well_made};

    #[test]
    fn keeps_the_contract() {
        let (errors, differences) = ([row("1", 4.0), row("2", 4.1)], [row("1 − 2", -0.1)]);
        check(|lang| inputs(&errors, &differences, lang), "같은 시드", "same seed");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&inputs(&[], &[], Lang::Ko));
        let wild = [row("wild", f64::NAN), row("wild", f64::INFINITY)];
        well_made(&inputs(&wild, &wild[1..], Lang::En));
    }
}
