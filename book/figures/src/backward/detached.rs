use crate::axis::{Axis, extent};
use crate::data::Named;
use crate::forest::{forest, height};
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, WIDTH, plot};
use crate::svg::{Svg, Type, text_width};

const INKS: [Ink; 4] = [Ink::Text, Ink::Green, Ink::Blue, Ink::Vermillion];

/// Above, validation error in percent at each learning rate, a line for each of `names`, the right gradient first;
/// below, how much more test error the others make, in points, at the rate that each has chosen.
pub fn detached(
    names: &[&str],
    lines: &[Vec<(f64, f64)>],
    less_right: &[Named],
    lang: Lang,
) -> String {
    const KEY: f64 = 30.0;
    const RATES: f64 = 300.0;
    const GAP: f64 = 18.0;
    let below = height(less_right.len());
    let mut svg = Svg::new(WIDTH, KEY + RATES + GAP + below);
    svg.key(names.iter().copied().zip(INKS));
    let points = || lines.iter().flatten();
    let (low, high) = extent(points().map(|p| p.1).filter(|error| *error > 0.0));
    let (least, most) = extent(points().map(|p| p.0));
    let x = Axis::log(lang.pick("학습률", "learning rate"), least, most).cut(least, most);
    let ticks = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0].map(|e| (e, e.to_string()));
    let y = Axis::log(lang.pick("검증 오차, %", "validation error, %"), low, high)
        .ticks(ticks)
        .cut(low * 0.9, high * 1.1);
    let labels = less_right.iter().map(|row| text_width(&row.label, Type::SMALL) + 10.0);
    let left = labels.fold(0.0, f64::max);
    let frame = Frame { left, ..Frame::whole(RATES) }.below(KEY);
    plot(&mut svg, &frame, &x, &y, |plot| {
        for (points, ink) in lines.iter().zip(INKS) {
            plot.line(points, ink);
            plot.dots(points, 4.0, ink, 1.0);
        }
    });
    let frame = Frame { left, ..Frame::whole(below) }
        .below(KEY + RATES + GAP)
        .title(lang.pick("옳은 식과의 시험 오차 차", "Test error − the right one's"));
    forest(&mut svg, &frame, lang.pick("점", "points"), less_right, true, true, Ink::Text);
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, row, well_made};

    #[test]
    fn keeps_the_contract() {
        let lines = [20.0, 30.0].map(|e| vec![(0.1, e), (1.0, 3.0), (10.0, 90.0)]);
        let rows = [row("μ", 0.5), row("v", -0.2)];
        check(|lang| detached(&["1", "2"], &lines, &rows, lang), "검증 오차", "validation error");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&detached(&[], &[], &[], Lang::Ko));
        let wild = [vec![(0.0, 0.0), (f64::INFINITY, f64::NAN)]];
        well_made(&detached(&["wild"], &wild, &[row("wild", f64::NAN)], Lang::En));
    }
}
