//! The whole book as its authors wrote it, in both languages, and whether the two agree.

use crate::claims::{self, Registry};
use crate::directive::{Directive, Name};
use crate::evidence::Evidence;
use crate::figure;
use crate::lang::Lang;
use crate::memory::Memory;
use crate::notation::Notation;
use crate::notes::Notes;
use crate::numbers;
use crate::problem::{Lines, Problem, there_are};
use crate::scan::{self, Item, Kind, Scan};
use crate::words::{self, Words};
use mdbook_markdown::pulldown_cmark::{Event, Parser, Tag, TagEnd};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A repository with a book in it.
#[derive(Debug, Clone)]
pub struct Project {
    pub repository: PathBuf,
    /// The directory of `book.toml`.
    pub dir: PathBuf,
}

impl Project {
    /// `dir` is the directory of `book.toml`; the repository is the directory above it.
    pub fn at(dir: impl Into<PathBuf>) -> Project {
        let dir = dir.into();
        let repository = dir.parent().map(Path::to_path_buf).unwrap_or_else(|| dir.clone());
        Project { repository, dir }
    }

    /// A file as its author knows it: relative to the repository.
    pub fn name(&self, path: &Path) -> String {
        let clean = tidy(path);
        clean
            .strip_prefix(tidy(&self.repository))
            .unwrap_or(&clean)
            .to_string_lossy()
            .replace('\\', "/")
    }
}

/// Without `.` and `..`, as far as names go.
pub fn tidy(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir if out.file_name().is_some() => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}

#[derive(Debug)]
pub struct Chapter {
    pub lang: Lang,
    /// Relative to the source tree: `forward.md`.
    pub path: String,
    /// As the sidebar says it.
    pub title: String,
    /// Relative to the repository: `book/ko/forward.md`.
    pub file: String,
    pub text: String,
    pub scan: Arc<Scan>,
}

/// The page of the chapter with this path.
pub fn page(path: &str) -> String {
    format!("{}.html", path.strip_suffix(".md").unwrap_or(path))
}

impl Chapter {
    pub fn stem(&self) -> &str {
        self.path.strip_suffix(".md").unwrap_or(&self.path)
    }

    /// The page in the site, relative to the root of its language.
    pub fn page(&self) -> String {
        page(&self.path)
    }

    fn claims(&self) -> impl Iterator<Item = (&Item, &Name)> {
        self.scan.items.iter().filter_map(|item| match &item.kind {
            Kind::Directive(Directive::Claim(name)) => Some((item, name)),
            _ => None,
        })
    }

    fn ids(&self) -> BTreeSet<String> {
        let headings = self.scan.items.iter().filter_map(|item| match &item.kind {
            Kind::Heading { id, .. } => id.clone(),
            _ => None,
        });
        headings.chain(self.claims().map(|(_, name)| claims::id(name))).collect()
    }
}

#[derive(Debug)]
pub struct Book {
    pub project: Project,
    /// The chapters of each language, in the order of `SUMMARY.md`.
    pub chapters: [Vec<Chapter>; 2],
    /// The tables of contents, without the lines of chapters that cannot be read.
    pub summaries: [String; 2],
    pub registry: Registry,
    pub notation: Notation,
    pub evidence: BTreeMap<Name, Evidence>,
    pub problems: Vec<Problem>,
}

impl Book {
    /// Reads everything and checks it. What is wrong is in `problems`.
    pub fn read(project: &Project, memory: &Memory) -> Book {
        let mut problems = Vec::new();
        let [ko, en] = Lang::ALL.map(|lang| chapters(project, lang, memory, &mut problems));
        let (chapters, summaries) = ([ko.0, en.0], [ko.1, en.1]);
        let registry = claims::read(&project.repository, memory, &mut problems);
        let notation = Notation::read(project, &mut problems);
        let mut book = Book {
            project: project.clone(),
            chapters,
            summaries,
            registry,
            notation,
            evidence: BTreeMap::new(),
            problems,
        };
        for chapter in book.chapters.iter().flatten() {
            book.problems.extend(chapter.scan.problems.iter().cloned());
        }
        book.check_words(memory);
        book.check_headings();
        book.check_links();
        book.check_claims();
        book.read_evidence();
        book.say_notes();
        book.check_parity();
        book
    }

