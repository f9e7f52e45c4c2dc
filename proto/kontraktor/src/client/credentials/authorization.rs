//! The `authorization` header of a request.

use std::{sync::Arc, time::Duration};

use secrecy::ExposeSecret as _;
use tokio::time::Instant;
use tonic::metadata::{Ascii, MetadataValue};

use super::{
    Credentials,
    access_token::{TokenError, bearer},
    token_request::TokenEndpoint,
    token_source::TokenSource,
};
use crate::{
    client::{connect::Target, error::ClientError, settings::SettingError, tls::Tls},
    endpoint::{Scheme, TOKEN_VARIABLE, TokenUrl},
    v1::{Problem, ProblemCode},
};

/// The path of the daemon's own token endpoint.
const DAEMON_TOKEN_PATH: &str = "/oauth/token";

/// What authorizes requests.
pub(in super::super) enum Authorization {
    /// Nothing: the connection says who the client is.
    None,
    Token(MetadataValue<Ascii>),
    Issued(Box<TokenSource>),
}

impl Authorization {
    /// Creates the authorization of a client of `daemon`. Tokens come from the same connections as everything else, with the
    /// same checks of who is at the other end.
    pub(in super::super) fn new(
        credentials: &Credentials,
        daemon: &Arc<Target>,
        daemon_name: String,
        tls: impl FnOnce() -> Result<Arc<Tls>, SettingError>,
        user_agent: &str,
        timeout: Duration,
    ) -> Result<Self, ClientError> {
        match credentials {
            Credentials::None => Ok(Self::None),
            Credentials::Token(token) => {
                bearer(token.expose_secret()).map(Self::Token).ok_or_else(invalid_token)
            }
            Credentials::Client(client) => {
                let (target, authority, url, path) = match &client.token_url {
                    Some(url) => {
                        let tls = if url.server().scheme() == Scheme::Https { Some(tls()?) } else { None };
                        let target = Target::Network { server: url.server().clone(), tls };
                        let path = url.path_and_query().to_owned();
                        (Arc::new(target), url.server().authority(), TokenUrl::to_string(url), path)
                    }
                    None => {
                        let authority = match &**daemon {
                            Target::Unix { .. } => "localhost".to_owned(),
                            Target::Network { server, .. } => server.authority(),
                        };
                        let url = format!("{daemon_name}{DAEMON_TOKEN_PATH}");
                        (Arc::clone(daemon), authority, url, DAEMON_TOKEN_PATH.to_owned())
                    }
                };
                let endpoint = TokenEndpoint {
                    target,
                    authority,
                    path,
                    user_agent: user_agent.to_owned(),
                    credentials: client.clone(),
                    timeout,
                };
                Ok(Self::Issued(Box::new(TokenSource::new(endpoint, url))))
            }
        }
    }

    /// Returns the value of the header for a request that must be answered at `deadline`.
    pub(in super::super) async fn header(
        &self,
        deadline: Instant,
    ) -> Result<Option<MetadataValue<Ascii>>, TokenError> {
        match self {
            Self::None => Ok(None),
            Self::Token(token) => Ok(Some(token.clone())),
            Self::Issued(source) => source.get(deadline).await.map(Some),
        }
    }

    /// Discards the token with which a request was refused that began at `start`. Returns whether the request can be made again
    /// with a newer one.
    pub(in super::super) fn discard(&self, start: Instant) -> bool {
        match self {
            Self::None | Self::Token(_) => false,
            Self::Issued(source) => {
                source.discard(start);
                true
            }
        }
    }

    /// Returns whether what authorizes requests is a client certificate in a file, which may have been renewed.
    pub(in super::super) fn is_certificate(&self, tls: Option<&Tls>) -> bool {
        matches!(self, Self::None) && tls.is_some_and(Tls::has_identity_in_file)
    }

    /// Returns what a request was refused with, and what to do about it.
    pub(in super::super) fn describe_rejection(&self, tls: Option<&Tls>) -> (String, &'static str) {
        match self {
            Self::None if tls.is_some_and(Tls::has_identity) => (
                "does not accept the client certificate as credentials".to_owned(),
                "check the rules for client certificates in the daemon's configuration",
            ),
            Self::None => (
                "requires credentials".to_owned(),
                "set oauth_token, or client_id and client_secret, or client_certificate and client_key",
            ),
            Self::Token(_) => (
                "rejected the token".to_owned(),
                "check that oauth_token or KONTRAKTOR_TOKEN is an access token for this daemon, and has not expired",
            ),
            Self::Issued(source) => (
                format!("rejected the access token from {}", source.url()),
                "check that the daemon trusts this token endpoint, and its log",
            ),
        }
    }
}

fn invalid_token() -> ClientError {
    let message = format!(
        "the token in oauth_token or {TOKEN_VARIABLE} contains characters that are not allowed in a header"
    );
    ClientError::Refused(Box::new(Problem::new(ProblemCode::Invalid, message).with_field("oauth_token")))
}
