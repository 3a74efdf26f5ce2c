//! The search of the Korean pages. mdBook's index is made for English and drops every Hangul token; here it
//! is made anew from the same documents, so that `정규화` finds `정규화는` and `소실` finds `기울기소실`.

use crate::lang::is_hangul;
use anyhow::{Error, Result};
use elasticlunr::{IndexBuilder, Language, Pipeline};
use serde_json::Value;

struct Korean;

impl Language for Korean {
    fn name(&self) -> String {
        "Korean".into()
    }
    fn code(&self) -> String {
        "ko".into()
    }
    fn tokenize(&self, text: &str) -> Vec<String> {
        tokenize(text)
    }
    /// Empty: the reader's browser then neither trims nor stems the query.
    fn make_pipeline(&self) -> Pipeline {
        Pipeline { queue: vec![] }
    }
}

/// Longer words are no words.
const LONGEST: usize = 80;

/// The words of a text, and of a word with Hangul every ending: the search looks for beginnings, so it then
/// finds what stands anywhere inside the word.
pub fn tokenize(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    for raw in text.to_lowercase().split(|c: char| c.is_whitespace() || c == '-') {
        let word = raw.trim_matches(|c: char| !c.is_alphanumeric());
        if word.is_empty() || word.len() > LONGEST {
            continue;
        }
        tokens.push(word.to_string());
        for part in
            word.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|part| !part.is_empty())
        {
            if part != word {
                tokens.push(part.to_string());
            }
            let chars: Vec<(usize, char)> = part.char_indices().collect();
            for i in 1..chars.len().saturating_sub(1) {
                if is_hangul(chars[i].1) || is_hangul(chars[i - 1].1) {
                    tokens.push(part[chars[i].0..].to_string());
                }
            }
        }
    }
    tokens
}

const HEAD: &str = "JSON.parse('";
const TAIL: &str = "'));";

/// The script `searchindex.js` with its index made anew.
pub fn korean(script: &str) -> Result<String> {
    let changed = || {
        Error::msg(
            "mdBook's search index is not what this tool expects; it was written for mdBook 0.5",
        )
    };
    let start = script.find(HEAD).ok_or_else(changed)? + HEAD.len();
    let end = script.rfind(TAIL).filter(|&end| end >= start).ok_or_else(changed)?;
    let mut search: Value = serde_json::from_str(&unquote(&script[start..end]))?;
    let documents = search["index"]["documentStore"]["docs"].as_object().ok_or_else(changed)?;
    let fields = ["title", "body", "breadcrumbs"];
    let mut index = IndexBuilder::with_language(Box::new(Korean)).add_fields(fields).build();
    for (id, document) in documents {
        index.add_doc(id, fields.map(|field| document[field].as_str().unwrap_or("").to_string()));
    }
    search["index"] = serde_json::to_value(&index)?;
    search["search_options"]["bool"] = "AND".into();
    let json = serde_json::to_string(&search)?;
    Ok(format!("{}{}{}", &script[..start], quote(&json), &script[end..]))
}

/// Reads the inside of a JavaScript string in single quotes, as mdBook writes it.
fn unquote(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.push(if c == '\\' { chars.next().unwrap_or(c) } else { c });
    }
    out
}

fn quote(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\'', "\\'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_inside_korean_words() {
        let finds =
            |text: &str, query: &str| tokenize(text).iter().any(|token| token.starts_with(query));
        assert!(finds("배치 정규화는 쉽다.", "정규화"));
        assert!(finds("기울기소실 문제", "소실"));
        assert!(finds("(normalization)은", "normalization"));
        assert!(finds("`running_var`의 값", "running_var"));
        assert!(finds("ReLU함수", "함수"));
        assert!(!finds("variance", "riance"));
        assert!(tokenize(&"가".repeat(100)).is_empty());
    }

    #[test]
    fn quotes_come_back() {
        let text = r#"{"a":"it's \"x\" \\ y"}"#;
        assert_eq!(unquote(&quote(text)), text);
    }

    #[test]
    fn an_unknown_index_is_refused() {
        assert!(korean("window.search = {}").is_err());
        assert!(korean("JSON.parse('{}'));").is_err());
    }
}
