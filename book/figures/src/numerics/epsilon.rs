use crate::axis::Axis;
use crate::ink::Ink;
use crate::lang::Lang;
use crate::number::{decimal, power_of_ten};
use crate::plot::{Frame, WIDTH, plot};
use crate::svg::{Svg, Type};

/// The slope 1/√(v+ε) of the layer against the variance v, a curve for each ε, and dashed what it would be without ε.
///
/// Each curve levels off at 1/√ε, which is written there.
pub fn epsilon(eps: &[f64], lang: Lang) -> String {
    const HEIGHT: f64 = 380.0;
    // An ε above 10 is below the axis.
    let usable: Vec<_> = eps.iter().copied().filter(|&e| e > 0.0 && e < 10.0).collect();
    let smallest = usable.iter().copied().fold(1e-3, f64::min);
    let x = Axis::log(lang.pick("분산 v", "variance v"), smallest * 1e-3, 10.0);
    let top = 10.0 / libm::sqrt(smallest);
    let y = Axis::log(lang.pick("기울기 1/√(v+ε)", "slope 1/√(v+ε)"), 0.1, top);
    let curve = |eps: f64| -> Vec<(f64, f64)> {
        let (left, right) = (libm::log10(x.low), libm::log10(x.high));
        let at = |i: i32| libm::exp10(left + (right - left) * f64::from(i) / 200.0);
        (0..=200).map(at).map(|v| (v, 1.0 / libm::sqrt(v + eps))).collect()
    };

    let mut svg = Svg::new(WIDTH, HEIGHT);
    plot(&mut svg, &Frame::whole(HEIGHT), &x, &y, |plot| {
        let bare: Vec<_> = curve(0.0).into_iter().filter(|p| p.1 <= y.high).collect();
        plot.dashed(&bare, Ink::Muted);
        if let Some(&part) = bare.get(bare.len() / 8) {
            plot.note(part, (12.0, -4.0), Type::BODY.ink(Ink::Muted), "ε = 0: 1/√v");
        }
        for (i, &eps) in usable.iter().enumerate() {
            let points = curve(eps);
            plot.line(&points, Ink::series(i));
            let exponent = libm::log10(eps);
            let name = if (exponent - libm::round(exponent)).abs() < 1e-9 {
                power_of_ten(libm::round(exponent) as i32)
            } else {
                format!("{eps:e}").replace('-', "−")
            };
            let level = 1.0 / libm::sqrt(eps);
            let style = Type::BODY.bold().ink(Ink::series(i));
            let text = format!("ε = {name}: 1/√ε = {}", decimal(level, 1));
            plot.note((x.low, level), (10.0, 24.0), style, &text);
        }
    });
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, well_made};

    #[test]
    fn keeps_the_contract() {
        check(|lang| epsilon(&[1e-3, 1e-5], lang), "분산 v", "variance v");
        assert!(epsilon(&[1e-3], Lang::En).contains("31.6"));
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&epsilon(&[], Lang::Ko));
        well_made(&epsilon(&[0.0, f64::NAN, 2.5e-4, 1e300], Lang::En));
    }
}
