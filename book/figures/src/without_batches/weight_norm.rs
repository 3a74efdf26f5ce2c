use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::WIDTH;
use crate::svg::{Anchor, Paint, Svg, Type};

/// Two weights under weight normalization, and a step of gradient descent on v.
#[derive(Clone, Copy, Debug)]
pub struct Weights {
    pub v: (f64, f64),
    /// v after the step.
    pub v_then: (f64, f64),
    /// w before and after.
    pub w: (f64, f64),
    pub w_then: (f64, f64),
    /// The gradient of w, reversed.
    pub pull: (f64, f64),
}

/// w stays on the circle of radius g whatever v is. At w the loss pulls somewhere; what reaches v of it stands at a
/// right angle to v, so that v leaves its own circle to the outside.
pub fn weight_norm(weights: &Weights, lang: Lang) -> String {
    const HEIGHT: f64 = 400.0;
    const LEFT: f64 = 70.0;
    const BOTTOM: f64 = HEIGHT - 34.0;
    const UNIT: f64 = 100.0;
    let at = |(a, b): (f64, f64)| (LEFT + a * UNIT, BOTTOM - b * UNIT);
    let near = |(a, b): (f64, f64)| (-0.6..5.6).contains(&a) && (-0.3..3.6).contains(&b);
    let Weights { v, v_then, w, w_then, pull } = *weights;
    let mut svg = Svg::new(WIDTH, HEIGHT);
    let grid = Paint::stroke(Ink::Grid, 1.0);
    svg.path([at((-0.4, 0.0)), at((5.5, 0.0))], &grid);
    svg.path([at((0.0, -0.25)), at((0.0, 3.5))], &grid);
    let pulled = (w.0 + pull.0, w.1 + pull.1);
    if ![v, v_then, w, w_then, pulled].into_iter().all(near) {
        return svg.finish();
    }
    let arc = |radius: f64| {
        (0..=48).map(move |i| {
            let angle = 1.75 * f64::from(i) / 48.0 - 0.08;
            at((radius * libm::cos(angle), radius * libm::sin(angle)))
        })
    };
    let seen = |(x, y): &(f64, f64)| (0.0..=WIDTH).contains(x) && (4.0..=HEIGHT - 2.0).contains(y);
    let length = |(a, b): (f64, f64)| libm::hypot(a, b);
    svg.path(arc(length(w)).filter(seen), &Paint::stroke(Ink::Green, 2.0));
    svg.path(arc(length(v)).filter(seen), &Paint::stroke(Ink::Muted, 1.25).dashed());
    let bold = |ink: Ink| Type::BODY.bold().ink(ink);
    svg.arrow_along(&[at((0.0, 0.0)), at(v)], Ink::Blue, 2.5);
    svg.path([at((0.0, 0.0)), at(v_then)], &Paint::stroke(Ink::Blue, 1.25).dashed());
    svg.arrow_along(&[at(v), at(v_then)], Ink::Vermillion, 2.5);
    svg.arrow_along(&[at(w), at(pulled)], Ink::Purple, 2.0);
    // The right angle between v and the step.
    let unit = |(a, b): (f64, f64)| (a / length((a, b)), b / length((a, b)));
    let (along, across) = (unit(v), unit((v_then.0 - v.0, v_then.1 - v.1)));
    if across.0.is_finite() {
        let corner = |s: f64, t: f64| {
            at((
                v.0 - 0.13 * s * along.0 + 0.13 * t * across.0,
                v.1 - 0.13 * s * along.1 + 0.13 * t * across.1,
            ))
        };
        svg.path(
            [corner(1.0, 0.0), corner(1.0, 1.0), corner(0.0, 1.0)],
            &Paint::stroke(Ink::Text, 1.25),
        );
    }
    for (point, ink) in [(w, Ink::Green), (w_then, Ink::Green)] {
        svg.circle(at(point), 5.0, &Paint::fill(ink, 1.0));
    }
    let near = |(x, y): (f64, f64), dx: f64, dy: f64| (x + dx, y + dy);
    svg.text(near(at(v), 10.0, 16.0), bold(Ink::Blue), "v");
    svg.text(near(at(v_then), 8.0, -6.0), bold(Ink::Vermillion), "v − η dv");
    svg.text(near(at(w), 8.0, 22.0), bold(Ink::Green), "w = g v/‖v‖");
    let then = lang.pick("다음 w", "next w");
    svg.text(near(at(w_then), -10.0, -4.0), bold(Ink::Green).anchor(Anchor::End), then);
    let middle = at((w.0 + 0.6 * pull.0, w.1 + 0.6 * pull.1));
    svg.text(near(middle, 10.0, 8.0), bold(Ink::Purple), "−∂L/∂w");
    let (of_w, of_v) = (length(w), length(v));
    let label = |radius: f64| near(at((radius, 0.0)), 6.0, 22.0);
    svg.text(label(of_w), Type::SMALL.ink(Ink::Green), lang.pick("길이 g", "length g"));
    svg.text(label(of_v), Type::SMALL.ink(Ink::Muted), lang.pick("v의 길이", "length of v"));
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, well_made};

    const STEP: Weights = Weights {
        v: (3.0, 2.0),
        v_then: (2.6, 2.6),
        w: (1.25, 0.83),
        w_then: (1.06, 1.06),
        pull: (0.1, 0.5),
    };

    #[test]
    fn keeps_the_contract() {
        check(|lang| weight_norm(&STEP, lang), "길이", "length");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&weight_norm(&Weights { v: (f64::NAN, 0.0), ..STEP }, Lang::Ko));
        well_made(&weight_norm(&Weights { v_then: STEP.v, ..STEP }, Lang::Ko));
        well_made(&weight_norm(&Weights { w: (1e9, 0.0), ..STEP }, Lang::En));
    }
}
