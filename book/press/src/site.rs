//! From the sources to the site: Korean at the root, English under `en/`.

use crate::book::{self, Book, Project};
use crate::compose::{Composed, compose};
use crate::lang::Lang;
use crate::math;
use crate::memory::Memory;
use crate::page;
use crate::problem::{Problem, Problems};
use crate::search;
use crate::source::{self, Look};
use anyhow::{Context as _, Error, Result};
use mdbook_driver::MDBook;
use mdbook_driver::book::BookItem;
use mdbook_driver::config::Config;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Reads the book and checks all of it without building anything.
pub fn check(project: &Project, memory: &Memory) -> Result<Book, Problems> {
    let (book, _, problems) = read(project, memory);
    if problems.0.is_empty() { Ok(book) } else { Err(problems) }
}

fn read(project: &Project, memory: &Memory) -> (Book, [Composed; 2], Problems) {
    let mut book = Book::read(project, memory);
    let mut problems = std::mem::take(&mut book.problems);
    let composed = Lang::ALL.map(|lang| compose(&book, lang, memory, &mut problems));
    let mut seen = BTreeSet::new();
    problems.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    problems.retain(|p: &Problem| seen.insert(p.to_string()));
    (book, composed, Problems(problems))
}

/// The settings in `book.toml`, and those that the environment overrides as for mdBook itself.
pub fn config(project: &Project) -> Result<Config> {
    let mut config = Config::from_disk(project.dir.join("book.toml"))?;
    config.update_from_env()?;
    Ok(config)
}

/// Where the site goes if nothing else is asked for.
pub fn destination(project: &Project, config: &Config) -> PathBuf {
    project.dir.join(&config.build.build_dir)
}

/// Builds the site beside `to` and then brings `to` up to date, so that a failed build changes nothing.
/// A draft is built in spite of the problems, which are returned.
pub fn build(
    project: &Project,
    config: &Config,
    to: &Path,
    memory: &Memory,
    draft: bool,
) -> Result<Problems> {
    refuse_foreign(to)?;
    Ok(prepare(project, config, memory, draft)?.put(to)?.problems)
}

/// A whole site, not yet where it is served from.
pub struct Prepared {
    pub book: Book,
    work: TempDir,
    made: Made,
}

/// What a site was made from.
pub struct Made {
    pub problems: Problems,
    composed: [Composed; 2],
}

impl Prepared {
    /// Where it is until then.
    pub fn dir(&self) -> PathBuf {
        self.work.path().join(Lang::Ko.code())
    }

    /// Makes `to` this site.
    pub fn put(self, to: &Path) -> Result<Made> {
        refuse_foreign(to)?;
        sync(&self.dir(), to)?;
        Ok(self.made)
    }
}

/// Builds the site in a directory of its own.
pub fn prepare(
    project: &Project,
    config: &Config,
    memory: &Memory,
    draft: bool,
) -> Result<Prepared> {
    let (book, composed, problems) = read(project, memory);
    if !draft && !problems.0.is_empty() {
        return Err(problems.into());
    }
    let work = tempfile::tempdir()?;
    let dirs = Lang::ALL.map(|lang| work.path().join(lang.code()));
    std::thread::scope(|scope| {
        let builds: Vec<_> = Lang::ALL
            .into_iter()
            .map(|lang| {
                let (dir, composed) = (&dirs[lang as usize], &composed[lang as usize]);
                let summary = &book.summaries[lang as usize];
                scope.spawn(move || pages(project, config, lang, summary, composed, dir))
            })
            .collect();
        builds.into_iter().try_for_each(|build| {
            build.join().map_err(|_| Error::msg("mdBook stopped unexpectedly"))?
        })
    })?;
    let [site, english] = dirs;
    fs::rename(english, site.join("en"))?;
    let fonts: BTreeSet<String> = composed.iter().flat_map(|c| c.fonts.iter().cloned()).collect();
    let math::Fonts { files, css } = math::fonts(&fonts)?;
    let dir = site.join("math");
    fs::create_dir_all(&dir)?;
    fs::write(dir.join("math.css"), css)?;
    for (name, bytes) in files {
        fs::write(dir.join(name), bytes)?;
    }
    sources(config, &composed, &site)?;
    Ok(Prepared { book, work, made: Made { problems, composed } })
}

