//! HTTP for the SDK: with the operator's authorities, without redirects, and with a limit to what is read of an answer.

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

use crate::cloud::{Answer, Authorities, Unread};

/// Until a connection stands. How long an answer may take is the caller's matter.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A transport that trusts the system's authorities and these.
///
/// # Errors
/// For people: where the system has no authorities, or TLS cannot be set up.
pub(super) fn transport(authorities: Option<&Authorities>) -> Result<Transport, String> {
    let mut builder = Client::builder()
        .redirect(redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        // The environment's proxy would be asked for this machine's identity, too.
        .no_proxy();
    if let Some(authorities) = authorities {
        let certificates = Certificate::from_pem_bundle(authorities.pem())
            .map_err(|_| "ca_file: it has a certificate that cannot be understood".to_owned())?;
        builder = builder.tls_certs_merge(certificates);
    }
    let client = builder.build().map_err(|_| {
        "TLS cannot be set up: look whether the system has certificates of authorities (package ca-certificates)"
            .to_owned()
    })?;
    Ok(Transport::new(Arc::new(Bounded(client))))
}

#[derive(Debug)]
struct Bounded(Client);

#[async_trait]
impl HttpClient for Bounded {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let (status, headers, mut body) = self.0.execute_request(request).await?.deconstruct();
        let length = headers.get_optional_str(&CONTENT_LENGTH).and_then(|length| length.parse().ok());
        let mut answer = Answer::expect(length).map_err(unread)?;
        while let Some(part) = body.next().await {
            answer.push(part.map_err(|_| unread(Unread::BrokenOff))?).map_err(unread)?;
        }
        Ok(AsyncRawResponse::from_bytes(status, headers, answer.finish()))
    }
}

fn unread(why: Unread) -> Error {
    // The policy below tries again after this kind of error, and after no other.
    let kind = if why == Unread::BrokenOff { ErrorKind::Io } else { ErrorKind::Other };
    Error::new(kind, why)
}

/// How often the SDK tries by itself: not when it is told to wait, because that is for the caller to know, and never
/// for long, because the caller tries again by itself.
#[derive(Debug)]
struct Retries;

/// Beside the first try.
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
