use crate::diagram::Block;
use crate::ink::Ink;
use crate::lang::Lang;
use crate::svg::{Paint, Svg, Type};

/// How the chapter, the example, the tests and the code of one stem hang together, and who enters where.
pub fn notebook_map(lang: Lang) -> String {
    let mut svg = Svg::new(640.0, 424.0);
    let chapter = Block::new(175.0, 8.0, 290.0, 72.0);
    let example = Block::new(4.0, 176.0, 262.0, 72.0);
    let tests = Block::new(374.0, 176.0, 262.0, 72.0);
    let code = Block::new(175.0, 344.0, 290.0, 72.0);

    let arrows = [
        ((215.0, 80.0), (150.0, 176.0)),
        ((425.0, 80.0), (450.0, 176.0)),
        (chapter.bottom(), code.top()),
        ((150.0, 248.0), (215.0, 344.0)),
        ((450.0, 248.0), (425.0, 344.0)),
    ];
    for (from, to) in arrows {
        svg.arrow(from, to, Ink::Muted);
    }
    let words =
        [((176.0, 134.0), "cell[…]"), ((432.0, 134.0), "claim[…]"), ((320.0, 218.0), "code[…]")];
    for (at, word) in words {
        svg.text(at, Type::SMALL.middle().mono().halo(), word);
    }
    svg.text((176.0, 306.0), Type::SMALL.middle().halo(), lang.pick("실행", "runs"));
    svg.text((445.0, 306.0), Type::SMALL.middle().halo(), lang.pick("검사", "checks"));

    let mut part = |block, ink, title, file| {
        svg.block(block, ink, &[(title, Type::BODY.bold()), (file, Type::SMALL.mono())]);
    };
    part(
        chapter,
        Ink::Blue,
        lang.pick("장", "chapter"),
        lang.pick("book/ko/forward.md", "book/en/forward.md"),
    );
    part(
        example,
        Ink::Orange,
        lang.pick("예제와 그 출력", "example and its output"),
        "examples/forward.rs",
    );
    part(
        tests,
        Ink::Green,
        lang.pick("주장마다 테스트 하나", "a test for each claim"),
        "tests/claims/forward.rs",
    );
    part(code, Ink::Purple, lang.pick("구현", "implementation"), "src/norm.rs");

    let mut person = |at: (f64, f64), name: &str, way: &[(f64, f64)]| {
        let pill = Block::new(at.0 - 62.0, at.1 - 17.0, 124.0, 34.0);
        svg.rect(pill.at, pill.size, 17.0, &Paint::fill(Ink::Text, 0.08));
        svg.text((at.0, at.1 + 6.0), Type::BODY.middle(), name);
        svg.arrow_along(way, Ink::Text, 1.5);
    };
    person((70.0, 44.0), lang.pick("읽는 사람", "the reader"), &[(132.0, 44.0), chapter.left()]);
    person(
        (570.0, 44.0),
        lang.pick("확인하는 사람", "the verifier"),
        &[(570.0, 61.0), (570.0, 176.0)],
    );
    person((70.0, 380.0), lang.pick("가져가는 사람", "the copier"), &[(132.0, 380.0), code.left()]);
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_contract() {
        crate::testing::check(notebook_map, "확인하는 사람", "the verifier");
    }
}
