use crate::axis::{Axis, extent};
use crate::data::{gaussian, sample};
use crate::ink::Ink;
use crate::lang::Lang;
use crate::plot::{Frame, WIDTH, end, plot};
use crate::svg::{Anchor, Svg, Type};

/// Where inputs come from, what was seen there, and the straight line fitted to it.
#[derive(Clone, Copy, Debug)]
pub struct Domain<'a> {
    /// Mean of the Gaussian that the inputs follow.
    pub mean: f64,
    /// Its standard deviation.
    pub sd: f64,
    /// Input and target of each sample.
    pub samples: &'a [(f64, f64)],
    pub intercept: f64,
    pub slope: f64,
}

/// Covariate shift: the inputs move, the rule from input to target stays, and the fitted line no longer fits.
///
/// `rule` is the function that both domains obey, as points. Above, the rule, samples and fits; below, where the
/// inputs lie.
pub fn covariate_shift(rule: &[(f64, f64)], train: &Domain, test: &Domain, lang: Lang) -> String {
    const HEIGHT: f64 = 500.0;
    const SPLIT: f64 = 310.0;
    const LEFT: f64 = 44.0;
    let domains = [
        (train, Ink::Blue, lang.pick("학습", "training")),
        (test, Ink::Vermillion, lang.pick("시험", "test")),
    ];
    let reach = domains.iter().flat_map(|(d, ..)| [d.mean - 3.0 * d.sd, d.mean + 3.0 * d.sd]);
    let (low, high) = extent(reach.chain(rule.iter().map(|p| p.0)));
    let seen = domains.iter().flat_map(|(d, ..)| d.samples).chain(rule).map(|p| p.1);
    let rule_name = lang.pick("규칙 f(x)", "the rule f(x)");
    let fit_name = lang.pick("학습 직선", "training fit");
    let test_fit_name = lang.pick("시험 직선", "test fit");

    let mut svg = Svg::new(WIDTH, HEIGHT);
    let names = [rule_name, fit_name, test_fit_name];
    let x = Axis::linear("", low, high).ticks([]);
    let y = Axis::around(lang.pick("목푯값 y", "target y"), seen);
    let top = Frame { left: LEFT, ..Frame::whole(SPLIT) }.names(names);
    let across = |domain: &Domain| {
        sample(low, high, 200, |x| domain.intercept + domain.slope * x)
            .into_iter()
            .filter(|&(_, value)| (y.low..=y.high).contains(&value))
            .collect::<Vec<_>>()
    };
    let fits = [across(train), across(test)];
    plot(&mut svg, &top, &x, &y, |plot| {
        for (domain, ink, _) in domains {
            plot.dots(domain.samples, 3.0, ink, 0.5);
        }
        plot.line(rule, Ink::Text);
        for (fit, (_, ink, _)) in fits.iter().zip(domains) {
            plot.line(fit, ink);
        }
        plot.names([
            (rule_name, end(rule), Ink::Text),
            (fit_name, end(&fits[0]), Ink::Blue),
            (test_fit_name, end(&fits[1]), Ink::Vermillion),
        ]);
    });

    // Each name stands on the outer side of its peak.
    let (left, right) = ((Anchor::End, -8.0), (Anchor::Start, 8.0));
    let sides = if train.mean <= test.mean { [left, right] } else { [right, left] };
    let curves = domains.map(|(d, ..)| sample(low, high, 200, |x| gaussian(x, d.mean, d.sd)));
    let (_, tallest) = extent(curves.iter().flatten().map(|p| p.1));
    let x = Axis::linear(lang.pick("입력 x", "input x"), low, high);
    let density = lang.pick("입력의 밀도", "density of the inputs");
    let y = Axis::linear(density, 0.0, tallest * 1.25).ticks([]);
    let bottom =
        Frame { left: LEFT, right: top.right, ..Frame::whole(HEIGHT - SPLIT) }.below(SPLIT);
    plot(&mut svg, &bottom, &x, &y, |plot| {
        for ((curve, (domain, ink, name)), (anchor, aside)) in curves.iter().zip(domains).zip(sides)
        {
            plot.area(curve, ink, 0.2);
            plot.line(curve, ink);
            let peak = (domain.mean, gaussian(domain.mean, domain.mean, domain.sd));
            plot.note(peak, (aside, -13.0), Type::BODY.bold().anchor(anchor).ink(ink), name);
        }
    });
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{check, well_made};

    const NOTHING: Domain = Domain { mean: 0.0, sd: 1.0, samples: &[], intercept: 0.0, slope: 0.0 };

    #[test]
    fn keeps_the_contract() {
        let rule = sample(-2.0, 4.0, 50, |x| x * x);
        let train = Domain { slope: -1.0, samples: &[(0.0, 0.1), (1.0, 1.2)], ..NOTHING };
        let test = Domain { mean: 2.0, sd: 0.5, intercept: -4.0, slope: 4.0, ..NOTHING };
        check(|lang| covariate_shift(&rule, &train, &test, lang), "목푯값", "target");
    }

    #[test]
    fn odd_numbers_are_drawn() {
        well_made(&covariate_shift(&[], &NOTHING, &NOTHING, Lang::En));
        let point = Domain { sd: 0.0, samples: &[(f64::NAN, 1.0)], ..NOTHING };
        well_made(&covariate_shift(&[(0.0, f64::INFINITY)], &point, &NOTHING, Lang::Ko));
    }
}
