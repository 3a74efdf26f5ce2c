//! The SVG writer under both charts and diagrams: shapes in, text out.
//!
//! The root has a `viewBox` and no size, so the page decides how wide a figure is. No shape has an `id`, so any number
//! of figures can be put into one page. Text takes the font of the page; only a file opened by itself sets its own.

use std::fmt::Write;

use crate::ink::Ink;

/// Type sizes in units of the viewBox: at half size, on a phone, still 8 pixels or more.
pub const SMALL: f64 = 16.0;
pub const BODY: f64 = 17.0;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// How a shape is painted. `fill` and `stroke` with their opacity; nothing by default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Paint {
    fill: Option<(Ink, f64)>,
    stroke: Option<(Ink, f64)>,
    width: f64,
    dashed: bool,
}

impl Paint {
    pub fn fill(ink: Ink, opacity: f64) -> Paint {
        Paint { fill: Some((ink, opacity)), ..Paint::default() }
    }

    pub fn stroke(ink: Ink, width: f64) -> Paint {
        Paint::faint_stroke(ink, 1.0, width)
    }

    pub fn faint_stroke(ink: Ink, opacity: f64, width: f64) -> Paint {
        Paint { stroke: Some((ink, opacity)), width, ..Paint::default() }
    }

    pub fn and_stroke(self, ink: Ink, width: f64) -> Paint {
        Paint { stroke: Some((ink, 1.0)), width, ..self }
    }

    pub fn dashed(self) -> Paint {
        Paint { dashed: true, ..self }
    }

