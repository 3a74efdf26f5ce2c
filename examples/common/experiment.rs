//! Runs over seeds and data, and what follows from their numbers.

use super::data::Data;
use super::{Figure, Lang, Result, files};
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::fmt;
use std::path::Path;
use std::time::Duration;

/// A run over several seeds, whose numbers are kept in `book/out/<stem>/<experiment>.json`; those of other
/// images than the digits, and of a `--full` run, beside it, under the name of that variant.
///
/// Table, verdict and figures follow from the numbers alone, so that they can be made again, and
/// checked, without the run.
pub trait Experiment: Serialize + DeserializeOwned {
    /// Seeds of the usual run and of `--quick`.
    const SEEDS: (usize, usize) = (5, 2);

    /// Runs it.
    fn run(settings: &Settings) -> Result<Self>;
    /// What was to be shown, as the head of the experiment's file has said beforehand, and whether it was.
    fn criteria(&self) -> Criteria;
    /// The table, with what [`said`] makes of the criteria below it.
    fn table(&self, out: &mut String) -> Result;
    /// The figures.
    fn figures(&self, lang: Lang) -> Result<Vec<Figure>>;
}

/// How an experiment is to be run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// One after the other.
    pub seeds: Vec<u64>,
    pub size: Size,
    /// The images to learn from.
    pub data: Data,
}

/// How large a run is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Just to try things out.
    Quick,
    Usual,
    /// As large as in the paper.
    Full,
}

impl Settings {
    /// What the name of an experiment gets where its numbers are kept, such as `.fashion.full`: nothing for
    /// the usual run on the digits.
    pub fn variant(&self) -> String {
        let size = self.pick(Some("quick"), None, Some("full"));
        self.data.tag().into_iter().chain(size).map(|part| format!(".{part}")).collect()
    }

    /// The one of the three that fits the size of the run.
    pub fn pick<T>(&self, quick: T, usual: T, full: T) -> T {
        match self.size {
            Size::Quick => quick,
            Size::Usual => usual,
            Size::Full => full,
        }
    }

    /// A progress bar on standard error, and nothing there where that is not a terminal.
    pub fn progress(&self, steps: usize) -> ProgressBar {
        let style = ProgressStyle::with_template("{bar:40} {percent:>3} %  {eta} left");
        let bar = ProgressBar::new(steps as u64).with_style(style.expect("a fixed template"));
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    }
}

/// What `run` finds for each job, in the order of the jobs, however many threads there are.
pub fn in_order<J: Send, R: Send>(
    jobs: Vec<J>,
    progress: &ProgressBar,
    run: impl Fn(J) -> Result<R> + Send + Sync,
) -> Result<std::vec::IntoIter<R>> {
    // One job at a time: some take much longer than others.
    let found: Result<Vec<R>> = jobs.into_par_iter().with_max_len(1).map(run).collect();
    progress.finish_and_clear();
    Ok(found?.into_iter())
}

/// What `run` finds for each side with each seed, or with what was made of it: a row for each side.
pub fn over_seeds<S: Copy + Send, T: Sync, R: Send>(
    settings: &Settings,
    sides: &[S],
    seeds: &[T],
    run: impl Fn(S, &T) -> Result<R> + Send + Sync,
) -> Result<Vec<Vec<R>>> {
    let pairs = |side| seeds.iter().map(move |seed| (side, seed));
    let jobs: Vec<_> = sides.iter().copied().flat_map(pairs).collect();
    let progress = settings.progress(jobs.len());
    let each = |(side, seed)| {
        let found = run(side, seed);
        progress.inc(1);
        found
    };
    let mut found = in_order(jobs, &progress, each)?;
    Ok(sides.iter().map(|_| found.by_ref().take(seeds.len()).collect()).collect())
}

/// Names of what was to be shown, and whether it was.
pub type Criteria = Vec<(&'static str, bool)>;

/// What an experiment has found of what it was to show: all, some, or nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    #[serde(rename = "reproduced")]
    Reproduced,
    #[serde(rename = "partly reproduced")]
    Partly,
    #[serde(rename = "did not reproduce")]
    Not,
}

impl Verdict {
    pub fn of(criteria: &[(&str, bool)]) -> Verdict {
        match criteria.iter().filter(|(_, passed)| *passed).count() {
            n if n == criteria.len() => Verdict::Reproduced,
            0 => Verdict::Not,
            _ => Verdict::Partly,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Reproduced => "reproduced",
            Verdict::Partly => "partly reproduced",
            Verdict::Not => "did not reproduce",
        })
    }
}

/// `0.1 0.3 1`
pub fn spaced(values: impl Iterator<Item = f64>) -> String {
    values.map(|value| value.to_string()).collect::<Vec<_>>().join(" ")
}

/// `faster: yes, higher: no. partly reproduced`
pub fn said(criteria: &[(&str, bool)]) -> String {
    let answer =
        |(what, passed): &(&str, bool)| format!("{what}: {}", if *passed { "yes" } else { "no" });
    let answers: Vec<_> = criteria.iter().map(answer).collect();
    format!("{}. {}", answers.join(", "), Verdict::of(criteria))
}

/// What a file of results holds.
#[derive(Serialize, Deserialize)]
struct Record<E> {
    /// Of the crate that ran it.
    version: String,
    seeds: Vec<u64>,
    criteria: Vec<(String, bool)>,
    verdict: Verdict,
    #[serde(flatten)]
    numbers: E,
}

/// The variants whose numbers are kept beside those of the usual run.
pub const VARIANTS: [&str; 3] = [".fashion", ".full", ".fashion.full"];

/// Where the numbers come from.
pub enum Source<'a> {
    Run(&'a Settings),
    /// A file that such a run has left.
    Kept(&'a Path),
}

/// All that an experiment has to say.
pub struct Report {
    pub json: String,
    pub text: String,
    /// File name and content.
    pub figures: Vec<(String, String)>,
}

/// An experiment of a chapter: its name, and where to get its report.
pub struct Entry {
    pub name: &'static str,
    pub seeds: (usize, usize),
    pub report: fn(Source, &[Lang]) -> Result<Report>,
}

impl Entry {
    pub const fn of<E: Experiment>(name: &'static str) -> Entry {
        Entry { name, seeds: E::SEEDS, report: report::<E> }
    }
}

/// Runs the experiment, or reads its numbers, and says what follows.
fn report<E: Experiment>(source: Source, langs: &[Lang]) -> Result<Report> {
    let mut record: Record<E> = match source {
        Source::Kept(path) => files::read_json(path)?,
        Source::Run(settings) => Record {
            version: env!("CARGO_PKG_VERSION").into(),
            seeds: settings.seeds.clone(),
            criteria: Vec::new(),
            verdict: Verdict::Not,
            numbers: E::run(settings)?,
        },
    };
    let criteria = record.numbers.criteria();
    record.verdict = Verdict::of(&criteria);
    record.criteria =
        criteria.into_iter().map(|(name, passed)| (name.to_string(), passed)).collect();
    let mut text = String::new();
    record.numbers.table(&mut text)?;
    let mut figures = Vec::new();
    for lang in langs {
        for (name, svg) in record.numbers.figures(*lang)? {
            figures.push((format!("{name}.{lang}.svg"), svg));
        }
    }
    Ok(Report { json: serde_json::to_string(&record)? + "\n", text, figures })
}
