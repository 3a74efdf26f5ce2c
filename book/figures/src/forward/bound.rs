use crate::axis::{Axis, extent};
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, WIDTH, end, plot};
use crate::svg::Svg;

/// The largest |x̂| of batches of `m` values in which one value is an outlier: points of (outlier, largest |x̂|).
#[derive(Clone, Copy, Debug)]
pub struct Outliers<'a> {
    pub m: usize,
    pub points: &'a [(f64, f64)],
}

/// However far one value lies from the others, its x̂ stays below √(m−1): a curve for each batch size, each under its
/// dashed bound.
pub fn bound(batches: &[Outliers], lang: Lang) -> String {
    const HEIGHT: f64 = 400.0;
    let limit = |batch: &Outliers| libm::sqrt((batch.m as f64 - 1.0).max(0.0));
    let sizes = batches.iter().flat_map(|b| b.points).map(|p| p.0).filter(|&size| size > 0.0);
    let (low, high) = extent(sizes);
    let x = Axis::log(lang.pick("이상치의 크기", "size of the outlier"), low, high).cut(low, high);
    let seen = batches.iter().flat_map(|b| b.points).map(|p| p.1);
    let (_, top) = extent(seen.chain(batches.iter().map(limit)));
    let y = Axis::linear(
        lang.pick("가장 큰 |x̂| (점선: √(m−1))", "largest |x̂| (dashed: √(m−1))"),
        0.0,
        top * 1.06,
    );

    let names: Vec<_> = batches.iter().map(|batch| format!("m = {}", batch.m)).collect();
    let mut svg = Svg::new(WIDTH, HEIGHT);
    let frame = Frame::whole(HEIGHT).names(names.iter().map(String::as_str));
    plot(&mut svg, &frame, &x, &y, |plot| {
        for (i, batch) in batches.iter().enumerate() {
            plot.level(limit(batch), Ink::series(i));
            plot.line(batch.points, Ink::series(i));
        }
        let ends = names.iter().zip(batches).enumerate();
        plot.names(ends.map(|(i, (name, b))| (name.as_str(), end(b.points), Ink::series(i))));
    });
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, well_made};

    #[test]
    fn keeps_the_contract() {
        let batches = [
            Outliers { m: 4, points: &[(1.0, 1.4), (1000.0, 1.73)] },
            Outliers { m: 32, points: &[(1.0, 2.0), (1000.0, 5.5)] },
        ];
        check(|lang| bound(&batches, lang), "이상치", "outlier");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&bound(&[], Lang::Ko));
        well_made(&bound(&[Outliers { m: 0, points: &[(0.0, f64::NAN)] }], Lang::En));
    }
}
