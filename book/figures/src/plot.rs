//! The house style of charts, on top of plotters.
//!
//! Thin axes, a grid for the major ticks only, the name of the vertical axis written horizontally above it, and names
//! of lines at their ends in place of a legend.

use std::convert::Infallible;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters_backend::text_anchor::{HPos, Pos, VPos};

use crate::axis::Axis;
use crate::data::{Band, Histogram, Interval};
use crate::ink::{Dashed, Ink};
use crate::page::{Page, SCALE};
use crate::svg::{Anchor, BODY, SMALL, Svg, Type, text_width};

/// The width of every figure.
pub const WIDTH: f64 = 640.0;
/// Lines of text stand this far apart, and labels at the ends of lines at least.
pub const LINE: f64 = 20.0;
/// The width of a line that shows data.
pub const STROKE: f64 = 2.5;

/// Where a chart stands in the figure, everything that belongs to it included.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    pub at: (f64, f64),
    pub size: (f64, f64),
    /// Written in bold above the chart.
    pub title: String,
    /// Room kept free at the left for the numbers of the vertical axis, if they need no more.
    pub left: f64,
    /// Room kept free at the right for the names of lines.
    pub right: f64,
}

impl Frame {
    /// A chart that fills a figure of this height.
    pub fn whole(height: f64) -> Frame {
        Frame { size: (WIDTH, height), ..Frame::default() }
    }

    /// The `index`-th of `columns` charts side by side.
    pub fn column(index: usize, columns: usize, height: f64) -> Frame {
        const GAP: f64 = 12.0;
        let columns = columns.max(1) as f64;
        let width = (WIDTH - GAP * (columns - 1.0)) / columns;
        Frame { at: (index as f64 * (width + GAP), 0.0), size: (width, height), ..Frame::default() }
    }

    pub fn middle(&self) -> f64 {
        self.at.0 + self.size.0 / 2.0
    }

    pub fn below(mut self, y: f64) -> Frame {
        self.at.1 += y;
        self
    }

    pub fn title(self, title: impl Into<String>) -> Frame {
        Frame { title: title.into(), ..self }
    }

    /// Keeps room for these names at the ends of lines.
    pub fn names<'n>(self, names: impl IntoIterator<Item = &'n str>) -> Frame {
        let widest =
            names.into_iter().map(|n| text_width(n, Type::BODY.bold())).fold(0.0, f64::max);
        Frame { right: widest + 8.0, ..self }
    }
}

/// What no drawing onto a text can do is fail.
fn drawn<T>(result: Result<T, DrawingAreaErrorKind<Infallible>>) {
    if let Err(error) = result {
        unreachable!("an SVG is text in memory, and nothing else draws on it: {error}");
    }
}

fn hundredths(value: f64) -> i32 {
    libm::round(value * SCALE) as i32
}

fn pixels(value: f64) -> u32 {
    hundredths(value).max(0) as u32
}

fn letters(style: Type) -> TextStyle<'static> {
    let weight = if style.bold { FontStyle::Bold } else { FontStyle::Normal };
    let side = match style.anchor {
        Anchor::Start => HPos::Left,
        Anchor::Middle => HPos::Center,
        Anchor::End => HPos::Right,
    };
    TextStyle {
        font: (FontFamily::SansSerif, style.size * SCALE, weight).into_font(),
        color: style.ink.to_backend_color(),
        pos: Pos::new(side, VPos::Center),
    }
}

/// A chart being drawn. Points are in the units of its axes; what lies beyond them is drawn at their edge.
pub struct Plot<'a, 'page> {
    chart: ChartContext<'a, Page<'page>, Cartesian2d<Axis, Axis>>,
    whole: &'a DrawingArea<Page<'page>, Shift>,
    x: &'a Axis,
    y: &'a Axis,
}

/// Draws one chart into the figure.
pub fn plot(svg: &mut Svg, frame: &Frame, x: &Axis, y: &Axis, draw: impl FnOnce(&mut Plot)) {
    let whole = Page(svg).into_drawing_area();
    let ((left, top), (width, height)) = (frame.at, frame.size);
    let title = if frame.title.is_empty() { 0.0 } else { 26.0 };
    let name = if y.label.is_empty() { 8.0 } else { 32.0 };
    let widest = y.ticks.iter().map(|(_, t)| text_width(t, Type::SMALL)).fold(0.0, f64::max);
    let beside = frame.left.max(widest + 10.0);
    // Half of the last tick's name stands beyond the end of the axis.
    let last = x.ticks.last().map_or(0.0, |(_, t)| text_width(t, Type::SMALL) / 2.0);
    let under = match (x.ticks.is_empty(), x.label.is_empty()) {
        (true, true) => 6.0,
        (true, false) | (false, true) => 26.0,
        (false, false) => 50.0,
    };
    let area = whole.clone().shrink(
        (hundredths(left), hundredths(top + title + name)),
        (pixels(width - frame.right.max(last)), pixels(height - title - name)),
    );

    let built = ChartBuilder::on(&area)
        .x_label_area_size(pixels(under))
        .y_label_area_size(pixels(beside))
        .build_cartesian_2d(x.clone(), y.clone());
    let mut chart = match built {
        Ok(chart) => chart,
        Err(error) => return drawn::<()>(Err(error)),
    };

    let mut mesh = chart.configure_mesh();
    if x.ticks.is_empty() {
        mesh.disable_x_axis();
    }
    if y.ticks.is_empty() {
        mesh.disable_y_axis();
    }
    drawn(
        mesh.disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(Ink::Grid.stroke_width(pixels(0.75)))
            .axis_style(Ink::Text.stroke_width(pixels(1.0)))
            .set_all_tick_mark_size(hundredths(4.0))
            .x_labels(x.ticks.len())
            .y_labels(y.ticks.len())
            .x_label_style(letters(Type::SMALL))
            .y_label_style(letters(Type::SMALL))
            .draw(),
    );

    let mut plot = Plot { chart, whole: &whole, x, y };
    let middle = left + beside + (width - beside - frame.right.max(last)) / 2.0;
    plot.write((left, top + 12.0), Type::BODY.bold(), &frame.title);
    plot.write((left, top + title + 12.0), Type::SMALL, &y.label);
    plot.write((middle, top + height - 11.0), Type::SMALL.middle(), &x.label);
    draw(&mut plot);
}

