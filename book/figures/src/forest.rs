//! Values with intervals, one below the other.

use crate::axis::Axis;
use crate::data::Named;
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, STROKE, WIDTH, plot};
use crate::svg::{Svg, Type, text_width};

/// How tall a chart is that has a title, a name of its axis and this many rows.
pub fn height(rows: usize) -> f64 {
    34.0 * rows.max(1) as f64 + 92.0
}

/// A row for each value: a dot with its interval; with `names` the label at the left. A level at 0 if `zero`.
pub fn forest(
    svg: &mut Svg,
    frame: &Frame,
    axis: &str,
    rows: &[Named],
    names: bool,
    zero: bool,
    ink: Ink,
) {
    let values = rows.iter().flat_map(|row| [row.low, row.mid, row.high]);
    let x = Axis::around(axis, values.chain(zero.then_some(0.0)));
    let label = |row: &Named| if names { row.label.clone() } else { String::new() };
    let places = rows.iter().enumerate().map(|(i, row)| (-(i as f64), label(row)));
    let y = Axis::linear("", 0.5 - rows.len().max(1) as f64, 0.5).ticks(places);
    plot(svg, frame, &x, &y, |plot| {
        if zero {
            let half = rows.len().max(1) as f64;
            plot.dashed(&[(0.0, 0.5), (0.0, 0.5 - half)], Ink::Text);
        }
        for (i, row) in rows.iter().enumerate() {
            let at = -(i as f64);
            plot.thin_line(&[(row.low, at), (row.high, at)], ink, STROKE);
            plot.dots(&[(row.mid, at)], 5.5, ink, 1.0);
        }
    });
}

/// A forest with its title, one of two.
pub struct Titled<'a> {
    pub title: &'a str,
    pub axis: &'a str,
    pub rows: &'a [Named],
    /// A level at 0.
    pub zero: bool,
    pub ink: Ink,
}

/// One below the other, their plots as wide as the longest label of both leaves them.
pub fn stacked(forests: [Titled; 2]) -> String {
    const GAP: f64 = 14.0;
    let labels = forests.iter().flat_map(|of| of.rows).map(|row| &row.label);
    let left = labels.map(|label| text_width(label, Type::SMALL) + 10.0).fold(0.0, f64::max);
    let heights = forests.each_ref().map(|of| height(of.rows.len()));
    let mut svg = Svg::new(WIDTH, heights[0] + GAP + heights[1]);
    let tops = [0.0, heights[0] + GAP];
    for ((Titled { title, axis, rows, zero, ink }, height), top) in
        forests.into_iter().zip(heights).zip(tops)
    {
        let frame = Frame { left, ..Frame::whole(height) }.title(title).below(top);
        forest(&mut svg, &frame, axis, rows, true, zero, ink);
    }
    svg.finish()
}

/// Test errors, in percent, below this title, and differences between two of them, in points.
pub fn errors_and_differences(
    title: &str,
    errors: &[Named],
    differences: &[Named],
    lang: Lang,
) -> String {
    let above = Titled {
        title,
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
