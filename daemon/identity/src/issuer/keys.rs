//! The keys of an issuer: fetched once for everybody who waits, kept for minutes, fetched again early for a key that is not
//! known yet, and used for a while when the issuer cannot be reached.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;
use tokio::{sync::Mutex, time::Instant};

use super::{IssuerSettings, discovery, http::Fetch};
use crate::{
    algorithm::SignatureAlgorithm,
    jws::MAX_KEY_ID_BYTES,
    public_key::{Jwk, PublicKey},
    token_error::TokenError,
};

/// How long keys are used without asking again. A key that its issuer withdraws is accepted for so long.
const FRESH: Duration = Duration::from_mins(5);

/// When they are fetched again in the background, so that nobody has to wait.
const REFRESH_AHEAD: Duration = Duration::from_mins(4);

/// How long they are used when the issuer cannot be reached.
const STALE: Duration = Duration::from_hours(24);

/// How many times in a row, and how often in the long run, keys are fetched early because a token names an unknown one: anybody
/// can make such tokens.
const EARLY_BURST: u32 = 4;
const EARLY_INTERVAL: Duration = Duration::from_secs(30);

/// How long to wait after the first failure; twice as long after each further one, up to the longest.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_mins(1);

/// The most keys of an issuer that are kept.
const MAX_KEYS: usize = 100;

/// The keys that an issuer published at some time.
#[derive(Debug)]
struct KeySet {
    keys: Vec<(Option<String>, Arc<PublicKey>)>,
    /// The document, to find out whether another one is the same.
    document: Vec<u8>,
    fetched: Instant,
    /// Another one whenever the keys have changed.
    generation: u64,
}

/// Where the keys of one issuer come from. Cloning it shares everything.
#[derive(Debug, Clone)]
pub(crate) struct KeySource(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    issuer: String,
    name: String,
    jwks_url: Option<String>,
    fetch: Arc<dyn Fetch>,
    current: ArcSwapOption<KeySet>,
    refreshing: Mutex<Attempts>,
    is_refreshing_ahead: AtomicBool,
    /// Whether the operator wants them fetched again, however young they are.
    is_expired: AtomicBool,
}

impl Shared {
    fn is_fresh(&self, set: &KeySet) -> bool {
        set.fetched.elapsed() < FRESH && !self.is_expired.load(Ordering::Acquire)
    }
}

/// When keys may be fetched again.
#[derive(Debug, Default)]
struct Attempts {
    failures: u32,
    not_before: Option<Instant>,
    /// When early fetches will be free again, as the generic cell rate algorithm counts it.
    early: Option<Instant>,
    last_problem: String,
}

impl KeySource {
    pub(super) fn new(settings: &IssuerSettings, fetch: Arc<dyn Fetch>) -> Self {
        Self(Arc::new(Shared {
            issuer: settings.url.clone(),
            name: settings.name.clone(),
            jwks_url: settings.jwks_url.clone(),
            fetch,
            current: ArcSwapOption::empty(),
            refreshing: Mutex::default(),
            is_refreshing_ahead: AtomicBool::new(false),
            is_expired: AtomicBool::new(false),
        }))
    }

    /// Has the keys fetched again before they are used next. If that fails, they are used as long as they would have been.
    pub(crate) fn expire(&self) {
        self.0.is_expired.store(true, Ordering::Release);
    }

    /// Returns the key with this id, or the only one that fits where the token names none, and the generation of the keys.
    pub(crate) async fn find(
        &self,
        id: Option<&str>,
        algorithm: SignatureAlgorithm,
    ) -> Result<(Arc<PublicKey>, u64), TokenError> {
        let mut current = self.0.current.load_full();
        if !current.as_ref().is_some_and(|set| self.0.is_fresh(set)) {
            self.refresh(current.as_ref(), Why::Age).await;
            current = self.0.current.load_full();
        }
        let set = match current {
            Some(set) if set.fetched.elapsed() < STALE => set,
            _ => return Err(self.0.refreshing.lock().await.unavailable(&self.0.name)),
        };
        self.refresh_ahead(&set);
        if let Some(key) = set.find(id, algorithm) {
            return Ok((key, set.generation));
        }
        self.refresh(Some(&set), Why::UnknownKey).await;
        let set = self.0.current.load_full().unwrap_or(set);
        if let Some(key) = set.find(id, algorithm) {
            return Ok((key, set.generation));
        }
        let attempts = self.0.refreshing.lock().await;
        // A new key of an issuer that cannot be reached looks like one that nobody has.
        if attempts.failures > 0 {
            Err(attempts.unavailable(&self.0.name))
        } else {
            Err(TokenError::UnknownKey)
        }
    }

    /// Returns whether tokens that were verified with keys of this generation need no other look at the keys.
    pub(crate) fn confirms(&self, generation: u64) -> bool {
        let current = self.0.current.load();
        let Some(set) = &*current else { return false };
        self.refresh_ahead(set);
        set.generation == generation && self.0.is_fresh(set)
    }

    /// Fetches the keys in the background when they are going to be too old.
    fn refresh_ahead(&self, set: &Arc<KeySet>) {
        if set.fetched.elapsed() < REFRESH_AHEAD || self.0.is_refreshing_ahead.swap(true, Ordering::AcqRel) {
            return;
        }
        let (source, set) = (self.clone(), Arc::clone(set));
        tokio::spawn(async move {
            source.refresh(Some(&set), Why::Age).await;
            source.0.is_refreshing_ahead.store(false, Ordering::Release);
        });
    }