    fn attributes(&self) -> String {
        let mut text = String::new();
        match self.fill {
            Some((ink, opacity)) => {
                let _ = write!(text, r#" fill="{}""#, ink.css());
                if opacity < 1.0 {
                    let _ = write!(text, r#" fill-opacity="{}""#, number(opacity));
                }
            }
            None => text.push_str(r#" fill="none""#),
        }
        if let Some((ink, opacity)) = self.stroke {
            let _ =
                write!(text, r#" stroke="{}" stroke-width="{}""#, ink.css(), number(self.width));
            if opacity < 1.0 {
                let _ = write!(text, r#" stroke-opacity="{}""#, number(opacity));
            }
        }
        if self.dashed {
            text.push_str(r#" stroke-dasharray="6 5""#);
        }
        text
    }
}

/// A piece of text, set on its baseline.
#[derive(Clone, Copy, Debug)]
pub struct Type {
    pub size: f64,
    pub ink: Ink,
    pub anchor: Anchor,
    pub bold: bool,
    pub mono: bool,
    /// A rim in the page's colour, for words that stand on lines.
    pub halo: bool,
}

impl Type {
    pub const BODY: Type = Type {
        size: BODY,
        ink: Ink::Text,
        anchor: Anchor::Start,
        bold: false,
        mono: false,
        halo: false,
    };
    pub const SMALL: Type = Type { size: SMALL, ..Type::BODY };

    pub fn ink(self, ink: Ink) -> Type {
        Type { ink, ..self }
    }

    pub fn anchor(self, anchor: Anchor) -> Type {
        Type { anchor, ..self }
    }

    pub fn middle(self) -> Type {
        self.anchor(Anchor::Middle)
    }

    pub fn bold(self) -> Type {
        Type { bold: true, ..self }
    }

    pub fn halo(self) -> Type {
        Type { halo: true, ..self }
    }

    pub fn mono(self) -> Type {
        Type { mono: true, ..self }
    }
}

/// An SVG being written.
pub struct Svg {
    width: f64,
    height: f64,
    body: String,
}

impl Svg {
    pub fn new(width: f64, height: f64) -> Svg {
        Svg { width, height, body: String::new() }
    }

    pub fn width(&self) -> f64 {
        self.width
    }

    pub fn height(&self) -> f64 {
        self.height
    }

    /// A broken line through the points.
    pub fn path(&mut self, points: impl IntoIterator<Item = (f64, f64)>, paint: &Paint) {
        self.points("polyline", points, r#" stroke-linejoin="round""#, paint);
    }

    pub fn polygon(&mut self, points: impl IntoIterator<Item = (f64, f64)>, paint: &Paint) {
        self.points("polygon", points, "", paint);
    }

    fn points(
        &mut self,
        element: &str,
        points: impl IntoIterator<Item = (f64, f64)>,
        more: &str,
        paint: &Paint,
    ) {
        let points: Vec<_> =
            points.into_iter().map(|(x, y)| format!("{},{}", number(x), number(y))).collect();
        let _ = writeln!(
            self.body,
            r#"<{element} points="{}"{more}{}/>"#,
            points.join(" "),
            paint.attributes()
        );
    }

    pub fn rect(&mut self, (x, y): (f64, f64), (w, h): (f64, f64), radius: f64, paint: &Paint) {
        let round =
            if radius > 0.0 { format!(r#" rx="{}""#, number(radius)) } else { String::new() };
        let _ = writeln!(
            self.body,
            r#"<rect x="{}" y="{}" width="{}" height="{}"{round}{}/>"#,
            number(x),
            number(y),
            number(w),
            number(h),
            paint.attributes()
        );
    }

    pub fn circle(&mut self, (x, y): (f64, f64), radius: f64, paint: &Paint) {
        let _ = writeln!(
            self.body,
            r#"<circle cx="{}" cy="{}" r="{}"{}/>"#,
            number(x),
            number(y),
            number(radius),
            paint.attributes()
        );
    }

    pub fn text(&mut self, (x, y): (f64, f64), style: Type, text: &str) {
        if text.is_empty() {
            return;
        }
        let anchor = match style.anchor {
            Anchor::Start => "",
            Anchor::Middle => r#" text-anchor="middle""#,
            Anchor::End => r#" text-anchor="end""#,
        };
        let bold = if style.bold { r#" font-weight="600""# } else { "" };
        let class = match (style.mono, style.halo) {
            (false, false) => "",
            (true, false) => r#" class="code""#,
            (false, true) => r#" class="halo""#,
            (true, true) => r#" class="code halo""#,
        };
        let _ = writeln!(
            self.body,
            r#"<text x="{}" y="{}" font-size="{}"{anchor}{bold}{class} fill="{}">{}</text>"#,
            number(x),
            number(y),
            number(style.size),
            style.ink.css(),
            escape(text)
        );
    }

    pub fn finish(self) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" class=\"figure\">\n\
             <style>{STYLE}</style>\n{}</svg>\n",
            number(self.width),
            number(self.height),
            self.body
        )
    }
}

/// `svg:root` is a file opened by itself.
const STYLE: &str = "svg:root{font-family:sans-serif}\
    .figure .halo{paint-order:stroke;stroke:var(--fig-bg,var(--bg,transparent));stroke-width:4px;stroke-linejoin:round}\
    .figure .code{font-family:var(--mono-font,monospace)}";

/// Two decimals are finer than a screen shows. What is not a number is drawn nowhere else but at the edge.
fn number(value: f64) -> String {
    let value = if value.is_finite() { value } else { 0.0 };
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The width of a text without asking a font: close for the sans-serif faces that browsers choose.
pub fn text_width(text: &str, style: Type) -> f64 {
    let em = |c: char| match c {
        '\u{300}'..='\u{36f}' => 0.0,
        '\u{1100}'..='\u{11ff}' | '\u{3000}'..='\u{9fff}' | '\u{ac00}'..='\u{d7ff}' => 0.95,
        _ if style.mono => 0.61,
        ' ' => 0.28,
        'f' | 'i' | 'j' | 'l' | 'r' | 't' | 'I' | '.' | ',' | ':' | ';' | '|' | '\'' | '('
        | ')' | '/' => 0.33,
        '⁰'..='₎' | '¹' | '²' | '³' => 0.42,
        'm' | 'w' | 'M' | 'W' | '%' | '→' | '←' | '…' => 0.9,
        'A'..='Z' => 0.68,
        _ => 0.57,
    };
    let bold = if style.bold { 1.05 } else { 1.0 };
    text.chars().map(em).sum::<f64>() * style.size * bold
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_finite() {
        assert_eq!(number(1.0 / 3.0), "0.33");
        assert_eq!(number(120.0), "120");
        assert_eq!(number(-0.001), "0");
        assert_eq!(number(f64::NAN), "0");
    }

    #[test]
    fn text_is_escaped() {
        let mut svg = Svg::new(10.0, 10.0);
        svg.text((0.0, 9.0), Type::BODY, "a < b & c");
        let svg = svg.finish();
        let tree = roxmltree::Document::parse(&svg).unwrap();
        let text = tree.descendants().find(|node| node.has_tag_name("text")).unwrap();
        assert_eq!(text.text(), Some("a < b & c"));
    }

    #[test]
    fn hangul_is_wide_and_combining_marks_are_not() {
        assert_eq!(text_width("x\u{302}", Type::BODY), text_width("x", Type::BODY));
        assert!(text_width("정규화", Type::BODY) > 1.5 * text_width("abc", Type::BODY));
    }
}
