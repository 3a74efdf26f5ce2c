use crate::data::Named;
use crate::forest::{Titled, stacked};
use crate::ink::Ink;
use crate::lang::Lang;

/// Test error, in percent, of networks that share a mean in different ways; and below it that of the same networks
/// on test images moved by one pixel. Each with an interval over the seeds.
pub fn places(errors: &[Named], moved: &[Named], lang: Lang) -> String {
    let axis = lang.pick("시험 오차, %", "test error, %");
    let above = Titled {
        title: lang.pick("이미지 그대로", "Images as they are"),
        axis,
        rows: errors,
        zero: false,
        ink: Ink::Blue,
    };
    let below = Titled {
        title: lang.pick("한 픽셀 옮긴 이미지", "Images moved by one pixel"),
        axis,
        rows: moved,
        zero: false,
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
        let (errors, moved) = ([row("32", 4.0), row("4", 4.1)], [row("32", 8.0), row("4", 9.0)]);
        check(|lang| places(&errors, &moved, lang), "한 픽셀", "one pixel");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&places(&[], &[], Lang::Ko));
        let wild = [row("wild", f64::NAN), row("wild", f64::INFINITY)];
        well_made(&places(&wild, &wild[1..], Lang::En));
    }
}
