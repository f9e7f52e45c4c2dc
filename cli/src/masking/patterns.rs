//! The forms in which a secret appears in text, as `masking` documents them.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use serde_json::Value;
use zeroize::{Zeroize as _, Zeroizing};

/// Shorter secrets, trimmed, are not masked: they occur everywhere.
const MIN_VALUE_BYTES: usize = 4;
/// Shorter lines of a secret, and strings in it, are not masked separately.
const MIN_PART_BYTES: usize = 8;
/// Shorter encoded forms are not masked.
const MIN_ENCODED_BYTES: usize = 6;

type Pattern = Zeroizing<Vec<u8>>;

/// Appends the forms of one secret; none if it is too short. A form may be appended twice.
pub(super) fn append_patterns(value: &[u8], patterns: &mut Vec<Pattern>) {
    let trimmed = value.trim_ascii();
    if trimmed.len() < MIN_VALUE_BYTES {
        return;
    }
    // White space at the ends is not secret: the line break after a secret stays visible behind its mask.
    patterns.push(Zeroizing::new(trimmed.to_vec()));
    // But it changes how the rest is encoded.
    for text in [value, trimmed] {
        let mut encoded = Vec::new();
        append_base64(text, &mut encoded);
        append_percent_encoded(text, &mut encoded);
        append_json_escaped(text, &mut encoded);
        patterns.extend(encoded.into_iter().filter(|form| form.len() >= MIN_ENCODED_BYTES));
    }
    append_lines(trimmed, patterns);
    if (trimmed.starts_with(b"{") || trimmed.starts_with(b"["))
        && let Ok(mut json) = serde_json::from_slice(trimmed)
    {
        append_strings(&mut json, patterns);
    }
}

/// Appends the lines if there are several.
fn append_lines(text: &[u8], patterns: &mut Vec<Pattern>) {
    if text.contains(&b'\n') {
        patterns.extend(text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter_map(part));
    }
}

fn part(text: &[u8]) -> Option<Pattern> {
    (text.len() >= MIN_PART_BYTES).then(|| Zeroizing::new(text.to_vec()))
}

/// Appends the strings in a JSON value, and their lines. Wipes the value.
fn append_strings(json: &mut Value, patterns: &mut Vec<Pattern>) {
    match json {
        Value::String(text) => {
            patterns.extend(part(text.trim().as_bytes()));
            append_lines(text.as_bytes(), patterns);
            text.zeroize();
        }
        Value::Array(items) => items.iter_mut().for_each(|item| append_strings(item, patterns)),
        Value::Object(fields) => fields.values_mut().for_each(|field| append_strings(field, patterns)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn append_base64(value: &[u8], forms: &mut Vec<Pattern>) {
    for engine in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD] {
        forms.push(Zeroizing::new(engine.encode(value).into_bytes()));
    }
    // Inside a longer text the value begins at one of three positions of a group. The characters at either end that also
    // depend on the neighboring bytes are left out.
    for (shift, mixed) in [(0, 0), (1, 2), (2, 3)] {
        let mut shifted = Zeroizing::new(vec![0; shift + value.len()]);
        shifted[shift..].copy_from_slice(value);
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            let encoded = Zeroizing::new(engine.encode(&shifted).into_bytes());
            let end = encoded.len() - usize::from(!shifted.len().is_multiple_of(3));
            forms.extend(encoded.get(mixed..end).map(|form| Zeroizing::new(form.to_vec())));
        }
    }
}

/// What encoders leave as it is, besides letters and digits; and what a space becomes.
const PERCENT_ENCODINGS: [(&[u8], &[u8]); 5] = [
    // RFC 3986 §2.3; Go's QueryEscape except for the space
    (b"-._~", b"%20"),
    // Python's quote
    (b"-._~/", b"%20"),
    // encodeURIComponent
    (b"-._~!*'()", b"%20"),
    // forms: Go, Python's quote_plus
    (b"-._~", b"+"),
    // forms: browsers, Java
    (b"-._*", b"+"),
];

fn append_percent_encoded(value: &[u8], forms: &mut Vec<Pattern>) {
    for (plain, space) in PERCENT_ENCODINGS {
        for digits in [b"0123456789ABCDEF", b"0123456789abcdef"] {
            let mut form = Zeroizing::new(Vec::with_capacity(3 * value.len()));
            for byte in value {
                if byte.is_ascii_alphanumeric() || plain.contains(byte) {
                    form.push(*byte);
                } else if *byte == b' ' {
                    form.extend_from_slice(space);
                } else {
                    let [high, low] = [byte >> 4, byte & 15].map(|digit| digits[usize::from(digit)]);
                    form.extend_from_slice(&[b'%', high, low]);
                }
            }
            forms.push(form);
        }
    }
}

/// Appends the value as it is written between the quotes of a JSON string.
fn append_json_escaped(value: &[u8], forms: &mut Vec<Pattern>) {
    let Ok(text) = std::str::from_utf8(value) else { return };
    let Ok(quoted) = serde_json::to_string(text).map(Zeroizing::new) else { return };
    let plain = &quoted[1..quoted.len() - 1];
    // The longest escape of a byte has six characters.
    let escaped = |must_escape: fn(char) -> bool| {
        let mut form = Zeroizing::new(Vec::with_capacity(6 * plain.len()));
        for character in plain.chars() {
            if must_escape(character) {
                let mut units = [0; 2];
                for unit in character.encode_utf16(&mut units) {
                    form.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
                }
            } else {
                let mut bytes = [0; 4];
                form.extend_from_slice(character.encode_utf8(&mut bytes).as_bytes());
            }
        }
        form
    };
    // As most programs write it, as Go does, and as Python does.
    forms.push(escaped(|_| false));
    forms.push(escaped(|character| matches!(character, '<' | '>' | '&' | '\u{2028}' | '\u{2029}')));
    forms.push(escaped(|character| !character.is_ascii()));
}
