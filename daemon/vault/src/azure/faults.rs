//! What the SDK's errors mean. Only codes are looked at, and none of the texts goes on: they may repeat anything.

use std::time::Duration;

use azure_core::{
    Error,
    error::ErrorKind,
    http::{
        RawResponse, StatusCode,
        headers::{HeaderName, RETRY_AFTER},
    },
};
use kontraktor_model::{limits::MAX_SECRET_BYTES, names::VaultName};
use serde::Deserialize;

use super::sign_in;
use crate::{
    Fault, VaultError,
    cloud::{Unread, find, of_tls, parse_retry_after},
};

const RETRY_AFTER_MS: [HeaderName; 2] =
    [HeaderName::from_static("retry-after-ms"), HeaderName::from_static("x-ms-retry-after-ms")];

/// Whether the vault refused a token. It may have been revoked before its time: worth another try with a new one.
pub(super) fn refuses_token(error: &Error) -> bool {
    error.http_status() == Some(StatusCode::Unauthorized)
}

/// Whether no token could be had.
pub(super) fn has_no_token(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Credential)
}

/// Whether the vault says that name or version is not there.
pub(super) fn is_not_found(error: &Error) -> bool {
    error.http_status() == Some(StatusCode::NotFound) && codes(error).is("SecretNotFound")
}

/// Whether the vault says that the version's name is none.
pub(super) fn is_malformed(error: &Error) -> bool {
    error.http_status() == Some(StatusCode::BadRequest) && codes(error).is("BadParameter")
}

/// Whether the vault says that the secret is disabled, and so that it is there.
pub(super) fn is_disabled(error: &Error) -> bool {
    error.http_status() == Some(StatusCode::Forbidden) && codes(error).is("SecretDisabled")
}

/// The error in our own words.
pub(super) fn explain(vault: &VaultName, error: &Error) -> VaultError {
    if has_no_token(error) {
        return sign_in::explain(vault, error);
    }
    if let Some(unread) = find::<Unread>(error) {
        return self::unread(vault, *unread);
    }
    match error.kind() {
        ErrorKind::HttpResponse { status, raw_response, .. } => {
            let mut told = by_status(vault, *status, &codes(error));
            if told.fault == Fault::Unavailable {
                told.retry_after = raw_response.as_deref().and_then(retry_after);
            }
            told
        }
        ErrorKind::Connection | ErrorKind::Io => unreachable_vault(vault, error),
        ErrorKind::DataConversion => garbled(vault),
        // The one other error of a request that could be formed.
        ErrorKind::Other | ErrorKind::Credential => VaultError::new(
            Fault::Answer,
            format!("vault \"{vault}\" asks for a token that is not for its own domain, and gets none"),
        )
        .remedy(
            "check the address; for a Key Vault behind a host name of your own, verify_challenge_resource = false \
             trusts whoever answers there",
        ),
    }
}

/// There is no such secret.
pub(super) fn not_found(vault: &VaultName) -> VaultError {
    VaultError::new(Fault::NotFound, format!("vault \"{vault}\" has no such secret"))
        .remedy("check the name; if it was deleted: az keyvault secret recover")
}

/// The secret is there, the version is not.
pub(super) fn version_gone(vault: &VaultName) -> VaultError {
    VaultError::new(
        Fault::VersionGone,
        format!("vault \"{vault}\" has the secret, but not this version of it"),
    )
    .remedy("see which versions there are: az keyvault secret list-versions")
}

/// Larger than anything that is handed on.
pub(super) fn too_large(vault: &VaultName) -> VaultError {
    VaultError::new(
        Fault::TooLarge,
        format!("vault \"{vault}\" gives more than the {MAX_SECRET_BYTES} bytes that a secret may have"),
    )
}

/// An answer that is none of Key Vault's.
pub(super) fn garbled(vault: &VaultName) -> VaultError {
    VaultError::new(Fault::Answer, format!("vault \"{vault}\" gives an answer that cannot be understood"))
        .remedy("check that Key Vault answers at the vault's address, and no proxy in its place")
}

