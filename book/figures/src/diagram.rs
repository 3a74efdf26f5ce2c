//! Boxes and arrows, for what is no chart.

use crate::ink::Ink;
use crate::number::decimal;
use crate::svg::{Paint, Svg, Type, text_width};

/// A box with its text, by its upper left corner.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    pub at: (f64, f64),
    pub size: (f64, f64),
}

impl Block {
    pub fn new(x: f64, y: f64, w: f64, h: f64) -> Block {
        Block { at: (x, y), size: (w, h) }
    }

    pub fn center(self) -> (f64, f64) {
        (self.at.0 + self.size.0 / 2.0, self.at.1 + self.size.1 / 2.0)
    }

    pub fn left(self) -> (f64, f64) {
        (self.at.0, self.center().1)
    }

    pub fn right(self) -> (f64, f64) {
        (self.at.0 + self.size.0, self.center().1)
    }

    pub fn top(self) -> (f64, f64) {
        (self.center().0, self.at.1)
    }

    pub fn bottom(self) -> (f64, f64) {
        (self.center().0, self.at.1 + self.size.1)
    }
}

/// Lines of text in a box stand this far apart.
const LEADING: f64 = 22.0;

impl Svg {
    /// A tinted box with lines of text in its middle.
    pub fn block(&mut self, block: Block, ink: Ink, lines: &[(&str, Type)]) {
        let tint = if ink == Ink::Text { 0.05 } else { 0.14 };
        self.rect(block.at, block.size, 6.0, &Paint::fill(ink, tint).and_stroke(ink, 1.25));
        let (x, y) = block.center();
        let first = y - LEADING * (lines.len().saturating_sub(1) as f64) / 2.0;
        for (row, &(text, style)) in lines.iter().enumerate() {
            let baseline = first + row as f64 * LEADING + 0.35 * style.size;
            self.text((x, baseline), style.middle(), text);
        }
    }

    /// A table of numbers, cell by cell; each is painted as its row and column say. What is no number stays empty.
    pub fn table(
        &mut self,
        (x, y): (f64, f64),
        cell: (f64, f64),
        rows: &[Vec<f64>],
        paint: impl Fn(usize, usize) -> Paint,
    ) {
        for (i, row) in rows.iter().enumerate() {
            for (j, &value) in row.iter().enumerate() {
                let at = (x + j as f64 * cell.0, y + i as f64 * cell.1);
                self.rect(at, cell, 0.0, &paint(i, j));
                if value.is_finite() {
                    let baseline = (at.0 + cell.0 / 2.0, at.1 + cell.1 / 2.0 + 6.0);
                    self.text(baseline, Type::SMALL.middle(), &decimal(value, 2));
                }
            }
        }
    }

    /// Names of colours in a row at the top, where one name stands for lines of two charts.
    pub fn key<'n>(&mut self, names: impl IntoIterator<Item = (&'n str, Ink)>) {
        let style = Type::BODY.bold();
        let mut x = 4.0;
        for (name, ink) in names {
            self.path([(x, 14.0), (x + 22.0, 14.0)], &Paint::stroke(ink, 4.0));
            self.text((x + 29.0, 20.0), style.ink(ink), name);
            x += 29.0 + text_width(name, style) + 26.0;
        }
    }

    /// A line that ends in an arrow head.
    pub fn arrow(&mut self, from: (f64, f64), to: (f64, f64), ink: Ink) {
        self.arrow_along(&[from, to], ink, 1.5);
    }

    /// A broken line whose last part ends in an arrow head.
    pub fn arrow_along(&mut self, points: &[(f64, f64)], ink: Ink, width: f64) {
        const HEAD: f64 = 10.0;
        let [before @ .., (x0, y0), (x1, y1)] = points else { return };
        let ((x0, y0), (x1, y1)) = ((*x0, *y0), (*x1, *y1));
        let length = libm::hypot(x1 - x0, y1 - y0);
        if length == 0.0 {
            return;
        }
        let (dx, dy) = ((x1 - x0) / length, (y1 - y0) / length);
        let neck = (x1 - HEAD * dx, y1 - HEAD * dy);
        let wing = |side: f64| (neck.0 - side * 0.45 * HEAD * dy, neck.1 + side * 0.45 * HEAD * dx);
        let shaft = before.iter().copied().chain([(x0, y0), neck]);
        self.path(shaft, &Paint::stroke(ink, width));
        self.polygon([(x1, y1), wing(1.0), wing(-1.0)], &Paint::fill(ink, 1.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arrow_of_no_length_is_not_drawn() {
        let mut svg = Svg::new(10.0, 10.0);
        svg.arrow((5.0, 5.0), (5.0, 5.0), Ink::Text);
        svg.arrow_along(&[(1.0, 1.0)], Ink::Text, 1.0);
        let svg = svg.finish();
        assert!(!svg.contains("<poly"), "{svg}");
    }
}
