//! Exact decimal numbers. They are never converted to floats in between, nor written out in full for a comparison: a number takes
//! the space of its digits, whatever its exponent.

use std::{cmp::Ordering, fmt, str::FromStr};

use thiserror::Error;

/// The maximum length of the plain notation; longer numbers are written with an exponent.
const MAX_PLAIN: i64 = 1_100;

/// The maximum magnitude of an exponent. It is far beyond what hosts support, and sums of exponents do not overflow.
const MAX_EXPONENT: i64 = 1 << 60;

/// An exact decimal number. Numbers compare by value, not by notation: `1.50` equals `1.5`, and `-0` equals `0`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Number(Repr);

/// Each number has exactly one representation, so that equality and hashing can be derived.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Repr {
    /// Every whole number that fits.
    Int(i64),
    /// All others.
    Decimal(Box<Decimal>),
}

/// `digits` × 10^`exponent`; the digits neither start nor end with a zero.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

/// The error for a text or float that is not a finite decimal number.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NumberError {
    /// The text is not a decimal number like `12`, `-0.5` or `1e9`.
    #[error("not a decimal number like 12, -0.5 or 1e9")]
    Syntax,
    /// The exponent is too large.
    #[error("the exponent is beyond ±2^60")]
    Exponent,
    /// Infinity or not-a-number.
    #[error("infinite or not a number")]
    NotFinite,
}

impl Number {
    /// Converts a float exactly, digit for digit: `0.1_f64` is
    /// 0.1000000000000000055511151231257827021181583404541015625.
    ///
    /// # Errors
    /// If it is infinite or not a number.
    pub fn from_f64(float: f64) -> Result<Self, NumberError> {
        if !float.is_finite() {
            return Err(NumberError::NotFinite);
        }
        // A float is m × 2^e; with e negative it has exactly -e decimals once m is odd.
        let bits = float.to_bits();
        let biased = i64::try_from((bits >> 52) & 0x7ff).unwrap_or(0);
        let fraction = bits & ((1 << 52) - 1);
        let mantissa = if biased == 0 { fraction } else { fraction | (1 << 52) };
        let exponent = biased.max(1) - 1_075 + i64::from(mantissa.trailing_zeros());
        let decimals = usize::try_from(-exponent).unwrap_or(0);
        format!("{float:.decimals$}").parse()
    }

    /// Returns the number, if it is whole and fits.
    pub fn to_i64(&self) -> Option<i64> {
        match self.0 {
            Repr::Int(number) => Some(number),
            Repr::Decimal(_) => None,
        }
    }

    /// Returns the number, if it is whole, not negative, and fits.
    pub fn to_u64(&self) -> Option<u64> {
        match &self.0 {
            Repr::Int(number) => u64::try_from(*number).ok(),
            Repr::Decimal(decimal) => {
                let fits = !decimal.negative && decimal.exponent >= 0 && decimal.magnitude() <= 20;
                if fits { decimal.plain().parse().ok() } else { None }
            }
        }
    }

    /// Returns the float that is exactly this number, if there is one.
    pub fn to_f64_exact(&self) -> Option<f64> {
        if let Repr::Decimal(decimal) = &self.0
            // Beyond these bounds no float is exact.
            && (decimal.magnitude() > 309 || decimal.exponent < -1_074 || decimal.digits.len() > 767)
        {
            return None;
        }
        let float = self.to_f64();
        (Self::from_f64(float).as_ref() == Ok(self)).then_some(float)
    }

    /// Returns the float nearest to this number; infinite if it is too large.
    pub fn to_f64(&self) -> f64 {
        match &self.0 {
            // Parsing the decimal text rounds once, to the nearest float.
            Repr::Int(number) => number.to_string().parse().unwrap_or(f64::NAN),
            Repr::Decimal(decimal) => decimal.scientific().parse().unwrap_or(f64::NAN),
        }
    }

    /// Returns whether it has no fraction.
    pub fn is_whole(&self) -> bool {
        match &self.0 {
            Repr::Int(_) => true,
            Repr::Decimal(decimal) => decimal.exponent >= 0,
        }
    }

    fn new(negative: bool, digits: String, exponent: i64) -> Result<Self, NumberError> {
        let mut digits = digits;
        let significant = digits.trim_end_matches('0').len();
        let exponent = exponent + i64::try_from(digits.len() - significant).unwrap_or(i64::MAX / 2);
        digits.truncate(significant);
        let leading = digits.len() - digits.trim_start_matches('0').len();
        digits.drain(..leading);
        if digits.is_empty() {
            return Ok(Self(Repr::Int(0)));
        }
        if exponent.abs() > MAX_EXPONENT {
            return Err(NumberError::Exponent);
        }
        let decimal = Decimal { negative, digits, exponent };
        if decimal.exponent >= 0
            && decimal.magnitude() <= 19
            && let Ok(number) = decimal.plain().parse()
        {
            return Ok(Self(Repr::Int(number)));
        }
        Ok(Self(Repr::Decimal(Box::new(decimal))))
    }