fn by_status(vault: &VaultName, status: StatusCode, codes: &Codes) -> VaultError {
    let number = u16::from(status);
    match number {
        401 => VaultError::new(
            Fault::SignIn,
            format!(
                "vault \"{vault}\" does not accept the daemon's token, and not a new one either (status 401)"
            ),
        )
        .remedy("check that the identity is of the tenant that the vault belongs to"),
        403 if codes.is("SecretDisabled") => {
            VaultError::new(Fault::Disabled, format!("vault \"{vault}\" has the secret disabled"))
                .remedy("enable this version of it, or refer to another one")
        }
        403 => {
            let remedy = if codes.is("ForbiddenByFirewall") || codes.is("ForbiddenByConnection") {
                "let this machine's network through the vault's firewall, or use its private endpoint"
            } else if codes.is("ForbiddenByPolicy") {
                "give the identity the permission \"get\" for secrets in the vault's access policies"
            } else {
                "give the identity the role Key Vault Secrets User on the vault or the secret"
            };
            VaultError::new(
                Fault::Denied,
                format!("vault \"{vault}\" does not let the daemon read this secret (status 403)"),
            )
            .remedy(remedy)
        }
        404 if codes.is("SecretNotFound") => not_found(vault),
        429 => unavailable(vault, "throttles: too many requests (status 429)"),
        408 | 500.. => unavailable(vault, &format!("has an error of its own (status {number})")),
        300..=399 => VaultError::new(
            Fault::Answer,
            format!("vault \"{vault}\" redirects (status {number}), which is not followed"),
        )
        .remedy("set the address to where Key Vault itself answers"),
        _ => VaultError::new(
            Fault::Answer,
            format!("vault \"{vault}\" gives an answer that cannot be understood (status {number})"),
        )
        .remedy("check that Key Vault answers at the vault's address, and no proxy in its place"),
    }
}

fn unreachable_vault(vault: &VaultName, error: &Error) -> VaultError {
    match of_tls(error) {
        Some((what, remedy)) => {
            unavailable(vault, &format!("cannot be reached securely: {what}")).remedy(remedy)
        }
        None => unavailable(vault, "cannot be reached")
            .remedy("check the vault's address, and the network between it and this machine"),
    }
}

fn unread(vault: &VaultName, unread: Unread) -> VaultError {
    match unread {
        Unread::TooLarge => too_large(vault),
        Unread::BrokenOff => VaultError::new(
            Fault::Answer,
            format!("vault \"{vault}\" breaks off in the middle of its answer"),
        )
        .remedy("check the network between this machine and the vault"),
    }
}

pub(super) fn unavailable(vault: &VaultName, what: &str) -> VaultError {
    VaultError::new(Fault::Unavailable, format!("vault \"{vault}\" {what}"))
}

pub(super) fn retry_after(response: &RawResponse) -> Option<Duration> {
    let headers = response.headers();
    let exact = |name: &HeaderName| headers.get_optional_str(name)?.parse().ok().map(Duration::from_millis);
    RETRY_AFTER_MS
        .iter()
        .find_map(exact)
        .or_else(|| parse_retry_after(headers.get_optional_str(&RETRY_AFTER)))
}

/// The codes in Key Vault's answer: the outer one, and the more exact one inside.
#[derive(Default)]
struct Codes(Vec<String>);

impl Codes {
    fn is(&self, code: &str) -> bool {
        self.0.iter().any(|one| one == code)
    }
}

fn codes(error: &Error) -> Codes {
    #[derive(Deserialize)]
    struct Body {
        error: Level,
    }
    #[derive(Deserialize)]
    struct Level {
        code: Option<String>,
        innererror: Option<Box<Level>>,
    }
    let ErrorKind::HttpResponse { raw_response: Some(response), .. } = error.kind() else {
        return Codes::default();
    };
    let Ok(Body { error }) = serde_json::from_slice(response.body()) else { return Codes::default() };
    let mut codes = Vec::new();
    let mut level = Some(Box::new(error));
    while let Some(one) = level {
        codes.extend(one.code);
        level = one.innererror;
    }
    Codes(codes)
}

#[cfg(test)]
mod tests {
    use azure_core::http::headers::Headers;
    use serde_json::json;

    use super::*;

    fn told(error: &Error) -> String {
        let error = explain(&"team".parse().unwrap(), error);
        let remedy = if error.remedy.is_empty() { "-" } else { &error.remedy };
        format!("{:?}: {error}\n  {remedy}\n", error.fault)
    }

