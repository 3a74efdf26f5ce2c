//! The race of the experiment: the search for a learning rate, the runs, and what follows from their numbers.

use super::Network;
use super::common::data::{Data, Set};
use super::common::interval::Interval;
use super::common::{Criteria, Experiment, Figure, Lang, Result, Settings, in_order, said, spaced};
use batchnorm::nn::random::Random;
use batchnorm::nn::sgd::Sgd;
use figures::{Band, covariate_shift as draw};
use indicatif::ProgressBar;
use ndarray::Axis;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// The learning rates that are tried, on both sides, from the likely ones outwards: a rate that is not
/// there when the best so far was, has lost, and need not be followed any further.
pub const RATES: [f64; 6] = [1.0, 3.0, 0.3, 10.0, 0.1, 30.0];
/// Standard deviations of the first weights: the paper's small one, and one that suits sigmoids better.
const STARTS: [f64; 2] = [0.1, 0.3];
const BATCH: usize = 60;
/// On the digits; and on other images, for 2000 steps do not bring such a network to 90 % of Fashion-MNIST.
const GOALS: [f32; 2] = [0.9, 0.8];
/// Measuring must not take longer than training.
const MOST_TEST_IMAGES: usize = 1000;
/// The samples over which percentiles are taken: always the same.
const PROBE: usize = 300;

/// Every number of the experiment.
#[derive(Serialize, Deserialize)]
pub struct Race {
    data: String,
    /// Numbers of images.
    training: usize,
    validation: usize,
    test: usize,
    batch: usize,
    steps: usize,
    rates: Vec<f64>,
    goal: f32,
    starts: Vec<Start>,
}

/// The runs from weights of one size.
#[derive(Serialize, Deserialize)]
struct Start {
    /// Standard deviation of the first weights.
    sd: f64,
    /// One for each seed.
    pairs: Vec<Pair>,
}

/// The two sides, with the same images, first weights and batches.
#[derive(Serialize, Deserialize)]
struct Pair {
    without: Run,
    with: Run,
}

/// One network trained at the rate that its search chose.
#[derive(Serialize, Deserialize)]
struct Run {
    rate: f64,
    /// When the goal was first met on test images, if it was.
    steps_to_goal: Option<usize>,
    drift: Drift,
    /// Step, and accuracy on test images.
    accuracy: Vec<(usize, f32)>,
    /// Step, and 15th, 50th and 85th percentile of what goes into the first unit of the last hidden layer.
    percentiles: Vec<(usize, [f32; 3])>,
}

/// How far the inputs of the last hidden layer's units have moved during training.
///
/// A unit's *path* is the range of its median over the whole training, largest less smallest; the
/// *width* is that between its 15th and 85th percentile, averaged over training. Both are averaged over
/// the 100 units.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Drift {
    path: f32,
    width: f32,
}

impl Drift {
    /// The path in widths: the unit of the input cancels.
    fn relative(self) -> f64 {
        f64::from(self.path) / f64::from(self.width)
    }
}

impl Run {
    /// In %.
    fn last_accuracy(&self) -> f64 {
        self.accuracy.last().map_or(0.0, |&(_, accuracy)| 100.0 * f64::from(accuracy))
    }
}

impl Experiment for Race {
    fn run(settings: &Settings) -> Result<Self> {
        let (data, steps) = (&settings.data, settings.pick(60, 2000, 50_000));
        let tracks: Vec<Track> =
            settings.seeds.iter().map(|&seed| Track::new(data, seed, steps)).collect();
        let of_all = |seeds: usize| STARTS.len() * seeds * 2 * (RATES.len() + 1);
        let progress = settings.progress(of_all(tracks.len()));
        let sides: Vec<_> = STARTS
            .into_iter()
            .flat_map(|sd| tracks.iter().map(move |track| (sd, track)))
            .flat_map(|(sd, track)| [false, true].map(|batch_norm| (sd, track, batch_norm)))
            .collect();
        let mut runs = in_order(sides, &progress, |(sd, track, batch_norm)| {
            track.race(batch_norm, sd, &progress)
        })?;
        let mut pair = || Some(Pair { without: runs.next()?, with: runs.next()? });
        let starts = STARTS.map(|sd| {
            let pairs = tracks.iter().filter_map(|_| pair()).collect();
            Start { sd, pairs }
        });
        Ok(Race {
            data: data.name.clone(),
            training: tracks.first().map_or(0, |t| t.training.len()),
            validation: tracks.first().map_or(0, |t| t.validation.labels.len()),
            test: tracks.first().map_or(0, |t| t.test.labels.len()),
            batch: BATCH,
            steps,
            rates: RATES.into(),
            goal: goal(data),
            starts: starts.into(),
        })
    }