    /// Returns the sign, the power of ten of the first digit, and the digits, for comparisons.
    fn parts(&self) -> (i8, i64, std::borrow::Cow<'_, str>) {
        match &self.0 {
            Repr::Int(0) => (0, 0, "".into()),
            Repr::Int(number) => {
                let digits = number.unsigned_abs().to_string();
                let magnitude = i64::try_from(digits.len()).unwrap_or(i64::MAX);
                (if *number < 0 { -1 } else { 1 }, magnitude, digits.trim_end_matches('0').to_owned().into())
            }
            Repr::Decimal(decimal) => {
                (if decimal.negative { -1 } else { 1 }, decimal.magnitude(), decimal.digits.as_str().into())
            }
        }
    }
}

impl Decimal {
    /// Returns the number of digits before the point; zero or negative if the number starts after it.
    fn magnitude(&self) -> i64 {
        self.exponent + i64::try_from(self.digits.len()).unwrap_or(i64::MAX / 2)
    }

    fn sign(&self) -> &'static str {
        if self.negative { "-" } else { "" }
    }

    /// Formats the number without an exponent. Only for numbers that are short in this form.
    fn plain(&self) -> String {
        let (sign, digits, magnitude) = (self.sign(), &self.digits, self.magnitude());
        let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or(0));
        if self.exponent >= 0 {
            format!("{sign}{digits}{}", zeros(self.exponent))
        } else if magnitude <= 0 {
            format!("{sign}0.{}{digits}", zeros(-magnitude))
        } else {
            let (whole, fraction) = digits.split_at(usize::try_from(magnitude).unwrap_or(0));
            format!("{sign}{whole}.{fraction}")
        }
    }

    fn scientific(&self) -> String {
        format!("{}{}e{}", self.sign(), self.digits, self.exponent)
    }
}

impl From<i64> for Number {
    fn from(number: i64) -> Self {
        Self(Repr::Int(number))
    }
}

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        match i64::try_from(number) {
            Ok(number) => number.into(),
            Err(_) => Self::new(false, number.to_string(), 0)
                .expect("a u64 has no exponent that could be too large"),
        }
    }
}

impl FromStr for Number {
    type Err = NumberError;

    /// Parses `[sign] digits [. digits] [e [sign] digits]`, with digits on at least one side of the point.
    fn from_str(text: &str) -> Result<Self, NumberError> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Some(exponent)),
            None => (text, None),
        };
        let (negative, mantissa) = split_sign(mantissa);
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.len() + fraction.len() == 0 || !all_digits(whole) || !all_digits(fraction) {
            return Err(NumberError::Syntax);
        }
        let exponent = exponent.map_or(Ok(0), parse_exponent)?;
        let decimals = i64::try_from(fraction.len()).map_err(|_| NumberError::Exponent)?;
        Self::new(negative, [whole, fraction].concat(), exponent - decimals)
    }
}

fn split_sign(text: &str) -> (bool, &str) {
    match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    }
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Parses an exponent. One that does not fit becomes one that is just out of bounds, because zero times it is still zero.
fn parse_exponent(text: &str) -> Result<i64, NumberError> {
    let (negative, digits) = split_sign(text);
    if digits.is_empty() || !all_digits(digits) {
        return Err(NumberError::Syntax);
    }
    let magnitude = digits.parse().unwrap_or(i64::MAX).min(2 * MAX_EXPONENT);
    Ok(if negative { -magnitude } else { magnitude })
}

impl fmt::Display for Number {
    /// Formats the number in plain notation up to about a thousand characters, and otherwise with an exponent. Both are valid in
    /// JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Int(number) => write!(f, "{number}"),
            Repr::Decimal(decimal) if decimal.magnitude().max(-decimal.exponent) <= MAX_PLAIN => {
                f.write_str(&decimal.plain())
            }
            Repr::Decimal(decimal) => f.write_str(&decimal.scientific()),
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        if let (Repr::Int(a), Repr::Int(b)) = (&self.0, &other.0) {
            return a.cmp(b);
        }
        let (sign, magnitude, digits) = self.parts();
        let (other_sign, other_magnitude, other_digits) = other.parts();
        // Without leading and trailing zeros, digits compare like texts.
        let size = magnitude.cmp(&other_magnitude).then_with(|| digits.cmp(&other_digits));
        sign.cmp(&other_sign).then(if sign < 0 { size.reverse() } else { size })
    }
}
