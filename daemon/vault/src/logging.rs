//! What the vaults' SDKs may log.

use tracing::{Level, Metadata};

/// Whether this may be logged, whatever the directives say. On the level `trace`, the SDK of AWS writes what a vault
/// answered: the texts of errors, and with `LOG_SENSITIVE_BODIES` set everything.
pub fn may_be_logged(metadata: &Metadata<'_>) -> bool {
    !(*metadata.level() == Level::TRACE && metadata.target().starts_with("aws_"))
}
