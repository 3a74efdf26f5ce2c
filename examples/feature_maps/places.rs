//! Is one mean for a channel better than one for each of its places?
//!
//! # The experiment
//! S. Ioffe, C. Szegedy (2015, arXiv 1502.03167, section 3.2) give a convolution one mean and one variance for
//! each map, so that "different elements of the same feature map, at different locations, are normalized in the
//! same way". Who flattens the maps and takes the layer for tables gives each place its own, over as many values
//! as there are images, and its own γ and β. That is not only a loss: such a network can tell a place by them.
//!
//! A small convolutional network learns the digits: two convolutions of 3 × 3 to [`MAPS`] maps, each with a
//! normalization and ReLU, the mean of each map, a linear layer. The windows stay within the image, and there is
//! no padding, so that but for the border nothing else in the network knows where something is. Normalized is
//! per channel, per place, or not at all (and biases in its place), with batches of [`LARGE`]; per channel and
//! per place also with batches of [`SMALL`], for as many epochs. All have the same seeds, images, first weights
//! and [`RATES`], falling to 0 along a straight line. Of each side and seed the rate counts that is best on
//! validation images. Test images choose nothing. They are looked at as they are, and moved by one pixel, to
//! each of four sides; what comes in is background. The gradient is held against finite differences in
//! `tests/gradients.rs`.
//!
//! Written down before the first run. Over the seeds, with Student's 95 % interval of differences of test
//! error within a seed:
//!
//! 1. *of use*: batches of 32: no normalization less per channel: above 0, so that it matters at all;
//! 2. *better*: batches of 32: per place less per channel: above 0;
//! 3. *moved*: batches of 32: what moving adds to the error, per place less per channel: above 0;
//! 4. *small batches*: per place less per channel, with batches of 4 less with batches of 32: above 0, for
//!    then a place has 4 values to average, and a channel still 4 times its places.
//!
//! All four: reproduced. Some: partly. None: did not reproduce.

use super::common::data::Set;
use super::common::interval::Interval;
use super::common::search::{Images, Split, batches, best, right};
use super::common::{
    Criteria, Experiment, Figure, Lang, Result, Settings, over_seeds, said, spaced,
};
use super::network::{Kind, Network};
use batchnorm::nn::random::Random;
use figures::feature_maps as draw;
use ndarray::{Array2, Array4};
use serde::{Deserialize, Serialize};
use std::fmt::Write;

const MAPS: [usize; 2] = [8, 24];
const LARGE: usize = 32;
const SMALL: usize = 4;
const RATES: [f64; 4] = [0.03, 0.1, 0.3, 1.0];
const SIDES: [(Kind, usize); 5] = [
    (Kind::None, LARGE),
    (Kind::Channel, LARGE),
    (Kind::Place, LARGE),
    (Kind::Channel, SMALL),
    (Kind::Place, SMALL),
];

/// Every number of the experiment.
#[derive(Serialize, Deserialize)]
pub struct Places {
    #[serde(flatten)]
    images: Images,
    epochs: usize,
    rates: Vec<f64>,
    sides: Vec<Side>,
}

#[derive(Serialize, Deserialize)]
struct Side {
    kind: Kind,
    batch: usize,
    /// How many γ and β.
    parameters: usize,
    /// One for each seed: that of the rate which validation images have chosen.
    runs: Vec<Run>,
}

/// What a network has become. Errors are in %.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Run {
    rate: f64,
    validation: f64,
    test: f64,
    /// On test images moved by one pixel, the mean of four directions.
    moved: f64,
}

fn square(pixels: Array2<f32>) -> Result<Array4<f32>> {
    let (n, side) = (pixels.nrows(), pixels.ncols().isqrt());
    Ok(pixels.into_shape_with_order((n, 1, side, side))?)
}

fn error(network: &Network<f32>, set: &Set) -> Result<f64> {
    let logits = network.logits(&square(set.pixels.clone())?)?;
    Ok(set.wrong(right(&logits, &set.labels)))
}

// ANCHOR: places
/// Square images, moved down and to the right by so many pixels; the darkest comes in.
fn moved(images: &Set, [down, right]: [isize; 2]) -> Set {
    let side = images.pixels.ncols().isqrt();
    let dark = images.pixels.iter().copied().fold(f32::INFINITY, f32::min);
    let pixels = Array2::from_shape_fn(images.pixels.dim(), |(n, pixel)| {
        let before = |at: usize, by: isize| at.checked_add_signed(-by).filter(|at| *at < side);
        match (before(pixel / side, down), before(pixel % side, right)) {
            (Some(row), Some(column)) => images.pixels[[n, row * side + column]],
            _ => dark,
        }
    });
    Set { pixels, labels: images.labels.clone() }
}

/// A network after all epochs, or none if it has diverged.
fn train(
    (kind, batch): (Kind, usize),
    split: &Split,
    rate: f64,
    epochs: usize,
) -> Result<Option<Network<f32>>> {
    let Split { seed, training, .. } = split;
    let mut network = start(kind, training, *seed)?;
    let steps = epochs * (training.labels.len() / batch);
    let order = &mut Random::new(seed ^ 0xba7c4);
    for (i, (x, labels)) in batches(training, batch, order).take(steps).enumerate() {
        let (loss, gradients) = network.gradient(square(x)?, &labels)?;
        if !loss.is_finite() {
            return Ok(None);
        }
        network.step(&gradients, rate * (1.0 - i as f64 / steps as f64))?;
    }
    Ok(Some(network))
}
// ANCHOR_END: places

