//! A small book in both languages, built and looked at.

mod fixture;
use fixture::Fixture;
use lol_html::{RewriteStrSettings, element, rewrite_str};
use press::compose::Composed;
use press::memory::Memory;
use press::site;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Every value of an attribute on elements that the selector finds.
fn all(html: &str, selector: &str, attribute: &str) -> Vec<String> {
    let found = RefCell::new(Vec::new());
    rewrite_str(
        html,
        RewriteStrSettings {
            element_content_handlers: vec![element!(selector, |el| {
                found.borrow_mut().extend(el.get_attribute(attribute));
                Ok(())
            })],
            ..RewriteStrSettings::new()
        },
    )
    .unwrap();
    found.into_inner()
}

fn pages(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(pages(&path));
        } else if path.extension().is_some_and(|e| e == "html") {
            found.push(path);
        }
    }
    found
}

#[test]
fn both_languages_stand_where_they_should() {
    let fixture = Fixture::new();
    fixture.build(false).unwrap();
    let (ko, en) =
        (fixture.read("book/build/forward.html"), fixture.read("book/build/en/forward.html"));
    assert_eq!(all(&ko, "html", "lang"), ["ko"]);
    assert_eq!(all(&en, "html", "lang"), ["en"]);
    assert!(
        ko.contains("<title>순전파 - 배치 정규화</title>")
            && en.contains("<title>Forward - Batch Normalization</title>")
    );
    assert_eq!(all(&ko, "a.language", "href"), ["en/forward.html"]);
    assert_eq!(all(&en, "a.language", "href"), ["../forward.html"]);
    assert_eq!(all(&ko, "link[rel=alternate]", "href"), ["forward.html", "en/forward.html"]);
    assert_eq!(all(&fixture.read("book/build/404.html"), "a.language", "href"), ["en/index.html"]);
    assert_eq!(
        all(&fixture.read("book/build/en/404.html"), "a.language", "href"),
        ["../index.html"]
    );
    assert_eq!(all(&fixture.read("book/build/en/404.html"), "base", "href"), ["/en/"]);

    assert_eq!(all(&ko, "a.skip", "href"), ["#mdbook-content"]);

    // Korean in Korean, English as mdBook has it.
    assert!(ko.contains("이 책에서 찾기") && !ko.contains("Search this book"));
    assert!(en.contains("Search this book"));
    assert!(ko.contains("참고") && !ko.contains(">Note<") && !ko.contains("</svg>Note"));
    assert!(fixture.read("book/build/404.html").contains("쪽을 찾을 수 없습니다"));
    assert!(ko.contains("<strong>정규화(normalization)</strong>한"));
}

#[test]
fn everything_asked_for_is_on_the_page() {
    let fixture = Fixture::new();
    fixture.build(false).unwrap();
    for (page, output, caption) in [
        ("book/build/forward.html", "출력", "곡선은"),
        ("book/build/en/forward.html", "Output", "The curve meets"),
    ] {
        let html = fixture.read(page);
        let labels = all(&html, "[role=img]", "aria-label");
        for label in [
            "\\mu",
            "|x|",
            "\\hat{x}",
            "\\frac{1}{m}\\sum_i \\hat{x}_i = 0",
            "\\{x : \\varepsilon > 0\\}",
        ] {
            // lol_html hands attributes over as written.
            let written = label.replace('>', "&gt;");
            assert!(labels.contains(&written), "{label} is not among {labels:?}");
        }
        assert_eq!(all(&html, ".claim", "id"), ["claim-forward-mean_is_zero"]);
        assert!(html.contains("cargo test --test claims forward::mean_is_zero"));
        assert!(html.contains("cargo run --release --example forward"));
        assert!(html.contains("fn four() -&gt; Option&lt;u8&gt;") && !html.contains("ANCHOR"));
        assert!(html.contains("mean 4\n  &lt;x&gt;"));
        assert!(html.contains(output) && html.contains(caption));
        assert_eq!(all(&html, "figure.plot svg[role=img]", "viewBox").len(), 1);
        assert!(!html.contains("data-press"));
        assert!(all(&html, "pre.playground", "class").is_empty());
    }
    let ledger = fixture.read("book/build/en/claims.html");
    assert!(ledger.contains("<strong>1</strong> claims"), "totals");
    assert!(
        all(&ledger, "table.ledger a", "href")
            .contains(&"forward.html#claim-forward-mean_is_zero".to_string())
    );
    let source = fixture.read("book/build/source/tests/claims/forward.rs.html");
    assert!(source.contains("id=\"L5\""));
}