impl Plot<'_, '_> {
    fn place(&self, (x, y): (f64, f64)) -> Option<(f64, f64)> {
        (self.x.has_place(x) && self.y.has_place(y)).then_some((x, y))
    }

    /// The place of a point in the figure, of any that has one.
    fn spot(&self, point: (f64, f64)) -> Option<(f64, f64)> {
        let (x, y) = self.chart.backend_coord(&self.place(point)?);
        Some((f64::from(x) / SCALE, f64::from(y) / SCALE))
    }

    fn write(&self, (x, y): (f64, f64), style: Type, text: &str) {
        if !text.is_empty() {
            let position = (hundredths(x), hundredths(y));
            drawn(self.whole.draw(&Text::new(text, position, letters(style))));
        }
    }

    /// The pieces of a line between points that have no place.
    fn pieces(&self, points: &[(f64, f64)]) -> Vec<Vec<(f64, f64)>> {
        let mut pieces = vec![Vec::new()];
        for &point in points {
            match (self.place(point), pieces.last_mut()) {
                (Some(place), Some(piece)) => piece.push(place),
                _ => pieces.push(Vec::new()),
            }
        }
        pieces.retain(|piece| piece.len() > 1);
        pieces
    }

    /// A line through points.
    pub fn line(&mut self, points: &[(f64, f64)], ink: Ink) {
        self.thin_line(points, ink, STROKE);
    }

    pub fn thin_line(&mut self, points: &[(f64, f64)], ink: Ink, width: f64) {
        for piece in self.pieces(points) {
            drawn(self.chart.draw_series(LineSeries::new(piece, ink.stroke_width(pixels(width)))));
        }
    }

    /// Theory, a bound or a guide.
    pub fn dashed(&mut self, points: &[(f64, f64)], ink: Ink) {
        for piece in self.pieces(points) {
            let style = Dashed(ink).stroke_width(pixels(1.5));
            drawn(self.chart.draw_series(LineSeries::new(piece, style)));
        }
    }

    /// A horizontal line across the chart.
    pub fn level(&mut self, y: f64, ink: Ink) {
        if self.y.has_place(y) {
            let style = Dashed(ink).stroke_width(pixels(1.5));
            let ends = [(self.x.low, y), (self.x.high, y)];
            drawn(self.chart.draw_series(LineSeries::new(ends, style)));
        }
    }

    /// A vertical line, from the bottom up to the height `y`.
    pub fn drop_line(&mut self, top: (f64, f64), ink: Ink) {
        if let Some((x, y)) = self.place(top) {
            let style = Dashed(ink).stroke_width(pixels(1.5));
            drawn(self.chart.draw_series(LineSeries::new([(x, self.y.low), (x, y)], style)));
        }
    }

    /// The area between the low and the high values.
    pub fn band(&mut self, points: &[Interval], ink: Ink) {
        let both = |p: &Interval| Some((self.place((p.x, p.low))?, self.place((p.x, p.high))?));
        let (low, mut outline): (Vec<_>, Vec<_>) = points.iter().filter_map(both).unzip();
        outline.extend(low.into_iter().rev());
        if outline.len() > 2 {
            drawn(self.chart.draw_series([Polygon::new(outline, ink.mix(0.2))]));
        }
    }

    /// The band and the line through its middle.
    pub fn banded_line(&mut self, band: &Band, ink: Ink) {
        self.band(band.points, ink);
        self.line(&middles(band), ink);
    }

    /// The name of each band at the end of its line, in the ink of its place among them.
    pub fn names_of_bands(&mut self, bands: &[Band]) {
        let ends = bands.iter().map(|band| (band.label, end(&middles(band))));
        self.names(ends.enumerate().map(|(i, (label, end))| (label, end, Ink::series(i))));
    }

