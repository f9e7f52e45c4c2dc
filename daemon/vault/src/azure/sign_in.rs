//! Why no token is issued: by the directory, by the machine's identity service, or by a developer's tool. Only codes are
//! used, never texts.

use azure_core::{Error, error::ErrorKind};
use kontraktor_model::names::VaultName;

use super::{error::unavailable, response::retry_after};
use crate::{
    cloud::{find_cause, tls_cause},
    error::{VaultError, VaultErrorKind},
    plain_http::PlainHttpRefused,
};

/// Describes why no token was issued: the identity was rejected, or the token service cannot be reached.
pub(super) fn describe(vault: &VaultName, error: &Error) -> VaultError {
    let rejected = |what: &str| {
        VaultError::new(VaultErrorKind::SignIn, format!("sign-in to vault \"{vault}\" failed: {what}"))
    };
    let unreachable = |what: &str| unavailable(vault, &format!("cannot be used: the token service {what}"));
    if find_cause::<PlainHttpRefused>(error).is_some() {
        return rejected("the service that identifies this machine is an http:// address of another machine")
            .remedy("correct IDENTITY_ENDPOINT in the daemon's environment");
    }
    let mut answer = None;
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(inner) = error.downcast_ref::<Error>() {
            match inner.kind() {
                ErrorKind::Credential => {}
                ErrorKind::HttpResponse { status, error_code, raw_response } => {
                    answer = Some((u16::from(*status), error_code.clone(), raw_response.clone()));
                    break;
                }
                ErrorKind::Connection | ErrorKind::Io => {
                    return match tls_cause(inner) {
                        Some((what, remedy)) => {
                            unreachable(&format!("cannot be reached over TLS: {what}")).remedy(remedy)
                        }
                        None => unreachable("cannot be reached")
                            .remedy("check `authority`, and the network between this machine and it"),
                    };
                }
                ErrorKind::DataConversion | ErrorKind::Other => {
                    return VaultError::new(
                        VaultErrorKind::InvalidResponse,
                        format!("sign-in to vault \"{vault}\" failed: the token service returned an invalid response"),
                    )
                    .remedy("check that a directory, and not a proxy, answers at `authority`");
                }
            }
        }
        next = error.source();
    }
    let Some((status, code, response)) = answer else {
        return rejected("no identity is available")
            .remedy("sign in with az login or azd auth login, or check the method in `auth`");
    };
    if status == 429 || status >= 500 {
        let mut error = unreachable(&format!("failed (status {status})"));
        error.retry_after = response.as_deref().and_then(retry_after);
        return error;
    }
    let (what, remedy) = describe_code(code.as_deref());
    rejected(&format!("{what} (status {status})")).remedy(remedy)
}

/// Describes the directory's codes for frequent mistakes.
fn describe_code(codes: Option<&str>) -> (&'static str, &'static str) {
    let has = |number: &str| codes.is_some_and(|codes| codes.split(',').any(|code| code == number));
    if has("7000215") {
        return ("the application's secret is wrong", "store the secret's value, not its id");
    }
    if has("7000222") {
        return (
            "the application's secret has expired",
            "create a new secret for the application, and store it",
        );
    }
    if has("700016") {
        return ("the tenant has no such application", "check `client_id` and `tenant_id`");
    }
    if has("90002") || has("900023") {
        return ("the tenant does not exist", "check `tenant_id`, and `authority` for a sovereign cloud");
    }
    if ["70021", "700211", "700212", "700213", "7002138"].into_iter().any(has) {
        return (
            "the application does not trust this service account",
            "check issuer, subject and audience of the application's federated credential",
        );
    }
    if has("700024") {
        return (
            "the service account's token has expired or is not valid yet",
            "check `token_file`, and this machine's clock",
        );
    }
    ("the identity is rejected", "check `auth`, and that the identity exists and is enabled")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(error: &Error) -> String {
        let error = describe(&"team".parse().unwrap(), error);
        let remedy = error.remedy.as_deref().unwrap_or("-");
        format!("{:?}: {error}\n  {remedy}\n", error.kind)
    }

    #[test]
    fn errors_of_the_directory_are_described_in_our_words() {
        let directory = |status: u16, code: Option<&str>| {
            let kind = ErrorKind::HttpResponse {
                status: status.into(),
                error_code: code.map(str::to_owned),
                raw_response: None,
            };
            Error::new(ErrorKind::Credential, Error::with_message(kind, "hunter2"))
        };
        let all = [
            directory(401, Some("7000215")),
            directory(401, Some("1,7000222")),
            directory(400, Some("700016")),
            directory(400, Some("90002")),
            directory(401, Some("700213")),
            directory(401, Some("700024")),
            directory(400, Some("hunter2")),
            directory(503, None),
            Error::new(ErrorKind::Credential, Error::with_message(ErrorKind::Connection, "hunter2")),
            Error::new(ErrorKind::Credential, Error::with_message(ErrorKind::DataConversion, "hunter2")),
            Error::with_message(ErrorKind::Credential, "hunter2"),
        ]
        .iter()
        .map(described)
        .collect::<String>();
        assert!(!all.contains("hunter2"), "{all}");
        insta::assert_snapshot!(all, @r#"
        SignIn: sign-in to vault "team" failed: the application's secret is wrong (status 401)
          store the secret's value, not its id
        SignIn: sign-in to vault "team" failed: the application's secret has expired (status 401)
          create a new secret for the application, and store it
        SignIn: sign-in to vault "team" failed: the tenant has no such application (status 400)
          check `client_id` and `tenant_id`
        SignIn: sign-in to vault "team" failed: the tenant does not exist (status 400)
          check `tenant_id`, and `authority` for a sovereign cloud
        SignIn: sign-in to vault "team" failed: the application does not trust this service account (status 401)
          check issuer, subject and audience of the application's federated credential
        SignIn: sign-in to vault "team" failed: the service account's token has expired or is not valid yet (status 401)
          check `token_file`, and this machine's clock
        SignIn: sign-in to vault "team" failed: the identity is rejected (status 400)
          check `auth`, and that the identity exists and is enabled
        Unavailable: vault "team" cannot be used: the token service failed (status 503)
          -
        Unavailable: vault "team" cannot be used: the token service cannot be reached
          check `authority`, and the network between this machine and it
        InvalidResponse: sign-in to vault "team" failed: the token service returned an invalid response
          check that a directory, and not a proxy, answers at `authority`
        SignIn: sign-in to vault "team" failed: no identity is available
          sign in with az login or azd auth login, or check the method in `auth`
        "#);
    }
}
