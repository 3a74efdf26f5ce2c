//! The letters of the book: a table of them, and in each chapter a link from where a letter is met first.

use crate::book::{Book, Chapter, Project};
use crate::directive::Directive;
use crate::html::escape;
use crate::lang::{self, Lang};
use crate::memory::Memory;
use crate::problem::{Lines, Problem};
use crate::scan::{Item, Kind};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notation {
    symbols: Vec<Symbol>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Symbol {
    id: String,
    tex: String,
    show: Option<String>,
    ko: String,
    en: String,
    #[serde(default)]
    only: Vec<String>,
    #[serde(default)]
    except: Vec<String>,
}

impl Symbol {
    pub fn shown(&self) -> &str {
        self.show.as_deref().unwrap_or(&self.tex)
    }

    pub fn meaning(&self, lang: Lang) -> &str {
        lang.pick([&self.ko, &self.en])
    }

    fn is_in(&self, chapter: &str) -> bool {
        let named = |list: &[String]| list.iter().any(|stem| stem == chapter);
        (self.only.is_empty() || named(&self.only)) && !named(&self.except)
    }
}

impl Notation {
    /// Without a file, letters explain themselves.
    pub fn read(project: &Project, problems: &mut Vec<Problem>) -> Notation {
        let path = project.dir.join("notation.toml");
        let Ok(text) = std::fs::read_to_string(&path) else { return Notation::default() };
        let mut problem = |line: usize, message: String| {
            problems.push(Problem::new(project.name(&path), line, message));
        };
        let notation: Notation = match toml::from_str(&text) {
            Ok(notation) => notation,
            Err(e) => {
                let line = e.span().map_or(0, |span| Lines::of(&text).at(span.start));
                problem(line, e.message().into());
                return Notation::default();
            }
        };
        let mut ids = BTreeSet::new();
        for symbol in &notation.symbols {
            if !ids.insert(&symbol.id) {
                problem(0, format!("the id `{}` is given twice", symbol.id));
            }
            if letters(&symbol.tex).len() != 1 {
                problem(0, format!("`{}` is not one letter", symbol.tex));
            }
        }
        notation
    }

    /// The symbols in a formula of this chapter, in the order of the table.
    pub fn of(&self, tex: &str, chapter: &str, memory: &Memory) -> Vec<&Symbol> {
        let letters = |tex: &str| memory.letters.get(tex.into(), |tex| letters(tex).into());
        let found = letters(tex);
        let known = self.symbols.iter().filter(|symbol| symbol.is_in(chapter));
        known.filter(|symbol| letters(&symbol.tex).is_subset(&found)).collect()
    }

    /// The table, each row with an id.
    pub fn table(&self, lang: Lang, memory: &Memory) -> Result<lang::Html, String> {
        let (mut rows, mut fonts) = (String::new(), BTreeSet::new());
        for symbol in &self.symbols {
            let sign = memory.line(&format!("${}$", symbol.shown()))?;
            let meaning = memory.line(symbol.meaning(lang))?;
            let id = escape(&symbol.id);
            rows += &format!(
                "<tr id=\"notation-{id}\"><td>{}</td><td>{}</td></tr>",
                sign.html, meaning.html
            );
            fonts.extend(sign.fonts.iter().chain(&meaning.fonts).cloned());
        }
        let [symbol, meaning] = [lang::SYMBOL, lang::MEANING].map(|word| lang.pick(word));
        let html = format!(
            "<div class=\"table-wrapper\"><table class=\"notation\"><thead><tr><th>{symbol}</th><th>{meaning}</th></tr></thead><tbody>{rows}</tbody></table></div>"
        );
        Ok((html, fonts))
    }

    /// A formula as a link to the first of its symbols, which says what they mean. `table` is the page of the table.
    pub fn link(
        symbols: &[&Symbol],
        lang: Lang,
        table: &str,
        memory: &Memory,
        html: &str,
    ) -> Result<String, String> {
        let Some(first) = symbols.first() else { return Ok(html.into()) };
        let mut meanings = Vec::new();
        for symbol in symbols {
            let sign = crate::plain::plain(symbol.shown());
            meanings.push(format!("{sign}: {}", memory.line(symbol.meaning(lang))?.plain));
        }
        // It may stand in a table, where a bar would end the cell.
        let title = escape(&meanings.join("\u{2003}")).replace('|', "&#124;");
        let href = escape(&format!("{table}#notation-{}", first.id));
        Ok(format!("<a class=\"symbol\" href=\"{href}\" title=\"{title}\">{html}</a>"))
    }
}

/// The chapter with the table.
pub fn home(book: &Book, lang: Lang) -> Option<&Chapter> {
    let is_table = |item: &Item| item.kind == Kind::Directive(Directive::Notation);
    book.in_lang(lang).iter().find(|chapter| chapter.scan.items.iter().any(is_table))
}

/// The letters of a formula, each with its accent: `\hat{x}_i^2` has one. Indices and names set upright are none.
pub fn letters(tex: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let nodes = ratex_parser::parser::parse(tex).ok();
    if let Some(nodes) = nodes.and_then(|nodes| serde_json::to_value(nodes).ok()) {
        collect(&nodes, &mut found);
    }
    found
}

fn collect(node: &Value, found: &mut BTreeSet<String>) {
    let text = |key: &str| node[key].as_str().unwrap_or_default();
    match text("type") {
        "mathord" => drop(found.insert(text("text").into())),
        "atom" if text("family") == "open" => drop(found.insert(text("text").into())),
        "accent" => {
            let mut base = BTreeSet::new();
            collect(&node["base"], &mut base);
            if let (1, Some(base)) = (base.len(), base.pop_first()) {
                found.insert(format!("{}{{{base}}}", text("label")));
            }
        }
        "supsub" => collect(&node["base"], found),
        "text" | "operatorname" | "font" | "op" => {}
        kind => {
            if kind == "leftright" {
                found.insert(text("left").into());
            }
            match node {
                Value::Array(nodes) => nodes.iter().for_each(|node| collect(node, found)),
                Value::Object(fields) => fields.values().for_each(|node| collect(node, found)),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_formulas() {
        for (tex, expected) in [
            ("\\hat{x}_i^2", &["\\hat{x}"][..]),
            ("\\hat\\mu", &["\\hat{\\mu}"]),
            ("\\frac{1}{m}\\sum_i (x_i - \\mu)^2", &["(", "\\mu", "m", "x"]),
            ("\\langle v \\rangle + \\mathrm{LN}(\\text{m})", &["(", "\\langle", "v"]),
            ("\\sqrt{v + \\varepsilon}", &["\\varepsilon", "v"]),
        ] {
            assert_eq!(letters(tex).iter().collect::<Vec<_>>(), expected, "{tex}");
        }
    }

    #[test]
    fn a_letter_has_its_chapters() {
        let notation: Notation = toml::from_str(
            "symbols = [{ id = 'g', tex = 'g', ko = '', en = '', only = ['a'] }, { id = 'm', tex = 'm', ko = '', en = '', except = ['a'] }]",
        )
        .unwrap();
        let ids = |chapter| {
            let symbols = notation.of("g + m", chapter, &Memory::default());
            symbols.iter().map(|s| s.id.clone()).collect::<Vec<_>>()
        };
        assert_eq!(ids("a"), ["g"]);
        assert_eq!(ids("b"), ["m"]);
    }
}
