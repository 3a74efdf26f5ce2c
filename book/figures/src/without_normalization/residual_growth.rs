use crate::axis::Axis;
use crate::data::{Band, Interval};
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, WIDTH, end, middles, plot};
use crate::svg::Svg;

/// The variance of the activations after each number of residual blocks.
#[derive(Clone, Debug)]
pub struct Growth {
    pub plain: Vec<Interval>,
    pub batch: Vec<Interval>,
    pub skip: Vec<Interval>,
}

/// A line for each way to end a residual branch: as it is, by batch normalization, and by a factor that starts at 0.
/// Dashed: 2^ℓ and ℓ + 1.
pub fn residual_growth(growth: &Growth, lang: Lang) -> String {
    const HEIGHT: f64 = 360.0;
    let lines = [
        (lang.pick("그대로", "plain"), Ink::Vermillion, &growth.plain),
        (lang.pick("배치 정규화", "batch norm"), Ink::Blue, &growth.batch),
        ("SkipInit", Ink::Green, &growth.skip),
    ];
    let all = || lines.iter().flat_map(|(_, _, points)| points.iter());
    let depth = all().map(|p| p.x).filter(|x| x.is_finite()).fold(1.0, f64::max);
    let top = all().map(|p| p.high).filter(|v| v.is_finite()).fold(10.0, f64::max);
    let x =
        Axis::linear(lang.pick("지나온 잔차 블록의 수 ℓ", "residual blocks passed, ℓ"), 0.0, depth);
    let y = Axis::log(lang.pick("활성값의 분산", "variance of the activations"), 0.1, top);
    let theory = |f: &dyn Fn(f64) -> f64| -> Vec<_> {
        (0..=depth as u32).map(|l| (f64::from(l), f(f64::from(l)))).collect()
    };

    let mut svg = Svg::new(WIDTH, HEIGHT);
    let frame = Frame::whole(HEIGHT).names(lines.each_ref().map(|line| line.0));
    plot(&mut svg, &frame, &x, &y, |plot| {
        for (label, ink, points) in &lines {
            plot.banded_line(&Band { label, points }, *ink);
        }
        plot.dashed(&theory(&libm::exp2), Ink::Text);
        plot.dashed(&theory(&|l| l + 1.0), Ink::Text);
        plot.names(
            lines
                .iter()
                .map(|(label, ink, points)| (*label, end(&middles(&Band { label, points })), *ink)),
        );
    });
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, well_made};

    fn line(f: impl Fn(f64) -> f64) -> Vec<Interval> {
        let point = |x: f64| Interval { x, low: 0.9 * f(x), mid: f(x), high: 1.1 * f(x) };
        (0..20).map(|l| point(f64::from(l))).collect()
    }

    #[test]
    fn keeps_the_contract() {
        let growth =
            Growth { plain: line(libm::exp2), batch: line(|l| l + 1.0), skip: line(|_| 1.0) };
        check(|lang| residual_growth(&growth, lang), "그대로", "plain");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        let (nothing, odd) = (Vec::new(), line(|l| if l > 3.0 { f64::NAN } else { -l }));
        let growth = Growth { plain: odd, batch: nothing.clone(), skip: nothing };
        well_made(&residual_growth(&growth, Lang::En));
    }
}
