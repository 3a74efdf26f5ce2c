//! How a claim shows on a page: a badge where it is cited, a row in the ledger.

use crate::claims::Claim;
use crate::evidence::{Check, Evidence, How, number};
use crate::html::escape;
use crate::lang::{self, Html, Lang};
use crate::memory::Memory;
use crate::source;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

const TICK: &str = r#"<svg class="tick" viewBox="0 0 16 16" aria-hidden="true"><circle cx="8" cy="8" r="8"/><path d="M4.2 8.4l2.5 2.5 5-5.4"/></svg>"#;

/// One line, and below it, folded away, everything one needs to repeat the check. `up` leads from the
/// page to the root of the site.
pub fn badge(
    claim: &Claim,
    evidence: &Evidence,
    lang: Lang,
    up: &str,
    memory: &Memory,
) -> Result<Html, String> {
    let sentence = memory.line(claim.sentence(lang))?;
    let word = |word: lang::Word| lang.pick(word);
    let mut html = format!(
        "<details><summary>{TICK}<span class=\"verdict\">{}</span> <span class=\"how\">{}</span></summary><p>{}</p>",
        word(lang::CHECKED),
        summary(evidence, lang),
        sentence.html
    );
    if evidence.ways().next().is_some() {
        html.push_str("<div class=\"table-wrapper\"><table><thead><tr>");
        for head in [lang::CHECKED_BY, lang::CASES, lang::WORST, lang::TOLERANCE] {
            let _ = write!(html, "<th>{}</th>", word(head));
        }
        html.push_str("</tr></thead><tbody>");
        for check in evidence.ways() {
            let (way, cases) = (way(check, lang), count(check.cases));
            let _ = write!(html, "<tr><td>{way}</td><td>{cases}</td>{}</tr>", error(check, lang));
        }
        html.push_str("</tbody></table></div>");
    }
    let rejected: BTreeSet<&str> =
        evidence.rejected().filter_map(|c| Some(c.note.as_ref()?.text(lang))).collect();
    if !rejected.is_empty() {
        let _ = write!(html, "<p>{}:</p><ul>", word(lang::REJECTED));
        for note in rejected {
            let _ = write!(html, "<li>{}</li>", escape(note));
        }
        html.push_str("</ul>");
    }
    let _ = write!(
        html,
        "<p class=\"run\">{}: {} · <a href=\"#{}\">{}</a></p><pre class=\"command\"><code class=\"language-console nohighlight\">{}</code></pre></details>",
        word(lang::RUN_IT),
        source::link(up, &claim.file, claim.line),
        claim.id(),
        word(lang::ADDRESS),
        escape(&claim.command())
    );
    Ok((html, sentence.fonts.clone()))
}

/// A row of the ledger. `place` leads to where the claim is cited.
pub fn row(
    claim: &Claim,
    evidence: &Evidence,
    lang: Lang,
    up: &str,
    place: &str,
    memory: &Memory,
) -> Result<Html, String> {
    let sentence = memory.line(claim.sentence(lang))?;
    let html = format!(
        "<tr><td><a href=\"{}\">{}</a><br><a class=\"source\" href=\"{}\">{}</a></td><td class=\"how\">{}</td></tr>",
        escape(place),
        sentence.html,
        source::href(up, &claim.file, claim.line),
        breakable(&claim.name.to_string()),
        summary(evidence, lang),
    );
    Ok((html, sentence.fonts.clone()))
}

pub fn table(rows: &str, lang: Lang) -> String {
    format!(
        "<div class=\"table-wrapper\"><table class=\"ledger\"><thead><tr><th>{}</th><th>{}</th></tr></thead><tbody>{rows}</tbody></table></div>",
        lang.pick(lang::STATEMENT),
        lang.pick(lang::CHECKED_BY)
    )
}

/// The name of a claim, which may break between its words.
fn breakable(name: &str) -> String {
    escape(name).replace("::", "::<wbr>").replace('_', "_<wbr>")
}

