//! The JSON of the data plane: secrets, deleted secrets and pages in responses, writes in requests.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use super::{
    refusal::Refusal,
    secrets::{Deleted, Draft, Secret, Version},
};

/// How long a deleted secret can be recovered.
const RECOVERABLE_DAYS: i64 = 90;

/// The largest value that Key Vault accepts, in bytes.
const MAX_VALUE: usize = 25 * 1024;

/// Whether the value is included.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Show {
    Value,
    Properties,
}

/// One version of a secret.
pub(super) fn version(vault: &str, secret: &Secret, version: &Version, show: Show) -> Value {
    let mut bundle = properties(version);
    if show == Show::Value {
        bundle.insert("value".to_owned(), json!(version.draft.value));
    }
    bundle.insert("id".to_owned(), json!(format!("{vault}/secrets/{}/{}", secret.name, version.id)));
    Value::Object(bundle)
}

/// A secret in the list of secrets: its current version's properties under an id that names no version.
pub(super) fn item(vault: &str, secret: &Secret) -> Value {
    let mut bundle = properties(secret.current());
    bundle.insert("id".to_owned(), json!(format!("{vault}/secrets/{}", secret.name)));
    Value::Object(bundle)
}

/// A deleted secret, under the id of its last version.
pub(super) fn deleted(vault: &str, deleted: &Deleted) -> Value {
    let Deleted { secret, at } = deleted;
    let mut bundle = version(vault, secret, secret.current(), Show::Properties);
    bundle["recoveryId"] = json!(format!("{vault}/deletedsecrets/{}", secret.name));
    bundle["deletedDate"] = json!(at);
    bundle["scheduledPurgeDate"] = json!(at + RECOVERABLE_DAYS * 24 * 60 * 60);
    bundle
}

fn properties(version: &Version) -> Map<String, Value> {
    let Version { draft, created, updated, .. } = version;
    let mut attributes = json!({
        "enabled": draft.enabled,
        "created": created,
        "updated": updated,
        "recoveryLevel": "Recoverable+Purgeable",
        "recoverableDays": RECOVERABLE_DAYS,
    });
    // Absent attributes are left out, not null.
    for (name, value) in [("nbf", draft.not_before), ("exp", draft.expires)] {
        if let Some(value) = value {
            attributes[name] = json!(value);
        }
    }
    let mut bundle = Map::from_iter([("attributes".to_owned(), attributes)]);
    if let Some(content_type) = &draft.content_type {
        bundle.insert("contentType".to_owned(), json!(content_type));
    }
    if let Some(tags) = &draft.tags {
        bundle.insert("tags".to_owned(), json!(tags));
    }
    bundle
}

/// The position and length of a page.
pub(super) struct Paging {
    size: usize,
    /// The number of entries before it.
    skip: usize,
}

impl Paging {
    /// Parses `maxresults` and `$skiptoken`.
    pub(super) fn parse(size: Option<&str>, token: Option<&str>) -> Result<Self, Refusal> {
        let size = match size {
            None => 25,
            Some(text) => text.parse().ok().filter(|size| (1..=25).contains(size)).ok_or_else(|| {
                Refusal::bad_parameter(format!("maxresults is {text}; it must be from 1 to 25"))
            })?,
        };
        let skip = match token {
            None => 0,
            Some(token) => URL_SAFE_NO_PAD
                .decode(token)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok()?.parse().ok())
                .ok_or_else(|| Refusal::bad_parameter("the $skiptoken was not issued by this service"))?,
        };
        Ok(Self { size, skip })
    }

    /// Returns the page of these entries; `list` is the URL of the first page, with a query.
    pub(super) fn page(&self, entries: Vec<Value>, list: &str) -> Value {
        let end = self.skip.saturating_add(self.size);
        let next = (entries.len() > end).then(|| {
            let token = URL_SAFE_NO_PAD.encode(end.to_string());
            format!("{list}&$skiptoken={token}&maxresults={}", self.size)
        });
        let value: Vec<Value> = entries.into_iter().skip(self.skip).take(self.size).collect();
        json!({ "value": value, "nextLink": next })
    }
}

/// Returns the version that a PUT asks for.
pub(super) fn draft(body: &[u8]) -> Result<Draft, Refusal> {
    let body = object(body)?;
    let value = body
        .get("value")
        .and_then(Value::as_str)
        .ok_or_else(|| Refusal::bad_parameter("the property value is missing, or no string"))?;
    if value.len() > MAX_VALUE {
        return Err(Refusal::bad_parameter(format!("the value is longer than {MAX_VALUE} bytes")));
    }
    let mut draft = Draft::new(value);
    change(&body)?(&mut draft);
    Ok(draft)
}

/// Returns the change that a PATCH asks for: attributes that it does not mention remain.
pub(super) fn patch(body: &[u8]) -> Result<impl FnOnce(&mut Draft), Refusal> {
    change(&object(body)?)
}

fn change(body: &Map<String, Value>) -> Result<impl FnOnce(&mut Draft) + use<>, Refusal> {
    let attributes = match body.get("attributes") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(attributes)) => attributes.clone(),
        Some(_) => return Err(Refusal::bad_parameter("attributes is no object")),
    };
    let content_type: Option<String> = part(body, "contentType")?;
    let tags: Option<BTreeMap<String, String>> = part(body, "tags")?;
    let enabled: Option<bool> = part(&attributes, "enabled")?;
    let not_before: Option<i64> = part(&attributes, "nbf")?;
    let expires: Option<i64> = part(&attributes, "exp")?;
    Ok(move |draft: &mut Draft| {
        draft.content_type = content_type.or(draft.content_type.take());
        draft.tags = tags.or(draft.tags.take());
        draft.enabled = enabled.unwrap_or(draft.enabled);
        draft.not_before = not_before.or(draft.not_before);
        draft.expires = expires.or(draft.expires);
    })
}

fn object(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    serde_json::from_slice(body).map_err(|_| Refusal::bad_parameter("the body is no JSON object"))
}

fn part<T: serde::de::DeserializeOwned>(
    object: &Map<String, Value>,
    name: &str,
) -> Result<Option<T>, Refusal> {
    serde_json::from_value(object.get(name).cloned().unwrap_or_default())
        .map_err(|_| Refusal::bad_parameter(format!("the property {name} has the wrong type")))
}
