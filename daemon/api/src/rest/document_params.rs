//! Parameters that several operations document. The structs are never made: handlers read the request themselves.
#![expect(dead_code, reason = "they only describe")]

use utoipa::IntoParams;

/// A page of a list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PageParams {
    /// The most entries of the page. A page also ends at about 3 MiB.
    #[param(minimum = 1, maximum = 1000)]
    page_size: Option<u32>,
    /// `next_cursor` of the page before, with everything else unchanged. The header Link has the same.
    cursor: Option<String>,
}

/// A project.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct ProjectParam {
    /// The project's name.
    #[param(example = "infra-demo", max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
    project: String,
}

/// An environment.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct EnvironmentParams {
    /// The project's name.
    #[param(example = "infra-demo", max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
    project: String,
    /// The environment's name within its project.
    #[param(example = "dev", max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
    env: String,
}

/// A key of an environment.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct KeyParams {
    /// The project's name.
    #[param(example = "infra-demo", max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
    project: String,
    /// The environment's name within its project.
    #[param(example = "dev", max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
    env: String,
    /// The key.
    #[param(example = "LOG_LEVEL", max_length = 255, pattern = "^[A-Za-z_][A-Za-z0-9_.-]*$")]
    key: String,
}

/// A role binding.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct RoleBindingParams {
    /// The role.
    #[param(example = "editor")]
    role: String,
    /// The subject, percent-encoded.
    #[param(example = "service-account:ci")]
    subject: String,
    /// The pattern, percent-encoded: `infra-demo%2F%2A`.
    #[param(example = "infra-demo/*")]
    pattern: String,
}

/// A schema of a project.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct SchemaParams {
    /// The project's name.
    #[param(example = "infra-demo", max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
    project: String,
    /// The schema's name within its project.
    #[param(example = "ports", max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")]
    schema: String,
}

/// What a read is conditional on, and what is preferred.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(super) struct ReadHeaders {
    /// Entity tags that the client has: 304 where one of them is current.
    #[param(rename = "If-None-Match", example = "\"7\"")]
    if_none_match: Option<String>,
    /// RFC 7240: `max-page-size=N` for lists, `wait=N` where the operation says so, `handling=strict|lenient`.
    #[param(rename = "Prefer", example = "handling=lenient")]
    prefer: Option<String>,
}

/// What a write is conditional on, and what is preferred.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(super) struct WriteHeaders {
    /// Entity tags, one of which must be current: 412 otherwise.
    #[param(rename = "If-Match", example = "\"7\"")]
    if_match: Option<String>,
    /// RFC 7240: `return=minimal` or `return=representation`, `handling=strict|lenient`.
    #[param(rename = "Prefer", example = "return=minimal")]
    prefer: Option<String>,
}

/// What is preferred of the answer.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(super) struct PreferHeader {
    /// RFC 7240: `return=minimal` or `return=representation`, `handling=strict|lenient`.
    #[param(rename = "Prefer", example = "return=minimal")]
    prefer: Option<String>,
}

/// The id of a batch.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(super) struct BatchHeaders {
    /// The id of the batch, a UUID: the same request with the same id within 24 hours is executed once, and answered again.
    /// 409 `batch_mismatch` where the content differs.
    #[param(rename = "Idempotency-Key", example = "0198c1de-8a5c-7b6e-9b1f-2d3c4b5a6978")]
    idempotency_key: Option<String>,
}
