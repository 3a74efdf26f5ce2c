//! One word for one thing: the spellings that `book/words.toml` replaces do not stand in the prose of the book.

use crate::book::Project;
use crate::lang::{Lang, is_hangul};
use crate::memory::{Memo, Memory};
use crate::problem::{Lines, Problem};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    #[serde(default)]
    ko: Vec<Rule>,
    #[serde(default)]
    en: Vec<Rule>,
    /// By passage.
    #[serde(skip)]
    found: Memo<(Lang, String), Arc<[Found]>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    write: String,
    not: Vec<String>,
}

/// A spelling that the book does not use, and what it writes instead.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    pub at: usize,
    pub not: String,
    pub write: String,
}

impl Words {
    /// Without a file, every word will do.
    pub fn read(project: &Project, memory: &Memory, problems: &mut Vec<Problem>) -> Arc<Words> {
        let path = project.dir.join("words.toml");
        let Ok(text) = std::fs::read_to_string(&path) else { return Arc::default() };
        let words = memory.words.get(text, |text| {
            toml::from_str(text).map(Arc::new).map_err(|e| {
                (e.span().map_or(0, |span| Lines::of(text).at(span.start)), e.message().into())
            })
        });
        words.unwrap_or_else(|(line, message)| {
            problems.push(Problem::new(project.name(&path), line, message));
            Arc::default()
        })
    }

    /// What a passage of prose should not say. What stands in double quotes is someone else's.
    pub fn find(&self, lang: Lang, prose: &str) -> Arc<[Found]> {
        self.found.get((lang, prose.into()), |(lang, prose)| self.look(*lang, prose).into())
    }

    fn look(&self, lang: Lang, prose: &str) -> Vec<Found> {
        // A line break is as good as a space.
        let text = prose.replace('\n', " ");
        let lower = text.to_ascii_lowercase();
        let rules = lang.pick([&self.ko, &self.en]);
        let spellings = rules.iter().flat_map(|rule| rule.not.iter().map(move |not| (rule, not)));
        let mut found = Vec::new();
        for (rule, not) in spellings {
            // A capital letter is meant; else the beginning of a sentence may have one.
            let text = if not.chars().any(char::is_uppercase) { &text } else { &lower };
            for (at, _) in text.match_indices(not.as_str()) {
                let inside = |c: char| c.is_alphanumeric() && (lang == Lang::En || is_hangul(c));
                let begins = !text[..at].chars().next_back().is_some_and(inside);
                let right = text[at..].starts_with(&rule.write);
                if begins && !right && !is_quoted(text, at) {
                    found.push(Found { at, not: not.clone(), write: rule.write.clone() });
                }
            }
        }
        found.sort_by_key(|found| found.at);
        found
    }
}

fn is_quoted(text: &str, at: usize) -> bool {
    let (before, after) = text.split_at(at);
    let straight = before.matches('"').count() % 2 == 1 && after.contains('"');
    let curly = before.rfind('“') > before.rfind('”') && after.contains('”');
    straight || curly
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(lang: Lang, text: &str) -> Vec<String> {
        let words: Words = toml::from_str(
            r#"
            ko = [{ write = "매개변수", not = ["파라미터"] }, { write = "규제(regularization)", not = ["정규화(regularization)"] }]
            en = [{ write = "normaliz…", not = ["normalis"] }, { write = "PyTorch", not = ["Pytorch"] }, { write = "dataset", not = ["data set"] }]
            "#,
        )
        .unwrap();
        words.find(lang, text).iter().map(|f| format!("{}:{}", f.at, f.not)).collect()
    }

    #[test]
    fn beginnings_of_words_are_found() {
        assert_eq!(found(Lang::Ko, "두 파라미터를 하이퍼파라미터라"), ["4:파라미터"]);
        assert_eq!(found(Lang::Ko, "정규화(regularization)는"), ["0:정규화(regularization)"]);
        assert_eq!(
            found(Lang::En, "Normalised, denormalised, Pytorch"),
            ["0:normalis", "26:Pytorch"]
        );
        assert_eq!(found(Lang::En, "PyTorch and pytorch"), [""; 0]);
        assert_eq!(found(Lang::En, "a data\nset"), ["2:data set"]);
    }

    #[test]
    fn what_is_quoted_is_left_alone() {
        assert_eq!(
            found(Lang::En, "they say \"normalised\" and “data set”, not normalised"),
            ["46:normalis"]
        );
    }
}
