//! Lines of a chapter that ask for something from the repository: `claim[…]`, `cell[…]`, `code[…]`, `claims[]`,
//! `variants[]`, `experiments[]`, `notation[]`.

/// A name in two parts: `forward::four_numbers`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    pub stem: String,
    pub item: String,
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}::{}", self.stem, self.item)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Directive {
    /// The badge of a claim.
    Claim(Name),
    /// A cell of an example with its output.
    Cell(Name),
    /// A passage of a source file.
    Code { path: String, anchor: String },
    /// The ledger of all claims.
    Claims,
    /// The table of all wrong variants.
    Variants,
    /// The table of all verdicts.
    Experiments,
    /// The table of all letters.
    Notation,
}

const WORDS: [&str; 7] = ["claims", "variants", "experiments", "claim", "cell", "code", "notation"];

impl std::fmt::Display for Directive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Directive::Claim(name) => write!(f, "claim[{name}]"),
            Directive::Cell(name) => write!(f, "cell[{name}]"),
            Directive::Code { path, anchor } => write!(f, "code[{path}:{anchor}]"),
            Directive::Claims => write!(f, "claims[]"),
            Directive::Variants => write!(f, "variants[]"),
            Directive::Experiments => write!(f, "experiments[]"),
            Directive::Notation => write!(f, "notation[]"),
        }
    }
}

impl Directive {
    /// Reads one line. `None` means that the line is prose, an error that it looks like a directive
    /// but its argument does not fit.
    pub fn parse(line: &str) -> Option<Result<Directive, String>> {
        let (word, rest) = line.trim().split_once('[')?;
        let argument = rest.strip_suffix(']')?;
        if argument.contains(['[', ']']) {
            return None;
        }
        Some(match word {
            "claims" if argument.is_empty() => Ok(Directive::Claims),
            "variants" if argument.is_empty() => Ok(Directive::Variants),
            "experiments" if argument.is_empty() => Ok(Directive::Experiments),
            "notation" if argument.is_empty() => Ok(Directive::Notation),
            "claims" | "variants" | "experiments" | "notation" => {
                Err(format!("`{word}[]` takes no argument"))
            }
            "claim" => name(argument).map(Directive::Claim).ok_or_else(|| {
                format!("expected claim[chapter::test_name], found claim[{argument}]")
            }),
            "cell" => name(argument).map(Directive::Cell).ok_or_else(|| {
                format!("expected cell[example::cell_name], found cell[{argument}]")
            }),
            "code" => match argument.rsplit_once(':') {
                Some((path, anchor)) if is_path(path) && is_identifier(anchor) => {
                    Ok(Directive::Code { path: path.into(), anchor: anchor.into() })
                }
                _ => Err(format!("expected code[path/of/file.rs:anchor], found code[{argument}]")),
            },
            _ => return None,
        })
    }
}

/// Where in `text` something begins that looks like a directive.
pub fn find(text: &str) -> Option<usize> {
    text.match_indices('[').find_map(|(at, _)| {
        let word = WORDS.iter().find(|word| text[..at].ends_with(*word))?;
        let start = at - word.len();
        let inside_a_word =
            text[..start].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_');
        (!inside_a_word).then_some(start)
    })
}

fn name(argument: &str) -> Option<Name> {
    let (stem, item) = argument.split_once("::")?;
    (is_identifier(stem) && is_identifier(item))
        .then(|| Name { stem: stem.into(), item: item.into() })
}

fn is_identifier(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A path below the repository: no way up, no root.
fn is_path(text: &str) -> bool {
    !text.is_empty()
        && text.split('/').all(|part| !matches!(part, "" | "." | ".."))
        && !text.contains(['\\', ':'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_them_all() {
        let read = |line| Directive::parse(line).unwrap().unwrap().to_string();
        for line in [
            "claim[forward::rho]",
            "cell[forward::four_numbers]",
            "code[src/norm.rs:forward]",
            "claims[]",
            "variants[]",
            "experiments[]",
            "notation[]",
        ] {
            assert_eq!(read(line), line);
        }
    }

    #[test]
    fn prose_is_prose() {
        for line in ["see claim[a::b] here", "[claim](a.md)", "claim", "array[0]", "[a][b]"] {
            assert_eq!(Directive::parse(line), None, "{line}");
        }
    }

    #[test]
    fn a_wrong_argument_says_what_was_expected() {
        for line in [
            "claim[rho]",
            "cell[a::]",
            "code[src/norm.rs]",
            "code[../x.rs:a]",
            "code[/etc/x:a]",
            "claims[x]",
            "variants[x]",
            "experiments[x]",
            "notation[x]",
        ] {
            let message = Directive::parse(line).unwrap().unwrap_err();
            assert!(
                message.contains("expected") || message.contains("takes no"),
                "{line}: {message}"
            );
        }
    }

    #[test]
    fn finds_what_was_not_resolved() {
        assert_eq!(find("see claim[a::b]"), Some(4));
        assert_eq!(find("see claims[]"), Some(4));
        assert_eq!(find("decode[x] and disclaim[y]"), None);
    }
}
