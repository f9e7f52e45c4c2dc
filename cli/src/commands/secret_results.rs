//! Reports about resolved secrets for a person: which could not be read, and which are stale.

use kontraktor_model::limits::MAX_LISTED_NAMES;
use kontraktor_proto::{
    json::{Problem, time},
    v1,
};

use crate::{error::CliError, text::counted};

/// Returns the error that names the secrets that could not be read, with the reason for each. `consequence` is appended to
/// the first line.
pub(super) fn unreadable(problems: &[(&str, &Problem)], consequence: &str) -> CliError {
    let mut message = format!("{} cannot be read{consequence}", counted(problems.len(), "secret"));
    for (key, problem) in problems.iter().take(MAX_LISTED_NAMES) {
        message.push_str(&format!("\n  {key}: {problem}"));
    }
    if let Some(more) = problems.len().checked_sub(MAX_LISTED_NAMES).filter(|more| *more > 0) {
        message.push_str(&format!("\n  and {more} more"));
    }
    CliError::general(message)
}

/// Returns the warning about a secret whose vault does not answer, so that the last known value is used.
pub(super) fn stale_warning(secret: &v1::SecretResult) -> String {
    let name = if secret.key.is_empty() { &secret.reference } else { &secret.key };
    let fetched = secret.fetch_time.map(time).unwrap_or_default();
    format!("{name} is stale: vault {} does not answer; using the value from {fetched}", secret.vault)
}
