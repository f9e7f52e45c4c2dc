//! Bearer tokens (RFC 6750): in the header `authorization` and nowhere else.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use kontraktor_access::{Authority, Caller};
use kontraktor_domain::{Code, Refusal};
use kontraktor_identity::{AccountToken, Principal, TokenError, VerifiedToken};
use kontraktor_service::Service;
use tonic::{
    async_trait,
    codegen::http::{HeaderMap, Uri, header::AUTHORIZATION, request::Parts},
};

use super::{AuthenticationError, Authenticator, Identity, certificate, via::via};
use crate::listener::Peer;

/// Parameters of a URL in which clients of other servers send tokens (RFC 6750 §2.3). URLs are in logs, histories and
/// `Referer` headers.
const URL_PARAMETERS: [&str; 4] = ["access_token", "token", "oauth_token", "client_secret"];

/// Finds out whom an access token speaks for.
pub(crate) struct BearerAuthenticator {
    identity: Arc<Identity>,
    service: Service,
}

impl BearerAuthenticator {
    pub(crate) fn new(identity: Arc<Identity>, service: Service) -> Self {
        Self { identity, service }
    }

    async fn caller(&self, token: &str, parts: &Parts) -> Result<Caller, TokenError> {
        let verified = self.identity.verifier().verify(token, self.service.now()).await?;
        let expires = Some(verified.accepted_until);
        let peer = Some(Arc::from(peer(parts, &self.identity)));
        let caller = |actor, scopes| Caller {
            peer,
            expires,
            authority: Authority::Roles,
            ..Caller::new(actor, "", scopes)
        };
        match verified.token {
            VerifiedToken::External(principal) => {
                let Principal { actor, display_name, groups, scopes } = Principal::clone(&principal);
                Ok(Caller { display_name, groups, ..caller(actor, scopes) })
            }
            VerifiedToken::Account(AccountToken { client_id, scopes }) => {
                // It may have been deleted since, and it may have fewer scopes now.
                let account = self.service.client(&client_id).ok_or(TokenError::UnknownAccount)?;
                Ok(caller(Arc::clone(&account.actor), scopes.and(account.scopes)))
            }
        }
    }
}

#[async_trait]
impl Authenticator for BearerAuthenticator {
    async fn authenticate(&self, parts: &Parts) -> Result<Option<Caller>, AuthenticationError> {
        refuse_token_in_url(&parts.uri)?;
        let token = match token(&parts.headers) {
            Ok(None) => return Ok(None),
            Ok(Some(token)) => token,
            Err(cause) => {
                tracing::info!(cause, "unauthenticated");
                return Err(AuthenticationError::invalid_token());
            }
        };
        match self.caller(token, parts).await {
            Ok(caller) => Ok(Some(Caller { via: via(&parts.headers)?.into(), ..caller })),
            Err(TokenError::KeysUnavailable { issuer, problem, retry_after }) => {
                tracing::info!(issuer, problem, "a token cannot be verified");
                Err(issuer_unavailable(retry_after).into())
            }
            Err(error) => {
                tracing::info!(cause = %error, "unauthenticated");
                Err(AuthenticationError::invalid_token())
            }
        }
    }
}

/// The token may be valid: only its issuer knows.
fn issuer_unavailable(retry_after: Duration) -> Refusal {
    let message = "the access token cannot be verified, because its issuer cannot be reached";
    Refusal::new(Code::IssuerUnavailable, message)
        .remedy("try again later; the daemon's log has the cause")
        .retry_after_ms(u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX))
}

/// Returns the token of a request. The error says what is wrong with the header.
fn token(headers: &HeaderMap) -> Result<Option<&str>, &'static str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err("the request has several headers `authorization`");
    }
    let value = value.to_str().map_err(|_| "the header `authorization` is not a text")?;
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err("the header `authorization` has another scheme than Bearer");
    }
    match token.trim_matches(' ') {
        "" => Err("the header `authorization` has no token"),
        token => Ok(Some(token)),
    }
}

/// Refuses a request with credentials in its URL, whatever else it carries: they have been seen by others already.
pub(crate) fn refuse_token_in_url(uri: &Uri) -> Result<(), Refusal> {
    let Some(query) = uri.query() else { return Ok(()) };
    let names = query.split('&').map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name));
    let found = names.into_iter().find_map(|name| URL_PARAMETERS.into_iter().find(|known| *known == name));
    let Some(name) = found else { return Ok(()) };
    tracing::warn!(parameter = name, "a client sent credentials in a URL, where others can read them");
    Err(Refusal::new(Code::Invalid, format!("the URL contains the parameter `{name}`; credentials in URLs are refused"))
        .field(name)
        .remedy("send the token in the header `authorization: Bearer TOKEN`, and replace this one: URLs are logged by proxies"))
}

/// Returns from where a request with a token comes, with the other identity that it has: `203.0.113.7 cert:ci`.
fn peer(parts: &Parts, identity: &Identity) -> String {
    match parts.extensions.get::<Peer>() {
        None => String::new(),
        Some(Peer::Unix { uid, pid }) => {
            let mut text = pid.map(|pid| format!("pid:{pid}")).unwrap_or_default();
            if let Some(uid) = uid {
                let space = if text.is_empty() { "" } else { " " };
                let _ = write!(text, "{space}uid:{uid}");
            }
            text
        }
        Some(Peer::Tcp { address, certificate: None }) => address.ip().to_string(),
        Some(Peer::Tcp { address, certificate: Some(certificate) }) => {
            let known = identity.certificates().identify(certificate::names(certificate));
            let actor = known.map_or_else(|| "cert:".into(), |known| known.actor);
            format!("{} {actor}", address.ip())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, value.parse().unwrap());
        headers
    }

    #[test]
    fn a_token_is_in_one_header_of_the_scheme_bearer() {
        assert_eq!(token(&HeaderMap::new()), Ok(None));
        for value in ["Bearer abc", "bearer abc", "BEARER  abc "] {
            assert_eq!(token(&header(value)), Ok(Some("abc")), "{value}");
        }
        for value in ["", "Bearer", "Bearer ", "Basic YTpi", "Bearerabc", "abc"] {
            assert!(token(&header(value)).is_err(), "{value}");
        }
        let mut two = header("Bearer abc");
        two.append(AUTHORIZATION, "Bearer abc".parse().unwrap());
        assert!(token(&two).is_err());
    }

    #[test]
    fn credentials_in_the_url_are_refused_by_name_and_never_by_value() {
        for (uri, refused) in [
            ("/api/v1/projects?access_token=hunter2", true),
            ("/api/v1/projects?a=b&token=hunter2", true),
            ("/?token", true),
            ("/api/v1/projects?page_token=hunter2&tokens=1", false),
            ("/api/v1/projects", false),
        ] {
            let result = refuse_token_in_url(&uri.parse().unwrap());
            assert_eq!(result.is_err(), refused, "{uri}");
            if let Err(refusal) = result {
                assert!(!format!("{refusal:?}").contains("hunter2"));
            }
        }
    }
}
