//! Every chapter is in the list at the end of `src/lib.rs`, so that its Rust blocks are tested; and what a
//! reader is told to look for in the code is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn the_rust_blocks_of_every_chapter_are_tested() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lib = fs::read_to_string(root.join("src/lib.rs")).unwrap();
    let list = lib.split("    chapters! {").nth(1).and_then(|rest| rest.split('}').next()).unwrap();
    let listed: BTreeSet<&str> = list.split_whitespace().collect();

    for language in ["ko", "en"] {
        for file in fs::read_dir(root.join("book").join(language)).unwrap() {
            let path = file.unwrap().path();
            let stem = path.file_stem().unwrap().to_str().unwrap();
            let has_rust = fs::read_to_string(&path).unwrap().contains("```rust");
            assert!(!has_rust || listed.contains(stem), "{} is not listed", path.display());
        }
    }
    for stem in listed {
        assert!(root.join(format!("tests/claims/{stem}.rs")).exists(), "{stem} is no chapter");
    }
}

#[test]
fn the_line_to_break_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |file: &str| fs::read_to_string(root.join(file)).unwrap();
    let kernel = read("src/norm.rs");
    for language in ["ko", "en"] {
        let text = read(&format!("book/{language}/introduction.md"));
        let section = text.split("{#break-it}").nth(1).unwrap();
        let line = section.split("```text\n").nth(1).and_then(|rest| rest.lines().next()).unwrap();
        assert_eq!(kernel.matches(line).count(), 1, "{language}: {line}");
    }
}
