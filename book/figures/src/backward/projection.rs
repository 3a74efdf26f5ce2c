use crate::ink::Ink;
use crate::lang::Lang;
use crate::svg::{Anchor, Paint, Svg, Type};

/// The backward pass as geometry, for ε = 0: from g its component along 1 and its component along x̂ are taken away,
/// and what is left stands at right angles to both.
pub fn projection(lang: Lang) -> String {
    // A drawing in space: along 1 to the right, along x̂ to the front, what is left upwards.
    let at = |one: f64, x_hat: f64, up: f64| {
        (262.0 + 190.0 * one - 105.0 * x_hat, 212.0 + 30.0 * one + 68.0 * x_hat - 175.0 * up)
    };
    let mut svg = Svg::new(640.0, 362.0);
    let plane = [(-0.5, -0.8), (1.45, -0.8), (1.45, 1.5), (-0.5, 1.5)];
    let plane = plane.map(|(one, x_hat)| at(one, x_hat, 0.0));
    svg.polygon(plane, &Paint::fill(Ink::Blue, 0.1));

    let origin = at(0.0, 0.0, 0.0);
    for tip in [at(1.35, 0.0, 0.0), at(0.0, 1.3, 0.0)] {
        svg.arrow_along(&[origin, tip], Ink::Muted, 1.5);
    }
    svg.text(
        (at(1.35, 0.0, 0.0).0 + 8.0, at(1.35, 0.0, 0.0).1 + 6.0),
        Type::BODY.bold(),
        "1 = (1, …, 1)",
    );
    svg.text(
        (at(0.0, 1.3, 0.0).0 - 8.0, at(0.0, 1.3, 0.0).1 + 16.0),
        Type::BODY.bold().anchor(Anchor::End),
        "x̂",
    );

    let (one, x_hat, up) = (0.85, 0.7, 1.0);
    let (foot, tip) = (at(one, x_hat, 0.0), at(one, x_hat, up));
    let guide = Paint::stroke(Ink::Muted, 1.25).dashed();
    svg.path([at(one, 0.0, 0.0), foot, at(0.0, x_hat, 0.0)], &guide);
    svg.path([foot, tip, at(0.0, 0.0, up)], &guide);

    svg.arrow_along(&[origin, at(one, 0.0, 0.0)], Ink::Blue, 3.0);
    svg.arrow_along(&[origin, at(0.0, x_hat, 0.0)], Ink::Green, 3.0);
    svg.arrow_along(&[origin, at(0.0, 0.0, up)], Ink::Vermillion, 3.5);
    svg.arrow_along(&[origin, tip], Ink::Text, 3.0);

    let name = Type::BODY.bold().halo();
    svg.text(
        (tip.0 + 10.0, tip.1 + 4.0),
        name,
        lang.pick("g: 들어온 그레이디언트", "g, the gradient coming in"),
    );
    svg.text(
        (at(one, 0.0, 0.0).0 - 26.0, at(one, 0.0, 0.0).1 - 14.0),
        name.ink(Ink::Blue),
        "⟨g⟩ 1",
    );
    let green = at(0.0, x_hat, 0.0);
    svg.text((green.0 - 12.0, green.1 - 6.0), name.anchor(Anchor::End).ink(Ink::Green), "⟨g x̂⟩ x̂");
    let rest = at(0.0, 0.0, up);
    svg.text(
        (rest.0 - 10.0, rest.1 - 12.0),
        name.middle().ink(Ink::Vermillion),
        lang.pick("남는 것 = (s/γ) dx", "what is left = (s/γ) dx"),
    );
    let corner = at(1.45, 1.5, 0.0);
    svg.text(
        (corner.0 + 60.0, corner.1 - 12.0),
        Type::SMALL.ink(Ink::Blue),
        lang.pick("1과 x̂가 만드는 평면", "the plane of 1 and x̂"),
    );
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_contract() {
        crate::testing::check(projection, "남는 것", "what is left");
    }
}
