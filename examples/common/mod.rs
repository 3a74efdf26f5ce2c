//! What the examples share: cells, a command line, and the files that the book shows.
//!
//! An example is the code of one chapter. It is made of *cells*: functions that write what they have
//! to say into `out`. The book shows the lines between a cell's two anchors and, below them, what
//! they wrote. A whole example:
//!
//! ```ignore
//! //! The code of the chapter "forward".
//!
//! mod common;
//! use common::{Figure, Lang, Result, cells};
//! use std::fmt::Write;
//!
//! fn main() -> std::process::ExitCode {
//!     common::run("forward", cells![four_numbers], figures)
//! }
//!
//! // ANCHOR: four_numbers
//! fn four_numbers(out: &mut String) -> Result {
//!     let mut bn = BatchNorm::<f64>::new(1);
//!     let (y, _) = bn.train(array![[1.0], [2.0], [3.0], [6.0]])?;
//!     writeln!(out, "{y:.3}")?;
//!     Ok(())
//! }
//! // ANCHOR_END: four_numbers
//!
//! /// Drawn to `book/out/forward/rho.ko.svg` and `rho.en.svg`.
//! fn figures(lang: Lang) -> Result<Vec<Figure>> {
//!     Ok(vec![("rho", figures::rho(1e-5, lang))])
//! }
//! ```
//!
//! `cargo run --release --example forward` prints every cell below a line `## four_numbers`;
//! `… -- four_numbers` runs that cell alone; `… -- --out book/out` also writes `forward.txt` and the
//! figures. An example with a long run of its own, over seeds and data, is an [`Experiment`] besides.

// Every example compiles this module for itself, and uses its own part of it.
#![allow(dead_code, unused_imports, unused_macros)]

pub mod data;
mod files;
pub mod interval;

use clap::{Args, Parser};
pub use figures::Lang;
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Serialize, de::DeserializeOwned};
use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Whatever goes wrong in an example is said on standard error, and the example ends with code 1.
pub type Result<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// A cell: its name, which is the name of its section and of its anchors, and what it does.
pub type Cell = (&'static str, fn(&mut String) -> Result);

/// A figure: its name, and its SVG text in the language asked for.
pub type Figure = (&'static str, String);

/// `cells![four_numbers, rho]`: these functions as [`Cell`]s under their own names.
macro_rules! cells {
    ($($cell:ident),* $(,)?) => { &[$((stringify!($cell), $cell as fn(&mut String) -> $crate::common::Result)),*] };
}
pub(crate) use cells;

/// A run over several seeds, whose numbers are kept in `book/out/<stem>/results.json`.
///
/// Table and figures follow from the numbers alone, so that they can be redrawn, and checked, without
/// the run.
pub trait Experiment: Serialize + DeserializeOwned {
    /// Steps of the full run and of `--quick`.
    const STEPS: (usize, usize);
    /// Seeds of the full run and of `--quick`.
    const SEEDS: (usize, usize);

    /// Runs it.
    fn run(settings: &Settings) -> Result<Self>;
    /// The table, printed as the section `experiment`.
    fn table(&self, out: &mut String) -> Result;
    /// The figures.
    fn figures(&self, lang: Lang) -> Result<Vec<Figure>>;
}

/// How an experiment is to be run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// First of the seeds, which follow one another.
    pub seed: u64,
    /// How many seeds.
    pub seeds: usize,
    /// Steps of training.
    pub steps: usize,
    /// A short run, to try things out.
    pub quick: bool,
    /// A directory of MNIST-format files; otherwise the digits that come with the notebook.
    pub data: Option<PathBuf>,
}

impl Settings {
    /// The seeds, one after the other.
    pub fn seeds(&self) -> impl Iterator<Item = u64> {
        (0..self.seeds as u64).map(|i| self.seed.wrapping_add(i))
    }

    /// A progress bar on standard error, and nothing there where that is not a terminal.
    pub fn progress(&self, steps: u64) -> ProgressBar {
        let style = ProgressStyle::with_template("{bar:40} {percent:>3} %  {eta} left  {msg}");
        let bar = ProgressBar::new(steps).with_style(style.expect("a fixed template"));
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    }
}

#[derive(Parser)]
#[command(about = "Runs the code of one chapter of the notebook")]
struct Plain {
    #[command(flatten)]
    output: Output,
}

#[derive(Parser)]
#[command(about = "Runs the code of one chapter of the notebook, and its experiment")]
struct WithExperiment {
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    options: Options,
}

#[derive(Args)]
struct Output {
    /// Run these cells alone, rather than all
    cells: Vec<String>,
    /// Write the text and the figures to this directory, as they are in book/out
    #[arg(long, value_name = "DIR", conflicts_with = "cells")]
    out: Option<PathBuf>,
}

#[derive(Args)]
#[command(next_help_heading = "The experiment")]
struct Options {
    /// First of the seeds, which follow one another
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// How many seeds; an interval needs at least 2
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..))]
    seeds: Option<u32>,
    /// Steps of training
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    steps: Option<u32>,
    /// A short run, to try things out: few seeds, few steps; `--out` then writes quick.json alone
    #[arg(long)]
    quick: bool,
    /// Read MNIST-format files, such as train-images-idx3-ubyte.gz, from this directory
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Take the numbers from this results.json, rather than run the experiment
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seed", "seeds", "steps", "quick", "data"])]
    redraw: Option<PathBuf>,
}

