//! What the SDK's errors mean. Only codes are used, never texts, which may repeat anything.

use std::{error::Error, time::Duration};

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_secretsmanager::{
    config::http::HttpResponse,
    error::{ConnectorError, ProvideErrorMetadata, SdkError},
};
use kontraktor_model::names::VaultName;

use super::error::{VaultRegion, disabled, no_credentials, not_found, too_large, unavailable};
use crate::{
    cloud::{BodyError, find_cause, parse_retry_after, tls_cause},
    error::{VaultError, VaultErrorKind},
    plain_http::PlainHttpRefused,
};

/// What to do about credentials after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CredentialsState {
    /// They are not the cause.
    Fine,
    /// They were rejected. Their source may have newer ones: worth another try.
    Rejected,
    /// There are none. The next request looks again.
    Missing,
}

/// Returns whether credentials are the cause.
pub(super) fn credentials_state<E: ProvideErrorMetadata + Error + 'static>(
    error: &SdkError<E, HttpResponse>,
) -> CredentialsState {
    match error {
        SdkError::ServiceError(_) if error.code().is_some_and(rejects_credentials) => {
            CredentialsState::Rejected
        }
        SdkError::DispatchFailure(_) if find_cause::<CredentialsError>(error).is_some() => {
            CredentialsState::Missing
        }
        _ => CredentialsState::Fine,
    }
}

/// Describes an SDK error in the daemon's own words.
pub(super) fn describe<E: ProvideErrorMetadata + Error + 'static>(
    place: VaultRegion<'_>,
    error: &SdkError<E, HttpResponse>,
) -> VaultError {
    let VaultRegion { vault, .. } = place;
    match error {
        SdkError::ServiceError(_) | SdkError::ResponseError(_) => {
            let response = error.raw_response();
            let status = response.map_or(0, |response| response.status().as_u16());
            let mut error = describe_code(place, error.code(), status);
            if let (VaultErrorKind::Unavailable, Some(response)) = (error.kind, response) {
                error.retry_after = retry_after(response);
            }
            error
        }
        SdkError::TimeoutError(_) => unavailable(vault, "did not answer in time"),
        SdkError::DispatchFailure(failure) => {
            if let Some(cause) = find_cause::<BodyError>(error) {
                return body_error(vault, *cause);
            }
            if find_cause::<PlainHttpRefused>(error).is_some() {
                return in_the_clear(vault);
            }
            if let Some(error) = find_cause::<CredentialsError>(error) {
                return credentials_error(vault, error);
            }
            if let Some((what, remedy)) = tls_cause(error) {
                return unavailable(vault, &format!("cannot be reached over TLS: {what}")).remedy(remedy);
            }
            unavailable(
                vault,
                if failure.is_timeout() { "did not answer in time" } else { "cannot be reached" },
            )
            .remedy("check the network between this machine and AWS, and `address` and `region` of the vault")
        }
        // The SDK sends nothing where it cannot build an endpoint from region and settings.
        _ => VaultError::new(
            VaultErrorKind::InvalidResponse,
            format!("no request to vault \"{vault}\" can be built"),
        )
        .remedy("check `address` and `region` of the vault"),
    }
}

/// Describes an error code of the service, for a call or for one secret of a batch. A `status` of 0 is unknown.
pub(super) fn describe_code(place: VaultRegion<'_>, code: Option<&str>, status: u16) -> VaultError {
    let VaultRegion { vault, region } = place;
    match code.unwrap_or_default() {
        "ResourceNotFoundException" => not_found(place),
        "InvalidParameterException" | "ValidationException" => {
            VaultError::new(VaultErrorKind::NotFound, format!("vault \"{vault}\" rejects the secret's name as malformed"))
                .remedy("check the name or ARN in the reference")
        }
        "InvalidRequestException" => disabled(vault),
        "DecryptionFailure" => VaultError::new(
            VaultErrorKind::Denied,
            format!("vault \"{vault}\" cannot decrypt the secret with its KMS key"),
        )
        .remedy("enable the key, and allow the daemon's identity to use it (kms:Decrypt)"),
        "AccessDeniedException" | "AccessDenied" => VaultError::new(
            VaultErrorKind::Denied,
            format!("vault \"{vault}\" denies the daemon access to this secret in region {region}"),
        )
        .remedy(
            "allow the daemon's identity secretsmanager:GetSecretValue, and kms:Decrypt where the secret has its own \
             key",
        ),
        code if rejects_credentials(code) => sign_in(vault, code),
        code if throttles(code) || status == 429 => unavailable(vault, "throttles requests"),
        "InternalServiceError" | "InternalFailure" | "ServiceUnavailable" | "RequestTimeout"
        | "RequestTimeoutException" => unavailable(vault, "reports an internal error"),
        _ if status >= 500 || status == 408 => {
            unavailable(vault, &format!("reports an internal error (status {status})"))
        }
        _ if (300..400).contains(&status) => {
            VaultError::new(VaultErrorKind::InvalidResponse, format!("vault \"{vault}\" returned a redirect (status {status}), which is not followed"))
                .remedy("set `address` to where Secrets Manager itself answers")
        }
        _ => VaultError::new(
            VaultErrorKind::InvalidResponse,
            format!("vault \"{vault}\" returned an invalid response (status {status})"),
        )
        .remedy("check that Secrets Manager, and not a proxy, answers at the vault's address"),
    }
}