    pub fn in_lang(&self, lang: Lang) -> &[Chapter] {
        &self.chapters[lang as usize]
    }

    /// Chapters, captions, titles and claims write every word as `book/words.toml` has it, and chapters take the
    /// numbers of their experiments from what is recorded.
    fn check_words(&mut self, memory: &Memory) {
        let mut found = Vec::new();
        let words = Words::read(&self.project, memory, &mut found);
        let message = |f: &words::Found| {
            format!(
                "this book writes `{}` for `{}`; where the word itself is meant, write `<!-- allow: {} -->` above the paragraph",
                f.write, f.not, f.not
            )
        };
        let mut line = |lang: Lang, text: &str, file: &str, line: usize| {
            let scan = memory
                .scans
                .get((file.into(), text.into()), |(file, text)| scan::scan(text, file).into());
            for range in &scan.prose {
                for f in words.find(lang, &text[range.clone()]).iter() {
                    found.push(Problem::new(file, line, message(f)));
                }
            }
        };
        for chapter in self.chapters.iter().flatten() {
            let summary = format!("book/{}/SUMMARY.md", chapter.lang.code());
            line(chapter.lang, &chapter.title, &summary, 0);
            for item in &chapter.scan.items {
                if let Kind::Figure(figure) = &item.kind {
                    line(chapter.lang, &figure.caption, &chapter.file, item.line);
                    line(chapter.lang, &figure.alt, &chapter.file, item.line);
                }
            }
        }
        for claim in self.registry.values() {
            for lang in Lang::ALL {
                line(lang, claim.sentence(lang), &claim.file, claim.line);
            }
        }
        for chapter in self.chapters.iter().flatten() {
            let lines = Lines::of(&chapter.text);
            let mut needed = BTreeSet::new();
            let mut slip = |at: usize, what: &str, message: String| {
                let allows =
                    |(block, word): &(Range<usize>, String)| block.contains(&at) && word == what;
                match chapter.scan.allowed.iter().position(allows) {
                    Some(i) => drop(needed.insert(i)),
                    None => found.push(Problem::new(&chapter.file, lines.at(at), message)),
                }
            };
            for range in &chapter.scan.prose {
                for f in words.find(chapter.lang, &chapter.text[range.clone()]).iter() {
                    slip(range.start + f.at, &f.not, message(f));
                }
            }
            for numbers::Found { at, number } in numbers::unknown(&self.project, chapter) {
                let message = format!(
                    "{number} is in no output of this chapter; if it follows from one that is, write `<!-- allow: {number} -->` above the paragraph"
                );
                slip(at, &number, message);
            }
            for (i, (block, word)) in chapter.scan.allowed.iter().enumerate() {
                if !needed.contains(&i) {
                    let message = format!("nothing here needs `<!-- allow: {word} -->`");
                    found.push(Problem::new(&chapter.file, lines.at(block.start), message));
                }
            }
        }
        self.problems.extend(found);
    }

    /// Every section can be linked to, by an id that does not depend on the language.
    fn check_headings(&mut self) {
        let mut found = Vec::new();
        for chapter in self.chapters.iter().flatten() {
            let mut seen = BTreeMap::new();
            for item in &chapter.scan.items {
                let Kind::Heading { level, id } = &item.kind else { continue };
                match id {
                    None if *level > 1 => {
                        let message = "this heading needs an id, the same in both languages: `## … {#short-name}`";
                        found.push(Problem::new(&chapter.file, item.line, message));
                    }
                    None => {}
                    Some(id) => {
                        if let Some(first) = seen.insert(id, item.line) {
                            let message =
                                format!("the id `{id}` is taken by the heading in line {first}");
                            found.push(Problem::new(&chapter.file, item.line, message));
                        }
                    }
                }
            }
        }
        self.problems.extend(found);
    }