/// The network of the rate that is best on validation images.
fn search(side: (Kind, usize), split: &Split, epochs: usize) -> Result<Run> {
    let at = |rate| {
        let network = train(side, split, rate, epochs)?;
        let validation = match &network {
            Some(network) => error(network, &split.validation)?,
            None => f64::INFINITY,
        };
        Ok((rate, validation, network))
    };
    let (rate, validation, network) = best(RATES, at, |(_, validation, _)| *validation)?;
    let network = network.ok_or("every rate has diverged")?;
    let at = |by| error(&network, &moved(&split.test, by));
    let [down, up, right, left] = [at([1, 0])?, at([-1, 0])?, at([0, 1])?, at([0, -1])?];
    let moved = (down + up + right + left) / 4.0;
    Ok(Run { rate, validation, test: error(&network, &split.test)?, moved })
}

fn start(kind: Kind, training: &Set, seed: u64) -> Result<Network<f32>> {
    let classes = training.classes();
    let [first, second] = MAPS;
    Ok(Network::new([training.pixels.ncols().isqrt(), first, second, classes], kind, seed)?)
}

impl Experiment for Places {
    const SEEDS: (usize, usize) = (8, 2);

    fn run(settings: &Settings) -> Result<Self> {
        let epochs = settings.pick(1, 5, 5);
        let images = settings.pick([96, 100, 100], [1037, 260, 500], [1037, 260, 500]);
        let splits = Split::for_seeds(settings, images)?;
        let each = |side, split: &Split| search(side, split, epochs);
        let runs = over_seeds(settings, &SIDES, &splits, each)?;
        let mut sides = Vec::new();
        for ((kind, batch), runs) in SIDES.into_iter().zip(runs) {
            let parameters = match splits.first() {
                Some(split) => start(kind, &split.training, split.seed)?.scales_and_shifts(),
                None => 0,
            };
            sides.push(Side { kind, batch, parameters, runs });
        }
        Ok(Places {
            images: Images::of(&settings.data, images),
            epochs,
            rates: RATES.into(),
            sides,
        })
    }

    fn criteria(&self) -> Criteria {
        let names = ["of use", "better", "moved", "small batches"];
        names.into_iter().zip(self.differences().map(|difference| difference.above(0.0))).collect()
    }

    fn table(&self, out: &mut String) -> Result {
        let seeds = self.sides.first().map_or(0, |side| side.runs.len());
        writeln!(out, "{}: {}; {} epochs", self.images.data, self.images, self.epochs)?;
        let rates = spaced(self.rates.iter().copied());
        writeln!(out, "rates tried: {}; {seeds} seeds, mean and 95 % interval over them", rates)?;
        writeln!(
            out,
            "\na mean for  batch  γ and β       test error, %   moved by one pixel  rates chosen"
        )?;
        for side in &self.sides {
            let over =
                |of: fn(&Run) -> f64| format!("{:.1}", Interval::of(side.runs.iter().map(of)));
            let rates = spaced(side.runs.iter().map(|run| run.rate));
            writeln!(
                out,
                "{:11}{:6}{:9}{:>20}{:>21}  {}",
                side.kind.name(Lang::En),
                side.batch,
                side.parameters,
                over(|run| run.test),
                over(|run| run.moved),
                rates
            )?;
        }
        writeln!(out)?;
        let names = [
            "32: none − channel",
            "32: place − channel",
            "32: what moving adds, place − channel",
            "place − channel, with 4 less with 32",
        ];
        for (name, difference) in names.into_iter().zip(self.differences()) {
            writeln!(out, "{name:38}  test error {difference:+.1}")?;
        }
        writeln!(out, "{}", said(&self.criteria()))?;
        Ok(())
    }

    fn figures(&self, lang: Lang) -> Result<Vec<Figure>> {
        let errors = self.sides.iter().map(|side| {
            let label = format!("{}, N = {}", side.kind.name(lang), side.batch);
            Interval::of(side.runs.iter().map(|run| run.test)).named(label)
        });
        let moved = self.sides.iter().map(|side| {
            let label = format!("{}, N = {}", side.kind.name(lang), side.batch);
            Interval::of(side.runs.iter().map(|run| run.moved)).named(label)
        });
        let (errors, moved): (Vec<_>, Vec<_>) = (errors.collect(), moved.collect());
        Ok(vec![("places", draw::places(&errors, &moved, lang))])
    }
}

impl Places {
    /// Of test error within a seed, in the order of the criteria.
    fn differences(&self) -> [Interval; 4] {
        let side = |of: (Kind, usize)| {
            self.sides.iter().filter(move |s| (s.kind, s.batch) == of).flat_map(|s| &s.runs)
        };
        let less = |one, other, of: fn(&Run) -> f64| {
            side(one).zip(side(other)).map(move |(one, other)| of(one) - of(other))
        };
        let [none, channel, place, small_channel, small_place] = SIDES;
        let apart = less(place, channel, |run| run.test);
        let small = less(small_place, small_channel, |run| run.test);
        [
            Interval::of(less(none, channel, |run| run.test)),
            Interval::of(less(place, channel, |run| run.test)),
            Interval::of(less(place, channel, |run| run.moved - run.test)),
            Interval::of_differences(small, apart),
        ]
    }
}

impl Kind {
    fn name(self, lang: Lang) -> &'static str {
        match self {
            Kind::None => lang.pick("없음", "none"),
            Kind::Channel => lang.pick("채널", "channel"),
            Kind::Place => lang.pick("자리", "place"),
        }
    }
}
