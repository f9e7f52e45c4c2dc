//! `/api/v1/secrets`, `/api/v1/holds` and `/api/v1/vaults`. No answer with a secret may be kept by a cache.

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, Uri, header};
use kontraktor_domain::{Code, Refusal};
use kontraktor_model::{
    limits::MAX_SECRET_MESSAGE_BYTES,
    names::{EnvPath, Key, VaultName},
    reference::Reference,
};
use kontraktor_proto::{json, v1};
use kontraktor_service::Target;
use kontraktor_vault::HoldTerm;
use serde::{Deserialize, Serialize};
use tokio_stream::StreamExt as _;
use utoipa::ToSchema;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{
    Rest, answer,
    body::Json,
    document_params::{EnvironmentParams, ReadHeaders},
    etag::Conditions,
    params::{By, Names, Query, point_in_time},
    problem::Problem,
};
use crate::grpc::{self, convert};

/// The version of a streamed secret in its vault.
const VERSION: HeaderName = HeaderName::from_static("kontraktor-secret-version");
/// Whether the vault did not answer, and a streamed secret is the last value known.
const STALE: HeaderName = HeaderName::from_static("kontraktor-secret-stale");
/// The hold on the lease of a streamed secret.
const HOLD: HeaderName = HeaderName::from_static("kontraktor-hold");

/// The secret to resolve: `project`, `env` and `key`, or `reference`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"project": "infra-demo", "env": "dev", "key": "DB_PASSWORD"}))]
pub(super) struct SecretTarget {
    /// The project's name.
    #[serde(default)]
    project: Option<String>,
    /// The environment's name.
    #[serde(default)]
    env: Option<String>,
    /// A key, own or imported, that holds a secret reference.
    #[serde(default)]
    key: Option<String>,
    /// A secret reference.
    #[serde(default)]
    reference: Option<String>,
}

/// Secrets to resolve.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SecretTargets {
    /// 1,000 at most.
    #[schema(min_items = 1, max_items = 1000)]
    targets: Vec<SecretTarget>,
    /// Renews leases until the hold in the answer is released or expires.
    #[serde(default)]
    hold: bool,
}

/// Secrets to check.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CheckTargets {
    /// 1,000 at most.
    #[schema(min_items = 1, max_items = 1000)]
    targets: Vec<SecretTarget>,
}

/// A secret to stream.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StreamTarget {
    /// Which.
    target: SecretTarget,
    /// Renews its lease until the hold in the header Kontraktor-Hold is released or expires.
    #[serde(default)]
    hold: bool,
}

/// How to read an environment with its secrets.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"own_only": false}))]
pub(super) struct ResolveEnvironment {
    /// Only keys that start with it.
    #[serde(default)]
    prefix: String,
    /// Leaves imported variables out.
    #[serde(default)]
    own_only: bool,
    /// A revision, or a time (RFC 3339): then in the versions that were seen by then. Absent: now.
    #[serde(default)]
    at: Option<String>,
    /// Renews leases until the hold in the answer is released or expires.
    #[serde(default)]
    hold: bool,
}

/// Which cached secrets to purge.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"vault": "team"}))]
pub(super) struct Purge {
    /// The vault; absent: all.
    #[serde(default)]
    vault: Option<String>,
}

/// A resolved secret, with what is known about it.
#[derive(Serialize, ToSchema)]
pub(super) struct NamedSecret {
    /// What is known about it, and why it could not be read.
    #[serde(flatten)]
    metadata: json::SecretMetadata,
    /// The value; `null` where it is not UTF-8 or could not be read.
    value: Option<String>,
    /// The value in base64; absent unless the value is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    value_base64: Option<String>,
}

/// Resolved secrets.
#[derive(Serialize, ToSchema)]
pub(super) struct ResolvedSecrets {
    /// One for each target, in the same order.
    secrets: Vec<NamedSecret>,
    /// Present where one was asked for and a secret has a lease.
    hold: Option<Hold>,
}