    fn check_links(&mut self) {
        let mut found = Vec::new();
        for chapter in self.chapters.iter().flatten() {
            let pages: BTreeMap<&str, &Chapter> =
                self.in_lang(chapter.lang).iter().map(|c| (c.path.as_str(), c)).collect();
            let base = Path::new(&chapter.path).parent().unwrap_or(Path::new(""));
            for item in &chapter.scan.items {
                let Kind::Link { target } = &item.kind else { continue };
                if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                    continue;
                }
                let (path, id) = match target.split_once('#') {
                    Some((path, id)) => (path, Some(id)),
                    None => (target.as_str(), None),
                };
                let page = match path {
                    "" => Some(chapter),
                    path => pages
                        .get(tidy(&base.join(path)).to_string_lossy().replace('\\', "/").as_str())
                        .copied(),
                };
                let message = match (page, id) {
                    (None, _) => format!(
                        "the link leads to `{path}`, which is no chapter; there are {}",
                        list(pages.keys().copied())
                    ),
                    (Some(page), Some(id)) if !page.ids().contains(id) && !is_ledger(page) => {
                        format!(
                            "`{}` has no heading with the id `{id}`; {}",
                            page.path,
                            there_are(id, page.ids().iter().map(String::as_str))
                        )
                    }
                    _ => continue,
                };
                found.push(Problem::new(&chapter.file, item.line, message));
            }
        }
        self.problems.extend(found);
    }

    fn check_claims(&mut self) {
        let mut found = Vec::new();
        let mut cited = [BTreeSet::new(), BTreeSet::new()];
        for chapter in self.chapters.iter().flatten() {
            let mut here = BTreeMap::new();
            for (item, name) in chapter.claims() {
                cited[chapter.lang as usize].insert(name);
                let mut problem =
                    |message: String| found.push(Problem::new(&chapter.file, item.line, message));
                match self.registry.get(name) {
                    None => problem(format!(
                        "no test `{}` in tests/claims/{}.rs; {}",
                        name.item,
                        name.stem,
                        self.known(name)
                    )),
                    Some(claim) if claim.ignored => problem(format!(
                        "the claim `{name}` is `#[ignore]`d in {}:{}",
                        claim.file, claim.line
                    )),
                    Some(_) => {}
                }
                if let Some(first) = here.insert(name, item.line) {
                    problem(format!("the claim `{name}` is cited already in line {first}"));
                }
            }
        }
        for claim in self.registry.values().filter(|claim| !claim.ignored) {
            let name = &claim.name;
            let whom = match Lang::ALL.map(|lang| cited[lang as usize].contains(name)) {
                [true, true] => continue,
                [false, false] => "in either language",
                [false, true] => "under book/ko",
                [true, false] => "under book/en",
            };
            let message = format!(
                "no chapter {whom} cites this claim; write `claim[{name}]` above its sentence"
            );
            found.push(Problem::new(&claim.file, claim.line, message));
        }
        self.problems.extend(found);
    }

    fn known(&self, wanted: &Name) -> String {
        let names = self.registry.keys().filter(|name| name.stem == wanted.stem);
        there_are(&wanted.item, names.map(|name| name.item.as_str()))
    }

    fn read_evidence(&mut self) {
        let dir = self.project.dir.join("out/claims");
        let at = |file: &str| self.project.name(&dir.join(file));
        let mut found = Vec::new();
        let mut evidence = BTreeMap::new();
        for claim in self.registry.values().filter(|claim| !claim.ignored) {
            let file = format!("{}.{}.json", claim.name.stem, claim.name.item);
            match std::fs::read_to_string(dir.join(&file)) {
                Ok(json) => match Evidence::parse(&json) {
                    Ok(parsed) => {
                        evidence.insert(claim.name.clone(), parsed);
                    }
                    Err((line, message)) => found.push(Problem::new(at(&file), line, message)),
                },
                Err(_) => {
                    let message = format!(
                        "no evidence {} for this claim; run `BLESS=1 {}`",
                        at(&file),
                        claim.command()
                    );
                    found.push(Problem::new(&claim.file, claim.line, message));
                }
            }
        }
        let files = std::fs::read_dir(&dir).into_iter().flatten().flatten();
        for name in
            files.filter_map(|entry| entry.file_name().into_string().ok()).collect::<BTreeSet<_>>()
        {
            let claim = name.strip_suffix(".json").and_then(|name| name.split_once('.'));
            let known = claim.is_some_and(|(stem, item)| {
                self.registry.contains_key(&Name { stem: stem.into(), item: item.into() })
            });
            if !known && !name.starts_with('.') {
                found.push(Problem::new(
                    at(&name),
                    0,
                    "this evidence belongs to no claim; delete it",
                ));
            }
        }
        self.evidence = evidence;
        self.problems.extend(found);
    }

    /// The notes of the evidence are in English; `book/notes.toml` has the Korean.
    fn say_notes(&mut self) {
        if let Some(notes) = Notes::read(&self.project, &mut self.problems) {
            notes.translate(&self.project, self.evidence.values_mut(), &mut self.problems);
        }
    }

    /// The same chapters, sections, claims and shown things in the same order.
    fn check_parity(&mut self) {
        let [ko, en] = &self.chapters;
        let mut found = Vec::new();
        let paths =
            |chapters: &[Chapter]| chapters.iter().map(|c| c.path.clone()).collect::<Vec<_>>();
        let (ko_paths, en_paths) = (paths(ko), paths(en));
        for (have, lack, lang) in
            [(&ko_paths, &en_paths, Lang::En), (&en_paths, &ko_paths, Lang::Ko)]
        {
            for path in have.iter().filter(|path| !lack.contains(path)) {
                let summary = format!("book/{}/SUMMARY.md", lang.code());
                let message =
                    format!("the chapter `{path}` is missing; book/{} has it", lang.other().code());
                found.push(Problem::new(summary, 0, message));
            }
        }
        if found.is_empty() && ko_paths != en_paths {
            let message = format!(
                "the chapters are in another order than in book/ko: {}",
                list(ko_paths.iter().map(String::as_str))
            );
            found.push(Problem::new("book/en/SUMMARY.md", 0, message));
        }
        for ko in ko {
            let Some(en) = en.iter().find(|en| en.path == ko.path) else { continue };
            for aspect in [headings, cited, shown] {
                found.extend(first_difference(ko, &aspect(ko), en, &aspect(en)));
            }
        }
        self.problems.extend(found);
    }
}

