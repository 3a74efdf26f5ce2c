//! The book of one language as a PDF: the page with all chapters, made fit for paper and printed by a browser.

use crate::html::escape;
use crate::lang::{self, Lang};
use crate::paper::{self, paper};
use crate::site::{self, Prepared};
use anyhow::{Context as _, Result};
use lol_html::{RewriteStrSettings, element, rewrite_str};
use mdbook_driver::config::Config;
use std::cell::RefCell;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Why nothing was printed.
#[derive(Debug)]
pub enum PrintError {
    NoBrowser,
    /// The browser named in the environment is not there.
    NotThere(PathBuf),
    Failed {
        browser: PathBuf,
        said: String,
    },
}

impl fmt::Display for PrintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PrintError::NoBrowser => f.write_str(
                "a PDF is printed by Chromium or Chrome, and neither was found. Install one \
                 (Debian, Ubuntu: `apt install chromium`; Fedora: `dnf install chromium`; \
                 macOS: `brew install --cask chromium`; Windows: `winget install Google.Chrome`) \
                 or give its path in the environment variable CHROMIUM",
            ),
            PrintError::NotThere(path) => {
                write!(f, "CHROMIUM names {}, which is not there", path.display())
            }
            PrintError::Failed { browser, said } => {
                write!(f, "{} printed nothing. It said:\n{said}", browser.display())
            }
        }
    }
}

impl std::error::Error for PrintError {}

const NAMES: [&str; 6] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
];
/// Where it is on systems that do not put it into the path.
const PLACES: [&str; 4] = [
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
];

/// The browser that prints: the one that was `named`, or the first in the search `path`.
pub fn browser(named: Option<OsString>, path: Option<OsString>) -> Result<PathBuf, PrintError> {
    if let Some(named) = named {
        let named = PathBuf::from(named);
        return if named.exists() { Ok(named) } else { Err(PrintError::NotThere(named)) };
    }
    let dirs: Vec<PathBuf> = path.iter().flat_map(std::env::split_paths).collect();
    let in_path = dirs.iter().flat_map(|dir| {
        NAMES.iter().map(|name| dir.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
    });
    in_path
        .chain(PLACES.iter().map(PathBuf::from))
        .find(|path| path.is_file())
        .ok_or(PrintError::NoBrowser)
}

/// Prints the book of this language into the file `to`.
pub fn print(site: &Prepared, config: &Config, lang: Lang, to: &Path) -> Result<()> {
    let browser = browser(std::env::var_os("CHROMIUM"), std::env::var_os("PATH"))?;
    let dir = site.dir();
    let text = |key: &str| -> Result<String> {
        let key = format!("output.press.{}.{key}", lang.code());
        Ok(config.get::<String>(&key)?.unwrap_or_default())
    };
    let page = std::fs::read_to_string(dir.join(lang.prefix()).join("print.html"))?;
    let main = paper(paper::main(&page)?)?;
    let html = document(&text("title")?, &text("description")?, lang, &main, &dir)?;
    let source = dir.join("paper.html");
    std::fs::write(&source, html)?;
    let parent = to.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent)
        .with_context(|| format!("cannot write to {}", parent.display()))?;
    let to = parent.canonicalize()?.join(to.file_name().unwrap_or_default());
    let _ = std::fs::remove_file(&to);
    let profile = tempfile::tempdir()?;
    let mut argument = OsString::from("--print-to-pdf=");
    argument.push(&to);
    let mut user = OsString::from("--user-data-dir=");
    user.push(profile.path());
    let output = Command::new(&browser)
        // The page is ours and asks no one for anything, so it needs no sandbox, which not every system grants.
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        .args(["--no-pdf-header-footer", "--generate-pdf-document-outline"])
        .args([user, argument])
        .arg(format!("file://{}", source.display()))
        .output()
        .with_context(|| format!("cannot start {}", browser.display()))?;
    if !to.exists() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(PrintError::Failed { browser, said }.into());
    }
    Ok(())
}

/// Title, contents and text, with what the browser needs to set them.
fn document(title: &str, about: &str, lang: Lang, main: &str, dir: &Path) -> Result<String> {
    let chapters = RefCell::new(Vec::new());
    rewrite_str(
        main,
        RewriteStrSettings {
            element_content_handlers: vec![element!("h1[id]", |el| {
                chapters.borrow_mut().extend(el.get_attribute("id"));
                Ok(())
            })],
            ..RewriteStrSettings::new()
        },
    )?;
    let heading = |id: &String| {
        let start = main.find(&format!("<h1 id=\"{id}\">"))?;
        let text = &main[start + main[start..].find('>')? + 1..];
        text.get(..text.find("</h1>")?)
    };
    let contents: String = chapters
        .into_inner()
        .iter()
        .map(|id| format!("<li><a href=\"#{id}\">{}</a></li>", heading(id).unwrap_or(id)))
        .collect();
    let (code, title, about) = (lang.code(), escape(title), escape(about));
    let names = lang.pick(lang::CONTENTS);
    let highlight =
        (site::find(dir, "", "highlight", "css")?, site::find(dir, "", "highlight", "js")?);
    let (style, script) = highlight;
    Ok(format!(
        r##"<!DOCTYPE html>
<html lang="{code}">
<head>
<meta charset="utf-8">
<title>{title}</title>
<link rel="stylesheet" href="{style}">
<link rel="stylesheet" href="math/math.css">
<style>{css}
@page {{ size: A4; margin: 22mm 20mm 24mm; @bottom-center {{ content: counter(page); font: 9pt sans-serif; color: #555; }} }}
@page :first {{ @bottom-center {{ content: none; }} }}
html {{ font-size: 10.5pt; -webkit-print-color-adjust: exact; print-color-adjust: exact; }}
body {{ margin: 0; }}
.hljs {{ background: none; padding: 0; }}
.title {{ height: 60vh; padding-top: 30vh; text-align: center; break-after: page; }}
.title h1 {{ font-size: 3em; }}
.title p {{ max-width: 26em; margin: 0 auto; text-wrap: balance; }}
nav {{ break-after: page; }}
nav ol {{ list-style: none; padding: 0; line-height: 2.1; font-size: 1.1em; }}
nav a {{ text-decoration: none; }}
/* A hundred columns. */
pre {{ font-size: 7.7pt; }}
</style>
</head>
<body>
<section class="title"><h1>{title}</h1><p>{about}</p></section>
<nav><h2>{names}</h2><ol>{contents}</ol></nav>
{main}
<script src="{script}"></script>
<script>for (const code of document.querySelectorAll('pre code[class*="language-rust"]')) hljs.highlightBlock(code);</script>
</body>
</html>
"##,
        css = paper::CSS,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_browser_is_named_with_how_to_get_one() {
        let empty = tempfile::tempdir().unwrap();
        let error = match browser(None, Some(empty.path().into())) {
            // Where it is not in the path it may still be in its usual place.
            Ok(path) => return assert!(PLACES.contains(&path.to_str().unwrap())),
            Err(error) => error.to_string(),
        };
        assert!(error.contains("apt install chromium") && error.contains("CHROMIUM"), "{error}");
        let error = browser(Some("/no/such/browser".into()), None).unwrap_err().to_string();
        assert!(error.contains("/no/such/browser"), "{error}");
        let there = empty.path().join(format!("google-chrome{}", std::env::consts::EXE_SUFFIX));
        std::fs::write(&there, "").unwrap();
        assert_eq!(browser(None, Some(empty.path().into())).unwrap(), there);
    }
}
