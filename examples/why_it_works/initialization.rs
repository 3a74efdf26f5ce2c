//! How much does the size of the first weights matter?
//!
//! # The experiment
//! S. Ioffe and C. Szegedy (ICML 2015, arXiv 1502.03167) say that batch normalization lets us "be less
//! careful about initialization". Three hidden layers of 100 ReLU units learn the digits from weights
//! that are [`SCALES`] times as large as He's, with and without batch normalization.
//!
//! Both sides have the same seeds, images, first weights and batches, and the same search: for each seed
//! the rate of [`RATES`] with the best accuracy on validation images from He's own weights. With that
//! rate they start from all the others. Accuracies are those of test images after the last step.
//!
//! Written down before the first run, over seeds, with Student's 95 % interval:
//!
//! 1. *wider*: the decades of scales (their count times the distance of neighbours) from which 90 % is
//!    reached, with − without: the interval is above 0;
//! 2. *safer*: the worst accuracy of all scales, with − without: the interval is above 0;
//! 3. *insensitive*: the worst accuracy with batch normalization is within two points of that from He's
//!    weights: the interval of the loss is below 2.
//!
//! All three: reproduced. Some: partly. None: did not reproduce.

use super::common::interval::Interval;
use super::common::{
    Criteria, Experiment, Figure, Lang, Result, Settings, over_seeds, said, spaced,
};
use super::network::{GOAL, Kind, Run, Shape, Track, difference, most_accurate};
use batchnorm::nn::activation::Activation;
use batchnorm::nn::init::Init;
use figures::{Band, why_it_works as draw};
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// Half a decade from one to the next.
const SCALES: [f64; 7] = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0];
const HE: usize = 4;
const RATES: [f64; 5] = [0.01, 0.03, 0.1, 0.3, 1.0];
const SIDES: [Kind; 2] = [Kind::None, Kind::Batch];

/// Every number of the experiment.
#[derive(Serialize, Deserialize)]
pub struct Initialization {
    data: String,
    steps: usize,
    scales: Vec<f64>,
    rates: Vec<f64>,
    /// Without, and with; then seed by seed.
    sides: [Vec<Side>; 2],
}

/// What one seed gave on one side.
#[derive(Serialize, Deserialize)]
struct Side {
    /// From He's weights, for each rate.
    search: Vec<Run>,
    /// The rate chosen, and the accuracy on test images for each scale.
    rate: f64,
    accuracy: Vec<f64>,
}

impl Side {
    fn worst(&self) -> f64 {
        self.accuracy.iter().copied().fold(1.0, f64::min)
    }
}

impl Experiment for Initialization {
    fn run(settings: &Settings) -> Result<Self> {
        let steps = settings.pick(20, 600, 600);
        // ANCHOR: initialization
        let run = |norm: Kind, &seed: &u64| -> Result<Side> {
            let track = Track::new(&settings.data, seed);
            let from = |scale, rate| {
                let activation = Activation::Relu;
                let init = (Init::He, scale);
                let shape = Shape { depth: 3, width: 100, activation, norm, init };
                track.train(track.network(shape)?, rate, steps)
            };
            let search = RATES.iter().map(|&rate| from(1.0, rate)).collect::<Result<Vec<_>>>()?;
            let rate = most_accurate(&search).map_or(RATES[0], |run| run.rate);
            let accuracy = SCALES.iter().map(|&scale| Ok(from(scale, rate)?.test));
            Ok(Side { rate, accuracy: accuracy.collect::<Result<_>>()?, search })
        };
        // ANCHOR_END: initialization
        let mut sides = over_seeds(settings, &SIDES, &settings.seeds, run)?.into_iter();
        Ok(Initialization {
            data: settings.data.name.clone(),
            steps,
            scales: SCALES.into(),
            rates: RATES.into(),
            sides: [(); 2].map(|()| sides.next().unwrap_or_default()),
        })
    }

    fn criteria(&self) -> Criteria {
        vec![
            ("wider", self.wider().above(0.0)),
            ("safer", self.safer().above(0.0)),
            ("insensitive", self.lost().below(2.0)),
        ]
    }

    fn table(&self, out: &mut String) -> Result {
        let seeds = self.sides[0].len();
        writeln!(
            out,
            "{}; {} steps; {seeds} seeds, mean and 95 % interval over them",
            self.data, self.steps
        )?;
        let rates = self.sides.each_ref().map(|side| spaced(side.iter().map(|s| s.rate)));
        let mut row = |name: &str, [a, b]: [String; 2], compared: String| {
            let row = format!("{name:22}{a:>24}{b:>24}   {compared}");
            writeln!(out, "{}", row.trim_end())
        };
        row("test accuracy, %", ["without".into(), "with".into()], "with − without".into())?;
        row("rates chosen", rates, String::new())?;
        for (i, scale) in self.scales.iter().enumerate() {
            let [without, with] = self.both(|side| 100.0 * side.accuracy[i]);
            row(
                &format!("{scale:>5} × He"),
                [&without, &with].map(|side| format!("{:.1}", Interval::of(side.iter().copied()))),
                format!("{:+.1}", difference(&with, &without)),
            )?;
        }
        let [worst, decades] = [self.both(|side| 100.0 * side.worst()), self.decades()];
        for (name, sides, compared) in [
            ("worst of them", worst, self.safer()),
            ("decades that reach 90 %", decades, self.wider()),
        ] {
            let sides = sides.map(|side| format!("{:.1}", Interval::of(side)));
            row(name, sides, format!("{compared:+.1}"))?;
        }
        row("worst less than He's", [String::new(), format!("{:.1}", self.lost())], String::new())?;
        writeln!(out, "{}", said(&self.criteria()))?;
        Ok(())
    }

    fn figures(&self, lang: Lang) -> Result<Vec<Figure>> {
        let curves = self.sides.each_ref().map(|side| -> Vec<_> {
            let points = self
                .scales
                .iter()
                .enumerate()
                .map(|(i, &x)| Interval::of(side.iter().map(|side| side.accuracy[i])).at(x));
            points.collect()
        });
        let names = lang.pick(["BN 없이", "BN 있음"], ["without BN", "with BN"]);
        let band = |i: usize| Band { label: names[i], points: &curves[i] };
        Ok(vec![("initialization", draw::initialization(&[band(0), band(1)], lang))])
    }
}

impl Initialization {
    /// Without and with, seed by seed.
    fn both(&self, f: impl Fn(&Side) -> f64) -> [Vec<f64>; 2] {
        self.sides.each_ref().map(|side| side.iter().map(&f).collect())
    }

    fn decades(&self) -> [Vec<f64>; 2] {
        self.both(|side| 0.5 * side.accuracy.iter().filter(|a| **a >= GOAL).count() as f64)
    }

    fn wider(&self) -> Interval {
        let [without, with] = self.decades();
        difference(&with, &without)
    }

    fn safer(&self) -> Interval {
        let [without, with] = self.both(|side| 100.0 * side.worst());
        difference(&with, &without)
    }

    fn lost(&self) -> Interval {
        let [_, lost] = self.both(|side| 100.0 * (side.accuracy[HE] - side.worst()));
        Interval::of(lost)
    }
}
