//! What the vaults' SDKs may log.

use tracing::{Level, Metadata};

/// Returns whether this may be logged, whatever the directives say. At level `trace`, the SDK of AWS logs what a vault
/// answered: the texts of errors, and everything with `LOG_SENSITIVE_BODIES`.
pub fn may_be_logged(metadata: &Metadata<'_>) -> bool {
    !(*metadata.level() == Level::TRACE && metadata.target().starts_with("aws_"))
}
