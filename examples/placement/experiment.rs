//! Before or after the activation, and does it matter? The Keras network of many textbooks, 300 and 100
//! units with ELU and He's weights, with the Keras defaults of batch normalization (ε = 0.001, new value
//! 0.01), on the digits; or, with `--data`, on the images of 28 × 28 pixels that it is shown with.
//!
//! All ways have the same seeds, images, first weights, batches and search for a learning rate: of
//! [`RATES`], falling to 0 along a straight line, the one with the least error on validation images. Test
//! images are looked at after the first epoch and at the end, and choose nothing.
//!
//! What was to be called a success was written down before the first run: what such textbooks say. Over
//! the seeds, with Student's 95 % interval of differences of test error within a seed:
//!
//! 1. *helps*: without batch normalization − before the activation, at the end: the interval is above 0;
//! 2. *faster*: the same after the first epoch;
//! 3. *before is better*: after − before the activation, at the end: above 0;
//! 4. *no bias needed*: before the activation, with − without biases, at the end: within half a point of 0.
//!
//! All four: reproduced. Some: partly. None: did not reproduce.
//!
//! The same holds with `--data`: of the 60,000 images of Fashion-MNIST 4000 are then learned, 1000 choose,
//! and 2000 of the 10,000 test images judge; `--full` takes 50,000, 10,000 and 10,000, for 30 epochs.

use super::Place;
use super::common::interval::Interval;
use super::common::search::{Images, Recipe, Run, Split};
use super::common::{
    Criteria, Experiment, Figure, Lang, Result, Settings, over_seeds, said, spaced,
};
use figures::{Named, placement as draw};
use serde::{Deserialize, Serialize};
use std::fmt::Write;

const RATES: [f64; 5] = [0.03, 0.1, 0.3, 1.0, 3.0];
const BATCH: usize = 32;

/// Every number of the experiment.
#[derive(Serialize, Deserialize)]
pub struct Textbook {
    #[serde(flatten)]
    images: Images,
    pixels: usize,
    classes: usize,
    batch: usize,
    epochs: usize,
    rates: Vec<f64>,
    ways: Vec<Way>,
}

#[derive(Serialize, Deserialize)]
struct Way {
    place: Place,
    bias: bool,
    /// One for each seed.
    runs: Vec<Run>,
}

const WAYS: [(Place, bool); 5] = [
    (Place::Nowhere, true),
    (Place::Before, false),
    (Place::Before, true),
    (Place::After, false),
    (Place::After, true),
];

/// Error on test images after the first epoch.
fn early(run: &Run) -> f64 {
    run.early.unwrap_or(f64::NAN)
}

impl Experiment for Textbook {
    // ANCHOR: experiment
    fn run(settings: &Settings) -> Result<Self> {
        let (data, epochs) = (&settings.data, settings.pick(1, 12, 30));
        let images = settings.pick([160, 100, 100], [4000, 1000, 2000], [50_000, 10_000, 10_000]);
        let images = data.at_most(images);
        let splits = Split::for_seeds(settings, images)?;
        let each = |(place, bias): (Place, bool), split: &Split| {
            let (pixels, classes) = (data.pixels.ncols(), data.classes());
            let start = super::model(place, bias, pixels, classes, split.seed)?;
            let epoch = split.training.labels.len() / BATCH;
            let run = Recipe {
                rates: &RATES,
                batch: BATCH,
                steps: epochs * epoch,
                weight_decay: 0.0,
                early: Some(epoch),
            };
            run.search(&start, split)
        };
        let runs = over_seeds(settings, &WAYS, &splits, each)?;
        let ways = WAYS.into_iter().zip(runs);
        let ways = ways.map(|((place, bias), runs)| Way { place, bias, runs });
        Ok(Textbook {
            images: Images::of(data, images),
            pixels: data.pixels.ncols(),
            classes: data.classes(),
            batch: BATCH,
            epochs,
            rates: RATES.into(),
            ways: ways.collect(),
        })
    }
    // ANCHOR_END: experiment

    fn criteria(&self) -> Criteria {
        let (without, before) = ((Place::Nowhere, true), (Place::Before, false));
        let end = |a, b| self.less(a, b, |run| run.test);
        let bias = end((Place::Before, true), before);
        vec![
            ("helps", end(without, before).above(0.0)),
            ("faster", self.less(without, before, early).above(0.0)),
            ("before is better", end((Place::After, false), before).above(0.0)),
            ("no bias needed", bias.low > -0.5 && bias.high < 0.5),
        ]
    }

    fn table(&self, out: &mut String) -> Result {
        writeln!(
            out,
            "{}: {}; {} seeds",
            self.images.data,
            self.images,
            self.ways.first().map_or(0, |way| way.runs.len())
        )?;
        let rates = spaced(self.rates.iter().copied());
        writeln!(out, "{} epochs, batches of {}; rates tried: {}", self.epochs, self.batch, rates)?;
        let model = super::model(Place::After, true, self.pixels, self.classes, 0)?;
        writeln!(out, "\nafter the activation, with biases:\n{}", model.summary()?)?;
        writeln!(out, "test error in %, mean and 95 % interval\n")?;
        writeln!(
            out,
            "batch norm                first epoch         at the end          more than before, no bias    rates chosen"
        )?;
        for way in &self.ways {
            let [first, end] = [early as fn(&Run) -> f64, |run| run.test]
                .map(|error| format!("{:.1}", Interval::of(way.runs.iter().map(error))));
            let own = (way.place, way.bias);
            let more = match self.less(own, (Place::Before, false), |run| run.test) {
                _ if own == (Place::Before, false) => String::new(),
                more => format!("{more:+.2}"),
            };
            let rates = spaced(way.runs.iter().map(|run| run.rate));
            let name = way.name(Lang::En);
            writeln!(out, "{name:26}{first:20}{end:20}{more:29}{}", rates)?;
        }
        writeln!(out, "\n{}", said(&self.criteria()))?;
        Ok(())
    }

    fn figures(&self, lang: Lang) -> Result<Vec<Figure>> {
        let panel = |error: fn(&Run) -> f64| -> Vec<Named> {
            let row = |way: &Way| Interval::of(way.runs.iter().map(error)).named(way.name(lang));
            self.ways.iter().map(row).collect()
        };
        let (first, end) = (panel(early), panel(|run| run.test));
        Ok(vec![("experiment", draw::experiment(&first, &end, lang))])
    }
}

impl Textbook {
    fn runs(&self, (place, bias): (Place, bool)) -> impl Iterator<Item = &Run> {
        self.ways.iter().filter(move |w| w.place == place && w.bias == bias).flat_map(|w| &w.runs)
    }

    /// The error of `a` less that of `b`, over the seeds.
    fn less(&self, a: (Place, bool), b: (Place, bool), error: fn(&Run) -> f64) -> Interval {
        Interval::of_differences(self.runs(a).map(&error), self.runs(b).map(&error))
    }
}

impl Way {
    fn name(&self, lang: Lang) -> &'static str {
        match (self.place, self.bias) {
            (Place::Nowhere, _) => lang.pick("없음", "none"),
            (Place::Before, false) => lang.pick("활성화 앞", "before"),
            (Place::Before, true) => lang.pick("활성화 앞, 편향", "before, with bias"),
            (Place::After, false) => lang.pick("활성화 뒤", "after"),
            (Place::After, true) => lang.pick("활성화 뒤, 편향", "after, with bias"),
        }
    }
}
