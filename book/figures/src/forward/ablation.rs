use crate::data::Named;
use crate::forest::{Titled, stacked};
use crate::ink::Ink;
use crate::lang::Lang;

/// Above, how much more test error a network makes without a step, in points; below, test error in percent if all is
/// trained, or a part alone. Each with an interval over the seeds.
pub fn ablation(without: &[Named], alone: &[Named], lang: Lang) -> String {
    let above = Titled {
        title: lang.pick("한 단계를 뺄 때", "Without a step"),
        axis: lang.pick("시험 오차의 차, 점", "difference of test error, points"),
        rows: without,
        zero: true,
        ink: Ink::Vermillion,
    };
    let below = Titled {
        title: lang.pick("일부만 학습할 때", "A part alone trained"),
        axis: lang.pick("시험 오차, %", "test error, %"),
        rows: alone,
        zero: false,
        ink: Ink::Blue,
    };
    stacked([above, below])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, row, well_made};

    #[test]
    fn keeps_the_contract() {
        let (without, alone) = ([row("μ", 1.0), row("s", 2.1)], [row("γ, β", 30.0)]);
        check(|lang| ablation(&without, &alone, lang), "한 단계를", "Without a step");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&ablation(&[], &[], Lang::Ko));
        let wild = [row("wild", f64::NAN), row("wild", f64::INFINITY)];
        well_made(&ablation(&wild, &wild[1..], Lang::En));
    }
}
