//! A chapter written out for mdBook. What mdBook shall not touch (drawings, badges) is kept aside, and an
//! empty element with `data-press` marks the place.

use crate::anchor::{self, Passage};
use crate::badge::{self, Cited};
use crate::book::{Book, Chapter};
use crate::claims;
use crate::directive::{Directive, Name};
use crate::evidence::Evidence;
use crate::figure;
use crate::html::{escape, escape_markdown};
use crate::inline;
use crate::lang::{self, Lang};
use crate::math::joined;
use crate::memory::Memory;
use crate::notation::{self, Notation};
use crate::numbers::is_experiment;
use crate::problem::Problem;
use crate::scan::{Figure, Item, Kind};
use crate::source;
use crate::verdicts::{self, Outcome, Shown};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// A chapter as mdBook gets it, and what was kept aside from it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Page {
    pub markdown: String,
    /// HTML by number.
    pub fragments: Vec<String>,
    pub title: String,
    /// How it begins.
    pub opening: String,
}

/// All chapters of one language.
#[derive(Debug, Default)]
pub struct Composed {
    /// By path.
    pub chapters: BTreeMap<String, Page>,
    /// The path of the first chapter, which is the page of the language's root as well.
    pub first: String,
    pub fonts: BTreeSet<String>,
    /// The files that the pages link to, with their text.
    pub sources: BTreeMap<String, String>,
}

impl Composed {
    /// What was kept aside under this mark.
    pub fn kept(&self, mark: &str) -> Option<&String> {
        let (stem, number) = mark.rsplit_once('#')?;
        self.chapters.get(&format!("{stem}.md"))?.fragments.get(number.parse::<usize>().ok()?)
    }
}

/// Writes out the chapters of one language. What cannot be found is added to `problems`.
pub fn compose(book: &Book, lang: Lang, memory: &Memory, problems: &mut Vec<Problem>) -> Composed {
    let first = book.in_lang(lang).first().map(|c| c.path.clone()).unwrap_or_default();
    let mut composed = Composed { first, ..Composed::default() };
    let home = notation::home(book, lang);
    for chapter in book.in_lang(lang) {
        let page = Composer {
            book,
            chapter,
            memory,
            fragments: Vec::new(),
            home,
            met: BTreeSet::new(),
            out: &mut composed,
            problems,
        }
        .run();
        composed.chapters.insert(chapter.path.clone(), page);
    }
    composed
}

