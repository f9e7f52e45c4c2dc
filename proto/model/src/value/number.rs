//! Exact decimal numbers as text. It owns the grammar of RFC 8259, section 6, and the canonical notation; it never
//! turns a number into a machine's.

use super::ValueError;
use crate::limits::{MAX_NUMBER_DIGITS, MAX_NUMBER_EXPONENT};

/// The canonical notation of a number: plain, exact, shortest.
///
/// The exponent is looked at before anything is written out, so `1e999999999` costs nothing.
pub(super) fn canonicalize(text: &str) -> Result<String, ValueError> {
    let parts = split(text).ok_or(ValueError::NotNumber)?;

    let mut digits = String::with_capacity(parts.integer.len() + parts.fraction.len());
    digits.push_str(parts.integer);
    digits.push_str(parts.fraction);
    // From here on: value = 0.DIGITS × 10^point.
    let mut point = i64::try_from(parts.integer.len()).unwrap_or(i64::MAX).saturating_add(parts.exponent);
    let significant = digits.trim_start_matches('0');
    point = point.saturating_sub(i64::try_from(digits.len() - significant.len()).unwrap_or(i64::MAX));
    let significant = significant.trim_end_matches('0');

    if significant.is_empty() {
        return Ok("0".to_owned());
    }
    if significant.len() > MAX_NUMBER_DIGITS {
        return Err(ValueError::NumberDigits { digits: significant.len() });
    }
    if !(-MAX_NUMBER_EXPONENT..=MAX_NUMBER_EXPONENT).contains(&point.saturating_sub(1)) {
        return Err(ValueError::NumberExponent);
    }
    Ok(write_out(parts.negative, significant, point))
}

fn write_out(negative: bool, significant: &str, point: i64) -> String {
    let mut out = String::with_capacity(significant.len() + 4);
    if negative {
        out.push('-');
    }
    // How many digits precede the point, or how many zeros follow it before the first digit.
    let distance = usize::try_from(point.unsigned_abs()).unwrap_or(usize::MAX);
    if point <= 0 {
        out.push_str("0.");
        out.extend(std::iter::repeat_n('0', distance));
        out.push_str(significant);
    } else if distance >= significant.len() {
        out.push_str(significant);
        out.extend(std::iter::repeat_n('0', distance - significant.len()));
    } else {
        let (before, after) = significant.split_at(distance);
        out.push_str(before);
        out.push('.');
        out.push_str(after);
    }
    out
}

struct Parts<'a> {
    negative: bool,
    integer: &'a str,
    fraction: &'a str,
    exponent: i64,
}

/// `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`
fn split(text: &str) -> Option<Parts<'_>> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (integer, rest) = take_digits(rest);
    if integer.is_empty() || (integer.len() > 1 && integer.starts_with('0')) {
        return None;
    }
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => {
            let (fraction, rest) = take_digits(rest);
            if fraction.is_empty() {
                return None;
            }
            (fraction, rest)
        }
        None => ("", rest),
    };
    let exponent = match rest.strip_prefix(['e', 'E']) {
        Some(rest) => exponent(rest)?,
        None if rest.is_empty() => 0,
        None => return None,
    };
    Some(Parts { negative, integer, fraction, exponent })
}

fn exponent(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Saturates far outside what is allowed, and far inside what i64 holds: later sums cannot overflow.
    const FAR: i64 = 1 << 40;
    let magnitude =
        digits.bytes().fold(0_i64, |sum, byte| (sum.saturating_mul(10) + i64::from(byte - b'0')).min(FAR));
    Some(if negative { -magnitude } else { magnitude })
}

fn take_digits(text: &str) -> (&str, &str) {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}
