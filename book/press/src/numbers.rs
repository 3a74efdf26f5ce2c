//! Numbers that a run has found, and that the next run may find otherwise: below the output of an experiment, to
//! the end of the section, every number of a formula is one of the chapter's outputs, or one of them rounded.

use crate::book::{Chapter, Project};
use crate::directive::{Directive, Name};
use crate::scan::Kind;
use std::fs;

/// A number as it is written, and where.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    pub at: usize,
    pub number: String,
}

/// The numbers of a chapter that no output has.
pub fn unknown(project: &Project, chapter: &Chapter) -> Vec<Found> {
    let mut outputs: Option<Vec<f64>> = None;
    let mut found = Vec::new();
    for item in &chapter.scan.items {
        match &item.kind {
            Kind::Heading { .. } => outputs = None,
            Kind::Directive(Directive::Cell(name)) if is_experiment(project, name) => {
                outputs = Some(recorded(project, &name.stem));
            }
            Kind::Math { tex, .. } => {
                let Some(outputs) = &outputs else { continue };
                let unknown = numbers(&tex.replace("\\,", "").replace("{,}", ""))
                    .into_iter()
                    .filter(|number| !outputs.iter().any(|&output| rounds_to(output, number)));
                found.extend(unknown.map(|number| Found { at: item.range.start, number }));
            }
            _ => {}
        }
    }
    found
}

/// An experiment has a file of its own, or of results.
pub fn is_experiment(project: &Project, Name { stem, item }: &Name) -> bool {
    let own = project.repository.join("examples").join(stem).join(format!("{item}.rs"));
    own.exists() || project.dir.join("out").join(stem).join(format!("{item}.json")).exists()
}

/// All numbers that the example has printed, those of its variants included.
fn recorded(project: &Project, stem: &str) -> Vec<f64> {
    let out = project.dir.join("out");
    let variants = fs::read_dir(out.join(stem)).into_iter().flatten().flatten();
    let files = variants.map(|entry| entry.path()).chain([out.join(format!("{stem}.txt"))]);
    files
        .filter(|path| path.extension().is_some_and(|ext| ext == "txt"))
        .filter_map(|path| fs::read_to_string(path).ok())
        .flat_map(|text| {
            digits(&text).into_iter().filter_map(|(_, n)| n.parse().ok()).collect::<Vec<_>>()
        })
        .collect()
}

/// The numbers of a formula that could come from an output: with a decimal point, or of two digits at least.
/// Indices, exponents, bases of powers and what stands in braces do not.
fn numbers(tex: &str) -> Vec<String> {
    let is_value = |&(at, number): &(usize, &str)| {
        let before = tex[..at].chars().next_back();
        number.len() > 1
            && !before.is_some_and(|c| c.is_ascii_alphabetic() || "_^{\\".contains(c))
            && !tex[at + number.len()..].starts_with('^')
    };
    digits(tex).into_iter().filter(is_value).map(|(_, number)| number.into()).collect()
}

/// Runs of digits with at most one point between them, and where they begin.
fn digits(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut rest = 0;
    while let Some(skip) = text[rest..].find(|c: char| c.is_ascii_digit()) {
        let at = rest + skip;
        let run = |from: usize| {
            from + text[from..].bytes().take_while(|byte| byte.is_ascii_digit()).count()
        };
        let mut end = run(at);
        if text[end..].starts_with('.') && run(end + 1) > end + 1 {
            end = run(end + 1);
        }
        found.push((at, &text[at..end]));
        rest = end;
    }
    found
}

fn rounds_to(output: f64, number: &str) -> bool {
    let decimals = number.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let half = 0.5 * 0.1_f64.powi(decimals as i32);
    number.parse().is_ok_and(|number: f64| (output - number).abs() <= half * (1.0 + 1e-6))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_formulas() {
        for (tex, expected) in [
            ("-0.35 \\pm 12", &["0.35", "12"][..]),
            ("x_{10}^{12} + y_10 + 2 + 10^{-3}", &[]),
            ("\\frac{12}{25} = 0.48\\%", &["0.48"]),
            ("\\tfrac18 < 1.5.", &["1.5"]),
        ] {
            assert_eq!(numbers(tex), expected, "{tex}");
        }
    }

    #[test]
    fn a_number_may_be_rounded() {
        for (output, number, fits) in [
            (0.0773, "0.077", true),
            (46.9, "47", true),
            (46.4, "47", false),
            (1.25, "1.3", true),
            (1.2, "1.3", false),
        ] {
            assert_eq!(rounds_to(output, number), fits, "{output} {number}");
        }
    }
}
