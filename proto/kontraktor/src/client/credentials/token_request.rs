//! One request to a token endpoint (RFC 6749 §4.4, client credentials). It follows no redirects, which would receive the secret.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Request, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT},
};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::{body::Incoming, client::conn::http1};
use serde::Deserialize;
use zeroize::{Zeroize, Zeroizing};

use super::{
    ClientCredentials,
    access_token::{AccessToken, TokenError, bearer},
    is_token,
};
use crate::client::connect::{Connection, Retryability, Target, tls_failure};

/// The longest response that is read, in bytes.
const MAX_RESPONSE_BYTES: usize = 256 * 1024;

/// The longest time that an endpoint can ask to wait.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(10);

/// The longest code of an error that is repeated: those of RFC 6749 §5.2 are shorter.
const MAX_CODE_CHARS: usize = 64;

pub(super) struct TokenEndpoint {
    pub(super) target: Arc<Target>,
    /// Sent as the header `host`.
    pub(super) authority: String,
    pub(super) path: String,
    pub(super) user_agent: String,
    pub(super) credentials: ClientCredentials,
    /// How long a call may take.
    pub(super) timeout: Duration,
}

/// RFC 6749 §5.1.
#[derive(Deserialize)]
struct TokenResponse {
    access_token: String,
    #[serde(default)]
    token_type: String,
    expires_in: Option<u64>,
}

impl Drop for TokenResponse {
    fn drop(&mut self) {
        self.access_token.zeroize();
    }
}

/// RFC 6749 §5.2. The description is not used: it may repeat what the endpoint was sent.
#[derive(Deserialize)]
struct ErrorResponse {
    error: String,
}

impl TokenEndpoint {
    /// Asks for a token, once. `url` is for errors.
    pub(super) async fn request(&self, url: &str) -> Result<AccessToken, TokenError> {
        let connection = self
            .target
            .connect_http1(self.timeout)
            .await
            .map_err(|error| TokenError::unreachable(url, error))?;
        let (status, headers, body) = self.exchange(connection, url).await?;
        match status {
            StatusCode::OK => parse(&body).map_err(|reason| incompatible(url, reason)),
            status => Err(refusal(url, status, &headers, &body)),
        }
    }

    async fn exchange(
        &self,
        connection: Connection,
        url: &str,
    ) -> Result<(StatusCode, HeaderMap, Zeroizing<Vec<u8>>), TokenError> {
        let failed = |error: hyper::Error| match &*self.target {
            Target::Network { server, tls } => {
                TokenError::unreachable(url, tls_failure(&error, server, tls.as_deref()))
            }
            Target::Unix { .. } => error_of(url, Retryability::Soon, "the connection was closed", CHECK_LOG),
        };
        let (mut sender, connection) =
            http1::handshake::<_, Full<Bytes>>(connection).await.map_err(failed)?;
        let exchange = async {
            let response = sender.send_request(self.build(url)?).await.map_err(failed)?;
            let (parts, body) = response.into_parts();
            Ok((parts.status, parts.headers, read(body, url).await?))
        };
        // The connection is driven until the response is complete, and then dropped.
        tokio::pin!(exchange, connection);
        let mut open = true;
        loop {
            tokio::select! {
                biased;
                result = &mut exchange => return result,
                ended = &mut connection, if open => match ended {
                    // The response may be complete.
                    Ok(()) => open = false,
                    Err(error) => return Err(failed(error)),
                },
            }
        }
    }

    fn build(&self, url: &str) -> Result<Request<Full<Bytes>>, TokenError> {
        let invalid = || {
            error_of(
                url,
                Retryability::Never,
                "the request would contain characters that no header may",
                "correct client_id, client_secret or token_url",
            )
        };
        let mut request = Request::post(&self.path)
            .header(HOST, &self.authority)
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(USER_AGENT, &self.user_agent)
            .body(Full::from("grant_type=client_credentials"))
            .map_err(|_| invalid())?;
        request.headers_mut().insert(AUTHORIZATION, self.basic().ok_or_else(invalid)?);
        Ok(request)
    }

    /// Returns id and secret as RFC 6749 §2.3.1 writes them: encoded as in a form, and then as of RFC 7617.
    fn basic(&self) -> Option<HeaderValue> {
        let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let secret = Zeroizing::new(encode(self.credentials.secret()));
        let pair = Zeroizing::new(format!("{}:{}", encode(&self.credentials.id), *secret));
        let text = Zeroizing::new(format!("Basic {}", BASE64_STANDARD.encode(pair.as_bytes())));
        let mut header = HeaderValue::from_str(&text).ok()?;
        header.set_sensitive(true);
        Some(header)
    }
}

const CHECK_LOG: &str = "try again, or check the log of the token endpoint";

async fn read(body: Incoming, url: &str) -> Result<Zeroizing<Vec<u8>>, TokenError> {
    match Limited::new(body, MAX_RESPONSE_BYTES).collect().await {
        Ok(body) => Ok(Zeroizing::new(body.to_bytes().to_vec())),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(incompatible(url, "its response is longer than any that holds a token"))
        }
        Err(_) => Err(error_of(url, Retryability::Soon, "its response was interrupted", CHECK_LOG)),
    }
}

