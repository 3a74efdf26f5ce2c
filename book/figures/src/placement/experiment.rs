use crate::data::Named;
use crate::forest::{forest, height};
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, WIDTH};
use crate::svg::Svg;

/// Test error, in percent, of the same network with batch normalization in different places, after the first epoch and
/// at the end: a row for each place, with an interval over the seeds.
pub fn experiment(first: &[Named], last: &[Named], lang: Lang) -> String {
    const RIGHT: f64 = 264.0;
    let height = height(first.len().max(last.len()));
    let mut svg = Svg::new(WIDTH, height);
    let axis = lang.pick("시험 오차, %", "test error, %");
    let frame = Frame { size: (WIDTH - RIGHT - 12.0, height), ..Frame::default() }
        .title(lang.pick("첫 에포크 뒤", "After the first epoch"));
    forest(&mut svg, &frame, axis, first, true, false, Ink::Vermillion);
    let frame = Frame { at: (WIDTH - RIGHT, 0.0), size: (RIGHT, height), ..Frame::default() }
        .title(lang.pick("학습을 마친 뒤", "At the end"));
    forest(&mut svg, &frame, axis, last, false, false, Ink::Blue);
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, row, well_made};

    #[test]
    fn keeps_the_contract() {
        let (first, last) = ([row("BN", 9.5), row("p", 12.0)], [row("BN", 2.5), row("p", 3.0)]);
        check(|lang| experiment(&first, &last, lang), "첫 에포크", "first epoch");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&experiment(&[], &[], Lang::Ko));
        well_made(&experiment(&[row("wild", f64::NAN)], &[row("", f64::INFINITY)], Lang::En));
    }
}
