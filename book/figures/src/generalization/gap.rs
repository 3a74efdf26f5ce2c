use crate::axis::{Axis, extent};
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, WIDTH, end, plot};
use crate::svg::{Svg, Type};

/// Training and test error against the number of parameters, and the error that no model can avoid.
pub fn gap(training: &[(f64, f64)], test: &[(f64, f64)], noise: f64, lang: Lang) -> String {
    const HEIGHT: f64 = 380.0;
    let (first, last) = extent(training.iter().chain(test).map(|p| p.0));
    let (_, high) = extent(training.iter().chain(test).map(|p| p.1).chain([noise]));
    let x = Axis::linear(lang.pick("매개변수의 개수", "number of parameters"), first, last);
    let y = Axis::linear(lang.pick("제곱 오차", "squared error"), 0.0, high * 1.05);
    let names = lang.pick(["학습 오차", "시험 오차"], ["training", "test"]);
    let lines = [(names[0], training, Ink::Blue), (names[1], test, Ink::Vermillion)];

    let mut svg = Svg::new(WIDTH, HEIGHT);
    let frame = Frame::whole(HEIGHT).names(names);
    plot(&mut svg, &frame, &x, &y, |plot| {
        plot.level(noise, Ink::Muted);
        let style = Type::SMALL.ink(Ink::Muted).anchor(crate::svg::Anchor::End);
        plot.note(
            (last, noise),
            (-6.0, 12.0),
            style,
            lang.pick("잡음의 분산", "variance of the noise"),
        );
        for (_, points, ink) in lines {
            plot.line(points, ink);
            plot.dots(points, 4.5, ink, 1.0);
        }
        plot.names(lines.map(|(name, points, ink)| (name, end(points), ink)));
    });
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, well_made};

    #[test]
    fn keeps_the_contract() {
        let (training, test) =
            ([(2.0, 0.6), (4.0, 0.2), (12.0, 0.15)], [(2.0, 0.7), (4.0, 0.3), (12.0, 0.5)]);
        check(|lang| gap(&training, &test, 0.25, lang), "시험 오차", "number of parameters");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&gap(&[], &[], f64::NAN, Lang::Ko));
        well_made(&gap(&[(1.0, f64::NAN)], &[(1.0, 0.0)], 0.0, Lang::En));
    }
}
