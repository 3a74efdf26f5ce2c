//! Numbers as a reader expects them: a true minus sign, powers of ten with superscripts, no trailing zeros.

/// `value` with at most `decimals` digits after the point: `−0.5`, `3`, `0.875`.
pub fn decimal(value: f64, decimals: usize) -> String {
    let mut text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
    }
    match text.strip_prefix('-') {
        Some("0") => "0".into(),
        Some(positive) => format!("−{positive}"),
        None => text,
    }
}

/// Ten to the power `exponent`: written out from 0.01 to 100, as `10⁻⁵` beyond.
pub fn power_of_ten(exponent: i32) -> String {
    if (-2..=2).contains(&exponent) {
        return decimal(libm::exp10(exponent.into()), 2);
    }
    let digits = exponent.to_string();
    let raised = digits.chars().map(|c| match c {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '0' => '⁰',
        digit => char::from_u32('⁰' as u32 + (digit as u32 - '0' as u32)).unwrap_or(digit),
    });
    format!("10{}", raised.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_lose_trailing_zeros_and_minus_zero() {
        assert_eq!(decimal(-0.5, 3), "−0.5");
        assert_eq!(decimal(100.0, 2), "100");
        assert_eq!(decimal(-0.001, 2), "0");
        assert_eq!(decimal(0.875, 3), "0.875");
    }

    #[test]
    fn powers_of_ten() {
        assert_eq!(power_of_ten(-5), "10⁻⁵");
        assert_eq!(power_of_ten(-12), "10⁻¹²");
        assert_eq!(power_of_ten(8), "10⁸");
        assert_eq!(power_of_ten(0), "1");
        assert_eq!(power_of_ten(-2), "0.01");
    }
}
