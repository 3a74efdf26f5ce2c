//! Which network keeps its accuracy when the light changes? A small convolutional network learns the digits as
//! they are. Then every test image x becomes a·x + b, in the units in which the network sees it: pixels less
//! their mean over their standard deviation, both of all training images. So a contrast a > 0 is about a medium
//! gray, and a brightness b is in standard deviations.
//!
//! After each convolution there is no normalization (and biases in its place), or batch, layer, group or
//! instance normalization; or instance normalization is at the input, and batch normalization after the
//! convolutions. Convolutions before a normalization have no bias. They are padded with zeros, that is, with
//! medium gray.
//!
//! All sides have the same seeds, images, first weights, batches, number of epochs and [`RATES`], falling to 0
//! along a straight line; of each side and seed the rate counts that is best on validation images, which are as
//! they are. Test images choose nothing.
//!
//! What follows from the formulas: a convolution without bias makes a·z of an image a·x, also where it is padded,
//! and all but batch normalization divide by the image's own size, so that a is gone but for ε. It makes
//! z + b·k of x + b, where k is the sum of a kernel's weights inside, and of some of them at the padded border.
//! Instance normalization after it removes what is constant, but not the border. At the input it removes both.
//!
//! What was to be called a success was written down before the first run. Over the seeds, with Student's 95 %
//! interval of test error within a seed, where *more* is with the light changed − as the images are:
//!
//! 1. *contrast is lost*: without normalization, and with batch normalization, more at a = 1/8: above 1 point;
//! 2. *contrast is kept*: layer, group and instance normalization, more at every a: within 1 point of 0;
//! 3. *all is kept at the input*: instance normalization there, more at every a and b: within 1 point of 0;
//! 4. *not behind padding*: instance normalization after the convolutions, more at b = 2: above 1 point;
//! 5. *but more than by batch*: the error at b = 2, batch − instance normalization: above 0;
//! 6. *costs little*: on images as they are, instance normalization at the input − not there: below 1 point.
//!
//! All six: reproduced. Some: partly. None: did not reproduce.

use super::common::interval::Interval;
use super::common::network::{Kind, Norm};
use super::common::search::{Images, Recipe, Run, Split, error};
use super::common::{Criteria, Experiment, Figure, Lang, Result, Settings, data, over_seeds, said};
use batchnorm::nn::sequential::Sequential;
use figures::{Band, instance_norm as draw};
use serde::{Deserialize, Serialize};
use std::fmt::Write;

const BATCH: usize = 32;
const RATES: [f64; 4] = [0.03, 0.1, 0.3, 1.0];
const CONTRASTS: [f64; 6] = [0.125, 0.25, 0.5, 1.0, 2.0, 4.0];
const BRIGHTNESSES: [f64; 5] = [-2.0, -1.0, 0.0, 1.0, 2.0];

/// What is normalized: after each convolution, and before the first.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Way {
    norm: Norm,
    at_input: bool,
}

const fn after(norm: Norm) -> Way {
    Way { norm, at_input: false }
}

const INPUT: Way = Way { norm: Norm::Batch, at_input: true };
const WAYS: [Way; 6] = [
    after(Norm::Without),
    after(Norm::Batch),
    after(Norm::Layer),
    after(Norm::Group),
    after(Norm::Instance),
    INPUT,
];

/// Every number of the experiment.
#[derive(Serialize, Deserialize)]
pub struct Lighting {
    #[serde(flatten)]
    images: Images,
    batch: usize,
    epochs: usize,
    rates: Vec<f64>,
    contrasts: Vec<f64>,
    brightnesses: Vec<f64>,
    sides: Vec<Side>,
}

#[derive(Serialize, Deserialize)]
struct Side {
    way: Way,
    /// One for each seed.
    runs: Vec<Lit>,
}

/// A trained network, and its errors on test images, in %, at every contrast and at every brightness.
#[derive(Serialize, Deserialize)]
struct Lit {
    run: Run,
    contrast: Vec<f64>,
    brightness: Vec<f64>,
}

