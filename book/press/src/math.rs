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

/// A formula wider than this, in em, may break across lines: one in the running text, and one that is displayed, where
/// on a phone there is room for sixteen.
const BREAK_WIDTH: f64 = 8.0;
const BREAK_WIDTH_DISPLAY: f64 = 15.0;

/// The spaces at which a displayed formula falls into parts, and a part into smaller ones; and the space between two
/// words of the page. In em.
const WIDE_GAP: f64 = 2.0;
const GAP: f64 = 1.0;
const WORD_SPACE: f64 = 0.26;

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
    let mut html = format!(r#"<span role="img" aria-label="{}">"#, escape(tex));
    let mut fonts = BTreeSet::new();
    if display && whole.width > BREAK_WIDTH_DISPLAY {
        draw_parts(&nodes, WIDE_GAP, &mut html, &mut fonts);
    } else if !display && whole.width > BREAK_WIDTH {
        draw_pieces(&nodes, Break::After, &mut html, &mut fonts);
    } else {
        draw(&whole, &mut html, &mut fonts);
    }
    html.push_str("</span>");
    Ok(Rendered { html, fonts, plain: crate::plain::plain(tex) })
}

/// A part goes to the next line as a whole, and breaks only where it is wider than the page.
fn draw_parts(nodes: &[ParseNode], gap: f64, html: &mut String, fonts: &mut BTreeSet<String>) {
    for part in parts(nodes, gap) {
        match part {
            Part::Gap(em) => {
                let space = em - WORD_SPACE;
                let _ = write!(html, r#"<span style="word-spacing:{space:.2}em"> </span>"#);
            }
            Part::Formula(nodes) => {
                html.push_str(r#"<span class="part">"#);
                match gap > GAP && parts(&nodes, GAP).len() > 1 {
                    true => draw_parts(&nodes, GAP, html, fonts),
                    false => draw_pieces(&nodes, Break::Before, html, fonts),
                }
                html.push_str("</span>");
            }
        }
    }
}

fn draw_pieces(nodes: &[ParseNode], place: Break, html: &mut String, fonts: &mut BTreeSet<String>) {
    for (i, piece) in break_points(nodes, place).iter().enumerate() {
        if i > 0 {
            html.push_str("<wbr>");
        }
        draw(&lay_out(piece, place == Break::Before), html, fonts);
    }
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

fn family(node: &ParseNode) -> Option<AtomFamily> {
    match node {
        ParseNode::Atom { family, .. } => Some(*family),
        // A sign that is struck through.
        ParseNode::MClass { mclass, .. } if mclass == "mrel" => Some(AtomFamily::Rel),
        ParseNode::HtmlMathMl { html, .. } if html.len() == 1 => family(&html[0]),
        ParseNode::DelimSizing { delim, .. } => match delim.as_str() {
            "(" | "[" | "\\{" | "\\langle" => Some(AtomFamily::Open),
            ")" | "]" | "\\}" | "\\rangle" => Some(AtomFamily::Close),
            _ => None,
        },
        _ => None,
    }
}

/// Beside a sign it keeps the space that TeX puts between the sign and what was there.
fn empty_group(beside: &ParseNode) -> ParseNode {
    ParseNode::OrdGroup { mode: beside.mode(), body: vec![], semisimple: None, loc: None }
}

enum Part {
    Formula(Vec<ParseNode>),
    Gap(f64),
}

/// What stands between spaces of this width and more in a displayed formula.
fn parts(nodes: &[ParseNode], least: f64) -> Vec<Part> {
    let mut parts = Vec::new();
    for node in nodes {
        let gap = match node {
            ParseNode::Kern { dimension, .. } if dimension.unit == "em" => dimension.number,
            _ => 0.0,
        };
        match (gap >= least, parts.last_mut()) {
            (true, Some(Part::Gap(em))) => *em += gap,
            (true, _) => parts.push(Part::Gap(gap)),
            (false, Some(Part::Formula(part))) => part.push(node.clone()),
            (false, _) => parts.push(Part::Formula(vec![node.clone()])),
        }
    }
    let last = parts.len().saturating_sub(1);
    for (i, part) in parts.iter_mut().enumerate() {
        let Part::Formula(part) = part else { continue };
        let is_relation = |node: &&ParseNode| family(node) == Some(AtomFamily::Rel);
        if let Some(sign) = part.last().filter(is_relation).filter(|_| i < last) {
            part.push(empty_group(sign));
        }
        if let Some(sign) = part.first().filter(is_relation).filter(|_| i > 0) {
            part.insert(0, empty_group(sign));
        }
    }
    parts
}

/// Where a line may end: after a sign in the running text, before it in a displayed formula, as in TeX.
#[derive(Clone, Copy, PartialEq)]
enum Break {
    Before,
    After,
}

/// A formula may break at a relation or an operation outside all brackets; not at the sign of a number.
fn break_points(nodes: &[ParseNode], place: Break) -> Vec<Vec<ParseNode>> {
    let is_kern = |node: &&ParseNode| matches!(node, ParseNode::Kern { .. });
    let mut pieces = vec![Vec::new()];
    let mut brackets = 0_i32;
    let mut before = None;
    for (i, node) in nodes.iter().enumerate() {
        let sign = family(node);
        match sign {
            Some(AtomFamily::Open) => brackets += 1,
            Some(AtomFamily::Close) => brackets -= 1,
            _ => {}
        }
        let has_left = before.is_some();
        let has_right = nodes[i + 1..].iter().any(|node| !is_kern(&node) && !is_empty(node));
        let operand = before.is_some_and(|node| {
            !matches!(family(node), Some(AtomFamily::Rel | AtomFamily::Bin | AtomFamily::Open))
        });
        let next_joins = matches!(nodes.get(i + 1).and_then(family), Some(AtomFamily::Rel));
        let may_break = has_left
            && has_right
            && match (sign, place) {
                (Some(AtomFamily::Rel), Break::After) => !next_joins,
                (Some(AtomFamily::Rel), Break::Before) => brackets <= 0 && operand,
                (Some(AtomFamily::Bin), _) => brackets <= 0 && operand,
                _ => false,
            };
        if may_break && place == Break::Before {
            pieces.push(vec![empty_group(node)]);
        }
        pieces.last_mut().expect("there is always a last piece").push(node.clone());
        if may_break && place == Break::After {
            pieces.last_mut().expect("there is always a last piece").push(empty_group(node));
            pieces.push(Vec::new());
        }
        if !is_kern(&node) && !is_empty(node) {
            before = Some(node);
        }
    }
    pieces
}

fn is_empty(node: &ParseNode) -> bool {
    matches!(node, ParseNode::OrdGroup { body, .. } if body.is_empty())
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
        let pieces: Vec<_> =
            break_points(&nodes, Break::After).iter().map(|p| lay_out(p, false)).collect();
        assert_eq!(pieces.len(), 6);
        let sum: f64 = pieces.iter().map(|p| p.width).sum();
        assert!(
            (sum - lay_out(&nodes, false).width).abs() < 0.02,
            "{sum} {}",
            lay_out(&nodes, false).width
        );
        assert_eq!(Math::default().render(tex, false).unwrap().html.matches("<svg").count(), 6);
    }

    #[test]
    fn a_wide_displayed_formula_may_break_and_keeps_its_width() {
        let whole = |tex: &str| lay_out(&ratex_parser::parser::parse(tex).unwrap(), true).width;
        for (tex, count) in [
            ("a = b", vec![2]),
            (r"-1 \quad = \quad -2", vec![1, 1, 1]),
            (
                r"a = -b + \big(c + d\big) \;\le\; {} - e \qquad\Longrightarrow\qquad f(x) \ne 0",
                vec![4, 1, 2],
            ),
        ] {
            let nodes = ratex_parser::parser::parse(tex).unwrap();
            let (mut width, mut pieces) = (0.0, Vec::new());
            for part in parts(&nodes, GAP) {
                match part {
                    Part::Gap(em) => width += em,
                    Part::Formula(part) => {
                        let broken = break_points(&part, Break::Before);
                        width += broken.iter().map(|p| lay_out(p, true).width).sum::<f64>();
                        pieces.push(broken.len());
                    }
                }
            }
            assert_eq!(pieces, count, "{tex}");
            assert!((width - whole(tex)).abs() < 0.02, "{tex}: {width} {}", whole(tex));
        }
    }

    #[test]
    fn a_short_formula_is_one_drawing() {
        for (tex, display) in [("a = b + c", false), (r"a = b + c \qquad c = 0", true)] {
            let html = &Math::default().render(tex, display).unwrap().html;
            assert_eq!(html.matches("<svg").count(), 1, "{tex}");
        }
    }

    #[test]
    fn a_number_keeps_its_sign() {
        let tex = r"a = -b + \left(x\right) \cdot (-c) = - d";
        let nodes = ratex_parser::parser::parse(tex).unwrap();
        for (place, count) in [(Break::After, 5), (Break::Before, 5)] {
            assert_eq!(break_points(&nodes, place).len(), count);
        }
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
