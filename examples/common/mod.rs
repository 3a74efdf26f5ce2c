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
//! use common::{Figure, Lang, Result, cells, experiments};
//! use std::fmt::Write;
//!
//! fn main() -> std::process::ExitCode {
//!     common::run("forward", cells![four_numbers], experiments![], |lang, _| figures(lang))
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
//! figures. What takes long runs, over seeds and data, is an [`Experiment`], in a file of its own: see
//! `examples/covariate_shift.rs`, and `examples/why_it_works.rs` for several of them.

// Every example compiles this module for itself, and uses its own part of it.
#![allow(dead_code, unused_imports, unused_macros)]

pub mod connected;
pub mod data;
mod experiment;
mod files;
pub mod interval;
pub mod network;
pub mod search;
pub mod steps;
pub mod trial;

use clap::{Args, Parser};
pub use experiment::{
    Criteria, Entry, Experiment, Settings, Size, Verdict, in_order, over_seeds, said, spaced,
};
use experiment::{Report, Source, VARIANTS};
pub use figures::Lang;
use serde::Deserialize;
use std::error::Error;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

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

/// `experiments![experiment: race::Race]`: these experiments under their names.
macro_rules! experiments {
    ($($name:ident: $experiment:ty),* $(,)?) => {
        &[$($crate::common::Entry::of::<$experiment>(stringify!($name))),*]
    };
}
pub(crate) use experiments;

#[derive(Parser)]
#[command(about = "Runs the code of one chapter of the notebook, and its experiments")]
struct Asked {
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
    /// Draw the figures in this language, ko or en, rather than in both
    #[arg(long)]
    lang: Option<Lang>,
}

#[derive(Args)]
#[command(next_help_heading = "The experiments")]
struct Options {
    /// Run this experiment alone; what `--out` has of the others stays
    #[arg(long, value_name = "NAME", conflicts_with = "cells")]
    experiment: Vec<String>,
    /// First of the seeds, which follow one another
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// How many seeds; an interval needs at least 2
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..))]
    seeds: Option<u32>,
    /// A short run, to try things out; `--out` then writes NAME.quick.json alone
    #[arg(long)]
    quick: bool,
    /// A run as large as in the paper, where that is larger; `--out` then writes NAME.full.json and the
    /// table beside it
    #[arg(long, conflicts_with = "quick")]
    full: bool,
    /// Learn from the MNIST-format files, such as train-images-idx3-ubyte.gz, in this directory, rather than
    /// from the digits. Debian's package dataset-fashion-mnist installs such files to
    /// /usr/share/datasets/fashion-mnist. `--out` then writes NAME.fashion.json, or NAME.data.json for other
    /// images, and the table beside it
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Take the numbers from this directory, as they are in book/out, rather than run the experiments
    #[arg(
        long,
        value_name = "DIR",
        conflicts_with_all = ["experiment", "seed", "seeds", "quick", "full", "data"]
    )]
    redraw: Option<PathBuf>,
}

/// Runs a chapter's cells, then its experiments, each as the section of its name, and draws the figures, as the
/// command line asks. The figures of the chapter may use what the experiments have found.
pub fn run(
    stem: &str,
    cells: &[Cell],
    experiments: &[Entry],
    figures: fn(Lang, &Found) -> Result<Vec<Figure>>,
) -> ExitCode {
    let Asked { mut output, options } = Asked::parse();
    let work = || -> Result {
        let names: Vec<&str> = experiments.iter().map(|e| e.name).collect();
        if let Some(unknown) = options.experiment.iter().find(|e| !names.contains(&e.as_str())) {
            let names = names.join(", ");
            return Err(format!("no experiment `{unknown}`; there are: {names}").into());
        }
        let mut settings = options.settings()?;
        let variant = settings.as_ref().map_or(String::new(), Settings::variant);
        if output.out.is_none() || !variant.is_empty() {
            output.cells.extend(options.experiment.iter().cloned());
        }
        let home = options.redraw.clone().or(output.out.clone());
        let mut found = Found { home, now: Vec::new() };
        let mut page = Page::new(stem, output, cells, &names)?;
        for &Entry { name, seeds, report: of } in experiments {
            let asked =
                options.experiment.is_empty() || options.experiment.iter().any(|e| e == name);
            let kept = found.file(stem, name);
            let source = match (&mut settings, &kept) {
                _ if !page.wants(name) => continue,
                (Some(settings), _) if asked => {
                    settings.seeds = options.seeds(seeds);
                    Source::Run(settings)
                }
                // `--redraw`, or one that was not asked for and is there from another time.
                (None, Some(path)) => Source::Kept(path),
                (Some(_), Some(path)) if path.exists() => Source::Kept(path),
                _ => continue,
            };
            let report = of(source, page.output.langs())?;
            page.section(name, &report.text)?;
            if !variant.is_empty() {
                // Neither text nor figures are to be taken for those of the usual run.
                page.keep(&format!("{name}{variant}"), report);
                continue;
            }
            found.now.push((format!("{stem}/{name}.json").into(), report.json.clone()));
            page.files.push((format!("{name}.json"), report.json));
            page.files.extend(report.figures);
            for variant in options.redraw.iter().flat_map(|_| VARIANTS) {
                let name = format!("{name}{variant}");
                if let Some(path) = found.file(stem, &name).filter(|path| path.exists()) {
                    page.keep(&name, of(Source::Kept(&path), &[])?);
                }
            }
        }
        if variant.is_empty() {
            page.finish(|lang| figures(lang, &found))
        } else {
            page.write_files()
        }
    };
    exit(work())
}