/// A claim, what is recorded of it, and where the book cites it.
pub struct Cited<'a> {
    pub claim: &'a Claim,
    pub evidence: &'a Evidence,
    pub place: String,
}

/// What was made wrong on purpose, and by which claims it was noticed.
pub fn variants(claims: &[Cited], lang: Lang) -> String {
    let mut noticed: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for Cited { claim, evidence, place } in claims {
        let name = breakable(&claim.name.to_string());
        let link = format!("<a href=\"{}\">{name}</a>", escape(place));
        for note in evidence.rejected().filter_map(|check| check.note.as_ref()) {
            noticed.entry(note.text(lang)).or_default().insert(link.clone());
        }
    }
    let mut html = format!(
        "<div class=\"table-wrapper\"><table class=\"ledger\"><thead><tr><th>{}</th><th>{}</th></tr></thead><tbody>",
        lang.pick(lang::VARIANT),
        lang.pick(lang::REJECTED_BY)
    );
    for (note, links) in noticed {
        let links = links.into_iter().collect::<Vec<_>>().join(" ");
        let _ = write!(html, "<tr><td>{}</td><td>{links}</td></tr>", escape(note));
    }
    html + "</tbody></table></div>"
}

/// The totals above the ledger, as markdown.
pub fn totals<'a>(evidence: impl Iterator<Item = &'a Evidence>, lang: Lang) -> String {
    let (mut claims, mut checks, mut rejected) = (0, 0, 0);
    for e in evidence {
        claims += 1;
        checks += e.ways().count();
        rejected += e.rejected().count();
    }
    match lang {
        Lang::Ko => format!(
            "주장 **{claims}개**를 **{checks}가지** 방법으로 검증했고, 같은 검증이 일부러 틀리게 만든 구현 **{rejected}개**를 모두 걸러 냈습니다."
        ),
        Lang::En => format!(
            "**{claims}** claims, checked in **{checks}** ways. The same checks turned down all **{rejected}** deliberately wrong implementations."
        ),
    }
}

/// `prime field ×64 · property test ×512 · worst error 2.1×10⁻⁷ (≤ 10⁻⁵)`
fn summary(evidence: &Evidence, lang: Lang) -> String {
    let mut ways: Vec<(How, u64)> = Vec::new();
    for check in evidence.ways() {
        match ways.iter_mut().find(|(how, _)| *how == check.how) {
            Some((_, cases)) => *cases += check.cases,
            None => ways.push((check.how, check.cases)),
        }
    }
    let mut parts: Vec<String> = ways
        .into_iter()
        .map(|(how, cases)| format!("{} ×{}", lang.pick(how.word()), count(cases)))
        .collect();
    if let Some((worst, tolerance)) = evidence.tightest() {
        let (worst, tolerance) = (number(worst), number(tolerance));
        parts.push(match lang {
            Lang::Ko => format!("가장 큰 오차 {worst} (≤ {tolerance})"),
            Lang::En => format!("worst error {worst} (≤ {tolerance})"),
        });
    }
    match evidence.rejected().count() {
        0 => {}
        n => parts.push(match lang {
            Lang::Ko => format!("틀린 구현 {n}개 걸러 냄"),
            Lang::En if n == 1 => "rejects 1 wrong variant".into(),
            Lang::En => format!("rejects {n} wrong variants"),
        }),
    }
    parts.into_iter().map(|part| format!("<span>{part}</span>")).collect::<Vec<_>>().join(" ")
}

fn way(check: &Check, lang: Lang) -> String {
    let mut text = lang.pick(check.how.word()).to_string();
    if let Some(scalar) = &check.scalar {
        let _ = write!(text, ", <code>{}</code>", escape(scalar));
    }
    if let Some(note) = &check.note {
        let _ = write!(text, " ({})", escape(note.text(lang)));
    }
    text
}