/// An environment with its resolved secrets.
#[derive(Serialize, ToSchema)]
pub(super) struct ResolvedEnvironment {
    /// The environment; each secret reference has its `secret`.
    snapshot: json::Snapshot,
    /// Present where one was asked for and a secret has a lease.
    hold: Option<Hold>,
}

/// A caller's hold on leases. The daemon renews them for as long as it lasts.
#[derive(Serialize, ToSchema)]
pub(super) struct Hold {
    /// Its id.
    id: String,
    /// When it ends unless it is renewed.
    expire_time: String,
    /// When to renew it.
    renew_time: String,
}

/// How many secrets were purged.
#[derive(Serialize, ToSchema)]
pub(super) struct Purged {
    /// Their number.
    purged_count: u64,
}

/// Resolve secrets.
///
/// Each has its own result; a secret that cannot be resolved is a result with a `problem`, not a failed request. Every
/// access is in the audit log before it is answered.
#[utoipa::path(post, path = "/api/v1/secrets:resolve", operation_id = "resolve_secrets", tag = "secrets",
    request_body = SecretTargets, responses((status = 200, description = "The secrets", body = ResolvedSecrets)))]
pub(super) async fn resolve(
    State(rest): State<Rest>,
    By(caller): By,
    Json(asked): Json<SecretTargets>,
) -> Result<Response, Problem> {
    let (targets, refused) = targets(asked.targets);
    // All targets are invalid: there is nothing to read, and each has its result.
    let nothing = targets.is_empty() && !refused.is_empty();
    let read =
        if nothing { None } else { Some(rest.service.read_secrets(&caller, &targets, asked.hold).await?) };
    let hold = read.as_ref().and_then(|read| read.hold.as_ref()).map(hold);
    let found = convert::merged(read.map(|read| read.secrets).unwrap_or_default(), refused);
    answer::secret(&ResolvedSecrets { secrets: found.into_iter().map(named).collect(), hold })
}

/// Check secrets.
///
/// Whether they can be resolved, without returning them.
#[utoipa::path(post, path = "/api/v1/secrets:check", operation_id = "check_secrets", tag = "secrets",
    request_body = CheckTargets, responses((status = 200, description = "The results", body = json::SecretMetadataList)))]
pub(super) async fn check(
    State(rest): State<Rest>,
    By(caller): By,
    Json(asked): Json<CheckTargets>,
) -> Result<Response, Problem> {
    let (targets, refused) = targets(asked.targets);
    let nothing = targets.is_empty() && !refused.is_empty();
    let checked = if nothing { Vec::new() } else { rest.service.check_secrets(&caller, &targets).await? };
    let secrets = convert::merged(checked, refused).into_iter().map(json::SecretMetadata::from).collect();
    answer::secret(&json::SecretMetadataList { secrets })
}

/// Stream one secret.
///
/// Of up to 16 MiB, as the body. The headers Kontraktor-Secret-Version, Kontraktor-Secret-Stale and Kontraktor-Hold
/// describe it.
#[utoipa::path(post, path = "/api/v1/secrets:stream", operation_id = "stream_secret", tag = "secrets",
    request_body = StreamTarget,
    responses((status = 200, description = "The value", body = Vec<u8>, content_type = "application/octet-stream")))]
