//! Being signed in: the token of the moment, whoever asks for it. One sign-in at a time serves all who wait for one; tokens
//! are prolonged at two thirds of their life, and replaced before they can no longer be.
//!
//! A sign-in runs in a task of its own: the one who asked may go away, and nobody but us knows of the token that comes.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use reqwest::StatusCode;
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};

use super::{
    answer::{Answer, SignedIn},
    credentials::Stamp,
    login::{Method, doubtful_token, look_up, unknown_token},
    token::{Token, seconds},
    transport::{Request, Transport},
};
use crate::{Fault, VaultError};

/// How long Vault may take to sign the daemon in, or to prolong its token.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a refused sign-in stands, unless its files change: repeated ones lock the role out, for others too.
const REFUSAL_STANDS: Duration = Duration::from_secs(5);

/// A token that is younger was good a moment ago.
const FRESH: Duration = Duration::from_mins(1);

/// How long everything at the end may take together.
const FAREWELL: Duration = Duration::from_secs(5);

type Outcome = Result<Arc<Token>, VaultError>;

/// The daemon's being signed in at one Vault. Clones share it.
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
    /// Tokens of ours that were replaced while they were good: leases hang on them.
    earlier: Vec<Arc<Token>>,
    /// The sign-in that is under way.
    running: Option<watch::Receiver<Option<Outcome>>>,
    refused: Option<(Instant, VaultError)>,
    /// The files as the last sign-in found them.
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

    /// Sends a request with the token of the moment. Where Vault does not know that any more, it is replaced, and the request
    /// sent once more: Vault has done nothing yet. The token comes back too, because leases hang on it.
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
            if answer.refuses_the_token() {
                return Err(unknown_token(&transport.vault, &answer));
            }
            if !fresh.proven {
                return Err(doubtful_token(&transport.vault, &answer));
            }
        }
        Ok((answer, fresh))
    }

    /// The token to use now.
    pub(super) async fn token(&self) -> Outcome {
        let current = self.0.state().current.clone().filter(|token| !token.is_over());
        let Some(current) = current else { return self.0.sign_in().await };
        if self.0.method.makes_tokens() || !self.0.files_changed() {
            return Ok(current);
        }
        // Somebody put another token there. Where it is no good, the old one still is.
        Ok(self.0.sign_in().await.unwrap_or(current))
    }

    /// Another token than this one, which Vault does not know any more.
    pub(super) async fn replace(&self, dead: &Arc<Token>) -> Outcome {
        {
            let mut state = self.0.state();
            match &state.current {
                Some(current) if !Arc::ptr_eq(current, dead) => return Ok(Arc::clone(current)),
                _ => state.current = None,
            }
        }
        self.0.sign_in().await
    }

    /// Whether Vault still knows a token with which it answered 403. That says as little about the token as about what was
    /// asked; where nothing tells, an older token counts as unknown.
    pub(super) async fn is_known(&self, token: &Token, refusal: &Answer) -> Result<bool, VaultError> {
        if refusal.refuses_the_token() {
            return Ok(false);
        }
        let answer = self.0.transport.send(&look_up(), Some(token)).await?;
        match answer.status {
            StatusCode::OK => Ok(true),
            StatusCode::FORBIDDEN if answer.refuses_the_token() => Ok(false),
            // It may not look at itself.
            StatusCode::FORBIDDEN => Ok(token.proven && token.since.elapsed() < FRESH),
            _ => Err(answer.refusal(&self.0.transport.vault, "look its token up", "")),
        }
    }

    pub(super) fn is_current(&self, token: &Arc<Token>) -> bool {
        self.0.is_current(token)
    }

    /// Ends every token that signing in made, and with them Vault ends their leases. Nobody is signed in any more.
    pub(super) async fn close(&self) {
        let running = {
            let mut state = self.0.state();
            state.closed = true;
            state.running.clone()
        };
        let farewell = async {
            if let Some(mut running) = running {
                // Whatever comes of it, it ends its token itself.
                let _ = running.wait_for(Option::is_some).await;
            }
            let tokens: Vec<_> = {
                let mut state = self.0.state();
                let current = state.current.take();
                current.into_iter().chain(state.earlier.drain(..)).collect()
            };
            for token in tokens.iter().filter(|token| token.ours && !token.is_over()) {
                self.0.revoke(token).await;
            }
        };
        if timeout(FAREWELL, farewell).await.is_err() {
            let vault = &self.0.transport.vault;
            tracing::warn!(%vault, "the vault does not answer: tokens and leases end by their time");
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
        let now = self.method.stamps(&self.transport);
        self.state().stamps != now
    }

    /// Signs in, or waits for who does already.
    async fn sign_in(self: &Arc<Self>) -> Outcome {
        let unfinished = || {
            let vault = &self.transport.vault;
            VaultError::new(Fault::Unavailable, format!("the sign-in at vault \"{vault}\" was broken off"))
        };
        let mut outcome = self.join()?;
        let outcome = outcome.wait_for(Option::is_some).await.map_err(|_| unfinished())?;
        outcome.clone().unwrap_or_else(|| Err(unfinished()))
    }

    fn join(self: &Arc<Self>) -> Result<watch::Receiver<Option<Outcome>>, VaultError> {
        let stamps = self.method.stamps(&self.transport);
        let mut state = self.state();
        if state.closed {
            let vault = &self.transport.vault;
            return Err(VaultError::new(
                Fault::Unavailable,
                format!("vault \"{vault}\" is not used any more"),
            )
            .remedy("the daemon is about to stop: ask again when it has started"));
        }
        // A task that ended without a word was stopped with its runtime, or panicked.
        if let Some(running) = state.running.as_ref().filter(|running| running.has_changed().is_ok()) {
            return Ok(running.clone());
        }
        if let Some((since, refusal)) = &state.refused
            && since.elapsed() < REFUSAL_STANDS
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
            let outcome = inner.sign_in_once().await;
            sender.send_replace(Some(outcome));
        });
        Ok(receiver)
    }

    async fn sign_in_once(self: &Arc<Self>) -> Outcome {
        let signed_in = timeout(PATIENCE, self.method.sign_in(&self.transport)).await;
        let signed_in = signed_in.unwrap_or_else(|_| {
            let vault = &self.transport.vault;
            Err(VaultError::new(Fault::Unavailable, format!("vault \"{vault}\" does not answer the sign-in")))
        });
        let token = match signed_in {
            Ok(token) => Arc::new(token),
            Err(error) => {
                let mut state = self.state();
                state.running = None;
                state.refused = (error.fault == Fault::SignIn).then(|| (Instant::now(), error.clone()));
                return Err(error);
            }
        };
        let closed = {
            let mut state = self.state();
            state.running = None;
            state.refused = None;
            if !state.closed {
                let replaced = state.current.replace(Arc::clone(&token));
                state.earlier.extend(replaced.filter(|token| token.ours));
                state.earlier.retain(|token| !token.is_over());
            }
            state.closed
        };
        if closed && token.ours {
            self.revoke(&token).await;
        } else {
            tokio::spawn(keep(Arc::downgrade(self), Arc::clone(&token)));
        }
        Ok(token)
    }

    /// Prolongs a token, or replaces it where that is over. Whether the task that does this for the token goes on.
    async fn prolong(self: &Arc<Self>, token: &Arc<Token>) -> bool {
        if token.is_renewable() {
            let renew = Request::post("auth/token/renew-self", &serde_json::Map::new());
            let Ok(Ok(answer)) = timeout(PATIENCE, self.transport.send(&renew, Some(token))).await else {
                return true;
            };
            let renewed =
                answer.read::<SignedIn<'_>>(&self.transport.vault).ok().and_then(|answer| answer.auth);
            match renewed {
                Some(auth) if answer.status.is_success() => {
                    let left = seconds(auth.lease_duration);
                    token.prolonged(left, auth.renewable);
                    // Near the end that no renewal passes, Vault grants less each time.
                    if !self.method.makes_tokens() || token.granted.is_none_or(|granted| left >= granted / 2)
                    {
                        return true;
                    }
                }
                _ if answer.status.is_client_error() && answer.status != StatusCode::TOO_MANY_REQUESTS => {
                    tracing::info!(vault = %self.transport.vault, status = answer.status.as_u16(), "the token cannot be prolonged");
                    token.runs_out();
                }
                _ => return true,
            }
        }
        if !self.method.makes_tokens() {
            return false;
        }
        match self.sign_in().await {
            Ok(_) => false,
            Err(error) => {
                tracing::warn!(vault = %self.transport.vault, %error, "no new token yet");
                true
            }
        }
    }

    async fn revoke(&self, token: &Token) {
        let revoke = Request::post("auth/token/revoke-self", &serde_json::Map::new());
        let problem = match self.transport.send(&revoke, Some(token)).await {
            Ok(answer) if answer.status.is_success() || answer.refuses_the_token() => return,
            Ok(answer) => format!("answered with {}", answer.status.as_u16()),
            Err(error) => error.to_string(),
        };
        tracing::warn!(vault = %self.transport.vault, problem, "a token was not revoked: it ends by its time");
    }
}

/// Looks after one token until it is replaced or over. Holds the session only while it does something.
async fn keep(inner: Weak<Inner>, token: Arc<Token>) {
    while let Some(left) = token.left().filter(|left| !left.is_zero()) {
        // After a renewal that failed, a third is left, and two thirds of that are waited for.
        sleep((left * 2 / 3).max(Duration::from_millis(500))).await;
        let Some(inner) = inner.upgrade() else { return };
        if !inner.is_current(&token) || !inner.prolong(&token).await {
            return;
        }
    }
}
