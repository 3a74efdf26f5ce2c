//! What the book shows is what the examples do: their committed text and figures are drawn anew and
//! compared byte for byte, and their errors are looked at.
//!
//! Nothing here allows for rounding. The library, and the kit of the experiments, take their sums in a
//! fixed order and their exp, ln and cos from `libm`, so every machine gets the same digits.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;
use std::{env, fs};
use tempfile::TempDir;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Where the examples are, built from the sources as they are now.
static EXAMPLES: LazyLock<PathBuf> = LazyLock::new(|| {
    // This test is <target>/<profile>/deps/outputs-…
    let test = env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let name = match profile.file_name().and_then(|n| n.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    // The packages that plain `cargo test` has just built them for: then there is nothing left to build.
    let build = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--examples"])
        .args(["--profile", name])
        .arg("--target-dir")
        .arg(profile.parent().unwrap())
        .current_dir(ROOT)
        .output()
        .unwrap();
    assert!(build.status.success(), "{}", String::from_utf8_lossy(&build.stderr));
    profile.join("examples")
});

/// The chapters that have an example.
fn stems() -> BTreeSet<String> {
    let files = fs::read_dir(Path::new(ROOT).join("examples")).unwrap().map(|e| e.unwrap().path());
    let stems: BTreeSet<String> = files
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_string())
        .collect();
    assert!(stems.contains("covariate_shift"), "{stems:?}");
    stems
}

fn example(stem: &str, arguments: &[&str]) -> Output {
    Command::new(EXAMPLES.join(stem)).args(arguments).current_dir(ROOT).output().unwrap()
}

/// Runs an example that must succeed.
fn run(stem: &str, arguments: &[&str]) {
    let output = example(stem, arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stem} {arguments:?}: {said}");
}

/// The committed files of a chapter, or those of a run: name and content.
fn files(out: &Path, stem: &str) -> BTreeMap<String, String> {
    let inside = fs::read_dir(out.join(stem)).map(|dir| dir.map(|e| e.unwrap().path()).collect());
    let mut paths: Vec<PathBuf> = inside.unwrap_or_default();
    paths.push(out.join(format!("{stem}.txt")));
    let read = |path: PathBuf| {
        let name = path.strip_prefix(out).unwrap().to_str().unwrap().to_string();
        Some((name, fs::read_to_string(path).ok()?))
    };
    paths.into_iter().filter_map(read).collect()
}

fn first_difference(a: &str, b: &str) -> String {
    let (mut a, mut b) = (a.lines(), b.lines());
    for line in 1.. {
        match (a.next(), b.next()) {
            (None, None) => break,
            (a, b) if a != b => {
                let cut = |text: Option<&str>| {
                    text.map_or("(nothing)".into(), |t| t.chars().take(300).collect::<String>())
                };
                return format!("line {line}\n  committed: {}\n  now:       {}", cut(a), cut(b));
            }
            _ => {}
        }
    }
    "the ends of lines".into()
}

/// Compares the committed file with what a run has written.
fn compare(
    name: &str,
    committed: Option<&String>,
    now: Option<&String>,
    refresh: &str,
) -> Option<String> {
    let what = match (committed, now) {
        (Some(a), Some(b)) if a == b => return None,
        (Some(a), Some(b)) => first_difference(a, b),
        (None, _) => "is not committed".into(),
        (_, None) => "is written by no example any more".into(),
    };
    Some(format!("book/out/{name}: {what}\n  to refresh: {refresh}"))
}

