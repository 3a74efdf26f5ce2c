//! What the book shows is what the examples do: their committed text and figures are drawn anew and
//! compared byte for byte, and their errors are looked at.
//!
//! Nothing here allows for rounding. The library, and the kit of the experiments, take their sums in a
//! fixed order, and their exp, ln and cos are those of `libm`, so every machine gets the same digits.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;
use std::time::Duration;
use std::{env, fs, thread};
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

/// The experiments of a chapter: those whose numbers are committed, whichever run they are of.
fn experiments(stem: &str) -> BTreeSet<String> {
    let committed = files(&Path::new(ROOT).join("book/out"), stem);
    let names = committed.keys().filter_map(|name| name.strip_suffix(".json"));
    // forward/experiment, forward/experiment.quick, forward/experiment.fashion.full
    names.map(|name| name.split('.').next().unwrap_or(name).to_string()).collect()
}

#[test]
fn the_committed_output_is_what_the_examples_say() {
    let mut problems = Vec::new();
    for stem in stems() {
        let dir = TempDir::new().unwrap();
        let mut arguments = vec!["--out", dir.path().to_str().unwrap()];
        // An experiment takes long. Its table, verdict and figures are made here from the committed
        // numbers, which the next test holds against a short run.
        if !experiments(&stem).is_empty() {
            arguments.extend(["--redraw", "book/out"]);
        }
        run(&stem, &arguments);

        let committed = files(&Path::new(ROOT).join("book/out"), &stem);
        let now = files(dir.path(), &stem);
        let refresh = format!("cargo run --release --example {stem} -- --out book/out");
        let names: BTreeSet<&String> = committed.keys().chain(now.keys()).collect();
        for name in names.into_iter().filter(|name| !name.ends_with(".quick.json")) {
            problems.extend(compare(name, committed.get(name), now.get(name), &refresh));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn a_short_run_of_an_experiment_gives_the_committed_numbers() {
    let (mut problems, mut ran) = (Vec::new(), 0);
    for stem in stems() {
        let names = experiments(&stem);
        if names.is_empty() {
            continue;
        }
        let dir = TempDir::new().unwrap();
        run(&stem, &["--quick", "--out", dir.path().to_str().unwrap()]);
        let committed = files(&Path::new(ROOT).join("book/out"), &stem);
        let now = files(dir.path(), &stem);
        let refresh = format!(
            "cargo run --release --example {stem} -- --quick --out book/out, and the same without --quick"
        );
        for name in names {
            let name = format!("{name}.quick.json");
            problems.extend(compare(&name, committed.get(&name), now.get(&name), &refresh));
            ran += 1;
        }
        assert!(now.keys().all(|name| name.ends_with(".quick.json")), "{:?}", now.keys());
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(ran > 0, "no results of an experiment anywhere in book/out");
}

/// The runs that are committed beside the usual one of an experiment: of other images, and of the paper's size.
const VARIANTS: [&str; 3] = ["fashion", "full", "fashion.full"];

/// All must come out of one program.
#[test]
fn all_runs_of_an_experiment_have_the_same_settings() {
    for stem in stems() {
        for name in experiments(&stem) {
            let read = |name: &str| -> serde_json::Value {
                let text = fs::read_to_string(Path::new(ROOT).join("book/out").join(name));
                serde_json::from_str(&text.unwrap_or_else(|e| panic!("{name}: {e}"))).unwrap()
            };
            let keys = |value: &serde_json::Value| -> BTreeSet<String> {
                value.as_object().unwrap().keys().cloned().collect()
            };
            let usual = read(&format!("{name}.json"));
            for file in files(&Path::new(ROOT).join("book/out"), &stem).into_keys() {
                let Some(run) = file.strip_prefix(&name).and_then(|f| f.strip_suffix(".json"))
                else {
                    continue;
                };
                let run = run.trim_start_matches('.');
                assert!(
                    ["", "quick"].iter().chain(&VARIANTS).any(|v| *v == run),
                    "{file}: of what?"
                );
                let results = read(&file);
                assert_eq!(keys(&results), keys(&usual), "{file}");
                assert_eq!(results["version"], env!("CARGO_PKG_VERSION"), "{file}: run it again");
                let seeds = results["seeds"].as_array().map_or(0, Vec::len);
                assert!(seeds >= if run == "quick" { 2 } else { 5 }, "{file}: {seeds} seeds");
                if run.starts_with("fashion") {
                    assert_eq!(results["data"], "Fashion-MNIST", "{file}");
                }
            }
        }
    }
}

/// Four small files of the MNIST format: 1200 images to learn from and 120 to judge by, of 6 × 6 pixels in
/// ten classes, each class with its own pattern below some noise.
fn small_images(dir: &Path) {
    let mut state = 1_u32;
    for (prefix, count) in [("train", 1200_u32), ("t10k", 120)] {
        let mut pixels = [0x803, count, 6, 6].map(u32::to_be_bytes).concat();
        let mut labels = [0x801, count].map(u32::to_be_bytes).concat();
        for i in 0..count {
            labels.push((i % 10) as u8);
            for pixel in 0..36 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let pattern = if pixel % 10 == i % 10 { 128 } else { 0 };
                pixels.push(pattern + (state >> 25) as u8);
            }
        }
        fs::write(dir.join(format!("{prefix}-images-idx3-ubyte")), pixels).unwrap();
        fs::write(dir.join(format!("{prefix}-labels-idx1-ubyte")), labels).unwrap();
    }
}

/// Fashion-MNIST itself is too large to come along.
#[test]
fn other_images_leave_their_own_files() {
    let (data, dir) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    small_images(data.path());
    let [data, out] = [&data, &dir].map(|dir| dir.path().to_str().unwrap());
    for (stem, name) in [
        ("choosing", "methods"),
        ("covariate_shift", "experiment"),
        ("generalization", "experiment"),
        ("group_norm", "batch_size"),
        ("instance_norm", "lighting"),
        ("placement", "experiment"),
    ] {
        run(stem, &["--experiment", name, "--quick", "--data", data, "--out", out]);
        let left = files(dir.path(), stem);
        let names: Vec<&String> = left.keys().collect();
        let name = format!("{stem}/{name}.data.quick.json");
        assert_eq!(names, [&name]);
        let results: serde_json::Value = serde_json::from_str(&left[&name]).unwrap();
        assert_eq!(results["data"], "MNIST-format files", "{name}");
    }
}

/// What is kept of a run with other images is made again from its numbers, as that of the usual run is.
#[test]
fn the_verdict_of_a_variant_is_that_of_its_numbers() {
    let dir = TempDir::new().unwrap();
    let home = dir.path().join("placement");
    fs::create_dir(&home).unwrap();
    let usual = Path::new(ROOT).join("book/out/placement/experiment.json");
    let truth = fs::read_to_string(usual).unwrap();
    let claimed = truth.replace("partly reproduced", "reproduced");
    assert_ne!(truth, claimed);
    fs::write(home.join("experiment.json"), &truth).unwrap();
    fs::write(home.join("experiment.fashion.json"), claimed).unwrap();
    let place = dir.path().to_str().unwrap();
    run("placement", &["--redraw", place, "--out", place]);
    assert_eq!(fs::read_to_string(home.join("experiment.fashion.json")).unwrap(), truth);
    let table = fs::read_to_string(home.join("experiment.fashion.txt")).unwrap();
    assert!(table.contains("partly reproduced"), "{table}");
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
        (&["--seed", "some"], &["--seed", "some"]),
        (&["--experiment", "none"], &["no experiment `none`", "experiment"]),
        (&["--lang", "fr"], &["fr", "`ko` and `en`"]),
        (&["--quick", "--full"], &["--full"]),
        (&["experiment", "--data", "no/such/place"], &["no/such/place", "train-images-idx3-ubyte"]),
        (&["experiment", "--redraw", "no/such"], &["no/such/covariate_shift/experiment.json"]),
        (&["--redraw", "book/out", "--quick"], &["--quick"]),
        (&["--redraw", "book/out", "--data", "somewhere"], &["--data"]),
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
fn help_names_every_option() {
    let output = example("covariate_shift", &["--help"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success());
    for option in [
        "dataset-fashion-mnist",
        "--experiment",
        "--seed",
        "--seeds",
        "--quick",
        "--full",
        "--data",
        "--redraw",
        "--lang",
        "--out",
    ] {
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
    // One file of four is there, and it is cut.
    let data = TempDir::new().unwrap();
    for name in ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"] {
        fs::write(data.path().join(name), [0, 0, 8, 3, 0]).unwrap();
    }
    let broken = TempDir::new().unwrap();
    fs::create_dir(broken.path().join("covariate_shift")).unwrap();
    fs::write(broken.path().join("covariate_shift/experiment.json"), "{\"version\":").unwrap();
    for wrong in [
        ["--data", "no/such/place"],
        ["--data", data.path().to_str().unwrap()],
        ["--redraw", broken.path().to_str().unwrap()],
    ] {
        let dir = TempDir::new().unwrap();
        refusal(&[&wrong[..], &["--out", dir.path().to_str().unwrap()]].concat());
        let left = files(dir.path(), "covariate_shift");
        assert!(left.is_empty(), "{wrong:?}: {:?}", left.keys());
    }
}

/// Half-way through, or at any other time before its end.
#[test]
fn what_is_interrupted_leaves_no_file() {
    for after in [0, 300, 1500] {
        let dir = TempDir::new().unwrap();
        let mut started = Command::new(EXAMPLES.join("covariate_shift"))
            .args(["--experiment", "experiment", "--full", "--out"])
            .arg(dir.path())
            .current_dir(ROOT)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        thread::sleep(Duration::from_millis(after));
        started.kill().unwrap();
        assert!(!started.wait().unwrap().success());
        let left = files(dir.path(), "covariate_shift");
        assert!(left.keys().all(|name| name.contains("/.probe.")), "{:?}", left.keys());
    }
}

#[test]
fn too_few_images_are_refused_in_numbers() {
    let data = TempDir::new().unwrap();
    for prefix in ["train", "t10k"] {
        let images = [[0x803, 20, 1, 1].map(u32::to_be_bytes).concat(), vec![0; 20]].concat();
        let labels = [[0x801, 20].map(u32::to_be_bytes).concat(), vec![1; 20]].concat();
        fs::write(data.path().join(format!("{prefix}-images-idx3-ubyte")), images).unwrap();
        fs::write(data.path().join(format!("{prefix}-labels-idx1-ubyte")), labels).unwrap();
    }
    let out = TempDir::new().unwrap();
    let [data, to] = [&data, &out].map(|dir| dir.path().to_str().unwrap());
    for (stem, words) in
        [("covariate_shift", "no batch of 60"), ("generalization", "100 images for training")]
    {
        let arguments = ["--experiment", "experiment", "--quick", "--data", data, "--out", to];
        let output = example(stem, &arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && !said.contains("panicked"), "{stem}: {said}");
        assert!(said.contains(words), "{stem}: {said}");
        assert!(files(out.path(), stem).is_empty());
    }
}

#[test]
fn the_verdict_is_that_of_the_numbers() {
    let dir = TempDir::new().unwrap();
    let kept = dir.path().join("covariate_shift/experiment.json");
    fs::create_dir(kept.parent().unwrap()).unwrap();
    let truth =
        fs::read_to_string(Path::new(ROOT).join("book/out/covariate_shift/experiment.json"));
    let truth = truth.unwrap();
    let claimed = truth.replace("\"verdict\":\"reproduced\"", "\"verdict\":\"did not reproduce\"");
    assert_ne!(truth, claimed);
    fs::write(&kept, claimed).unwrap();
    let home = dir.path().to_str().unwrap();
    run("covariate_shift", &["--redraw", home, "--lang", "ko", "--out", home]);
    assert_eq!(fs::read_to_string(&kept).unwrap(), truth);
    let drawn = files(dir.path(), "covariate_shift");
    assert!(drawn.keys().any(|name| name.ends_with(".ko.svg")));
    assert!(!drawn.keys().any(|name| name.ends_with(".en.svg")));
}
