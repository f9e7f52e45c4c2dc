//! Reading a reference: from the left, stopping at the first column that is wrong.

use std::{num::NonZeroU64, str::FromStr};

use super::{
    AwsSecret, AwsVersion, AzureSecret, Reference, Secret, VaultSecret,
    encoding::{BadEncoding, decode, is_unseen},
};
use crate::{
    limits::MAX_REFERENCE_BYTES,
    names::{NameError, VaultName},
};

/// A text that is no reference. The text of the error never repeats a part of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("reference, column {column}: {fault}")]
pub struct ReferenceError {
    column: usize,
    fault: Fault,
}

impl ReferenceError {
    /// The column, from 1, in characters.
    pub fn column(&self) -> usize {
        self.column
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Fault {
    #[error("it is {bytes} bytes long: at most {MAX_REFERENCE_BYTES} bytes of UTF-8 are allowed")]
    TooLong { bytes: usize },
    #[error(
        "it does not begin with a known scheme: write vault://NAME/MOUNT/path#field, aws-sm://NAME/secret-name or \
         azure-kv://NAME/secret-name"
    )]
    Scheme,
    #[error("there is a blank or a control character: remove it, or write it percent-encoded, as in %20")]
    Unseen,
    #[error("{0}")]
    Name(NameError),
    #[error("the {0} is missing")]
    Missing(What),
    #[error("the {0} is empty: fill it in, or remove what leads to it")]
    Empty(What),
    #[error("the {0} has an empty segment: write single slashes, and none at the end")]
    EmptySegment(What),
    #[error("the {0} has a segment of dots, which would lead elsewhere: remove it")]
    Dots(What),
    #[error("\"%\" is not followed by two hexadecimal digits: a percent sign itself is written %25")]
    Digits,
    #[error("the {0} is not UTF-8 when decoded, or holds a NUL character")]
    Encoding(What),
    #[error("there is a second \"{0}\": one that belongs to a name is written {1}")]
    Repeated(char, &'static str),
    #[error(
        "there is a \"?\" behind the \"#\": what asks for a version stands before the field, as in ?version=3#field; \
         a question mark in the field is written %3F"
    )]
    QueryInField,
    #[error("a parameter has no value: {0}")]
    NoValue(&'static str),
    #[error("there is no such parameter: {0}")]
    Unknown(&'static str),
    #[error("a parameter is there twice, and one version can be meant: keep one")]
    Twice,
    #[error("version and stage exclude each other: keep one")]
    VersionAndStage,
    #[error("the version is not a whole number from 1: leave it out for the newest")]
    NotNumber,
    #[error("the secret's name must be 1 to 127 characters of A-Z, a-z, 0-9 and \"-\"")]
    AzureName,
    #[error(
        "the version must be letters and digits: it is the identifier at the end of the secret's address"
    )]
    AzureVersion,
    #[error(
        "azure-kv references have no field: a Key Vault secret is one text; remove the \"#\" and what follows"
    )]
    AzureField,
    #[error("the field is missing: a Vault secret is a map, so add which one, as in #password")]
    NoField,
}

/// The parts that messages name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Vault,
    Mount,
    Path,
    Name,
    Version,
    Stage,
    Field,
}

impl std::fmt::Display for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Vault => "vault's name",
            Self::Mount => "mount",
            Self::Path => "path",
            Self::Name => "secret's name",
            Self::Version => "version",
            Self::Stage => "stage",
            Self::Field => "field",
        })
    }
}

/// A part of the whole text that knows where it stands.
#[derive(Debug, Clone, Copy)]
struct Piece<'a> {
    text: &'a str,
    /// In bytes.
    at: usize,
}

impl<'a> Piece<'a> {
    fn split(self, separator: char) -> (Self, Option<Self>) {
        match self.text.split_once(separator) {
            None => (self, None),
            Some((before, after)) => {
                let at = self.at + before.len() + separator.len_utf8();
                (Self { text: before, ..self }, Some(Self { text: after, at }))
            }
        }
    }

    fn end(self) -> usize {
        self.at + self.text.len()
    }

    fn segments(self) -> impl Iterator<Item = Self> + use<'a> {
        let mut rest = Some(self);
        std::iter::from_fn(move || {
            let (segment, behind) = rest?.split('/');
            rest = behind;
            Some(segment)
        })
    }
}

/// Where, in bytes, and what.
type Refusal = (usize, Fault);

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        if text.len() > MAX_REFERENCE_BYTES {
            return Err(ReferenceError { column: 1, fault: Fault::TooLong { bytes: text.len() } });
        }
        parse(text).map_err(|(at, fault)| ReferenceError { column: text[..at].chars().count() + 1, fault })
    }
}

fn parse(text: &str) -> Result<Reference, Refusal> {
    if let Some(at) = text.find(is_unseen) {
        return Err((at, Fault::Unseen));
    }
    let (scheme, rest) = text.split_once("://").ok_or((0, Fault::Scheme))?;
    let secret = match scheme {
        "vault" => vault,
        "aws-sm" => aws,
        "azure-kv" => azure,
        _ => return Err((0, Fault::Scheme)),
    };
    let url = Url::split(Piece { text: rest, at: text.len() - rest.len() })?;
    if url.vault.text.is_empty() {
        return Err((url.vault.at, Fault::Missing(What::Vault)));
    }
    let vault = VaultName::try_from(url.vault.text).map_err(|error| (url.vault.at, Fault::Name(error)))?;
    Ok(Reference { vault, secret: secret(&url)? })
}

/// What every scheme has.
struct Url<'a> {
    vault: Piece<'a>,
    /// Empty where there is none.
    path: Piece<'a>,
    query: Option<Piece<'a>>,
    fragment: Option<Piece<'a>>,
}

