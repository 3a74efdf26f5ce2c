//! The book of one language as an EPUB 3: the same pages as XHTML, with formulas and figures as SVG in them.

use crate::book::Chapter;
use crate::html::escape;
use crate::inline;
use crate::lang::{self, Lang};
use crate::paper::{self, paper, xhtml};
use crate::site::Prepared;
use anyhow::{Context as _, Result};
use lol_html::{RewriteStrSettings, element, rewrite_str};
use mdbook_driver::config::Config;
use std::io::Write;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

const CONTAINER: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="book/package.opf" media-type="application/oebps-package+xml"/></rootfiles></container>
"#;

/// A file of the book, below its root.
struct Part {
    name: String,
    kind: &'static str,
    properties: &'static str,
    bytes: Vec<u8>,
}

impl Part {
    fn new(name: impl Into<String>, kind: &'static str, bytes: impl Into<Vec<u8>>) -> Part {
        Part { name: name.into(), kind, properties: "", bytes: bytes.into() }
    }
}

/// Writes the book of this language into the file `to`.
pub fn write(site: &Prepared, config: &Config, lang: Lang, to: &Path) -> Result<()> {
    let text = |key: &str| -> Result<String> {
        let key = format!("output.press.{}.{key}", lang.code());
        Ok(config.get::<String>(&key)?.unwrap_or_default())
    };
    let (title, about) = (text("title")?, text("description")?);
    let pages = site.dir().join(lang.prefix());
    let chapters = site.book.in_lang(lang);
    let mut parts = vec![Part::new("title.xhtml", XHTML, title_page(&title, &about, lang))];
    for chapter in chapters {
        let page = std::fs::read_to_string(pages.join(chapter.page()))?;
        let main = xhtml(&to_parts(&paper(paper::main(&page)?)?)?)
            .with_context(|| format!("the page {}", chapter.page()))?;
        let mut part = Part::new(name(chapter), XHTML, document(&chapter.title, lang, &main));
        part.properties = if main.contains("<svg") { "svg" } else { "" };
        parts.push(part);
    }
    parts.push(Part {
        properties: "nav",
        ..Part::new("nav.xhtml", XHTML, contents(chapters, lang))
    });
    for entry in std::fs::read_dir(site.dir().join("math"))?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = if name.ends_with(".css") { "text/css" } else { "font/ttf" };
        parts.push(Part::new(format!("math/{name}"), kind, std::fs::read(entry.path())?));
    }
    parts.push(Part::new("paper.css", "text/css", paper::CSS));
    parts.sort_by(|a, b| (a.kind != XHTML, &a.name).cmp(&(b.kind != XHTML, &b.name)));
    let package = package(&title, &about, lang, chapters, &parts);
    pack(to, &package, &parts)
}

const XHTML: &str = "application/xhtml+xml";

fn name(chapter: &Chapter) -> String {
    format!("{}.xhtml", chapter.stem().replace('/', "-"))
}

/// Links between pages lead from part to part.
fn to_parts(html: &str) -> Result<String> {
    Ok(rewrite_str(
        html,
        RewriteStrSettings {
            element_content_handlers: vec![element!("a[href]", |el| {
                let href = el.get_attribute("href").unwrap_or_default();
                if !href.contains("://") {
                    el.set_attribute("href", &href.replacen(".html", ".xhtml", 1))?;
                }
                Ok(())
            })],
            ..RewriteStrSettings::new()
        },
    )?)
}

fn document(title: &str, lang: Lang, body: &str) -> String {
    let (code, title) = (lang.code(), escape(title));
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" lang="{code}" xml:lang="{code}">
<head><title>{title}</title><link rel="stylesheet" type="text/css" href="math/math.css"/><link rel="stylesheet" type="text/css" href="paper.css"/></head>
<body>{body}</body>
</html>
"#
    )
}

fn title_page(title: &str, about: &str, lang: Lang) -> String {
    let body = format!("<h1>{}</h1><p>{}</p>", escape(title), escape(about));
    document(title, lang, &body)
}

