use crate::axis::Axis;
use crate::data::{gaussian, sample};
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, WIDTH, plot};
use crate::svg::{Svg, Type};

/// A sigmoid, the line that fits it best where its inputs are, γ x̂ for a Gaussian x̂, and the density of these. For
/// each γ: the slope of the line and the share of the variance that it explains.
pub fn sigmoid(panels: &[(f64, f64, f64)], lang: Lang) -> String {
    const HEIGHT: f64 = 320.0;
    let mut svg = Svg::new(WIDTH, HEIGHT);
    for (i, &(gamma, slope, explained)) in panels.iter().enumerate() {
        let x = Axis::linear(lang.pick("시그모이드의 입력", "input of the sigmoid"), -8.0, 8.0);
        let y = Axis::linear("", 0.0, 1.0);
        let y = if i == 0 { y } else { y.ticks([]) };
        let title = format!("γ = {}", crate::number::decimal(gamma, 2));
        let frame = Frame::column(i, panels.len(), HEIGHT).title(title);
        plot(&mut svg, &frame, &x, &y, |plot| {
            let peak = gaussian(0.0, 0.0, gamma);
            let density = |x: f64| 0.5 * gaussian(x, 0.0, gamma) / peak;
            plot.area(&sample(-8.0, 8.0, 160, density), Ink::Blue, 0.2);
            // The line as far as the chart goes.
            let reach = (0.5 / slope).min(8.0);
            plot.dashed(
                &[(-reach, 0.5 - slope * reach), (reach, 0.5 + slope * reach)],
                Ink::Vermillion,
            );
            plot.line(&sample(-8.0, 8.0, 160, |x| 1.0 / (1.0 + libm::exp(-x))), Ink::Text);
            let style = Type::SMALL.ink(Ink::Vermillion).halo();
            plot.note((-7.6, 0.94), (0.0, 0.0), style, &format!("R² = {explained:.3}"));
        });
    }
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, well_made};

    #[test]
    fn keeps_the_contract() {
        let panels = [(1.0, 0.2066, 0.984), (4.0, 0.1, 0.87)];
        check(|lang| sigmoid(&panels, lang), "시그모이드의 입력", "input of the sigmoid");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&sigmoid(&[], Lang::Ko));
        well_made(&sigmoid(&[(0.0, f64::NAN, f64::NAN)], Lang::En));
    }
}
