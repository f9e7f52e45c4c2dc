//! The session at one Vault: the current token. One sign-in at a time serves all requests that wait for one; tokens are
//! renewed after two thirds of their life, and replaced before they expire.
//!
//! A sign-in runs in its own task, so that a token is never lost when the request that started it is dropped.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use reqwest::StatusCode;
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};
use vaultrs::api::token::requests::{RenewTokenSelfRequest, RevokeTokenSelfRequest};

use super::{
    answer::{Answer, SignedIn},
    credentials::Stamp,
    login::{self, doubtful_token, look_up, unknown_token},
    method::Method,
    request::Request,
    token::{Token, seconds},
    transport::Transport,
};
use crate::error::{VaultError, VaultErrorKind};

/// The timeout of a sign-in and of the renewal of a token.
const SIGN_IN_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a rejected sign-in is not repeated, unless its files change: repeated ones lock the role out, for others too.
const REJECTION_TTL: Duration = Duration::from_secs(5);

/// A token that is younger is considered valid.
const FRESH: Duration = Duration::from_mins(1);

/// The timeout of closing the session.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

type SignInResult = Result<Arc<Token>, VaultError>;

/// The daemon's session at one Vault. Clones share it.
#[derive(Clone)]
pub(super) struct Session(Arc<Inner>);

struct Inner {
    transport: Arc<Transport>,
    method: Method,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    current: Option<Arc<Token>>,
    /// Issued tokens that were replaced while they were valid: leases depend on them.
    earlier: Vec<Arc<Token>>,
    /// The sign-in in progress.
    running: Option<watch::Receiver<Option<SignInResult>>>,
    rejected: Option<(Instant, VaultError)>,
    /// The state of the files at the last sign-in.
    stamps: Vec<Stamp>,
    closed: bool,
}

impl Session {
    pub(super) fn new(transport: Arc<Transport>, method: Method) -> Self {
        Self(Arc::new(Inner { transport, method, state: Mutex::default() }))
    }

    pub(super) fn method(&self) -> &Method {
        &self.0.method
    }

    /// Sends a request with the current token. Where Vault does not know the token any more, it is replaced, and the request
    /// sent again: Vault has done nothing yet. Returns the token too, because leases depend on it.
    pub(super) async fn call(&self, request: &Request) -> Result<(Answer, Arc<Token>), VaultError> {
        let transport = &self.0.transport;
        let token = self.token().await?;
        let answer = transport.send(request, Some(&token)).await?;
        if answer.status != StatusCode::FORBIDDEN || self.is_known(&token, &answer).await? {
            return Ok((answer, token));
        }
        let fresh = self.replace(&token).await?;
        let answer = transport.send(request, Some(&fresh)).await?;
        if answer.status == StatusCode::FORBIDDEN {
            if answer.rejects_token() {
                return Err(unknown_token(&transport.vault, &answer));
            }
            if !fresh.proven {
                return Err(doubtful_token(&transport.vault, &answer));
            }
        }
        Ok((answer, fresh))
    }

    /// Returns the current token.
    pub(super) async fn token(&self) -> SignInResult {
        let current = self.0.state().current.clone().filter(|token| !token.is_expired());
        let Some(current) = current else { return self.0.sign_in().await };
        if self.0.method.issues_tokens() || !self.0.files_changed() {
            return Ok(current);
        }
        // The token was replaced. Where the new one is invalid, the old one continues.
        Ok(self.0.sign_in().await.unwrap_or(current))
    }

    /// Returns another token than this one, which Vault does not know any more.
    pub(super) async fn replace(&self, dead: &Arc<Token>) -> SignInResult {
        {
            let mut state = self.0.state();
            match &state.current {
                Some(current) if !Arc::ptr_eq(current, dead) => return Ok(Arc::clone(current)),
                _ => state.current = None,
            }
        }
        self.0.sign_in().await
    }

    /// Returns whether Vault still knows a token after a 403, which may be about the token or about the request. Where this
    /// stays unclear, an older token counts as unknown.
    pub(super) async fn is_known(&self, token: &Token, refusal: &Answer) -> Result<bool, VaultError> {
        if refusal.rejects_token() {
            return Ok(false);
        }
        let answer = self.0.transport.send(&look_up(), Some(token)).await?;
        match answer.status {
            StatusCode::OK => Ok(true),
            StatusCode::FORBIDDEN if answer.rejects_token() => Ok(false),
            // The token may not look itself up.
            StatusCode::FORBIDDEN => Ok(token.proven && token.since.elapsed() < FRESH),
            _ => Err(answer.error(&self.0.transport.vault, "look up its token", "")),
        }
    }

    pub(super) fn is_current(&self, token: &Arc<Token>) -> bool {
        self.0.is_current(token)
    }

