use crate::diagram::Block;
use crate::ink::Ink;
use crate::lang::Lang;
use crate::svg::{Svg, Type};

/// Folding: a linear layer and the batch normalization after it become one linear layer.
pub fn folding(lang: Lang) -> String {
    let mut svg = Svg::new(640.0, 330.0);
    let (body, bold) = (Type::BODY, Type::BODY.bold());
    let linear = Block::new(50.0, 8.0, 180.0, 84.0);
    let norm = Block::new(290.0, 8.0, 300.0, 84.0);
    let folded = Block::new(150.0, 206.0, 340.0, 112.0);
    let layer = lang.pick("완전 연결층", "linear layer");

    let way = |svg: &mut Svg, stops: &[(f64, f64)]| {
        for pair in stops.chunks_exact(2) {
            svg.arrow(pair[0], pair[1], Ink::Text);
        }
    };
    way(
        &mut svg,
        &[(24.0, 50.0), linear.left(), linear.right(), norm.left(), norm.right(), (616.0, 50.0)],
    );
    way(&mut svg, &[(120.0, 262.0), folded.left(), folded.right(), (520.0, 262.0)]);
    for (x, y, name) in
        [(12.0, 56.0, "x"), (628.0, 56.0, "y"), (108.0, 268.0, "x"), (532.0, 268.0, "y")]
    {
        svg.text((x, y), bold.middle(), name);
    }
    svg.block(linear, Ink::Blue, &[(layer, bold), ("z = Wx + b", body)]);
    let title = lang.pick("배치 정규화 (추론)", "batch norm (inference)");
    svg.block(
        norm,
        Ink::Vermillion,
        &[(title, bold), ("y = α(z − μ̂) + β,  α = γ / √(σ̂² + ε)", body)],
    );

    for from in [linear.bottom(), norm.bottom()] {
        svg.arrow_along(&[from, (from.0, 150.0), (320.0, 150.0), folded.top()], Ink::Muted, 2.0);
    }
    svg.text((336.0, 184.0), bold, lang.pick("접기", "fold"));
    let formulas = [(layer, bold), ("W′ = αW", body), ("b′ = α(b − μ̂) + β", body)];
    svg.block(folded, Ink::Purple, &formulas);
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_contract() {
        crate::testing::check(folding, "접기", "fold");
    }
}
