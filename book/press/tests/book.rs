//! The book in sync: every citation of this repository's own book resolves, in both languages alike.

use press::book::Project;
use press::memory::Memory;
use press::site;
use std::path::Path;

#[test]
fn the_book_is_in_sync() {
    let package = std::env::var("CARGO_MANIFEST_DIR").unwrap();
    match site::check(&Project::at(Path::new(&package).parent().unwrap()), &Memory::default()) {
        Ok(book) => {
            assert!(book.chapters.iter().all(|chapters| !chapters.is_empty()));
            assert!(!book.registry.is_empty());
        }
        Err(problems) => panic!("{problems}"),
    }
}
