//! LaTeX to SVG, at build time: RaTeX lays a formula out as KaTeX would, and it is drawn as text in
//! KaTeX's fonts, so it is sharp at any size, takes the colour of the page and needs no script.

use crate::html::escape;
use crate::memory::Memo;
use anyhow::{Error, Result};
use ratex_layout::{LayoutOptions, layout, to_display_list};
use ratex_parser::parse_node::{AtomFamily, ParseNode};
use ratex_types::color::Color;
use ratex_types::display_item::{DisplayItem, DisplayList};
use ratex_types::math_style::MathStyle;
use ratex_types::path_command::PathCommand;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

/// A formula ready for the page.
#[derive(Debug, PartialEq, Eq)]
pub struct Rendered {
    pub html: String,
    /// The fonts that it is set in.
    pub fonts: BTreeSet<String>,
    /// The same as text.
    pub plain: String,
}

/// A formula, and whether it is displayed.
type Key = (String, bool);
type Drawing = Result<Arc<Rendered>, String>;

/// Formulas, each drawn once.
#[derive(Debug, Default)]
pub struct Math {
    drawn: Memo<Key, Drawing>,
}

impl Math {
    pub fn render(&self, tex: &str, display: bool) -> Drawing {
        self.drawn.get((tex.to_string(), display), |_| render(tex, display).map(Arc::new))
    }
}

