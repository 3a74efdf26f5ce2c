use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::WIDTH;
use crate::svg::{Paint, Svg, Type};

/// One table, a sample a row and a feature a column, as it is, normalized column by column, and normalized row by row.
/// What shares a mean has one colour.
pub fn rows_and_columns(
    x: &[Vec<f64>],
    by_columns: &[Vec<f64>],
    by_rows: &[Vec<f64>],
    lang: Lang,
) -> String {
    const TOP: f64 = 66.0;
    const CELL: f64 = 38.0;
    const GAP: f64 = 20.0;
    let table = (WIDTH - 2.0 - 2.0 * GAP) / 3.0;
    let rows = [x, by_columns, by_rows].map(<[_]>::len).into_iter().max().unwrap_or(0).max(1);
    let mut svg = Svg::new(WIDTH, TOP + rows as f64 * CELL + 8.0);
    type Color = fn(usize, usize) -> Ink;
    let tables: [(&str, &str, &[Vec<f64>], Color); 3] = [
        ("x", lang.pick("샘플 ↓  특징 →", "samples ↓  features →"), x, |_, _| {
            Ink::Text
        }),
        (
            lang.pick("배치 정규화", "batch normalization"),
            lang.pick("열마다", "column by column"),
            by_columns,
            |_, column| Ink::series(column),
        ),
        (
            lang.pick("층 정규화", "layer normalization"),
            lang.pick("행마다", "row by row"),
            by_rows,
            |row, _| Ink::series(row),
        ),
    ];
    for (i, (name, how, numbers, ink)) in tables.into_iter().enumerate() {
        let left = 1.0 + i as f64 * (table + GAP);
        let middle = left + table / 2.0;
        svg.text((middle, 22.0), Type::BODY.bold().middle(), name);
        svg.text((middle, 48.0), Type::SMALL.middle().ink(Ink::Muted), how);
        let columns = numbers.iter().map(Vec::len).max().unwrap_or(0).max(1);
        let cell = (table / columns as f64, CELL);
        let paint = |row: usize, column: usize| match ink(row, column) {
            Ink::Text => Paint::fill(Ink::Text, 0.05).and_stroke(Ink::Grid, 1.0),
            ink => Paint::fill(ink, 0.25).and_stroke(Ink::Grid, 1.0),
        };
        svg.table((left, TOP), cell, numbers, paint);
    }
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, well_made};

    #[test]
    fn keeps_the_contract() {
        let x = [vec![1.0, 1.0, 4.0, 10.0], vec![11.0, 11.0, 14.0, 20.0]];
        let y = [vec![-0.98, -0.98, -0.97, -0.97], vec![0.98, 0.98, 0.97, 0.97]];
        check(|lang| rows_and_columns(&x, &y, &y, lang), "열마다", "column by column");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&rows_and_columns(&[], &[], &[], Lang::Ko));
        well_made(&rows_and_columns(
            &[vec![f64::NAN]],
            &[vec![]],
            &[vec![f64::INFINITY]],
            Lang::En,
        ));
    }
}
