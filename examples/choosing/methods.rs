//! Does it matter which normalization one chooses? The recipe of the chapter for a classifier with batches of
//! 32 and more is batch normalization; Y. Wu, K. He, "Group Normalization" (ECCV 2018, arXiv 1803.08494) found on
//! ImageNet, in batches of 32 images per GPU, that group normalization comes near, layer normalization less, and
//! instance normalization falls behind.
//!
//! A fully connected network and a small convolutional one learn the digits, with no normalization (and
//! biases in its place) or with one of [`NORMS`] before each ReLU. RMS normalization is of features, and
//! instance normalization of maps, so each of them is in one of the networks only.
//!
//! All sides have the same seeds, images, first weights, batches, number of epochs and [`RATES`], falling to
//! 0 along a straight line. Of each side and seed the rate counts that is best on validation images; test
//! images choose nothing.
//!
//! What was to be called a success was written down before the first run. Over the seeds, with Student's
//! 95 % interval of differences of test error within a seed, for either network:
//!
//! 1. *helps*: without normalization − with batch normalization: the interval is above 0;
//! 2. *as good as any*: batch normalization − each of the others: every interval is below 1 point;
//! 3. *search*: without normalization at the rate that batch normalization has chosen − at its own: above 0.
//!    Who searches for one side alone would see too large a gain.
//!
//! And for the convolutional one, 4. *instance is worse*: instance − batch normalization: above 0.
//!
//! All seven: reproduced. Some: partly. None: did not reproduce.
//!
//! The same holds with `--data`: of the 60,000 images of Fashion-MNIST 1200 are then learned, 300 choose, and
//! 2000 of the 10,000 test images judge; `--full` takes 50,000, 10,000 and 10,000, for 30 epochs.

use super::common::interval::Interval;
use super::common::network::{Kind, Norm};
use super::common::search::{Images, Recipe, Run, Split, chosen};
use super::common::{Criteria, Experiment, Figure, Lang, Result, Settings, over_seeds, said};
use figures::choosing::{self as draw, Panel};
use serde::{Deserialize, Serialize};
use std::fmt::Write;

const BATCH: usize = 32;
const RATES: [f64; 6] = [0.03, 0.1, 0.3, 1.0, 3.0, 10.0];
const KINDS: [Kind; 2] = [Kind::Connected, Kind::Convolutional];
/// With them, by network.
const NORMS: [[Norm; 5]; 2] = [
    [Norm::Without, Norm::Batch, Norm::Layer, Norm::Group, Norm::Rms],
    [Norm::Without, Norm::Batch, Norm::Layer, Norm::Group, Norm::Instance],
];

/// Every number of the experiment.
#[derive(Serialize, Deserialize)]
pub struct Methods {
    #[serde(flatten)]
    images: Images,
    batch: usize,
    epochs: usize,
    rates: Vec<f64>,
    networks: Vec<Network>,
}

/// One of the two networks.
#[derive(Serialize, Deserialize)]
struct Network {
    kind: Kind,
    sides: Vec<Side>,
}

/// It, with one of the normalizations.
#[derive(Serialize, Deserialize)]
struct Side {
    norm: Norm,
    /// For each seed, a run at each rate.
    runs: Vec<Vec<Run>>,
}

impl Experiment for Methods {
    const SEEDS: (usize, usize) = (10, 2);

    // ANCHOR: methods
    fn run(settings: &Settings) -> Result<Self> {
        let (data, epochs) = (&settings.data, settings.pick(1, 6, 30));
        let images = settings.pick([96, 100, 100], [1200, 300, 2000], [50_000, 10_000, 10_000]);
        let images = data.at_most(images);
        let splits = Split::for_seeds(settings, images)?;
        let sides: Vec<(Kind, Norm)> = KINDS
            .into_iter()
            .zip(NORMS)
            .flat_map(|(kind, norms)| norms.map(|norm| (kind, norm)))
            .collect();
        let each = |(kind, norm): (Kind, Norm), split: &Split| -> Result<Vec<Run>> {
            let (pixels, classes) = (data.pixels.ncols(), data.classes());
            let start = kind.model(pixels, classes, norm, split.seed)?;
            let steps = epochs * split.training.labels.len() / BATCH;
            let at = |rate| {
                let recipe =
                    Recipe { rates: &[rate], batch: BATCH, steps, weight_decay: 0.0, early: None };
                recipe.search(&start, split)
            };
            RATES.into_iter().map(at).collect()
        };
        let mut runs = over_seeds(settings, &sides, &splits, each)?.into_iter();
        let networks = KINDS.into_iter().zip(NORMS).map(|(kind, norms)| {
            let sides = norms.into_iter().zip(runs.by_ref());
            Network { kind, sides: sides.map(|(norm, runs)| Side { norm, runs }).collect() }
        });
        let networks = networks.collect();
        Ok(Methods {
            images: Images::of(data, images),
            batch: BATCH,
            epochs,
            rates: RATES.into(),
            networks,
        })
    }
    // ANCHOR_END: methods

    fn criteria(&self) -> Criteria {
        let names = [
            ["connected helps", "as good as any", "search"],
            ["convolutional helps", "as good as any (convolutional)", "search (convolutional)"],
        ];
        let each = self.networks.iter().zip(names).flat_map(|(n, names)| n.criteria(names));
        let worse = self.networks.last().is_some_and(|n| n.less_batch(Norm::Instance).above(0.0));
        each.chain([("instance is worse", worse)]).collect()
    }

