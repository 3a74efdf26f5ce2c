//! Error against batch size, as in Figure 1 of Y. Wu, K. He, "Group Normalization" (ECCV 2018, arXiv
//! 1803.08494), on the digits of this notebook: a fully connected network and a small convolutional one,
//! with batch, group or layer normalization before each ReLU, trained with batches of 2 to 32.
//!
//! All sides have the same seeds, images, first weights, batches and number of epochs. Learning rates
//! follow the paper's rule, rate = base · size/32, and fall to 0 along a straight line; the base is, for
//! each seed and each side, the one of [`BASES`] with the least error on validation images with batches
//! of 32. Other sizes take it over, as in the paper. Test images are looked at once, at the end.
//!
//! What was to be called a success was written down before the first run. For either network, over the
//! seeds, with Student's 95 % interval of differences within a seed:
//!
//! 1. *grows*: test error of batch normalization, at 2 less at 32: the interval is above 0;
//! 2. *lower*: test error at 2, batch less group normalization: the interval is above 0;
//! 3. *flatter*: the growth from 32 to 2 of batch less that of group normalization: above 0.
//!
//! All six: reproduced. Some: partly. None: did not reproduce.
//!
//! The same holds with `--data`: of the 60,000 images of Fashion-MNIST 1200 are then learned, about as many
//! as there are digits, 300 choose, and 2000 of the 10,000 test images judge; `--full` takes 50,000, 10,000
//! and 10,000, for 30 epochs.
//!
//! In a fully connected network a batch of 2 is an exaggeration: two values a unit, normalized, are
//! nearly −1 and +1. In a convolutional one every pixel of a map counts.

use super::common::interval::Interval;
use super::common::network::{Kind, Norm};
use super::common::search::{Images, Recipe, Run, Split};
use super::common::{
    Criteria, Experiment, Figure, Lang, Result, Settings, over_seeds, said, spaced,
};
use figures::{Band, group_norm as draw};
use serde::{Deserialize, Serialize};
use std::fmt::Write;

const SIZES: [usize; 5] = [2, 4, 8, 16, 32];
/// Learning rates at batches of 32.
const BASES: [f64; 5] = [0.1, 0.3, 1.0, 3.0, 10.0];

const NORMS: [Norm; 3] = [Norm::Batch, Norm::Group, Norm::Layer];
const KINDS: [Kind; 2] = [Kind::Connected, Kind::Convolutional];

/// Every number of the experiment.
#[derive(Serialize, Deserialize)]
pub struct BatchSize {
    #[serde(flatten)]
    images: Images,
    sizes: Vec<usize>,
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
    /// For each seed, a run for each size.
    runs: Vec<Vec<Run>>,
}

impl Experiment for BatchSize {
    // ANCHOR: batch_size
    fn run(settings: &Settings) -> Result<Self> {
        let (data, epochs) = (&settings.data, settings.pick(1, 6, 30));
        let images = settings.pick([200, 100, 100], [1200, 300, 2000], [50_000, 10_000, 10_000]);
        let images = data.at_most(images);
        let splits = Split::for_seeds(settings, images)?;
        let each = |(kind, norm): (Kind, Norm), split: &Split| {
            let (pixels, classes) = (data.pixels.ncols(), data.classes());
            let start = kind.model(pixels, classes, norm, split.seed)?;
            let run = |batch, rates: &[f64]| {
                let steps = epochs * split.training.labels.len() / batch;
                Recipe { rates, batch, steps, weight_decay: 0.0, early: None }.search(&start, split)
            };
            let largest = run(32, &BASES)?;
            let smaller = SIZES[..SIZES.len() - 1].iter();
            let runs = smaller.map(|&size| run(size, &[largest.rate * size as f64 / 32.0]));
            let mut runs = runs.collect::<Result<Vec<_>>>()?;
            runs.push(largest);
            Ok(runs)
        };
        let all: Vec<_> =
            KINDS.into_iter().flat_map(|kind| NORMS.map(|norm| (kind, norm))).collect();
        let mut runs = over_seeds(settings, &all, &splits, each)?.into_iter();
        let networks = KINDS.map(|kind| {
            let sides = NORMS.into_iter().zip(runs.by_ref());
            Network { kind, sides: sides.map(|(norm, runs)| Side { norm, runs }).collect() }
        });
        Ok(BatchSize {
            images: Images::of(data, images),
            sizes: SIZES.into(),
            epochs,
            rates: BASES.into(),
            networks: networks.into(),
        })
    }
    // ANCHOR_END: batch_size