// ANCHOR: lighting
impl Way {
    fn model(self, pixels: usize, classes: usize, seed: u64) -> Result<Sequential<f32>> {
        let model = Kind::Convolutional.model(pixels, classes, self.norm, seed)?;
        let first = if self.at_input { Norm::Instance.layer(1, 1)? } else { None };
        let side = pixels.isqrt();
        let layers = first.into_iter().chain(model.layers().iter().cloned());
        Ok(Sequential::new(&[1, side, side], layers.collect())?)
    }
}

/// These images with every pixel x as a·x + b.
fn lit(images: &data::Set, a: f64, b: f64) -> data::Set {
    let pixels = images.pixels.mapv(|x| a as f32 * x + b as f32);
    data::Set { pixels, labels: images.labels.clone() }
}
// ANCHOR_END: lighting

impl Experiment for Lighting {
    const SEEDS: (usize, usize) = (10, 2);

    fn run(settings: &Settings) -> Result<Self> {
        let (data, epochs) = (&settings.data, settings.pick(1, 6, 30));
        let images = settings.pick([96, 100, 100], [1200, 300, 2000], [50_000, 10_000, 10_000]);
        let images = data.at_most(images);
        let splits = Split::for_seeds(settings, images)?;
        let each = |way: Way, split: &Split| {
            let start = way.model(data.pixels.ncols(), data.classes(), split.seed)?;
            let steps = epochs * split.training.labels.len() / BATCH;
            let recipe =
                Recipe { rates: &RATES, batch: BATCH, steps, weight_decay: 0.0, early: None };
            let (run, model) = recipe.best(&start, split)?;
            let at = |a, b| error(&model, &lit(&split.test, a, b));
            let contrast = CONTRASTS.into_iter().map(|a| at(a, 0.0)).collect::<Result<_>>()?;
            let brightness = BRIGHTNESSES.into_iter().map(|b| at(1.0, b)).collect::<Result<_>>()?;
            Ok(Lit { run, contrast, brightness })
        };
        let runs = over_seeds(settings, &WAYS, &splits, each)?;
        let sides = WAYS.into_iter().zip(runs).map(|(way, runs)| Side { way, runs }).collect();
        Ok(Lighting {
            images: Images::of(data, images),
            batch: BATCH,
            epochs,
            rates: RATES.into(),
            contrasts: CONTRASTS.into(),
            brightnesses: BRIGHTNESSES.into(),
            sides,
        })
    }

    fn criteria(&self) -> Criteria {
        let kept = |more: Interval| more.within(1.0);
        let every = |way, light: fn(usize) -> Light, n: usize| {
            (0..n).all(|i| kept(self.more(way, light(i))))
        };
        let contrasts = |way| every(way, Light::Contrast, self.contrasts.len());
        let brightnesses = |way| every(way, Light::Brightness, self.brightnesses.len());
        let [faint, bright] = self.ends();
        let lost = |norm| self.more(after(norm), faint).above(1.0);
        let [batch, instance] = [Norm::Batch, Norm::Instance].map(after);
        vec![
            ("contrast is lost", [Norm::Without, Norm::Batch].into_iter().all(lost)),
            (
                "contrast is kept",
                [Norm::Layer, Norm::Group, Norm::Instance].into_iter().all(|n| contrasts(after(n))),
            ),
            ("all is kept at the input", contrasts(INPUT) && brightnesses(INPUT)),
            ("not behind padding", self.more(instance, bright).above(1.0)),
            (
                "but more than by batch",
                self.less(batch, instance, |lit| lit.error(bright)).above(0.0),
            ),
            ("costs little", self.less(INPUT, batch, |lit| lit.run.test).below(1.0)),
        ]
    }