#[test]
fn no_page_asks_another_host_or_leaves_a_link_open() {
    let fixture = Fixture::new();
    fixture.build(false).unwrap();
    let root = fixture.project.dir.join("build");
    let mut looked_at = 0;
    for page in pages(&root) {
        let html = fs::read_to_string(&page).unwrap();
        let name = page.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        let subresources =
            ["script[src]", "img[src]", "iframe[src]"].map(|s| all(&html, s, "src")).concat();
        let sheets = all(&html, "link[href]", "href");
        // The 404 pages say where they stand with <base>, which for the fixture is where they stand.
        let base = page.parent().unwrap();
        for link in subresources.iter().chain(&sheets).chain(&all(&html, "a[href]", "href")) {
            if link.starts_with("https://") && all(&html, "a[href]", "href").contains(link) {
                continue;
            }
            assert!(!link.contains("//"), "{name} asks {link}");
            let (path, id) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { page.clone() } else { base.join(path) };
            assert!(target.exists(), "{name} leads to {link}");
            if !id.is_empty() {
                let ids: BTreeSet<String> =
                    all(&fs::read_to_string(&target).unwrap(), "[id]", "id").into_iter().collect();
                assert!(ids.contains(id), "{name} leads to {link}");
            }
            looked_at += 1;
        }
        // The fixture writes the directive once, as code.
        assert_eq!(
            html.matches("claim[").count(),
            html.matches("<code>claim[x::y]</code>").count(),
            "{name}"
        );
    }
    assert!(looked_at > 100);
}

#[test]
fn search_speaks_korean_and_holds_no_markup() {
    let fixture = Fixture::new();
    fixture.build(false).unwrap();
    let index = |dir: &str| {
        let dir = fixture.project.dir.join("build").join(dir);
        let file = fs::read_dir(&dir)
            .unwrap()
            .flatten()
            .find(|e| e.file_name().to_string_lossy().starts_with("searchindex"))
            .unwrap();
        fs::read_to_string(file.path()).unwrap()
    };
    let ko = index("");
    for beginning in ["정규화", "소실", "줄인다"] {
        // The inverted index is a tree of letters; its roots show what a query can begin with.
        let first = beginning.chars().next().unwrap();
        assert!(ko.contains(&format!("\"{first}\":{{")), "{beginning}");
    }
    assert!(index("en").contains("normalized"));
    for text in [ko, index("en")] {
        assert!(
            !text.contains("data-press") && !text.contains("<svg") && !text.contains("\\\\hat")
        );
        assert!(text.contains("x̂"));
    }
}

#[test]
fn a_broken_page_changes_nothing() {
    let fixture = Fixture::new();
    fixture.build(false).unwrap();
    let before = fixture.read("book/build/forward.html");
    fixture.edit("book/ko/forward.md", "\\frac{1}{m}", "\\fracc{1}{m}");
    assert!(fixture.build(false).unwrap_err().to_string().contains("book/ko/forward.md:14"));
    assert_eq!(fixture.read("book/build/forward.html"), before);
}

#[test]
fn a_draft_shows_what_is_missing() {
    let fixture = Fixture::new();
    fixture.remove("book/out/forward.txt");
    fixture.remove("book/out/claims/forward.mean_is_zero.json");
    fixture.remove("book/en/start.md");
    fixture.edit("book/ko/forward.md", "\\frac{1}{m}", "\\fracc{1}{m}");
    assert!(fixture.build(false).is_err());
    fixture.build(true).unwrap();
    let html = fixture.read("book/build/forward.html");
    assert_eq!(all(&html, ".draft", "class").len(), 3);
    assert!(html.contains("no output book/out/forward.txt"));
    assert!(!fixture.project.dir.join("build/en/start.html").exists());
}