    /// From the paper's weights.
    fn criteria(&self) -> Criteria {
        self.starts.first().map_or_else(Vec::new, |start| start.criteria(self))
    }

    fn table(&self, out: &mut String) -> Result {
        let seeds = self.starts.first().map_or(0, |start| start.pairs.len());
        writeln!(
            out,
            "{}: {} training images, {} of them to choose the rate, and {} test images",
            self.data, self.training, self.validation, self.test
        )?;
        writeln!(
            out,
            "{} steps, batches of {}; {seeds} seeds, mean and 95 % interval over them",
            self.steps, self.batch,
        )?;
        let rates = spaced(self.rates.iter().copied());
        writeln!(out, "rates tried: {}", rates)?;
        for start in &self.starts {
            start.table(self, out)?;
        }
        Ok(())
    }

    fn figures(&self, lang: Lang) -> Result<Vec<Figure>> {
        let Some(start) = self.starts.first() else { return Ok(Vec::new()) };
        let names = lang.pick(["BN 없이", "BN 있음"], ["without BN", "with BN"]);
        let titles = lang.pick(
            ["배치 정규화 없이", "배치 정규화 있음"],
            ["without batch normalization", "with batch normalization"],
        );
        let sides: [fn(&Pair) -> &Run; 2] = [|pair| &pair.without, |pair| &pair.with];

        let curves = sides.map(|side| {
            let runs: Vec<&Run> = start.pairs.iter().map(side).collect();
            let steps = runs.first().map_or(&[][..], |run| &run.accuracy).iter();
            let over_runs = steps.enumerate().map(|(i, &(step, _))| {
                let values = runs.iter().filter_map(|run| run.accuracy.get(i));
                (step, Interval::of(values.map(|&(_, accuracy)| f64::from(accuracy))))
            });
            let over_runs: Vec<_> = over_runs.collect();
            band(over_runs.iter().map(|(step, interval)| (*step, interval)))
        });
        let percentiles = sides.map(|side| -> Vec<figures::Interval> {
            let points = start.pairs.first().map_or(&[][..], |pair| &side(pair).percentiles).iter();
            points
                .map(|&(step, p)| {
                    let [low, mid, high] = p.map(f64::from);
                    figures::Interval { x: step as f64, low, mid, high }
                })
                .collect()
        });
        let band = |label, points| Band { label, points };
        let curves = [band(names[0], &curves[0]), band(names[1], &curves[1])];
        let percentiles = [band(titles[0], &percentiles[0]), band(titles[1], &percentiles[1])];
        Ok(vec![
            ("learning_curves", draw::learning_curves(&curves, lang)),
            ("percentiles", draw::percentile_bands(&percentiles, lang)),
        ])
    }
}

/// Intervals as a figure wants them, each with its place along the axis.
pub fn band<'a>(points: impl Iterator<Item = (usize, &'a Interval)>) -> Vec<figures::Interval> {
    points.map(|(x, interval)| interval.at(x as f64)).collect()
}

