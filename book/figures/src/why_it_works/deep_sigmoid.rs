use crate::axis::Axis;
use crate::data::Interval;
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, STROKE, WIDTH, plot};
use crate::svg::Svg;

/// Test accuracy in %, a row for each kind of network and in it a point with its interval for each depth.
///
/// The rows are those of the first depth; `x` of the intervals is not used.
pub fn deep_sigmoid(depths: &[(usize, Vec<(String, Interval)>)], lang: Lang) -> String {
    const HEIGHT: f64 = 360.0;
    const KEY: f64 = 30.0;
    let names: Vec<&str> =
        depths.first().map_or(&[][..], |(_, rows)| rows).iter().map(|row| row.0.as_str()).collect();
    let place = |row: usize| -(row as f64);
    let y = Axis::linear("", place(names.len().max(1)) + 0.5, 0.5)
        .ticks(names.iter().enumerate().map(|(row, name)| (place(row), name.to_string())));
    let x = Axis::linear(lang.pick("시험 정확도 (%)", "test accuracy, %"), 0.0, 100.0);

    let mut svg = Svg::new(WIDTH, HEIGHT);
    let layers: Vec<String> = depths
        .iter()
        .map(|(depth, _)| lang.pick(format!("은닉층 {depth}개"), format!("{depth} hidden layers")))
        .collect();
    svg.key(layers.iter().enumerate().map(|(i, name)| (name.as_str(), Ink::series(i))));
    plot(&mut svg, &Frame::whole(HEIGHT - KEY).below(KEY), &x, &y, |plot| {
        for (i, (_, rows)) in depths.iter().enumerate() {
            for (row, (_, interval)) in rows.iter().enumerate() {
                let y = place(row) + 0.12 - 0.24 * i as f64;
                let ends = [(interval.low, y), (interval.high, y)];
                plot.thin_line(&ends, Ink::series(i), STROKE);
                plot.dots(&[(interval.mid, y)], 6.0, Ink::series(i), 1.0);
            }
        }
    });
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, well_made};

    #[test]
    fn keeps_the_contract() {
        let row =
            |mid| ("BN, tanh".to_string(), Interval { x: 0.0, low: mid - 1.0, mid, high: 99.0 });
        let depths = [(10, vec![row(97.0), row(10.0)]), (20, vec![row(95.0), row(10.0)])];
        check(|lang| deep_sigmoid(&depths, lang), "은닉층 20개", "20 hidden layers");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&deep_sigmoid(&[], Lang::Ko));
        let lost = Interval { x: 0.0, low: f64::NAN, mid: f64::NAN, high: f64::INFINITY };
        well_made(&deep_sigmoid(&[(3, vec![("a".into(), lost)])], Lang::En));
    }
}