    /// Revokes every issued token; Vault ends their leases with them. No sign-in is possible afterwards.
    pub(super) async fn close(&self) {
        let running = {
            let mut state = self.0.state();
            state.closed = true;
            state.running.clone()
        };
        let revocations = async {
            if let Some(mut running) = running {
                // Whatever the result, the task revokes its token itself.
                let _ = running.wait_for(Option::is_some).await;
            }
            let tokens: Vec<_> = {
                let mut state = self.0.state();
                let current = state.current.take();
                current.into_iter().chain(state.earlier.drain(..)).collect()
            };
            for token in tokens.iter().filter(|token| token.issued && !token.is_expired()) {
                self.0.revoke(token).await;
            }
        };
        if timeout(CLOSE_TIMEOUT, revocations).await.is_err() {
            let vault = &self.0.transport.vault;
            tracing::warn!(%vault, "the vault does not answer; tokens and leases expire");
        }
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_current(&self, token: &Arc<Token>) -> bool {
        self.state().current.as_ref().is_some_and(|current| Arc::ptr_eq(current, token))
    }

    fn files_changed(&self) -> bool {
        let now = login::stamps(&self.method, &self.transport);
        self.state().stamps != now
    }

    /// Signs in, or waits for the sign-in in progress.
    async fn sign_in(self: &Arc<Self>) -> SignInResult {
        let interrupted = || {
            let vault = &self.transport.vault;
            VaultError::new(
                VaultErrorKind::Unavailable,
                format!("the sign-in to vault \"{vault}\" was interrupted"),
            )
        };
        let mut result = self.join()?;
        let result = result.wait_for(Option::is_some).await.map_err(|_| interrupted())?;
        result.clone().unwrap_or_else(|| Err(interrupted()))
    }

    fn join(self: &Arc<Self>) -> Result<watch::Receiver<Option<SignInResult>>, VaultError> {
        let stamps = login::stamps(&self.method, &self.transport);
        let mut state = self.state();
        if state.closed {
            let vault = &self.transport.vault;
            return Err(VaultError::new(VaultErrorKind::Unavailable, format!("vault \"{vault}\" is closed"))
                .remedy("the daemon is stopping; try again when it has started"));
        }
        // A task that ended without a result was stopped with its runtime, or panicked.
        if let Some(running) = state.running.as_ref().filter(|running| running.has_changed().is_ok()) {
            return Ok(running.clone());
        }
        if let Some((since, refusal)) = &state.rejected
            && since.elapsed() < REJECTION_TTL
            && state.stamps == stamps
        {
            return Err(refusal.clone());
        }
        state.stamps = stamps;
        let (sender, receiver) = watch::channel(None);
        state.running = Some(receiver.clone());
        drop(state);
        let inner = Arc::clone(self);
        tokio::spawn(async move {
            let result = inner.sign_in_once().await;
            sender.send_replace(Some(result));
        });
        Ok(receiver)
    }

    async fn sign_in_once(self: &Arc<Self>) -> SignInResult {
        let signed_in = timeout(SIGN_IN_TIMEOUT, login::sign_in(&self.method, &self.transport)).await;
        let signed_in = signed_in.unwrap_or_else(|_| {
            let vault = &self.transport.vault;
            Err(VaultError::new(
                VaultErrorKind::Unavailable,
                format!("vault \"{vault}\" did not answer the sign-in in time"),
            ))
        });
        let token = match signed_in {
            Ok(token) => Arc::new(token),
            Err(error) => {
                let mut state = self.state();
                state.running = None;
                state.rejected =
                    (error.kind == VaultErrorKind::SignIn).then(|| (Instant::now(), error.clone()));
                return Err(error);
            }
        };
        let closed = {
            let mut state = self.state();
            state.running = None;
            state.rejected = None;
            if !state.closed {
                let replaced = state.current.replace(Arc::clone(&token));
                state.earlier.extend(replaced.filter(|token| token.issued));
                state.earlier.retain(|token| !token.is_expired());
            }
            state.closed
        };
        if closed && token.issued {
            self.revoke(&token).await;
        } else {
            tokio::spawn(keep_alive(Arc::downgrade(self), Arc::clone(&token)));
        }
        Ok(token)
    }

    /// Renews a token, or replaces it where it cannot be renewed. Returns whether the token's task continues.
    async fn renew(self: &Arc<Self>, token: &Arc<Token>) -> bool {
        if token.is_renewable() {
            let renew = Request::of(&RenewTokenSelfRequest::default());
            let Ok(Ok(answer)) = timeout(SIGN_IN_TIMEOUT, self.transport.send(&renew, Some(token))).await
            else {
                return true;
            };
            let renewed =
                answer.parse::<SignedIn<'_>>(&self.transport.vault).ok().and_then(|answer| answer.auth);
            match renewed {
                Some(auth) if answer.status.is_success() => {
                    let left = seconds(auth.lease_duration);
                    token.renewed(left, auth.renewable);
                    // Toward the maximum lifetime, Vault grants less each time.
                    if !self.method.issues_tokens() || token.granted.is_none_or(|granted| left >= granted / 2)
                    {
                        return true;
                    }
                }
                _ if answer.status.is_client_error() && answer.status != StatusCode::TOO_MANY_REQUESTS => {
                    tracing::info!(vault = %self.transport.vault, status = answer.status.as_u16(), "the token cannot be renewed");
                    token.set_not_renewable();
                }
                _ => return true,
            }
        }
        if !self.method.issues_tokens() {
            return false;
        }
        match self.sign_in().await {
            Ok(_) => false,
            Err(error) => {
                tracing::warn!(vault = %self.transport.vault, %error, "signing in for a new token failed");
                true
            }
        }
    }

    async fn revoke(&self, token: &Token) {
        let revoke = Request::of(&RevokeTokenSelfRequest {});
        let problem = match self.transport.send(&revoke, Some(token)).await {
            Ok(answer) if answer.status.is_success() || answer.rejects_token() => return,
            Ok(answer) => format!("status {}", answer.status.as_u16()),
            Err(error) => error.to_string(),
        };
        tracing::warn!(vault = %self.transport.vault, problem, "a token was not revoked; it expires");
    }
}

/// Renews one token until it is replaced or has expired. Keeps the session alive only while it works.
async fn keep_alive(inner: Weak<Inner>, token: Arc<Token>) {
    while let Some(left) = token.left().filter(|left| !left.is_zero()) {
        // After a failed renewal, a third is left, and the next wait is two thirds of that.
        sleep((left * 2 / 3).max(Duration::from_millis(500))).await;
        let Some(inner) = inner.upgrade() else { return };
        if !inner.is_current(&token) || !inner.renew(&token).await {
            return;
        }
    }
}
