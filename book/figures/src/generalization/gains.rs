use crate::data::Named;
use crate::forest::{Titled, stacked};
use crate::ink::Ink;
use crate::lang::Lang;

/// By how many points of test error ways of training are better than the plain one, with small batches; and batch
/// normalization alone, by batch size.
pub fn gains(ways: &[Named], sizes: &[Named], lang: Lang) -> String {
    let axis = lang.pick("줄어든 시험 오차, 점", "test error less than plain, points");
    let forest = |title, rows, ink| Titled { title, axis, rows, zero: true, ink };
    stacked([
        forest(lang.pick("작은 배치에서", "With small batches"), ways, Ink::Blue),
        forest(
            lang.pick("배치 정규화, 배치 크기에 따라", "Batch normalization, by batch size"),
            sizes,
            Ink::Vermillion,
        ),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, row, well_made};

    #[test]
    fn keeps_the_contract() {
        let (ways, sizes) = ([row("BN", 0.5), row("p", -0.2)], [row("5", 0.5), row("100", 0.0)]);
        check(|lang| gains(&ways, &sizes, lang), "배치 크기에 따라", "by batch size");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&gains(&[], &[], Lang::Ko));
        well_made(&gains(&[row("wild", f64::NAN)], &[row("wild", f64::INFINITY)], Lang::En));
    }
}