/// Parses a response that holds a token.
///
/// # Errors
/// What is wrong with it.
fn parse(body: &[u8]) -> Result<AccessToken, &'static str> {
    let response: TokenResponse =
        serde_json::from_slice(body).map_err(|_| "its response is not the JSON object of RFC 6749 §5.1")?;
    if !response.token_type.eq_ignore_ascii_case("bearer") {
        return Err("the token that it returned is not of the type Bearer");
    }
    let header = Some(&*response.access_token)
        .filter(|token| is_token(token))
        .and_then(bearer)
        .ok_or("the token that it returned contains characters that are not allowed in a header")?;
    Ok(AccessToken { header, lifetime: response.expires_in.map(Duration::from_secs) })
}

fn refusal(url: &str, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> TokenError {
    let code =
        serde_json::from_slice::<ErrorResponse>(body).ok().map(|response| response.error).filter(|code| {
            code.len() <= MAX_CODE_CHARS && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        });
    let status_text = format!("it responded with HTTP status {}", status.as_u16());
    let check_url = "check host, or token_url";
    match (status, code.as_deref()) {
        (_, Some("invalid_client")) | (StatusCode::UNAUTHORIZED, _) => error_of(
            url,
            Retryability::Never,
            "it rejected client_id and client_secret",
            "check both, and that the secret has not expired: `ktr service-account show NAME`",
        ),
        (StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE, _) => TokenError {
            retry_after: retry_after(headers),
            ..error_of(url, Retryability::Soon, status_text, CHECK_LOG)
        },
        (status, _) if status.is_server_error() => {
            error_of(url, Retryability::AfterRestart, status_text, CHECK_LOG)
        }
        (status, _) if status.is_redirection() => error_of(
            url,
            Retryability::Never,
            format!("{status_text}, a redirect, which is not followed"),
            "set token_url to the address that it leads to",
        ),
        (_, Some(code)) => {
            error_of(url, Retryability::Never, format!("it refused with the error {code}"), CHECK_LOG)
        }
        (_, None) => error_of(url, Retryability::Never, status_text, check_url),
    }
}

/// Returns what a `Retry-After` header asks for, in seconds. A date would need a clock to compare with.
fn retry_after(headers: &HeaderMap) -> Duration {
    let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    seconds.map(Duration::from_secs).unwrap_or_default().min(MAX_RETRY_AFTER)
}

fn incompatible(url: &str, reason: &str) -> TokenError {
    error_of(url, Retryability::Never, reason, "check that token_url is a token endpoint of OAuth 2")
}

fn error_of(url: &str, retryability: Retryability, reason: impl Into<String>, remedy: &str) -> TokenError {
    TokenError {
        url: url.to_owned(),
        retryability,
        retry_after: Duration::ZERO,
        reason: reason.into(),
        remedy: remedy.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_with_a_token_is_parsed() {
        let token =
            parse(br#"{"access_token":"abc.def","token_type":"bearer","expires_in":900,"scope":"x"}"#);
        let token = token.expect("a good response");
        assert_eq!(
            (token.header.to_str().ok(), token.lifetime),
            (Some("Bearer abc.def"), Some(Duration::from_mins(15)))
        );
        assert!(token.header.is_sensitive());
        for bad in [
            "hunter2",
            r#"{"access_token":"hunter2","token_type":"mac"}"#,
            r#"{"access_token":"hunter2\n","token_type":"Bearer"}"#,
            r#"{"access_token":"","token_type":"Bearer"}"#,
            r#"{"token_type":"Bearer"}"#,
        ] {
            let error = parse(bad.as_bytes()).err().expect("an invalid response");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn refusals_are_distinguished_and_repeat_no_text() {
        let refused = |status: u16, body: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_static("7"));
            let status = StatusCode::from_u16(status).expect("a status");
            let error = refusal("https://h/t", status, &headers, body.as_bytes());
            format!("{:?} {:?}: {}; {}", error.retryability, error.retry_after, error.reason, error.remedy)
        };
        let all = [
            refused(401, ""),
            refused(400, r#"{"error":"invalid_client","error_description":"hunter2"}"#),
            refused(400, r#"{"error":"invalid_scope","error_description":"hunter2"}"#),
            refused(400, r#"{"error":"hunter2"}"#),
            refused(429, ""),
            refused(302, ""),
            refused(502, "<html>hunter2"),
        ]
        .join("\n");
        assert!(!all.contains("hunter2"), "{all}");
        insta::assert_snapshot!(all, @"
        Never 0ns: it rejected client_id and client_secret; check both, and that the secret has not expired: `ktr service-account show NAME`
        Never 0ns: it rejected client_id and client_secret; check both, and that the secret has not expired: `ktr service-account show NAME`
        Never 0ns: it refused with the error invalid_scope; try again, or check the log of the token endpoint
        Never 0ns: it responded with HTTP status 400; check host, or token_url
        Soon 7s: it responded with HTTP status 429; try again, or check the log of the token endpoint
        Never 0ns: it responded with HTTP status 302, a redirect, which is not followed; set token_url to the address that it leads to
        AfterRestart 0ns: it responded with HTTP status 502; try again, or check the log of the token endpoint
        ");
    }
}