    fn table(&self, out: &mut String) -> Result {
        writeln!(out, "{}: {}", self.images.data, self.images)?;
        let seeds =
            self.networks.first().map_or(0, |n| n.sides.first().map_or(0, |s| s.runs.len()));
        writeln!(
            out,
            "{} epochs, batches of {}, {seeds} seeds; errors in %, mean and 95 % interval",
            self.epochs, self.batch
        )?;
        for network in &self.networks {
            writeln!(out)?;
            network.table(&self.rates, out)?;
        }
        writeln!(out, "\n{}", said(&self.criteria()))?;
        Ok(())
    }

    fn figures(&self, lang: Lang) -> Result<Vec<Figure>> {
        // A color for each, the same in both networks.
        let [connected, [.., instance]] = NORMS;
        let norms = connected.into_iter().chain([instance]);
        let panel = |network: &Network| {
            let line = |norm| {
                let side = network.side(norm);
                let at =
                    |(i, rate): (usize, &f64)| (*rate, side.map_or(f64::NAN, |s| s.validation(i)));
                self.rates.iter().enumerate().map(at).collect()
            };
            let row = |side: &Side| network.less_batch(side.norm).named(side.norm.name(lang));
            let others = network.sides.iter().filter(|side| side.norm != Norm::Batch);
            Panel {
                title: network.kind.name(lang),
                lines: norms.clone().map(line).collect(),
                less_batch: others.map(row).collect(),
            }
        };
        let panels: Vec<_> = self.networks.iter().map(panel).collect();
        let names: Vec<_> = norms.clone().map(|norm| norm.name(lang)).collect();
        Ok(vec![("methods", draw::methods(&names, &panels, lang))])
    }
}

impl Network {
    fn side(&self, norm: Norm) -> Option<&Side> {
        self.sides.iter().find(|side| side.norm == norm)
    }

    /// Test error with this normalization − with batch normalization, over the seeds.
    fn less_batch(&self, norm: Norm) -> Interval {
        let [own, batch] = [norm, Norm::Batch].map(|norm| self.side(norm).map(Side::chosen));
        less(own.unwrap_or_default(), batch.unwrap_or_default())
    }

    /// Test error without normalization at the rate that batch normalization has chosen − at its own.
    fn search(&self) -> Interval {
        let (Some(without), Some(batch)) = (self.side(Norm::Without), self.side(Norm::Batch))
        else {
            return Interval::of([]);
        };
        let own = without.chosen();
        let rates = batch.chosen().into_iter().map(|run| run.rate);
        let at = |(runs, rate): (&Vec<Run>, f64)| runs.iter().find(|run| run.rate == rate).copied();
        less(without.runs.iter().zip(rates).filter_map(at).collect(), own)
    }

    fn criteria(&self, [helps, as_good, search]: [&'static str; 3]) -> Criteria {
        let mut others = self.sides.iter().filter(|side| side.norm != Norm::Batch);
        vec![
            (helps, self.less_batch(Norm::Without).above(0.0)),
            (as_good, others.all(|side| self.less_batch(side.norm).above(-1.0))),
            (search, self.search().above(0.0)),
        ]
    }

    fn table(&self, rates: &[f64], out: &mut String) -> Result {
        let narrow = |cells: Vec<String>| -> String {
            cells.iter().map(|cell| format!("{cell:>6}")).collect()
        };
        let heads = narrow(rates.iter().map(f64::to_string).collect());
        writeln!(out, "{:17} validation, by rate", self.kind.name(Lang::En))?;
        writeln!(out, "{:9}{heads}   test, rate chosen   less that of batch", "")?;
        for side in &self.sides {
            let errors = (0..rates.len()).map(|i| format!("{:.1}", side.validation(i)));
            let test = format!("{:.1}", Interval::of(side.chosen().iter().map(|run| run.test)));
            let less = match side.norm {
                Norm::Batch => String::new(),
                norm => format!("{:+.1}", self.less_batch(norm)),
            };
            let row = format!(
                "{:9}{}   {test:20}{less}",
                side.norm.name(Lang::En),
                narrow(errors.collect())
            );
            writeln!(out, "{}", row.trim_end())?;
        }
        writeln!(out, "none, at batch's rate, less at its own: {:+.1}", self.search())?;
        Ok(())
    }
}

impl Side {
    /// Mean validation error at the `i`-th rate.
    fn validation(&self, i: usize) -> f64 {
        Interval::of(self.runs.iter().filter_map(|runs| runs.get(i)).map(|run| run.validation)).mean
    }

    /// For each seed, the run at the rate that is best on validation images.
    fn chosen(&self) -> Vec<Run> {
        self.runs.iter().filter_map(|runs| chosen(runs, |run| run.validation)).copied().collect()
    }
}

/// Test error of `a` − that of `b`, over the seeds.
fn less(a: Vec<Run>, b: Vec<Run>) -> Interval {
    let errors = |runs: Vec<Run>| runs.into_iter().map(|run| run.test);
    Interval::of_differences(errors(a), errors(b))
}
