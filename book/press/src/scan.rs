//! What a chapter holds that is not plain prose: headings, links, formulas, figures, directives, bold type
//! that needs help. Found with the markdown parser, so that nothing inside code is mistaken for it.

use crate::directive::{self, Directive};
use crate::emphasis::Stars;
use crate::problem::{Lines, Problem};
use mdbook_markdown::pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use std::ops::Range;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The bytes of the chapter that it takes up.
    pub range: Range<usize>,
    pub line: usize,
    pub kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    Heading {
        level: u8,
        id: Option<String>,
    },
    Link {
        target: String,
    },
    Math {
        tex: String,
        display: bool,
    },
    Figure(Figure),
    Directive(Directive),
    /// Bold type that begins or ends here.
    Bold(&'static str),
    /// `<!-- allow: word -->`, which no reader needs to see.
    Allow,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// As written, relative to the chapter.
    pub path: String,
    pub alt: String,
    /// The caption, as markdown.
    pub caption: String,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Scan {
    pub items: Vec<Item>,
    /// Where the author speaks: no code, no formulas, no names of what is cited, no quotations.
    pub prose: Vec<Range<usize>>,
    /// Spellings that are allowed, and where.
    pub allowed: Vec<(Range<usize>, String)>,
    pub problems: Vec<Problem>,
}

/// What mdBook 0.5 switches on, and mathematics. Typographic quotes are left to mdBook.
pub fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES
        | Options::ENABLE_DEFINITION_LIST
        | Options::ENABLE_GFM
        | Options::ENABLE_MATH
}

/// Reads the chapter `text`, known to its author as `file`.
pub fn scan(text: &str, file: &str) -> Scan {
    Scanner {
        text,
        file,
        lines: Lines::of(text),
        found: Scan::default(),
        stars: Stars::default(),
        opaque: Vec::new(),
    }
    .run()
}

struct Scanner<'a> {
    text: &'a str,
    file: &'a str,
    lines: Lines,
    found: Scan,
    stars: Stars,
    /// Code, mathematics, and what is already understood.
    opaque: Vec<Range<usize>>,
}

