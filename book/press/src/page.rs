//! The last hand on mdBook's HTML: what was kept aside comes back, the language switch and the fonts of the
//! formulas are added, and the Korean pages speak Korean in every tooltip. Whatever of mdBook's own page is
//! expected and not met is an error, so that a new mdBook cannot silently leave English behind.

use crate::book;
use crate::compose::Composed;
use crate::html::escape;
use crate::lang::{self, Lang};
use anyhow::{Error, Result};
use lol_html::html_content::ContentType;
use lol_html::{RewriteStrSettings, element, rewrite_str, text};
use std::cell::{Cell, RefCell};

/// An attribute of mdBook's page, and what it says in Korean.
struct Attribute {
    selector: &'static str,
    name: &'static str,
    english: &'static str,
    korean: &'static str,
    /// Only some pages have a next one or a previous one.
    everywhere: bool,
}

const fn attribute(
    selector: &'static str,
    name: &'static str,
    english: &'static str,
    korean: &'static str,
) -> Attribute {
    Attribute { selector, name, english, korean, everywhere: true }
}

const ATTRIBUTES: &[Attribute] = &[
    attribute("#mdbook-sidebar", "aria-label", "Table of contents", "차례"),
    attribute("#mdbook-sidebar-toggle", "title", "Toggle Table of Contents", "차례 여닫기"),
    attribute("#mdbook-sidebar-toggle", "aria-label", "Toggle Table of Contents", "차례 여닫기"),
    attribute("#mdbook-theme-toggle", "title", "Change theme", "테마 바꾸기"),
    attribute("#mdbook-theme-toggle", "aria-label", "Change theme", "테마 바꾸기"),
    attribute("#mdbook-theme-list", "aria-label", "Themes", "테마"),
    attribute("#mdbook-search-toggle", "title", "Search (`/`)", "찾기 (`/`)"),
    attribute("#mdbook-search-toggle", "aria-label", "Toggle Searchbar", "찾기 여닫기"),
    attribute("#mdbook-searchbar", "placeholder", "Search this book ...", "이 책에서 찾기"),
    attribute(".right-buttons a[href$='print.html']", "title", "Print this book", "책 전체 인쇄"),
    attribute(
        ".right-buttons a[href$='print.html']",
        "aria-label",
        "Print this book",
        "책 전체 인쇄",
    ),
    attribute("nav.nav-wrapper", "aria-label", "Page navigation", "쪽 이동"),
    attribute("nav.nav-wide-wrapper", "aria-label", "Page navigation", "쪽 이동"),
    Attribute { everywhere: false, ..attribute("a.next", "title", "Next chapter", "다음 장") },
    Attribute {
        everywhere: false, ..attribute("a.next", "aria-label", "Next chapter", "다음 장")
    },
    Attribute {
        everywhere: false,
        ..attribute("a.previous", "title", "Previous chapter", "이전 장")
    },
    Attribute {
        everywhere: false,
        ..attribute("a.previous", "aria-label", "Previous chapter", "이전 장")
    },
];

/// Elements whose whole content is replaced.
const CONTENTS: &[(&str, &str)] = &[
    ("#mdbook-theme-default_theme", "자동"),
    ("#mdbook-theme-light", "밝게"),
    ("#mdbook-theme-rust", "러스트"),
    ("#mdbook-theme-coal", "석탄"),
    ("#mdbook-theme-navy", "남색"),
    ("#mdbook-theme-ayu", "아유"),
    (".mdbook-help-title", "키보드 단축키"),
    ("#mdbook-help-popup p:nth-of-type(1)", "<kbd>←</kbd> <kbd>→</kbd> 앞뒤 장으로 가기"),
    ("#mdbook-help-popup p:nth-of-type(2)", "<kbd>S</kbd> <kbd>/</kbd> 책에서 찾기"),
    ("#mdbook-help-popup p:nth-of-type(3)", "<kbd>?</kbd> 이 도움말 보기"),
    ("#mdbook-help-popup p:nth-of-type(4)", "<kbd>Esc</kbd> 이 도움말 닫기"),
];

/// Titles of admonitions.
const ADMONITIONS: &[(&str, &str)] = &[
    ("Note", "참고"),
    ("Tip", "도움말"),
    ("Important", "중요"),
    ("Warning", "주의"),
    ("Caution", "조심"),
];

/// What mdBook's scripts say, and what they say in Korean: (script, English, Korean).
pub const SCRIPTS: &[(&str, &str, &str)] = &[
    ("book", "'Copy to clipboard'", "'복사'"),
    ("book", "'Copied!'", "'복사했습니다'"),
    ("book", "'Clipboard error!'", "'복사하지 못했습니다'"),
    ("book", "Show hidden lines", "숨긴 줄 보기"),
    ("book", "Hide lines", "줄 숨기기"),
    ("searcher", r"' search results for \''", r"'개 찾음: \''"),
    ("searcher", r"' search result for \''", r"'개 찾음: \''"),
    ("searcher", r"'No search results for \''", r"'찾은 것이 없습니다: \''"),
    ("searcher", r"'\':'", r"'\''"),
    ("searcher", r"'\'.'", r"'\''"),
    ("searcher", "Search Result Teaser", "찾은 글"),
    // The words of a teaser are marked wherever the query stands in them, as the index finds them.
    ("searcher", "elasticlunr.stemmer(word).startsWith(", "elasticlunr.stemmer(word).includes("),
];

