use crate::axis::{Axis, extent};
use crate::data::{Band, Interval};
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, WIDTH, end, plot};
use crate::svg::Svg;

/// The 15th, 50th and 85th percentile of one unit's input during training, a panel for each way of training, all on
/// the same axes (Ioffe and Szegedy 2015, figure 1, b and c).
///
/// `low`, `mid` and `high` of each point are the three percentiles, `x` the training step.
pub fn percentile_bands(panels: &[Band], lang: Lang) -> String {
    const HEIGHT: f64 = 380.0;
    let points = || panels.iter().flat_map(|panel| panel.points);
    let (_, last) = extent(points().map(|p| p.x));
    let values = || points().flat_map(|p| [p.low, p.mid, p.high]);

    let mut svg = Svg::new(WIDTH, HEIGHT);
    for (i, panel) in panels.iter().enumerate() {
        let x = Axis::linear(lang.pick("학습 스텝", "training steps"), 0.0, last);
        let x = if panels.len() > 1 { x.sparse() } else { x };
        let name = if i == 0 { lang.pick("유닛의 입력", "input of the unit") } else { " " };
        let y = Axis::around(name, values());
        let ink = Ink::series(i);
        let frame = Frame::column(i, panels.len(), HEIGHT).names(["85 %"]).title(panel.label);
        plot(&mut svg, &frame, &x, &y, |plot| {
            plot.banded_line(panel, ink);
            let edge = |value: fn(&Interval) -> f64| {
                panel.points.iter().map(|p| (p.x, value(p))).collect::<Vec<_>>()
            };
            let (low, mid, high) = (edge(|p| p.low), edge(|p| p.mid), edge(|p| p.high));
            plot.thin_line(&low, ink, 1.0);
            plot.thin_line(&high, ink, 1.0);
            plot.names([
                ("85 %", end(&high), ink),
                ("50 %", end(&mid), ink),
                ("15 %", end(&low), ink),
            ]);
        });
    }
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, well_made};

    #[test]
    fn keeps_the_contract() {
        let steady = [0.0, 5000.0].map(|x| Interval { x, low: -1.0, mid: 0.0, high: 1.0 });
        let collapsed = [0.0, 5000.0].map(|x| Interval { x, low: -2.2, mid: -2.2, high: -2.2 });
        let panels =
            [Band { label: "1", points: &collapsed }, Band { label: "2", points: &steady }];
        check(|lang| percentile_bands(&panels, lang), "유닛의 입력", "input of the unit");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&percentile_bands(&[], Lang::Ko));
        well_made(&percentile_bands(&[Band { label: "empty", points: &[] }], Lang::En));
    }
}
