//! The code of the chapter "Why it works": seven experiments, each in a file of its own.

mod common;
#[path = "why_it_works/deep_sigmoid.rs"]
mod deep_sigmoid;
#[path = "why_it_works/explosion.rs"]
mod explosion;
#[path = "why_it_works/initialization.rs"]
mod initialization;
#[path = "why_it_works/landscape.rs"]
mod landscape;
#[path = "why_it_works/learning_rates.rs"]
mod learning_rates;
#[path = "why_it_works/network.rs"]
mod network;
#[path = "why_it_works/noisy.rs"]
mod noisy;
#[path = "why_it_works/scale_invariance.rs"]
mod scale_invariance;

use common::{Figure, Found, Lang, Result, experiments};
use figures::why_it_works as draw;

fn main() -> std::process::ExitCode {
    let experiments = experiments![
        initialization: initialization::Initialization,
        learning_rates: learning_rates::LearningRates,
        deep_sigmoid: deep_sigmoid::DeepSigmoid,
        scale_invariance: scale_invariance::ScaleInvariance,
        landscape: landscape::Landscape,
        noisy: noisy::Noisy,
        explosion: explosion::Explosion,
    ];
    common::run("why_it_works", &[], experiments, figures)
}

/// What has become of the four effects that everybody reports.
fn figures(lang: Lang, found: &Found) -> Result<Vec<Figure>> {
    let effects = [
        ("why_it_works", "initialization"),
        ("why_it_works", "learning_rates"),
        ("why_it_works", "deep_sigmoid"),
        ("generalization", "experiment"),
    ];
    let mut passed = [None, None, None, None];
    for (passed, (stem, experiment)) in passed.iter_mut().zip(effects) {
        *passed = found.passed(stem, experiment)?;
    }
    let passed = passed.each_ref().map(Option::as_deref);
    Ok(vec![("four_effects", draw::four_effects(passed, lang))])
}
