//! The book on a local address, rebuilt when a file changes. A page that does not build is reported and the
//! site stays as it was; before the first good build the address shows what is wrong.

use crate::book::Project;
use crate::html::escape;
use crate::lang::Lang;
use crate::memory::Memory;
use crate::site::{self, Made, Prepared};
use anyhow::{Error, Result};
use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{Html, IntoResponse, Response};
use mdbook_driver::config::Config;
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant, SystemTime};
use tower_http::services::{ServeDir, ServeFile};
use tower_livereload::LiveReloadLayer;

/// What the pages are made of, below the repository.
const WATCHED: [&str; 11] = [
    "book/ko",
    "book/en",
    "book/theme",
    "book/out",
    "book/book.toml",
    "book/notation.toml",
    "book/notes.toml",
    "book/words.toml",
    "src",
    "examples",
    "tests/claims",
];

/// Looking at a few hundred files takes about a millisecond, works on every file system, and unlike
/// notifications does not take our own reading for a change.
const PAUSE: Duration = Duration::from_millis(250);

pub fn serve(project: &Project, port: u16, open_browser: bool, draft: bool) -> Result<()> {
    let listener = listen(port)?;
    let port = listener.local_addr()?.port();
    let (korean, english) =
        (format!("http://localhost:{port}/"), format!("http://localhost:{port}/en/"));
    let failure = Arc::new(RwLock::new(None));
    let to = site::destination(project, &site::config(project)?);
    let press = Press { project, to, draft, memory: Memory::default(), failure };

    let mut seen = snapshot(project);
    let start = Instant::now();
    let mut made = press.report(press.prepare().and_then(|site| site.put(&press.to)), false, start);
    let reload = LiveReloadLayer::new();
    let reloader = reload.reloader();
    let app = router(&press.to, press.failure.clone()).layer(reload);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let _server = runtime.spawn(async move {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        axum::serve(listener, app).await
    });
    println!("{korean}     한국어\n{english}  English");
    println!("Watching for changes; Ctrl-C ends.");
    if open_browser && let Err(e) = open::that(&korean) {
        eprintln!("cannot open a browser: {e}");
    }
    std::thread::scope(|scope| {
        // The whole site is built on the side, so that the next edit need not wait for it.
        let mut whole: Option<ScopedJoinHandle<Result<Prepared>>> = None;
        // Whether files changed since it was begun, and whether the pages show it already.
        let (mut stale, mut shown) = (false, false);
        let mut since = Instant::now();
        loop {
            std::thread::sleep(PAUSE);
            let now = snapshot(project);
            if now != seen {
                since = Instant::now();
                (stale, shown) = (true, false);
                if only_chapters(project, &seen, &now)
                    && let Some(before) = &made
                    && let Some(edited) = press.edit(before).transpose()
                {
                    shown = true;
                    if let Some(edited) = press.report(edited, true, since) {
                        made = Some(edited);
                        reloader.reload();
                    }
                }
                seen = now;
            }
            if whole.as_ref().is_some_and(|whole| whole.is_finished())
                && let Some(whole) = whole.take()
                && !stale
            {
                let site = whole.join().unwrap_or_else(|_| Err(Error::msg("the build stopped")));
                let site = site.and_then(|site| site.put(&press.to));
                let built_before = made.is_some();
                let good = match shown {
                    true => site.ok(),
                    false => press.report(site, built_before, since),
                };
                // The page with the complaint is reloaded as well.
                if !shown && (good.is_some() || !built_before) {
                    reloader.reload();
                }
                made = good.or(made);
            }
            if stale && whole.is_none() {
                stale = false;
                whole = Some(scope.spawn(|| press.prepare()));
            }
        }
    })
}

struct Press<'a> {
    project: &'a Project,
    to: PathBuf,
    draft: bool,
    memory: Memory,
    failure: Failure,
}

impl Press<'_> {
    /// The settings, but with files that keep their names: an edit then touches the page that was edited, and
    /// not every page that names the index of the search.
    fn config(&self) -> Result<Config> {
        let mut config = site::config(self.project)?;
        config.set("output.press.html.hash-files", false)?;
        Ok(config)
    }

    fn prepare(&self) -> Result<Prepared> {
        site::prepare(self.project, &self.config()?, &self.memory, self.draft)
    }

    /// `Ok(None)` if it takes the whole site.
    fn edit(&self, made: &Made) -> Result<Option<Made>> {
        let Press { project, to, draft, memory, .. } = self;
        site::edit(project, &self.config()?, to, memory, *draft, made)
    }

    /// Says how it went.
    fn report(&self, result: Result<Made>, built_before: bool, since: Instant) -> Option<Made> {
        if let Ok(made) = &result
            && !made.problems.0.is_empty()
        {
            eprintln!("{}", made.problems);
        }
        let complaint = result.as_ref().err().map(|e| format!("{e:#}"));
        match &complaint {
            None => println!("Built in {:.1} s.", since.elapsed().as_secs_f64()),
            Some(message) if built_before => eprintln!("{message}\nThe site stays as it was."),
            Some(message) => eprintln!("{message}"),
        }
        if let Ok(mut failure) = self.failure.write() {
            *failure = complaint.filter(|_| !built_before);
        }
        result.ok()
    }
}

