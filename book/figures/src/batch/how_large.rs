use crate::axis::{Axis, extent};
use crate::data::Band;
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, WIDTH, middles, plot};
use crate::svg::Svg;

/// Steps, and epochs, until a goal is met, against the batch size.
pub fn how_large(steps: &Band, epochs: &Band, lang: Lang) -> String {
    const HEIGHT: f64 = 350.0;
    let mut svg = Svg::new(WIDTH, HEIGHT);
    let (low, high) = extent(steps.points.iter().map(|p| p.x).filter(|x| *x > 0.0));
    let panels = [
        (steps, lang.pick("스텝 수", "steps"), Ink::Blue),
        (epochs, lang.pick("에포크 수", "epochs"), Ink::Vermillion),
    ];
    for (i, (band, name, ink)) in panels.into_iter().enumerate() {
        let x = Axis::log(lang.pick("배치 크기", "batch size"), low, high)
            .ticks([1.0, 4.0, 16.0, 64.0, 256.0, 1024.0].map(|m: f64| (m, m.to_string())))
            .cut(low * 0.8, high * 1.25);
        let values = band.points.iter().flat_map(|p| [p.low, p.mid, p.high]);
        let (least, most) = extent(values.filter(|v| *v > 0.0));
        let round = |v: f64| (v, crate::number::decimal(v, 1));
        let ticks = (-1..5).flat_map(|e| [1.0, 2.0, 5.0].map(|k| k * libm::exp10(f64::from(e))));
        let y = Axis::log("", least, most).ticks(ticks.map(round)).cut(least * 0.85, most * 1.15);
        let frame = Frame::column(i, 2, HEIGHT).title(name);
        plot(&mut svg, &frame, &x, &y, |plot| {
            plot.banded_line(band, ink);
            plot.dots(&middles(band), 4.5, ink, 1.0);
        });
    }
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Interval;
    use crate::testing::{check, well_made};

    #[test]
    fn keeps_the_contract() {
        let points = [(1.0, 600.0), (64.0, 60.0), (1297.0, 30.0)].map(|(x, mid)| Interval {
            x,
            low: 0.8 * mid,
            mid,
            high: 1.2 * mid,
        });
        let band = Band { label: "", points: &points };
        check(|lang| how_large(&band, &band, lang), "에포크 수", "epochs");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        let wild = [Interval { x: 0.0, low: f64::NAN, mid: 0.0, high: 2.0 }];
        for points in [&wild[..], &[]] {
            let band = Band { label: "", points };
            well_made(&how_large(&band, &band, Lang::Ko));
        }
    }
}