fn credentials_error(vault: &VaultName, error: &CredentialsError) -> VaultError {
    let unreachable =
        find_cause::<ConnectorError>(error).is_some_and(|error| error.is_io() || error.is_timeout());
    match error {
        CredentialsError::CredentialsNotLoaded(_) => no_credentials(vault),
        CredentialsError::ProviderTimedOut(_) => {
            unavailable(vault, "cannot be used: the source of its credentials did not answer in time")
        }
        _ if unreachable => {
            unavailable(vault, "cannot be used: the source of its credentials cannot be reached")
        }
        CredentialsError::InvalidConfiguration(_) => VaultError::new(
            VaultErrorKind::SignIn,
            format!("the credentials for vault \"{vault}\" are misconfigured"),
        )
        .remedy("check the profile: its file, its name, and what it refers to"),
        _ => VaultError::new(
            VaultErrorKind::SignIn,
            format!("no credentials for vault \"{vault}\" were issued"),
        )
        .remedy("check that the profile or the role exists, and that the daemon's identity may assume it"),
    }
}

fn sign_in(vault: &VaultName, code: &str) -> VaultError {
    let (what, remedy) = match code {
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => {
            ("they have expired", "renew them at their source; the next request reads them again")
        }
        // The SDK corrects its clock by the time in AWS's response and signs again, so the clock alone is seldom the cause.
        "InvalidSignatureException" | "SignatureDoesNotMatch" | "RequestTimeTooSkewed" => (
            "the signature is invalid",
            "check the secret access key, and this machine's clock (AWS allows 5 minutes)",
        ),
        _ => (
            "they are unknown",
            "check that the access key exists, is active, and belongs to the right account",
        ),
    };
    VaultError::new(
        VaultErrorKind::SignIn,
        format!("vault \"{vault}\" rejects the daemon's credentials: {what}"),
    )
    .remedy(remedy)
}

fn in_the_clear(vault: &VaultName) -> VaultError {
    VaultError::new(
        VaultErrorKind::SignIn,
        format!(
            "nothing was sent to vault \"{vault}\": its endpoint, or that of its credentials, is http://"
        ),
    )
    .remedy(PlainHttpRefused::REMEDY)
}

fn body_error(vault: &VaultName, error: BodyError) -> VaultError {
    match error {
        BodyError::TooLarge => too_large(vault),
        BodyError::Interrupted => VaultError::new(
            VaultErrorKind::InvalidResponse,
            format!("vault \"{vault}\" closed the connection in the middle of its response"),
        )
        .remedy("check the network between this machine and AWS"),
    }
}

fn retry_after(response: &HttpResponse) -> Option<Duration> {
    let headers = response.headers();
    let exact =
        headers.get("x-amz-retry-after").and_then(|value| value.parse().ok()).map(Duration::from_millis);
    exact.or_else(|| parse_retry_after(headers.get("retry-after")))
}

