use crate::axis::extent;
use crate::ink::Ink;
use crate::lang::Lang;
use crate::number::decimal;
use crate::plot::WIDTH;
use crate::svg::{Paint, Svg, Type};

/// A photograph before and after normalization, pixel by pixel in rows; before, 0 is black and 1 is white.
#[derive(Clone, Copy, Debug)]
pub struct Version<'a> {
    pub label: &'a str,
    pub before: &'a [f64],
    pub after: &'a [f64],
}

/// The same picture, `width` pixels wide, under several lights: above as it was taken, below after normalization, all
/// of these on one scale from black to white. Below each stand mean and standard deviation.
pub fn contrast(width: usize, versions: &[Version], lang: Lang) -> String {
    const LEFT: f64 = 62.0;
    const GAP: f64 = 18.0;
    let width = width.max(1);
    let columns = versions.len().max(1) as f64;
    let side = (WIDTH - 1.0 - LEFT - GAP * (columns - 1.0)) / columns;
    let side = side.min(200.0);
    let rows = versions.iter().map(|v| v.before.len().max(v.after.len())).max().unwrap_or(0);
    let tall = side * (rows.div_ceil(width) as f64 / width as f64).clamp(0.25, 2.0);
    let (first, second) = (34.0, 34.0 + tall + 42.0);
    let mut svg = Svg::new(WIDTH, second + tall + 30.0);
    svg.text((4.0, first + tall / 2.0 + 6.0), Type::SMALL, lang.pick("전", "before"));
    svg.text((4.0, second + tall / 2.0 + 6.0), Type::SMALL, lang.pick("후", "after"));
    let after = extent(versions.iter().flat_map(|v| v.after).copied());
    for (i, version) in versions.iter().enumerate() {
        let left = LEFT + i as f64 * (side + GAP);
        svg.text((left + side / 2.0, 22.0), Type::BODY.bold().middle(), version.label);
        let images = [(first, version.before, (0.0, 1.0)), (second, version.after, after)];
        for (top, pixels, scale) in images {
            photograph(&mut svg, (left, top), (side, tall), (width, pixels), scale);
            let (mean, sd) = moments(pixels);
            if mean.is_finite() && sd.is_finite() {
                let numbers = format!("μ {}  σ {}", decimal(mean, 2), decimal(sd, 2));
                svg.text((left + side / 2.0, top + tall + 21.0), Type::SMALL.middle(), &numbers);
            }
        }
    }
    svg.finish()
}

/// White of different strength on black ground.
fn photograph(
    svg: &mut Svg,
    (left, top): (f64, f64),
    (side, tall): (f64, f64),
    (width, pixels): (usize, &[f64]),
    (low, high): (f64, f64),
) {
    let ground = Paint::fill(Ink::Black, 1.0).and_stroke(Ink::Muted, 1.0);
    svg.rect((left, top), (side, tall), 0.0, &ground);
    let rows = pixels.len().div_ceil(width).max(1);
    let pixel = (side / width as f64, tall / rows as f64);
    for (i, &value) in pixels.iter().enumerate().filter(|(_, v)| v.is_finite()) {
        let share = if high > low { ((value - low) / (high - low)).clamp(0.0, 1.0) } else { 0.5 };
        let at = (left + (i % width) as f64 * pixel.0, top + (i / width) as f64 * pixel.1);
        svg.rect(at, pixel, 0.0, &Paint::fill(Ink::White, share));
    }
}

fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let var = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n;
    (mean, libm::sqrt(var))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, well_made};

    #[test]
    fn keeps_the_contract() {
        let (before, after) = ([0.0, 1.0, 0.5, 0.5], [-1.41, 1.41, 0.0, 0.0]);
        let version = Version { label: "x", before: &before, after: &after };
        check(|lang| contrast(2, &[version; 4], lang), "후", "after");
        assert!(contrast(2, &[version], Lang::En).contains("μ 0.5  σ 0.35"));
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&contrast(0, &[], Lang::Ko));
        let odd = Version { label: "x", before: &[f64::NAN, 2.0, 3.0], after: &[] };
        well_made(&contrast(2, &[odd, odd], Lang::En));
    }
}