/// Runs a chapter's cells and draws its figures, as the command line asks.
pub fn run(stem: &str, cells: &[Cell], figures: fn(Lang) -> Result<Vec<Figure>>) -> ExitCode {
    let output = Plain::parse().output;
    exit(Page::new(stem, output, cells, &[]).and_then(|page| page.finish(figures)))
}

/// As [`run`], then the experiment `E` as the section `experiment`.
pub fn run_with<E: Experiment>(
    stem: &str,
    cells: &[Cell],
    figures: fn(Lang) -> Result<Vec<Figure>>,
) -> ExitCode {
    let WithExperiment { output, options } = WithExperiment::parse();
    let work = || -> Result {
        let mut page = Page::new(stem, output, cells, &["experiment"])?;
        if !page.wants("experiment") {
            return page.finish(figures);
        }
        let quick = options.quick;
        let results = options.results::<E>()?;
        let mut text = String::new();
        results.table(&mut text)?;
        page.section("experiment", &text)?;
        let numbers = serde_json::to_string(&results)? + "\n";
        if quick {
            // Neither text nor figures are to be taken for those of the full run.
            return page.write("quick.json", &numbers);
        }
        page.files.push(("results.json".into(), numbers));
        page.finish(|lang| Ok([figures(lang)?, results.figures(lang)?].concat()))
    };
    exit(work())
}

impl Options {
    fn results<E: Experiment>(self) -> Result<E> {
        if let Some(path) = self.redraw {
            return files::read_json(&path);
        }
        let pick = |(full, quick)| if self.quick { quick } else { full };
        let count = |given: Option<u32>, usual| given.map_or(pick(usual), |n| n as usize);
        E::run(&Settings {
            seed: self.seed,
            seeds: count(self.seeds, E::SEEDS),
            steps: count(self.steps, E::STEPS),
            quick: self.quick,
            data: self.data,
        })
    }
}

/// What an example has said so far, and the files it is going to write.
struct Page<'a> {
    stem: &'a str,
    output: Output,
    text: String,
    /// Name below `<out>/<stem>/`, and content.
    files: Vec<(String, String)>,
}

impl<'a> Page<'a> {
    fn new(stem: &'a str, output: Output, cells: &[Cell], more: &[&str]) -> Result<Self> {
        let names: Vec<&str> =
            cells.iter().map(|&(name, _)| name).chain(more.iter().copied()).collect();
        if let Some(unknown) = output.cells.iter().find(|c| !names.contains(&c.as_str())) {
            return Err(format!("no cell `{unknown}`; there are: {}", names.join(", ")).into());
        }
        if let Some(out) = &output.out {
            // Before an hour's work, not after it.
            files::check_writable(&out.join(stem))?;
        }
        let mut page = Page { stem, output, text: String::new(), files: Vec::new() };
        for (name, cell) in cells {
            if page.wants(name) {
                let mut text = String::new();
                cell(&mut text).map_err(|e| format!("cell `{name}`: {e}"))?;
                page.section(name, &text)?;
            }
        }
        Ok(page)
    }

    fn wants(&self, cell: &str) -> bool {
        self.output.cells.is_empty() || self.output.cells.iter().any(|c| c == cell)
    }

    /// Prints a section at once, so that short cells need not wait for a long one.
    fn section(&mut self, name: &str, text: &str) -> Result {
        let gap = if self.text.is_empty() { "" } else { "\n" };
        let section = format!("{gap}## {name}\n{}\n", text.trim_end());
        self.text += &section;
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(section.as_bytes()).and_then(|()| stdout.flush())?;
        Ok(())
    }

    fn finish(mut self, figures: impl Fn(Lang) -> Result<Vec<Figure>>) -> Result {
        let Some(out) = self.output.out.clone() else { return Ok(()) };
        for lang in Lang::ALL {
            for (name, svg) in figures(lang)? {
                self.files.push((format!("{name}.{lang}.svg"), svg));
            }
        }
        self.files.iter().try_for_each(|(name, content)| self.write(name, content))?;
        files::write(&out.join(format!("{}.txt", self.stem)), &self.text)
    }

    /// Writes `<out>/<stem>/<name>`, if anything is to be written.
    fn write(&self, name: &str, content: &str) -> Result {
        match &self.output.out {
            Some(out) => files::write(&out.join(self.stem).join(name), content),
            None => Ok(()),
        }
    }
}

fn exit(result: Result) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // `… | head` closes the pipe: that is no failure of ours.
        Err(e) if is_closed_pipe(&*e) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("error: {e}");
            ExitCode::FAILURE
        }
    }
}

fn is_closed_pipe(error: &(dyn Error + Send + Sync + 'static)) -> bool {
    let io = error.downcast_ref::<std::io::Error>();
    io.is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
}
