use crate::ink::Ink;
use crate::lang::Lang;
use crate::svg::{Anchor, Paint, Svg, Type};

/// Batch normalization as a computational graph. Forward along the arrows; backward, the numbered derivatives, each
/// beside the quantity it belongs to.
pub fn graph(lang: Lang) -> String {
    const RADIUS: f64 = 25.0;
    const UP: f64 = 78.0;
    const DOWN: f64 = 178.0;
    let nodes = [
        ("x", (40.0, UP), 6),
        ("μ", (118.0, DOWN), 5),
        ("c", (200.0, UP), 4),
        ("v", (290.0, DOWN), 3),
        ("s", (388.0, DOWN), 2),
        ("x̂", (470.0, UP), 1),
        ("y", (600.0, UP), 0),
    ];
    let made = [(0, 1), (0, 2), (1, 2), (2, 3), (3, 4), (2, 5), (4, 5), (5, 6)];

    let mut svg = Svg::new(640.0, 408.0);
    for (from, to) in made {
        let ((x0, y0), (x1, y1)) = (nodes[from].1, nodes[to].1);
        let length = libm::hypot(x1 - x0, y1 - y0);
        let (dx, dy) = (RADIUS * (x1 - x0) / length, RADIUS * (y1 - y0) / length);
        svg.arrow((x0 + dx, y0 + dy), (x1 - dx, y1 - dy), Ink::Text);
    }
    for (name, (x, y), step) in nodes {
        svg.circle((x, y), RADIUS, &Paint::fill(Ink::Blue, 0.14).and_stroke(Ink::Blue, 1.25));
        svg.text((x, y + 6.0), Type::BODY.bold().middle(), name);
        if step > 0 {
            // Where no arrow passes: above the upper row, below the lower.
            let down = if y == UP { -24.0 } else { 24.0 };
            number(&mut svg, (x + 24.0, y + down), step);
        }
    }
    let says = [
        ((120.0, 66.0), "x − μ"),
        ((341.0, 232.0), "√(v + ε)"),
        ((220.0, 146.0), "⟨c²⟩"),
        ((335.0, 66.0), "c / s"),
        ((540.0, 66.0), "γx̂ + β"),
        ((58.0, 146.0), "⟨x⟩"),
    ];
    for (at, text) in says {
        svg.text(at, Type::SMALL.middle(), text);
    }
    svg.text((4.0, 22.0), Type::BODY.bold(), lang.pick("순전파 →", "forward →"));
    svg.text(
        (636.0, 22.0),
        Type::BODY.bold().anchor(Anchor::End).ink(Ink::Vermillion),
        lang.pick("← 역전파: g = ∂L/∂y가 들어온다", "← backward: g = ∂L/∂y comes in"),
    );

    let formulas = [
        "∂L/∂x̂ = γ g",
        "∂L/∂s = −(γ/s) Σ g x̂",
        "∂L/∂v = ∂L/∂s / (2s)",
        "∂L/∂c = γ g/s + (2c/m) ∂L/∂v",
        "∂L/∂μ = −Σ ∂L/∂c",
        "∂L/∂x = ∂L/∂c + (1/m) ∂L/∂μ",
    ];
    for (i, formula) in formulas.into_iter().enumerate() {
        let (column, row) = ((i / 3) as f64, (i % 3) as f64);
        let (x, y) = (16.0 + column * 290.0, 264.0 + row * 38.0);
        number(&mut svg, (x, y), i + 1);
        svg.text((x + 22.0, y + 6.0), Type::BODY, formula);
    }
    svg.text(
        (16.0, 392.0),
        Type::BODY.bold().ink(Ink::Vermillion),
        lang.pick("모으면  dx = (γ/s)(g − ⟨g⟩ − x̂⟨g x̂⟩)", "together  dx = (γ/s)(g − ⟨g⟩ − x̂⟨g x̂⟩)"),
    );
    svg.finish()
}

fn number(svg: &mut Svg, (x, y): (f64, f64), step: usize) {
    svg.circle((x, y), 11.0, &Paint::fill(Ink::Vermillion, 0.2));
    svg.text((x, y + 5.5), Type::SMALL.bold().middle().ink(Ink::Vermillion), &step.to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_contract() {
        crate::testing::check(graph, "역전파", "backward");
    }
}
