//! The pages as they are printed or put into an electronic book: nothing to click that leads nowhere, nothing
//! folded away, the colours of the light theme.

use anyhow::{Error, Result};
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use lol_html::html_content::ContentType;
use lol_html::{RewriteStrSettings, element, rewrite_str};
use std::cell::RefCell;

pub const CSS: &str = include_str!("paper.css");

/// The text of a page of the site.
pub fn main(page: &str) -> Result<&str> {
    let inside = |open: &str, close: &str| {
        let start = page.find(open)? + open.len();
        let end = start + page[start..].find(close)?;
        page.get(start..end)
    };
    inside("<main>", "</main>").ok_or_else(|| Error::msg("a page of the book has no <main>"))
}

/// The text of a page without what only a screen can do.
pub fn paper(html: &str) -> Result<String> {
    let html = rewrite_str(
        html,
        RewriteStrSettings {
            element_content_handlers: vec![
                // A badge is one line: that it was checked, how, and by which test.
                element!(".claim details > :not(summary), span.boring, .code-head .source", |el| {
                    el.remove();
                    Ok(())
                }),
                element!(".claim", |el| {
                    let name = el.get_attribute("id").unwrap_or_default();
                    if let Some((stem, item)) =
                        name.strip_prefix("claim-").and_then(|name| name.split_once('-'))
                    {
                        let name = format!("<code>{stem}::{item}</code>");
                        el.append(&name, ContentType::Html);
                    }
                    Ok(())
                }),
                element!(".claim details, .claim summary", |el| {
                    el.remove_and_keep_content();
                    Ok(())
                }),
                element!("details", |el| Ok(el.set_attribute("open", "")?)),
                // The listings of the site are not taken along, and a heading need not lead to itself.
                element!("a.header, a.symbol, a[href*='source/']", |el| {
                    el.remove_and_keep_content();
                    Ok(())
                }),
            ],
            ..RewriteStrSettings::new()
        },
    )?;
    Ok(in_light(&html))
}

/// Every `var(--name, value)` as its value, for readers that know no variables.
fn in_light(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find("var(--") {
        out.push_str(&rest[..at]);
        let inside = &rest[at + 4..];
        let mut depth = 1;
        let end = inside.find(|c| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            depth == 0
        });
        let Some(end) = end else { break };
        let value = inside[..end].split_once(',').map_or("inherit", |(_, value)| value.trim());
        out.push_str(&in_light(value));
        rest = &inside[end + 1..];
    }
    out + rest
}

/// HTML as XML: every element closed, every attribute with its value. What was opened and not closed is an error.
pub fn xhtml(html: &str) -> Result<String> {
    let writer = Tokenizer::new(Writer::default(), TokenizerOpts::default());
    let input = BufferQueue::default();
    input.push_back(html.into());
    while let html5ever::TokenizerResult::Script(_) = writer.feed(&input) {}
    writer.end();
    let Writer { out, open, problem } = writer.sink;
    match (problem.into_inner(), open.into_inner().pop()) {
        (Some(problem), _) => Err(Error::msg(problem)),
        (None, Some(name)) => Err(Error::msg(format!("<{name}> is never closed"))),
        (None, None) => Ok(out.into_inner()),
    }
}

#[derive(Default)]
struct Writer {
    out: RefCell<String>,
    open: RefCell<Vec<String>>,
    problem: RefCell<Option<String>>,
}

/// Elements of HTML that have no end.
const VOID: [&str; 7] = ["br", "hr", "img", "input", "col", "wbr", "link"];
/// Names that HTML writes in small letters and SVG does not.
const MIXED: [&str; 5] =
    ["viewBox", "preserveAspectRatio", "textLength", "lengthAdjust", "gradientUnits"];

impl Writer {
    fn start(&self, tag: &Tag) {
        let mut out = self.out.borrow_mut();
        out.push('<');
        out.push_str(&tag.name);
        if &*tag.name == "svg" && !tag.attrs.iter().any(|a| &*a.name.local == "xmlns") {
            out.push_str(" xmlns=\"http://www.w3.org/2000/svg\"");
        }
        for attribute in &tag.attrs {
            let name = &*attribute.name.local;
            let name = MIXED.iter().find(|mixed| mixed.eq_ignore_ascii_case(name)).unwrap_or(&name);
            out.push_str(&format!(" {name}=\"{}\"", crate::html::escape(&attribute.value)));
        }
        let closed = tag.self_closing || VOID.contains(&&*tag.name);
        if closed {
            out.push('/');
        } else {
            self.open.borrow_mut().push(tag.name.to_string());
        }
        out.push('>');
    }

    fn end(&self, tag: &Tag) {
        match self.open.borrow_mut().pop() {
            Some(name) if name == *tag.name => {
                self.out.borrow_mut().push_str(&format!("</{name}>"));
            }
            open => {
                let open = open.map_or("nothing".into(), |name| format!("<{name}>"));
                let message = format!("</{}> closes {open}", tag.name);
                self.problem.borrow_mut().get_or_insert(message);
            }
        }
    }
}

impl TokenSink for Writer {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        match token {
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => self.start(&tag),
            Token::TagToken(tag) => self.end(&tag),
            Token::CharacterTokens(text) => {
                self.out.borrow_mut().push_str(&crate::html::escape(&text));
            }
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_becomes_xml() {
        assert_eq!(
            xhtml("<p class=a>1<br>&nbsp;&lt;<wbr></p><!-- x --><svg viewBox=\"0 0 1 1\"><path d='M0 0'/></svg><details open></details>").unwrap(),
            "<p class=\"a\">1<br/>\u{a0}&lt;<wbr/></p><svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1 1\"><path d=\"M0 0\"/></svg><details open=\"\"></details>"
        );
        assert!(xhtml("<p><b></p>").unwrap_err().to_string().contains("</p> closes <b>"));
        assert!(xhtml("<p>").unwrap_err().to_string().contains("never closed"));
    }

    #[test]
    fn nothing_to_click_and_nothing_folded_away() {
        let html = "<h2 id=\"a\"><a class=\"header\" href=\"#a\">A</a></h2><div class=\"claim\" id=\"claim-f-mean_0\"><details><summary><span>ok</span></summary><p>more</p></details></div><details><summary>?</summary>!</details><a href=\"../source/x.html\">x</a>";
        assert_eq!(
            paper(html).unwrap(),
            "<h2 id=\"a\">A</h2><div class=\"claim\" id=\"claim-f-mean_0\"><span>ok</span><code>f::mean_0</code></div><details open=\"\"><summary>?</summary>!</details>x"
        );
    }

    #[test]
    fn colours_are_those_of_the_light_theme() {
        assert_eq!(
            in_light(
                "<a fill=\"var(--a, #1)\" style=\"stroke:var(--b,var(--c,none));x:var(--d)\">"
            ),
            "<a fill=\"#1\" style=\"stroke:none;x:inherit\">"
        );
    }
}
