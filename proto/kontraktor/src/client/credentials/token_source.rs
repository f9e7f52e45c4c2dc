//! Access tokens from a token endpoint: fetched when one is needed, kept, and renewed before they expire.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Mutex as AsyncMutex,
    time::{Instant, timeout_at},
};
use tonic::metadata::{Ascii, MetadataValue};

use super::{access_token::TokenError, token_request::TokenEndpoint};
use crate::client::connect::Retryability;

/// A token is renewed this long before it expires, or a fifth of its lifetime, if that is shorter.
const LONGEST_MARGIN: Duration = Duration::from_mins(1);

/// The newest token.
#[derive(Clone)]
struct Current {
    header: MetadataValue<Ascii>,
    fetched: Instant,
    /// When it should be renewed, and when it must be.
    deadlines: Option<(Instant, Instant)>,
}

impl Current {
    fn is_fresh(&self) -> bool {
        self.deadlines.is_none_or(|(renewal, _)| Instant::now() < renewal)
    }

    fn is_valid(&self) -> bool {
        self.deadlines.is_none_or(|(_, expiry)| Instant::now() < expiry)
    }
}

pub(in super::super) struct TokenSource {
    endpoint: TokenEndpoint,
    url: String,
    current: Mutex<Option<Current>>,
    /// Held by the one that asks the endpoint.
    flight: AsyncMutex<()>,
}

impl TokenSource {
    pub(super) fn new(endpoint: TokenEndpoint, url: String) -> Self {
        Self { endpoint, url, current: Mutex::default(), flight: AsyncMutex::default() }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Returns a token that is valid. Callers that need a new one wait for one request; while the old one is still valid, only the
    /// caller that renews it waits.
    pub(super) async fn get(&self, deadline: Instant) -> Result<MetadataValue<Ascii>, TokenError> {
        let usable = match self.current() {
            Some(current) if current.is_fresh() => return Ok(current.header),
            Some(current) if current.is_valid() => Some(current.header),
            _ => None,
        };
        if let Some(header) = usable {
            let Ok(_flight) = self.flight.try_lock() else { return Ok(header) };
            return Ok(match timeout_at(deadline, self.fetch()).await {
                Ok(Ok(renewed)) => renewed,
                Ok(Err(error)) => {
                    tracing::warn!(
                        url = self.url,
                        reason = error.reason,
                        "cannot renew the access token yet"
                    );
                    header
                }
                Err(_) => header,
            });
        }
        let fetch = async {
            let _flight = self.flight.lock().await;
            match self.current() {
                // Another caller has fetched it meanwhile.
                Some(current) if current.is_valid() => Ok(current.header),
                _ => self.fetch().await,
            }
        };
        match timeout_at(deadline, fetch).await {
            Ok(result) => result,
            Err(_) => Err(TokenError {
                url: self.url.clone(),
                retryability: Retryability::Soon,
                retry_after: Duration::ZERO,
                reason: "it did not respond in time".to_owned(),
                remedy: "check the token endpoint, or increase the timeout".to_owned(),
            }),
        }
    }

    /// Discards the token with which a request was refused that began at `start`. A token that was fetched since stays: another
    /// caller renewed it.
    pub(super) fn discard(&self, start: Instant) {
        self.lock().take_if(|current| current.fetched <= start);
    }

    async fn fetch(&self) -> Result<MetadataValue<Ascii>, TokenError> {
        let start = Instant::now();
        let token = self.endpoint.request(&self.url).await?;
        let deadlines = token.lifetime.and_then(|lifetime| {
            // From before the request was sent: the token is no older than that.
            let expiry = start.checked_add(lifetime)?;
            Some((expiry.checked_sub(LONGEST_MARGIN.min(lifetime / 5))?, expiry))
        });
        let current = Current { header: token.header.clone(), fetched: Instant::now(), deadlines };
        *self.lock() = Some(current);
        tracing::debug!(url = self.url, lifetime = ?token.lifetime, "fetched an access token");
        Ok(token.header)
    }

    fn current(&self) -> Option<Current> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Current>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