    /// Fetches the keys, unless somebody else did since `seen` or it is too early. Returns when that is over.
    async fn refresh(&self, seen: Option<&Arc<KeySet>>, why: Why) {
        let (source, seen) = (self.clone(), seen.cloned());
        // A task, because a caller who leaves must not take along what others wait for.
        let refreshed = tokio::spawn(async move { source.refresh_now(seen, why).await }).await;
        if let Err(error) = refreshed {
            tracing::error!(issuer = self.0.name, %error, "fetching the keys of an issuer failed");
        }
    }

    async fn refresh_now(&self, seen: Option<Arc<KeySet>>, why: Why) {
        let shared = &*self.0;
        let mut attempts = shared.refreshing.lock().await;
        let current = shared.current.load_full();
        let fetched_meanwhile = match (&seen, &current) {
            (Some(seen), Some(current)) => current.fetched > seen.fetched,
            (None, current) => current.is_some(),
            (Some(_), None) => false,
        };
        let now = Instant::now();
        if fetched_meanwhile || attempts.not_before.is_some_and(|time| now < time) {
            return;
        }
        if why == Why::UnknownKey && !attempts.may_fetch_early(now) {
            tracing::debug!(
                issuer = shared.name,
                "the keys of an issuer were fetched several times for unknown keys; waiting"
            );
            return;
        }
        match self.fetch().await {
            Ok(document) => {
                *attempts = Attempts { early: attempts.early, ..Attempts::default() };
                self.publish(current.as_ref(), document);
            }
            Err(problem) => {
                let wait = FIRST_RETRY * 2_u32.saturating_pow(attempts.failures.min(16));
                attempts.failures += 1;
                attempts.not_before = Some(Instant::now() + wait.min(LONGEST_RETRY));
                tracing::warn!(issuer = shared.name, problem, "cannot fetch the keys of an issuer");
                attempts.last_problem = problem;
            }
        }
    }

    async fn fetch(&self) -> Result<(Vec<u8>, KeyList), String> {
        let shared = &*self.0;
        let url = match &shared.jwks_url {
            Some(url) => Url::parse(url).map_err(|_| "`jwks_url` is not a URL".to_owned())?,
            None => discovery::keys_url(&shared.issuer, &*shared.fetch).await?,
        };
        let document = shared.fetch.get(&url).await;
        let document = document.map_err(|error| format!("its keys cannot be fetched: {error}"))?;
        let list = read_keys(&document)?;
        Ok((document.to_vec(), list))
    }

    fn publish(&self, before: Option<&Arc<KeySet>>, (document, keys): (Vec<u8>, KeyList)) {
        let generation = match before {
            Some(before) if before.document == document => before.generation,
            Some(before) => before.generation + 1,
            None => 1,
        };
        if before.is_none_or(|before| before.generation != generation) {
            tracing::info!(issuer = self.0.name, keys = keys.len(), "read the keys of an issuer");
        }
        let set = KeySet { keys, document, fetched: Instant::now(), generation };
        self.0.current.store(Some(Arc::new(set)));
        self.0.is_expired.store(false, Ordering::Release);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    Age,
    UnknownKey,
}

impl Attempts {
    /// Returns the error of a token that cannot be checked before the next attempt.
    fn unavailable(&self, issuer: &str) -> TokenError {
        let next = self.not_before.map(|time| time.saturating_duration_since(Instant::now()));
        TokenError::KeysUnavailable {
            issuer: issuer.to_owned(),
            problem: self.last_problem.clone(),
            retry_after: next.unwrap_or_default().max(FIRST_RETRY),
        }
    }

    fn may_fetch_early(&mut self, now: Instant) -> bool {
        let free = self.early.filter(|free| *free > now).unwrap_or(now);
        if free > now + EARLY_INTERVAL * (EARLY_BURST - 1) {
            return false;
        }
        self.early = Some(free + EARLY_INTERVAL);
        true
    }
}

impl KeySet {
    fn find(&self, id: Option<&str>, algorithm: SignatureAlgorithm) -> Option<Arc<PublicKey>> {
        let mut fitting = self
            .keys
            .iter()
            .filter(|(known, key)| key.allows(algorithm) && id.is_none_or(|id| known.as_deref() == Some(id)));
        let first = fitting.next()?;
        // Without an id there must be no choice.
        let is_ambiguous = id.is_none() && fitting.next().is_some();
        (!is_ambiguous).then(|| Arc::clone(&first.1))
    }
}

type KeyList = Vec<(Option<String>, Arc<PublicKey>)>;

/// Reads a JWK Set. Keys that cannot be used are left out, as RFC 7517 §5 says.
fn read_keys(document: &[u8]) -> Result<KeyList, String> {
    #[derive(Deserialize)]
    struct Document {
        keys: Vec<Value>,
    }
    let document: Document =
        serde_json::from_slice(document).map_err(|_| "its keys are not a JWK Set".to_owned())?;
    let keys = document.keys.into_iter().take(MAX_KEYS).filter_map(|key| {
        let jwk: Jwk = serde_json::from_value(key).ok()?;
        let key = PublicKey::from_jwk(&jwk)?;
        let id = jwk.kid.filter(|id| id.len() <= MAX_KEY_ID_BYTES);
        Some((id, Arc::new(key)))
    });
    let keys: KeyList = keys.collect();
    if keys.is_empty() {
        return Err("its JWK Set has no key for signatures that is supported".to_owned());
    }
    Ok(keys)
}

#[cfg(test)]
mod tests;