    fn answer(status: u16, body: &str, headers: &[(&'static str, &str)]) -> Error {
        let status = StatusCode::from(status);
        let mut all = Headers::new();
        for (name, value) in headers {
            all.insert(HeaderName::from_static(name), (*value).to_owned());
        }
        let response = RawResponse::from_bytes(status, all, body.to_owned());
        let kind = ErrorKind::HttpResponse {
            status,
            error_code: Some("hunter2".to_owned()),
            raw_response: Some(Box::new(response)),
        };
        Error::with_message(kind, format!("hunter2 {body}"))
    }

    fn vaults(status: u16, code: &str, inner: &str) -> Error {
        let body =
            json!({ "error": { "code": code, "message": "hunter2", "innererror": { "code": inner } } });
        answer(status, &body.to_string(), &[])
    }

    #[test]
    fn what_the_vault_says_is_told_in_our_words() {
        let all = [
            vaults(401, "Unauthorized", ""),
            vaults(403, "Forbidden", "SecretDisabled"),
            vaults(403, "Forbidden", "ForbiddenByRbac"),
            vaults(403, "Forbidden", "ForbiddenByPolicy"),
            vaults(403, "Forbidden", "ForbiddenByFirewall"),
            vaults(404, "SecretNotFound", ""),
            vaults(404, "hunter2", "hunter2"),
            vaults(400, "BadParameter", ""),
            vaults(429, "Throttled", ""),
            vaults(503, "ServiceUnavailable", ""),
            answer(302, "hunter2", &[]),
            Error::with_message(ErrorKind::DataConversion, "hunter2"),
            Error::with_message(ErrorKind::Io, "hunter2"),
            Error::with_message(ErrorKind::Other, "hunter2"),
            Error::new(ErrorKind::Other, Unread::TooLarge),
            Error::new(ErrorKind::Io, Unread::BrokenOff),
        ]
        .iter()
        .map(told)
        .collect::<String>();
        assert!(!all.contains("hunter2"), "{all}");
        insta::assert_snapshot!(all, @r#"
        SignIn: vault "team" does not accept the daemon's token, and not a new one either (status 401)
          check that the identity is of the tenant that the vault belongs to
        Disabled: vault "team" has the secret disabled
          enable this version of it, or refer to another one
        Denied: vault "team" does not let the daemon read this secret (status 403)
          give the identity the role Key Vault Secrets User on the vault or the secret
        Denied: vault "team" does not let the daemon read this secret (status 403)
          give the identity the permission "get" for secrets in the vault's access policies
        Denied: vault "team" does not let the daemon read this secret (status 403)
          let this machine's network through the vault's firewall, or use its private endpoint
        NotFound: vault "team" has no such secret
          check the name; if it was deleted: az keyvault secret recover
        Answer: vault "team" gives an answer that cannot be understood (status 404)
          check that Key Vault answers at the vault's address, and no proxy in its place
        Answer: vault "team" gives an answer that cannot be understood (status 400)
          check that Key Vault answers at the vault's address, and no proxy in its place
        Unavailable: vault "team" throttles: too many requests (status 429)
          -
        Unavailable: vault "team" has an error of its own (status 503)
          -
        Answer: vault "team" redirects (status 302), which is not followed
          set the address to where Key Vault itself answers
        Answer: vault "team" gives an answer that cannot be understood
          check that Key Vault answers at the vault's address, and no proxy in its place
        Unavailable: vault "team" cannot be reached
          check the vault's address, and the network between it and this machine
        Answer: vault "team" asks for a token that is not for its own domain, and gets none
          check the address; for a Key Vault behind a host name of your own, verify_challenge_resource = false trusts whoever answers there
        TooLarge: vault "team" gives more than the 16777216 bytes that a secret may have
          -
        Answer: vault "team" breaks off in the middle of its answer
          check the network between this machine and the vault
        "#);
    }

    #[test]
    fn a_vault_that_says_when_to_come_again_is_heard() {
        let wait = |status, headers: &[_]| {
            explain(&"team".parse().unwrap(), &answer(status, "", headers)).retry_after
        };
        assert_eq!(wait(429, &[("retry-after", "7")]), Some(Duration::from_secs(7)));
        assert_eq!(
            wait(503, &[("retry-after", "7"), ("x-ms-retry-after-ms", "40")]),
            Some(Duration::from_millis(40))
        );
        assert_eq!(wait(503, &[]), None);
        // Whoever may not come in is not told to come again.
        assert_eq!(wait(403, &[("retry-after", "7")]), None);
    }
}
