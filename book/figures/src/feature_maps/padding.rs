use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::WIDTH;
use crate::svg::{Paint, Svg, Type};

/// What a ring of zeros does to an image without any contrast: the image with its ring, the sums over 3 × 3 windows,
/// and x̂. The stronger the tint, the larger the value.
pub fn padding(image: &[Vec<f64>], sums: &[Vec<f64>], x_hat: &[Vec<f64>], lang: Lang) -> String {
    const SIDE: f64 = 190.0;
    const GAP: f64 = 34.0;
    const TOP: f64 = 36.0;
    let mut svg = Svg::new(WIDTH, TOP + SIDE + 8.0);
    let ringed = ring(image);
    let maps = [
        (lang.pick("이미지와 0 패딩", "image, padded with 0"), ringed.as_slice(), Ink::Text),
        (lang.pick("3 × 3 창의 합", "sums of 3 × 3"), sums, Ink::Green),
        (lang.pick("정규화한 x̂", "normalized, x̂"), x_hat, Ink::Purple),
    ];
    for (i, (name, map, ink)) in maps.into_iter().enumerate() {
        let left = 1.0 + i as f64 * (SIDE + GAP);
        svg.text((left + SIDE / 2.0, 20.0), Type::SMALL.bold().middle(), name);
        let columns = map.iter().map(Vec::len).max().unwrap_or(0).max(map.len()).max(1);
        let cell = SIDE / columns as f64;
        let (low, high) = crate::axis::extent(map.iter().flatten().copied());
        let paint = |row: usize, column: usize| {
            let value = map[row][column];
            let share = if high > low { (value - low) / (high - low) } else { 0.0 };
            Paint::fill(ink, 0.05 + 0.3 * share.clamp(0.0, 1.0)).and_stroke(Ink::Grid, 1.0)
        };
        svg.table((left, TOP), (cell, cell), map, paint);
        if i > 0 {
            let y = TOP + SIDE / 2.0;
            svg.arrow((left - GAP + 5.0, y), (left - 5.0, y), Ink::Text);
        }
    }
    svg.finish()
}

/// The image with zeros all around it.
fn ring(image: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let columns = image.iter().map(Vec::len).max().unwrap_or(0);
    let zeros = || vec![0.0; columns + 2];
    let padded = |row: &Vec<f64>| [&[0.0], row.as_slice(), &[0.0]].concat();
    std::iter::once(zeros()).chain(image.iter().map(padded)).chain([zeros()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, well_made};

    #[test]
    fn keeps_the_contract() {
        let (image, sums) = (vec![vec![1.0; 2]; 2], vec![vec![4.0; 2]; 2]);
        let x_hat = [vec![-1.26, 1.54], vec![0.0, -0.14]];
        check(|lang| padding(&image, &sums, &x_hat, lang), "0 패딩", "padded");
    }

    #[test]
    fn a_ring_goes_all_around() {
        assert_eq!(ring(&[vec![1.0]]), [vec![0.0; 3], vec![0.0, 1.0, 0.0], vec![0.0; 3]]);
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&padding(&[], &[], &[], Lang::Ko));
        well_made(&padding(
            &[vec![f64::NAN]],
            &[vec![1.0]],
            &[vec![f64::INFINITY], vec![]],
            Lang::En,
        ));
    }
}