    fn criteria(&self) -> Criteria {
        let names = [
            ["connected grows", "lower", "flatter"],
            ["convolutional grows", "lower (convolutional)", "flatter (convolutional)"],
        ];
        self.networks.iter().zip(names).flat_map(|(n, names)| n.criteria(names)).collect()
    }

    fn table(&self, out: &mut String) -> Result {
        writeln!(
            out,
            "{}: {}; {} epochs, {} seeds",
            self.images.data,
            self.images,
            self.epochs,
            self.networks.first().map_or(0, |n| n.sides.first().map_or(0, |s| s.runs.len()))
        )?;
        let rates = spaced(self.rates.iter().copied());
        writeln!(out, "rates tried at 32: {}; test error in %, mean and 95 % interval", rates)?;
        for network in &self.networks {
            writeln!(out)?;
            network.table(&self.sizes, out)?;
        }
        writeln!(out, "\n{}", said(&self.criteria()))?;
        Ok(())
    }

    fn figures(&self, lang: Lang) -> Result<Vec<Figure>> {
        let panels = self.networks.iter().map(|network| {
            let lines = network.sides.iter().map(|side| {
                let points = (0..self.sizes.len()).map(|i| side.error(i).at(i as f64));
                (side.norm.name(lang), points.collect::<Vec<_>>())
            });
            (network.kind.name(lang), lines.collect::<Vec<_>>())
        });
        let panels: Vec<_> = panels.collect();
        let bands: Vec<Vec<Band>> = panels
            .iter()
            .map(|(_, lines)| lines.iter().map(|(label, points)| Band { label, points }).collect())
            .collect();
        let panels: Vec<_> =
            panels.iter().zip(&bands).map(|((title, _), lines)| (*title, &lines[..])).collect();
        Ok(vec![("batch_size", draw::error_by_batch_size(&self.sizes, &panels, lang))])
    }
}

impl Network {
    fn side(&self, norm: Norm) -> impl Iterator<Item = &[Run]> {
        self.sides.iter().filter(move |s| s.norm == norm).flat_map(|s| &s.runs).map(Vec::as_slice)
    }

    fn criteria(&self, [grows, lower, flatter]: [&'static str; 3]) -> Criteria {
        let ends = |runs: &[Run]| match runs {
            [smallest, .., largest] => (smallest.test, largest.test),
            _ => (f64::NAN, f64::NAN),
        };
        let growth = |norm| self.side(norm).map(ends).map(|(small, large)| small - large);
        let pairs = || self.side(Norm::Batch).zip(self.side(Norm::Group));
        let lower_at_2 = pairs().map(|(batch, group)| ends(batch).0 - ends(group).0);
        let steeper = growth(Norm::Batch).zip(growth(Norm::Group)).map(|(b, g)| b - g);
        vec![
            (grows, Interval::of(growth(Norm::Batch)).above(0.0)),
            (lower, Interval::of(lower_at_2).above(0.0)),
            (flatter, Interval::of(steeper).above(0.0)),
        ]
    }

    fn table(&self, sizes: &[usize], out: &mut String) -> Result {
        let mut row = |cells: Vec<String>| -> Result {
            let cells = cells.iter().map(|cell| format!("{cell:>22}"));
            writeln!(out, "{}", cells.collect::<String>())?;
            Ok(())
        };
        let head = self.sides.iter().map(|side| format!("{} norm", side.norm.name(Lang::En)));
        row([String::from(self.kind.name(Lang::En))].into_iter().chain(head).collect())?;
        for (i, size) in sizes.iter().enumerate() {
            let errors = self.sides.iter().map(|side| format!("{:.1}", side.error(i)));
            row([format!("batches of {size}")].into_iter().chain(errors).collect())?;
        }
        let rates = self.sides.iter().map(|side| {
            let bases: Vec<_> = side.runs.iter().filter_map(|runs| runs.last()).collect();
            spaced(bases.iter().map(|run| run.rate))
        });
        row([String::from("rates chosen")].into_iter().chain(rates).collect())
    }
}

impl Side {
    /// Test error at the `i`-th size.
    fn error(&self, i: usize) -> Interval {
        Interval::of(self.runs.iter().filter_map(|runs| runs.get(i)).map(|run| run.test))
    }
}
