//! The registry of claims: the plain `#[test]` functions of `tests/claims/<chapter>.rs`.

use crate::directive::Name;
use crate::lang::{Lang, has_hangul};
use crate::memory::Memory;
use crate::problem::Problem;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use syn::{Attribute, Expr, ExprLit, Item, Lit, Meta};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub name: Name,
    /// Relative to the repository.
    pub file: String,
    pub line: usize,
    pub ignored: bool,
    /// The sentence in each language, as markdown.
    pub sentence: [String; 2],
}

impl Claim {
    pub fn sentence(&self, lang: Lang) -> &str {
        &self.sentence[lang as usize]
    }

    /// The command that checks this claim and no other.
    pub fn command(&self) -> String {
        format!("cargo test --test claims {}", self.name)
    }

    /// The id of its badge on a page.
    pub fn id(&self) -> String {
        id(&self.name)
    }
}

pub fn id(name: &Name) -> String {
    format!("claim-{}-{}", name.stem, name.item)
}

pub type Registry = BTreeMap<Name, Claim>;

/// Reads `tests/claims` below the repository.
pub fn read(repository: &Path, memory: &Memory, problems: &mut Vec<Problem>) -> Registry {
    const DIR: &str = "tests/claims";
    let mut registry = Registry::new();
    let root = repository.join(DIR).join("main.rs");
    if !root.exists() {
        return registry;
    }
    let main = format!("{DIR}/main.rs");
    let Some(text) = read_text(&root, &main, problems) else { return registry };
    let modules = match parse(&text, &main) {
        Ok(parsed) => modules(&parsed),
        Err(problem) => {
            problems.push(problem);
            return registry;
        }
    };
    for (stem, line) in modules {
        let file = format!("{DIR}/{stem}.rs");
        let path = repository.join(&file);
        if !path.exists() {
            // A module in a directory of its own is shared code, not a chapter.
            if !repository.join(DIR).join(&stem).join("mod.rs").exists() {
                problems.push(Problem::new(
                    &main,
                    line,
                    format!("no file {file} for `mod {stem}`"),
                ));
            }
            continue;
        }
        let Some(text) = read_text(&path, &file, problems) else { continue };
        let found = memory.claims.get((file, text), |(file, text)| {
            let mut problems = Vec::new();
            let claims = match parse(text, file) {
                Ok(parsed) => of_file(&parsed, &stem, file, &mut problems),
                Err(problem) => {
                    problems.push(problem);
                    Vec::new()
                }
            };
            Arc::new((claims, problems))
        });
        registry.extend(found.0.iter().map(|claim| (claim.name.clone(), claim.clone())));
        problems.extend(found.1.iter().cloned());
    }
    registry
}

fn read_text(path: &Path, file: &str, problems: &mut Vec<Problem>) -> Option<String> {
    let read = std::fs::read_to_string(path);
    read.map_err(|e| problems.push(Problem::new(file, 0, e.to_string()))).ok()
}

fn parse(text: &str, file: &str) -> Result<syn::File, Problem> {
    syn::parse_file(text).map_err(|e| Problem::new(file, e.span().start().line, e.to_string()))
}

fn modules(file: &syn::File) -> Vec<(String, usize)> {
    file.items
        .iter()
        .filter_map(|item| match item {
            Item::Mod(module) if module.content.is_none() => {
                Some((module.ident.to_string(), module.ident.span().start().line))
            }
            _ => None,
        })
        .collect()
}

/// The claims of one file. Tests inside a nested module are helpers' own and no claims.
pub fn of_file(
    parsed: &syn::File,
    stem: &str,
    file: &str,
    problems: &mut Vec<Problem>,
) -> Vec<Claim> {
    let mut claims = Vec::new();
    for item in &parsed.items {
        let Item::Fn(function) = item else { continue };
        let has = |name: &str| function.attrs.iter().any(|a| a.path().is_ident(name));
        if !has("test") {
            continue;
        }
        let name = Name { stem: stem.into(), item: function.sig.ident.to_string() };
        let line = function.sig.ident.span().start().line;
        match sentences(&function.attrs) {
            Some(sentence) => {
                claims.push(Claim { name, file: file.into(), line, ignored: has("ignore"), sentence });
            }
            None => problems.push(Problem::new(
                file,
                line,
                format!("the claim `{name}` needs a doc comment of two paragraphs: the statement in English, then in Korean"),
            )),
        }
    }
    claims
}

/// The paragraphs of the doc comment, by language.
fn sentences(attributes: &[Attribute]) -> Option<[String; 2]> {
    let doc: Vec<String> = attributes
        .iter()
        .filter_map(|attribute| match &attribute.meta {
            Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
                Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => {
                    Some(text.value().trim().to_string())
                }
                _ => None,
            },
            _ => None,
        })
        .collect();
    let paragraphs: Vec<String> = doc
        .split(|line| line.is_empty())
        .map(|lines| lines.join(" "))
        .filter(|p| !p.is_empty())
        .collect();
    let korean = paragraphs.iter().find(|p| has_hangul(p))?;
    let english = paragraphs.iter().find(|p| !has_hangul(p))?;
    Some([korean.clone(), english.clone()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> (Vec<Claim>, Vec<Problem>) {
        let mut problems = Vec::new();
        let claims = of_file(
            &syn::parse_file(text).unwrap(),
            "forward",
            "tests/claims/forward.rs",
            &mut problems,
        );
        (claims, problems)
    }

    #[test]
    fn reads_tests_with_lines_and_sentences() {
        let (claims, problems) = of(
            "use x;\n\n/// The mean is zero,\n/// always.\n///\n/// 평균은 0이다.\n#[test]\nfn mean_is_zero() {}\n\nfn helper() {}\n",
        );
        assert_eq!(problems, []);
        let [claim] = &claims[..] else { panic!("{claims:?}") };
        assert_eq!(
            (claim.name.to_string().as_str(), claim.line, claim.ignored),
            ("forward::mean_is_zero", 8, false)
        );
        assert_eq!(claim.sentence(Lang::En), "The mean is zero, always.");
        assert_eq!(claim.sentence(Lang::Ko), "평균은 0이다.");
        assert_eq!(claim.command(), "cargo test --test claims forward::mean_is_zero");
    }

    #[test]
    fn a_claim_needs_both_sentences() {
        let (claims, problems) = of("/// Only English.\n#[test]\nfn a() {}\n");
        assert!(claims.is_empty());
        assert_eq!((problems[0].line, problems[0].file.as_str()), (3, "tests/claims/forward.rs"));
    }

    #[test]
    fn an_ignored_test_is_known_as_such_and_a_nested_one_is_no_claim() {
        let (claims, _) = of(
            "/// A.\n///\n/// 가.\n#[test]\n#[ignore]\nfn a() {}\nmod tests { #[test] fn b() {} }",
        );
        assert_eq!(claims.len(), 1);
        assert!(claims[0].ignored);
    }

    #[test]
    fn broken_rust_is_told_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("tests/claims")).unwrap();
        std::fs::write(dir.path().join("tests/claims/main.rs"), "mod forward;\nmod missing;\n")
            .unwrap();
        std::fs::write(dir.path().join("tests/claims/forward.rs"), "fn a() {}\nfn fn\n").unwrap();
        let mut problems = Vec::new();
        assert!(read(dir.path(), &Memory::default(), &mut problems).is_empty());
        assert_eq!((problems[0].file.as_str(), problems[0].line), ("tests/claims/forward.rs", 2));
        assert_eq!((problems[1].file.as_str(), problems[1].line), ("tests/claims/main.rs", 2));
    }
}
