//! Passages of a file: between anchor comments in a source, below a heading in a recorded output.

use crate::problem::there_are;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// The line of the file in which the passage begins.
    pub line: usize,
    pub text: String,
}

/// What stands between `// ANCHOR: name` and `// ANCHOR_END: name`, without other anchors' lines and
/// without the indentation that all lines share.
pub fn passage(source: &str, name: &str) -> Result<Passage, String> {
    let mut start = None;
    let mut lines = Vec::new();
    let mut names = Vec::new();
    let mut closed = false;
    for (i, line) in source.lines().enumerate() {
        match mark(line) {
            Some(Mark::Start(found)) => {
                if found == name {
                    if start.is_some() {
                        return Err(format!(
                            "the anchor `{name}` begins twice, again in line {}",
                            i + 1
                        ));
                    }
                    start = Some(i + 2);
                }
                names.push(found);
            }
            Some(Mark::End(found)) => closed |= found == name && start.is_some(),
            None if start.is_some() && !closed => lines.push(line),
            None => {}
        }
    }
    let Some(line) = start else {
        let known = there_are(name, names.iter().copied());
        return Err(format!("no line `// ANCHOR: {name}`; {known}"));
    };
    if !closed {
        return Err(format!("no line `// ANCHOR_END: {name}` after line {}", line - 1));
    }
    let text = unindent(&lines);
    if text.is_empty() {
        return Err(format!("there is nothing between the anchors `{name}`"));
    }
    Ok(Passage { line, text })
}

/// What stands below the line `## name`, up to the next such line.
pub fn section(output: &str, name: &str) -> Option<String> {
    let mut lines =
        output.lines().skip_while(|line| line.strip_prefix("## ").map(str::trim_end) != Some(name));
    lines.next()?;
    let body: Vec<&str> = lines.take_while(|line| !line.starts_with("## ")).collect();
    Some(trim_blank(&body).join("\n"))
}

enum Mark<'a> {
    Start(&'a str),
    End(&'a str),
}

fn mark(line: &str) -> Option<Mark<'_>> {
    let comment = line.trim().strip_prefix("//")?.trim_start();
    if let Some(name) = comment.strip_prefix("ANCHOR:") {
        return Some(Mark::Start(name.trim()));
    }
    comment.strip_prefix("ANCHOR_END:").map(|name| Mark::End(name.trim()))
}

fn trim_blank<'a, 'b>(lines: &'b [&'a str]) -> &'b [&'a str] {
    let blank = |line: &&str| line.trim().is_empty();
    let start = lines.iter().position(|l| !blank(l)).unwrap_or(lines.len());
    let end = lines.iter().rposition(|l| !blank(l)).map_or(start, |i| i + 1);
    &lines[start..end]
}

fn unindent(lines: &[&str]) -> String {
    let indent = lines
        .iter()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.len() - line.trim_start_matches(' ').len())
        .min()
        .unwrap_or(0);
    let lines: Vec<&str> =
        lines.iter().map(|line| line.get(indent..).unwrap_or("").trim_end()).collect();
    trim_blank(&lines).join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "use x;\n    // ANCHOR: outer\n    let a = 1;\n    // ANCHOR: inner\n        let b = 2;\n\n    // ANCHOR_END: inner\n    a + b\n    // ANCHOR_END: outer\n// ANCHOR: open\nfn f() {}\n";

    #[test]
    fn cuts_strips_and_unindents() {
        assert_eq!(
            passage(SOURCE, "inner").unwrap(),
            Passage { line: 5, text: "let b = 2;".into() }
        );
        let outer = passage(SOURCE, "outer").unwrap();
        assert_eq!(outer.line, 3);
        assert_eq!(outer.text, "let a = 1;\n    let b = 2;\n\na + b");
    }

    #[test]
    fn names_what_there_is() {
        let error = passage(SOURCE, "innr").unwrap_err();
        assert_eq!(error, "no line `// ANCHOR: innr`; it has: `outer`, `inner`, `open`");
        assert_eq!(
            passage("fn main() {}", "a").unwrap_err(),
            "no line `// ANCHOR: a`; it has none"
        );
    }

    #[test]
    fn an_anchor_ends_once_and_begins_once() {
        assert_eq!(
            passage(SOURCE, "open").unwrap_err(),
            "no line `// ANCHOR_END: open` after line 10"
        );
        let twice = "// ANCHOR: a\n1\n// ANCHOR_END: a\n// ANCHOR: a\n2\n// ANCHOR_END: a\n";
        assert!(passage(twice, "a").unwrap_err().contains("line 4"));
        assert!(
            passage("// ANCHOR: a\n\n// ANCHOR_END: a\n", "a").unwrap_err().contains("nothing")
        );
    }

    #[test]
    fn sections_of_an_output() {
        let output = "## a\n\n  1\n2\n\n## b\n3\n";
        assert_eq!(section(output, "a").unwrap(), "  1\n2");
        assert_eq!(section(output, "b").unwrap(), "3");
        assert_eq!(section(output, "c"), None);
    }
}
