use crate::ink::Ink;
use crate::lang::Lang;
use crate::svg::{Anchor, Paint, Svg, Type, text_width};

/// A chapter, and the numbers of the corrections that it proves.
#[derive(Clone, Copy, Debug)]
pub struct Chapter<'a> {
    pub title: &'a str,
    pub corrections: &'a [usize],
}

/// A row for each chapter, a column for each correction, a dot where the one proves the other.
pub fn map(chapters: &[Chapter], lang: Lang) -> String {
    const TOP: f64 = 62.0;
    const ROW: f64 = 30.0;
    let count = chapters.iter().flat_map(|c| c.corrections).copied().max().unwrap_or(0);
    let title = |chapter: &Chapter| text_width(chapter.title, Type::BODY);
    let left = chapters.iter().map(title).fold(0.0, f64::max) + 18.0;
    let width = 640.0 - left - 14.0;
    let column = |number: usize| left + width * (number as f64 - 0.5) / count.max(1) as f64;
    let row = |i: usize| TOP + (i as f64 + 0.5) * ROW;
    let radius = f64::min(6.5, 0.45 * width / count.max(1) as f64);
    let bottom = TOP + chapters.len() as f64 * ROW;

    let mut svg = Svg::new(640.0, bottom + 12.0);
    let head = lang.pick("바로잡는 문장의 번호", "number of the correction");
    svg.text((left + width / 2.0, 20.0), Type::BODY.middle(), head);
    for number in 1..=count {
        let x = column(number);
        svg.path([(x, TOP), (x, bottom)], &Paint::stroke(Ink::Grid, 1.0));
        // As many numbers as there is room for.
        if (number - 1) % (1 + count / 15) == 0 {
            svg.text((x, TOP - 10.0), Type::SMALL.middle(), &number.to_string());
        }
    }
    for (i, chapter) in chapters.iter().enumerate() {
        let y = row(i);
        svg.text((left - 12.0, y + 6.0), Type::BODY.anchor(Anchor::End), chapter.title);
        svg.path([(left, y), (left + width, y)], &Paint::stroke(Ink::Grid, 1.0));
        for &number in chapter.corrections.iter().filter(|&&number| number > 0) {
            svg.circle((column(number), y), radius, &Paint::fill(Ink::series(i), 1.0));
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
        let chapters = [
            Chapter { title: "A", corrections: &[1, 3] },
            Chapter { title: "B", corrections: &[2, 23] },
        ];
        check(|lang| map(&chapters, lang), "번호", "number");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&map(&[], Lang::Ko));
        well_made(&map(&[Chapter { title: "", corrections: &[0] }], Lang::En));
    }
}
