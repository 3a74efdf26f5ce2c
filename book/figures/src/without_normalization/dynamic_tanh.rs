use crate::axis::Axis;
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, WIDTH, plot};
use crate::svg::{Anchor, Svg, Type};

/// What a value becomes, as it goes from far below to far above.
#[derive(Clone, Debug)]
pub struct Curves {
    /// Normalized with some others that stay as they are.
    pub normalized: Vec<(f64, f64)>,
    /// γ tanh(αx).
    pub tanh: Vec<(f64, f64)>,
    /// What neither exceeds.
    pub bound: f64,
}

/// Both curves, and the two levels between which they stay.
pub fn dynamic_tanh(curves: &Curves, lang: Lang) -> String {
    const HEIGHT: f64 = 360.0;
    let Curves { normalized, tanh, bound } = curves;
    let bound = if bound.is_finite() { bound.abs() } else { 1.0 };
    let reach = normalized
        .iter()
        .chain(tanh)
        .map(|p| p.0.abs())
        .filter(|x| x.is_finite())
        .fold(1.0, f64::max);
    let x = Axis::linear(lang.pick("입력 x", "input x"), -reach, reach);
    let y = Axis::linear(lang.pick("출력", "output"), -1.2 * bound, 1.2 * bound);

    let mut svg = Svg::new(WIDTH, HEIGHT);
    plot(&mut svg, &Frame::whole(HEIGHT), &x, &y, |plot| {
        plot.level(bound, Ink::Muted);
        plot.level(-bound, Ink::Muted);
        plot.line(normalized, Ink::Blue);
        plot.line(tanh, Ink::Vermillion);
        let names = [
            (
                lang.pick("층 정규화, 다른 값은 고정", "layer norm, the other values fixed"),
                Ink::Blue,
                0.55,
            ),
            ("γ tanh(αx)", Ink::Vermillion, 0.8),
        ];
        for (name, ink, down) in names {
            let style = Type::BODY.bold().anchor(Anchor::End).ink(ink);
            plot.note((reach, -bound * down), (-8.0, 0.0), style, name);
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
        let line =
            |f: fn(f64) -> f64| (-20..=20).map(|i| (f64::from(i), f(f64::from(i)))).collect();
        let curves = Curves { normalized: line(|x| x / 9.0), tanh: line(libm::tanh), bound: 2.6 };
        check(|lang| dynamic_tanh(&curves, lang), "층 정규화", "layer norm");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        let curves = Curves {
            normalized: Vec::new(),
            tanh: vec![(f64::NAN, 0.0), (1.0, f64::INFINITY)],
            bound: f64::NAN,
        };
        well_made(&dynamic_tanh(&curves, Lang::Ko));
    }
}
