use crate::axis::{Axis, extent};
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, WIDTH, end, plot};
use crate::svg::Svg;

/// Errors, in percent, of two networks trained with this many images a batch.
#[derive(Clone, Copy, Debug)]
pub struct Published {
    pub batch_size: usize,
    pub batch: f64,
    pub group: f64,
}

/// The published error of a network under batch normalization and under group normalization, against the batch size.
pub fn published(rows: &[Published], lang: Lang) -> String {
    const HEIGHT: f64 = 360.0;
    let sizes = rows.iter().enumerate().map(|(i, row)| (i as f64, row.batch_size.to_string()));
    let x = Axis::linear(
        lang.pick("배치 크기 (GPU 하나가 맡은 영상 수)", "batch size (images per GPU)"),
        -0.3,
        rows.len().max(1) as f64 - 0.7,
    )
    .ticks(sizes);
    let (low, high) = extent(rows.iter().flat_map(|row| [row.batch, row.group]));
    let y = Axis::linear(lang.pick("검증 오류, %", "validation error, %"), low - 2.0, high + 1.0);
    let column = |error: fn(&Published) -> f64| -> Vec<_> {
        rows.iter().enumerate().map(|(i, row)| (i as f64, error(row))).collect()
    };
    let lines = [
        (lang.pick("배치", "batch"), Ink::Vermillion, column(|row| row.batch)),
        (lang.pick("그룹", "group"), Ink::Blue, column(|row| row.group)),
    ];

    let mut svg = Svg::new(WIDTH, HEIGHT);
    let frame = Frame::whole(HEIGHT).names(lines.each_ref().map(|line| line.0));
    plot(&mut svg, &frame, &x, &y, |plot| {
        for (_, ink, points) in &lines {
            plot.line(points, *ink);
            plot.dots(points, 5.0, *ink, 1.0);
        }
        plot.names(lines.iter().map(|(name, ink, points)| (*name, end(points), *ink)));
    });
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, well_made};

    #[test]
    fn keeps_the_contract() {
        let rows = [(32, 23.6), (4, 27.3), (2, 34.7)].map(|(batch_size, batch)| Published {
            batch_size,
            batch,
            group: 24.1,
        });
        check(|lang| published(&rows, lang), "검증 오류", "validation error");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&published(&[], Lang::Ko));
        let one = Published { batch_size: 1, batch: f64::NAN, group: 24.0 };
        well_made(&published(&[one], Lang::En));
    }
}