/// Brings the pages of `to` up to date whose chapters were edited since the site was `made`, and nothing else:
/// neither the search nor the printed book. It is for the impatient author, who gets the rest from [`prepare`].
/// `None` if more than the text of chapters has changed.
pub fn edit(
    project: &Project,
    config: &Config,
    to: &Path,
    memory: &Memory,
    draft: bool,
    made: &Made,
) -> Result<Option<Made>> {
    let (book, composed, problems) = read(project, memory);
    if !draft && !problems.0.is_empty() {
        return Err(problems.into());
    }
    let mut edited = [BTreeSet::new(), BTreeSet::new()];
    for ((now, before), edited) in composed.iter().zip(&made.composed).zip(&mut edited) {
        let same_book = now.chapters.keys().eq(before.chapters.keys());
        if !same_book || now.sources != before.sources || !now.fonts.is_subset(&before.fonts) {
            return Ok(None);
        }
        let differs = |path: &&String| now.chapters[*path] != before.chapters[*path];
        edited.extend(now.chapters.keys().filter(differs).map(String::as_str));
    }
    let work = tempfile::tempdir()?;
    for lang in Lang::ALL {
        let (composed, edited) = (&composed[lang as usize], &edited[lang as usize]);
        if edited.is_empty() {
            continue;
        }
        let dir = work.path().join(lang.code());
        let summary = &book.summaries[lang as usize];
        render(project, config, lang, summary, composed, &dir, |path| edited.contains(path))?;
        let mut names: Vec<String> = edited.iter().map(|path| book::page(path)).collect();
        let first = book.in_lang(lang).first();
        if first.is_some_and(|chapter| edited.contains(chapter.path.as_str())) {
            names.push("index.html".into());
        }
        for name in names {
            let html = fs::read_to_string(dir.join(&name))?;
            let finished = page::finish(&html, lang, &name, composed)?;
            put(&to.join(lang.prefix()).join(&name), finished.as_bytes())?;
        }
    }
    Ok(Some(Made { problems, composed }))
}

/// mdBook's pages of one language, with the text of those chapters that are `wanted`.
fn render(
    project: &Project,
    base: &Config,
    lang: Lang,
    summary: &str,
    composed: &Composed,
    dir: &Path,
    wanted: impl Fn(&str) -> bool,
) -> Result<()> {
    let text = |key: &str| base.get::<String>(&format!("output.press.{}.{key}", lang.code()));
    let mut config = base.clone();
    config.book.src = lang.code().into();
    config.book.language = Some(lang.code().into());
    config.book.title = text("title")?;
    config.book.description = text("description")?;
    config.build.build_dir = dir.to_path_buf();
    config.build.create_missing = false;
    config.build.use_default_preprocessors = false;
    let mut html: Value = base.get("output.press.html")?.unwrap_or_else(|| json!({}));
    // The stock `mdbook serve` speaks to the renderer named html.
    for key in ["live-reload-endpoint", "site-url"] {
        if let Some(value) = base.get::<Value>(&format!("output.html.{key}"))? {
            html[key] = value;
        }
    }
    let root = html["site-url"].as_str().unwrap_or("/").trim_end_matches('/').to_string();
    html["site-url"] = format!("{root}/{}", lang.prefix()).into();
    config.set("output", json!({ "html": html }))?;

    let summary = mdbook_summary::parse_summary(summary)
        .with_context(|| format!("book/{}/SUMMARY.md", lang.code()))?;
    let mut book = MDBook::load_with_config_and_summary(&project.dir, config, summary)?;
    book.book.for_each_mut(|item| {
        if let BookItem::Chapter(chapter) = item
            && let Some(path) = &chapter.source_path
        {
            let path = path.to_string_lossy().replace('\\', "/");
            match composed.chapters.get(&path).filter(|_| wanted(&path)) {
                Some(page) => chapter.content = page.markdown.clone(),
                None => chapter.content.clear(),
            }
        }
    });
    book.build()
}

/// All pages of one language, and its search.
fn pages(
    project: &Project,
    base: &Config,
    lang: Lang,
    summary: &str,
    composed: &Composed,
    dir: &Path,
) -> Result<()> {
    render(project, base, lang, summary, composed, dir, |_| true)?;
    for file in files(dir)? {
        let name = file.to_string_lossy().replace('\\', "/");
        let path = dir.join(&file);
        if name.ends_with(".html") {
            let finished = page::finish(&fs::read_to_string(&path)?, lang, &name, composed)?;
            fs::write(&path, finished)?;
        }
    }
    if lang == Lang::Ko {
        let scripts: BTreeSet<&str> = page::SCRIPTS.iter().map(|(name, ..)| *name).collect();
        for script in scripts {
            let path = dir.join(find(dir, "", script, "js")?);
            let text = page::localize_script(script, &fs::read_to_string(&path)?)?;
            fs::write(&path, text)?;
        }
        let path = dir.join(find(dir, "", "searchindex", "js")?);
        fs::write(&path, search::korean(&fs::read_to_string(&path)?)?)?;
    }
    Ok(())
}

/// The sources that the pages of either language link to.
fn sources(config: &Config, composed: &[Composed; 2], site: &Path) -> Result<()> {
    let cited: BTreeMap<&String, &String> = composed.iter().flat_map(|c| &c.sources).collect();
    let theme = |key: &str, or: &str| -> Result<String> {
        Ok(config.get::<String>(&format!("output.press.html.{key}"))?.unwrap_or_else(|| or.into()))
    };
    let look = Look {
        variables_css: find(site, "css/", "variables", "css")?,
        highlight_css: find(site, "", "highlight", "css")?,
        tomorrow_night_css: find(site, "", "tomorrow-night", "css")?,
        ayu_css: find(site, "", "ayu-highlight", "css")?,
        highlight_js: find(site, "", "highlight", "js")?,
        light_theme: theme("default-theme", "light")?,
        dark_theme: theme("preferred-dark-theme", "navy")?,
    };
    for (file, text) in cited {
        let path = site.join(source::address(file));
        fs::create_dir_all(path.parent().unwrap_or(site))?;
        fs::write(path, source::page(file, text, &look))?;
    }
    Ok(())
}

