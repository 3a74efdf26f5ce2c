//! A formula as plain text, for where no drawing can stand: search results, alternative texts.

use crate::evidence::superscript;
use ratex_font::symbols::{Mode, get_symbol};
use ratex_parser::parse_node::ParseNode;

/// `\hat{x}_i^2 \le \varepsilon` becomes `x̂ᵢ² ≤ ε`. A formula that does not parse stays as it is.
pub fn plain(tex: &str) -> String {
    match ratex_parser::parser::parse(tex) {
        Ok(nodes) => collapse(&list(&nodes)),
        Err(_) => tex.to_string(),
    }
}

fn collapse(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn list(nodes: &[ParseNode]) -> String {
    nodes.iter().map(node).collect()
}

fn node(n: &ParseNode) -> String {
    match n {
        ParseNode::Atom { text, family, .. } => {
            use ratex_parser::parse_node::AtomFamily::{Bin, Punct, Rel};
            let text = symbol(text);
            match family {
                Rel | Bin => format!(" {text} "),
                Punct => format!("{text} "),
                _ => text,
            }
        }
        ParseNode::MathOrd { text, .. }
        | ParseNode::TextOrd { text, .. }
        | ParseNode::OpToken { text, .. } => symbol(text),
        ParseNode::SpacingNode { .. } | ParseNode::Kern { .. } | ParseNode::Cr { .. } => " ".into(),
        ParseNode::OrdGroup { body, .. }
        | ParseNode::Text { body, .. }
        | ParseNode::Color { body, .. }
        | ParseNode::Styling { body, .. }
        | ParseNode::Sizing { body, .. }
        | ParseNode::MClass { body, .. }
        | ParseNode::HBox { body, .. } => list(body),
        ParseNode::OperatorName { body, .. } => format!("{} ", list(body)),
        ParseNode::Font { body, .. }
        | ParseNode::Underline { body, .. }
        | ParseNode::Smash { body, .. } => node(body),
        ParseNode::SupSub { base, sup, sub, .. } => {
            let base = base.as_deref().map(node).unwrap_or_default();
            let sub = sub.as_deref().map(|n| script(&node(n), '_', subscript)).unwrap_or_default();
            let sup =
                sup.as_deref().map(|n| script(&node(n), '^', superscript)).unwrap_or_default();
            format!("{}{sub}{sup}{}", base.trim_end(), if base.ends_with(' ') { " " } else { "" })
        }
        ParseNode::GenFrac { numer, denom, .. } => {
            format!("{}/{}", group(&node(numer)), group(&node(denom)))
        }
        ParseNode::Sqrt { body, .. } => format!("√{}", group(&node(body))),
        ParseNode::Accent { label, base, .. } => {
            let mark = match label.as_str() {
                "\\hat" | "\\widehat" => "\u{302}",
                "\\tilde" | "\\widetilde" => "\u{303}",
                "\\bar" => "\u{304}",
                "\\dot" => "\u{307}",
                "\\ddot" => "\u{308}",
                "\\vec" | "\\overrightarrow" => "\u{20d7}",
                "\\check" | "\\widecheck" => "\u{30c}",
                _ => "",
            };
            format!("{}{mark}", node(base))
        }
        ParseNode::Overline { body, .. } => format!("{}\u{304}", node(body)),
        ParseNode::Op { name, body, .. } => match (name, body) {
            (Some(name), _) => match get_symbol(name, Mode::Math).and_then(|s| s.codepoint) {
                Some(c) => c.to_string(),
                None => format!("{} ", name.trim_start_matches('\\')),
            },
            (None, Some(body)) => list(body),
            (None, None) => String::new(),
        },
        ParseNode::LeftRight { body, left, right, .. } => {
            format!("{}{}{}", delimiter(left), list(body), delimiter(right))
        }
        ParseNode::DelimSizing { delim, .. } | ParseNode::Middle { delim, .. } => delimiter(delim),
        ParseNode::Array { body, .. } => body
            .iter()
            .map(|row| row.iter().map(node).collect::<Vec<_>>().join(" "))
            .collect::<Vec<_>>()
            .join("; "),
        _ => String::new(),
    }
}

fn symbol(text: &str) -> String {
    match get_symbol(text, Mode::Math).and_then(|s| s.codepoint) {
        Some(c) => c.to_string(),
        None => text.trim_start_matches('\\').to_string(),
    }
}

fn delimiter(text: &str) -> String {
    if text == "." { String::new() } else { symbol(text) }
}

/// Brackets around anything that is more than a name or a number.
fn group(text: &str) -> String {
    let text = text.trim();
    match text
        .chars()
        .all(|c| c.is_alphanumeric() || ('\u{300}'..='\u{36f}').contains(&c) || c == '.')
    {
        true => text.to_string(),
        false => format!("({text})"),
    }
}

fn script(text: &str, mark: char, raise: fn(char) -> char) -> String {
    let text: String = text.split_whitespace().collect();
    let raised: String = text.chars().map(raise).collect();
    let all = text.chars().zip(raised.chars()).all(|(a, b)| a != b);
    match all {
        true => raised,
        false if text.chars().count() == 1 => format!("{mark}{text}"),
        false => format!("{mark}({text})"),
    }
}

fn subscript(c: char) -> char {
    match c {
        '0'..='9' => char::from_u32('₀' as u32 + c as u32 - '0' as u32).unwrap_or(c),
        '-' | '−' => '₋',
        '+' => '₊',
        'i' => 'ᵢ',
        'j' => 'ⱼ',
        'k' => 'ₖ',
        'm' => 'ₘ',
        'n' => 'ₙ',
        't' => 'ₜ',
        'x' => 'ₓ',
        'a' => 'ₐ',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn formulas_as_text() {
        for (tex, text) in [
            ("\\varepsilon = 10^{-5}", "ε = 10⁻⁵"),
            ("\\hat{x}_i^2", "x̂ᵢ²"),
            ("x = (1, 2, 3, 6)", "x = (1, 2, 3, 6)"),
            ("\\frac{\\sigma^2}{\\sigma^2 + \\varepsilon}", "σ²/(σ² + ε)"),
            ("\\sqrt{\\sigma^2+\\varepsilon}", "√(σ² + ε)"),
            ("\\tfrac12", "1/2"),
            ("\\mathcal{B} \\subset \\mathbb{R}^d", "B ⊂ R^d"),
            ("\\text{크기}_{B}", "크기_B"),
            ("\\left(\\sum_i x_i\\right)", "(∑ᵢxᵢ)"),
            ("\\max(a, b)", "max (a, b)"),
        ] {
            assert_eq!(plain(tex), text, "{tex}");
        }
    }

    #[test]
    fn what_does_not_parse_stays() {
        assert_eq!(plain("\\frac{"), "\\frac{");
    }
}
