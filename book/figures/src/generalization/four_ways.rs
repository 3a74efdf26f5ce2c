use crate::axis::{Axis, extent};
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, WIDTH, end, plot};
use crate::svg::{Anchor, Svg, Type};

/// What is turned to make a model generalize better, and the errors that follow. A knob at 0 has no place on a
/// logarithmic axis.
#[derive(Clone, Debug)]
pub struct Knob {
    pub logarithmic: bool,
    pub training: Vec<(f64, f64)>,
    pub test: Vec<(f64, f64)>,
    /// Test error without: drawn as a level.
    pub without: f64,
}

/// Training and test error against a simpler model, a stronger prior, more randomness and more members of an
/// ensemble, in four panels on the same vertical axis.
pub fn four_ways([simpler, prior, randomness, ensemble]: [&Knob; 4], lang: Lang) -> String {
    const HEIGHT: f64 = 290.0;
    let knobs = [
        (
            simpler,
            lang.pick("단순한 모델", "Simpler model"),
            lang.pick("다항식의 차수", "degree of the polynomial"),
        ),
        (
            prior,
            lang.pick("사전 지식", "Prior knowledge"),
            lang.pick("능형 회귀의 λ", "λ of ridge regression"),
        ),
        (
            randomness,
            lang.pick("무작위성", "Randomness"),
            lang.pick("잡음의 표준편차", "deviation of the noise"),
        ),
        (
            ensemble,
            lang.pick("여러 가설", "Several hypotheses"),
            lang.pick("모델의 개수", "number of models"),
        ),
    ];
    let all = knobs.iter().flat_map(|(knob, ..)| knob.training.iter().chain(&knob.test));
    let (_, high) = extent(all.map(|p| p.1).chain(knobs.iter().map(|knob| knob.0.without)));
    let mut svg = Svg::new(WIDTH, 2.0 * HEIGHT + 14.0);
    for (i, (knob, title, name)) in knobs.into_iter().enumerate() {
        let values = || knob.training.iter().chain(&knob.test).map(|p| p.0);
        let x = if knob.logarithmic {
            let (low, high) = extent(values().filter(|v| *v > 0.0));
            let x = Axis::log(name, low, high);
            let halves = x.ticks.len() < 3;
            let ticks = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0].map(|k: f64| (k, k.to_string()));
            if halves || low >= 1.0 { x.ticks(ticks) } else { x }.cut(low, high)
        } else {
            let (low, high) = extent(values());
            Axis::linear(name, low, high)
        };
        let y = Axis::linear(lang.pick("제곱 오차", "squared error"), 0.0, high * 1.05);
        let names = lang.pick(["학습", "시험"], ["training", "test"]);
        let frame = Frame::column(i % 2, 2, HEIGHT)
            .below((i / 2) as f64 * (HEIGHT + 14.0))
            .names(names)
            .title(title);
        plot(&mut svg, &frame, &x, &y, |plot| {
            plot.level(knob.without, Ink::Muted);
            let right = values().fold(f64::NEG_INFINITY, f64::max);
            let style = Type::SMALL.ink(Ink::Muted).anchor(Anchor::End).halo();
            plot.note((right, knob.without), (-4.0, -11.0), style, lang.pick("없을 때", "without"));
            let lines =
                [(names[0], &knob.training, Ink::Blue), (names[1], &knob.test, Ink::Vermillion)];
            for (_, points, ink) in lines {
                plot.line(points, ink);
                plot.dots(points, 3.5, ink, 1.0);
            }
            plot.names(lines.map(|(name, points, ink)| (name, end(points), ink)));
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
        let knob = |logarithmic| Knob {
            logarithmic,
            training: vec![(1.0, 0.1), (4.0, 0.2), (32.0, 0.4)],
            test: vec![(1.0, 0.6), (4.0, 0.4), (32.0, 0.5)],
            without: 0.7,
        };
        let [plain, log] = [knob(false), knob(true)];
        check(|lang| four_ways([&plain, &log, &plain, &log], lang), "사전 지식", "Prior knowledge");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        let knob = |logarithmic| Knob {
            logarithmic,
            training: vec![],
            test: vec![(0.0, f64::NAN)],
            without: f64::NAN,
        };
        let [plain, log] = [knob(false), knob(true)];
        well_made(&four_ways([&plain, &log, &plain, &log], Lang::Ko));
    }
}
