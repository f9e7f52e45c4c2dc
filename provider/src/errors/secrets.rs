//! Diagnostics for secrets that cannot be read: one for each kind of problem, with what to do about it.
//!
//! The daemon's own sentence says what happened and holds no byte of a secret; only names are added to it.

use std::time::Duration;

use kontraktor_model::reference::UnknownVault;
use kontraktor_proto::v1::{Problem, ProblemCode};
use tfplugin_proto::value::AttributePath;

use super::{request_failed, sentence};
use crate::framework::{Diagnostic, Severity};
use crate::session::SessionError;

/// A request for a secret, as messages name it.
#[derive(Debug, Clone)]
pub(crate) struct SecretRequest {
    /// What was attempted, as in "read secret infra-demo/dev/DB_PASSWORD".
    pub(crate) action: String,
    /// The attribute that names the secret.
    pub(crate) path: AttributePath,
}

/// Returns the summary for a problem with a secret, and the remedy to show if the daemon gives none. `None`: the problem
/// is not about a secret.
fn summary_and_remedy(code: ProblemCode) -> Option<(&'static str, &'static str)> {
    Some(match code {
        ProblemCode::InvalidReference => (
            "Invalid secret reference",
            "Correct the reference. The function reference_parse shows the parts of a reference.",
        ),
        ProblemCode::NotASecret => (
            "Key holds a plain variable",
            "Read it with data.kontraktor_variable, or name the key of a secret reference.",
        ),
        ProblemCode::UnknownVault => (
            "Unknown vault",
            "Check the vault's name and kind in the reference, or ask the daemon's operator to configure the vault in \
             kontraktord.toml.",
        ),
        ProblemCode::VaultUnavailable => (
            "Vault unavailable",
            "Try again when the vault responds. Run `kontraktord vault check NAME` to find the cause.",
        ),
        ProblemCode::VaultSignIn => (
            "Vault sign-in failed",
            "Ask the daemon's operator to run `kontraktord vault check NAME`, which explains the failure.",
        ),
        ProblemCode::VaultDenied => (
            "Access to secret denied",
            "Grant the daemon's identity in the vault permission to read this secret.",
        ),
        ProblemCode::VaultAnswer => (
            "Unusable response from vault",
            "Ask the daemon's operator to run `kontraktord vault check NAME`: another service may be answering in place \
             of the vault.",
        ),
        ProblemCode::SecretNotFound => {
            ("Secret not found", "Create the secret in the vault, or correct the reference.")
        }
        ProblemCode::SecretVersionGone => (
            "Secret version not found",
            "Choose another version, or leave the version out to read the newest.",
        ),
        ProblemCode::SecretDisabled => ("Secret is disabled", "Enable or recover the secret in the vault."),
        ProblemCode::SecretFieldMissing => (
            "Secret field not found",
            "Correct the field name after the # in the reference, or add the field in the vault.",
        ),
        ProblemCode::SecretNotJson => (
            "Secret has no fields",
            "Remove the # and the field name from the reference, or store a JSON object in the vault.",
        ),
        ProblemCode::SecretTooLarge => {
            ("Secret is too large", "Keep the secret within 16 MiB (16,777,216 bytes).")
        }
        ProblemCode::HoldGone => (
            "Lease has ended",
            "Run Terraform again to read the secret anew. If the run takes longer than the vault's longest lease, ask the \
             vault's operator to raise that limit.",
        ),
        ProblemCode::SecretVersionUnknown => (
            "No secret version recorded for that time",
            "Choose a later time, or leave at out. Versions are recorded from the first time the secret is read through \
             the daemon.",
        ),
        _ => return None,
    })
}

/// Returns whether correcting the reference could solve the problem.
pub(crate) fn is_caused_by_reference(code: ProblemCode) -> bool {
    matches!(
        code,
        ProblemCode::InvalidReference
            | ProblemCode::UnknownVault
            | ProblemCode::SecretNotFound
            | ProblemCode::SecretVersionGone
            | ProblemCode::SecretFieldMissing
            | ProblemCode::SecretNotJson
    )
}

/// Reports a secret that cannot be read.
pub(crate) fn secret_error(request: &SecretRequest, error: &SessionError) -> Diagnostic {
    let Some(problem) = error.problem() else { return request_failed(&request.action, error) };
    let Some((summary, remedy)) = summary_and_remedy(problem.code()) else {
        // Only some of the daemon's field names are attributes.
        let diagnostic = request_failed(&request.action, error);
        return Diagnostic { path: diagnostic.path.or(Some(request.path.clone())), ..diagnostic };
    };
    let mut detail = format!("Failed to {}. {}", request.action, sentence(&problem.message));
    if let Some(wait) = wait(problem) {
        detail.push_str(&format!("\n\nThe vault asks clients to wait {wait} before they try again."));
    }
    let remedy = if problem.remedy.is_empty() { remedy } else { &problem.remedy };
    detail.push_str("\n\n");
    detail.push_str(&sentence(remedy));
    Diagnostic::error(summary, detail).at_path(request.path.clone())
}

/// Warns of a reference to a vault that is not configured. `id` is the key that holds the reference.
pub(crate) fn unknown_vault(id: &str, unknown: &UnknownVault) -> Diagnostic {
    Diagnostic::warning(
        "Unknown vault",
        format!(
            "The secret {id} will not be readable: {}. The reference is written nevertheless, because the vault may be \
             configured later.\n\n{}",
            unknown.message,
            sentence(&unknown.remedy)
        ),
    )
    .at("reference")
}

fn wait(problem: &Problem) -> Option<humantime::FormattedDuration> {
    let wait = Duration::from_millis(problem.retry_after_ms);
    (!wait.is_zero()).then(|| humantime::format_duration(wait))
}

/// Reports a reference that was checked before it is written and does not resolve. `planning`: while planning, this is a
/// warning.
pub(crate) fn verification_failed(
    request: &SecretRequest,
    error: &SessionError,
    planning: bool,
) -> Diagnostic {
    let mut diagnostic = secret_error(request, error);
    if planning {
        diagnostic.severity = Severity::Warning;
        diagnostic.detail.push_str(
            "\n\nThe plan continues, because the secret may be created in the same apply. With verify = true, the apply \
             checks again before it writes, and writes nothing if the secret still cannot be read.",
        );
    } else {
        diagnostic.detail.push_str(
            "\n\nNothing was written. Apply again when the secret can be read, or set verify = false to write the \
             reference without checking it.",
        );
    }
    diagnostic
}
