//! Canonical JSON: RFC 8259 in, the ordering and escaping of RFC 8785 out, with exact numbers and normalized strings.
//!
//! Unlike RFC 8785, numbers keep every digit: they are [`super::number`]'s, not floats. Each level is taken apart
//! into raw slices of the level below, so the text is scanned once for each level of nesting: with 64 KiB and 128
//! levels that is 8 MiB at worst.

use std::fmt;

use serde::de::{Deserializer as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{ValueError, nfc, number};
use crate::limits::{MAX_JSON_DEPTH, MAX_VALUE_BYTES};

/// The canonical text of a JSON text.
pub(super) fn canonicalize(text: &str) -> Result<String, ValueError> {
    // Checks the grammar of the whole text, so that line and column of an error are the author's.
    let raw: &RawValue = serde_json::from_str(text).map_err(not_json)?;
    let mut out = String::with_capacity(text.len());
    write(raw, 0, text, &mut out)?;
    Ok(out)
}

/// Appends the canonical text of a slice of `whole`.
fn write(raw: &RawValue, depth: usize, whole: &str, out: &mut String) -> Result<(), ValueError> {
    // Short numbers can be long when written out: stop at the limit instead of after all of them.
    if out.len() > MAX_VALUE_BYTES {
        return Err(ValueError::CanonicalTooLong);
    }
    let text = raw.get();
    match text.as_bytes().first() {
        Some(b'{') => object(text, deeper(depth)?, whole, out),
        Some(b'[') => array(text, deeper(depth)?, whole, out),
        Some(b'"') => string(&serde_json::from_str::<String>(text).map_err(without_place)?, out),
        Some(b'-' | b'0'..=b'9') => {
            out.push_str(&number::canonicalize(text)?);
            Ok(())
        }
        // true, false or null: the grammar has been checked.
        _ => {
            out.push_str(text);
            Ok(())
        }
    }
}

fn deeper(depth: usize) -> Result<usize, ValueError> {
    if depth == MAX_JSON_DEPTH { Err(ValueError::TooDeep) } else { Ok(depth + 1) }
}

fn object(text: &str, depth: usize, whole: &str, out: &mut String) -> Result<(), ValueError> {
    let mut entries =
        serde_json::Deserializer::from_str(text).deserialize_map(Entries).map_err(without_place)?;
    // Equal keys stay in the order written.
    entries.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
    if let Some(pair) = entries.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        let (line, column) = place(pair[1].1.get(), whole);
        return Err(ValueError::DuplicateKey { line, column });
    }
    out.push('{');
    for (index, (key, value)) in entries.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        string(&key, out)?;
        out.push(':');
        write(value, depth, whole, out)?;
    }
    out.push('}');
    Ok(())
}

fn array(text: &str, depth: usize, whole: &str, out: &mut String) -> Result<(), ValueError> {
    let items = serde_json::Deserializer::from_str(text).deserialize_seq(Items).map_err(without_place)?;
    out.push('[');
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(item, depth, whole, out)?;
    }
    out.push(']');
    Ok(())
}

/// Returns the line and column, from 1, at which a slice of a text begins.
fn place(slice: &str, whole: &str) -> (usize, usize) {
    let offset = slice.as_ptr().addr().saturating_sub(whole.as_ptr().addr());
    let before = whole.get(..offset).unwrap_or(whole);
    let line_start = before.rfind('\n').map_or(0, |line_break| line_break + 1);
    (before.matches('\n').count() + 1, before.len() - line_start + 1)
}

/// serde_json escapes exactly as RFC 8785, section 3.2.2.2, asks: the short forms, `\u00xx` in lower case for the
/// other control characters, everything else as it is.
fn string(text: &str, out: &mut String) -> Result<(), ValueError> {
    out.push_str(&serde_json::to_string(&*nfc(text)).map_err(without_place)?);
    Ok(())
}

/// An object's entries in the order written, keys normalized.
struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, &RawValue>()? {
            entries.push((nfc(&key).into_owned(), value));
        }
        Ok(entries)
    }
}

/// An array's items.
struct Items;

impl<'de> Visitor<'de> for Items {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(items)
    }
}

fn not_json(error: serde_json::Error) -> ValueError {
    ValueError::NotJson { reason: error.to_string() }
}

/// For errors inside a slice, whose line and column would be counted from the slice.
fn without_place(error: serde_json::Error) -> ValueError {
    let text = error.to_string();
    let reason = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason);
    ValueError::NotJson { reason: reason.to_owned() }
}
