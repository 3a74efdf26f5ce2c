//! A figure: the SVG becomes part of the page, so that it takes the colours of the theme.

use crate::html::escape;
use crate::lang::Lang;
use lol_html::{RewriteStrSettings, element, rewrite_str};
use std::cell::Cell;

/// The name that the figure has in both languages: `forward/rho.ko.svg` is `forward/rho`.
pub fn neutral(path: &str, lang: Lang) -> Result<String, String> {
    let end = format!(".{}.svg", lang.code());
    path.strip_suffix(&end)
        .map(str::to_string)
        .ok_or_else(|| format!("a figure of this language ends in `{end}`, found `{path}`"))
}

/// The SVG as an image with a label. `alt` is what it shows in words.
pub fn inline(svg: &str, alt: &str) -> Result<String, String> {
    let start = svg.find("<svg").ok_or("there is no <svg> in it")?;
    let roots = Cell::new(0);
    let forbidden = Cell::new(None);
    let html = rewrite_str(
        svg[start..].trim(),
        RewriteStrSettings {
            element_content_handlers: vec![
                element!("svg", |el| {
                    roots.set(roots.get() + 1);
                    if el.get_attribute("viewBox").or_else(|| el.get_attribute("viewbox")).is_none()
                    {
                        forbidden.set(Some("the <svg> has no viewBox"));
                    }
                    el.set_attribute("role", "img")?;
                    el.set_attribute("aria-label", alt)?;
                    el.remove_attribute("xmlns");
                    Ok(())
                }),
                element!("script, foreignObject, image, [onload], [onclick]", |_| {
                    forbidden.set(Some("scripts and pictures have no place in a figure"));
                    Ok(())
                }),
            ],
            ..RewriteStrSettings::new()
        },
    )
    .map_err(|e| e.to_string())?;
    match (roots.get(), forbidden.get()) {
        (_, Some(message)) => Err(message.into()),
        (1, None) => Ok(html),
        (n, None) => Err(format!("expected one <svg>, found {n}")),
    }
}

/// The figure with its caption, which is HTML already.
pub fn html(svg: &str, caption: &str) -> String {
    format!(
        "<figure class=\"plot\"><div class=\"view\">{svg}</div><figcaption>{caption}</figcaption></figure>"
    )
}

/// What the search shall know of it.
pub fn searchable(alt: &str, caption: &str) -> String {
    escape(&format!("{caption} ({alt})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SVG: &str = "<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 4 3\" class=\"figure\"><text>가</text><path d=\"M0 0\"/></svg>\n";

    #[test]
    fn labelled_and_inlined() {
        let html = inline(SVG, "a \"curve\"").unwrap();
        assert!(html.starts_with("<svg "), "{html}");
        assert!(
            html.contains("role=\"img\"") && html.contains("aria-label=\"a &quot;curve&quot;\""),
            "{html}"
        );
        assert!(html.contains("viewBox=\"0 0 4 3\"") && html.ends_with("</svg>"), "{html}");
    }

    #[test]
    fn what_is_no_figure_is_refused() {
        for bad in [
            "",
            "<p>",
            "<svg></svg>",
            "<svg viewBox='0 0 1 1'><script/></svg>",
            "<svg viewBox='0 0 1 1'/><svg viewBox='0 0 1 1'/>",
        ] {
            assert!(inline(bad, "a").is_err(), "{bad}");
        }
    }

    #[test]
    fn the_file_name_carries_the_language() {
        assert_eq!(neutral("../out/a/f.ko.svg", Lang::Ko).unwrap(), "../out/a/f");
        assert!(neutral("../out/a/f.en.svg", Lang::Ko).unwrap_err().contains(".ko.svg"));
    }
}
