//! What a vault returns: bytes that are wiped when the last clone is dropped.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use kontraktor_model::names::VaultName;
use zeroize::Zeroizing;

use crate::error::{VaultError, VaultErrorKind};

/// The bytes of a secret. Clones share them; they are wiped with the last clone, and never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Bytes(Arc<Zeroizing<Vec<u8>>>);

impl Bytes {
    /// Takes ownership of bytes. Allocate the vector with its final size: one that grows leaves unwiped copies behind.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Zeroizing::new(bytes)))
    }

    /// Returns the bytes, for code that passes them on.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there are none. An empty secret is a secret.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Bytes {
    fn from(text: String) -> Self {
        Self::new(text.into_bytes())
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} bytes]", self.len())
    }
}

/// The content of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// One text or blob. A field is a member of the JSON object in it.
    Whole(Bytes),
    /// Named fields. A field that is not text is its JSON, and one that is `null` is `None`.
    Fields(BTreeMap<String, Option<Bytes>>),
}

/// A secret as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The whole content.
    pub content: Content,
    /// What the vault calls this version; `None` where it keeps no versions.
    pub version: Option<String>,
    /// The lease, where the secret was made for this read. Such a secret is never cached for another actor.
    pub lease: Option<Lease>,
}

/// The id of a lease in its vault. Never printed: it is enough to renew or revoke the lease.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct LeaseId(pub Arc<str>);

impl fmt::Debug for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LeaseId")
    }
}

/// How long a dynamic secret lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Its id in the vault.
    pub id: LeaseId,
    /// From the answer that granted it.
    pub duration: Duration,
    /// Whether the vault would renew it.
    pub renewable: bool,
}

impl Content {
    /// Returns the number of bytes in all fields.
    pub fn len(&self) -> usize {
        match self {
            Self::Whole(bytes) => bytes.len(),
            Self::Fields(fields) => {
                fields.iter().map(|(name, bytes)| name.len() + bytes.as_ref().map_or(0, Bytes::len)).sum()
            }
        }
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the field of this name, or the whole content.
    ///
    /// # Errors
    /// [`VaultErrorKind::FieldMissing`] and [`VaultErrorKind::NotJson`].
    pub fn select(&self, field: Option<&str>) -> Result<Bytes, VaultError> {
        match (self, field) {
            (Self::Whole(bytes), None) => Ok(bytes.clone()),
            (Self::Whole(bytes), Some(field)) => member(bytes, field),
            (Self::Fields(fields), Some(field)) => match fields.get(field) {
                Some(Some(bytes)) => Ok(bytes.clone()),
                Some(None) => Err(null(field)),
                None => Err(missing(field)),
            },
            (Self::Fields(_), None) => Err(VaultError::new(
                VaultErrorKind::FieldMissing,
                "the reference names no field, but the secret is a map of fields",
            )
            .remedy("add a field to the reference, as in #password")),
        }
    }
}

fn member(bytes: &Bytes, field: &str) -> Result<Bytes, VaultError> {
    // The parser's error would repeat a part of the text.
    let object: BTreeMap<String, Member> =
        serde_json::from_slice(bytes.expose()).map_err(|_| not_json(field))?;
    let member = object.into_iter().find(|(name, _)| name == field).map(|(_, member)| member.0);
    member.ok_or_else(|| missing(field))?.ok_or_else(|| null(field))
}

/// A member of a JSON object: the text of a string, the JSON of everything else, and `None` for `null`.
struct Member(Option<Bytes>);

impl<'de> serde::Deserialize<'de> for Member {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<serde_json::value::RawValue>::deserialize(deserializer)?;
        let raw: Zeroizing<String> = Zeroizing::new(Box::<str>::from(raw).into_string());
        if raw.starts_with('"') {
            return serde_json::from_str::<String>(&raw)
                .map(|text| Self(Some(Bytes::from(text))))
                .map_err(|_| serde::de::Error::custom("invalid string"));
        }
        Ok(Self((raw.as_str() != NULL).then(|| Bytes::new(raw.as_bytes().to_vec()))))
    }
}

