use crate::data::Named;
use crate::forest::{Titled, stacked};
use crate::ink::Ink;
use crate::lang::Lang;

/// How much more test error a network makes with each mistake than without, in points, with an interval over the
/// seeds: above, those of which it was predicted that nobody would notice; below, the others.
pub fn mistakes(unnoticed: &[Named], noticed: &[Named], lang: Lang) -> String {
    let axis = lang.pick("시험 오차의 차, 점", "difference of test error, points");
    let above = Titled {
        title: lang.pick("모를 것이라고 본 실수", "Predicted not to be noticed"),
        axis,
        rows: unnoticed,
        zero: true,
        ink: Ink::Blue,
    };
    let below = Titled {
        title: lang.pick("들킬 것이라고 본 실수", "Predicted to be noticed"),
        axis,
        rows: noticed,
        zero: true,
        ink: Ink::Vermillion,
    };
    stacked([above, below])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, row, well_made};

    #[test]
    fn keeps_the_contract() {
        let (unnoticed, noticed) = ([row("ε", 0.1), row("m", -0.1)], [row("μ", 40.0)]);
        check(|lang| mistakes(&unnoticed, &noticed, lang), "모를", "not to be noticed");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&mistakes(&[], &[], Lang::Ko));
        let wild = [row("wild", f64::NAN), row("wild", f64::INFINITY)];
        well_made(&mistakes(&wild, &wild[1..], Lang::En));
    }
}
