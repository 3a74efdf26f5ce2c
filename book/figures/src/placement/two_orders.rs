use crate::diagram::Block;
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::WIDTH;
use crate::svg::{Svg, Type};

/// The two places: a linear layer, batch normalization and the activation, in one order and in the other.
pub fn two_orders(lang: Lang) -> String {
    const ROW: f64 = 138.0;
    let mut svg = Svg::new(WIDTH, 2.0 * ROW);
    let (body, bold) = (Type::BODY, Type::BODY.bold());
    let linear = (lang.pick("완전 연결층", "linear layer"), Ink::Blue, 150.0);
    let norm = (lang.pick("배치 정규화", "batch norm"), Ink::Vermillion, 130.0);
    let activation = (lang.pick("활성화", "activation"), Ink::Green, 120.0);
    let rows = [
        (
            lang.pick("활성화 앞", "Before the activation"),
            [(linear, "Wx"), (norm, "γẑ + β"), (activation, "f(·)")],
            ["z", "y"],
        ),
        (
            lang.pick("활성화 뒤", "After the activation"),
            [(linear, "Wx + b"), (activation, "f(z)"), (norm, "γâ + β")],
            ["z", "a"],
        ),
    ];
    for (row, (title, blocks, between)) in rows.into_iter().enumerate() {
        let top = row as f64 * ROW;
        svg.text((4.0, top + 22.0), bold, title);
        let line = top + 82.0;
        svg.text((12.0, line + 6.0), bold.middle(), "x");
        let mut left = 24.0;
        for (i, ((name, ink, width), formula)) in blocks.into_iter().enumerate() {
            let block = Block::new(left + 36.0, line - 36.0, width, 72.0);
            svg.arrow((left, line), block.left(), Ink::Text);
            svg.block(block, ink, &[(name, bold), (formula, body)]);
            left = block.right().0;
            if let Some(name) = between.get(i) {
                svg.text((left + 15.0, line - 10.0), Type::SMALL.middle(), name);
            }
        }
        svg.arrow((left, line), (left + 36.0, line), Ink::Text);
    }
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_contract() {
        crate::testing::check(two_orders, "활성화 앞", "Before the activation");
    }
}
