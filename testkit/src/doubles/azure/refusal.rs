//! Key Vault's errors: one shape, with a code for programs, sometimes a second one inside, and a sentence for people. The
//! codes are those of the real service; the sentences are not.

use serde_json::json;

use crate::doubles::http::Answer;

/// A refused request.
#[derive(Debug)]
pub(super) struct Refusal {
    status: u16,
    code: &'static str,
    inner: Option<&'static str>,
    message: String,
}

impl Refusal {
    pub(super) fn not_found(name: &str) -> Self {
        Self::new(404, "SecretNotFound", format!("No secret of this name or version is here: {name}"))
    }

    pub(super) fn deleted_not_found(name: &str) -> Self {
        Self::new(404, "SecretNotFound", format!("No deleted secret of this name is here: {name}"))
    }

    pub(super) fn disabled() -> Self {
        Self::new(403, "Forbidden", "The secret is disabled, so it cannot be read".to_owned())
            .inside("SecretDisabled")
    }

    pub(super) fn denied(name: &str) -> Self {
        let message = format!("The caller's roles do not cover this action on the secret {name}");
        Self::new(403, "Forbidden", message).inside("ForbiddenByRbac")
    }

    pub(super) fn recoverable(name: &str) -> Self {
        let message = format!("{name} is deleted but can be recovered: recover or purge it first");
        Self::new(409, "Conflict", message).inside("ObjectIsDeletedButRecoverable")
    }

    pub(super) fn bad_parameter(message: impl Into<String>) -> Self {
        Self::new(400, "BadParameter", message.into())
    }

    pub(super) fn unauthorized(message: &str) -> Self {
        Self::new(401, "Unauthorized", message.to_owned())
    }

    pub(super) fn method(method: &str) -> Self {
        Self::new(405, "MethodNotAllowed", format!("{method} is not allowed here"))
    }

    /// Returns the error for what this double does not implement.
    pub(super) fn absent(what: &str) -> Self {
        Self::new(501, "NotImplemented", format!("This double has no {what}"))
    }

    /// Returns a failure of the service itself.
    pub(super) fn failure(status: u16) -> Self {
        let (code, message) = match status {
            429 => ("Throttled", "Too many requests were received, so this one was not served"),
            503 => ("ServiceUnavailable", "The service cannot serve requests right now"),
            _ => ("InternalServerError", "The service met an error that it did not expect"),
        };
        Self::new(status, code, message.to_owned())
    }

    pub(super) fn answer(&self) -> Answer {
        let mut error = json!({ "code": self.code, "message": self.message });
        if let Some(inner) = self.inner {
            error["innererror"] = json!({ "code": inner });
        }
        Answer::json(self.status, &json!({ "error": error }))
    }

    pub(super) fn is_challenge(&self) -> bool {
        self.status == 401
    }

    fn new(status: u16, code: &'static str, message: String) -> Self {
        Self { status, code, inner: None, message }
    }

    fn inside(mut self, code: &'static str) -> Self {
        self.inner = Some(code);
        self
    }
}