    /// The area between a line and the bottom of the chart.
    pub fn area(&mut self, points: &[(f64, f64)], ink: Ink, opacity: f64) {
        for mut piece in self.pieces(points) {
            if let (Some(&first), Some(&last)) = (piece.first(), piece.last()) {
                piece.extend([(last.0, self.y.low), (first.0, self.y.low)]);
                drawn(self.chart.draw_series([Polygon::new(piece, ink.mix(opacity))]));
            }
        }
    }

    pub fn dots(&mut self, points: &[(f64, f64)], radius: f64, ink: Ink, opacity: f64) {
        let places: Vec<_> = points.iter().filter_map(|&point| self.place(point)).collect();
        let style = ink.mix(opacity).filled();
        let dot = |place| Circle::new(place, hundredths(radius), style);
        drawn(self.chart.draw_series(places.into_iter().map(dot)));
    }

    /// The bars as one outline, so that no seams show between them.
    pub fn histogram(&mut self, histogram: &Histogram, ink: Ink) {
        let outline: Vec<_> = histogram
            .bars()
            .flat_map(|(left, right, height)| [(left, height), (right, height)])
            .collect();
        self.area(&outline, ink, 0.35);
    }

    /// Text near a point, moved from it by `(right, down)`.
    pub fn note(&mut self, point: (f64, f64), (dx, dy): (f64, f64), style: Type, text: &str) {
        if let Some((x, y)) = self.spot(point) {
            self.write((x + dx, y + dy), style, text);
        }
    }

    /// The name of each line at its last point, moved up or down where two would touch.
    pub fn names<'n>(&mut self, lines: impl IntoIterator<Item = (&'n str, (f64, f64), Ink)>) {
        let mut names: Vec<_> = lines
            .into_iter()
            .filter_map(|(name, end, ink)| Some((self.spot(end)?, name, ink)))
            .collect();
        names.sort_by(|a, b| a.0.1.total_cmp(&b.0.1));
        let heights: Vec<_> = names.iter().map(|name| name.0.1).collect();
        let (_, down) = self.chart.plotting_area().get_pixel_range();
        // Above the bottom, where the numbers of the axis begin.
        let (top, bottom) = (f64::from(down.start) / SCALE, f64::from(down.end) / SCALE - 6.0);
        for ((spot, name, ink), y) in names.into_iter().zip(spread(&heights, top, bottom)) {
            self.write((spot.0 + 7.0, y), Type::BODY.bold().ink(ink), name);
        }
    }
}

/// The line through the middles of a band.
pub fn middles(band: &Band) -> Vec<(f64, f64)> {
    band.points.iter().map(|p| (p.x, p.mid)).collect()
}

/// Where a name for the line goes: its last point that is a number.
pub fn end(points: &[(f64, f64)]) -> (f64, f64) {
    let finite = |&&(x, y): &&(f64, f64)| x.is_finite() && y.is_finite();
    points.iter().rev().find(finite).copied().unwrap_or((f64::NAN, f64::NAN))
}

/// Ascending heights moved as little as makes neighbours a line of text apart, between `top` and `bottom` if they fit.
fn spread(heights: &[f64], top: f64, bottom: f64) -> Vec<f64> {
    let mut placed = heights.to_vec();
    // Pairs that touch are pushed apart evenly, again and again: names are few.
    for _ in 0..200 {
        for i in 1..placed.len() {
            let overlap = LINE - (placed[i] - placed[i - 1]);
            if overlap > 0.0 {
                placed[i - 1] -= overlap / 2.0;
                placed[i] += overlap / 2.0;
            }
        }
        if let Some(first) = placed.first_mut() {
            *first = first.max(top);
        }
        if let Some(last) = placed.last_mut() {
            *last = last.min(bottom);
        }
    }
    placed
}

const _: () = assert!(SMALL >= 15.0 && BODY >= SMALL);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_a_line_apart() {
        let placed = spread(&[100.0, 101.0, 102.0, 200.0], 0.0, 300.0);
        for pair in placed.windows(2) {
            assert!(pair[1] - pair[0] > LINE - 0.1, "{placed:?}");
        }
        assert_eq!(placed[3], 200.0);
        assert_eq!(spread(&[10.0, 50.0], 0.0, 100.0), [10.0, 50.0]);
    }

    #[test]
    fn names_stay_on_the_chart() {
        let placed = spread(&[95.0, 99.0], 0.0, 100.0);
        assert!(placed[1] <= 100.0 && placed[1] - placed[0] > LINE - 0.5, "{placed:?}");
    }

    #[test]
    fn a_line_breaks_where_a_point_has_no_place() {
        let mut svg = Svg::new(WIDTH, 300.0);
        let (x, y) = (Axis::linear("", 0.0, 4.0), Axis::linear("", 0.0, 1.0));
        plot(&mut svg, &Frame::whole(300.0), &x, &y, |plot| {
            let points = [(0.0, 0.0), (1.0, 1.0), (2.0, f64::NAN), (3.0, 0.0), (4.0, 1.0)];
            assert_eq!(plot.pieces(&points).len(), 2);
        });
    }
}
