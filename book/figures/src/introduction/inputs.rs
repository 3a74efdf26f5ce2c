use crate::data::Named;
use crate::forest::{Titled, stacked};
use crate::ink::Ink;
use crate::lang::Lang;

/// Test error, in percent, by what is normalized; and below it differences between two, in points. Each with an
/// interval over the seeds.
pub fn inputs(errors: &[Named], differences: &[Named], lang: Lang) -> String {
    let above = Titled {
        title: lang.pick("무엇을 정규화했는지에 따라", "By what is normalized"),
        axis: lang.pick("시험 오차, %", "test error, %"),
        rows: errors,
        zero: false,
        ink: Ink::Blue,
    };
    let below = Titled {
        title: lang.pick("같은 시드의 둘씩 뺀 값", "Two of the same seed, subtracted"),
        axis: lang.pick("시험 오차의 차, 점", "difference of test error, points"),
        rows: differences,
        zero: true,
        ink: Ink::Vermillion,
    };
    stacked([above, below])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, well_made};

    fn row(label: &str, mid: f64) -> Named {
        Named { label: label.into(), low: mid - 0.3, mid, high: mid + 0.4 }
    }

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
