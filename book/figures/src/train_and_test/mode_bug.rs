use crate::axis::Axis;
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, WIDTH, end, plot};
use crate::svg::Svg;

/// The accuracy of one trained network, tested in batches of one size, under either kind of statistics.
#[derive(Clone, Copy, Debug)]
pub struct ModeAccuracy {
    pub batch_size: usize,
    /// With the statistics of the test batch: the training mode left on.
    pub batch: f64,
    /// With running statistics, as inference should be.
    pub running: f64,
}

/// Forgetting to leave the training mode: test accuracy against the batch size of the test, with batch statistics and
/// with running statistics. Accuracies are shares between 0 and 1; a value that is not finite is left out.
pub fn mode_bug(rows: &[ModeAccuracy], lang: Lang) -> String {
    const HEIGHT: f64 = 380.0;
    let place = |i: usize| i as f64;
    let sizes = rows.iter().enumerate().map(|(i, row)| (place(i), row.batch_size.to_string()));
    let x = Axis::linear(
        lang.pick("시험할 때의 배치 크기", "batch size of the test"),
        -0.3,
        rows.len().max(1) as f64 - 0.7,
    )
    .ticks(sizes);
    let y = Axis::linear(lang.pick("시험 정확도", "test accuracy"), 0.0, 1.0)
        .ticks((0..=5).map(|fifth| (f64::from(fifth) / 5.0, format!("{} %", fifth * 20))));
    let column = |accuracy: fn(&ModeAccuracy) -> f64| -> Vec<_> {
        rows.iter().enumerate().map(|(i, row)| (place(i), accuracy(row))).collect()
    };
    let lines = [
        (lang.pick("이동 통계", "running"), Ink::Blue, column(|row| row.running)),
        (lang.pick("배치 통계", "batch"), Ink::Vermillion, column(|row| row.batch)),
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
        let rows = [(2, 0.4), (8, 0.8), (32, 0.93)].map(|(batch_size, batch)| ModeAccuracy {
            batch_size,
            batch,
            running: 0.95,
        });
        check(|lang| mode_bug(&rows, lang), "배치 통계", "batch size of the test");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&mode_bug(&[], Lang::Ko));
        let one = ModeAccuracy { batch_size: 1, batch: f64::NAN, running: 0.9 };
        well_made(&mode_bug(&[one], Lang::En));
    }
}
