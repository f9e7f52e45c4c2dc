//! What the SDK's errors mean. Only codes are looked at, and none of the texts goes on: they may repeat anything.

use std::{error::Error, time::Duration};

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_secretsmanager::{
    config::http::HttpResponse,
    error::{ConnectorError, ProvideErrorMetadata, SdkError},
};
use kontraktor_model::{limits::MAX_SECRET_BYTES, names::VaultName};

use crate::{
    Fault, VaultError,
    cloud::{Unread, find, of_tls, parse_retry_after},
};

/// Of which vault the errors speak.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) vault: &'a VaultName,
    pub(super) region: &'a str,
}

/// What to do about credentials after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Credentials {
    /// They are not the trouble.
    Fine,
    /// They were refused. They may have been replaced where they come from: worth another try with new ones.
    Refused,
    /// There are none. Whoever asks next looks again.
    Missing,
}

/// Whether credentials are the trouble.
pub(super) fn credentials<E: ProvideErrorMetadata + Error + 'static>(
    error: &SdkError<E, HttpResponse>,
) -> Credentials {
    match error {
        SdkError::ServiceError(_) if error.code().is_some_and(refuses_credentials) => Credentials::Refused,
        SdkError::DispatchFailure(_) if find::<CredentialsError>(error).is_some() => Credentials::Missing,
        _ => Credentials::Fine,
    }
}

/// The error in our own words.
pub(super) fn explain<E: ProvideErrorMetadata + Error + 'static>(
    place: Place<'_>,
    error: &SdkError<E, HttpResponse>,
) -> VaultError {
    let Place { vault, .. } = place;
    match error {
        SdkError::ServiceError(_) | SdkError::ResponseError(_) => {
            let response = error.raw_response();
            let status = response.map_or(0, |response| response.status().as_u16());
            let mut told = by_code(place, error.code(), status);
            if let (Fault::Unavailable, Some(response)) = (told.fault, response) {
                told.retry_after = retry_after(response);
            }
            told
        }
        SdkError::TimeoutError(_) => unavailable(vault, "does not answer in time"),
        SdkError::DispatchFailure(failure) => {
            if let Some(unread) = find::<Unread>(error) {
                return self::unread(vault, *unread);
            }
            if let Some(error) = find::<CredentialsError>(error) {
                return credentials_error(vault, error);
            }
            if let Some((what, remedy)) = of_tls(error) {
                return unavailable(vault, &format!("cannot be reached securely: {what}")).remedy(remedy);
            }
            unavailable(
                vault,
                if failure.is_timeout() { "does not answer in time" } else { "cannot be reached" },
            )
            .remedy("check the network between this machine and AWS, and address and region of the vault")
        }
        // What the SDK does not even send: an endpoint that cannot be formed from region and settings.
        _ => VaultError::new(Fault::Answer, format!("no request to vault \"{vault}\" can be formed"))
            .remedy("check address and region of the vault"),
    }
}

/// What a code means that the service gave, for a call or for one secret of a batch. A `status` of 0: unknown.
pub(super) fn by_code(place: Place<'_>, code: Option<&str>, status: u16) -> VaultError {
    let Place { vault, region } = place;
    match code.unwrap_or_default() {
        "ResourceNotFoundException" => not_found(place),
        "InvalidParameterException" | "ValidationException" => {
            VaultError::new(Fault::NotFound, format!("vault \"{vault}\" says that the secret's name is malformed"))
                .remedy("check the name or ARN in the reference")
        }
        "InvalidRequestException" => disabled(vault),
        "DecryptionFailure" => VaultError::new(
            Fault::Denied,
            format!("vault \"{vault}\" cannot decrypt the secret with its KMS key"),
        )
        .remedy("see that the key is enabled, and let the daemon's identity use it (kms:Decrypt)"),
        "AccessDeniedException" | "AccessDenied" => VaultError::new(
            Fault::Denied,
            format!("vault \"{vault}\" does not let the daemon read this secret in region {region}"),
        )
        .remedy(
            "allow the daemon's identity secretsmanager:GetSecretValue, and kms:Decrypt where the secret has a key \
             of its own",
        ),
        code if refuses_credentials(code) => sign_in(vault, code),
        code if throttles(code) || status == 429 => unavailable(vault, "throttles: too many requests"),
        "InternalServiceError" | "InternalFailure" | "ServiceUnavailable" | "RequestTimeout"
        | "RequestTimeoutException" => unavailable(vault, "has an error of its own"),
        _ if status >= 500 || status == 408 => {
            unavailable(vault, &format!("has an error of its own (status {status})"))
        }
        _ if (300..400).contains(&status) => {
            VaultError::new(Fault::Answer, format!("vault \"{vault}\" redirects (status {status}), which is not followed"))
                .remedy("set address to where Secrets Manager itself answers")
        }
        _ => VaultError::new(
            Fault::Answer,
            format!("vault \"{vault}\" gives an answer that cannot be understood (status {status})"),
        )
        .remedy("check that Secrets Manager answers at the vault's address, and no proxy in its place"),
    }
}

