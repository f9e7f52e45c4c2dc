//! Debug output of messages that contain secrets: everything but the value, so that no log line or failed test shows one.

use std::fmt;

use crate::v1::{SecretResult, ServiceAccountCredentials, StreamSecretResponse};

/// Shows a value's length in place of the value.
struct Redacted(usize);

impl fmt::Debug for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} bytes]", self.0)
    }
}

impl fmt::Debug for SecretResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretResult")
            .field("key", &self.key)
            .field("reference", &self.reference)
            .field("vault", &self.vault)
            .field("version", &self.version)
            .field("value", &Redacted(self.value.len()))
            .field("stale", &self.stale)
            .field("fetch_time", &self.fetch_time)
            .field("lease", &self.lease)
            .field("problem", &self.problem)
            .finish()
    }
}

impl fmt::Debug for StreamSecretResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamSecretResponse")
            .field("info", &self.info)
            .field("chunk", &Redacted(self.chunk.len()))
            .finish()
    }
}

impl fmt::Debug for ServiceAccountCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceAccountCredentials")
            .field("account", &self.account)
            .field("client_secret", &Redacted(self.client_secret.len()))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_never_printed() {
        let secret = SecretResult { key: "K".into(), value: b"hunter2".to_vec(), ..SecretResult::default() };
        let chunk = StreamSecretResponse { chunk: b"hunter2".to_vec(), ..StreamSecretResponse::default() };
        let account = ServiceAccountCredentials {
            client_secret: "hunter2".into(),
            ..ServiceAccountCredentials::default()
        };
        let shown = format!("{secret:?} {chunk:?} {account:?}");
        assert!(shown.contains("[7 bytes]") && shown.contains("\"K\""), "{shown}");
        // As text, and as the list of numbers that a derived Debug would print.
        assert!(!shown.contains("hunter2") && !shown.contains("104"), "{shown}");
    }
}
