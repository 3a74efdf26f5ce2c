use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::WIDTH;
use crate::svg::{Anchor, Paint, Svg, Type};

/// The feature maps of one sample, and every number of groups that its channels can be parted into: maps of one
/// colour share a mean. One group is layer normalization, as many as channels instance normalization.
pub fn spectrum(channels: usize, lang: Lang) -> String {
    const TOP: f64 = 40.0;
    const ROW: f64 = 72.0;
    const LEFT: f64 = 92.0;
    const LENGTH: f64 = 372.0;
    let channels = channels.max(1);
    let divisors: Vec<_> = (1..=channels).filter(|g| channels.is_multiple_of(*g)).collect();
    let mut svg = Svg::new(WIDTH, TOP + ROW * divisors.len() as f64);
    let head = lang
        .pick(format!("샘플 하나, 채널 {channels}개"), format!("one sample, {channels} channels"));
    svg.text((LEFT + LENGTH / 2.0, 22.0), Type::SMALL.middle(), &head);
    let pitch = LENGTH / channels as f64;
    let map = (pitch - 12.0).clamp(1.0, 46.0);
    for (row, &groups) in divisors.iter().enumerate() {
        let top = TOP + ROW * row as f64;
        let line = top + ROW / 2.0;
        let name = format!("G = {groups}");
        svg.text((LEFT - 14.0, line + 2.0), Type::BODY.bold().anchor(Anchor::End), &name);
        let wide = pitch * (channels / groups) as f64;
        for group in 0..groups {
            let ink = Ink::series(group);
            let left = LEFT + group as f64 * wide;
            let size = (wide - 4.0, map + 12.0);
            let place = (left + 2.0, line - size.1 / 2.0 - 4.0);
            svg.rect(place, size, 8.0, &Paint::fill(ink, 0.14).and_stroke(ink, 1.25));
            for channel in 0..channels / groups {
                let x = left + channel as f64 * pitch + (pitch - map) / 2.0;
                let at = (x, place.1 + 6.0);
                svg.rect(at, (map, map), 0.0, &Paint::fill(ink, 0.55));
            }
        }
        let values = match channels / groups {
            1 => "m = H·W".into(),
            several => format!("m = {several}·H·W"),
        };
        let right = LEFT + LENGTH + 14.0;
        let end = match groups {
            1 => lang.pick("층 정규화", "layer norm"),
            g if g == channels => lang.pick("인스턴스 정규화", "instance norm"),
            _ => "",
        };
        let down = if end.is_empty() { 2.0 } else { 12.0 };
        svg.text((right, line + down), Type::SMALL, &values);
        svg.text((right, line - 10.0), Type::SMALL.bold(), end);
    }
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, well_made};

    #[test]
    fn keeps_the_contract() {
        check(|lang| spectrum(6, lang), "층 정규화", "layer norm");
        let svg = spectrum(6, Lang::En);
        assert!(svg.contains("G = 3") && !svg.contains("G = 4"));
    }

    #[test]
    fn odd_numbers_are_drawn() {
        for channels in [0, 1, 7, 128] {
            well_made(&spectrum(channels, Lang::Ko));
        }
    }
}
