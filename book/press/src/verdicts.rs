//! What the experiments were to show and what came of it: the table of all verdicts, read from the files that the
//! runs have left.

use crate::book::Project;
use crate::directive::Name;
use crate::html::escape;
use crate::lang::{self, Lang};
use serde::Deserialize;
use std::fmt::Write as _;
use std::fs;

/// The part of `book/out/<stem>/<experiment>.json` that is the same for all experiments.
#[derive(Debug, Deserialize)]
pub struct Outcome {
    verdict: Verdict,
    criteria: Vec<(String, bool)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum Verdict {
    #[serde(rename = "reproduced")]
    Reproduced,
    #[serde(rename = "partly reproduced")]
    Partly,
    #[serde(rename = "did not reproduce")]
    Not,
}

/// An experiment where a chapter shows it.
pub struct Shown<'a> {
    /// The title of the chapter.
    pub chapter: &'a str,
    /// That of the section, if it says more than that an experiment is there.
    pub section: Option<String>,
    /// The page, with the section.
    pub place: String,
    pub outcome: Outcome,
}

impl Outcome {
    pub fn read(project: &Project, Name { stem, item }: &Name) -> Result<Outcome, String> {
        let path = project.dir.join("out").join(stem).join(format!("{item}.json"));
        let name = project.name(&path);
        let text = fs::read_to_string(path).map_err(|_| {
            format!("no results {name}; `cargo run --release --example {stem} -- --out book/out` writes them")
        })?;
        serde_json::from_str(&text).map_err(|e| format!("in {name}, {e}"))
    }

    fn met(&self) -> usize {
        self.criteria.iter().filter(|(_, met)| *met).count()
    }
}

impl Verdict {
    fn word(self) -> lang::Word {
        match self {
            Verdict::Reproduced => lang::REPRODUCED,
            Verdict::Partly => lang::PARTLY_REPRODUCED,
            Verdict::Not => lang::NOT_REPRODUCED,
        }
    }
}

/// How many there are, as markdown.
pub fn totals(shown: &[Shown], lang: Lang) -> String {
    let of = |verdict| shown.iter().filter(|s| s.outcome.verdict == verdict).count();
    let [all, partly, not] = [Verdict::Reproduced, Verdict::Partly, Verdict::Not].map(of);
    let met: usize = shown.iter().map(|s| s.outcome.met()).sum();
    let criteria: usize = shown.iter().map(|s| s.outcome.criteria.len()).sum();
    let n = shown.len();
    match lang {
        Lang::Ko => format!(
            "실험은 모두 **{n}개**이고, {all}개는 재현됨, {partly}개는 일부 재현됨, {not}개는 재현되지 않음입니다. \
             돌리기 전에 적어 둔 기준 {criteria}개 가운데 {met}개를 통과했습니다."
        ),
        Lang::En => format!(
            "There are **{n}** experiments: {all} reproduced, {partly} partly reproduced, {not} did not reproduce. \
             Of {criteria} criteria, written down before the run, {met} were met."
        ),
    }
}

/// A row for each, as HTML.
pub fn table(shown: &[Shown], lang: Lang) -> String {
    let mut html = "<div class=\"table-wrapper\"><table><thead><tr>".to_string();
    for word in [lang::EXPERIMENT, lang::CRITERIA, lang::VERDICT] {
        let _ = write!(html, "<th>{}</th>", lang.pick(word));
    }
    html.push_str("</tr></thead><tbody>");
    for Shown { chapter, section, place, outcome } in shown {
        let section = section.as_ref().map_or(String::new(), |section| format!(": {section}"));
        let criterion = |(name, met): &(String, bool)| {
            let answer = lang.pick(if *met { lang::MET } else { lang::NOT_MET });
            format!("<span class=\"criterion\"><code>{}</code> {answer}</span>", escape(name))
        };
        let criteria: Vec<_> = outcome.criteria.iter().map(criterion).collect();
        let _ = write!(
            html,
            "<tr><td><a href=\"{}\">{}{}</a></td><td>{}</td><td>{}</td></tr>",
            escape(place),
            escape(chapter),
            escape(&section),
            criteria.join(" "),
            lang.pick(outcome.verdict.word())
        );
    }
    html.push_str("</tbody></table></div>");
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown() -> Shown<'static> {
        let text = r#"{"version":"1","criteria":[["a < b",true],["c",false]],"verdict":"partly reproduced","x":1}"#;
        let outcome = serde_json::from_str(text).unwrap();
        Shown {
            chapter: "A & B",
            section: Some("C".into()),
            place: "a.html#experiment".into(),
            outcome,
        }
    }

    #[test]
    fn a_row_has_the_criteria_and_the_verdict() {
        let html = table(&[shown()], Lang::En);
        for part in [
            "<a href=\"a.html#experiment\">A &amp; B: C</a>",
            "<code>a &lt; b</code> yes",
            "<code>c</code> no",
            "<td>partly reproduced</td>",
        ] {
            assert!(html.contains(part), "{part} not in {html}");
        }
        assert!(table(&[shown()], Lang::Ko).contains("<td>일부 재현됨</td>"));
    }

    #[test]
    fn totals_count_experiments_and_criteria() {
        let said = totals(&[shown(), shown()], Lang::En);
        assert!(
            said.contains("**2** experiments: 0 reproduced, 2 partly")
                && said.contains("Of 4 criteria")
        );
        assert!(said.ends_with("2 were met."));
    }
}