impl<'a> Url<'a> {
    fn split(rest: Piece<'a>) -> Result<Self, Refusal> {
        let (rest, fragment) = rest.split('#');
        if let Some(fragment) = fragment {
            if let Some(at) = fragment.text.find('#') {
                return Err((fragment.at + at, Fault::Repeated('#', "%23")));
            }
            if let Some(at) = fragment.text.find('?') {
                return Err((fragment.at + at, Fault::QueryInField));
            }
        }
        let (rest, query) = rest.split('?');
        if let Some((query, at)) = query.and_then(|query| Some((query, query.text.find('?')?))) {
            return Err((query.at + at, Fault::Repeated('?', "%3F")));
        }
        let (vault, path) = rest.split('/');
        let path = path.unwrap_or(Piece { text: "", at: rest.end() });
        Ok(Self { vault, path, query, fragment })
    }

    /// The parameters of the query, each in the place of its name in `known`.
    fn parameters<const N: usize>(
        &self,
        known: [(&str, What); N],
        expected: &'static str,
    ) -> Result<[Option<Piece<'a>>; N], Refusal> {
        let mut found = [None; N];
        let mut rest = self.query;
        while let Some(query) = rest {
            let (parameter, behind) = query.split('&');
            let (name, value) = parameter.split('=');
            let index = known.iter().position(|(known, _)| *known == name.text);
            let index = index.ok_or((name.at, Fault::Unknown(expected)))?;
            let value = value.ok_or((name.end(), Fault::NoValue(expected)))?;
            if value.text.is_empty() {
                return Err((value.at, Fault::Empty(known[index].1)));
            }
            if found[index].replace(value).is_some() {
                return Err((name.at, Fault::Twice));
            }
            rest = behind;
        }
        Ok(found)
    }

    /// The field, where there is one.
    fn field(&self) -> Result<Option<String>, Refusal> {
        self.fragment.map(|fragment| decoded(fragment, What::Field)).transpose()
    }
}

fn decoded(piece: Piece<'_>, what: What) -> Result<String, Refusal> {
    match decode(piece.text) {
        Ok(text) if text.is_empty() => Err((piece.at, Fault::Empty(what))),
        Ok(text) => Ok(text),
        Err(BadEncoding::Digits(at)) => Err((piece.at + at, Fault::Digits)),
        Err(BadEncoding::Text) => Err((piece.at, Fault::Encoding(what))),
    }
}

/// A path whose segments can be put into another URL without leading elsewhere.
fn path(piece: Piece<'_>, what: What) -> Result<String, Refusal> {
    if piece.text.is_empty() {
        return Err((piece.at, Fault::Missing(what)));
    }
    for segment in piece.segments() {
        let text = decode(segment.text).unwrap_or_default();
        // An encoded slash makes segments too.
        for part in text.split('/') {
            match part {
                "" if decode(segment.text).is_ok() => return Err((segment.at, Fault::EmptySegment(what))),
                "." | ".." => return Err((segment.at, Fault::Dots(what))),
                _ => {}
            }
        }
    }
    decoded(piece, what)
}

fn vault(url: &Url<'_>) -> Result<Secret, Refusal> {
    let (mount, rest) = url.path.split('/');
    let mount = path(mount, What::Mount)?;
    let rest = rest.ok_or((url.path.end(), Fault::Missing(What::Path)))?;
    let path = path(rest, What::Path)?;
    let [version] = url.parameters([("version", What::Version)], "vault references know version=NUMBER")?;
    let version = version
        .map(|version| {
            let digits = version.text.bytes().all(|byte| byte.is_ascii_digit());
            let number = version.text.parse::<NonZeroU64>().ok().filter(|_| digits);
            number.ok_or((version.at, Fault::NotNumber))
        })
        .transpose()?;
    let end = url.query.map_or(url.path.end(), Piece::end);
    let field = url.field()?.ok_or((end, Fault::NoField))?;
    Ok(Secret::Vault(VaultSecret { mount, path, version, field }))
}

fn aws(url: &Url<'_>) -> Result<Secret, Refusal> {
    let name = path(url.path, What::Name)?;
    let [id, stage] = url.parameters(
        [("version", What::Version), ("stage", What::Stage)],
        "aws-sm references know version=ID or stage=STAGE",
    )?;
    let version = match (id, stage) {
        (Some(id), Some(stage)) => return Err((id.at.max(stage.at), Fault::VersionAndStage)),
        (Some(id), None) => Some(AwsVersion::Id(decoded(id, What::Version)?)),
        (None, Some(stage)) => Some(AwsVersion::Stage(decoded(stage, What::Stage)?)),
        (None, None) => None,
    };
    Ok(Secret::AwsSm(AwsSecret { name, version, field: url.field()? }))
}

fn azure(url: &Url<'_>) -> Result<Secret, Refusal> {
    let Piece { text: name, at } = url.path;
    if name.is_empty() {
        return Err((at, Fault::Missing(What::Name)));
    }
    if name.len() > 127 || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err((at, Fault::AzureName));
    }
    let [version] =
        url.parameters([("version", What::Version)], "azure-kv references know version=IDENTIFIER")?;
    let version = version
        .map(|version| {
            let plain = version.text.bytes().all(|byte| byte.is_ascii_alphanumeric());
            plain.then(|| version.text.to_owned()).ok_or((version.at, Fault::AzureVersion))
        })
        .transpose()?;
    if let Some(fragment) = url.fragment {
        return Err((fragment.at - 1, Fault::AzureField));
    }
    Ok(Secret::AzureKv(AzureSecret { name: name.to_owned(), version }))
}