#[test]
fn the_committed_output_is_what_the_examples_say() {
    let mut problems = Vec::new();
    for stem in stems() {
        let dir = TempDir::new().unwrap();
        let out = dir.path().to_str().unwrap();
        // An experiment takes long. Its table, verdict and figures are made here from the committed
        // numbers, which the next test holds against a short run.
        let results = format!("book/out/{stem}/results.json");
        let mut arguments = vec!["--out", out];
        if Path::new(ROOT).join(&results).exists() {
            arguments.extend(["--redraw", &results]);
        }
        run(&stem, &arguments);

        let committed = files(&Path::new(ROOT).join("book/out"), &stem);
        let now = files(dir.path(), &stem);
        let short_run = format!("{stem}/quick.json");
        let refresh = format!("cargo run --release --example {stem} -- --out book/out");
        let names: BTreeSet<&String> = committed.keys().chain(now.keys()).collect();
        for name in names.into_iter().filter(|name| **name != short_run) {
            problems.extend(compare(name, committed.get(name), now.get(name), &refresh));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn a_short_run_of_an_experiment_gives_the_committed_numbers() {
    let mut experiments = 0;
    for stem in stems() {
        let out = Path::new(ROOT).join("book/out").join(&stem);
        if !out.join("results.json").exists() {
            continue;
        }
        experiments += 1;
        let dir = TempDir::new().unwrap();
        run(&stem, &["--quick", "--out", dir.path().to_str().unwrap()]);
        let read = |path: PathBuf| fs::read_to_string(path).ok();
        let (committed, now) =
            (read(out.join("quick.json")), read(dir.path().join(&stem).join("quick.json")));
        let refresh = format!(
            "cargo run --release --example {stem} -- --quick --out book/out, and the same without --quick"
        );
        let name = format!("{stem}/quick.json");
        let problem = compare(&name, committed.as_ref(), now.as_ref(), &refresh);
        assert_eq!(problem, None, "{}", problem.as_deref().unwrap_or_default());
    }
    assert!(experiments > 0, "no results.json anywhere in book/out");
}

/// Both must come out of one program: the same version, data and search.
#[test]
fn the_short_and_the_full_run_have_the_same_settings() {
    for stem in stems() {
        let out = Path::new(ROOT).join("book/out").join(&stem);
        let read = |name: &str| -> Option<serde_json::Value> {
            serde_json::from_str(&fs::read_to_string(out.join(name)).ok()?).ok()
        };
        let (Some(full), Some(quick)) = (read("results.json"), read("quick.json")) else {
            continue;
        };
        for key in ["version", "data", "training", "validation", "test", "batch", "rates", "goal"] {
            assert!(!full[key].is_null(), "{stem}: no `{key}`");
            assert_eq!(full[key], quick[key], "{stem}: `{key}`");
        }
        assert_eq!(full["version"], env!("CARGO_PKG_VERSION"), "{stem}: run it again");
        assert!(full["seeds"].as_array().is_some_and(|seeds| seeds.len() >= 5), "{stem}");
    }
}

/// What it says on standard error, for arguments that it must refuse.
fn refusal(arguments: &[&str]) -> String {
    let output = example("covariate_shift", arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{arguments:?} succeeded");
    assert!(!said.contains("panicked"), "{arguments:?}: {said}");
    said
}

#[test]
fn a_wrong_command_line_is_refused_in_words() {
    for (arguments, words) in [
        (&["--frobnicate"][..], &["--frobnicate"][..]),
        (&["nothing_of_the_kind"], &["no cell `nothing_of_the_kind`", "shift", "experiment"]),
        (&["--seeds", "0"], &["0", "--seeds"]),
        (&["--seeds", "1"], &["1", "2.."]),
        (&["--steps", "0"], &["0", "--steps"]),
        (&["--seed", "some"], &["--seed", "some"]),
        (&["experiment", "--data", "no/such/place"], &["no/such/place", "train-images-idx3-ubyte"]),
        (&["experiment", "--redraw", "no/such.json"], &["no/such.json"]),
        (&["experiment", "--redraw", "Cargo.toml"], &["Cargo.toml", "line 1"]),
        (&["--redraw", "a.json", "--quick"], &["--quick"]),
        (&["shift", "--out", "somewhere"], &["--out"]),
        (&["--out", "Cargo.toml"], &["cannot write to Cargo.toml"]),
    ] {
        let said = refusal(arguments);
        for word in words {
            assert!(said.contains(word), "{arguments:?}: {said}");
        }
    }
}

#[test]
fn an_example_without_an_experiment_has_no_seeds() {
    let output = example("forward", &["--seeds", "3"]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("--seeds"));
}

#[test]
fn help_names_every_option() {
    let output = example("covariate_shift", &["--help"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success());
    for option in ["--seed", "--seeds", "--steps", "--quick", "--data", "--redraw", "--out"] {
        assert!(said.contains(option), "{said}");
    }
}

#[test]
fn one_cell_runs_alone() {
    let output = example("covariate_shift", &["detached"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.starts_with("## detached\n") && said.matches("## ").count() == 1, "{said}");
}

#[test]
fn what_fails_leaves_no_file() {
    let dir = TempDir::new().unwrap();
    let out = dir.path().to_str().unwrap();
    refusal(&["--data", "no/such/place", "--out", out]);
    let mut left = fs::read_dir(dir.path().join("covariate_shift")).unwrap();
    assert!(left.next().is_none() && !dir.path().join("covariate_shift.txt").exists());
}
