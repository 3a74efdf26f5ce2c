//! Every layer can be taken out of this crate: the file and the files it names compile on their own,
//! with ndarray as the only dependency.
//!
//! Nothing is listed by hand. The layers are the files in `src/`; what each needs is what its
//! `use super::…` lines name, and what those files name in turn. A file behind a feature, which has a
//! dependency of its own, is no layer.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

/// The sibling modules that `source` names in `use super::name…` or `use super::{name…}` lines.
fn siblings(source: &str) -> BTreeSet<String> {
    source
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("use super::"))
        .map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
        .filter(|name: &String| !name.is_empty()) // `use super::*` of a file's own tests
        .collect()
}

/// `module` and every module it needs, directly or not.
fn closure(src: &Path, module: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![module.to_string()];
    while let Some(module) = open.pop() {
        let source = fs::read_to_string(src.join(format!("{module}.rs"))).unwrap();
        if found.insert(module) {
            open.extend(siblings(&source));
        }
    }
    found
}

#[test]
fn every_file_compiles_with_the_files_it_names_and_ndarray_alone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let src = root.join("src");
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("copyable");
    let _ = fs::remove_dir_all(copy.join("src"));

    // One crate with a module for each layer, which holds the copied files of that layer and no other:
    // `mod layer { mod error; mod scalar; … mod layer; }`, as in a project that took just these.
    let all = fs::read_to_string(src.join("lib.rs")).unwrap();
    let mut lib = String::new();
    let mut layers = Vec::new();
    for entry in fs::read_dir(&src).unwrap() {
        let path = entry.unwrap().path();
        let layer = path.file_stem().unwrap().to_str().unwrap().to_string();
        if path.extension().is_none_or(|e| e != "rs") || layer == "lib" {
            continue;
        }
        if all.contains(&format!("#[cfg(feature = \"{layer}\")]\npub mod {layer};")) {
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        assert!(!source.contains("use crate::"), "{layer}.rs: `crate::` breaks when copied");
        let dir = copy.join("src").join(format!("take_{layer}"));
        fs::create_dir_all(&dir).unwrap();
        let mut modules = String::new();
        for file in closure(&src, &layer) {
            fs::copy(src.join(format!("{file}.rs")), dir.join(format!("{file}.rs"))).unwrap();
            modules += &format!("pub mod {file};\n");
        }
        fs::write(dir.join("mod.rs"), modules).unwrap();
        lib += &format!("pub mod take_{layer};\n");
        layers.push(layer);
    }
    assert!(layers.iter().any(|l| l == "batch_norm"), "found {layers:?}");
    fs::write(copy.join("src/lib.rs"), lib).unwrap();
    fs::write(
        copy.join("Cargo.toml"),
        "[package]\nname = \"copy\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
         [dependencies]\nndarray = \"0.17\"\n[workspace]\n",
    )
    .unwrap();
    // The versions this repository is tested with; what the copy does not need is dropped by cargo.
    fs::copy(root.join("Cargo.lock"), copy.join("Cargo.lock")).unwrap();

    let check = Command::new(env!("CARGO"))
        .args(["check", "--quiet", "--offline", "--manifest-path"])
        .arg(copy.join("Cargo.toml"))
        .env("CARGO_TARGET_DIR", copy.join("target"))
        .output()
        .unwrap();
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
}

/// The table in the README says which files a layer takes.
#[test]
fn the_readme_names_these_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for readme in ["README.md", "README.ko.md"] {
        let text = fs::read_to_string(root.join(readme)).unwrap();
        let rows = text.lines().filter(|line| line.starts_with("| ") && line.contains(".rs`"));
        let mut layers = BTreeSet::new();
        for row in rows {
            let named: Vec<_> = row.split('`').filter_map(|f| f.strip_suffix(".rs")).collect();
            let needed = closure(&root.join("src"), named[0]);
            assert_eq!(named.iter().map(ToString::to_string).collect::<BTreeSet<_>>(), needed);
            layers.insert(named[0].to_string());
        }
        let all = fs::read_dir(root.join("src")).unwrap().map(|file| file.unwrap().path());
        let all = all.filter(|path| path.to_str().unwrap().ends_with("_norm.rs"));
        let all: BTreeSet<_> =
            all.map(|path| path.file_stem().unwrap().to_str().unwrap().to_string()).collect();
        let missing: Vec<_> = all.difference(&layers).collect();
        assert!(missing.is_empty(), "not in {readme}: {missing:?}");
    }
}
