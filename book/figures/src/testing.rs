//! What every figure must keep, whatever its numbers.

use roxmltree::{Document, Node};

use crate::data::Named;
use crate::lang::Lang;
use crate::svg::{Type, text_width};

/// A value with an interval about it.
pub fn row(label: &str, mid: f64) -> Named {
    Named { label: label.into(), low: mid - 0.3, mid, high: mid + 0.4 }
}

/// Checks the figure in both languages, and that each shows its own labels and not the other's.
pub fn check(draw: impl Fn(Lang) -> String, korean: &str, english: &str) {
    for lang in Lang::ALL {
        let svg = draw(lang);
        assert_eq!(svg, draw(lang), "two drawings differ");
        well_made(&svg);
        let text = all_text(&svg);
        let (own, other) = (lang.pick(korean, english), lang.pick(english, korean));
        assert!(text.contains(own), "{lang}: no label `{own}` in {text}");
        assert!(
            !text.contains(other),
            "{lang}: a label of the other language, `{other}`, in {text}"
        );
        let hangul = text.chars().any(|c| ('가'..='힣').contains(&c));
        assert_eq!(hangul, lang == Lang::Ko, "{lang}: {text}");
    }
}

fn all_text(svg: &str) -> String {
    let tree = parse(svg);
    let texts: Vec<_> = texts(&tree).filter_map(|node| node.text()).collect();
    texts.join(" | ")
}

fn parse(svg: &str) -> Document<'_> {
    Document::parse(svg).unwrap_or_else(|error| panic!("{error}\n{svg}"))
}

fn texts<'a>(tree: &'a Document) -> impl Iterator<Item = Node<'a, 'a>> {
    tree.descendants().filter(|node| node.has_tag_name("text"))
}

/// Well-formed, sized by the page, coloured by variables, every number finite, every text legible and in view.
pub fn well_made(svg: &str) {
    let tree = parse(svg);
    let root = tree.root_element();
    assert_eq!(root.tag_name().namespace(), Some("http://www.w3.org/2000/svg"));
    assert_eq!(root.attribute("class"), Some("figure"));
    assert!(root.attribute("width").is_none() && root.attribute("height").is_none());
    let view: Vec<f64> = numbers(root.attribute("viewBox").expect("a viewBox")).collect();
    let &[0.0, 0.0, width, height] = view.as_slice() else { panic!("viewBox {view:?}") };

    for node in tree.descendants().filter(Node::is_element) {
        assert!(node.attribute("id").is_none(), "ids of several figures in one page would clash");
        for name in ["fill", "stroke"] {
            if let Some(color) = node.attribute(name) {
                let follows =
                    color == "none" || color == "currentColor" || color.starts_with("var(--fig-");
                assert!(follows, "{name}=\"{color}\" does not follow the theme");
            }
        }
        for name in ["x", "y", "width", "height", "cx", "cy", "r", "points", "font-size"] {
            for number in node.attribute(name).into_iter().flat_map(numbers) {
                assert!(number.is_finite(), "{name} of {node:?}");
            }
        }
    }

    let boxes: Vec<_> = texts(&tree).map(text_box).collect();
    for (i, (text, a)) in boxes.iter().enumerate() {
        let inside = a[0] >= -1.0 && a[2] <= width + 1.0 && a[1] >= -1.0 && a[3] <= height + 1.0;
        assert!(inside, "`{text}` at {a:?} leaves the figure of {width} × {height}");
        for (other, b) in &boxes[i + 1..] {
            let apart = a[2] <= b[0] || b[2] <= a[0] || a[3] <= b[1] || b[3] <= a[1];
            assert!(apart, "`{text}` at {a:?} lies on `{other}` at {b:?}");
        }
    }
}

fn numbers(list: &str) -> impl Iterator<Item = f64> {
    let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("`{text}` is no number"));
    list.split([' ', ',']).filter(|text| !text.is_empty()).map(number)
}

/// The text and its left, top, right and bottom, a little inside its line.
fn text_box(node: Node) -> (String, [f64; 4]) {
    let number = |name| -> f64 { node.attribute(name).expect(name).parse().expect(name) };
    let (x, y, size) = (number("x"), number("y"), number("font-size"));
    assert!(size >= 15.0, "type of size {size}");
    let text = node.text().unwrap_or_default();
    let style = Type {
        size,
        bold: node.has_attribute("font-weight"),
        mono: node.attribute("class").is_some_and(|class| class.contains("code")),
        ..Type::BODY
    };
    let width = text_width(text, style);
    let left = match node.attribute("text-anchor") {
        Some("middle") => x - width / 2.0,
        Some("end") => x - width,
        _ => x,
    };
    (text.into(), [left, y - 0.7 * size, left + width, y + 0.15 * size])
}
