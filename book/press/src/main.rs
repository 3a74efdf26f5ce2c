use anyhow::{Error, Result};
use clap::{Parser, Subcommand};
use mdbook_driver::config::Config;
use mdbook_renderer::RenderContext;
use press::book::Project;
use press::lang::Lang;
use press::memory::Memory;
use press::site::{self, Prepared};
use press::{epub, pdf, refresh, serve};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Builds and serves the book on batch normalization, in Korean and English.
#[derive(Parser)]
#[command(name = "cargo book", bin_name = "cargo book", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve both languages on this machine and rebuild when a file changes
    Serve {
        /// The port to listen on; 0 takes any free one
        #[arg(short, long, default_value_t = 3000)]
        port: u16,
        /// Open the book in the browser
        #[arg(short, long)]
        open: bool,
        /// Build in spite of what is missing, and mark it on the pages
        #[arg(long)]
        draft: bool,
    },
    /// Write the site: Korean at its root, English under en/
    Build {
        /// Where to write it [default: book/build]
        #[arg(short, long, value_name = "DIR")]
        dest_dir: Option<PathBuf>,
        /// Build in spite of what is missing, and mark it on the pages
        #[arg(long)]
        draft: bool,
    },
    /// Check chapters, claims, cells and figures of both languages without writing anything
    Check,
    /// Write one PDF for each language, printed by an installed Chromium or Chrome
    Pdf(Files),
    /// Write one EPUB for each language
    Epub(Files),
    /// Run the examples anew and tell every recorded number that changed; if there is one, the exit status is 1
    Refresh {
        /// Only the example of this chapter; may be given more than once
        #[arg(long, value_name = "STEM")]
        only: Vec<String>,
    },
    /// Called by mdBook, which sends the book on standard input
    #[command(hide = true)]
    Render,
}

#[derive(clap::Args)]
struct Files {
    /// Only this language
    #[arg(short, long, value_parser = ["ko", "en"])]
    lang: Option<String>,
    /// The directory to write to [default: target/book]
    #[arg(short, long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write them in spite of what is missing, and mark it on the pages
    #[arg(long)]
    draft: bool,
}

/// What makes a file of a language from the site.
type Make = fn(&Prepared, &Config, Lang, &Path) -> Result<()>;

impl Files {
    fn write(self, project: &Project, memory: &Memory, end: &str, make: Make) -> Result<()> {
        let out = match self.out {
            Some(out) => std::env::current_dir()?.join(out),
            None => project.repository.join("target/book"),
        };
        let config = site::config(project)?;
        let site = site::prepare(project, &config, memory, self.draft)?;
        for lang in Lang::ALL {
            if self.lang.as_deref().is_none_or(|code| code == lang.code()) {
                let to = out.join(format!("batch-normalization.{}.{end}", lang.code()));
                make(&site, &config, lang, &to)?;
                println!("{}", to.display());
            }
        }
        Ok(())
    }
}

fn main() -> ExitCode {
    // What mdBook warns of, such as an HTML tag that is never closed.
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .with_writer(std::io::stderr)
        .without_time()
        .with_target(false)
        .init();
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{e:#}");
            ExitCode::FAILURE
        }
    }
}

/// The directory above this package. Cargo says at run time where the package is; what was true when it was
/// compiled need not be, if the repository was moved together with its build.
fn book() -> PathBuf {
    let package =
        std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or(env!("CARGO_MANIFEST_DIR").into());
    Path::new(&package).parent().unwrap_or(Path::new("book")).to_path_buf()
}

fn run(command: Command) -> Result<()> {
    let project = Project::at(book());
    let memory = Memory::default();
    match command {
        Command::Serve { port, open, draft } => serve::serve(&project, port, open, draft),
        Command::Build { dest_dir, draft } => {
            let config = site::config(&project)?;
            let to = match dest_dir {
                Some(dir) => std::env::current_dir()?.join(dir),
                None => site::destination(&project, &config),
            };
            let tolerated = site::build(&project, &config, &to, &memory, draft)?;
            if !tolerated.0.is_empty() {
                eprintln!("{tolerated}");
            }
            println!(
                "{}     한국어\n{}  English",
                to.join("index.html").display(),
                to.join("en/index.html").display()
            );
            Ok(())
        }
        Command::Check => {
            let book = site::check(&project, &memory)?;
            println!(
                "{} chapters in each language, {} claims: all in order.",
                book.chapters[0].len(),
                book.registry.len()
            );
            Ok(())
        }
        Command::Pdf(files) => files.write(&project, &memory, "pdf", pdf::print),
        Command::Epub(files) => files.write(&project, &memory, "epub", epub::write),
        Command::Refresh { only } => {
            let changes = refresh::refresh(&project, &only)?;
            match changes.len() {
                0 => println!("All outputs are as they were recorded."),
                n => {
                    println!("{}", changes.join("\n"));
                    return Err(Error::msg(format!("{n} changes; review them with `git diff`")));
                }
            }
            Ok(())
        }
        Command::Render => {
            let context = RenderContext::from_json(std::io::stdin().lock())?;
            let project = Project::at(&context.root);
            site::build(&project, &context.config, &context.destination, &memory, false)?;
            Ok(())
        }
    }
}
