use crate::diagram::Block;
use crate::ink::Ink;
use crate::lang::Lang;
use crate::number::decimal;
use crate::svg::{Paint, Svg, Type};

/// The numbers of one mini-batch of one feature on their way through batch normalization.
#[derive(Clone, Copy, Debug)]
pub struct Pipeline<'a> {
    pub x: &'a [f64],
    pub mean: f64,
    pub variance: f64,
    pub eps: f64,
    pub x_hat: &'a [f64],
    pub gamma: f64,
    pub beta: f64,
    pub y: &'a [f64],
}

/// The algorithm as a picture: mini-batch, mean and variance, x̂, γ and β, y, with the numbers in the boxes.
pub fn pipeline(numbers: &Pipeline, lang: Lang) -> String {
    const TOP: f64 = 66.0;
    const CELL: (f64, f64) = (84.0, 40.0);
    let rows = numbers.x.len().max(numbers.x_hat.len()).max(numbers.y.len()).max(3);
    let height = rows as f64 * CELL.1;
    let middle = TOP + height / 2.0;
    let mut svg = Svg::new(640.0, TOP + height + 46.0);

    let name = |symbol: &str, value: f64| format!("{symbol} = {}", decimal(value, 3));
    let root = libm::sqrt(numbers.variance + numbers.eps);
    let statistics = [
        name("μ", numbers.mean),
        name("v", numbers.variance),
        name("ε", numbers.eps),
        name("√(v + ε)", root),
    ];
    let affine = [name("γ", numbers.gamma), name("β", numbers.beta)];
    let columns = [(4.0, "x", numbers.x), (330.0, "x̂", numbers.x_hat), (552.0, "y", numbers.y)];
    let statistics_box = Block::new(128.0, middle - 52.0, 162.0, 104.0);
    let affine_box = Block::new(438.0, middle - 32.0, 90.0, 64.0);

    // Each value itself goes on as well, above and below the box of what is computed from all of them.
    for y in [TOP + CELL.1 / 2.0 - 6.0, TOP + height - CELL.1 / 2.0 + 6.0] {
        if (y - middle).abs() > 56.0 {
            svg.arrow((columns[0].0 + CELL.0, y), (columns[1].0, y), Ink::Muted);
            svg.arrow((columns[1].0 + CELL.0, y), (columns[2].0, y), Ink::Muted);
        }
    }
    svg.arrow((columns[0].0 + CELL.0, middle), statistics_box.left(), Ink::Text);
    svg.arrow(statistics_box.right(), (columns[1].0, middle), Ink::Text);
    svg.arrow((columns[1].0 + CELL.0, middle), affine_box.left(), Ink::Text);
    svg.arrow(affine_box.right(), (columns[2].0, middle), Ink::Text);

    for ((x, symbol, values), ink) in columns.into_iter().zip([Ink::Blue, Ink::Green, Ink::Purple])
    {
        svg.text((x + CELL.0 / 2.0, TOP - 12.0), Type::BODY.bold().middle().ink(ink), symbol);
        for (row, value) in values.iter().enumerate() {
            let at = (x, TOP + row as f64 * CELL.1);
            svg.rect(at, CELL, 0.0, &Paint::fill(ink, 0.14).and_stroke(ink, 1.25));
            let baseline = (x + CELL.0 / 2.0, at.1 + CELL.1 / 2.0 + 6.0);
            svg.text(baseline, Type::BODY.middle(), &decimal(*value, 3));
        }
    }
    svg.block(
        statistics_box,
        Ink::Text,
        &statistics.each_ref().map(|line| (line.as_str(), Type::BODY)),
    );
    svg.block(affine_box, Ink::Text, &affine.each_ref().map(|line| (line.as_str(), Type::BODY)));

    let heads = [
        (46.0, lang.pick("미니배치", "mini-batch")),
        (209.0, lang.pick("평균과 분산", "mean, variance")),
        (372.0, lang.pick("정규화", "normalized")),
        (483.0, lang.pick("학습하는 값", "learned")),
        (594.0, lang.pick("출력", "output")),
    ];
    for (x, head) in heads {
        svg.text((x, 22.0), Type::SMALL.middle(), head);
    }
    let foot = TOP + height + 32.0;
    svg.text((372.0, foot), Type::BODY.middle(), "x̂ = (x − μ) / √(v + ε)");
    svg.text((578.0, foot), Type::BODY.middle(), "y = γx̂ + β");
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, well_made};

    #[test]
    fn keeps_the_contract() {
        let numbers = Pipeline {
            x: &[1.0, 2.0, 3.0, 6.0],
            mean: 3.0,
            variance: 3.5,
            eps: 0.5,
            x_hat: &[-1.0, -0.5, 0.0, 1.5],
            gamma: 2.0,
            beta: 1.0,
            y: &[-1.0, 0.0, 1.0, 4.0],
        };
        check(|lang| pipeline(&numbers, lang), "미니배치", "mini-batch");
        assert!(pipeline(&numbers, Lang::En).contains("√(v + ε) = 2"));
    }

    #[test]
    fn odd_numbers_are_drawn() {
        let nothing = Pipeline {
            x: &[],
            mean: f64::NAN,
            variance: -1.0,
            eps: 0.0,
            x_hat: &[],
            gamma: f64::INFINITY,
            beta: 0.0,
            y: &[],
        };
        well_made(&pipeline(&nothing, Lang::Ko));
    }
}
