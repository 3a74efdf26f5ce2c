use crate::ink::Ink;
use crate::lang::Lang;
use crate::number::decimal;
use crate::plot::WIDTH;
use crate::svg::{Paint, Svg, Type};

/// The Jacobian ∂x̂ᵢ/∂xⱼ of one mini-batch as a heat map, row by row: blue for positive, vermillion for negative, the
/// stronger the larger. Up to eight values the numbers stand in the cells.
pub fn jacobian(rows: &[Vec<f64>], lang: Lang) -> String {
    const SIDE: f64 = 400.0;
    const LEFT: f64 = 60.0;
    const TOP: f64 = 36.0;
    /// Full ink would swallow the numbers in the cells.
    const STRONGEST: f64 = 0.7;
    let count = rows.iter().map(Vec::len).max().unwrap_or(0).max(rows.len()).max(1);
    let cell = SIDE / count as f64;
    let finite = rows.iter().flatten().filter(|v| v.is_finite());
    let largest = finite.map(|v| v.abs()).fold(0.0, f64::max);
    let tint = |value: f64| {
        let ink = if value < 0.0 { Ink::Vermillion } else { Ink::Blue };
        let strength = if largest > 0.0 && value.is_finite() { value.abs() / largest } else { 0.0 };
        Paint::fill(ink, STRONGEST * strength)
    };

    let mut svg = Svg::new(WIDTH, TOP + SIDE + 8.0);
    svg.text((LEFT + SIDE / 2.0, 22.0), Type::BODY.middle(), lang.pick("입력 xⱼ", "input xⱼ"));
    svg.text((4.0, TOP + SIDE / 2.0 - 6.0), Type::BODY, lang.pick("출력", "out"));
    svg.text((4.0, TOP + SIDE / 2.0 + 16.0), Type::BODY, "x̂ᵢ");
    for (i, row) in rows.iter().enumerate() {
        for (j, &value) in row.iter().enumerate() {
            let (x, y) = (LEFT + j as f64 * cell, TOP + i as f64 * cell);
            svg.rect((x, y), (cell, cell), 0.0, &tint(value));
            if count <= 8 && value.is_finite() {
                svg.text(
                    (x + cell / 2.0, y + cell / 2.0 + 6.0),
                    Type::SMALL.middle(),
                    &decimal(value, 2),
                );
            }
        }
    }
    svg.rect((LEFT, TOP), (SIDE, SIDE), 0.0, &Paint::stroke(Ink::Grid, 1.0));

    const STEPS: i32 = 10;
    const KEY: (f64, f64) = (24.0, 20.0);
    let key = (LEFT + SIDE + 34.0, TOP + SIDE / 2.0 - KEY.1 * (f64::from(STEPS) + 0.5));
    for step in -STEPS..=STEPS {
        let value = -largest * f64::from(step) / f64::from(STEPS);
        let y = key.1 + f64::from(step + STEPS) * KEY.1;
        svg.rect((key.0, y), KEY, 0.0, &tint(value));
        if step % STEPS == 0 && (largest > 0.0 || step == 0) {
            svg.text((key.0 + KEY.0 + 8.0, y + KEY.1 / 2.0 + 6.0), Type::SMALL, &decimal(value, 3));
        }
    }
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, well_made};

    #[test]
    fn keeps_the_contract() {
        let rows = [vec![0.3, -0.1, -0.2], vec![-0.1, 0.2, -0.1], vec![-0.2, -0.1, 0.3]];
        check(|lang| jacobian(&rows, lang), "입력", "input");
        assert!(jacobian(&rows, Lang::En).contains("−0.1"));
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&jacobian(&[], Lang::Ko));
        well_made(&jacobian(&[vec![0.0, f64::NAN], vec![]], Lang::En));
        well_made(&jacobian(&vec![vec![1.0; 32]; 32], Lang::En));
    }
}