/// There is no such secret, or it has no value yet.
pub(super) fn not_found(Place { vault, region }: Place<'_>) -> VaultError {
    VaultError::new(Fault::NotFound, format!("vault \"{vault}\" has no such secret in region {region}"))
        .remedy("check the name, and that the secret is in this region and account")
}

/// The secret is there, the version is not.
pub(super) fn version_gone(vault: &VaultName) -> VaultError {
    VaultError::new(
        Fault::VersionGone,
        format!("vault \"{vault}\" has the secret, but not this version of it"),
    )
    .remedy("see which versions and stages there are: aws secretsmanager list-secret-version-ids")
}

/// The secret cannot be read for now.
pub(super) fn disabled(vault: &VaultName) -> VaultError {
    VaultError::new(Fault::Disabled, format!("vault \"{vault}\" has the secret scheduled for deletion"))
        .remedy("restore it (aws secretsmanager restore-secret), or refer to another one")
}

/// Larger than anything that is handed on.
pub(super) fn too_large(vault: &VaultName) -> VaultError {
    VaultError::new(
        Fault::TooLarge,
        format!("vault \"{vault}\" gives more than the {MAX_SECRET_BYTES} bytes that a secret may have"),
    )
}

/// An answer without what it must have.
pub(super) fn incomplete(vault: &VaultName) -> VaultError {
    VaultError::new(Fault::Answer, format!("vault \"{vault}\" gives an answer without a value"))
        .remedy("check that Secrets Manager answers at the vault's address")
}

/// None of the places has credentials.
pub(super) fn no_credentials(vault: &VaultName) -> VaultError {
    VaultError::new(Fault::SignIn, format!("no credentials for vault \"{vault}\" are found")).remedy(
        "check the profile that auth names; without one, give the daemon an identity (instance, container, web \
         identity) or keys in its environment",
    )
}

fn credentials_error(vault: &VaultName, error: &CredentialsError) -> VaultError {
    let unreachable = find::<ConnectorError>(error).is_some_and(|error| error.is_io() || error.is_timeout());
    match error {
        CredentialsError::CredentialsNotLoaded(_) => no_credentials(vault),
        CredentialsError::ProviderTimedOut(_) => {
            unavailable(vault, "cannot be asked: where its credentials come from does not answer in time")
        }
        _ if unreachable => {
            unavailable(vault, "cannot be asked: where its credentials come from cannot be reached")
        }
        CredentialsError::InvalidConfiguration(_) => VaultError::new(
            Fault::SignIn,
            format!("the credentials for vault \"{vault}\" are not configured in a way that can be used"),
        )
        .remedy("check the profile: its file, its name, and what it refers to"),
        _ => VaultError::new(Fault::SignIn, format!("no credentials for vault \"{vault}\" are given"))
            .remedy(
                "check the profile or the role: that it exists, and that the daemon's identity may assume it",
            ),
    }
}

