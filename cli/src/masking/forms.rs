//! The forms of a secret and of its parts, as `masking` documents them.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use zeroize::Zeroizing;

use super::{Pattern, TooShort, json_strings::json_strings};

/// Shorter secrets and strings, trimmed, are not masked: they occur everywhere.
const MIN_VALUE_BYTES: usize = 4;
/// Shorter lines are not masked separately.
pub(super) const MIN_LINE_BYTES: usize = 8;
/// Shorter encoded forms are not masked.
const MIN_ENCODED_BYTES: usize = 6;
/// Base64 in base64 is found of values up to this length: credentials, as in the configuration of a container registry.
const MAX_TWICE_ENCODED_BYTES: usize = 256;
/// JSON in a string of JSON is searched for strings to this depth.
const MAX_DEPTH: usize = 4;

/// A form of a secret or of a part of it.
#[derive(PartialEq, Eq)]
pub(super) struct Form {
    pub(super) kind: Kind,
    /// At least two bytes.
    pub(super) text: Pattern,
}

/// How the text of a form may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Each character in any of its spellings.
    Text,
    /// In either alphabet; the form has the standard one. The characters that are not letters or digits in any of their
    /// spellings.
    Base64,
    /// With letters in either case, which are lower-case in the form, and with separators between bytes.
    Hex,
}

/// Appends the forms of one secret. A form may be appended twice. Returns what is too short to mask.
pub(super) fn append_forms(value: &[u8], forms: &mut Vec<Form>) -> Option<TooShort> {
    if value.trim_ascii().len() < MIN_VALUE_BYTES {
        return (!value.is_empty()).then_some(TooShort::Secret);
    }
    let mut short_strings = 0;
    append_value(value, 0, forms, &mut short_strings);
    (short_strings > 0).then_some(TooShort::Strings(short_strings))
}

fn append_value(value: &[u8], depth: usize, forms: &mut Vec<Form>, short_strings: &mut usize) {
    // White space at the ends is not secret: the line break after a secret stays visible behind its mask.
    let trimmed = value.trim_ascii();
    append_encoded(trimmed, value, forms);
    if trimmed.contains(&b'\n') {
        for line in trimmed.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii) {
            if line.len() >= MIN_LINE_BYTES {
                append_encoded(line, line, forms);
            }
        }
    }
    if depth == MAX_DEPTH {
        return;
    }
    for string in json_strings(trimmed) {
        match string.trim_ascii().len() {
            0 => {}
            1..MIN_VALUE_BYTES => *short_strings += 1,
            _ => append_value(&string, depth + 1, forms, short_strings),
        }
    }
}

/// Appends the forms of a value, trimmed and as it is.
fn append_encoded(trimmed: &[u8], value: &[u8], forms: &mut Vec<Form>) {
    forms.push(Form { kind: Kind::Text, text: Zeroizing::new(trimmed.to_vec()) });
    forms.push(Form { kind: Kind::Hex, text: hex(trimmed) });
    // Lists of bytes, as programs print arrays.
    for separator in [" ", ",", ", "] {
        forms.push(Form { kind: Kind::Text, text: decimal(trimmed, separator) });
    }
    let mut base64 = Vec::new();
    // What is printed and encoded with `echo` ends with a line break.
    let mut line = Zeroizing::new(Vec::with_capacity(trimmed.len() + 1));
    line.extend_from_slice(trimmed);
    line.push(b'\n');
    for whole in [trimmed, line.as_slice(), value] {
        base64.push(Zeroizing::new(STANDARD.encode(whole).into_bytes()));
        base64.push(Zeroizing::new(STANDARD_NO_PAD.encode(whole).into_bytes()));
    }
    let inner = base64_inside(trimmed);
    if trimmed.len() <= MAX_TWICE_ENCODED_BYTES {
        base64.extend(inner.iter().flat_map(|form| base64_inside(form)));
    }
    base64.extend(inner);
    let base64 = base64.into_iter().filter(|form| form.len() >= MIN_ENCODED_BYTES);
    forms.extend(base64.map(|text| Form { kind: Kind::Base64, text }));
}

/// Returns the value in base64 as it appears inside a longer text, where it begins at one of three positions of a group. The
/// characters at either end that also depend on the neighboring bytes are left out.
fn base64_inside(value: &[u8]) -> Vec<Pattern> {
    let mut forms = Vec::with_capacity(3);
    for (shift, mixed) in [(0, 0), (1, 2), (2, 3)] {
        let mut shifted = Zeroizing::new(vec![0; shift + value.len()]);
        shifted[shift..].copy_from_slice(value);
        let encoded = Zeroizing::new(STANDARD_NO_PAD.encode(&shifted).into_bytes());
        let end = encoded.len() - usize::from(!shifted.len().is_multiple_of(3));
        forms.extend(encoded.get(mixed..end).map(|form| Zeroizing::new(form.to_vec())));
    }
    forms
}

fn hex(value: &[u8]) -> Pattern {
    let mut form = Zeroizing::new(Vec::with_capacity(2 * value.len()));
    for byte in value {
        form.extend([byte >> 4, byte & 15].map(|digit| b"0123456789abcdef"[usize::from(digit)]));
    }
    form
}

fn decimal(value: &[u8], separator: &str) -> Pattern {
    let mut form = Zeroizing::new(Vec::with_capacity((3 + separator.len()) * value.len()));
    for (index, byte) in value.iter().enumerate() {
        if index > 0 {
            form.extend_from_slice(separator.as_bytes());
        }
        for (place, digit) in [(100, byte / 100), (10, byte / 10 % 10), (1, byte % 10)] {
            if *byte >= place || place == 1 {
                form.push(b'0' + digit);
            }
        }
    }
    form
}
