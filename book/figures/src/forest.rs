//! Values with intervals, one below the other.

use crate::axis::Axis;
use crate::data::Named;
use crate::ink::Ink;
use crate::plot::{Frame, STROKE, plot};
use crate::svg::Svg;

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
