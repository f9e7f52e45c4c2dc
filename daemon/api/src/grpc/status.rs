//! A refusal of the service as a problem, and as the status of a failed call: the one place for gRPC.

use kontraktor_domain::{Code, Refusal};
use kontraktor_proto::{problem::to_status, v1};
use tonic::Status;

use super::convert::variable;

/// Returns the status of a call that was refused.
pub(crate) fn status(refusal: impl Into<Refusal>) -> Status {
    to_status(problem(&refusal.into()))
}

pub(crate) fn problem(refusal: &Refusal) -> v1::Problem {
    v1::Problem {
        code: code(refusal.code).into(),
        field: refusal.field.as_deref().unwrap_or_default().to_owned(),
        message: refusal.message.clone(),
        remedy: refusal.remedy.clone().unwrap_or_default(),
        current: refusal.current.as_ref().map(|current| {
            variable(&current.variable, None, &current.environment, current.environment_revision)
        }),
        retry_after_ms: refusal.retry_after_ms.unwrap_or_default(),
        schema_violation: refusal.violation.as_deref().map(|violation| v1::SchemaViolation {
            schema: violation.schema.clone(),
            schema_path: violation.schema_path.clone(),
            value_path: violation.value_path.clone(),
        }),
    }
}

pub(super) fn code(code: Code) -> v1::ProblemCode {
    match code {
        Code::Invalid => v1::ProblemCode::Invalid,
        Code::NotFound => v1::ProblemCode::NotFound,
        Code::AlreadyExists => v1::ProblemCode::AlreadyExists,
        Code::KeyExists => v1::ProblemCode::KeyExists,
        Code::Conflict => v1::ProblemCode::Conflict,
        Code::NotEmpty => v1::ProblemCode::NotEmpty,
        Code::Skipped => v1::ProblemCode::Skipped,
        Code::BatchMismatch => v1::ProblemCode::BatchMismatch,
        Code::Busy => v1::ProblemCode::Busy,
        Code::StorageFull => v1::ProblemCode::StorageFull,
        Code::Storage => v1::ProblemCode::Storage,
        Code::StorageDamaged => v1::ProblemCode::StorageDamaged,
        Code::ShuttingDown => v1::ProblemCode::ShuttingDown,
        Code::IssuerUnavailable => v1::ProblemCode::IssuerUnavailable,
        Code::Denied => v1::ProblemCode::Denied,
        Code::Unauthenticated => v1::ProblemCode::Unauthenticated,
        Code::RateLimited => v1::ProblemCode::RateLimited,
        Code::Protected => v1::ProblemCode::Protected,
        Code::Imported => v1::ProblemCode::Imported,
        Code::ImportCycle => v1::ProblemCode::ImportCycle,
        Code::SchemaViolation => v1::ProblemCode::SchemaViolation,
        Code::InvalidReference => v1::ProblemCode::InvalidReference,
        Code::NotASecret => v1::ProblemCode::NotASecret,
        Code::UnknownVault => v1::ProblemCode::UnknownVault,
        Code::VaultUnavailable => v1::ProblemCode::VaultUnavailable,
        Code::VaultSignIn => v1::ProblemCode::VaultSignIn,
        Code::VaultDenied => v1::ProblemCode::VaultDenied,
        Code::VaultAnswer => v1::ProblemCode::VaultAnswer,
        Code::SecretNotFound => v1::ProblemCode::SecretNotFound,
        Code::SecretVersionGone => v1::ProblemCode::SecretVersionGone,
        Code::SecretDisabled => v1::ProblemCode::SecretDisabled,
        Code::SecretFieldMissing => v1::ProblemCode::SecretFieldMissing,
        Code::SecretNotJson => v1::ProblemCode::SecretNotJson,
        Code::SecretTooLarge => v1::ProblemCode::SecretTooLarge,
        Code::HoldGone => v1::ProblemCode::HoldGone,
        Code::SecretVersionUnknown => v1::ProblemCode::SecretVersionUnknown,
    }
}