impl Output {
    fn langs(&self) -> &[Lang] {
        self.lang.as_ref().map_or(&Lang::ALL, std::slice::from_ref)
    }
}

impl Options {
    /// Nothing, if no experiment is to be run.
    fn settings(&self) -> Result<Option<Settings>> {
        if self.redraw.is_some() {
            return Ok(None);
        }
        let size = match self {
            Options { quick: true, .. } => Size::Quick,
            Options { full: true, .. } => Size::Full,
            _ => Size::Usual,
        };
        let data = data::load(self.data.as_deref())?;
        Ok(Some(Settings { seeds: Vec::new(), size, data }))
    }

    fn seeds(&self, (usual, quick): (usize, usize)) -> Vec<u64> {
        let usual = if self.quick { quick } else { usual };
        let n = self.seeds.map_or(usual as u64, u64::from);
        (0..n).map(|i| self.seed.wrapping_add(i)).collect()
    }
}

/// What experiments have found, just now or at another time.
pub struct Found {
    /// A directory such as `book/out`, if there is any to look into.
    home: Option<PathBuf>,
    /// File below it, and its content.
    now: Vec<(PathBuf, String)>,
}

impl Found {
    fn file(&self, stem: &str, experiment: &str) -> Option<PathBuf> {
        Some(self.home.as_ref()?.join(stem).join(format!("{experiment}.json")))
    }

    /// Of what this experiment was to show, what it has shown, if that is known.
    pub fn passed(&self, stem: &str, experiment: &str) -> Result<Option<Vec<bool>>> {
        #[derive(Deserialize)]
        struct Judged {
            criteria: Vec<(String, bool)>,
        }
        let name = PathBuf::from(format!("{stem}/{experiment}.json"));
        let judged: Judged = match self.now.iter().find(|(path, _)| *path == name) {
            Some((_, json)) => serde_json::from_str(json)?,
            None => match self.file(stem, experiment) {
                Some(path) if path.exists() => files::read_json(&path)?,
                _ => return Ok(None),
            },
        };
        Ok(Some(judged.criteria.into_iter().map(|(_, passed)| passed).collect()))
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

    /// What a variant of an experiment leaves: its numbers and, unless it was a short run, the table.
    fn keep(&mut self, name: &str, report: Report) {
        self.files.push((format!("{name}.json"), report.json));
        if !name.ends_with(".quick") {
            self.files.push((format!("{name}.txt"), report.text));
        }
    }

    fn finish(mut self, figures: impl Fn(Lang) -> Result<Vec<Figure>>) -> Result {
        let Some(out) = self.output.out.clone() else { return Ok(()) };
        for lang in self.output.langs() {
            for (name, svg) in figures(*lang)? {
                self.files.push((format!("{name}.{lang}.svg"), svg));
            }
        }
        self.write_files()?;
        files::write(&out.join(format!("{}.txt", self.stem)), &self.text)
    }

    /// To `<out>/<stem>/`, if anything is to be written.
    fn write_files(&self) -> Result {
        let Some(out) = &self.output.out else { return Ok(()) };
        let dir = out.join(self.stem);
        self.files.iter().try_for_each(|(name, content)| files::write(&dir.join(name), content))
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
