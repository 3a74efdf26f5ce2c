//! The two languages of the book, and every word that the tool itself says in them on a page.

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lang {
    Ko,
    En,
}

/// HTML and the fonts that its formulas need.
pub type Html = (String, std::collections::BTreeSet<String>);

/// A word in Korean and in English.
pub type Word = [&'static str; 2];

impl Lang {
    pub const ALL: [Lang; 2] = [Lang::Ko, Lang::En];

    /// The language tag, which is also the name of the source directory.
    pub fn code(self) -> &'static str {
        self.pick(["ko", "en"])
    }

    /// What the language calls itself.
    pub fn name(self) -> &'static str {
        self.pick(["한국어", "English"])
    }

    /// Where its pages stand under the root of the site.
    pub fn prefix(self) -> &'static str {
        self.pick(["", "en/"])
    }

    pub fn other(self) -> Lang {
        match self {
            Lang::Ko => Lang::En,
            Lang::En => Lang::Ko,
        }
    }

    pub fn pick<T: Copy>(self, [ko, en]: [T; 2]) -> T {
        match self {
            Lang::Ko => ko,
            Lang::En => en,
        }
    }
}

/// Whether a text is Korean, as far as this book is concerned.
pub fn has_hangul(text: &str) -> bool {
    text.chars().any(is_hangul)
}

pub fn is_hangul(c: char) -> bool {
    matches!(c, '\u{ac00}'..='\u{d7a3}' | '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}')
}

pub const OUTPUT: Word = ["출력", "Output"];
pub const CHECKED: Word = ["검증됨", "Verified"];
pub const CHECKED_BY: Word = ["검증 방법", "Checked by"];
pub const CASES: Word = ["경우의 수", "Cases"];
pub const WORST: Word = ["가장 큰 오차", "Worst error"];
pub const TOLERANCE: Word = ["허용 오차", "Tolerance"];
pub const EXACT: Word = ["오차 없음", "exact"];
pub const REJECTED: Word =
    ["이 검증이 걸러 낸 틀린 구현", "Wrong variants that this check rejects"];
pub const VARIANT: Word = ["틀린 구현", "Wrong variant"];
pub const REJECTED_BY: Word = ["걸러 낸 주장", "Rejected by"];
pub const EXPERIMENT: Word = ["실험", "Experiment"];
pub const CRITERIA: Word = ["기준", "Criteria"];
pub const MET: Word = ["예", "yes"];
pub const NOT_MET: Word = ["아니요", "no"];
pub const VERDICT: Word = ["판정", "Verdict"];
pub const REPRODUCED: Word = ["재현됨", "reproduced"];
pub const PARTLY_REPRODUCED: Word = ["일부 재현됨", "partly reproduced"];
pub const NOT_REPRODUCED: Word = ["재현되지 않음", "did not reproduce"];
pub const STATEMENT: Word = ["주장", "Statement"];
pub const SKIP: Word = ["본문으로 건너뛰기", "Skip to the text"];
pub const SYMBOL: Word = ["기호", "Symbol"];
pub const MEANING: Word = ["뜻", "Meaning"];
pub const CONTENTS: Word = ["차례", "Contents"];
pub const ADDRESS: Word = ["이 주장의 주소", "Link to this claim"];
pub const RUN_IT: Word = ["직접 실행해 보기", "Run it yourself"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hangul() {
        assert!(has_hangul("the 정규화"));
        assert!(!has_hangul("naïve σ²"));
    }
}