    fn table(&self, out: &mut String) -> Result {
        writeln!(
            out,
            "{}: {}; {} epochs, batches of {}, {} seeds",
            self.images.data,
            self.images,
            self.epochs,
            self.batch,
            self.sides.first().map_or(0, |side| side.runs.len())
        )?;
        writeln!(out, "test error in %, mean; at the right with 95 % interval\n")?;
        let heads = |of: &[f64]| of.iter().map(|v| format!("{v:>6}")).collect::<String>();
        let name = "";
        writeln!(out, "{name:19}{:39}   brightness b", "   contrast a")?;
        writeln!(
            out,
            "{name:19}{}   {}   as they are",
            heads(&self.contrasts),
            heads(&self.brightnesses)
        )?;
        for side in &self.sides {
            let means = |n: usize, light: fn(usize) -> Light| -> String {
                let mean = |i| Interval::of(side.runs.iter().map(|lit| lit.error(light(i)))).mean;
                (0..n).map(|i| format!("{:6.1}", mean(i))).collect()
            };
            writeln!(
                out,
                "{:19}{}   {}   {:.1}",
                side.way.name(Lang::En),
                means(self.contrasts.len(), Light::Contrast),
                means(self.brightnesses.len(), Light::Brightness),
                Interval::of(side.runs.iter().map(|lit| lit.run.test))
            )?;
        }
        writeln!(out, "\n{name:19}{:26}at b = 2", "more at a = 0.125")?;
        for way in WAYS {
            let [a, b] = self.ends().map(|light| format!("{:+.1}", self.more(way, light)));
            writeln!(out, "{:19}{a:26}{b}", way.name(Lang::En))?;
        }
        writeln!(out, "\n{}", said(&self.criteria()))?;
        Ok(())
    }

    fn figures(&self, lang: Lang) -> Result<Vec<Figure>> {
        let panel = |xs: &[f64], light: fn(usize) -> Light| -> Vec<_> {
            let line = |side: &Side| {
                let at = |i| Interval::of(side.runs.iter().map(|lit| lit.error(light(i))));
                xs.iter().enumerate().map(|(i, x)| at(i).at(*x)).collect::<Vec<_>>()
            };
            self.sides.iter().map(line).collect()
        };
        let contrast = panel(&self.contrasts, Light::Contrast);
        let brightness = panel(&self.brightnesses, Light::Brightness);
        let names: Vec<_> = self.sides.iter().map(|side| side.way.name(lang)).collect();
        let [contrast, brightness] = [&contrast, &brightness].map(|lines| {
            let bands = names.iter().zip(lines).map(|(label, points)| Band { label, points });
            bands.collect::<Vec<_>>()
        });
        Ok(vec![("lighting", draw::lighting(&contrast, &brightness, lang))])
    }
}

/// Which of the changes of light.
#[derive(Clone, Copy)]
enum Light {
    Contrast(usize),
    Brightness(usize),
}

impl Lit {
    fn error(&self, light: Light) -> f64 {
        let error = match light {
            Light::Contrast(i) => self.contrast.get(i),
            Light::Brightness(i) => self.brightness.get(i),
        };
        error.copied().unwrap_or(f64::NAN)
    }
}

impl Lighting {
    /// The least contrast and the largest brightness.
    fn ends(&self) -> [Light; 2] {
        [Light::Contrast(0), Light::Brightness(self.brightnesses.len().saturating_sub(1))]
    }

    fn runs(&self, way: Way) -> impl Iterator<Item = &Lit> {
        self.sides.iter().filter(move |side| side.way == way).flat_map(|side| &side.runs)
    }

    /// Test error with the light changed − as the images are, over the seeds.
    fn more(&self, way: Way, light: Light) -> Interval {
        Interval::of(self.runs(way).map(|lit| lit.error(light) - lit.run.test))
    }

    /// A number of `a` − that of `b`, over the seeds.
    fn less(&self, a: Way, b: Way, error: impl Fn(&Lit) -> f64) -> Interval {
        Interval::of_differences(self.runs(a).map(&error), self.runs(b).map(&error))
    }
}

impl Way {
    fn name(self, lang: Lang) -> &'static str {
        match self {
            INPUT => lang.pick("입력에서", "at input"),
            Way { norm, .. } => norm.name(lang),
        }
    }
}
