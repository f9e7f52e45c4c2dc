//! Parsing a reference: from the left, stopping at the first column that is wrong.

use std::str::FromStr;

use super::{
    FieldRule, Parameter, PathRule, Reference, ReferenceError, SCHEMES, Scheme, Secret, Selector, Version,
    encoding::{BadEncoding, decode, is_unprintable},
    error::{Part, Problem},
    scheme::{TextRule, alternatives, forms},
};
use crate::{limits::MAX_REFERENCE_BYTES, names::VaultName};

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        Self::parse(text, SCHEMES)
    }
}

impl Reference {
    /// Parses a reference of one of these schemes.
    ///
    /// # Errors
    /// Where the text is not such a reference, with the first column that is wrong.
    pub fn parse(text: &str, schemes: &[&'static Scheme]) -> Result<Self, ReferenceError> {
        if text.len() > MAX_REFERENCE_BYTES {
            return Err(ReferenceError { column: 1, problem: Problem::TooLong { bytes: text.len() } });
        }
        parse(text, schemes).map_err(|(offset, problem)| {
            let column = text[..offset].chars().count() + 1;
            ReferenceError { column, problem }
        })
    }
}

/// Where, in bytes, and what.
type Refusal = (usize, Problem);

/// A part of the whole text and its offset in bytes.
#[derive(Debug, Clone, Copy)]
struct Piece<'a> {
    text: &'a str,
    offset: usize,
}

impl<'a> Piece<'a> {
    fn split(self, separator: char) -> (Self, Option<Self>) {
        match self.text.split_once(separator) {
            None => (self, None),
            Some((before, after)) => {
                let offset = self.offset + before.len() + separator.len_utf8();
                (Self { text: before, ..self }, Some(Self { text: after, offset }))
            }
        }
    }

    fn end(self) -> usize {
        self.offset + self.text.len()
    }

    fn segments(self) -> impl Iterator<Item = Self> + use<'a> {
        let mut rest = Some(self);
        std::iter::from_fn(move || {
            let (segment, after) = rest?.split('/');
            rest = after;
            Some(segment)
        })
    }
}

fn parse(text: &str, schemes: &[&'static Scheme]) -> Result<Reference, Refusal> {
    if let Some(offset) = text.find(is_unprintable) {
        return Err((offset, Problem::Unprintable));
    }
    let scheme = text.split_once("://").and_then(|(name, rest)| {
        schemes.iter().find(|scheme| scheme.name == name).map(|scheme| (*scheme, rest))
    });
    let Some((scheme, rest)) = scheme else {
        return Err((0, Problem::UnknownScheme { forms: forms(schemes) }));
    };
    let url = Url::split(Piece { text: rest, offset: text.len() - rest.len() })?;
    if url.vault.text.is_empty() {
        return Err((url.vault.offset, Problem::Missing(Part::Vault)));
    }
    let vault =
        VaultName::try_from(url.vault.text).map_err(|error| (url.vault.offset, Problem::Name(error)))?;
    Ok(Reference { vault, secret: url.secret(scheme)? })
}

/// What every scheme has.
struct Url<'a> {
    vault: Piece<'a>,
    /// Empty where it is missing.
    path: Piece<'a>,
    query: Option<Piece<'a>>,
    fragment: Option<Piece<'a>>,
}

impl<'a> Url<'a> {
    fn split(rest: Piece<'a>) -> Result<Self, Refusal> {
        let (rest, fragment) = rest.split('#');
        if let Some(fragment) = fragment {
            if let Some(offset) = fragment.text.find('#') {
                return Err((fragment.offset + offset, Problem::Repeated('#', "%23")));
            }
            if let Some(offset) = fragment.text.find('?') {
                return Err((fragment.offset + offset, Problem::QueryInField));
            }
        }
        let (rest, query) = rest.split('?');
        if let Some((query, offset)) = query.and_then(|query| Some((query, query.text.find('?')?))) {
            return Err((query.offset + offset, Problem::Repeated('?', "%3F")));
        }
        let (vault, path) = rest.split('/');
        let path = path.unwrap_or(Piece { text: "", offset: rest.end() });
        Ok(Self { vault, path, query, fragment })
    }

