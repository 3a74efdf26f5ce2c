//! The sources that the book cites, as pages of the site: readable offline, each line with an id.

use crate::html::escape;

/// Where the page of a file stands in the site.
pub fn address(file: &str) -> String {
    format!("source/{file}.html")
}

/// The address of a line of a file. `up` leads from the page to the root of the site.
pub fn href(up: &str, file: &str, line: usize) -> String {
    escape(&format!("{up}{}#L{line}", address(file)))
}

/// A link that says where it leads.
pub fn link(up: &str, file: &str, line: usize) -> String {
    format!("<a class=\"source\" href=\"{}\">{}:{line}</a>", href(up, file, line), escape(file))
}

/// What a source page borrows from the book: paths below the root of the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    pub variables_css: String,
    pub highlight_css: String,
    pub tomorrow_night_css: String,
    pub ayu_css: String,
    pub highlight_js: String,
    pub light_theme: String,
    pub dark_theme: String,
}

pub fn page(file: &str, text: &str, look: &Look) -> String {
    let up = "../".repeat(address(file).matches('/').count());
    let lines = text.lines().count();
    let numbers: String = (1..=lines)
        .map(|n| format!("<a id=\"L{n}\" href=\"#L{n}\" tabindex=\"-1\">{n}</a>\n"))
        .collect();
    let language = match file.rsplit_once('.').map(|(_, end)| end) {
        Some("rs") => "rust",
        Some("md") => "markdown",
        Some("toml") => "ini",
        _ => "plaintext",
    };
    let Look {
        variables_css,
        highlight_css,
        tomorrow_night_css,
        ayu_css,
        highlight_js,
        light_theme,
        dark_theme,
    } = look;
    let (file, text) = (escape(file), escape(text));
    format!(
        r##"<!DOCTYPE html>
<html lang="en" class="{light_theme}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{file}</title>
<link rel="stylesheet" href="{up}{variables_css}">
<link rel="stylesheet" id="light" href="{up}{highlight_css}">
<link rel="stylesheet" id="night" href="{up}{tomorrow_night_css}" disabled>
<link rel="stylesheet" id="ayu" href="{up}{ayu_css}" disabled>
<style>
:root {{ color-scheme: var(--color-scheme); }}
.coal, .navy, .ayu {{ --links: #7db8ee; }}
body {{ margin: 0; background: var(--bg); color: var(--fg); font: 15px/1.5 sans-serif; }}
header {{ display: flex; flex-wrap: wrap; gap: .3em 1.5em; padding: .8em 1em; border-bottom: 1px solid var(--table-border-color); }}
header h1 {{ margin: 0 auto 0 0; font: 600 1em var(--mono-font); overflow-wrap: anywhere; }}
a {{ color: var(--links); text-decoration: none; }}
a:hover {{ text-decoration: underline; }}
main {{ display: flex; overflow-x: auto; font: 14px/1.5 var(--mono-font); }}
pre {{ margin: 0; padding: 1em 0; font: inherit; position: relative; }}
pre code.hljs, pre code {{ font: inherit; padding: 0 1em; background: none; display: block; overflow: visible; }}
.numbers {{ padding: 1em .5em 1em 1em; text-align: right; user-select: none; }}
.numbers a {{ color: inherit; opacity: .75; scroll-margin-top: 30vh; }}
.numbers a:target {{ opacity: 1; font-weight: bold; }}
.numbers a:target::after {{ content: ""; position: absolute; left: 0; width: 200vw; height: 1.5em; background: var(--links); opacity: .15; pointer-events: none; }}
</style>
<script>
let theme = null;
try {{ theme = localStorage.getItem('mdbook-theme'); }} catch (e) {{ }}
if (!['light', 'rust', 'coal', 'navy', 'ayu'].includes(theme)) theme = matchMedia('(prefers-color-scheme: dark)').matches ? '{dark_theme}' : '{light_theme}';
document.documentElement.className = `${{theme}} js`;
const sheet = theme === 'ayu' ? 'ayu' : theme === 'coal' || theme === 'navy' ? 'night' : 'light';
for (const id of ['light', 'night', 'ayu']) document.getElementById(id).disabled = id !== sheet;
</script>
</head>
<body>
<header><h1>{file}</h1><a lang="ko" href="{up}index.html">배치 정규화</a><a href="{up}en/index.html">Batch Normalization</a></header>
<main><pre class="numbers" aria-hidden="true">{numbers}</pre><pre><code class="language-{language}">{text}</code></pre></main>
<script src="{up}{highlight_js}"></script>
<script>hljs.highlightBlock(document.querySelector('code'));</script>
</body>
</html>
"##
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_has_an_id_and_paths_lead_home() {
        let look = Look {
            variables_css: "css/v-1.css".into(),
            highlight_css: "h.css".into(),
            tomorrow_night_css: "t.css".into(),
            ayu_css: "a.css".into(),
            highlight_js: "h.js".into(),
            light_theme: "light".into(),
            dark_theme: "navy".into(),
        };
        let html = page("src/norm.rs", "fn a() {}\nlet b: Vec<u8>;\n", &look);
        assert!(html.contains("id=\"L2\"") && !html.contains("id=\"L3\""));
        assert!(html.contains("Vec&lt;u8&gt;") && html.contains("language-rust"));
        assert!(html.contains("href=\"../../css/v-1.css\"") && html.contains("src=\"../../h.js\""));
        assert_eq!(
            link("../", "src/norm.rs", 7),
            "<a class=\"source\" href=\"../source/src/norm.rs.html#L7\">src/norm.rs:7</a>"
        );
    }
}