impl Start {
    fn table(&self, race: &Race, out: &mut String) -> Result {
        let pairs = |f: fn(&Run) -> f64| self.both(f);
        let side = |values: &[(f64, f64)], digits: usize| {
            let (a, b) = values.iter().copied().unzip::<f64, f64, Vec<_>, Vec<_>>();
            [a, b].map(|side| format!("{:.digits$}", Interval::of(side)))
        };
        let mut row = |name: &str, [without, with]: [String; 2], compared: String| {
            writeln!(out, "{name:24}{without:>24}{with:>24}   {compared}")
        };
        let title = format!("\nfirst weights: sd {}", self.sd);
        row(&title, ["without".into(), "with".into()], "compared, seed by seed".into())?;

        let rates = |side: fn(&Pair) -> &Run| spaced(self.pairs.iter().map(|p| side(p).rate));
        row("rates chosen", [rates(|p| &p.without), rates(|p| &p.with)], String::new())?;

        let goal = format!("steps to {} %", 100.0 * race.goal);
        let faster = self.faster(race);
        row(&goal, side(&self.steps(race), 0), format!("÷ {faster:.1}"))?;
        for (name, side) in
            [("without", (|p| &p.without) as fn(&Pair) -> &Run), ("with", |p| &p.with)]
        {
            let missing = self.pairs.iter().filter(|p| side(p).steps_to_goal.is_none()).count();
            if missing > 0 {
                let of = self.pairs.len();
                row(
                    "",
                    [String::new(), String::new()],
                    format!("{missing} of {of} {name}: never"),
                )?;
            }
        }

        let (accuracy, higher) = (pairs(Run::last_accuracy), self.higher());
        row("accuracy at the end, %", side(&accuracy, 1), format!("{higher:+.1}"))?;

        row("path of the median", side(&pairs(|run| run.drift.path.into()), 2), String::new())?;
        row("width of the band", side(&pairs(|run| run.drift.width.into()), 2), String::new())?;
        let (drift, steadier) = (pairs(|run| run.drift.relative()), self.steadier());
        row("path in widths", side(&drift, 2), format!("÷ {steadier:.1}"))?;

        writeln!(out, "{}", said(&self.criteria(race)))?;
        Ok(())
    }

    /// Without and with, for each seed.
    fn both(&self, f: impl Fn(&Run) -> f64) -> Vec<(f64, f64)> {
        self.pairs.iter().map(|pair| (f(&pair.without), f(&pair.with))).collect()
    }

    /// A run that never gets there counts as if it had on its last step.
    fn steps(&self, race: &Race) -> Vec<(f64, f64)> {
        self.both(|run| run.steps_to_goal.unwrap_or(race.steps) as f64)
    }

    fn faster(&self, race: &Race) -> Interval {
        Interval::of_ratios(self.steps(race).iter().map(|(a, b)| a / b))
    }

    fn higher(&self) -> Interval {
        Interval::of(self.both(Run::last_accuracy).iter().map(|(without, with)| with - without))
    }

    fn steadier(&self) -> Interval {
        Interval::of_ratios(self.both(|run| run.drift.relative()).iter().map(|(a, b)| a / b))
    }

    fn criteria(&self, race: &Race) -> Criteria {
        vec![
            ("faster", self.faster(race).above(1.0)),
            ("higher", self.higher().above(0.0)),
            ("steadier", self.steadier().above(1.0)),
        ]
    }
}

/// What one seed gives both sides: which image is for what, and in which order they are seen.
struct Track<'a> {
    data: &'a Data,
    seed: u64,
    steps: usize,
    /// Rows of the data.
    training: Vec<usize>,
    /// How many of these, at the front, validate while a rate is searched for; the rest is learned.
    validating: usize,
    validation: Set,
    test: Set,
}

impl<'a> Track<'a> {
    fn new(data: &'a Data, seed: u64, steps: usize) -> Self {
        let (training, mut test) = data.shuffled(&mut Random::new(seed));
        test.truncate(MOST_TEST_IMAGES);
        let validating = training.len() / 5;
        Track {
            data,
            seed,
            steps,
            validation: data.rows(&training[..validating.min(MOST_TEST_IMAGES)]),
            test: data.rows(&test),
            training,
            validating,
        }
    }

    fn race(&self, batch_norm: bool, sd: f64, progress: &ProgressBar) -> Result<Run> {
        let inputs = self.data.pixels.ncols();
        let start = Network::new(inputs, self.data.classes(), batch_norm, sd, self.seed)?;
        let rate = self.search(&start, progress)?;
        let run = self.train(start, rate)?;
        progress.inc(1);
        Ok(run)
    }

