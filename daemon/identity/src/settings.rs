//! What settings of issuers and of certificates have in common: lists, scopes, names, glob patterns.

use std::fmt;

use kontraktor_access::{Scope, Scopes};
use serde::{
    Deserialize, Deserializer,
    de::{self, SeqAccess, Visitor},
};
use strum::VariantArray as _;

/// The scopes of callers where a setting does not name others: all that need no administrator.
pub(crate) const USUAL_SCOPES: Scopes = Scopes::of(&[Scope::EnvRead, Scope::EnvWrite, Scope::SecretRead]);

/// The longest actor or group, in bytes, with its prefix.
pub(crate) const MAX_SUBJECT_BYTES: usize = 512;

/// One text or an array of texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Texts(pub(crate) Vec<String>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextsVisitor)
    }
}

struct TextsVisitor;

impl<'de> Visitor<'de> for TextsVisitor {
    type Value = Texts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or an array of strings")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Texts, E> {
        Ok(Texts(vec![text.to_owned()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Texts, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = items.next_element()? {
            texts.push(text);
        }
        Ok(Texts(texts))
    }
}

/// Reads the setting `scopes`, or returns the usual ones.
pub(crate) fn scopes(setting: Option<&[String]>) -> Result<Scopes, String> {
    let Some(names) = setting else { return Ok(USUAL_SCOPES) };
    names
        .iter()
        .map(|name| name.parse::<Scope>())
        .collect::<Result<Scopes, _>>()
        .map_err(|_| format!("invalid value for `scopes`: expected some of {}", all_scopes()))
}

fn all_scopes() -> String {
    let names: Vec<&str> = Scope::VARIANTS.iter().map(Into::into).collect();
    names.join(", ")
}

/// Returns whether a text can be part of an actor or a group: not empty, without control characters, and of such a length.
pub(crate) fn is_identifier(text: &str, max_bytes: usize) -> bool {
    (1..=max_bytes).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// Returns whether a text matches a pattern. `*` matches any characters but the separator, `**` any characters at all.
pub(crate) fn matches(pattern: &str, text: &str, separator: Option<char>) -> bool {
    let mut parts = Vec::new();
    let mut chars = pattern.chars().peekable();
    while let Some(char) = chars.next() {
        parts.push(match char {
            '*' if chars.next_if_eq(&'*').is_some() => Part::Anything,
            '*' => Part::Segment,
            char => Part::Char(char),
        });
    }
    // Which parts can be the next one, after each character of the text: no text makes this slow.
    let mut next = vec![false; parts.len() + 1];
    next[0] = true;
    skip_stars(&parts, &mut next);
    for char in text.chars() {
        let mut after = vec![false; parts.len() + 1];
        for (index, part) in parts.iter().enumerate().filter(|(index, _)| next[*index]) {
            match part {
                Part::Char(expected) if *expected == char => after[index + 1] = true,
                Part::Segment if Some(char) != separator => after[index] = true,
                Part::Anything => after[index] = true,
                Part::Char(_) | Part::Segment => {}
            }
        }
        skip_stars(&parts, &mut after);
        next = after;
    }
    next[parts.len()]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Char(char),
    Segment,
    Anything,
}

/// A star may match nothing: what follows it can be next, too.
fn skip_stars(parts: &[Part], next: &mut [bool]) {
    for (index, part) in parts.iter().enumerate() {
        if next[index] && !matches!(part, Part::Char(_)) {
            next[index + 1] = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_ends_at_the_separator_and_two_do_not() {
        for (pattern, text, expected) in [
            ("ci.example.com", "ci.example.com", true),
            ("*.example.com", "ci.example.com", true),
            ("*.example.com", "a.ci.example.com", false),
            ("**.example.com", "a.ci.example.com", true),
            ("*.example.com", ".example.com", true),
            ("*.example.com", "example.com", false),
            ("*", "", true),
            ("*", "a.b", false),
            ("**", "a.b", true),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "aXbY", false),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern, text, Some('.')), expected, "{pattern} {text}");
        }
        assert!(matches("team *", "team a.b/c", None));
        let long = "a".repeat(2_000);
        assert!(!matches(&"*a".repeat(100), &format!("{long}b"), None));
    }
}