fn sign_in(vault: &VaultName, code: &str) -> VaultError {
    let (what, remedy) = match code {
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => (
            "the credentials have expired",
            "renew them where they come from; they are read again with the next request",
        ),
        // The SDK signs again by the time in AWS's answer when its clock is off, so this is seldom the clock alone.
        "InvalidSignatureException" | "SignatureDoesNotMatch" | "RequestTimeTooSkewed" => (
            "the signature made with the credentials is not accepted",
            "check the secret access key, and this machine's clock (AWS allows 5 minutes)",
        ),
        _ => (
            "it does not know the credentials",
            "check the access key: that it exists, is active, and is of the right account",
        ),
    };
    VaultError::new(Fault::SignIn, format!("vault \"{vault}\" refuses the daemon's sign-in: {what}"))
        .remedy(remedy)
}

fn unread(vault: &VaultName, unread: Unread) -> VaultError {
    match unread {
        Unread::TooLarge => too_large(vault),
        Unread::BrokenOff => VaultError::new(
            Fault::Answer,
            format!("vault \"{vault}\" breaks off in the middle of its answer"),
        )
        .remedy("check the network between this machine and AWS"),
    }
}

fn unavailable(vault: &VaultName, what: &str) -> VaultError {
    VaultError::new(Fault::Unavailable, format!("vault \"{vault}\" {what}"))
}

fn retry_after(response: &HttpResponse) -> Option<Duration> {
    let headers = response.headers();
    let exact =
        headers.get("x-amz-retry-after").and_then(|value| value.parse().ok()).map(Duration::from_millis);
    exact.or_else(|| parse_retry_after(headers.get("retry-after")))
}

fn refuses_credentials(code: &str) -> bool {
    matches!(
        code,
        "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "InvalidAccessKeyId"
            | "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "IncompleteSignature"
            | "IncompleteSignatureException"
            | "MissingAuthenticationToken"
            | "MissingAuthenticationTokenException"
            | "InvalidTokenException"
            | "ExpiredToken"
            | "ExpiredTokenException"
            | "RequestExpired"
            | "RequestTimeTooSkewed"
            | "AuthFailure"
            | "NotAuthorized"
            | "OptInRequired"
    )
}

fn throttles(code: &str) -> bool {
    matches!(
        code,
        "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "TooManyRequestsException"
            | "RequestLimitExceeded"
            | "LimitExceededException"
            | "SlowDown"
    )
}

#[cfg(test)]
mod tests {
    use aws_sdk_secretsmanager::{error::ErrorMetadata, operation::get_secret_value::GetSecretValueError};
    use aws_smithy_types::body::SdkBody;

    use super::*;

    fn told(error: &VaultError) -> String {
        let remedy = if error.remedy.is_empty() { "-" } else { &error.remedy };
        format!("{:?}: {error}\n  {remedy}\n", error.fault)
    }