/// The ledger makes its own headings.
fn is_ledger(chapter: &Chapter) -> bool {
    chapter.scan.items.iter().any(|item| item.kind == Kind::Directive(Directive::Claims))
}

type Skeleton = Vec<(usize, String)>;

fn headings(chapter: &Chapter) -> Skeleton {
    skeleton(chapter, |kind| match kind {
        Kind::Heading { level, id: Some(id) } => {
            Some(format!("the heading `{} … {{#{id}}}`", "#".repeat(*level as usize)))
        }
        _ => None,
    })
}

fn cited(chapter: &Chapter) -> Skeleton {
    skeleton(chapter, |kind| match kind {
        Kind::Directive(directive @ Directive::Claim(_)) => Some(format!("`{directive}`")),
        _ => None,
    })
}

fn shown(chapter: &Chapter) -> Skeleton {
    skeleton(chapter, |kind| match kind {
        Kind::Directive(Directive::Claim(_)) => None,
        Kind::Directive(directive) => Some(format!("`{directive}`")),
        Kind::Figure(f) => figure::neutral(&f.path, chapter.lang)
            .ok()
            .map(|name| format!("the figure `{name}.*.svg`")),
        _ => None,
    })
}

fn skeleton(chapter: &Chapter, of: impl Fn(&Kind) -> Option<String>) -> Skeleton {
    chapter.scan.items.iter().filter_map(|item| Some((item.line, of(&item.kind)?))).collect()
}