/// The JSON of a value that does not exist. To hand it out as a text would turn it into a password that anyone can guess.
pub(crate) const NULL: &str = "null";

fn null(field: &str) -> VaultError {
    VaultError::new(
        VaultErrorKind::FieldMissing,
        format!("the field \"{field}\" of the secret has no value (null)"),
    )
    .remedy("store a value in this field in the vault, or name another field after \"#\" in the reference")
}

/// The whole secret is null in its vault.
pub(crate) fn null_secret(vault: &VaultName) -> VaultError {
    VaultError::new(VaultErrorKind::NotFound, format!("the secret in vault \"{vault}\" has no value (null)"))
        .remedy("store a value in the vault")
}

fn missing(field: &str) -> VaultError {
    VaultError::new(VaultErrorKind::FieldMissing, format!("the secret has no field \"{field}\""))
        .remedy("check the reference's field, after \"#\", against the secret's fields in the vault")
}

fn not_json(field: &str) -> VaultError {
    VaultError::new(
        VaultErrorKind::NotJson,
        format!("the reference names field \"{field}\", but the secret is not a JSON object"),
    )
    .remedy("remove \"#\" and the field to read the whole secret, or store a JSON object in the vault")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> Content {
        Content::Whole(text.to_owned().into())
    }

    #[test]
    fn a_field_is_a_member_of_the_object_and_texts_lose_their_quotes() {
        let content = whole(
            r#"{"user": "a\"b", "port": 5432, "deep": {"x": [1, 2]}, "none": null, "text": "null", "empty": ""}"#,
        );
        let field = |name| content.select(Some(name)).map(|bytes| bytes.expose().to_vec());
        assert_eq!(field("user"), Ok(b"a\"b".to_vec()));
        assert_eq!(field("port"), Ok(b"5432".to_vec()));
        assert_eq!(field("deep"), Ok(br#"{"x": [1, 2]}"#.to_vec()));
        assert_eq!(field("text"), Ok(b"null".to_vec()));
        assert_eq!(field("empty"), Ok(Vec::new()));
    }

    #[test]
    fn a_field_that_is_null_has_no_value() {
        let fields = Content::Fields([("none".to_owned(), None)].into());
        for content in [whole(r#"{"none": null}"#), whole("{\"none\" : \n null }"), fields] {
            let error = content.select(Some("none")).unwrap_err();
            assert_eq!(error.kind, VaultErrorKind::FieldMissing);
            assert_eq!(error.message, "the field \"none\" of the secret has no value (null)");
        }
        assert_eq!(whole(NULL).select(Some("none")).unwrap_err().kind, VaultErrorKind::NotJson);
    }

    #[test]
    fn errors_name_the_missing_field_and_nothing_else() {
        let missing = whole(r#"{"hunter2": "hunter2"}"#).select(Some("user")).unwrap_err();
        assert_eq!(missing.kind, VaultErrorKind::FieldMissing);
        for text in ["hunter2", r#"["hunter2"]"#, r#"{"hunter2": "#, "", "\u{1}hunter2"] {
            let error = whole(text).select(Some("user")).unwrap_err();
            assert_eq!(error.kind, VaultErrorKind::NotJson, "{text}");
            assert!(!format!("{error:?}").contains("hunter2"));
        }
        assert!(!format!("{missing:?}").contains("hunter2"));
    }

    #[test]
    fn nothing_prints_a_value() {
        let fields = Content::Fields([("user".to_owned(), Some(Bytes::from("hunter2".to_owned())))].into());
        let lease = Lease { id: LeaseId("db/hunter2".into()), duration: Duration::ZERO, renewable: true };
        let fetched = Fetched { content: fields, version: Some("3".to_owned()), lease: Some(lease) };
        let shown = format!("{fetched:?} {:?}", whole("hunter2"));
        assert!(shown.contains("user") && !shown.contains("hunter2") && !shown.contains("104"), "{shown}");
    }
}