/// The Korean of one of mdBook's scripts.
pub fn localize_script(name: &str, script: &str) -> Result<String> {
    let mut script = script.to_string();
    for (_, english, korean) in SCRIPTS.iter().filter(|(of, ..)| *of == name) {
        if !script.contains(english) {
            return Err(changed(&format!("{name}.js no longer says {english}")));
        }
        script = script.replace(english, korean);
    }
    Ok(script)
}

fn changed(what: &str) -> Error {
    Error::msg(format!(
        "mdBook's pages are not what this tool expects (it was written for mdBook 0.5): {what}"
    ))
}

/// What others are told of a page that they link to.
struct About<'a> {
    /// Its one address, seen from itself.
    address: String,
    title: &'a str,
    opening: &'a str,
}

/// Pages without a chapter have nothing to tell.
fn about<'a>(page: &str, composed: &'a Composed) -> Option<About<'a>> {
    let stem = page.strip_suffix(".html")?;
    let path = if page == "index.html" { composed.first.clone() } else { format!("{stem}.md") };
    let chapter = composed.chapters.get(&path)?;
    let address = book::page(path.rsplit('/').next().unwrap_or(&path));
    Some(About { address, title: &chapter.title, opening: &chapter.opening })
}

impl About<'_> {
    fn head(&self, lang: Lang) -> String {
        let mut html = format!("<link rel=\"canonical\" href=\"{}\">", escape(&self.address));
        for (property, content) in [
            ("type", "article"),
            ("title", self.title),
            ("description", self.opening),
            ("locale", lang.pick(["ko_KR", "en_US"])),
            ("locale:alternate", lang.pick(["en_US", "ko_KR"])),
        ] {
            let content = escape(content);
            html.push_str(&format!("<meta property=\"og:{property}\" content=\"{content}\">"));
        }
        html
    }
}

/// Ends quotations where mdBook begins one. It tells the two quotes apart by what stands next to them, and in
/// Korean a particle follows the closing one without a space. `before` is what stands in front of the text.
fn end_quotations(text: &str, before: &Cell<char>) -> String {
    let may_begin = |c: char| c.is_whitespace() || "([{<「『“‘—/".contains(c);
    let right = |c| {
        let c = match c {
            '“' if !may_begin(before.get()) => '”',
            '‘' if !may_begin(before.get()) => '’',
            c => c,
        };
        before.set(c);
        c
    };
    text.chars().map(right).collect()
}