struct Composer<'a> {
    book: &'a Book,
    chapter: &'a Chapter,
    memory: &'a Memory,
    fragments: Vec<String>,
    /// The chapter with the table of letters.
    home: Option<&'a Chapter>,
    /// Letters that this one has used before.
    met: BTreeSet<String>,
    out: &'a mut Composed,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Composer<'a> {
    fn run(mut self) -> Page {
        let text = &self.chapter.text;
        let mut markdown = String::with_capacity(text.len() * 2);
        let mut done = 0;
        for item in &self.chapter.scan.items {
            let written = match self.item(item) {
                Ok(Some(written)) => written,
                Ok(None) => continue,
                Err(message) => {
                    let problem = Problem::new(&self.chapter.file, item.line, message);
                    let written = self.in_draft(item, &problem.message);
                    self.problems.push(problem);
                    written
                }
            };
            let Range { start, end } = item.range;
            markdown.push_str(&text[done..start]);
            markdown.push_str(&written);
            done = end;
        }
        markdown.push_str(&text[done..]);
        // The id that mdBook would make of the title might be that of a section.
        let title = markdown.find('\n').unwrap_or(markdown.len());
        if markdown.starts_with("# ") && !markdown[..title].contains("{#") {
            let id = self.chapter.stem().replace('/', "-");
            markdown.insert_str(title, &format!(" {{#chapter-{id}}}"));
        }
        Page {
            markdown,
            fragments: self.fragments,
            title: self.chapter.title.clone(),
            opening: inline::opening(text),
        }
    }

    fn item(&mut self, item: &Item) -> Result<Option<String>, String> {
        Ok(Some(match &item.kind {
            Kind::Heading { .. } | Kind::Link { .. } => return Ok(None),
            Kind::Bold(tag) => tag.to_string(),
            Kind::Allow => String::new(),
            Kind::Math { tex, display: true } => self.formula(tex, true)?,
            Kind::Math { tex, display: false } => {
                let formula = self.formula(tex, false)?;
                let linked = self.explained(item, tex, &formula)?;
                joined(&self.chapter.text, &item.range, &linked)
            }
            Kind::Figure(figure) => block(&self.figure(figure)?),
            Kind::Directive(Directive::Claim(name)) => block(&self.claim(name)?),
            Kind::Directive(Directive::Cell(name)) => block(&self.cell(name)?),
            Kind::Directive(Directive::Code { path, anchor }) => block(&self.code(path, anchor)?),
            Kind::Directive(Directive::Claims) => block(&self.ledger()?),
            Kind::Directive(Directive::Variants) => block(&self.variants()),
            Kind::Directive(Directive::Experiments) => block(&self.experiments()?),
            Kind::Directive(Directive::Notation) => block(&self.letters()?),
        }))
    }

    /// What a draft shows in place of something that is missing or broken.
    fn in_draft(&mut self, item: &Item, message: &str) -> String {
        match item.kind {
            Kind::Math { .. } => {
                let mark = self.keep(escape(message));
                format!(r#"<span class="draft" data-press="{mark}"></span>"#)
            }
            _ => block(&self.missing(message)),
        }
    }

    fn missing(&mut self, message: &str) -> String {
        format!(r#"<p class="draft" data-press="{}"></p>"#, self.keep(escape(message)))
    }

    fn lang(&self) -> Lang {
        self.chapter.lang
    }

    /// From the page to the root of the site.
    fn up(&self) -> String {
        let depth =
            self.chapter.path.matches('/').count() + self.lang().prefix().matches('/').count();
        "../".repeat(depth)
    }

    /// Keeps a piece of HTML aside. What comes back is its mark: the chapter and a number in it, for the printed
    /// book has all chapters on one page.
    fn keep(&mut self, html: String) -> String {
        self.fragments.push(html);
        format!("{}#{}", escape(self.chapter.stem()), self.fragments.len() - 1)
    }

    fn formula(&mut self, tex: &str, display: bool) -> Result<String, String> {
        let drawn = self
            .memory
            .math
            .render(tex, display)
            .map_err(|e| format!("the formula ${tex}$: {e}"))?;
        self.out.fonts.extend(drawn.fonts.iter().cloned());
        let mark = self.keep(drawn.html.clone());
        // A search result shows inline formulas as text, and leaves out the displayed ones.
        Ok(match display {
            true => format!(r#"<span class="tex tex-display" data-press="{mark}"></span>"#),
            false => format!(
                r#"<span class="tex" data-press="{mark}">{}</span>"#,
                escape_markdown(&drawn.plain)
            ),
        })
    }

    /// The first formula with a letter of the notation says what the letter means.
    fn explained(&mut self, item: &Item, tex: &str, html: &str) -> Result<String, String> {
        let Some(home) = self.home else { return Ok(html.into()) };
        let holds = |outer: &Item| {
            matches!(outer.kind, Kind::Heading { .. } | Kind::Link { .. })
                && outer.range.start <= item.range.start
                && item.range.end <= outer.range.end
        };
        let before = &self.chapter.text[..item.range.start];
        let in_summary = before.rfind("<summary") > before.rfind("</summary");
        if home.path == self.chapter.path || in_summary || self.chapter.scan.items.iter().any(holds)
        {
            return Ok(html.into());
        }
        let mut symbols = self.book.notation.of(tex, self.chapter.stem(), self.memory);
        symbols.retain(|symbol| self.met.insert(symbol.shown().to_string()));
        let table = "../".repeat(self.chapter.path.matches('/').count()) + &home.page();
        Notation::link(&symbols, self.lang(), &table, self.memory, html)
    }

    fn letters(&mut self) -> Result<String, String> {
        let (html, fonts) = self
            .book
            .notation
            .table(self.lang(), self.memory)
            .map_err(|e| format!("in book/notation.toml, {e}"))?;
        self.out.fonts.extend(fonts);
        Ok(format!(r#"<div data-press="{}"></div>"#, self.keep(html)))
    }

    fn figure(&mut self, shown: &Figure) -> Result<String, String> {
        figure::neutral(&shown.path, self.lang())?;
        let dir = self.book.project.dir.join(self.lang().code()).join(&self.chapter.path);
        let path = dir.parent().unwrap_or(Path::new("")).join(&shown.path);
        let name = self.book.project.name(&path);
        let svg = std::fs::read_to_string(&path).map_err(|_| match name.strip_prefix("book/out/").and_then(|n| n.split_once('/')) {
            Some((stem, _)) => format!("no figure {name}; `cargo run --release --example {stem} -- --out book/out` writes the figures of its chapter"),
            None => format!("no figure {name}"),
        })?;
        let svg = self
            .memory
            .figures
            .get((svg, shown.alt.clone()), |(svg, alt)| figure::inline(svg, alt).map(Arc::from))
            .map_err(|e| format!("the figure {name}: {e}"))?;
        let caption =
            self.memory.line(&shown.caption).map_err(|e| format!("in the caption, {e}"))?;
        self.out.fonts.extend(caption.fonts.iter().cloned());
        let searchable = figure::searchable(&shown.alt, &caption.plain).replace('\n', " ");
        let mark = self.keep(figure::html(&svg, &caption.html));
        Ok(format!(r#"<div data-press="{mark}">{searchable}</div>"#))
    }

    fn evidence(&self, name: &Name) -> Option<&'a Evidence> {
        self.book.evidence.get(name)
    }

    fn claim(&mut self, name: &Name) -> Result<String, String> {
        // Whether there is a test and evidence was checked when the book was read.
        let (Some(claim), Some(evidence)) = (self.book.registry.get(name), self.evidence(name))
        else {
            let mark = self.keep(format!("The claim {name} is not verified yet."));
            let id = claims::id(name);
            return Ok(format!(r#"<p class="draft" id="{id}" data-press="{mark}"></p>"#));
        };
        let (html, fonts) = badge::badge(claim, evidence, self.lang(), &self.up(), self.memory)
            .map_err(|e| format!("in the sentence of {}:{}, {e}", claim.file, claim.line))?;
        self.out.fonts.extend(fonts);
        self.cite(&claim.file)?;
        let mark = self.keep(html);
        Ok(format!(r#"<div class="claim" id="{}" data-press="{mark}"></div>"#, claims::id(name)))
    }

    fn cell(&mut self, name: &Name) -> Result<String, String> {
        let run = format!("cargo run --release --example {}", name.stem);
        let own = format!("examples/{}/{}.rs", name.stem, name.item);
        let has_own = self.book.project.repository.join(&own).exists();
        let example = if has_own { own } else { format!("examples/{}.rs", name.stem) };
        // It takes long enough to be run alone.
        let alone = format!("{run} -- --experiment {}", name.item);
        let command = if is_experiment(&self.book.project, name) { alone } else { run.clone() };
        let passage = self.passage(&example, &name.item)?;
        let recorded = self.book.project.dir.join("out").join(format!("{}.txt", name.stem));
        let out = self.book.project.name(&recorded);
        let output = std::fs::read_to_string(&recorded)
            .map_err(|_| format!("no output {out}; record it with `{run} > {out}`"))?;
        let output = anchor::section(&output, &name.item).ok_or_else(|| {
            format!("no section `## {}` in {out}; record it with `{run} > {out}`", name.item)
        })?;
        let mut parts =
            vec![self.head(Some(&command), &example, passage.line), fenced(&passage.text, "rust")];
        if !output.is_empty() {
            let label =
                self.keep(format!("<p class=\"label\">{}</p>", self.lang().pick(lang::OUTPUT)));
            parts.push(format!(r#"<div class="output" data-press="{label}"></div>"#));
            parts.push(fenced(&output, "text"));
        }
        Ok(group("cell", &parts))
    }

    fn code(&mut self, path: &str, name: &str) -> Result<String, String> {
        let passage = self.passage(path, name)?;
        let language = if path.ends_with(".rs") { "rust" } else { "text" };
        Ok(group("code", &[self.head(None, path, passage.line), fenced(&passage.text, language)]))
    }

    fn passage(&mut self, path: &str, name: &str) -> Result<Passage, String> {
        self.cite(path)?;
        anchor::passage(&self.out.sources[path], name).map_err(|e| format!("{path}: {e}"))
    }

    /// The line above a piece of code: what to type, and where it stands.
    fn head(&mut self, run: Option<&str>, path: &str, line: usize) -> String {
        let command = run
            .map(|run| format!("<pre class=\"command\"><code class=\"language-console nohighlight\">{}</code></pre>", escape(run)))
            .unwrap_or_default();
        let html = format!("{command}{}", source::link(&self.up(), path, line));
        format!(r#"<div class="code-head" data-press="{}"></div>"#, self.keep(html))
    }

    /// Takes the file into the site.
    fn cite(&mut self, path: &str) -> Result<(), String> {
        if !self.out.sources.contains_key(path) {
            let text = std::fs::read_to_string(self.book.project.repository.join(path))
                .map_err(|e| format!("no file {path}: {e}"))?;
            self.out.sources.insert(path.to_string(), text);
        }
        Ok(())
    }

    /// All claims, chapter by chapter.
    fn ledger(&mut self) -> Result<String, String> {
        let (book, lang, up) = (self.book, self.lang(), self.up());
        let mut markdown = badge::totals(book.evidence.values(), lang);
        for (chapter, claims) in self.by_chapter() {
            let mut rows = String::new();
            for Cited { claim, evidence, place } in claims {
                let (row, fonts) = badge::row(claim, evidence, lang, &up, &place, self.memory)
                    .map_err(|e| {
                        format!("in the sentence of {}:{}, {e}", claim.file, claim.line)
                    })?;
                self.out.fonts.extend(fonts);
                self.cite(&claim.file)?;
                rows.push_str(&row);
            }
            let mark = self.keep(badge::table(&rows, lang));
            markdown.push_str(&section(2, chapter, &chapter.stem().replace('/', "-"), &mark));
        }
        Ok(markdown)
    }

    fn variants(&mut self) -> String {
        let lang = self.lang();
        let mut markdown = String::new();
        for (chapter, claims) in self.by_chapter() {
            let mark = self.keep(badge::variants(&claims, lang));
            let id = format!("variants-{}", chapter.stem().replace('/', "-"));
            markdown.push_str(&section(3, chapter, &id, &mark));
        }
        markdown
    }

    /// All experiments in the order of the chapters, each with the section that shows it.
    fn experiments(&mut self) -> Result<String, String> {
        let (book, lang) = (self.book, self.lang());
        let to_pages = "../".repeat(self.chapter.path.matches('/').count());
        let mut shown = Vec::new();
        for chapter in book.in_lang(lang) {
            let titles = inline::sections(&chapter.text);
            let mut section = None;
            for item in &chapter.scan.items {
                match &item.kind {
                    Kind::Heading { id, .. } => section = id.as_deref(),
                    Kind::Directive(Directive::Cell(name))
                        if is_experiment(&book.project, name) =>
                    {
                        let own = section.filter(|&id| id != "experiment");
                        let title = |id| titles.iter().find(|(other, _)| other == id);
                        let place = section.map_or(String::new(), |id| format!("#{id}"));
                        shown.push(Shown {
                            chapter: &chapter.title,
                            section: own.and_then(title).map(|(_, title)| title.clone()),
                            place: format!("{to_pages}{}{place}", chapter.page()),
                            outcome: Outcome::read(&book.project, name)?,
                        });
                    }
                    _ => {}
                }
            }
        }
        let mark = self.keep(verdicts::table(&shown, lang));
        Ok(format!("{}\n\n<div data-press=\"{mark}\"></div>", verdicts::totals(&shown, lang)))
    }

    /// The claims of each chapter that has some, with their evidence and the place where they are cited. A claim that
    /// several chapters cite stands in the chapter that it is named after.
    fn by_chapter(&self) -> Vec<(&'a Chapter, Vec<Cited<'a>>)> {
        let (book, lang) = (self.book, self.lang());
        let to_pages = "../".repeat(self.chapter.path.matches('/').count());
        let mut listed = BTreeSet::new();
        let mut all = Vec::new();
        for chapter in book.in_lang(lang) {
            let mut here = Vec::new();
            for item in &chapter.scan.items {
                let Kind::Directive(Directive::Claim(name)) = &item.kind else { continue };
                let elsewhere = name.stem != chapter.stem()
                    && book.in_lang(lang).iter().any(|c| c.stem() == name.stem);
                let (Some(claim), Some(evidence)) = (book.registry.get(name), self.evidence(name))
                else {
                    continue;
                };
                if !elsewhere && listed.insert(name) {
                    let place = format!("{to_pages}{}#{}", chapter.page(), claim.id());
                    here.push(Cited { claim, evidence, place });
                }
            }
            if !here.is_empty() {
                all.push((chapter, here));
            }
        }
        all
    }
}

/// A heading with the title of a chapter, and below it what was kept aside.
fn section(level: usize, chapter: &Chapter, id: &str, mark: &str) -> String {
    let title = escape_markdown(&chapter.title);
    format!("\n\n{} {title} {{#{id}}}\n\n<div data-press=\"{mark}\"></div>", "#".repeat(level))
}

/// Set off from the prose around it.
fn block(markdown: &str) -> String {
    format!("\n\n{markdown}\n\n")
}

fn group(class: &str, parts: &[String]) -> String {
    format!("<div class=\"{class}\">\n\n{}\n\n</div>", parts.join("\n\n"))
}

/// A fence longer than any run of backticks in the text.
fn fenced(text: &str, language: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{text}\n{fence}")
}