fn first_difference(ko: &Chapter, a: &Skeleton, en: &Chapter, b: &Skeleton) -> Option<Problem> {
    let at =
        (0..a.len().max(b.len())).find(|&i| a.get(i).map(|x| &x.1) != b.get(i).map(|x| &x.1))?;
    let message = |here: &str, file: &str, line: usize, there: &str| {
        format!("the languages differ: {here} stands here, but {there} in {file}:{line}")
    };
    Some(match (a.get(at), b.get(at)) {
        (Some((k, here)), Some((e, there))) => {
            Problem::new(&ko.file, *k, message(here, &en.file, *e, there))
        }
        (Some((k, here)), None) => Problem::new(
            &ko.file,
            *k,
            format!("the languages differ: {here} has no counterpart in {}", en.file),
        ),
        (None, Some((e, here))) => Problem::new(
            &en.file,
            *e,
            format!("the languages differ: {here} has no counterpart in {}", ko.file),
        ),
        (None, None) => return None,
    })
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

/// The chapters that `SUMMARY.md` lists, and that list as far as they can be read. There is a complaint
/// about every file that it does not list.
fn chapters(
    project: &Project,
    lang: Lang,
    memory: &Memory,
    problems: &mut Vec<Problem>,
) -> (Vec<Chapter>, String) {
    let dir = project.dir.join(lang.code());
    let summary = dir.join("SUMMARY.md");
    let file = project.name(&summary);
    let text = match std::fs::read_to_string(&summary) {
        Ok(text) => text,
        Err(e) => {
            problems.push(Problem::new(file, 0, format!("cannot be read: {e}")));
            return Default::default();
        }
    };
    let mut chapters = Vec::new();
    let (mut listed, mut unread) = (BTreeSet::new(), BTreeSet::new());
    for (line, title, path) in links(&text) {
        if title.contains('$') {
            let message = "a title in the table of contents is plain text, without formulas";
            problems.push(Problem::new(&file, line, message));
        }
        let fresh = listed.insert(path.clone());
        match read_chapter(project, lang, memory, &path, title) {
            Ok(chapter) if fresh => chapters.push(chapter),
            Ok(_) => {
                problems.push(Problem::new(&file, line, format!("`{path}` is listed twice")));
                unread.insert(line);
            }
            Err(message) => {
                problems.push(Problem::new(&file, line, message));
                unread.insert(line);
            }
        }
    }
    let files = std::fs::read_dir(&dir).into_iter().flatten().flatten();
    for name in files.filter_map(|entry| entry.file_name().into_string().ok()) {
        let chapter = name.ends_with(".md") && !matches!(name.as_str(), "SUMMARY.md" | "404.md");
        if chapter && !listed.contains(&name) {
            let message = format!("{file} does not list this chapter");
            problems.push(Problem::new(project.name(&dir.join(&name)), 0, message));
        }
    }
    let readable = (1..).zip(text.lines()).filter(|(line, _)| !unread.contains(line));
    (chapters, readable.map(|(_, text)| format!("{text}\n")).collect())
}

fn read_chapter(
    project: &Project,
    lang: Lang,
    memory: &Memory,
    path: &str,
    title: String,
) -> Result<Chapter, String> {
    if !path.ends_with(".md") {
        return Err(format!("expected a link to a chapter, found `{path}`"));
    }
    let full = project.dir.join(lang.code()).join(path);
    let file = project.name(&full);
    let text = std::fs::read_to_string(full)
        .map_err(|e| format!("the chapter {file} cannot be read: {e}"))?;
    let text = text.strip_prefix('\u{feff}').map(str::to_string).unwrap_or(text);
    let scan = memory
        .scans
        .get((file.clone(), text.clone()), |(file, text)| scan::scan(text, file).into());
    Ok(Chapter { lang, path: path.into(), title, file, text, scan })
}

/// The links of a table of contents: line, title, target.
fn links(summary: &str) -> Vec<(usize, String, String)> {
    let lines = Lines::of(summary);
    let mut found = Vec::new();
    let mut open = false;
    for (event, range) in Parser::new(summary).into_offset_iter() {
        match event {
            Event::Start(Tag::Link { dest_url, .. }) => {
                found.push((
                    lines.at(range.start),
                    String::new(),
                    dest_url.trim_start_matches("./").to_string(),
                ));
                open = true;
            }
            Event::End(TagEnd::Link) => open = false,
            Event::Text(text) | Event::Code(text) if open => {
                if let Some((_, title, _)) = found.last_mut() {
                    title.push_str(&text);
                }
            }
            _ => {}
        }
    }
    found
}
