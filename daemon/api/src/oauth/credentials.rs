//! Who asks for a token: exactly one of `client_secret_basic`, `client_secret_post` and `private_key_jwt`.

use axum::http::{HeaderMap, header::AUTHORIZATION};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use kontraktor_identity::{ASSERTION_TYPE, PresentedCredentials, client_of_assertion};
use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

use super::{error::TokenEndpointError, form::Form};

/// What a client says that it is, and what it proves that with.
pub(super) struct ClaimedClient {
    pub(super) client_id: String,
    pub(super) presented: PresentedCredentials,
}

impl ClaimedClient {
    pub(super) fn read(headers: &HeaderMap, form: &Form) -> Result<Self, TokenEndpointError> {
        let basic = headers.get_all(AUTHORIZATION).iter().count();
        let (secret, assertion) = (form.get("client_secret"), form.get("client_assertion"));
        match (basic, secret, assertion) {
            (0, None, None) => Err(TokenEndpointError::InvalidClient),
            (1, None, None) => Self::from_basic(headers, form),
            (0, Some(secret), None) => {
                let client_id = form
                    .get("client_id")
                    .ok_or(TokenEndpointError::InvalidRequest("client_id is missing"))?;
                Ok(Self {
                    client_id: client_id.to_owned(),
                    presented: PresentedCredentials::Secret(Zeroizing::new(secret.to_owned())),
                })
            }
            (0, None, Some(assertion)) => Self::from_assertion(assertion, form),
            _ => Err(TokenEndpointError::InvalidRequest("the client authenticates in more than one way")),
        }
    }

    /// RFC 6749 §2.3.1: both parts are encoded as in a form before they are joined.
    fn from_basic(headers: &HeaderMap, form: &Form) -> Result<Self, TokenEndpointError> {
        let decoded = || {
            let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
            let (scheme, encoded) = value.split_once(' ')?;
            if !scheme.eq_ignore_ascii_case("basic") {
                return None;
            }
            let decoded = Zeroizing::new(BASE64_STANDARD.decode(encoded.trim()).ok()?);
            let (client_id, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
            let secret = percent_decode_str(secret).decode_utf8().ok()?;
            Some(Self {
                client_id: percent_decode_str(client_id).decode_utf8().ok()?.into_owned(),
                presented: PresentedCredentials::Secret(Zeroizing::new(secret.into_owned())),
            })
        };
        let claimed = decoded().ok_or(TokenEndpointError::InvalidClient)?;
        claimed.checked_against(form)
    }

    fn from_assertion(assertion: &str, form: &Form) -> Result<Self, TokenEndpointError> {
        if form.get("client_assertion_type") != Some(ASSERTION_TYPE) {
            return Err(TokenEndpointError::InvalidRequest(
                "expected the client_assertion_type urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            ));
        }
        let claimed = Self {
            client_id: client_of_assertion(assertion).ok_or(TokenEndpointError::InvalidClient)?,
            presented: PresentedCredentials::Assertion(Zeroizing::new(assertion.to_owned())),
        };
        claimed.checked_against(form)
    }

    /// Refuses a form that names another client.
    fn checked_against(self, form: &Form) -> Result<Self, TokenEndpointError> {
        match form.get("client_id") {
            Some(other) if other != self.client_id => {
                Err(TokenEndpointError::InvalidRequest("client_id names another client"))
            }
            _ => Ok(self),
        }
    }
}
