//! The forms in which a secret shows in a text, as the module above promises them.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use serde_json::Value;
use zeroize::{Zeroize as _, Zeroizing};

/// Shorter secrets, blanks at their ends not counted, are not masked: they stand everywhere.
const MIN_VALUE_BYTES: usize = 4;
/// Shorter lines of a secret, and texts in it, are not masked by themselves.
const MIN_PART_BYTES: usize = 8;
/// Shorter encoded forms are not masked.
const MIN_ENCODED_BYTES: usize = 6;

type Pattern = Zeroizing<Vec<u8>>;

/// Appends the forms of one secret; none where it is too short. Some may be there twice.
pub(super) fn forms(value: &[u8], patterns: &mut Vec<Pattern>) {
    let trimmed = value.trim_ascii();
    if trimmed.len() < MIN_VALUE_BYTES {
        return;
    }
    // Blanks at the ends are no secret: the line break after a secret is to be seen behind its mask.
    patterns.push(Zeroizing::new(trimmed.to_vec()));
    // But they change how the rest is encoded.
    for whole in [value, trimmed] {
        let mut encoded = Vec::new();
        base64_forms(whole, &mut encoded);
        percent_forms(whole, &mut encoded);
        json_forms(whole, &mut encoded);
        patterns.extend(encoded.into_iter().filter(|form| form.len() >= MIN_ENCODED_BYTES));
    }
    lines(trimmed, patterns);
    if (trimmed.starts_with(b"{") || trimmed.starts_with(b"["))
        && let Ok(mut json) = serde_json::from_slice(trimmed)
    {
        texts(&mut json, patterns);
    }
}

/// The lines, where there are several.
fn lines(text: &[u8], patterns: &mut Vec<Pattern>) {
    if text.contains(&b'\n') {
        patterns.extend(text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter_map(part));
    }
}

fn part(text: &[u8]) -> Option<Pattern> {
    (text.len() >= MIN_PART_BYTES).then(|| Zeroizing::new(text.to_vec()))
}

/// The texts in a JSON value, and their lines. Wipes the value.
fn texts(json: &mut Value, patterns: &mut Vec<Pattern>) {
    match json {
        Value::String(text) => {
            patterns.extend(part(text.trim().as_bytes()));
            lines(text.as_bytes(), patterns);
            text.zeroize();
        }
        Value::Array(items) => items.iter_mut().for_each(|item| texts(item, patterns)),
        Value::Object(fields) => fields.values_mut().for_each(|field| texts(field, patterns)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn base64_forms(value: &[u8], forms: &mut Vec<Pattern>) {
    for engine in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD] {
        forms.push(Zeroizing::new(engine.encode(value).into_bytes()));
    }
    // Inside of a longer text the value begins at one of three places of a group. The characters at either end that also
    // depend on its neighbours are left out.
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

/// What stands for itself in a URL, by how much the encoders leave, besides letters and digits; and what a blank is.
const PERCENT: [(&[u8], &[u8]); 5] = [
    // RFC 3986, Go's QueryEscape apart from the blank
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

fn percent_forms(value: &[u8], forms: &mut Vec<Pattern>) {
    for (plain, blank) in PERCENT {
        for digits in [b"0123456789ABCDEF", b"0123456789abcdef"] {
            let mut form = Zeroizing::new(Vec::with_capacity(3 * value.len()));
            for byte in value {
                if byte.is_ascii_alphanumeric() || plain.contains(byte) {
                    form.push(*byte);
                } else if *byte == b' ' {
                    form.extend_from_slice(blank);
                } else {
                    let [high, low] = [byte >> 4, byte & 15].map(|digit| digits[usize::from(digit)]);
                    form.extend_from_slice(&[b'%', high, low]);
                }
            }
            forms.push(form);
        }
    }
}

/// As it stands between the quotes of a JSON text.
fn json_forms(value: &[u8], forms: &mut Vec<Pattern>) {
    let Ok(text) = std::str::from_utf8(value) else { return };
    let Ok(quoted) = serde_json::to_string(text).map(Zeroizing::new) else { return };
    let plain = &quoted[1..quoted.len() - 1];
    // The longest escape of a byte has six.
    let escaped = |escape: fn(char) -> bool| {
        let mut form = Zeroizing::new(Vec::with_capacity(6 * plain.len()));
        for character in plain.chars() {
            if escape(character) {
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