impl Scanner<'_> {
    fn run(mut self) -> Scan {
        let events: Vec<_> = Parser::new_ext(self.text, options()).into_offset_iter().collect();
        let mut depth = 0_usize;
        let mut in_code = false;
        // Inside of quotations and of links to elsewhere others speak.
        let mut others = 0_usize;
        let mut blocks: Vec<Range<usize>> = Vec::new();
        let mut allows: Vec<(usize, String)> = Vec::new();
        for (i, (event, range)) in events.iter().enumerate() {
            match event {
                Event::Start(tag) => {
                    if depth == 0 && !matches!(tag, Tag::HtmlBlock) {
                        blocks.push(range.clone());
                    }
                    others += usize::from(is_of_others(tag, others > 0));
                    match tag {
                        Tag::Paragraph if depth == 0 => self.directives(range),
                        Tag::CodeBlock(_) => {
                            in_code = true;
                            self.opaque.push(range.clone());
                        }
                        Tag::Heading { level, id, .. } => {
                            let kind = Kind::Heading {
                                level: *level as u8,
                                id: id.as_ref().map(|id| id.to_string()),
                            };
                            self.push(range.clone(), kind);
                        }
                        Tag::Link { dest_url, .. } => {
                            self.push(range.clone(), Kind::Link { target: dest_url.to_string() });
                        }
                        Tag::Image { dest_url, .. } => {
                            let alone = depth == 1
                                && matches!(
                                    events.get(i.wrapping_sub(1)),
                                    Some((Event::Start(Tag::Paragraph), _))
                                );
                            self.image(&events[i..], dest_url, range, alone);
                        }
                        _ => {}
                    }
                    depth += 1;
                }
                Event::End(tag) => {
                    depth -= 1;
                    if matches!(tag, TagEnd::Link | TagEnd::BlockQuote(_)) {
                        others = others.saturating_sub(1);
                    }
                    match tag {
                        TagEnd::CodeBlock => in_code = false,
                        TagEnd::Paragraph
                        | TagEnd::Item
                        | TagEnd::TableCell
                        | TagEnd::Heading(_) => {
                            for (range, tag) in self.stars.end_of_block() {
                                self.push(range, Kind::Bold(tag));
                            }
                        }
                        _ => {}
                    }
                }
                Event::InlineMath(tex) => self.math(range, tex, false),
                Event::DisplayMath(tex) => self.math(range, tex, true),
                Event::Code(_) => self.opaque.push(range.clone()),
                Event::Text(_) if !in_code => {
                    self.prose(range);
                    if others == 0 && !self.is_understood(range) {
                        self.spoken(range);
                    }
                }
                Event::Html(html) | Event::InlineHtml(html) => {
                    if let Some(words) = allow(html) {
                        allows.extend(words.map(|word| (range.start, word.to_string())));
                        self.push(range.clone(), Kind::Allow);
                    }
                }
                _ => {}
            }
        }
        // A comment speaks of the block that it stands in or above.
        self.found.allowed = allows
            .into_iter()
            .filter_map(|(at, word)| {
                Some((blocks.iter().find(|block| block.end > at)?.clone(), word))
            })
            .collect();
        self.unresolved();
        self.found.items.sort_by_key(|item| item.range.start);
        self.found
    }

    fn push(&mut self, range: Range<usize>, kind: Kind) {
        let line = self.lines.at(range.start);
        self.found.items.push(Item { range, line, kind });
    }

    fn problem(&mut self, at: usize, message: impl Into<String>) {
        let problem = Problem::new(self.file, self.lines.at(at), message);
        if !self.found.problems.contains(&problem) {
            self.found.problems.push(problem);
        }
    }

    /// Inside something that is already understood, such as the alternative text of a figure.
    fn is_understood(&self, range: &Range<usize>) -> bool {
        self.opaque.iter().any(|o| o.start <= range.start && range.end <= o.end)
    }

    fn math(&mut self, range: &Range<usize>, tex: &str, display: bool) {
        if self.is_understood(range) {
            return;
        }
        self.opaque.push(range.clone());
        self.push(range.clone(), Kind::Math { tex: tex.trim().to_string(), display });
    }

    /// The lines of a paragraph that are directives.
    fn directives(&mut self, paragraph: &Range<usize>) {
        let mut start = paragraph.start;
        for line in self.text[paragraph.clone()].split_inclusive('\n') {
            let range = start..start + line.len();
            start = range.end;
            match Directive::parse(line) {
                Some(Ok(directive)) => {
                    self.opaque.push(range.clone());
                    self.push(range, Kind::Directive(directive));
                }
                Some(Err(message)) => {
                    self.opaque.push(range.clone());
                    self.problem(range.start, message);
                }
                None => {}
            }
        }
    }

    fn image(
        &mut self,
        events: &[(Event, Range<usize>)],
        path: &str,
        range: &Range<usize>,
        alone: bool,
    ) {
        if !path.ends_with(".svg") || path.contains("://") {
            return;
        }
        self.opaque.push(range.clone());
        let ends_paragraph =
            |i: usize| matches!(events.get(i + 1), Some((Event::End(TagEnd::Paragraph), _)));
        let end = events.iter().position(|(event, _)| matches!(event, Event::End(TagEnd::Image)));
        if !alone || !end.is_some_and(ends_paragraph) {
            return self.problem(range.start, "a figure stands in a paragraph of its own");
        }
        let alt: String = events[..end.unwrap_or(0)]
            .iter()
            .filter_map(|(event, _)| match event {
                Event::Text(text) | Event::Code(text) => Some(text.to_string()),
                Event::InlineMath(tex) => Some(crate::plain::plain(tex)),
                Event::SoftBreak | Event::HardBreak => Some(" ".into()),
                _ => None,
            })
            .collect();
        let caption = title(&self.text[range.clone()], path).unwrap_or_default();
        if alt.trim().is_empty() || caption.trim().is_empty() {
            return self.problem(
                range.start,
                format!("a figure needs an alternative text and a caption: ![what it shows]({path} \"caption\")"),
            );
        }
        for event in Parser::new_ext(&caption, options()) {
            if let Event::Start(Tag::Link { dest_url, .. }) = event {
                self.push(range.clone(), Kind::Link { target: dest_url.to_string() });
            }
        }
        let figure = Figure { path: path.to_string(), alt: alt.trim().to_string(), caption };
        self.push(range.clone(), Kind::Figure(figure));
    }

    fn prose(&mut self, range: &Range<usize>) {
        if self.is_understood(range) {
            return;
        }
        self.stars.text(self.text, range);
        let text = &self.text[range.clone()];
        if let Some(at) = text.find('$')
            && !self.text[..range.start + at].ends_with('\\')
        {
            self.problem(
                range.start + at,
                "a `$` without its partner (for a dollar sign write `\\$`)",
            );
        }
        if let Some(at) = text.find("{{#") {
            self.problem(
                range.start + at,
                "`{{#…}}` is not used in this book; show code with `code[path/of/file.rs:anchor]`",
            );
        }
    }

    /// Adds to the prose; lines of a paragraph are one passage.
    fn spoken(&mut self, range: &Range<usize>) {
        match self.found.prose.last_mut() {
            Some(last)
                if self.text[last.end..range.start].trim().is_empty()
                    && !self.text[last.end..range.start].contains("\n\n") =>
            {
                last.end = range.end
            }
            _ => self.found.prose.push(range.clone()),
        }
    }

    /// Whatever still looks like a directive is one in a place where it does not work.
    fn unresolved(&mut self) {
        let mut start = 0;
        while let Some(at) = directive::find(&self.text[start..]).map(|at| start + at) {
            start = at + 1;
            while !self.text.is_char_boundary(start) {
                start += 1;
            }
            if !self.opaque.iter().any(|range| range.contains(&at)) {
                let line = self.text[at..].lines().next().unwrap_or_default();
                let shown = line.find(']').map_or(line, |end| &line[..=end]);
                self.problem(at, format!("`{shown}` must stand on a line of its own, outside lists, quotes and tables"));
                start = at + shown.len();
            }
        }
    }
}

