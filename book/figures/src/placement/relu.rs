use crate::axis::Axis;
use crate::data::{gaussian, sample};
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, WIDTH, plot};
use crate::svg::{Svg, Type};

/// What goes into a ReLU, γ x̂ + β for a Gaussian x̂, and what is known of what comes out.
#[derive(Clone, Copy, Debug)]
pub struct Rectified {
    pub gamma: f64,
    pub beta: f64,
    /// The share that becomes 0.
    pub zero: f64,
    pub mean: f64,
}

/// The density of what goes into a ReLU, for several γ and β: what lies left of 0 becomes 0, and the mean of what comes
/// out.
pub fn relu(panels: &[Rectified], lang: Lang) -> String {
    const HEIGHT: f64 = 300.0;
    let mut svg = Svg::new(WIDTH, HEIGHT);
    for (i, panel) in panels.iter().enumerate() {
        let Rectified { gamma, beta, zero, mean } = *panel;
        let density = |x: f64| gaussian(x, beta, gamma.abs());
        let x = Axis::linear(lang.pick("ReLU의 입력", "input of the ReLU"), -4.0, 4.0);
        let y = Axis::linear("", 0.0, 0.62).ticks([]);
        let title = format!("γ = {}, β = {}", short(gamma), short(beta));
        let frame = Frame::column(i, panels.len(), HEIGHT).title(title);
        plot(&mut svg, &frame, &x, &y, |plot| {
            plot.area(&sample(-4.0, 0.0, 80, density), Ink::Muted, 0.35);
            plot.area(&sample(0.0, 4.0, 80, density), Ink::Blue, 0.35);
            plot.thin_line(&sample(-4.0, 4.0, 160, density), Ink::Text, 1.5);
            plot.drop_line((mean, 0.5), Ink::Vermillion);
            let (zeros, average) = (
                lang.pick(
                    format!("0이 {:.0} %", 100.0 * zero),
                    format!("{:.0} % zero", 100.0 * zero),
                ),
                lang.pick(format!("평균 {mean:.2}"), format!("mean {mean:.2}")),
            );
            plot.note((-3.9, 0.57), (0.0, 0.0), Type::SMALL.ink(Ink::Muted), &zeros);
            plot.note((mean, 0.5), (6.0, 8.0), Type::SMALL.ink(Ink::Vermillion).halo(), &average);
        });
    }
    svg.finish()
}

fn short(value: f64) -> String {
    crate::number::decimal(value, 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, well_made};

    #[test]
    fn keeps_the_contract() {
        let panel = |gamma, beta, zero, mean| Rectified { gamma, beta, zero, mean };
        let panels =
            [panel(1.0, 0.0, 0.5, 0.4), panel(1.0, 1.0, 0.16, 1.08), panel(0.5, -1.0, 0.98, 0.0)];
        check(|lang| relu(&panels, lang), "ReLU의 입력", "input of the ReLU");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&relu(&[], Lang::Ko));
        let wild = Rectified { gamma: 0.0, beta: f64::NAN, zero: f64::NAN, mean: f64::NAN };
        well_made(&relu(&[wild], Lang::En));
    }
}
