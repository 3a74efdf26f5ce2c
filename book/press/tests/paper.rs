//! The small book as an EPUB.

mod fixture;
use fixture::Fixture;
use press::lang::Lang;
use press::memory::Memory;
use press::{epub, site};
use std::io::Read;

#[test]
fn an_epub_holds_the_book() {
    let fixture = Fixture::new();
    let config = site::config(&fixture.project).unwrap();
    let site = site::prepare(&fixture.project, &config, &Memory::default(), false).unwrap();
    let dir = tempfile::tempdir().unwrap();
    for lang in Lang::ALL {
        let to = dir.path().join(format!("new/{}.epub", lang.code()));
        epub::write(&site, &config, lang, &to).unwrap();
        let mut zip = zip::ZipArchive::new(std::fs::File::open(&to).unwrap()).unwrap();
        let first = zip.by_index(0).unwrap();
        assert_eq!(
            (first.name(), first.compression()),
            ("mimetype", zip::CompressionMethod::Stored)
        );
        drop(first);
        let mut read = |name: &str| {
            let mut text = String::new();
            zip.by_name(name).unwrap().read_to_string(&mut text).unwrap();
            text
        };
        let package = read("book/package.opf");
        let part = "<item id=\"p-forward-xhtml\" href=\"forward.xhtml\" media-type=\"application/xhtml+xml\" properties=\"svg\"/>";
        assert!(package.contains(part), "{package}");
        let spine: Vec<usize> = ["title", "nav", "start", "forward", "claims"]
            .iter()
            .map(|name| package.find(&format!("idref=\"p-{name}-xhtml\"")).unwrap())
            .collect();
        assert!(spine.is_sorted(), "{spine:?}");
        assert!(read("book/nav.xhtml").contains("href=\"forward.xhtml#mean\""));
        assert!(read("book/start.xhtml").contains("href=\"forward.xhtml#mean\""));
        let forward = read("book/forward.xhtml");
        assert!(forward.contains("<code>forward::mean_is_zero</code>"));
        assert!(
            forward.contains("<svg") && forward.contains("xmlns=\"http://www.w3.org/2000/svg\"")
        );
        assert!(!forward.contains("source/") && !forward.contains("<summary>"));
        assert!(read("book/math/math.css").contains("KaTeX_Main-Regular.ttf"));
    }
}
