//! What the SDK's errors mean. Only codes are used, never texts, which may repeat anything.

use azure_core::{Error, error::ErrorKind, http::StatusCode};
use kontraktor_model::names::VaultName;

use super::{
    error::{invalid_response, not_found, too_large, unavailable},
    response::{Codes, codes, retry_after},
    sign_in,
};
use crate::{
    cloud::{BodyError, find_cause, tls_cause},
    error::{VaultError, VaultErrorKind},
};

/// Returns whether the vault rejected the token. It may have been revoked early: worth another try with a new one.
pub(super) fn rejects_token(error: &Error) -> bool {
    error.http_status() == Some(StatusCode::Unauthorized)
}

/// Returns whether no token was issued.
pub(super) fn has_no_token(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Credential)
}

/// Returns whether the secret or the version does not exist.
pub(super) fn is_not_found(error: &Error) -> bool {
    error.http_status() == Some(StatusCode::NotFound) && codes(error).contain("SecretNotFound")
}

/// Returns whether the version's name is invalid.
pub(super) fn is_malformed(error: &Error) -> bool {
    error.http_status() == Some(StatusCode::BadRequest) && codes(error).contain("BadParameter")
}

/// Returns whether the secret is disabled, and so exists.
pub(super) fn is_disabled(error: &Error) -> bool {
    error.http_status() == Some(StatusCode::Forbidden) && codes(error).contain("SecretDisabled")
}

/// Describes an SDK error in the daemon's own words.
pub(super) fn describe(vault: &VaultName, error: &Error) -> VaultError {
    if has_no_token(error) {
        return sign_in::describe(vault, error);
    }
    if let Some(cause) = find_cause::<BodyError>(error) {
        return body_error(vault, *cause);
    }
    match error.kind() {
        ErrorKind::HttpResponse { status, raw_response, .. } => {
            let mut error = describe_status(vault, *status, &codes(error));
            if error.kind == VaultErrorKind::Unavailable {
                error.retry_after = raw_response.as_deref().and_then(retry_after);
            }
            error
        }
        ErrorKind::Connection | ErrorKind::Io => unreachable_vault(vault, error),
        ErrorKind::DataConversion => invalid_response(vault),
        // The one other error of a request that was built.
        ErrorKind::Other | ErrorKind::Credential => VaultError::new(
            VaultErrorKind::InvalidResponse,
            format!("vault \"{vault}\" asks for a token for another domain, which is not sent"),
        )
        .remedy(
            "check `address`; for a Key Vault behind your own host name, verify_challenge_resource = false trusts \
             the server that answers there",
        ),
    }
}

fn describe_status(vault: &VaultName, status: StatusCode, codes: &Codes) -> VaultError {
    let number = u16::from(status);
    match number {
        401 => VaultError::new(
            VaultErrorKind::SignIn,
            format!("vault \"{vault}\" rejects the daemon's token, also a new one (status 401)"),
        )
        .remedy("check that the identity belongs to the vault's tenant"),
        403 if codes.contain("SecretDisabled") => {
            VaultError::new(VaultErrorKind::Disabled, format!("the secret is disabled in vault \"{vault}\""))
                .remedy("enable this version, or use another one")
        }
        403 => {
            let remedy = if codes.contain("ForbiddenByFirewall") || codes.contain("ForbiddenByConnection") {
                "allow this machine's network in the vault's firewall, or use the vault's private endpoint"
            } else if codes.contain("ForbiddenByPolicy") {
                "grant the identity the permission \"get\" for secrets in the vault's access policies"
            } else {
                "grant the identity the role Key Vault Secrets User on the vault or the secret"
            };
            VaultError::new(
                VaultErrorKind::Denied,
                format!("vault \"{vault}\" denies the daemon access to this secret (status 403)"),
            )
            .remedy(remedy)
        }
        404 if codes.contain("SecretNotFound") => not_found(vault),
        429 => unavailable(vault, "throttles requests (status 429)"),
        408 | 500.. => unavailable(vault, &format!("reports an internal error (status {number})")),
        300..=399 => VaultError::new(
            VaultErrorKind::InvalidResponse,
            format!("vault \"{vault}\" returned a redirect (status {number}), which is not followed"),
        )
        .remedy("set `address` to where Key Vault itself answers"),
        _ => VaultError::new(
            VaultErrorKind::InvalidResponse,
            format!("vault \"{vault}\" returned an invalid response (status {number})"),
        )
        .remedy("check that Key Vault, and not a proxy, answers at the vault's address"),
    }
}

