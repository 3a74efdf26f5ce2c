//! The two languages of the book.

use std::fmt;
use std::str::FromStr;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lang {
    Ko,
    En,
}

impl Lang {
    pub const ALL: [Lang; 2] = [Lang::Ko, Lang::En];

    /// The one of the two that is in this language: `lang.pick("평균", "mean")`.
    pub fn pick<T>(self, ko: T, en: T) -> T {
        match self {
            Lang::Ko => ko,
            Lang::En => en,
        }
    }
}

impl fmt::Display for Lang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.pick("ko", "en"))
    }
}

/// The text is the name of no language of the book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownLang(String);

impl fmt::Display for UnknownLang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no language `{}`: the book is written in `ko` and `en`", self.0)
    }
}

impl std::error::Error for UnknownLang {}

impl FromStr for Lang {
    type Err = UnknownLang;

    fn from_str(name: &str) -> Result<Self, UnknownLang> {
        Lang::ALL
            .into_iter()
            .find(|lang| lang.to_string() == name)
            .ok_or_else(|| UnknownLang(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for lang in Lang::ALL {
            assert_eq!(lang.to_string().parse(), Ok(lang));
        }
        let error = "fr".parse::<Lang>().unwrap_err().to_string();
        assert!(error.contains("`fr`"), "{error}");
    }

    #[test]
    fn pick_takes_the_label_of_the_language() {
        assert_eq!(Lang::Ko.pick("평균", "mean"), "평균");
        assert_eq!(Lang::En.pick("평균", "mean"), "mean");
    }
}
