//! Percent-encoding of a reference's parts, in both directions.

use std::fmt;

/// The position of a text in the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// One segment of the path.
    Segment,
    /// Segments with slashes between them.
    Path,
    /// The value of a query parameter.
    Parameter,
    /// The fragment.
    Field,
}

/// Returns whether a character would mean something else, or be lost, if it was written there as it is.
fn needs_encoding(character: char, part: Part) -> bool {
    matches!(character, '?' | '#' | '%')
        || is_unprintable(character)
        || (character == '/' && part == Part::Segment)
        || (character == '&' && part == Part::Parameter)
}

/// Returns whether this is a blank or a control character, which gets into a URL by accident and is invisible.
pub(super) fn is_unprintable(character: char) -> bool {
    character.is_whitespace() || character.is_control()
}

/// Writes the separator and the text.
pub(super) fn write(f: &mut fmt::Formatter<'_>, separator: &str, text: &str, part: Part) -> fmt::Result {
    f.write_str(separator)?;
    for character in text.chars() {
        if needs_encoding(character, part) {
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                write!(f, "%{byte:02X}")?;
            }
        } else {
            fmt::Write::write_char(f, character)?;
        }
    }
    Ok(())
}

/// Why a text cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadEncoding {
    /// `%` without two hexadecimal digits, at this byte.
    Digits(usize),
    /// What is encoded is not UTF-8, or is NUL.
    Text,
}

/// Decodes a text.
pub(super) fn decode(encoded: &str) -> Result<String, BadEncoding> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((plain, after)) = rest.split_once('%') {
        bytes.extend_from_slice(plain.as_bytes());
        let digits = after.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => bytes.push(byte),
            None => return Err(BadEncoding::Digits(encoded.len() - after.len() - 1)),
        }
        rest = &after[2..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0')).ok_or(BadEncoding::Text)
}