fn unreachable_vault(vault: &VaultName, error: &Error) -> VaultError {
    match tls_cause(error) {
        Some((what, remedy)) => {
            unavailable(vault, &format!("cannot be reached over TLS: {what}")).remedy(remedy)
        }
        None => unavailable(vault, "cannot be reached")
            .remedy("check `address`, and the network between this machine and the vault"),
    }
}

fn body_error(vault: &VaultName, error: BodyError) -> VaultError {
    match error {
        BodyError::TooLarge => too_large(vault),
        BodyError::Interrupted => VaultError::new(
            VaultErrorKind::InvalidResponse,
            format!("vault \"{vault}\" closed the connection in the middle of its response"),
        )
        .remedy("check the network between this machine and the vault"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use azure_core::http::{
        RawResponse,
        headers::{HeaderName, Headers},
    };
    use serde_json::json;

    use super::*;

    fn described(error: &Error) -> String {
        let error = describe(&"team".parse().unwrap(), error);
        let remedy = error.remedy.as_deref().unwrap_or("-");
        format!("{:?}: {error}\n  {remedy}\n", error.kind)
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
    fn errors_of_the_vault_are_described_in_our_words() {
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
            Error::new(ErrorKind::Other, BodyError::TooLarge),
            Error::new(ErrorKind::Io, BodyError::Interrupted),
        ]
        .iter()
        .map(described)
        .collect::<String>();
        assert!(!all.contains("hunter2"), "{all}");
        insta::assert_snapshot!(all, @r#"
        SignIn: vault "team" rejects the daemon's token, also a new one (status 401)
          check that the identity belongs to the vault's tenant
        Disabled: the secret is disabled in vault "team"
          enable this version, or use another one
        Denied: vault "team" denies the daemon access to this secret (status 403)
          grant the identity the role Key Vault Secrets User on the vault or the secret
        Denied: vault "team" denies the daemon access to this secret (status 403)
          grant the identity the permission "get" for secrets in the vault's access policies
        Denied: vault "team" denies the daemon access to this secret (status 403)
          allow this machine's network in the vault's firewall, or use the vault's private endpoint
        NotFound: vault "team" has no such secret
          check the name; recover a deleted secret with az keyvault secret recover
        InvalidResponse: vault "team" returned an invalid response (status 404)
          check that Key Vault, and not a proxy, answers at the vault's address
        InvalidResponse: vault "team" returned an invalid response (status 400)
          check that Key Vault, and not a proxy, answers at the vault's address
        Unavailable: vault "team" throttles requests (status 429)
          -
        Unavailable: vault "team" reports an internal error (status 503)
          -
        InvalidResponse: vault "team" returned a redirect (status 302), which is not followed
          set `address` to where Key Vault itself answers
        InvalidResponse: vault "team" returned an invalid response
          check that Key Vault, and not a proxy, answers at the vault's address
        Unavailable: vault "team" cannot be reached
          check `address`, and the network between this machine and the vault
        InvalidResponse: vault "team" asks for a token for another domain, which is not sent
          check `address`; for a Key Vault behind your own host name, verify_challenge_resource = false trusts the server that answers there
        TooLarge: the secret in vault "team" is larger than the limit of 16777216 bytes
          -
        InvalidResponse: vault "team" closed the connection in the middle of its response
          check the network between this machine and the vault
        "#);
    }

    #[test]
    fn retry_after_is_respected() {
        let wait = |status, headers: &[_]| {
            describe(&"team".parse().unwrap(), &answer(status, "", headers)).retry_after
        };
        assert_eq!(wait(429, &[("retry-after", "7")]), Some(Duration::from_secs(7)));
        assert_eq!(
            wait(503, &[("retry-after", "7"), ("x-ms-retry-after-ms", "40")]),
            Some(Duration::from_millis(40))
        );
        assert_eq!(wait(503, &[]), None);
        // Trying again does not help where access is denied.
        assert_eq!(wait(403, &[("retry-after", "7")]), None);
    }
}