/// Finishes one page. `page` is its address below the root of its language.
pub fn finish(html: &str, lang: Lang, page: &str, composed: &Composed) -> Result<String> {
    let up = "../".repeat(page.matches('/').count());
    let root = format!("{up}{}", "../".repeat(lang.prefix().matches('/').count()));
    let other = lang.other();
    // What is not found in one language is not looked for in the other: the switch leads to its first page.
    let counterpart = if page == "404.html" { "index.html" } else { page };
    let href = escape(&format!("{root}{}{counterpart}", other.prefix()));
    let (code, name) = (other.code(), other.name());
    let tip = lang.pick(["Read this page in English", "이 쪽을 한국어로 읽기"]);

    // The table of contents for readers without scripts is no page of its own.
    let whole = page != "toc.html";
    let about = about(page, composed);
    let shared = about.as_ref().map(|about| about.head(lang)).unwrap_or_default();
    let head = match whole {
        true => format!(
            "{shared}{}",
            format_args!(
                "<link rel=\"alternate\" hreflang=\"{}\" href=\"{}\"><link rel=\"alternate\" hreflang=\"{code}\" href=\"{href}\"><link rel=\"stylesheet\" href=\"{root}math/math.css\">",
                lang.code(),
                escape(&format!("{root}{}{counterpart}", lang.prefix()))
            )
        ),
        false => String::new(),
    };
    let switch = format!(
        "<a class=\"language\" rel=\"alternate\" lang=\"{code}\" hreflang=\"{code}\" href=\"{href}\" title=\"{tip}\">{name}</a>"
    );
    // A page that is not found is shown at any address, so a link within it would lead away.
    let skip = match whole && page != "404.html" {
        true => format!("<a class=\"skip\" href=\"#mdbook-content\">{}</a>", lang.pick(lang::SKIP)),
        false => String::new(),
    };
    let (heads, bars, before) = (Cell::new(0), Cell::new(0), Cell::new(' '));
    let missing = RefCell::new(None);
    let met: Vec<Cell<bool>> = ATTRIBUTES.iter().map(|_| Cell::new(false)).collect();
    let filled: Vec<Cell<bool>> = CONTENTS.iter().map(|_| Cell::new(false)).collect();

    let mut handlers = vec![
        element!("[data-press]", |el| {
            let mark = el.get_attribute("data-press").unwrap_or_default();
            match composed.kept(&mark) {
                Some(html) => el.set_inner_content(html, ContentType::Html),
                None => *missing.borrow_mut() = Some(mark),
            }
            el.remove_attribute("data-press");
            Ok(())
        }),
        element!("head", |el| {
            heads.set(heads.get() + 1);
            el.append(&head, ContentType::Html);
            Ok(())
        }),
        // mdBook's is a label, which cannot be reached by keyboard; house.js listens to the keys.
        element!("#mdbook-sidebar-toggle", |el| {
            el.set_attribute("role", "button")?;
            el.set_attribute("tabindex", "0")?;
            Ok(())
        }),
        element!("meta[name=description]", |el| {
            if let Some(about) = &about {
                el.set_attribute("content", about.opening)?;
            }
            Ok(())
        }),
        element!("body", |el| {
            el.prepend(&skip, ContentType::Html);
            Ok(())
        }),
        element!("div.right-buttons", |el| {
            bars.set(bars.get() + 1);
            el.prepend(&switch, ContentType::Html);
            Ok(())
        }),
    ];
    if lang == Lang::Ko {
        for (attribute, met) in ATTRIBUTES.iter().zip(&met) {
            handlers.push(element!(attribute.selector, move |el| {
                if el.get_attribute(attribute.name).as_deref() == Some(attribute.english) {
                    el.set_attribute(attribute.name, attribute.korean)?;
                    met.set(true);
                }
                Ok(())
            }));
        }
        for ((selector, korean), filled) in CONTENTS.iter().zip(&filled) {
            handlers.push(element!(*selector, move |el| {
                el.set_inner_content(korean, ContentType::Html);
                filled.set(true);
                Ok(())
            }));
        }
        handlers.push(element!("p, li, th, td, h1, h2, h3, h4, figcaption, summary", |_| {
            before.set(' ');
            Ok(())
        }));
        // A formula, which has no text yet.
        handlers.push(element!("[data-press]", |_| {
            before.set('x');
            Ok(())
        }));
        handlers.push(text!("main", |chunk| {
            let ended = end_quotations(chunk.as_str(), &before);
            if ended != chunk.as_str() {
                chunk.set_str(ended);
            }
            Ok(())
        }));
        handlers.push(text!("p.blockquote-tag-title", |chunk| {
            if let Some((_, korean)) =
                ADMONITIONS.iter().find(|(english, _)| *english == chunk.as_str().trim())
            {
                chunk.set_str(korean.to_string());
            }
            Ok(())
        }));
        handlers.push(text!("head > title", |chunk| {
            if let Some(rest) = chunk.as_str().strip_prefix("Page not found") {
                chunk.set_str(format!("쪽을 찾을 수 없습니다{rest}"));
            }
            Ok(())
        }));
    }
    let finished = rewrite_str(
        html,
        RewriteStrSettings { element_content_handlers: handlers, ..RewriteStrSettings::new() },
    )
    .map_err(|e| Error::msg(format!("{page}: {e}")))?;
    if let Some(mark) = missing.into_inner() {
        return Err(Error::msg(format!(
            "{page}: nothing was kept aside as {mark}; `data-press` is not for authors"
        )));
    }
    if whole {
        if (heads.get(), bars.get()) != (1, 1) {
            return Err(changed(&format!(
                "{page} has {} heads and {} menu bars",
                heads.get(),
                bars.get()
            )));
        }
        if lang == Lang::Ko {
            if let Some((a, _)) =
                ATTRIBUTES.iter().zip(&met).find(|(a, met)| a.everywhere && !met.get())
            {
                return Err(changed(&format!(
                    "no `{}` whose {} is \"{}\" in {page}",
                    a.selector, a.name, a.english
                )));
            }
            if let Some(((selector, _), _)) =
                CONTENTS.iter().zip(&filled).find(|(_, filled)| !filled.get())
            {
                return Err(changed(&format!("no `{selector}` in {page}")));
            }
        }
    }
    Ok(finished)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quotation_ends_before_a_particle() {
        let ended = |text: &str| end_quotations(text, &Cell::new(' '));
        assert_eq!(ended("“분산은 1“이라는 말"), "“분산은 1”이라는 말");
        assert_eq!(ended("(“정규화“), “규제”"), "(“정규화”), “규제”");
        assert_eq!(ended("“Rethinking “Batch” in BatchNorm”"), "“Rethinking “Batch” in BatchNorm”");
        // The first quote stood in front of an element.
        assert_eq!(end_quotations("“라는", &Cell::new('x')), "”라는");
    }
}