/// Chapters with their sections.
fn contents(chapters: &[Chapter], lang: Lang) -> String {
    let mut list = String::new();
    for chapter in chapters {
        let name = name(chapter);
        let sections: String = inline::sections(&chapter.text)
            .iter()
            .map(|(id, title)| {
                format!("<li><a href=\"{name}#{}\">{}</a></li>", escape(id), escape(title))
            })
            .collect();
        let sections = match sections.is_empty() {
            true => sections,
            false => format!("<ol>{sections}</ol>"),
        };
        list += &format!("<li><a href=\"{name}\">{}</a>{sections}</li>", escape(&chapter.title));
    }
    let word = lang.pick(lang::CONTENTS);
    let body = format!("<nav epub:type=\"toc\" id=\"toc\"><h1>{word}</h1><ol>{list}</ol></nav>");
    document(word, lang, &body)
}

fn package(title: &str, about: &str, lang: Lang, chapters: &[Chapter], parts: &[Part]) -> String {
    let id = |name: &str| format!("p-{}", name.replace(['/', '.'], "-"));
    let manifest: String = parts
        .iter()
        .map(|part| {
            let properties = match part.properties {
                "" => String::new(),
                properties => format!(" properties=\"{properties}\""),
            };
            let Part { name, kind, .. } = part;
            format!(
                "<item id=\"{}\" href=\"{name}\" media-type=\"{kind}\"{properties}/>\n",
                id(name)
            )
        })
        .collect();
    let front = ["title.xhtml".to_string(), "nav.xhtml".to_string()];
    let spine: String = front
        .into_iter()
        .chain(chapters.iter().map(name))
        .map(|name| format!("<itemref idref=\"{}\"/>\n", id(&name)))
        .collect();
    let (code, title, about) = (lang.code(), escape(title), escape(about));
    let modified = timestamp(SystemTime::now());
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id" xml:lang="{code}">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="id">batch-normalization-notebook-{code}</dc:identifier>
<dc:title>{title}</dc:title>
<dc:language>{code}</dc:language>
<dc:description>{about}</dc:description>
<dc:rights>MIT OR Apache-2.0</dc:rights>
<meta property="dcterms:modified">{modified}</meta>
</metadata>
<manifest>
{manifest}</manifest>
<spine>
{spine}</spine>
</package>
"#
    )
}

/// `2026-01-31T12:00:00Z`, as the format wants it.
fn timestamp(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Years are counted from March, in cycles of 400, so that the leap day is the last.
    let shifted = days + 719_468;
    let (cycle, day) = (shifted / 146_097, shifted % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (date, month) = (day - (153 * month + 2) / 5 + 1, (month + 2) % 12 + 1);
    let year = 400 * cycle + year + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}Z")
}

fn pack(to: &Path, package: &str, parts: &[Part]) -> Result<()> {
    let parent = to.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent)
        .with_context(|| format!("cannot write to {}", parent.display()))?;
    let file =
        std::fs::File::create(to).with_context(|| format!("cannot write {}", to.display()))?;
    let mut zip = ZipWriter::new(file);
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let small = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    // The type comes first and as it is, so that it can be read at a fixed place.
    zip.start_file("mimetype", stored)?;
    zip.write_all(b"application/epub+zip")?;
    zip.start_file("META-INF/container.xml", small)?;
    zip.write_all(CONTAINER.as_bytes())?;
    zip.start_file("book/package.opf", small)?;
    zip.write_all(package.as_bytes())?;
    for part in parts {
        zip.start_file(format!("book/{}", part.name), small)?;
        zip.write_all(&part.bytes)?;
    }
    zip.finish()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn dates() {
        for (seconds, date) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_826_245, "2000-02-29T12:10:45Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_767_225_600, "2026-01-01T00:00:00Z"),
        ] {
            assert_eq!(timestamp(UNIX_EPOCH + Duration::from_secs(seconds)), date);
        }
    }

    #[test]
    fn links_lead_from_part_to_part() {
        let html =
            "<a href=\"b.html#c\">1</a><a href=\"https://e.org/x.html\">2</a><a href=\"#d\">3</a>";
        assert_eq!(
            to_parts(html).unwrap(),
            "<a href=\"b.xhtml#c\">1</a><a href=\"https://e.org/x.html\">2</a><a href=\"#d\">3</a>"
        );
    }
}