fn error(check: &Check, lang: Lang) -> String {
    match (check.worst, check.tolerance) {
        (None, None) => format!("<td colspan=\"2\">{}</td>", lang.pick(lang::EXACT)),
        (worst, tolerance) => {
            let cell = |x: Option<f64>| format!("<td>{}</td>", x.map_or("–".into(), number));
            cell(worst) + &cell(tolerance)
        }
    }
}

/// With thin spaces between the thousands.
fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) && digits.len() > 4 {
            out.push('\u{202f}');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directive::Name;

    fn claim() -> Claim {
        Claim {
            name: Name { stem: "forward".into(), item: "rho".into() },
            file: "tests/claims/forward.rs".into(),
            line: 12,
            ignored: false,
            sentence: ["분산은 $\\rho$이다.".into(), "The variance is $\\rho$.".into()],
        }
    }

    fn evidence() -> Evidence {
        Evidence::parse(
            r#"{"checks":[{"how":"prime field","cases":64},{"how":"property","scalar":"f32","cases":20000,"tolerance":1e-5,"worst":2.1e-7},
            {"how":"property","scalar":"f64","cases":20000,"tolerance":1e-9,"worst":1e-12},{"how":"wrong variant","note":"n-1 <b>","cases":1}]}"#,
        )
        .unwrap()
    }

    #[test]
    fn a_badge_in_each_language() {
        let (ko, fonts) = badge(&claim(), &evidence(), Lang::Ko, "", &Memory::default()).unwrap();
        assert!(!fonts.is_empty());
        for part in [
            "검증됨",
            "소수체 ×64",
            "성질 검사 ×40\u{202f}000",
            "가장 큰 오차 2.1×10⁻⁷ (≤ 10⁻⁵)",
            "분산은",
            "n-1 &lt;b&gt;",
            "틀린 구현 1개",
            "cargo test --test claims forward::rho",
            "href=\"source/tests/claims/forward.rs.html#L12\"",
        ] {
            assert!(ko.contains(part), "{part} not in {ko}");
        }
        let (en, _) = badge(&claim(), &evidence(), Lang::En, "../", &Memory::default()).unwrap();
        for part in [
            "Verified",
            "prime field ×64",
            "worst error 2.1×10⁻⁷ (≤ 10⁻⁵)",
            "rejects 1 wrong variant",
            "../source/tests",
        ] {
            assert!(en.contains(part), "{part} not in {en}");
        }
        assert!(!en.contains("검증"));
    }

    #[test]
    fn a_note_in_both_languages() {
        let mut evidence = evidence();
        let note = evidence.checks.iter_mut().find_map(|check| check.note.as_mut()).unwrap();
        note.say("n-1로 나눔");
        let html = |lang| badge(&claim(), &evidence, lang, "", &Memory::default()).unwrap().0;
        assert!(html(Lang::Ko).contains("<li>n-1로 나눔</li>"));
        assert!(html(Lang::En).contains("<li>n-1 &lt;b&gt;</li>"));
    }

    #[test]
    fn a_variant_names_the_claims_that_reject_it() {
        let (claim, evidence) = (claim(), evidence());
        let html = variants(
            &[Cited { claim: &claim, evidence: &evidence, place: "forward.html#x".into() }],
            Lang::En,
        );
        assert!(
            html.contains(
                "<td>n-1 &lt;b&gt;</td><td><a href=\"forward.html#x\">forward::<wbr>rho</a></td>"
            ),
            "{html}"
        );
    }

    #[test]
    fn totals_count() {
        let e = evidence();
        assert!(
            totals([&e, &e].into_iter(), Lang::En)
                .starts_with("**2** claims, checked in **6** ways")
        );
        assert!(totals([&e].into_iter(), Lang::Ko).contains("**1개**"));
    }

    #[test]
    fn a_broken_formula_in_a_sentence_is_told() {
        let mut claim = claim();
        claim.sentence = ["가 $\\frac{1}$".into(), "a".into()];
        assert!(badge(&claim, &evidence(), Lang::Ko, "", &Memory::default()).is_err());
    }
}
