use crate::axis::{Axis, extent};
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, WIDTH, end, plot};
use crate::svg::Svg;

/// How far the output for one image spreads over random batches of one size that it is in.
#[derive(Clone, Copy, Debug)]
pub struct Noise {
    pub batch_size: usize,
    pub batch: f64,
    pub group: f64,
}

/// The spread of the output for one image over random batches, against the batch size: under batch normalization, and
/// under group normalization, where there is none.
pub fn noise(rows: &[Noise], lang: Lang) -> String {
    const HEIGHT: f64 = 340.0;
    let sizes = rows.iter().enumerate().map(|(i, row)| (i as f64, row.batch_size.to_string()));
    let x =
        Axis::linear(lang.pick("배치 크기", "batch size"), -0.3, rows.len().max(1) as f64 - 0.7)
            .ticks(sizes);
    let (_, high) = extent(rows.iter().flat_map(|row| [row.batch, row.group]));
    let name = lang.pick(
        "같은 영상의 출력이 흩어진 정도 (표준편차)",
        "spread of one image's output (standard deviation)",
    );
    let y = Axis::linear(name, 0.0, high * 1.08);
    let column = |spread: fn(&Noise) -> f64| -> Vec<_> {
        rows.iter().enumerate().map(|(i, row)| (i as f64, spread(row))).collect()
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
        let rows = [(2, 0.4), (8, 0.2), (32, 0.1)].map(|(batch_size, batch)| Noise {
            batch_size,
            batch,
            group: 0.0,
        });
        check(|lang| noise(&rows, lang), "흩어진 정도", "spread of one image");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&noise(&[], Lang::Ko));
        let one = Noise { batch_size: 1, batch: f64::NAN, group: 0.0 };
        well_made(&noise(&[one], Lang::En));
    }
}
