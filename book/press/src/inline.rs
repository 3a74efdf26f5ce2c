//! A line of markdown with formulas, as finished HTML: captions of figures, sentences of claims.

use crate::directive::Directive;
use crate::emphasis::Stars;
use crate::math::{Math, joined};
use crate::scan::options;
use mdbook_markdown::pulldown_cmark::{Event, HeadingLevel, Parser, Tag, TagEnd, html};
use std::collections::BTreeSet;

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Inline {
    pub html: String,
    /// The same without any marks.
    pub plain: String,
    pub fonts: BTreeSet<String>,
}

pub fn render(markdown: &str, math: &Math) -> Result<Inline, String> {
    let mended = mend_bold(markdown);
    let mut out = Inline::default();
    let mut events = Vec::new();
    for (event, place) in Parser::new_ext(&mended, options()).into_offset_iter() {
        match event {
            Event::InlineMath(tex) | Event::DisplayMath(tex) => {
                let drawn = math.render(&tex, false).map_err(|e| format!("${tex}$: {e}"))?;
                out.fonts.extend(drawn.fonts.iter().cloned());
                out.plain.push_str(&drawn.plain);
                let html = format!(r#"<span class="tex">{}</span>"#, drawn.html);
                events.push(Event::InlineHtml(joined(&mended, &place, &html).into()));
            }
            Event::Text(text) => {
                out.plain.push_str(&text);
                // No line ends between a number and its %.
                events.push(Event::Text(text.replace(" %", "\u{a0}%").into()));
            }
            Event::Code(text) => {
                out.plain.push_str(&text);
                events.push(Event::Code(text));
            }
            Event::SoftBreak | Event::HardBreak => {
                out.plain.push(' ');
                events.push(Event::SoftBreak);
            }
            Event::Start(Tag::Paragraph) | Event::End(TagEnd::Paragraph) => {}
            Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
                let dest_url = page_of(&dest_url).into();
                events.push(Event::Start(Tag::Link { link_type, dest_url, title, id }));
            }
            event => events.push(event),
        }
    }
    html::push_html(&mut out.html, events.into_iter());
    Ok(out)
}

/// The sections of a chapter: id and title, as text.
pub fn sections(markdown: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut open = false;
    for event in Parser::new_ext(markdown, options()) {
        match event {
            Event::Start(Tag::Heading { level: HeadingLevel::H2, id: Some(id), .. }) => {
                found.push((id.to_string(), String::new()));
                open = true;
            }
            Event::End(TagEnd::Heading(_)) => open = false,
            Event::Text(piece) | Event::Code(piece) if open => {
                if let Some((_, title)) = found.last_mut() {
                    title.push_str(&piece);
                }
            }
            Event::InlineMath(tex) if open => {
                if let Some((_, title)) = found.last_mut() {
                    title.push_str(&crate::plain::plain(&tex));
                }
            }
            _ => {}
        }
    }
    found
}

/// How a chapter begins, in a sentence or two without any marks: what is shown where a page is linked to.
pub fn opening(markdown: &str) -> String {
    const ENOUGH: usize = 60;
    let mut text = String::new();
    let (mut first, mut paragraph) = (false, false);
    for event in Parser::new_ext(markdown, options()) {
        match event {
            Event::Start(Tag::Paragraph) => paragraph = true,
            Event::End(TagEnd::Paragraph) if paragraph => {
                if Directive::parse(&text).is_none() && !text.trim().is_empty() {
                    first = true;
                    break;
                }
                text.clear();
                paragraph = false;
            }
            Event::Text(piece) | Event::Code(piece) if paragraph => text.push_str(&piece),
            Event::InlineMath(tex) if paragraph => text.push_str(&crate::plain::plain(&tex)),
            Event::SoftBreak | Event::HardBreak if paragraph => text.push(' '),
            _ => {}
        }
    }
    if !first {
        return String::new();
    }
    let text = text.trim().replace("**", "");
    let ends = text.match_indices(['.', '?', '!']).map(|(at, _)| at + 1);
    let end = ends
        .filter(|&at| text[at..].is_empty() || text[at..].starts_with([' ', ')', '"']))
        .find(|&at| text[..at].chars().count() >= ENOUGH)
        .unwrap_or(text.len());
    text[..end].to_string()
}

/// Where a link to a chapter leads in the site, as mdBook has it in running text.
fn page_of(target: &str) -> String {
    let (path, id) = target.split_at(target.find('#').unwrap_or(target.len()));
    match path.strip_suffix(".md") {
        Some(stem) if !target.contains("://") => format!("{stem}.html{id}"),
        _ => target.to_string(),
    }
}

fn mend_bold(markdown: &str) -> String {
    let mut stars = Stars::default();
    for (event, range) in Parser::new_ext(markdown, options()).into_offset_iter() {
        if let Event::Text(_) = event {
            stars.text(markdown, &range);
        }
    }
    let mut mended = markdown.to_string();
    for (range, tag) in stars.end_of_block().into_iter().rev() {
        mended.replace_range(range, tag);
    }
    mended
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caption() {
        let inline =
            render("**크기(size)**는 $\\varepsilon$이고 `eps`는 <b>", &Math::default()).unwrap();
        assert!(
            inline.html.starts_with(
                "<strong>크기(size)</strong>는 <span class=\"cling\"><span class=\"tex\"><span role=\"img\""
            ),
            "{}",
            inline.html
        );
        assert!(inline.html.contains("<code>eps</code>"));
        assert_eq!(inline.plain, "크기(size)는 ε이고 eps는 ");
        assert!(!inline.fonts.is_empty());
    }

    #[test]
    fn a_number_keeps_its_percent() {
        let inline = render("95 % `a %`", &Math::default()).unwrap();
        assert_eq!(inline.html, "95\u{a0}% <code>a %</code>");
        assert_eq!(inline.plain, "95 % a %");
    }

    #[test]
    fn a_link_to_a_chapter_leads_to_its_page() {
        let inline = render("[a](b.md#c) [d](https://e.md) [f](#g)", &Math::default()).unwrap();
        for link in ["\"b.html#c\"", "\"https://e.md\"", "\"#g\""] {
            assert!(inline.html.contains(link), "{}", inline.html);
        }
    }

    #[test]
    fn sections_of_a_chapter() {
        let text = "# A\n\n## The `b` of $\\gamma$ {#b}\n\n### C {#c}\n\n## D {#d}\n";
        let found = sections(text);
        assert_eq!(found[0], ("b".into(), "The b of γ".into()));
        assert_eq!(found[1], ("d".into(), "D".into()));
    }

    #[test]
    fn how_a_chapter_begins() {
        let text = "# Title\n\nclaim[a::b]\n\nTake $x_1 = 2.5$ and [go](a.md). It is **short**. But this makes it long enough for anybody. More.\n\nNext.\n";
        assert_eq!(
            opening(text),
            "Take x₁ = 2.5 and go. It is short. But this makes it long enough for anybody."
        );
        assert_eq!(opening("# Only a title\n"), "");
    }

    #[test]
    fn a_broken_formula_in_it() {
        assert!(render("$\\frac{1}$", &Math::default()).unwrap_err().contains("\\frac"));
    }
}
