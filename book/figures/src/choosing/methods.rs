use crate::axis::{Axis, extent};
use crate::data::Named;
use crate::forest::{forest, height};
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, WIDTH, plot};
use crate::svg::Svg;

/// What a network does with each normalization.
pub struct Panel<'a> {
    pub title: &'a str,
    /// For each name: validation error, in percent, at each learning rate. One that the network does not have is
    /// not finite.
    pub lines: Vec<Vec<(f64, f64)>>,
    /// Test error, in points, less that with batch normalization, of the others.
    pub less_batch: Vec<Named>,
}

/// As in the other figures that compare these layers; what is without one in the color of the text.
const INKS: [Ink; 6] =
    [Ink::Text, Ink::Vermillion, Ink::Green, Ink::Blue, Ink::Purple, Ink::Orange];

/// A column for each network: above, validation error against the learning rate, a line for each of `names`; below,
/// how much more test error each has than batch normalization, at the rate it has chosen.
pub fn methods(names: &[&str], panels: &[Panel], lang: Lang) -> String {
    const KEY: f64 = 30.0;
    const RATES: f64 = 300.0;
    const GAP: f64 = 18.0;
    let rows = panels.iter().map(|panel| panel.less_batch.len()).max().unwrap_or(0);
    let total = KEY + RATES + GAP + height(rows);
    let mut svg = Svg::new(WIDTH, total);
    svg.key(names.iter().copied().zip(INKS));
    let points = || panels.iter().flat_map(|panel| &panel.lines).flatten();
    let (low, high) = extent(points().map(|p| p.1).filter(|error| *error > 0.0));
    let (least, most) = extent(points().map(|p| p.0));
    for (i, panel) in panels.iter().enumerate() {
        let x = Axis::log(lang.pick("학습률", "learning rate"), least, most).cut(least, most);
        let name = if i == 0 { lang.pick("검증 오차, %", "validation error, %") } else { " " };
        let ticks = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0].map(|e| (e, e.to_string()));
        let y = Axis::log(name, low, high).ticks(ticks).cut(low * 0.9, high * 1.1);
        let frame = Frame::column(i, panels.len(), RATES).below(KEY).title(panel.title);
        plot(&mut svg, &frame, &x, &y, |plot| {
            for (points, ink) in panel.lines.iter().zip(INKS) {
                plot.line(points, ink);
                plot.dots(points, 4.0, ink, 1.0);
            }
        });
        let frame = Frame::column(i, panels.len(), height(rows))
            .below(KEY + RATES + GAP)
            .title(lang.pick("배치 정규화와의 시험 오차 차", "Test error − batch norm's"));
        forest(
            &mut svg,
            &frame,
            lang.pick("점", "points"),
            &panel.less_batch,
            true,
            true,
            Ink::Text,
        );
    }
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, row, well_made};

    fn panel(mid: f64) -> Panel<'static> {
        let line = |error: f64| vec![(0.1, error), (1.0, 3.0), (10.0, 90.0)];
        Panel {
            title: "1",
            lines: vec![line(20.0), line(f64::NAN)],
            less_batch: vec![row("LN", mid), row("GN", 0.4)],
        }
    }

    #[test]
    fn keeps_the_contract() {
        let panels = [panel(-0.5), panel(2.0)];
        check(|lang| methods(&["BN", "LN"], &panels, lang), "검증 오차", "validation error");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&methods(&[], &[], Lang::Ko));
        let wild = Panel { lines: vec![vec![(0.0, 0.0), (f64::INFINITY, 1.0)]], ..panel(f64::NAN) };
        well_made(&methods(&["wild"], &[wild], Lang::En));
    }
}