/// A link out of the book, whose text is most often a title, and a quotation. An admonition is none.
fn is_of_others(tag: &Tag, already: bool) -> bool {
    match tag {
        Tag::Link { dest_url, .. } => already || dest_url.contains("://"),
        Tag::BlockQuote(kind) => already || kind.is_none(),
        _ => false,
    }
}

/// The words of `<!-- allow: word, word -->`.
fn allow(html: &str) -> Option<impl Iterator<Item = &str>> {
    let words = html.trim().strip_prefix("<!--")?.strip_suffix("-->")?.trim();
    Some(words.strip_prefix("allow:")?.split(',').map(str::trim))
}

/// The title of an image as it is written. The parser's own would have lost the backslashes of formulas.
fn title(image: &str, path: &str) -> Option<String> {
    let after = &image
        [image.rfind(&format!("]({path}")).or_else(|| image.rfind(&format!("](<{path}")))?..];
    let open = after.find('"')?;
    let close = after.rfind('"')?;
    (close > open).then(|| after[open + 1..close].replace("\\\"", "\"").trim().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Kind> {
        let scan = scan(text, "book/ko/a.md");
        assert_eq!(scan.problems, [], "{text}");
        scan.items.into_iter().map(|item| item.kind).collect()
    }

    fn problems(text: &str) -> Vec<String> {
        scan(text, "book/ko/a.md").problems.iter().map(|p| p.to_string()).collect()
    }

    #[test]
    fn finds_each_kind_with_its_line() {
        let text = "# T {#t}\n\nSee [x](b.md#c) and $x_1$.\n\nclaim[a::b]\n\n$$y\n= 1$$\n\n![alt $x$](../out/a/f.ko.svg \"cap $\\{x\\}$\")\n";
        let found = scan(text, "f");
        assert_eq!(found.problems, []);
        let lines: Vec<_> = found.items.iter().map(|item| item.line).collect();
        assert_eq!(lines, [1, 3, 3, 5, 7, 10]);
        assert_eq!(found.items[0].kind, Kind::Heading { level: 1, id: Some("t".into()) });
        assert_eq!(found.items[1].kind, Kind::Link { target: "b.md#c".into() });
        assert_eq!(found.items[2].kind, Kind::Math { tex: "x_1".into(), display: false });
        assert_eq!(found.items[4].kind, Kind::Math { tex: "y\n= 1".into(), display: true });
        let Kind::Figure(figure) = &found.items[5].kind else { panic!() };
        assert_eq!((figure.alt.as_str(), figure.caption.as_str()), ("alt x", "cap $\\{x\\}$"));
    }

    #[test]
    fn links_in_captions_are_links() {
        let found = kinds("![a](f.ko.svg \"see [b](b.md#c)\")\n");
        assert_eq!(found[0], Kind::Link { target: "b.md#c".into() });
        assert!(matches!(found[1], Kind::Figure(_)));
    }

    #[test]
    fn directives_may_follow_each_other_and_a_paragraph() {
        let found = kinds("Text\nclaim[a::b]\nclaim[a::c]\nmore\n");
        assert_eq!(found.iter().filter(|kind| matches!(kind, Kind::Directive(_))).count(), 2);
    }

    #[test]
    fn code_is_left_alone() {
        assert_eq!(
            kinds("`claim[a::b]` and `$x`\n\n```text\nclaim[a::b]\n$x $y\n{{#include a}}\n```\n"),
            []
        );
    }

    #[test]
    fn a_directive_out_of_place_is_told() {
        for text in [
            "see claim[a::b] here\n",
            "- claim[a::b]\n",
            "> claim[a::b]\n",
            "| a |\n|---|\n| cell[a::b] |\n",
        ] {
            let [problem] = &problems(text)[..] else { panic!("{text}: {:?}", problems(text)) };
            assert!(problem.contains("line of its own"), "{problem}");
        }
        assert_eq!(
            problems("a\n\nclaim[b]\n"),
            ["book/ko/a.md:3: expected claim[chapter::test_name], found claim[b]"]
        );
    }

    #[test]
    fn a_lone_dollar_and_an_include_are_told() {
        assert_eq!(problems("costs \\$5\n"), [""; 0]);
        assert!(problems("a\n\nlet $x be\n")[0].starts_with("book/ko/a.md:3: a `$`"));
        assert!(problems("{{#include a.rs}}\n")[0].contains("code["));
    }

    #[test]
    fn a_figure_needs_its_place_its_alternative_and_its_caption() {
        assert!(problems("text ![a](f.ko.svg \"c\")\n")[0].contains("paragraph of its own"));
        assert!(problems("- ![a](f.ko.svg \"c\")\n")[0].contains("paragraph of its own"));
        assert!(problems("![](f.ko.svg \"c\")\n")[0].contains("alternative"));
        assert!(problems("![a](f.ko.svg)\n")[0].contains("caption"));
        assert_eq!(kinds("![a](photo.png)\n"), []);
    }

    #[test]
    fn what_the_author_says_and_may_say() {
        let text = "One\ntwo `code` $x$ [Title](https://a) [here](b.md)\n\n> quoted\n\n> [!NOTE]\n> told\n\n<!-- allow: a, b -->\n\nThree\n\nFour <!-- allow: c -->\n";
        let found = scan(text, "f");
        let said: Vec<&str> = found
            .prose
            .iter()
            .map(|range| text[range.clone()].trim())
            .filter(|said| !said.is_empty())
            .collect();
        assert_eq!(said, ["One\ntwo", "here", "told", "Three", "Four"]);
        let allowed: Vec<_> =
            found.allowed.iter().map(|(r, w)| (text[r.clone()].trim(), w.as_str())).collect();
        let four = "Four <!-- allow: c -->";
        assert_eq!(allowed, [("Three", "a"), ("Three", "b"), (four, "c")]);
    }

    #[test]
    fn korean_bold_is_paired() {
        let bold = |text: &str| {
            let mut out = text.to_string();
            for item in scan(text, "f").items.iter().rev() {
                if let Kind::Bold(tag) = item.kind {
                    out.replace_range(item.range.clone(), tag);
                }
            }
            out
        };
        assert_eq!(
            bold("**정규화(normalization)**는 **쉽다**.\n"),
            "<strong>정규화(normalization)</strong>는 **쉽다**.\n"
        );
        assert_eq!(
            bold("- **`eps`**는 작고 **'감마'**는 크다.\n"),
            "- <strong>`eps`</strong>는 작고 <strong>'감마'</strong>는 크다.\n"
        );
        assert_eq!(
            bold("| a |\n|---|\n| **x(y)**는 |\n"),
            "| a |\n|---|\n| <strong>x(y)</strong>는 |\n"
        );
        assert_eq!(
            bold("3 * 4, \\*\\*, `**` and **fine**\n"),
            "3 * 4, \\*\\*, `**` and **fine**\n"
        );
    }
}
