use crate::diagram::Block;
use crate::ink::Ink;
use crate::lang::Lang;
use crate::svg::{Svg, Type};

/// Four questions, one below the other; a yes leads to a layer at the right, four times no to batch normalization.
pub fn decision(lang: Lang) -> String {
    const STEP: f64 = 96.0;
    let questions: [([&str; 2], [&str; 2]); 4] = [
        (
            lang.pick(
                ["이미지마다 다른 대비와 양식을", "지워야 합니까?"],
                ["Are contrast and style of each", "image to be removed?"],
            ),
            lang.pick(["인스턴스", "정규화"], ["instance", "normalization"]),
        ),
        (
            lang.pick(
                ["길이가 다른 시퀀스이거나", "샘플을 하나씩 다룹니까?"],
                ["Sequences of many lengths,", "or one sample at a time?"],
            ),
            lang.pick(["층 정규화 또는", "RMS 정규화"], ["layer or RMS", "normalization"]),
        ),
        (
            lang.pick(
                ["배치 정규화로 학습한 모델을", "적은 데이터로 미세 조정합니까?"],
                ["Fine-tuning a network with batch", "normalization on little data?"],
            ),
            lang.pick(
                ["배치 정규화 동결", "(이동 통계 사용)"],
                ["freeze it: running", "statistics"],
            ),
        ),
        (
            lang.pick(
                ["한 장치의 배치에 이미지가", "몇 장뿐입니까?"],
                ["Only a few images in the batch", "of each device?"],
            ),
            lang.pick(
                ["그룹 정규화, 또는", "장치 사이의 동기화"],
                ["group normalization,", "or synchronize"],
            ),
        ),
    ];
    let row = |i: usize| 8.0 + i as f64 * STEP;
    let mut svg = Svg::new(640.0, row(4) + 72.0);
    let question = |i: usize| Block::new(4.0, row(i), 330.0, 64.0);
    let answer = |i: usize| Block::new(430.0, row(i), 206.0, 64.0);
    for i in 0..4 {
        let below = if i < 3 { question(i + 1) } else { Block::new(4.0, row(4), 330.0, 64.0) };
        svg.arrow(question(i).bottom(), below.top(), Ink::Text);
        svg.arrow(question(i).right(), answer(i).left(), Ink::Text);
        let (x, y) = question(i).bottom();
        svg.text((x + 10.0, y + 21.0), Type::SMALL, lang.pick("아니요", "no"));
        let (x, y) = question(i).right();
        svg.text((x + 46.0, y - 8.0), Type::SMALL.middle(), lang.pick("예", "yes"));
    }
    for (i, (asked, answered)) in questions.into_iter().enumerate() {
        svg.block(question(i), Ink::Text, &asked.map(|line| (line, Type::BODY)));
        let ink = [Ink::Green, Ink::Purple, Ink::Blue, Ink::Orange][i];
        svg.block(answer(i), ink, &answered.map(|line| (line, Type::BODY.bold())));
    }
    let last = [
        (lang.pick("배치 정규화", "batch normalization"), Type::BODY.bold()),
        (
            lang.pick("배포할 때는 앞 층으로 접기", "folded into the layer before to deploy"),
            Type::SMALL,
        ),
    ];
    svg.block(Block::new(4.0, row(4), 330.0, 64.0), Ink::Blue, &last);
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_contract() {
        crate::testing::check(decision, "배치 정규화", "batch normalization");
    }
}