    fn service(code: &str, status: u16, headers: &[(&'static str, &'static str)]) -> VaultError {
        let metadata = ErrorMetadata::builder().code(code).message("hunter2").build();
        let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from("hunter2"));
        for (name, value) in headers {
            response.headers_mut().insert(*name, *value);
        }
        let error = SdkError::service_error(GetSecretValueError::generic(metadata), response);
        let vault = "team".parse().unwrap();
        explain(Place { vault: &vault, region: "eu-central-1" }, &error)
    }

    fn dispatch(error: ConnectorError) -> VaultError {
        let error = SdkError::<GetSecretValueError, _>::dispatch_failure(error);
        let vault = "team".parse().unwrap();
        explain(Place { vault: &vault, region: "eu-central-1" }, &error)
    }

    #[test]
    fn what_the_service_says_is_told_in_our_words() {
        let all = [
            ("ResourceNotFoundException", 400),
            ("InvalidParameterException", 400),
            ("InvalidRequestException", 400),
            ("DecryptionFailure", 400),
            ("AccessDeniedException", 400),
            ("UnrecognizedClientException", 400),
            ("ExpiredTokenException", 400),
            ("InvalidSignatureException", 400),
            ("ThrottlingException", 400),
            ("InternalServiceError", 500),
            ("hunter2", 503),
            ("hunter2", 302),
            ("hunter2", 400),
        ]
        .map(|(code, status)| told(&service(code, status, &[])))
        .concat();
        assert!(!all.contains("hunter2"), "{all}");
        insta::assert_snapshot!(all, @r#"
        NotFound: vault "team" has no such secret in region eu-central-1
          check the name, and that the secret is in this region and account
        NotFound: vault "team" says that the secret's name is malformed
          check the name or ARN in the reference
        Disabled: vault "team" has the secret scheduled for deletion
          restore it (aws secretsmanager restore-secret), or refer to another one
        Denied: vault "team" cannot decrypt the secret with its KMS key
          see that the key is enabled, and let the daemon's identity use it (kms:Decrypt)
        Denied: vault "team" does not let the daemon read this secret in region eu-central-1
          allow the daemon's identity secretsmanager:GetSecretValue, and kms:Decrypt where the secret has a key of its own
        SignIn: vault "team" refuses the daemon's sign-in: it does not know the credentials
          check the access key: that it exists, is active, and is of the right account
        SignIn: vault "team" refuses the daemon's sign-in: the credentials have expired
          renew them where they come from; they are read again with the next request
        SignIn: vault "team" refuses the daemon's sign-in: the signature made with the credentials is not accepted
          check the secret access key, and this machine's clock (AWS allows 5 minutes)
        Unavailable: vault "team" throttles: too many requests
          -
        Unavailable: vault "team" has an error of its own
          -
        Unavailable: vault "team" has an error of its own (status 503)
          -
        Answer: vault "team" redirects (status 302), which is not followed
          set address to where Secrets Manager itself answers
        Answer: vault "team" gives an answer that cannot be understood (status 400)
          check that Secrets Manager answers at the vault's address, and no proxy in its place
        "#);
    }

    #[test]
    fn what_hinders_a_request_is_told_in_our_words() {
        let other = |error: CredentialsError| ConnectorError::other(error.into(), None);
        let unreachable = ConnectorError::io("hunter2".into());
        let all = [
            ConnectorError::io("hunter2".into()),
            ConnectorError::timeout("hunter2".into()),
            ConnectorError::other(Unread::TooLarge.into(), None),
            ConnectorError::other(Unread::BrokenOff.into(), None),
            other(CredentialsError::not_loaded("hunter2")),
            other(CredentialsError::provider_timed_out(Duration::ZERO)),
            other(CredentialsError::provider_error(unreachable)),
            other(CredentialsError::provider_error("hunter2")),
            other(CredentialsError::invalid_configuration("hunter2")),
        ]
        .map(|error| told(&dispatch(error)))
        .concat();
        assert!(!all.contains("hunter2"), "{all}");
        insta::assert_snapshot!(all, @r#"
        Unavailable: vault "team" cannot be reached
          check the network between this machine and AWS, and address and region of the vault
        Unavailable: vault "team" does not answer in time
          check the network between this machine and AWS, and address and region of the vault
        TooLarge: vault "team" gives more than the 16777216 bytes that a secret may have
          -
        Answer: vault "team" breaks off in the middle of its answer
          check the network between this machine and AWS
        SignIn: no credentials for vault "team" are found
          check the profile that auth names; without one, give the daemon an identity (instance, container, web identity) or keys in its environment
        Unavailable: vault "team" cannot be asked: where its credentials come from does not answer in time
          -
        Unavailable: vault "team" cannot be asked: where its credentials come from cannot be reached
          -
        SignIn: no credentials for vault "team" are given
          check the profile or the role: that it exists, and that the daemon's identity may assume it
        SignIn: the credentials for vault "team" are not configured in a way that can be used
          check the profile: its file, its name, and what it refers to
        "#);
    }

    #[test]
    fn a_vault_that_says_when_to_come_again_is_heard() {
        let wait = |code, headers: &[_]| service(code, 400, headers).retry_after;
        assert_eq!(wait("ThrottlingException", &[("retry-after", "7")]), Some(Duration::from_secs(7)));
        let both = [("retry-after", "7"), ("x-amz-retry-after", "40")];
        assert_eq!(wait("ThrottlingException", &both), Some(Duration::from_millis(40)));
        assert_eq!(wait("ThrottlingException", &[]), None);
        assert_eq!(wait("AccessDeniedException", &[("retry-after", "7")]), None);
    }
}