/// Browsers let a line end on either side of any drawing, even before a comma. Beside text that clings to the
/// formula a word joiner is put, and a span that does not wrap around both. Given are the formula's place in its
/// text and its HTML.
pub fn joined(text: &str, place: &Range<usize>, html: &str) -> String {
    // Emphasis begins and ends without a space being there.
    let stars = ['*', '_'];
    let before = text[..place.start].trim_end_matches(stars).chars().next_back();
    let after = text[place.end..].trim_start_matches(stars).chars().next();
    let joiner = |c: Option<char>| match c {
        Some(c) if !c.is_whitespace() && c != '|' => "\u{2060}",
        _ => "",
    };
    match (joiner(before), joiner(after)) {
        ("", "") => html.to_string(),
        (before, after) => format!(r#"<span class="cling">{before}{html}{after}</span>"#),
    }
}

/// An inline formula wider than this, in em, may break across lines.
const BREAK_WIDTH: f64 = 8.0;

fn render(tex: &str, display: bool) -> Result<Rendered, String> {
    let tex = tex.trim();
    if tex.is_empty() {
        return Err("the formula is empty".into());
    }
    let nodes = ratex_parser::parser::parse(tex).map_err(|e| match &e.loc {
        Some(loc) => format!("{}, near `{}`", e.message, snippet(tex, loc.start)),
        None => e.message.clone(),
    })?;
    let whole = lay_out(&nodes, display);
    let pieces = match display || whole.width <= BREAK_WIDTH {
        true => vec![whole],
        false => break_points(&nodes).iter().map(|piece| lay_out(piece, false)).collect(),
    };
    let mut html = format!(r#"<span role="img" aria-label="{}">"#, escape(tex));
    let mut fonts = BTreeSet::new();
    for (i, piece) in pieces.iter().enumerate() {
        if i > 0 {
            html.push_str("<wbr>");
        }
        draw(piece, &mut html, &mut fonts);
    }
    html.push_str("</span>");
    Ok(Rendered { html, fonts, plain: crate::plain::plain(tex) })
}

fn snippet(tex: &str, at: usize) -> String {
    // Positions are counted in bytes by the lexer; a position inside a character is moved to its start.
    let start = (0..=at.min(tex.len())).rev().find(|&i| tex.is_char_boundary(i)).unwrap_or(0);
    let text: String = tex[start..].chars().take(20).collect();
    if text.is_empty() {
        tex.chars().rev().take(10).collect::<Vec<_>>().into_iter().rev().collect()
    } else {
        text
    }
}

fn lay_out(nodes: &[ParseNode], display: bool) -> DisplayList {
    let style = if display { MathStyle::Display } else { MathStyle::Text };
    to_display_list(&layout(nodes, &LayoutOptions::default().with_style(style)))
}

/// A formula in the running text may break after a relation or an operation outside all brackets, as in TeX.
/// An empty group at the end of a piece keeps the space that TeX puts after the sign.
fn break_points(nodes: &[ParseNode]) -> Vec<Vec<ParseNode>> {
    let mut pieces = vec![Vec::new()];
    let mut brackets = 0_i32;
    for (i, node) in nodes.iter().enumerate() {
        let family = match node {
            ParseNode::Atom { family, .. } => Some(*family),
            _ => None,
        };
        match family {
            Some(AtomFamily::Open) => brackets += 1,
            Some(AtomFamily::Close) => brackets -= 1,
            _ => {}
        }
        let piece = pieces.last_mut().expect("there is always a last piece");
        piece.push(node.clone());
        let may_break = match family {
            Some(AtomFamily::Rel) => true,
            Some(AtomFamily::Bin) => brackets <= 0,
            _ => false,
        };
        let next_joins =
            matches!(nodes.get(i + 1), Some(ParseNode::Atom { family: AtomFamily::Rel, .. }));
        if may_break && !next_joins && i > 0 && i + 1 < nodes.len() {
            piece.push(ParseNode::OrdGroup {
                mode: node.mode(),
                body: vec![],
                semisimple: None,
                loc: None,
            });
            pieces.push(Vec::new());
        }
    }
    pieces
}

/// Lengths in thousandths of an em.
fn milli(x: f64) -> i64 {
    (x * 1000.0).round() as i64
}

fn paint(color: &Color) -> String {
    let byte = |x: f32| (x * 255.0).round() as u8;
    match *color == Color::BLACK {
        true => String::new(),
        false => format!(r#" fill="rgb({},{},{})""#, byte(color.r), byte(color.g), byte(color.b)),
    }
}

/// Glyphs that stand on one line.
#[derive(Default)]
struct Run {
    places: Vec<String>,
    text: String,
}

fn draw(list: &DisplayList, out: &mut String, fonts: &mut BTreeSet<String>) {
    let height = list.height + list.depth;
    let _ = write!(
        out,
        r#"<svg aria-hidden="true" viewBox="0 0 {} {}" style="width:{:.3}em;height:{height:.3}em;vertical-align:{:.3}em">"#,
        milli(list.width),
        milli(height),
        list.width,
        -list.depth
    );
    // One <text> for each font, size, colour and baseline, with the place of every glyph in it.
    let mut runs: BTreeMap<_, Run> = BTreeMap::new();
    for item in &list.items {
        match item {
            DisplayItem::GlyphPath { x, y, scale, font, char_code, color } => {
                let glyph = char::from_u32(*char_code).unwrap_or('\u{fffd}');
                let key = (font.clone(), milli(*scale), paint(color), milli(*y));
                let run = runs.entry(key).or_default();
                run.places.push(milli(*x).to_string());
                run.text.push(if glyph == ' ' { '\u{a0}' } else { glyph });
            }
            DisplayItem::Line { x, y, width, thickness, color, .. } => {
                let thickness = thickness.max(0.04);
                rectangle(out, color, *x, y - thickness / 2.0, *width, thickness);
            }
            DisplayItem::Rect { x, y, width, height, color } => {
                rectangle(out, color, *x, *y, *width, *height)
            }
            DisplayItem::Path { x, y, commands, fill, color } => {
                let data = path(commands, *x, *y);
                let _ = match fill {
                    true => write!(out, r#"<path{} d="{data}"/>"#, paint(color)),
                    false => write!(
                        out,
                        r#"<path fill="none" stroke="currentColor" stroke-width="40" d="{data}"/>"#
                    ),
                };
            }
        }
    }
    for ((font, size, paint, y), Run { places, text }) in runs {
        let size =
            if size == 1000 { String::new() } else { format!(r#" style="font-size:{size}px""#) };
        let _ = write!(
            out,
            r#"<text class="{font}"{size} x="{}" y="{y}"{paint}>{}</text>"#,
            places.join(" "),
            escape(&text)
        );
        fonts.insert(font);
    }
    out.push_str("</svg>");
}

fn rectangle(out: &mut String, color: &Color, x: f64, y: f64, width: f64, height: f64) {
    let (w, h) = (milli(width), milli(height));
    let _ = write!(out, r#"<path{} d="M{} {}h{w}v{h}h-{w}z"/>"#, paint(color), milli(x), milli(y));
}

fn path(commands: &[PathCommand], x0: f64, y0: f64) -> String {
    let point = |x: &f64, y: &f64| format!("{} {}", milli(x0 + x), milli(y0 + y));
    commands
        .iter()
        .map(|command| match command {
            PathCommand::MoveTo { x, y } => format!("M{}", point(x, y)),
            PathCommand::LineTo { x, y } => format!("L{}", point(x, y)),
            PathCommand::CubicTo { x1, y1, x2, y2, x, y } => {
                format!("C{} {} {}", point(x1, y1), point(x2, y2), point(x, y))
            }
            PathCommand::QuadTo { x1, y1, x, y } => format!("Q{} {}", point(x1, y1), point(x, y)),
            PathCommand::Close => "z".into(),
        })
        .collect()
}

#[derive(Debug, Default)]
pub struct Fonts {
    /// File names and contents.
    pub files: Vec<(String, Vec<u8>)>,
    /// The style sheet that names them.
    pub css: String,
}

/// The fonts that the formulas use.
pub fn fonts(used: &BTreeSet<String>) -> Result<Fonts> {
    let Fonts { mut files, mut css } = Fonts::default();
    for font in used {
        let Some((family, variant)) = font.split_once('-') else {
            return Err(Error::msg(format!("a formula is set in the unknown font {font}")));
        };
        if family == "CJK" {
            // Korean words in a formula: whatever the page itself is set in.
            let _ = writeln!(css, ".tex .{font}{{font-family:inherit}}");
            continue;
        }
        let file = format!("KaTeX_{font}.ttf");
        let Some(bytes) = ratex_katex_fonts::ttf_bytes(&file) else {
            return Err(Error::msg(format!(
                "a formula is set in the font {font}, but there is no {file}"
            )));
        };
        let weight = if variant.contains("Bold") { 700 } else { 400 };
        let style = if variant.contains("Italic") { "italic" } else { "normal" };
        let _ = writeln!(
            css,
            "@font-face{{font-family:KaTeX_{family};font-weight:{weight};font-style:{style};font-display:block;src:url({file})}}\n\
             .tex .{font}{{font-family:KaTeX_{family},serif;font-weight:{weight};font-style:{style}}}"
        );
        files.push((file, bytes.into_owned()));
    }
    Ok(Fonts { files, css })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_is_an_image_labelled_with_its_latex() {
        let rendered = Math::default().render(" a < b ", false).unwrap();
        assert!(
            rendered
                .html
                .starts_with(r#"<span role="img" aria-label="a &lt; b"><svg aria-hidden="true""#)
        );
        assert!(
            rendered.html.contains("KaTeX") || rendered.fonts.contains("Math-Italic"),
            "{rendered:?}"
        );
    }

    #[test]
    fn what_clings_to_a_formula_stays_on_its_line() {
        let joined = |text: &str| {
            let (start, end) = (text.find('$').unwrap(), text.rfind('$').unwrap() + 1);
            let html = joined(text, &(start..end), "F").replace('\u{2060}', "~");
            html.trim_start_matches("<span class=\"cling\">")
                .trim_end_matches("</span>")
                .to_string()
        };
        for (text, html) in [
            ("a $x$ b", "F"),
            ("a $x$, b", "F~"),
            ("($x$는", "~F~"),
            ("**$x$**는", "F~"),
            ("(**$x$** b", "~F"),
            ("|$x$|", "F"),
            ("$x$", "F"),
        ] {
            assert_eq!(joined(text), html, "{text}");
        }
    }

    #[test]
    fn a_broken_formula_is_told() {
        let math = Math::default();
        for tex in
            ["\\frac{1}", "\\undefinedcommand", "x_", "\\left( x", "", "{", "\\begin{matrix} 1"]
        {
            let error = math.render(tex, true).unwrap_err();
            assert!(!error.is_empty(), "{tex}");
        }
        assert!(math.render("a + \\fracc{1}{2}", false).unwrap_err().contains("\\fracc"));
    }

    #[test]
    fn the_second_time_costs_nothing() {
        let math = Math::default();
        let first = math.render("x", false).unwrap();
        assert!(Arc::ptr_eq(&first, &math.render("x", false).unwrap()));
        assert!(!Arc::ptr_eq(&first, &math.render("x", true).unwrap()));
    }

    #[test]
    fn a_long_inline_formula_may_break_and_keeps_its_width() {
        let tex = "\\hat{x} = \\frac{x - \\mu}{\\sqrt{\\sigma^2 + \\varepsilon}} + a + (b + c + d) = \\gamma \\hat{x} + \\beta";
        let nodes = ratex_parser::parser::parse(tex).unwrap();
        let pieces: Vec<_> = break_points(&nodes).iter().map(|p| lay_out(p, false)).collect();
        assert_eq!(pieces.len(), 6);
        let sum: f64 = pieces.iter().map(|p| p.width).sum();
        assert!(
            (sum - lay_out(&nodes, false).width).abs() < 0.02,
            "{sum} {}",
            lay_out(&nodes, false).width
        );
        assert_eq!(Math::default().render(tex, false).unwrap().html.matches("<svg").count(), 6);
        assert_eq!(Math::default().render(tex, true).unwrap().html.matches("<svg").count(), 1);
    }

    #[test]
    fn fonts_that_are_used_are_shipped() {
        let used = Math::default()
            .render("\\mathcal{B} + \\mathbb{R} + \\text{한}", false)
            .unwrap()
            .fonts
            .clone();
        let Fonts { files, css } = fonts(&used).unwrap();
        assert!(
            files.iter().any(|(name, bytes)| name == "KaTeX_AMS-Regular.ttf" && !bytes.is_empty())
        );
        assert!(css.contains("font-family:KaTeX_Caligraphic"));
        assert!(fonts(&BTreeSet::from(["Nonsense-Regular".to_string()])).is_err());
    }
}