#[test]
fn an_edit_is_shown_without_building_the_whole_site() {
    let fixture = Fixture::new();
    let config = site::config(&fixture.project).unwrap();
    let memory = Memory::default();
    let to = site::destination(&fixture.project, &config);
    let prepare = || site::prepare(&fixture.project, &config, &memory, false).unwrap();
    let edit = |made: &site::Made| {
        site::edit(&fixture.project, &config, &to, &memory, false, made).unwrap()
    };
    let made = prepare().put(&to).unwrap();
    let print = fixture.read("book/build/print.html");

    fixture.edit("book/ko/start.md", "줄인다", "없앤다 $x$");
    let made = edit(&made).unwrap();
    let shown = ["book/build/start.html", "book/build/index.html"].map(|page| fixture.read(page));
    assert!(shown.iter().all(|html| html.contains("없앤다") && html.contains("<svg")));
    assert_eq!(fixture.read("book/build/print.html"), print);
    // The whole site has the same pages, but for the name of the search index in them.
    prepare().put(&to).unwrap();
    let whole = fixture.read("book/build/start.html");
    let text =
        |html: &str| html[html.find("<main>").unwrap()..html.find("</main>").unwrap()].to_string();
    assert_eq!(text(&whole), text(&shown[0]));

    // What takes more than a page.
    fixture.edit("book/ko/start.md", "$x$", "$\\mathbb{R}$");
    assert!(edit(&made).is_none());
}

#[test]
fn the_first_use_of_a_letter_leads_to_its_meaning() {
    let fixture = Fixture::new();
    fixture.write(
        "book/notation.toml",
        "symbols = [{ id = \"x\", tex = 'x', ko = \"값 $x$\", en = \"a value $x$\" }, { id = \"m\", tex = 'm', ko = \"수\", en = \"number\", except = [\"forward\"] }]\n",
    );
    for lang in ["ko", "en"] {
        let start = format!("book/{lang}/start.md");
        let text = fixture.read(&start);
        fixture.write(
            &start,
            &format!("{text}\n## $x$ {{#x}}\n\n[$x$](forward.md), $x + m$, $x$ and $m$.\n"),
        );
        let ledger = format!("book/{lang}/claims.md");
        let text = fixture.read(&ledger);
        fixture.write(&ledger, &format!("{text}\n\nnotation[]\n"));
    }
    fixture.build(false).unwrap();
    let links = |page: &str| all(&fixture.read(page), "a.symbol", "href");
    assert_eq!(links("book/build/en/start.html"), ["claims.html#notation-x"]);
    assert_eq!(links("book/build/forward.html"), ["claims.html#notation-x"]);
    let titles = all(&fixture.read("book/build/start.html"), "a.symbol", "title");
    assert_eq!(titles, ["x: 값 x\u{2003}m: 수"]);
    let ids = all(&fixture.read("book/build/claims.html"), "table.notation tr[id]", "id");
    assert_eq!(ids, ["notation-x", "notation-m"]);

    fixture
        .write("book/notation.toml", "symbols = [{ id = 'x', tex = 'x + y', ko = '', en = '' }]\n");
    assert_eq!(fixture.problems(), ["book/notation.toml: `x + y` is not one letter"]);
}

#[test]
fn what_is_gone_from_the_book_goes_from_the_site() {
    let fixture = Fixture::new();
    fixture.build(false).unwrap();
    for lang in ["ko", "en"] {
        let summary = format!("book/{lang}/SUMMARY.md");
        let kept: String = fixture
            .read(&summary)
            .lines()
            .filter(|l| !l.contains("start.md"))
            .map(|l| format!("{l}\n"))
            .collect();
        fixture.write(&summary, &kept);
        fixture.remove(&format!("book/{lang}/start.md"));
    }
    fixture.build(false).unwrap();
    assert!(!fixture.project.dir.join("build/start.html").exists());
    assert!(fixture.project.dir.join("build/en/forward.html").exists());
}

#[test]
fn a_page_of_another_mdbook_is_refused() {
    let page = "<html><head></head><body><div class=\"right-buttons\"></div></body></html>";
    assert!(
        press::page::finish(page, press::lang::Lang::En, "a.html", &Composed::default()).is_ok()
    );
    let error = press::page::finish(page, press::lang::Lang::Ko, "a.html", &Composed::default())
        .unwrap_err()
        .to_string();
    assert!(error.contains("mdbook-sidebar") && error.contains("mdBook"), "{error}");
    assert!(press::page::localize_script("book", "").is_err());
}
