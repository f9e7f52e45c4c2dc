//! Access tokens: the directory and the managed identity issue them, the vault checks them.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use uuid::Uuid;

/// The tokens that were issued.
pub(super) struct Tokens(Mutex<State>);

struct State {
    lifetime: Duration,
    issued: HashMap<String, Token>,
}

struct Token {
    resource: String,
    expires: Instant,
}

/// Why a token is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Invalid {
    Unknown,
    Expired,
    Audience,
}

impl Tokens {
    pub(super) fn new(lifetime: Duration) -> Self {
        Self(Mutex::new(State { lifetime, issued: HashMap::new() }))
    }

    /// Issues a token for a resource and returns it with its lifetime.
    pub(super) fn issue(&self, resource: &str) -> (String, Duration) {
        let mut state = self.lock();
        let token = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let lifetime = state.lifetime;
        let expires = Instant::now() + lifetime;
        state.issued.insert(token.clone(), Token { resource: resource.to_owned(), expires });
        (token, lifetime)
    }

    pub(super) fn check(&self, token: &str, resource: &str) -> Result<(), Invalid> {
        let state = self.lock();
        let token = state.issued.get(token).ok_or(Invalid::Unknown)?;
        if token.expires <= Instant::now() {
            Err(Invalid::Expired)
        } else if token.resource != resource {
            Err(Invalid::Audience)
        } else {
            Ok(())
        }
    }

    pub(super) fn revoke_all(&self) {
        self.lock().issued.clear();
    }

    pub(super) fn set_lifetime(&self, lifetime: Duration) {
        self.lock().lifetime = lifetime;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
