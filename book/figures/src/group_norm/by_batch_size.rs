use crate::axis::Axis;
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, WIDTH, end, plot};
use crate::svg::Svg;

/// What was found with batches of one size, under batch normalization and under group normalization.
#[derive(Clone, Copy, Debug)]
pub struct ByBatchSize {
    pub batch_size: usize,
    pub batch: f64,
    pub group: f64,
}

/// A line for each of the two, the batch sizes in their order at equal distances.
pub fn two_lines(rows: &[ByBatchSize], name: &str, y: &Axis, lang: Lang) -> String {
    const HEIGHT: f64 = 350.0;
    let sizes = rows.iter().enumerate().map(|(i, row)| (i as f64, row.batch_size.to_string()));
    let x = Axis::linear(name, -0.3, rows.len().max(1) as f64 - 0.7).ticks(sizes);
    let column = |value: fn(&ByBatchSize) -> f64| -> Vec<_> {
        rows.iter().enumerate().map(|(i, row)| (i as f64, value(row))).collect()
    };
    let lines = [
        (lang.pick("배치", "batch"), Ink::Vermillion, column(|row| row.batch)),
        (lang.pick("그룹", "group"), Ink::Blue, column(|row| row.group)),
    ];

    let mut svg = Svg::new(WIDTH, HEIGHT);
    let frame = Frame::whole(HEIGHT).names(lines.each_ref().map(|line| line.0));
    plot(&mut svg, &frame, &x, y, |plot| {
        for (_, ink, points) in &lines {
            plot.line(points, *ink);
            plot.dots(points, 5.0, *ink, 1.0);
        }
        plot.names(lines.iter().map(|(name, ink, points)| (*name, end(points), *ink)));
    });
    svg.finish()
}