    /// The rate that meets the goal on validation images first; if none does, the one with the best
    /// accuracy in the end.
    fn search(&self, start: &Network, progress: &ProgressBar) -> Result<f64> {
        let (mut best, mut within) = ((0.0, RATES[0]), self.steps);
        for rate in RATES {
            let mut network = start.clone();
            let mut accuracy = 0.0;
            let mut met = None;
            for (step, Set { pixels, labels }) in (1..=within).zip(self.data.batches(
                &self.training[self.validating..],
                BATCH,
                self.seed,
            )) {
                network.step(pixels, &labels, Sgd::new(rate)?)?;
                if measured(step, self.steps) {
                    accuracy = network.accuracy(&self.validation)?;
                    if accuracy >= goal(self.data) {
                        met = Some(step);
                        break;
                    }
                }
            }
            progress.inc(1);
            let score = match met {
                // All that come later have less time than this.
                Some(step) => {
                    within = step - 1;
                    2.0 - step as f32 / (self.steps + 1) as f32
                }
                None => accuracy,
            };
            if score > best.0 {
                best = (score, rate);
            }
        }
        Ok(best.1)
    }

    fn train(&self, mut network: Network, rate: f64) -> Result<Run> {
        let probe = self.data.rows(&self.training[..PROBE.min(self.training.len())]).pixels;
        let mut batches = self.data.batches(&self.training, BATCH, self.seed);
        let (mut accuracy, mut percentiles, mut units) = (Vec::new(), Vec::new(), Vec::new());
        for step in 0..=self.steps {
            if step > 0 {
                let Set { pixels, labels } = batches.next().ok_or_else(|| {
                    let (name, n) = (&self.data.name, self.training.len());
                    format!("{name}: no batch of {BATCH} can be had of {n} training images")
                })?;
                network.step(pixels, &labels, Sgd::new(rate)?)?;
            }
            if measured(step, self.steps) {
                accuracy.push((step, network.accuracy(&self.test)?));
            }
            if step % (self.steps / 50).max(1) == 0 {
                let inputs = network.last_hidden_inputs(&probe)?;
                let all: Vec<[f32; 3]> = inputs
                    .axis_iter(Axis(1))
                    .map(|unit| three_percentiles(unit.to_vec()))
                    .collect();
                percentiles.push((step, all[0]));
                units.push(all);
            }
        }
        let met = accuracy.iter().find(|(_, accuracy)| *accuracy >= goal(self.data));
        Ok(Run {
            rate,
            steps_to_goal: met.map(|&(step, _)| step),
            drift: drift(&units),
            accuracy,
            percentiles,
        })
    }
}

/// The accuracy to be met.
fn goal(data: &Data) -> f32 {
    GOALS[usize::from(data.tag().is_some())]
}

/// Every 5th step at first, when much happens; later every 20th, then every 100th; and the last.
fn measured(step: usize, steps: usize) -> bool {
    let every = match step {
        0..=100 => 5,
        101..=2000 => 20,
        _ => 100,
    };
    step.is_multiple_of(every) || step == steps
}

/// The 15th, 50th and 85th percentile, each the value at the nearest rank.
fn three_percentiles(mut values: Vec<f32>) -> [f32; 3] {
    values.sort_unstable_by(f32::total_cmp);
    [0.15, 0.5, 0.85].map(|share| values[((values.len() - 1) as f64 * share).round() as usize])
}

/// From the three percentiles of every unit at each step that was measured.
fn drift(measured: &[Vec<[f32; 3]>]) -> Drift {
    let units = measured[0].len();
    let (mut path, mut width) = (0.0, 0.0);
    for unit in 0..units {
        let medians = || measured.iter().map(|units| units[unit][1]);
        path += medians().fold(f32::MIN, f32::max) - medians().fold(f32::MAX, f32::min);
        let widths = measured.iter().map(|units| units[unit][2] - units[unit][0]);
        width += widths.sum::<f32>() / measured.len() as f32;
    }
    Drift { path: path / units as f32, width: width / units as f32 }
}
