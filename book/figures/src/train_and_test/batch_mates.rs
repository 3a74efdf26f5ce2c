use crate::axis::Axis;
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, WIDTH, plot};
use crate::svg::Svg;

/// One and the same sample: a dot for its output in each of many random mini-batches in training mode, and a line for
/// its single output at inference.
pub fn batch_mates(outputs: &[f64], inference: f64, lang: Lang) -> String {
    const HEIGHT: f64 = 360.0;
    let dots: Vec<_> = outputs.iter().enumerate().map(|(i, &y)| (i as f64 + 1.0, y)).collect();
    let words = lang.pick("추론", "inference");
    let training = lang.pick("학습", "training");
    let x = Axis::linear(lang.pick("미니배치 번호", "mini-batch"), 0.0, outputs.len() as f64);
    let name = lang.pick("같은 샘플의 출력", "output for the same sample");
    let y = Axis::around(name, outputs.iter().copied().chain([inference]));

    let mut svg = Svg::new(WIDTH, HEIGHT);
    plot(&mut svg, &Frame::whole(HEIGHT).names([words, training]), &x, &y, |plot| {
        plot.dots(&dots, 4.0, Ink::Blue, 0.6);
        plot.thin_line(&[(x.low, inference), (x.high, inference)], Ink::Vermillion, 2.5);
        let top = outputs.iter().copied().filter(|y| y.is_finite()).fold(f64::NAN, f64::max);
        plot.names([
            (training, (x.high, top), Ink::Blue),
            (words, (x.high, inference), Ink::Vermillion),
        ]);
    });
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, well_made};

    #[test]
    fn keeps_the_contract() {
        let outputs = [0.4, 0.9, 0.7, -0.1];
        check(
            |lang| batch_mates(&outputs, 0.5, lang),
            "같은 샘플의 출력",
            "output for the same sample",
        );
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&batch_mates(&[], f64::NAN, Lang::Ko));
        well_made(&batch_mates(&[1.0, 1.0, f64::NAN], 1.0, Lang::En));
    }
}
