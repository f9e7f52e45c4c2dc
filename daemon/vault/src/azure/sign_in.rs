//! Why no token is given: by the directory, by the machine's identity service, or by a developer's tool. Only numbers are
//! looked at, and none of the texts goes on.

use azure_core::{Error, error::ErrorKind};
use kontraktor_model::names::VaultName;

use super::faults::{retry_after, unavailable};
use crate::{Fault, VaultError, cloud::of_tls};

/// No token: the directory (or the machine's identity service) refused, or could not be asked.
pub(super) fn explain(vault: &VaultName, error: &Error) -> VaultError {
    let refused = |what: &str| {
        VaultError::new(Fault::SignIn, format!("no token for vault \"{vault}\" is given: {what}"))
    };
    let unasked =
        |what: &str| unavailable(vault, &format!("cannot be asked: the service that gives tokens {what}"));
    let mut answered = None;
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(inner) = error.downcast_ref::<Error>() {
            match inner.kind() {
                ErrorKind::Credential => {}
                ErrorKind::HttpResponse { status, error_code, raw_response } => {
                    answered = Some((u16::from(*status), error_code.clone(), raw_response.clone()));
                    break;
                }
                ErrorKind::Connection | ErrorKind::Io => {
                    return match of_tls(inner) {
                        Some((what, remedy)) => {
                            unasked(&format!("cannot be reached securely: {what}")).remedy(remedy)
                        }
                        None => unasked("cannot be reached").remedy("check authority, and the network to it"),
                    };
                }
                ErrorKind::DataConversion | ErrorKind::Other => {
                    return VaultError::new(
                        Fault::Answer,
                        format!("no token for vault \"{vault}\" is given: the answer to the sign-in cannot be understood"),
                    )
                    .remedy("check authority: that a directory answers there, and no proxy in its place");
                }
            }
        }
        next = error.source();
    }
    let Some((status, code, response)) = answered else {
        return refused("no identity can be used")
            .remedy("sign in with az login or azd auth login, or check the method in auth");
    };
    if status == 429 || status >= 500 {
        let mut told = unasked(&format!("fails (status {status})"));
        told.retry_after = response.as_deref().and_then(retry_after);
        return told;
    }
    let (what, remedy) = of_directory(code.as_deref());
    refused(&format!("{what} (status {status})")).remedy(remedy)
}

/// The directory's numbers for what people get wrong.
fn of_directory(codes: Option<&str>) -> (&'static str, &'static str) {
    let has = |number: &str| codes.is_some_and(|codes| codes.split(',').any(|code| code == number));
    if has("7000215") {
        return ("the application's secret is wrong", "store the secret's value, which is not its id");
    }
    if has("7000222") {
        return (
            "the application's secret has expired",
            "make a new secret for the application and store it",
        );
    }
    if has("700016") {
        return ("the tenant has no such application", "check client_id and tenant_id");
    }
    if has("90002") || has("900023") {
        return ("there is no such tenant", "check tenant_id, and authority for a sovereign cloud");
    }
    if ["70021", "700211", "700212", "700213", "7002138"].into_iter().any(has) {
        return (
            "the application does not trust this service account",
            "check issuer, subject and audience of the application's federated credential",
        );
    }
    if has("700024") {
        return (
            "the service account's token is not valid now",
            "check token_file, and this machine's clock",
        );
    }
    ("the identity is refused", "check the settings in auth, and that the identity exists and is enabled")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(error: &Error) -> String {
        let error = explain(&"team".parse().unwrap(), error);
        let remedy = if error.remedy.is_empty() { "-" } else { &error.remedy };
        format!("{:?}: {error}\n  {remedy}\n", error.fault)
    }

    #[test]
    fn what_the_directory_says_is_told_in_our_words() {
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
        .map(told)
        .collect::<String>();
        assert!(!all.contains("hunter2"), "{all}");
        insta::assert_snapshot!(all, @r#"
        SignIn: no token for vault "team" is given: the application's secret is wrong (status 401)
          store the secret's value, which is not its id
        SignIn: no token for vault "team" is given: the application's secret has expired (status 401)
          make a new secret for the application and store it
        SignIn: no token for vault "team" is given: the tenant has no such application (status 400)
          check client_id and tenant_id
        SignIn: no token for vault "team" is given: there is no such tenant (status 400)
          check tenant_id, and authority for a sovereign cloud
        SignIn: no token for vault "team" is given: the application does not trust this service account (status 401)
          check issuer, subject and audience of the application's federated credential
        SignIn: no token for vault "team" is given: the service account's token is not valid now (status 401)
          check token_file, and this machine's clock
        SignIn: no token for vault "team" is given: the identity is refused (status 400)
          check the settings in auth, and that the identity exists and is enabled
        Unavailable: vault "team" cannot be asked: the service that gives tokens fails (status 503)
          -
        Unavailable: vault "team" cannot be asked: the service that gives tokens cannot be reached
          check authority, and the network to it
        Answer: no token for vault "team" is given: the answer to the sign-in cannot be understood
          check authority: that a directory answers there, and no proxy in its place
        SignIn: no token for vault "team" is given: no identity can be used
          sign in with az login or azd auth login, or check the method in auth
        "#);
    }
}
