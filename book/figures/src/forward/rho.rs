use crate::axis::Axis;
use crate::data::sample;
use crate::ink::Ink;
use crate::lang::Lang;
use crate::number::power_of_ten;
use crate::plot::{Frame, WIDTH, plot};
use crate::svg::{Svg, Type};

/// The variance after normalization, ρ = v/(v+ε), against the variance v before, a curve for each ε.
///
/// The dot on each curve is at v = ε, where half of the variance is left.
pub fn rho(eps: &[f64], lang: Lang) -> String {
    const HEIGHT: f64 = 380.0;
    let usable = || eps.iter().copied().filter(|&e| e > 0.0 && e.is_finite());
    let low = usable().fold(1e-3, f64::min) * 1e-3;
    let x = Axis::log(lang.pick("정규화 전의 분산 v", "variance before, v"), low, 10.0);
    let y = Axis::linear(
        lang.pick("정규화 뒤의 분산 ρ = v/(v+ε)", "variance after, ρ = v/(v+ε)"),
        0.0,
        1.0,
    )
    .ticks([0.0, 0.25, 0.5, 0.75, 1.0].map(|v| (v, crate::number::decimal(v, 2))));

    let mut svg = Svg::new(WIDTH, HEIGHT);
    plot(&mut svg, &Frame::whole(HEIGHT), &x, &y, |plot| {
        for (i, eps) in usable().enumerate() {
            let ink = Ink::series(i);
            let decades = (libm::log10(x.low), libm::log10(x.high));
            let curve: Vec<_> = sample(decades.0, decades.1, 200, |d| d)
                .into_iter()
                .map(|(decade, _)| libm::exp10(decade))
                .map(|v| (v, v / (v + eps)))
                .collect();
            plot.drop_line((eps, 0.5), ink);
            plot.line(&curve, ink);
            plot.dots(&[(eps, 0.5)], 5.0, ink, 1.0);
            let exponent = libm::log10(eps);
            let value = if (exponent - libm::round(exponent)).abs() < 1e-9 {
                power_of_ten(libm::round(exponent) as i32)
            } else {
                format!("{eps:e}").replace('-', "−")
            };
            let style = Type::BODY.bold().ink(ink);
            plot.note((eps, 0.5), (12.0, 8.0), style, &format!("ε = {value}"));
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
        check(|lang| rho(&[1e-3, 1e-5], lang), "정규화 전의 분산", "variance before");
        assert!(rho(&[1e-3, 1e-5], Lang::Ko).contains("ε = 10⁻⁵"));
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&rho(&[], Lang::Ko));
        well_made(&rho(&[0.0, f64::NAN, 2.5e-4], Lang::En));
    }
}