    /// Reads what follows the vault's name by the rules of the scheme.
    fn secret(&self, scheme: &'static Scheme) -> Result<Secret, Refusal> {
        let (mount, path) = match scheme.path {
            PathRule::MountAndPath => {
                let (mount, rest) = self.path.split('/');
                let mount = path(mount, Part::Mount)?;
                let rest = rest.ok_or((self.path.end(), Problem::Missing(Part::Path)))?;
                (Some(mount), path(rest, Part::Path)?)
            }
            PathRule::Name => (None, path(self.path, Part::Name)?),
            PathRule::NameOf(_) if self.path.text.is_empty() => {
                return Err((self.path.offset, Problem::Missing(Part::Name)));
            }
            PathRule::NameOf(rule) => (None, literal(self.path, Part::Name, rule)?),
        };
        let version = self.version(scheme)?;
        let field = match (scheme.field, self.fragment) {
            (FieldRule::None, Some(fragment)) => {
                return Err((fragment.offset - 1, Problem::UnexpectedField { scheme: scheme.name }));
            }
            (FieldRule::Required, None) => {
                let end = self.query.map_or(self.path.end(), Piece::end);
                return Err((end, Problem::MissingField));
            }
            (_, fragment) => fragment.map(|fragment| decoded(fragment, Part::Field)).transpose()?,
        };
        Ok(Secret { scheme, mount, path, version, field })
    }

    fn version(&self, scheme: &Scheme) -> Result<Option<Version>, Refusal> {
        let expected = || {
            let all = scheme.parameters.iter();
            alternatives(all.map(|one| format!("{}={}", one.selector.name(), one.placeholder)).collect())
        };
        let mut selected: Option<(&Parameter, Piece<'_>)> = None;
        let mut rest = self.query;
        while let Some(query) = rest {
            let (parameter, after) = query.split('&');
            let (name, value) = parameter.split('=');
            let known = scheme.parameters.iter().find(|known| known.selector.name() == name.text);
            let known =
                known.ok_or_else(|| (name.offset, Problem::UnknownParameter { expected: expected() }))?;
            let value = value.ok_or_else(|| (name.end(), Problem::NoValue { expected: expected() }))?;
            if value.text.is_empty() {
                return Err((value.offset, Problem::Empty(part(known.selector))));
            }
            match selected.replace((known, value)) {
                None => {}
                Some((before, _)) if before.selector == known.selector => {
                    return Err((name.offset, Problem::DuplicateParameter));
                }
                Some(_) => return Err((value.offset, Problem::VersionAndStage)),
            }
            rest = after;
        }
        let Some((parameter, value)) = selected else { return Ok(None) };
        let part = part(parameter.selector);
        let text = match parameter.rule {
            Some(rule) => literal(value, part, rule)?,
            None => decoded(value, part)?,
        };
        Ok(Some(match parameter.selector {
            Selector::Version => Version::Id(text),
            Selector::Stage => Version::Stage(text),
        }))
    }
}

fn part(selector: Selector) -> Part {
    match selector {
        Selector::Version => Part::Version,
        Selector::Stage => Part::Stage,
    }
}

/// Returns a part that is governed by a rule, and so is not percent-encoded.
fn literal(piece: Piece<'_>, part: Part, rule: TextRule) -> Result<String, Refusal> {
    (rule.canonical)(piece.text).ok_or((piece.offset, Problem::Rule { part, expected: rule.expected }))
}

fn decoded(piece: Piece<'_>, part: Part) -> Result<String, Refusal> {
    match decode(piece.text) {
        Ok(text) if text.is_empty() => Err((piece.offset, Problem::Empty(part))),
        Ok(text) => Ok(text),
        Err(BadEncoding::Digits(offset)) => Err((piece.offset + offset, Problem::Digits)),
        Err(BadEncoding::Text) => Err((piece.offset, Problem::Encoding(part))),
    }
}

/// Returns a path whose segments can be put into another URL without leading elsewhere.
fn path(piece: Piece<'_>, part: Part) -> Result<String, Refusal> {
    if piece.text.is_empty() {
        return Err((piece.offset, Problem::Missing(part)));
    }
    for segment in piece.segments() {
        let text = decode(segment.text).unwrap_or_default();
        // An encoded slash makes segments too.
        for name in text.split('/') {
            match name {
                "" if decode(segment.text).is_ok() => {
                    return Err((segment.offset, Problem::EmptySegment(part)));
                }
                "." | ".." => return Err((segment.offset, Problem::DotSegment(part))),
                _ => {}
            }
        }
    }
    decoded(piece, part)
}