fn listen(port: u16) -> Result<TcpListener> {
    let listener = TcpListener::bind(("127.0.0.1", port)).map_err(|e| match e.kind() {
        std::io::ErrorKind::AddrInUse => Error::msg(format!(
            "port {port} is in use; choose another one, for example `--port {}`",
            port.checked_add(1).unwrap_or(3000)
        )),
        _ => Error::msg(format!(
            "cannot listen on port {port}: {e}; choose another one with `--port`"
        )),
    })?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

type Failure = Arc<RwLock<Option<String>>>;

fn router(site: &Path, failure: Failure) -> Router {
    let dir = |below: &str| {
        let dir = site.join(below);
        let missing = ServeFile::new(dir.join("404.html"));
        ServeDir::new(dir).not_found_service(missing)
    };
    Router::new().nest_service("/en", dir("en")).fallback_service(dir("")).layer(from_fn(
        move |request: axum::extract::Request, next: Next| {
            let complaint = failure.read().ok().and_then(|failure| failure.clone());
            async move {
                match complaint {
                    Some(message) => complain(&message),
                    None => {
                        let mut response = next.run(request).await;
                        // A page that was rebuilt is asked for again.
                        response
                            .headers_mut()
                            .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
                        response
                    }
                }
            }
        },
    ))
}

fn complain(message: &str) -> Response {
    let html = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>The book does not build</title>\
         <style>:root{{color-scheme:light dark}}body{{margin:3em auto;max-width:60em;padding:0 1em;font-family:sans-serif}}pre{{white-space:pre-wrap}}</style></head>\
         <body><h1>The book does not build</h1><pre>{}</pre><p>This page reloads when it does.</p></body></html>",
        escape(message)
    );
    (StatusCode::SERVICE_UNAVAILABLE, Html(html)).into_response()
}

type Snapshot = BTreeMap<PathBuf, (Option<SystemTime>, u64)>;

/// Whether what differs is the text of chapters.
fn only_chapters(project: &Project, before: &Snapshot, now: &Snapshot) -> bool {
    let differs = |path: &&PathBuf| before.get(*path) != now.get(*path);
    before.keys().chain(now.keys()).filter(differs).all(|path| {
        let of = |lang: Lang| path.parent() == Some(&project.dir.join(lang.code()));
        let name = path.file_name().unwrap_or_default();
        Lang::ALL.into_iter().any(of)
            && path.extension().is_some_and(|extension| extension == "md")
            && name != "SUMMARY.md"
            && name != "404.md"
    })
}

/// Every watched file with its time and size.
fn snapshot(project: &Project) -> Snapshot {
    let mut found = Snapshot::new();
    let mut open: Vec<PathBuf> = WATCHED.iter().map(|path| project.repository.join(path)).collect();
    while let Some(path) = open.pop() {
        let Ok(meta) = std::fs::metadata(&path) else { continue };
        if meta.is_dir() {
            open.extend(
                std::fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()),
            );
        } else {
            found.insert(path, (meta.modified().ok(), meta.len()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_named() {
        let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let message = listen(port).unwrap_err().to_string();
        assert!(message.contains(&port.to_string()) && message.contains("--port"), "{message}");
    }

    #[test]
    fn a_snapshot_sees_edits_and_new_files_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let project = Project::at(dir.path().join("book"));
        std::fs::create_dir_all(dir.path().join("book/ko")).unwrap();
        let file = dir.path().join("book/ko/a.md");
        std::fs::write(&file, "one").unwrap();
        let first = snapshot(&project);
        assert_eq!(first.len(), 1);
        std::fs::read_to_string(&file).unwrap();
        std::fs::create_dir_all(dir.path().join("book/build")).unwrap();
        std::fs::write(dir.path().join("book/build/x.html"), "").unwrap();
        assert_eq!(snapshot(&project), first);
        std::fs::write(&file, "three").unwrap();
        assert_ne!(snapshot(&project), first);
    }
}
