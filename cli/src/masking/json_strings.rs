//! The strings in JSON text. Not read with `serde_json`, which leaves copies of strings with escapes behind; it only says
//! whether the text is JSON.

use serde::de::IgnoredAny;
use zeroize::Zeroizing;

use super::Pattern;

/// Returns the strings in an object, an array or a string, except the names of fields. None if the text is not JSON.
pub(super) fn json_strings(text: &[u8]) -> Vec<Pattern> {
    let mut strings = Vec::new();
    if !matches!(text.first(), Some(b'{' | b'[' | b'"'))
        || serde_json::from_slice::<IgnoredAny>(text).is_err()
    {
        return strings;
    }
    let mut rest = text;
    while let Some(quote) = rest.iter().position(|byte| *byte == b'"') {
        rest = &rest[quote + 1..];
        let string = &rest[..length(rest)];
        rest = rest.get(string.len() + 1..).unwrap_or_default();
        let is_name = rest.trim_ascii_start().first() == Some(&b':');
        if !is_name {
            strings.push(unescaped(string));
        }
    }
    strings
}

/// Returns the length of the string that begins here, up to its closing quote.
fn length(text: &[u8]) -> usize {
    let mut escaped = false;
    let end = text.iter().position(|byte| {
        let end = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        end
    });
    end.unwrap_or(text.len())
}

/// Returns what the inside of a JSON string says.
fn unescaped(mut string: &[u8]) -> Pattern {
    // No escape is shorter than what it says.
    let mut text = Zeroizing::new(Vec::with_capacity(string.len()));
    while let Some((byte, rest)) = string.split_first() {
        string = rest;
        if *byte != b'\\' {
            text.push(*byte);
            continue;
        }
        let Some((escape, rest)) = string.split_first() else { break };
        string = rest;
        match escape {
            b'n' => text.push(b'\n'),
            b'r' => text.push(b'\r'),
            b't' => text.push(b'\t'),
            b'b' => text.push(8),
            b'f' => text.push(12),
            b'u' => {
                let mut unit = utf16_unit(string);
                string = string.get(4..).unwrap_or_default();
                if (0xd800..0xdc00).contains(&unit) && string.starts_with(b"\\u") {
                    let low = utf16_unit(&string[2..]);
                    string = string.get(6..).unwrap_or_default();
                    unit = 0x1_0000 + ((unit - 0xd800) << 10) + (low.wrapping_sub(0xdc00) & 0x3ff);
                }
                let character = char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER);
                text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            other => text.push(*other),
        }
    }
    text
}

/// Returns the number that four hexadecimal digits are; 0 if they are not.
fn utf16_unit(digits: &[u8]) -> u32 {
    let digits = digits.get(..4).and_then(|digits| std::str::from_utf8(digits).ok());
    digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(text: &str) -> Vec<String> {
        let found = json_strings(text.as_bytes());
        found.iter().map(|string| String::from_utf8_lossy(string).into_owned()).collect()
    }

    #[test]
    fn strings_are_found_and_names_are_not() {
        assert_eq!(
            strings(r#"{"a" : "b", "c": [1, true, null, "d:", {"e\"": ""}], "f": "g\\"}"#),
            ["b", "d:", "", "g\\"]
        );
        assert_eq!(strings(r#""x\"y""#), ["x\"y"]);
        assert!(strings("5432").is_empty() && strings("{\"a\": \"b\"").is_empty());
    }

    #[test]
    fn escapes_mean_what_serde_json_reads() {
        let text = r#"["\"\\\/\b\f\n\r\t", "\u00e9\u20AC\ud83d\ude00x", "é😀"]"#;
        assert_eq!(strings(text), serde_json::from_str::<Vec<String>>(text).expect("JSON"));
    }
}
