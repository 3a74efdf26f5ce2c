//! What is wrong, and where: every complaint names a file and a line that the author can open.

use std::fmt;

/// Which names there are instead of the one that is not: all of a few, the nearest of many.
pub fn there_are<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<&str> = names.collect();
    let few = 6;
    let which = if names.len() > few { "nearest to it" } else { "it has" };
    if names.len() > few {
        names.sort_by_cached_key(|name| strsim::damerau_levenshtein(wanted, name));
        names.truncate(3);
    }
    match names.is_empty() {
        true => "it has none".into(),
        false => {
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            format!("{which}: {}", names.join(", "))
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Relative to the repository, with forward slashes.
    pub file: String,
    /// Counted from one; zero where the file as a whole is meant.
    pub line: usize,
    pub message: String,
}

impl Problem {
    pub fn new(file: impl Into<String>, line: usize, message: impl Into<String>) -> Self {
        Problem { file: file.into(), line, message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.message),
            line => write!(f, "{}:{line}: {}", self.file, self.message),
        }
    }
}

/// All that was found wrong in one reading, so that an author mends it in one go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// Where the lines of a text begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lines(Vec<usize>);

impl Lines {
    pub fn of(text: &str) -> Lines {
        Lines(text.match_indices('\n').map(|(at, _)| at + 1).collect())
    }

    /// The line, counted from one, in which the byte `at` stands.
    pub fn at(&self, at: usize) -> usize {
        self.0.partition_point(|&start| start <= at) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_from_one() {
        let lines = Lines::of("가\n나\n다");
        assert_eq!(lines.at(0), 1);
        assert_eq!(lines.at("가\n".len() - 1), 1);
        assert_eq!(lines.at("가\n나\n".len()), 3);
    }

    #[test]
    fn a_problem_reads_like_a_compiler_message() {
        assert_eq!(Problem::new("book/ko/a.md", 3, "no").to_string(), "book/ko/a.md:3: no");
        assert_eq!(Problem::new("book/ko/a.md", 0, "no").to_string(), "book/ko/a.md: no");
    }
}
