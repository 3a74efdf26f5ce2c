//! The recorded outputs anew: every example is run, and what it now says otherwise is told number by number.

use crate::book::Project;
use crate::problem::there_are;
use anyhow::{Context as _, Error, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The stems of all examples, in order.
pub fn stems(project: &Project) -> Result<Vec<String>> {
    let dir = project.repository.join("examples");
    let files =
        std::fs::read_dir(&dir).with_context(|| format!("no directory {}", dir.display()))?;
    let mut stems: Vec<String> = files
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".rs").map(str::to_string))
        .collect();
    stems.sort();
    Ok(stems)
}

/// Runs the examples, or only these, and returns what changed in `book/out`, a line for each number.
pub fn refresh(project: &Project, only: &[String]) -> Result<Vec<String>> {
    let all = stems(project)?;
    if let Some(unknown) = only.iter().find(|stem| !all.contains(stem)) {
        let known = there_are(unknown, all.iter().map(String::as_str));
        return Err(Error::msg(format!("no examples/{unknown}.rs; {known}")));
    }
    let stems = if only.is_empty() { &all[..] } else { only };
    let out = project.dir.join("out");
    let mut changes = Vec::new();
    for (i, stem) in stems.iter().enumerate() {
        eprintln!("[{}/{}] {stem}", i + 1, stems.len());
        let before = recorded(&out, stem)?;
        run(project, stem)?;
        for line in compare(&before, &recorded(&out, stem)?) {
            changes.push(format!("{}/{line}", project.name(&out)));
        }
    }
    Ok(changes)
}

fn run(project: &Project, stem: &str) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
    let status = Command::new(cargo)
        .args(["run", "--quiet", "--release", "--example", stem, "--", "--out"])
        .arg(project.dir.join("out"))
        .current_dir(&project.repository)
        .stdout(Stdio::null())
        .status()
        .context("cannot start cargo")?;
    match status.success() {
        true => Ok(()),
        false => Err(Error::msg(format!(
            "the example {stem} failed ({status}); `cargo run --release --example {stem}` shows how"
        ))),
    }
}

/// What an example has written: names below the directory of outputs, and contents.
type Recorded = BTreeMap<String, String>;

fn recorded(out: &Path, stem: &str) -> Result<Recorded> {
    let mut found = Recorded::new();
    let mut open = vec![PathBuf::from(format!("{stem}.txt")), PathBuf::from(stem)];
    while let Some(below) = open.pop() {
        let path = out.join(&below);
        if path.is_dir() {
            for entry in std::fs::read_dir(&path)? {
                open.push(below.join(entry?.file_name()));
            }
        } else if path.exists() {
            let bytes = std::fs::read(&path)?;
            let name = below.to_string_lossy().replace('\\', "/");
            found.insert(name, String::from_utf8_lossy(&bytes).into_owned());
        }
    }
    Ok(found)
}

fn compare(before: &Recorded, after: &Recorded) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, old) in before {
        match after.get(name) {
            None => lines.push(format!("{name}: gone")),
            Some(new) if new == old => {}
            Some(new) if name.ends_with(".txt") => {
                lines.extend(numbers(old, new).iter().map(|line| format!("{name}:{line}")));
            }
            Some(_) => lines.push(format!("{name}: drawn otherwise")),
        }
    }
    let fresh = after.keys().filter(|name| !before.contains_key(*name));
    lines.extend(fresh.map(|name| format!("{name}: new")));
    lines
}

/// `12 [table]: 0.25 → 0.5`, by lines of the new text.
fn numbers(old: &str, new: &str) -> Vec<String> {
    let (old, new) = (sections(old), sections(new));
    let mut found = Vec::new();
    for (name, (start, lines)) in &new {
        let Some((_, before)) = old.get(name) else {
            found.push(format!("{start} [{name}]: new section"));
            continue;
        };
        if before.len() != lines.len() {
            let (was, is) = (before.len(), lines.len());
            found.push(format!("{start} [{name}]: {was} lines → {is} lines"));
        }
        for (i, (was, is)) in before.iter().zip(lines).enumerate() {
            let at = format!("{} [{name}]", start + i);
            let (a, b): (Vec<_>, Vec<_>) = (words(was).collect(), words(is).collect());
            match a.len() == b.len() {
                true => found.extend(
                    a.iter()
                        .zip(&b)
                        .filter(|(a, b)| a != b)
                        .map(|(a, b)| format!("{at}: {a} → {b}")),
                ),
                false => found.push(format!("{at}: {} → {}", was.trim(), is.trim())),
            }
        }
    }
    let gone = old.keys().filter(|name| !new.contains_key(*name));
    found.extend(gone.map(|name| format!("0 [{name}]: the section is gone")));
    found
}

/// The sections of an output: name, first line, lines.
fn sections(text: &str) -> BTreeMap<&str, (usize, Vec<&str>)> {
    let mut found: BTreeMap<&str, (usize, Vec<&str>)> = BTreeMap::new();
    let mut name = "";
    for (number, line) in (1..).zip(text.lines()) {
        if let Some(next) = line.strip_prefix("## ") {
            name = next.trim();
            found.insert(name, (number + 1, Vec::new()));
        } else {
            found.entry(name).or_insert((number, Vec::new())).1.push(line);
        }
    }
    found
}

/// Numbers and words, without the brackets and commas around them.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| c.is_whitespace() || "()[]{},;|".contains(c))
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_is_told_number_by_number() {
        let old = "## a\nmean 0.25, var (1, 2)\nsame\n\n## b\nx 1\n";
        let new = "## a\nmean 0.5, var (1, 3)\nsame\n\n## c\ny\n";
        assert_eq!(
            numbers(old, new),
            [
                "2 [a]: 0.25 → 0.5",
                "2 [a]: 2 → 3",
                "6 [c]: new section",
                "0 [b]: the section is gone"
            ]
        );
        assert_eq!(numbers(old, old), [""; 0]);
        assert_eq!(
            numbers("## a\n1 2\n", "## a\n1\n3\n"),
            ["2 [a]: 1 lines → 2 lines", "2 [a]: 1 2 → 1"]
        );
    }

    #[test]
    fn files_come_and_go() {
        let of = |files: &[(&str, &str)]| {
            files.iter().map(|(n, t)| (n.to_string(), t.to_string())).collect::<Recorded>()
        };
        let before = of(&[("a.txt", "1"), ("a/f.svg", "<svg/>"), ("a/g.svg", "")]);
        let after = of(&[("a.txt", "1"), ("a/f.svg", "<svg>"), ("a/h.svg", "")]);
        assert_eq!(
            compare(&before, &after),
            ["a/f.svg: drawn otherwise", "a/g.svg: gone", "a/h.svg: new"]
        );
    }

    #[test]
    fn an_unknown_example_is_told_before_any_is_run() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("examples")).unwrap();
        std::fs::write(dir.path().join("examples/forward.rs"), "").unwrap();
        let project = Project::at(dir.path().join("book"));
        let error = refresh(&project, &["forwrd".into()]).unwrap_err().to_string();
        assert_eq!(error, "no examples/forwrd.rs; it has: `forward`");
    }
}
