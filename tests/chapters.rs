//! Every chapter is in the list at the end of `src/lib.rs`, so that its Rust blocks are tested.

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