pub(super) async fn stream(
    State(rest): State<Rest>,
    By(caller): By,
    Json(asked): Json<StreamTarget>,
) -> Result<Response, Problem> {
    let target = target(asked.target)?;
    let mut read = rest.service.read_large_secret(&caller, &target, asked.hold).await?;
    let no_answer = || Refusal::new(Code::VaultAnswer, "no result was returned for the secret");
    let secret = read.secrets.pop().ok_or_else(no_answer)?.secret?;
    let size = secret.value.len();
    let mut at = 0;
    let value = secret.value.clone();
    let chunks = std::iter::from_fn(move || {
        let chunk = value.expose().get(at..)?.chunks(MAX_SECRET_MESSAGE_BYTES).next()?;
        at += chunk.len();
        Some(Bytes::from_owner(Zeroizing::new(chunk.to_vec())))
    });
    let body = Body::from_stream(tokio_stream::iter(chunks).map(Ok::<_, std::convert::Infallible>));
    let mut response = (StatusCode::OK, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::CONTENT_LENGTH, size.into());
    let stale = if secret.stale { "true" } else { "false" };
    headers.insert(STALE, HeaderValue::from_static(stale));
    if let Some(version) = secret.version.as_deref().and_then(|version| HeaderValue::from_str(version).ok()) {
        headers.insert(VERSION, version);
    }
    if let Some(hold) = read.hold.and_then(|hold| HeaderValue::from_str(&hold.id.to_string()).ok()) {
        headers.insert(HOLD, hold);
    }
    Ok(response)
}

/// Read an environment with its secrets.
///
/// As its snapshot, with each secret reference resolved.
#[utoipa::path(post, path = "/api/v1/environments/{project}/{env}/snapshot:resolve", operation_id = "resolve_environment",
    tag = "secrets", params(EnvironmentParams), request_body = ResolveEnvironment,
    responses((status = 200, description = "The environment with its secrets", body = ResolvedEnvironment)))]
pub(super) async fn resolve_environment(
    State(rest): State<Rest>,
    By(caller): By,
    names: Names,
    Json(asked): Json<ResolveEnvironment>,
) -> Result<Response, Problem> {
    let path = names.environment()?;
    let at = asked.at.as_deref().map(|at| point_in_time("at", at)).transpose()?;
    let read =
        rest.service.read_environment(&caller, &path, &asked.prefix, asked.own_only, at, asked.hold).await?;
    let (snapshot, prefix) = (read.snapshot, asked.prefix);
    let size = snapshot.size();
    let message = move || convert::snapshot(&snapshot, &prefix);
    let mut snapshot = json::Snapshot::from(rest.service.answer(size, message).await??);
    for (reference, secret) in snapshot.secret_references.iter_mut().zip(&read.secrets.secrets) {
        reference.secret = Some(json::ResolvedSecret::from(convert::secret_result(secret)));
    }
    answer::secret(&ResolvedEnvironment { snapshot, hold: read.secrets.hold.as_ref().map(hold) })
}

/// Extend a hold.
///
/// 404 `hold_gone` where it has ended.
#[utoipa::path(post, path = "/api/v1/holds/{hold}/renew", operation_id = "renew_hold", tag = "secrets",
    params(("hold" = String, Path, description = "The hold's id.")),
    responses((status = 200, description = "The hold", body = Hold)))]
pub(super) async fn renew_hold(
    State(rest): State<Rest>,
    By(caller): By,
    names: Names,
) -> Result<Response, Problem> {
    let id = Uuid::parse_str(names.text("hold")).map_err(|_| {
        Refusal::new(Code::HoldGone, "the hold does not exist")
            .field("hold")
            .remedy("send the id of a hold as you received it, or read the secret again")
    })?;
    answer::secret(&hold(&rest.service.renew_hold(&caller, id)?))
}

/// Release a hold.
///
/// Leases without another hold are revoked in their vault. Releasing a hold that has ended is no error.
#[utoipa::path(delete, path = "/api/v1/holds/{hold}", operation_id = "release_hold", tag = "secrets",
    params(("hold" = String, Path, description = "The hold's id.")),
    responses((status = 204, description = "It is released")))]
pub(super) async fn release_hold(
    State(rest): State<Rest>,
    By(caller): By,
    names: Names,
) -> Result<Response, Problem> {
    if let Ok(id) = Uuid::parse_str(names.text("hold")) {
        rest.service.release_hold(&caller, id)?;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Purge cached secrets.
///
/// Of one vault or of all. Leases are kept.
#[utoipa::path(post, path = "/api/v1/secrets:purge", operation_id = "purge_secrets", tag = "secrets",
    request_body = Purge, responses((status = 200, description = "How many", body = Purged)))]
