use crate::diagram::Block;
use crate::ink::Ink;
use crate::lang::Lang;
use crate::svg::{Svg, Type};

/// Four kinds of numbers go through the very same kernel, and four things are asked of what comes out.
pub fn four_checks(lang: Lang) -> String {
    let mut svg = Svg::new(640.0, 340.0);
    let ways = [
        (
            lang.pick("성질 검사", "property"),
            "f32, f64",
            lang.pick("오차 ≤ 허용치", "error ≤ tolerance"),
        ),
        (
            lang.pick("유한 차분", "finite differences"),
            "x + h, x − h",
            lang.pick("기울기 ≈ dx", "slope ≈ dx"),
        ),
        (lang.pick("이원수", "dual numbers"), "a + bε", lang.pick("미분 = dx", "derivative = dx")),
        (
            lang.pick("소수체", "prime field"),
            "mod 2⁶¹−1",
            lang.pick("정확히 같음", "exactly equal"),
        ),
    ];
    let kernel = Block::new(4.0, 142.0, 632.0, 84.0);
    for (i, (name, numbers, verdict)) in ways.into_iter().enumerate() {
        let (x, ink) = (4.0 + 160.0 * i as f64, Ink::series(i));
        let top = Block::new(x, 4.0, 152.0, 84.0);
        let bottom = Block::new(x, 280.0, 152.0, 84.0 / 1.5);
        svg.arrow_along(&[top.bottom(), (top.center().0, kernel.at.1)], ink, 2.0);
        svg.arrow_along(&[(top.center().0, kernel.bottom().1), bottom.top()], ink, 2.0);
        svg.block(top, ink, &[(name, Type::SMALL.bold()), (numbers, Type::SMALL)]);
        svg.block(bottom, ink, &[(verdict, Type::SMALL)]);
    }
    let same = lang.pick("같은 코드, 수의 종류만 다르다", "the same code, only the numbers differ");
    svg.block(kernel, Ink::Text, &[("forward, backward", Type::BODY.mono()), (same, Type::BODY)]);
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_contract() {
        crate::testing::check(four_checks, "이원수", "dual numbers");
    }
}
