//! eˣ, eˣ − 1 and tanh x of `f32`, without a branch, so that the compiler can take eight of them at a time.
//!
//! The results are those of `libm`, to the last bit: the same operations in the same order, with those of
//! all cases done and one of them chosen where it asks first. Both go back to FreeBSD's `e_expf.c`,
//! `s_expm1f.c` and `s_tanhf.c`, where errors are derived:
//!
//! > Copyright (C) 1993 by Sun Microsystems, Inc. All rights reserved. Permission to use, copy, modify, and
//! > distribute this software is freely granted, provided that this notice is preserved.

use std::f32::consts::LOG2_E;

/// x = k ln 2 + r with an integer k and |r| ≤ ½ ln 2, so that eˣ = 2ᵏ eʳ.
struct Reduced {
    k: f32,
    /// r = high − low, which is not rounded here.
    high: f32,
    low: f32,
}

impl Reduced {
    /// With ln 2 as a sum of which the first part has so few digits that k times it is exact.
    #[inline(always)]
    fn of(x: f32, ln2: [f32; 2]) -> Reduced {
        // The 0 of a small x < 0 would be −0, and −0 − (−0) another zero.
        let k = (LOG2_E * x + 0.5_f32.copysign(x)).trunc() + 0.0;
        Reduced { k, high: x - k * ln2[0], low: k * ln2[1] }
    }
}

/// 2ᵏ, for an integer −126 ≤ k ≤ 127.
#[inline(always)]
fn power(k: f32) -> f32 {
    // The last bits of 1.5 · 2²³ + n are those of n; moved to the front, n is an exponent, of 2ⁿ⁻¹²⁷.
    f32::from_bits((k + (12_582_912.0 + 127.0)).to_bits() << 23)
}

/// y 2ᵏ, by two factors, since 2ᵏ may be too large or too small for one. Only the second can round.
#[inline(always)]
fn scaled(y: f32, k: f32) -> f32 {
    let half = (0.5 * k).trunc();
    y * power(half) * power(k - half)
}

/// eˣ = 2ᵏ (1 + r + r c/(2 − c)) with c = r − P₁ r² − P₂ r⁴.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    // Beyond, it is 0 or infinite as it is there.
    let Reduced { k, high, low } =
        Reduced::of(x.clamp(-104.0, 89.0), [0.693_145_75, 1.428_606_8e-6]);
    let r = high - low;
    let rr = r * r;
    let c = r - rr * (0.166_666_25 + rr * -2.766_733_3e-3);
    let y = scaled(1.0 + (r * c / (2.0 - c) - low + high), k);
    if x.abs() <= power(-13.0) { 1.0 + x } else { y }
}

/// eˣ − 1 = 2ᵏ (r − e + 1) − 1, in the order that costs the fewest digits, with eʳ = 1 + r − e and
///
/// e = r s (R − t)/(6 − r t) − s, where h = r/2, s = r h, R = 1 + Q₁ s + Q₂ s² and t = 3 − R h.
///
/// What r has been rounded by goes into e.
#[inline(always)]
pub(super) fn exp_m1(x: f32) -> f32 {
    // Beyond, it is −1 or infinite as it is there.
    let Reduced { k, high, low } = Reduced::of(x.clamp(-30.0, 89.0), [0.693_138_1, 9.058_001e-6]);
    let r = high - low;
    let rounded = (high - r) - low;
    let h = 0.5 * r;
    let s = r * h;
    let big_r = 1.0 + s * (-3.333_321_2e-2 + s * 1.580_717e-3);
    let t = 3.0 - big_r * h;
    let e = s * ((big_r - t) / (6.0 - r * t));
    let e = r * (e - rounded) - rounded - s;
    // The 1 to subtract, before it is multiplied by 2ᵏ; above 2⁶⁰ it does not matter.
    let one = power(-k.min(60.0));
    let y = if k == 1.0 && r < -0.25 { r + 0.5 - e } else { r - e - (one - 1.0) };
    let y = if k < 23.0 { y } else { r - (e + one) + 1.0 };
    if k < -1.0 { scaled(r - e + 1.0, k) - 1.0 } else { scaled(y, k) }
}

/// tanh x = t/(t + 2) with t = e²ˣ − 1, for |x|, and then with the sign of x.
///
/// For large x it is 1 − 2/(t + 2), and for small x it is −t/(t + 2) with the t of −x.
#[inline(always)]
pub(super) fn tanh(x: f32) -> f32 {
    let twice = 2.0 * x.abs();
    // ½ ln 5/3 and ½ ln 3.
    let (small, large) = (x.abs() <= 0.255_412_82, x.abs() > 0.549_306_15);
    let t = exp_m1(if small { -twice } else { twice });
    let share = (if large { 2.0 } else { t.abs() }) / (t + 2.0);
    (if large { 1.0 - share } else { share }).copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of every so many `f32` are computed otherwise than by `libm`, for eˣ, eˣ − 1 and tanh x.
    fn otherwise(stride: usize) -> [usize; 3] {
        type Function = fn(f32) -> f32;
        let pairs: [[Function; 2]; 3] =
            [[exp, libm::expf], [exp_m1, libm::expm1f], [tanh, libm::tanhf]];
        pairs.map(|pair| {
            let all = (0..=u32::MAX).step_by(stride).map(f32::from_bits);
            all.filter(|&x| !same(pair.map(|f| f(x)))).count()
        })
    }

    /// The bits, but for those of NaN.
    fn same([a, b]: [f32; 2]) -> bool {
        a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
    }

    #[test]
    fn to_the_last_bit_as_libm_has_them() {
        assert_eq!(otherwise(509), [0, 0, 0]);
    }

    /// `cargo test --release --lib exponential -- --ignored`
    #[test]
    #[ignore = "all 2³² take minutes"]
    fn to_the_last_bit_for_every_number() {
        assert_eq!(otherwise(1), [0, 0, 0]);
    }

    #[test]
    fn where_the_cases_meet() {
        // Zero, the first normal number, the bounds of all cases of `libm`, the infinite, and NaN.
        for bits in [
            0,
            0x0080_0000,
            0x3280_0000,
            0x3300_0000,
            0x3900_0000,
            0x3e82_c578,
            0x3eb1_7218,
            0x3f0c_9f54,
            0x3f85_1592,
            0x4120_0000,
            0x4195_b844,
            0x42ae_ac50,
            0x42b1_7217,
            0x42b1_7218,
            0x42cf_f1b5,
            0x7f80_0000,
            0x7fc0_0000,
        ] {
            for bits in bits.max(2_u32) - 2..=bits + 2 {
                for x in [f32::from_bits(bits), -f32::from_bits(bits)] {
                    assert!(same([exp(x), libm::expf(x)]), "e^{x:e}: {:e}", exp(x));
                    assert!(same([exp_m1(x), libm::expm1f(x)]), "e^{x:e} − 1: {:e}", exp_m1(x));
                    assert!(same([tanh(x), libm::tanhf(x)]), "tanh {x:e}: {:e}", tanh(x));
                }
            }
        }
    }
}
