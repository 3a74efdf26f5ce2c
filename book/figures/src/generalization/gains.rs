use crate::data::Named;
use crate::forest::{forest, height};
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, WIDTH};
use crate::svg::Svg;

/// By how many points of test error ways of training are better than the plain one, with small batches; and batch
/// normalization alone, by batch size.
pub fn gains(ways: &[Named], sizes: &[Named], lang: Lang) -> String {
    const GAP: f64 = 14.0;
    let (upper, lower) = (height(ways.len()), height(sizes.len()));
    let mut svg = Svg::new(WIDTH, upper + GAP + lower);
    let axis = lang.pick("줄어든 시험 오차, %p", "test error less than plain, points");
    let title = lang.pick("작은 배치에서", "With small batches");
    let left = ways
        .iter()
        .chain(sizes)
        .map(|row| crate::svg::text_width(&row.label, crate::svg::Type::SMALL) + 10.0);
    let left = left.fold(0.0, f64::max);
    let frame = Frame { left, ..Frame::whole(upper) }.title(title);
    forest(&mut svg, &frame, axis, ways, true, true, Ink::Blue);
    let title = lang.pick("배치 정규화, 배치 크기에 따라", "Batch normalization, by batch size");
    let frame = Frame { left, ..Frame::whole(lower) }.title(title).below(upper + GAP);
    forest(&mut svg, &frame, axis, sizes, true, true, Ink::Vermillion);
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
        let (ways, sizes) = ([row("BN", 0.5), row("p", -0.2)], [row("5", 0.5), row("100", 0.0)]);
        check(|lang| gains(&ways, &sizes, lang), "배치 크기에 따라", "by batch size");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&gains(&[], &[], Lang::Ko));
        well_made(&gains(&[row("wild", f64::NAN)], &[row("wild", f64::INFINITY)], Lang::En));
    }
}
