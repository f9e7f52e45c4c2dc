//! What people are told where a secret cannot be had: one message for each kind of problem, with what to do about it.
//!
//! What happened is the daemon's sentence, which holds no byte of a secret; nothing is added to it but names.

use std::time::Duration;

use kontraktor_proto::v1::{Problem, ProblemCode};
use tfplugin_proto::value::AttributePath;

use super::{failed, sentence};
use crate::framework::{Diagnostic, Severity};
use crate::session::Trouble;

/// What was asked for, as messages name it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// What was attempted, as in "read the secret infra-demo/dev/DB_PASSWORD".
    pub(crate) doing: String,
    /// The reference, as far as it is known; empty where the target led to none.
    pub(crate) reference: String,
    /// The attribute that names the secret.
    pub(crate) path: AttributePath,
}

/// In a few words what is wrong, and what to do where the daemon does not say. `None`: it is not about a secret.
fn known(code: ProblemCode) -> Option<(&'static str, &'static str)> {
    Some(match code {
        ProblemCode::InvalidReference => (
            "the reference is not valid",
            "correct it; the function reference_parse shows what a reference is made of",
        ),
        ProblemCode::NotASecret => (
            "the key holds a plain variable",
            "read it with data.kontraktor_variable, or name the key of a secret reference",
        ),
        ProblemCode::UnknownVault => (
            "the daemon has no such vault",
            "check the vault's name and kind in the reference, or have the daemon's operator configure it in \
             kontraktord.toml",
        ),
        ProblemCode::VaultUnavailable => (
            "the vault does not answer",
            "try again when it does; `kontraktord vault check NAME` says what is wrong with it",
        ),
        ProblemCode::VaultSignIn => (
            "the daemon cannot sign in to the vault",
            "have the daemon's operator run `kontraktord vault check NAME`, which explains",
        ),
        ProblemCode::VaultDenied => (
            "the vault does not let the daemon read it",
            "give the daemon's identity in the vault the right to read this secret",
        ),
        ProblemCode::VaultAnswer => (
            "the vault's answer cannot be used",
            "have the daemon's operator run `kontraktord vault check NAME`: it may not be the vault that answers",
        ),
        ProblemCode::SecretNotFound => {
            ("the vault has no such secret", "create it in the vault, or correct the reference")
        }
        ProblemCode::SecretVersionGone => (
            "the vault no longer has this version",
            "ask for another version, or leave the version out for the newest",
        ),
        ProblemCode::SecretDisabled => ("it is disabled in the vault", "enable or recover it in the vault"),
        ProblemCode::SecretFieldMissing => (
            "it has no such field",
            "correct what stands behind the # of the reference, or add the field in the vault",
        ),
        ProblemCode::SecretNotJson => (
            "it has no fields",
            "leave the # and what follows out of the reference, or store a JSON object in the vault",
        ),
        ProblemCode::SecretTooLarge => (
            "it is too large",
            "keep it at 16 MiB (16,777,216 bytes) at most: what is larger belongs elsewhere",
        ),
        ProblemCode::HoldGone => (
            "its lease is over",
            "run it again, and the secret is read anew; where the run takes longer than the vault lets a lease live, \
             have the vault's operator raise that limit",
        ),
        ProblemCode::SecretVersionUnknown => (
            "no version of it is on record for that moment",
            "name a later moment, or leave at out: a version is on record from when the secret is first read through \
             the daemon",
        ),
        _ => return None,
    })
}

/// Whether another reference would be a remedy.
pub(crate) fn is_references_fault(code: ProblemCode) -> bool {
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

/// The secret could not be had.
pub(crate) fn unresolved(asked: &Asked, trouble: &Trouble) -> Diagnostic {
    let Some(problem) = trouble.problem() else { return failed(&asked.doing, trouble) };
    let Some((what, remedy)) = known(problem.code()) else {
        // Of the daemon's own fields, only some are the author's.
        let diagnostic = failed(&asked.doing, trouble);
        return Diagnostic { path: diagnostic.path.or(Some(asked.path.clone())), ..diagnostic };
    };
    let mut detail = sentence(&problem.message);
    if !asked.reference.is_empty() {
        detail.push_str(&format!(" The reference is {}", asked.reference));
    }
    if let Some(wait) = wait(problem) {
        detail.push_str(&format!("\n\nThe vault asks to be left alone for {wait}."));
    }
    let remedy = if problem.remedy.is_empty() { remedy } else { &problem.remedy };
    detail.push_str("\n\n");
    detail.push_str(&sentence(remedy));
    Diagnostic::error(format!("Cannot {}: {what}", asked.doing), detail).at_path(asked.path.clone())
}

fn wait(problem: &Problem) -> Option<humantime::FormattedDuration> {
    let wait = Duration::from_millis(problem.retry_after_ms);
    (!wait.is_zero()).then(|| humantime::format_duration(wait))
}

/// A reference that is to be written was checked, and does not resolve. `planning`: nothing is written yet.
pub(crate) fn verification(asked: &Asked, trouble: &Trouble, planning: bool) -> Diagnostic {
    let mut diagnostic = unresolved(asked, trouble);
    if planning {
        diagnostic.severity = Severity::Warning;
        diagnostic.detail.push_str(
            "\n\nThe plan goes on, because the secret may be made in the same apply. With verify = true the apply asks \
             again before it writes, and writes nothing where this is still so.",
        );
    } else {
        diagnostic.detail.push_str(
            "\n\nNothing was written. Apply again when the secret can be read, or set verify = false, and the reference \
             is written all the same.",
        );
    }
    diagnostic
}