fn rejects_credentials(code: &str) -> bool {
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

    fn described(error: &VaultError) -> String {
        let remedy = error.remedy.as_deref().unwrap_or("-");
        format!("{:?}: {error}\n  {remedy}\n", error.kind)
    }

    fn service(code: &str, status: u16, headers: &[(&'static str, &'static str)]) -> VaultError {
        let metadata = ErrorMetadata::builder().code(code).message("hunter2").build();
        let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from("hunter2"));
        for (name, value) in headers {
            response.headers_mut().insert(*name, *value);
        }
        let error = SdkError::service_error(GetSecretValueError::generic(metadata), response);
        let vault = "team".parse().unwrap();
        describe(VaultRegion { vault: &vault, region: "eu-central-1" }, &error)
    }

    fn dispatch(error: ConnectorError) -> VaultError {
        let error = SdkError::<GetSecretValueError, _>::dispatch_failure(error);
        let vault = "team".parse().unwrap();
        describe(VaultRegion { vault: &vault, region: "eu-central-1" }, &error)
    }

    #[test]
    fn errors_of_the_service_are_described_in_our_words() {
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
        .map(|(code, status)| described(&service(code, status, &[])))
        .concat();
        assert!(!all.contains("hunter2"), "{all}");
        insta::assert_snapshot!(all, @r#"
        NotFound: vault "team" has no such secret in region eu-central-1
          check the name, and that the secret is in this region and account
        NotFound: vault "team" rejects the secret's name as malformed
          check the name or ARN in the reference
        Disabled: the secret is scheduled for deletion in vault "team"
          restore it (aws secretsmanager restore-secret), or use another one
        Denied: vault "team" cannot decrypt the secret with its KMS key
          enable the key, and allow the daemon's identity to use it (kms:Decrypt)
        Denied: vault "team" denies the daemon access to this secret in region eu-central-1
          allow the daemon's identity secretsmanager:GetSecretValue, and kms:Decrypt where the secret has its own key
        SignIn: vault "team" rejects the daemon's credentials: they are unknown
          check that the access key exists, is active, and belongs to the right account
        SignIn: vault "team" rejects the daemon's credentials: they have expired
          renew them at their source; the next request reads them again
        SignIn: vault "team" rejects the daemon's credentials: the signature is invalid
          check the secret access key, and this machine's clock (AWS allows 5 minutes)
        Unavailable: vault "team" throttles requests
          -
        Unavailable: vault "team" reports an internal error
          -
        Unavailable: vault "team" reports an internal error (status 503)
          -
        InvalidResponse: vault "team" returned a redirect (status 302), which is not followed
          set `address` to where Secrets Manager itself answers
        InvalidResponse: vault "team" returned an invalid response (status 400)
          check that Secrets Manager, and not a proxy, answers at the vault's address
        "#);
    }

    #[test]
    fn errors_of_the_transport_are_described_in_our_words() {
        let other = |error: CredentialsError| ConnectorError::other(error.into(), None);
        let unreachable = ConnectorError::io("hunter2".into());
        let all = [
            ConnectorError::io("hunter2".into()),
            ConnectorError::timeout("hunter2".into()),
            ConnectorError::other(BodyError::TooLarge.into(), None),
            ConnectorError::other(BodyError::Interrupted.into(), None),
            other(CredentialsError::not_loaded("hunter2")),
            other(CredentialsError::provider_timed_out(Duration::ZERO)),
            other(CredentialsError::provider_error(unreachable)),
            other(CredentialsError::provider_error("hunter2")),
            other(CredentialsError::invalid_configuration("hunter2")),
        ]
        .map(|error| described(&dispatch(error)))
        .concat();
        assert!(!all.contains("hunter2"), "{all}");
        insta::assert_snapshot!(all, @r#"
        Unavailable: vault "team" cannot be reached
          check the network between this machine and AWS, and `address` and `region` of the vault
        Unavailable: vault "team" did not answer in time
          check the network between this machine and AWS, and `address` and `region` of the vault
        TooLarge: the secret in vault "team" is larger than the limit of 16777216 bytes
          -
        InvalidResponse: vault "team" closed the connection in the middle of its response
          check the network between this machine and AWS
        SignIn: no credentials for vault "team" were found
          check the profile in `auth`; without one, give the daemon an identity (instance, container, web identity) or keys in its environment
        Unavailable: vault "team" cannot be used: the source of its credentials did not answer in time
          -
        Unavailable: vault "team" cannot be used: the source of its credentials cannot be reached
          -
        SignIn: no credentials for vault "team" were issued
          check that the profile or the role exists, and that the daemon's identity may assume it
        SignIn: the credentials for vault "team" are misconfigured
          check the profile: its file, its name, and what it refers to
        "#);
    }

    #[test]
    fn retry_after_is_respected() {
        let wait = |code, headers: &[_]| service(code, 400, headers).retry_after;
        assert_eq!(wait("ThrottlingException", &[("retry-after", "7")]), Some(Duration::from_secs(7)));
        let both = [("retry-after", "7"), ("x-amz-retry-after", "40")];
        assert_eq!(wait("ThrottlingException", &both), Some(Duration::from_millis(40)));
        assert_eq!(wait("ThrottlingException", &[]), None);
        assert_eq!(wait("AccessDeniedException", &[("retry-after", "7")]), None);
    }
}
