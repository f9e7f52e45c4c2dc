//! The content of a secret in the SDK's answers.

use aws_sdk_secretsmanager::primitives::Blob;
use kontraktor_model::{limits::MAX_SECRET_BYTES, names::VaultName};

use super::error;
use crate::{
    error::VaultError,
    secret::{Bytes, Content, Fetched},
};

/// Converts an answer's content.
pub(super) fn fetched(
    vault: &VaultName,
    text: Option<String>,
    binary: Option<Blob>,
    version: Option<String>,
) -> Result<Fetched, VaultError> {
    let bytes = match (text, binary) {
        (Some(text), _) => Bytes::from(text),
        (None, Some(binary)) => Bytes::new(binary.into_inner()),
        (None, None) => return Err(error::incomplete(vault)),
    };
    if bytes.len() > MAX_SECRET_BYTES {
        return Err(error::too_large(vault));
    }
    Ok(Fetched { content: Content::Whole(bytes), version, lease: None })
}
