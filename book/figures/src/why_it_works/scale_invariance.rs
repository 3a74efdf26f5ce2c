use crate::axis::{Axis, extent};
use crate::data::{Band, Series};
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, WIDTH, plot};
use crate::svg::{Anchor, Svg, Type};

/// Left: the length of the weights under decay, from first weights of several sizes. Right: by how much a
/// step turns them at rest, against the product of rate and decay; dashed, √(2 · rate · decay).
pub fn scale_invariance(lengths: &[Band], angles: &Series, lang: Lang) -> String {
    const HEIGHT: f64 = 360.0;
    let mut svg = Svg::new(WIDTH, HEIGHT);

    let points = || lengths.iter().flat_map(|band| band.points);
    let (_, last) = extent(points().map(|p| p.x));
    let x = Axis::linear(lang.pick("학습 스텝", "training steps"), 0.0, last);
    let y = Axis::log_around(lang.pick("길이 ‖w‖", "length ‖w‖"), points().map(|p| p.mid));
    plot(&mut svg, &Frame::column(0, 2, HEIGHT), &x.sparse(), &y, |plot| {
        for (i, band) in lengths.iter().enumerate() {
            plot.banded_line(band, Ink::series(i));
        }
        // They end together: named where they begin.
        for (i, band) in lengths.iter().enumerate() {
            if let Some(first) = band.points.first() {
                let style = Type::BODY.bold().ink(Ink::series(i)).halo();
                plot.note((first.x, first.mid), (22.0, 4.0), style, band.label);
            }
        }
    });

    let around = |label: &str, values: &dyn Fn(&(f64, f64)) -> f64| {
        let (low, high) = extent(angles.points.iter().map(values).filter(|v| *v > 0.0));
        let round = [1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0];
        let ticks = round.map(|value| (value, value.to_string()));
        Axis::log(label, low, high).cut(low / 1.5, high * 1.5).ticks(ticks)
    };
    let x = around(lang.pick("학습률 × 감쇠", "rate × decay"), &|p| p.0);
    let y = around(lang.pick("한 스텝의 각도", "angle of a step"), &|p| p.1);
    let theory = |x: f64| (x, libm::sqrt(2.0 * x));
    let ends = [theory(x.low), theory(x.high)];
    plot(&mut svg, &Frame::column(1, 2, HEIGHT), &x, &y, |plot| {
        plot.dashed(&ends, Ink::Text);
        plot.dots(angles.points, 6.0, Ink::series(0), 0.6);
        plot.note(ends[1], (-12.0, -8.0), Type::SMALL.anchor(Anchor::End), "√(2ηλ)");
    });
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Interval;
    use crate::testing::{check, well_made};

    #[test]
    fn keeps_the_contract() {
        let points = [0.0, 800.0].map(|x| Interval { x, low: 1.0, mid: 2.0, high: 3.0 });
        let angles = Series { label: "", points: &[(0.001, 0.045), (0.01, 0.14)] };
        let draw =
            |lang: Lang| scale_invariance(&[Band { label: "× 3", points: &points }], &angles, lang);
        check(draw, "한 스텝의 각도", "angle of a step");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&scale_invariance(&[], &Series { label: "", points: &[] }, Lang::Ko));
        let angles = [(0.0, f64::NAN), (f64::INFINITY, 1.0)];
        well_made(&scale_invariance(&[], &Series { label: "", points: &angles }, Lang::En));
    }
}