/// A file that mdBook wrote as `name.ext` or, with its hash, `name-1a2b3c4d.ext`.
pub fn find(site: &Path, dir: &str, name: &str, ext: &str) -> Result<String> {
    let mut names: Vec<String> = fs::read_dir(site.join(dir))?
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
        .into_iter()
        .find(|file| {
            let middle =
                file.strip_prefix(name).and_then(|rest| rest.strip_suffix(&format!(".{ext}")));
            middle.is_some_and(|middle| {
                middle.is_empty()
                    || middle
                        .strip_prefix('-')
                        .is_some_and(|hash| hash.bytes().all(|b| b.is_ascii_hexdigit()))
            })
        })
        .map(|file| format!("{dir}{file}"))
        .ok_or_else(|| {
            Error::msg(format!(
                "mdBook wrote no {dir}{name}.{ext}; this tool was written for mdBook 0.5"
            ))
        })
}

/// Every file below `dir`, relative to it, in order.
fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(below) = open.pop() {
        for entry in fs::read_dir(dir.join(&below))? {
            let entry = entry?;
            let path = below.join(entry.file_name());
            if entry.file_type()?.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    Ok(found)
}

/// Everything in the destination that the site does not have will be removed, so it must be ours.
fn refuse_foreign(to: &Path) -> Result<()> {
    let empty = !to.exists()
        || fs::read_dir(to)
            .with_context(|| format!("cannot write to {}", to.display()))?
            .next()
            .is_none();
    if empty || to.join(".nojekyll").exists() {
        return Ok(());
    }
    Err(Error::msg(format!(
        "{} is not empty and holds no site built before; choose an empty or a new directory",
        to.display()
    )))
}

/// Makes `to` equal to `from`, touching only what differs: first what pages need, then the pages, then what
/// no page needs any more, so that a reader in between finds a whole site.
fn sync(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot write to {}", to.display()))?;
    let mut new = files(from)?;
    new.sort_by_key(|path| path.extension().is_some_and(|ext| ext == "html"));
    for path in &new {
        put(&to.join(path), &fs::read(from.join(path))?)?;
    }
    let keep: BTreeSet<&PathBuf> = new.iter().collect();
    for path in files(to)?.iter().filter(|path| !keep.contains(path)) {
        fs::remove_file(to.join(path))?;
        // Empty directories go as well; one that is not empty stays.
        for dir in path.ancestors().skip(1).filter(|dir| !dir.as_os_str().is_empty()) {
            if fs::remove_dir(to.join(dir)).is_err() {
                break;
            }
        }
    }
    Ok(())
}

/// Writes a file unless it is so already: aside, and then moved, for nobody shall read half a page.
fn put(target: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(target).ok().as_deref() == Some(bytes) {
        return Ok(());
    }
    let dir = target.parent().unwrap_or(target);
    fs::create_dir_all(dir)?;
    let aside =
        dir.join(format!(".{}.new", target.file_name().unwrap_or_default().to_string_lossy()));
    fs::write(&aside, bytes)
        .and_then(|()| fs::rename(&aside, target))
        .with_context(|| format!("cannot write {}", target.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sync_changes_only_what_differs() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let write = |dir: &Path, name: &str, text: &str| {
            fs::create_dir_all(dir.join(name).parent().unwrap()).unwrap();
            fs::write(dir.join(name), text).unwrap();
        };
        write(from.path(), "a.html", "same");
        write(from.path(), "b/c.css", "new");
        write(to.path(), "a.html", "same");
        write(to.path(), "old/d.html", "old");
        let before = fs::metadata(to.path().join("a.html")).unwrap().modified().unwrap();
        sync(from.path(), to.path()).unwrap();
        assert_eq!(files(to.path()).unwrap(), [PathBuf::from("a.html"), PathBuf::from("b/c.css")]);
        assert!(!to.path().join("old").exists());
        assert_eq!(fs::metadata(to.path().join("a.html")).unwrap().modified().unwrap(), before);
    }

    #[test]
    fn a_directory_of_someone_else_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        refuse_foreign(dir.path()).unwrap();
        refuse_foreign(&dir.path().join("new")).unwrap();
        fs::write(dir.path().join("thesis.tex"), "").unwrap();
        assert!(refuse_foreign(dir.path()).unwrap_err().to_string().contains("not empty"));
        fs::write(dir.path().join(".nojekyll"), "").unwrap();
        refuse_foreign(dir.path()).unwrap();
    }
}
