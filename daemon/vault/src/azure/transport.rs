//! HTTP for the SDK: with private authorities, without redirects, and with a limit on response bodies.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use azure_core::{
    Error,
    error::ErrorKind,
    http::{
        AsyncRawResponse, HttpClient, Request, RetryOptions, StatusCode, Transport,
        headers::CONTENT_LENGTH,
        policies::{RetryHeaders, RetryPolicy},
    },
};
use futures_util::StreamExt as _;
use reqwest::{Certificate, Client, redirect};

use crate::{
    cloud::{Authorities, BodyError, ResponseBody},
    plain_http::PlainHttp,
};

/// The timeout of connecting. The deadline of the response is the caller's.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Makes a transport that trusts the system's authorities and these.
///
/// # Errors
/// Where the system has no authorities, or TLS cannot be set up.
pub(super) fn transport(authorities: Option<&Authorities>) -> Result<Transport, String> {
    let mut builder = Client::builder()
        .redirect(redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        // The environment's proxy would receive the requests for this machine's identity, too.
        .no_proxy();
    if let Some(authorities) = authorities {
        let certificates = Certificate::from_pem_bundle(authorities.pem())
            .map_err(|_| "`ca_file` has an invalid certificate".to_owned())?;
        builder = builder.tls_certs_merge(certificates);
    }
    let client = builder.build().map_err(|_| {
        "TLS cannot be set up; check that the system has certificates of authorities (package ca-certificates)"
            .to_owned()
    })?;
    Ok(Transport::new(Arc::new(Bounded(client))))
}

#[derive(Debug)]
struct Bounded(Client);

#[async_trait]
impl HttpClient for Bounded {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        // The environment may name the service that identifies this machine.
        PlainHttp::OnLoopback
            .check_request(request.url())
            .map_err(|refused| Error::new(ErrorKind::Other, refused))?;
        let (status, headers, mut body) = self.0.execute_request(request).await?.deconstruct();
        let length = headers.get_optional_str(&CONTENT_LENGTH).and_then(|length| length.parse().ok());
        let mut received = ResponseBody::with_length(length).map_err(sdk_error)?;
        while let Some(part) = body.next().await {
            received.push(part.map_err(|_| sdk_error(BodyError::Interrupted))?).map_err(sdk_error)?;
        }
        Ok(AsyncRawResponse::from_bytes(status, headers, received.finish()))
    }
}

fn sdk_error(cause: BodyError) -> Error {
    // The policy below retries after this kind of error, and after no other.
    let kind = if cause == BodyError::Interrupted { ErrorKind::Io } else { ErrorKind::Other };
    Error::new(kind, cause)
}

/// When the SDK retries: not where the service asks to wait, which the caller must learn, and never for long, because the
/// caller retries too.
#[derive(Debug)]
struct Retries;

/// The number of retries after the first request.
const RETRIES: u32 = 2;

pub(super) fn retries() -> RetryOptions {
    RetryOptions::custom(Arc::new(Retries))
}

impl RetryPolicy for Retries {
    fn is_expired(&self, _: azure_core::time::Duration, retries: u32) -> bool {
        retries >= RETRIES
    }

    fn retry_headers(&self) -> Option<&RetryHeaders> {
        None
    }

    fn retry_status_codes(&self) -> &[StatusCode] {
        &[
            StatusCode::RequestTimeout,
            StatusCode::InternalServerError,
            StatusCode::BadGateway,
            StatusCode::GatewayTimeout,
        ]
    }

    fn sleep_duration(&self, retries: u32) -> azure_core::time::Duration {
        azure_core::time::Duration::milliseconds(100) * retries
    }
}
