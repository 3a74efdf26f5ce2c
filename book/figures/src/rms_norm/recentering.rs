use crate::data::Named;
use crate::forest::{forest, height};
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, WIDTH};
use crate::svg::{Svg, Type, text_width};

/// Test error, in percent, of networks with different normalizations; and below it differences between two of them,
/// in points. Each with an interval over the seeds.
pub fn recentering(errors: &[Named], differences: &[Named], lang: Lang) -> String {
    const GAP: f64 = 14.0;
    let (upper, lower) = (height(errors.len()), height(differences.len()));
    let rows = errors.iter().chain(differences);
    let left = rows.map(|row| text_width(&row.label, Type::SMALL) + 10.0).fold(0.0, f64::max);
    let mut svg = Svg::new(WIDTH, upper + GAP + lower);
    let axis = lang.pick("시험 오차, %", "test error, %");
    let title = lang.pick("정규화에 따라", "By normalization");
    let frame = Frame { left, ..Frame::whole(upper) }.title(title);
    forest(&mut svg, &frame, axis, errors, true, false, Ink::Blue);
    let axis = lang.pick("시험 오차의 차, %p", "difference of test error, points");
    let title = lang.pick("같은 시드의 둘씩 뺀 값", "Two of the same seed, subtracted");
    let frame = Frame { left, ..Frame::whole(lower) }.title(title).below(upper + GAP);
    forest(&mut svg, &frame, axis, differences, true, true, Ink::Vermillion);
    svg.finish()
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