pub(super) async fn purge(
    State(rest): State<Rest>,
    By(caller): By,
    Json(asked): Json<Purge>,
) -> Result<Response, Problem> {
    let vault =
        asked.vault.filter(|name| !name.is_empty()).map(|name| name.parse::<VaultName>()).transpose()?;
    let purged = rest.service.purge_secrets(&caller, vault.as_ref())?;
    answer::secret(&Purged { purged_count: convert::count64(purged) })
}

/// List the vaults.
///
/// Those of the daemon's configuration and their state, by name.
#[utoipa::path(get, path = "/api/v1/vaults", operation_id = "list_vaults", tag = "secrets", params(ReadHeaders),
    responses((status = 200, description = "The vaults", body = json::VaultList)))]
pub(super) async fn vaults(
    State(rest): State<Rest>,
    By(caller): By,
    uri: Uri,
    conditions: Conditions,
) -> Result<Response, Problem> {
    Query::of(&uri, &[])?;
    let vaults =
        rest.service.vaults(&caller)?.into_iter().map(|vault| convert::vault(vault).into()).collect();
    answer::read(&conditions, None, &json::VaultList { vaults })
}

/// Returns the targets of a request, and the invalid ones with their places: one bad target is a result beside the others.
fn targets(asked: Vec<SecretTarget>) -> (Vec<Target>, Vec<(usize, v1::SecretResult)>) {
    let mut targets = Vec::with_capacity(asked.len());
    let mut refused = Vec::new();
    for (place, asked) in asked.into_iter().enumerate() {
        match target(asked) {
            Ok(target) => targets.push(target),
            Err(refusal) => {
                let problem = Some(grpc::problem(&refusal));
                refused.push((place, v1::SecretResult { problem, ..v1::SecretResult::default() }));
            }
        }
    }
    (targets, refused)
}

fn target(asked: SecretTarget) -> Result<Target, Refusal> {
    match (asked.project, asked.env, asked.key, asked.reference) {
        (None, None, None, Some(reference)) => Ok(Target::Reference(reference.parse::<Reference>()?)),
        (Some(project), Some(env), Some(key), None) => {
            Ok(Target::Key(EnvPath::new(&project, &env)?, key.parse::<Key>()?))
        }
        _ => Err(Refusal::invalid("target", "the target is neither a key nor a reference")
            .remedy("set project, env and key, or set reference")),
    }
}

fn named(mut secret: v1::SecretResult) -> NamedSecret {
    let value = std::mem::take(&mut secret.value);
    let resolved = json::ResolvedSecret::from(v1::SecretResult {
        value,
        problem: secret.problem.clone(),
        ..v1::SecretResult::default()
    });
    NamedSecret {
        metadata: json::SecretMetadata::from(secret),
        value: resolved.value,
        value_base64: resolved.value_base64,
    }
}

fn hold(term: &HoldTerm) -> Hold {
    let wire = convert::hold(term);
    Hold {
        id: wire.id,
        expire_time: wire.expire_time.map(json::time).unwrap_or_default(),
        renew_time: wire.renew_time.map(json::time).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_key_or_a_reference_and_nothing_between() {
        let parsed = |text: &str| target(serde_json::from_str(text).unwrap());
        assert!(matches!(parsed(r#"{"reference": "azure-kv://kv/a"}"#), Ok(Target::Reference(_))));
        assert!(matches!(parsed(r#"{"project": "p", "env": "e", "key": "K"}"#), Ok(Target::Key(..))));
        for half in [
            "{}",
            r#"{"key": "K"}"#,
            r#"{"project": "p", "env": "e"}"#,
            r#"{"project": "p", "env": "e", "key": "K", "reference": "azure-kv://kv/a"}"#,
        ] {
            assert_eq!(parsed(half).unwrap_err().field.as_deref(), Some("target"), "{half}");
        }
    }
}
