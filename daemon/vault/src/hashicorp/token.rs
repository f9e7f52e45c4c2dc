//! A token of Vault, and how long it lasts.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use reqwest::header::HeaderValue;
use tokio::time::Instant;
use zeroize::Zeroizing;

/// The longest time to live, far below what overflows.
const MAX_LIFE: Duration = Duration::from_hours(24 * 365 * 10);

/// Bounds a duration that Vault reports.
pub(super) fn seconds(count: u64) -> Duration {
    Duration::from_secs(count).min(MAX_LIFE)
}

/// A token. Its text is wiped with the last clone, and never printed.
pub(super) struct Token {
    header: HeaderValue,
    /// Whether signing in issued it, so that the daemon may revoke it.
    pub(super) issued: bool,
    /// Whether Vault has accepted it, and not merely not rejected it.
    pub(super) proven: bool,
    /// When it was issued or adopted.
    pub(super) since: Instant,
    /// The first time to live; `None` where it never expires, or this is unknown.
    pub(super) granted: Option<Duration>,
    life: Mutex<Life>,
}

struct Life {
    expires: Option<Instant>,
    renewable: bool,
}

impl Token {
    /// Makes a token; `None` where the text is invalid. `granted` is zero or `None` for one that never expires.
    pub(super) fn new(
        text: Zeroizing<Vec<u8>>,
        issued: bool,
        proven: bool,
        granted: Option<Duration>,
        renewable: bool,
    ) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        let mut header = HeaderValue::from_maybe_shared(Bytes::from_owner(text)).ok()?;
        header.set_sensitive(true);
        let since = Instant::now();
        let granted = granted.filter(|life| !life.is_zero());
        let expires = granted.map(|life| since + life);
        let life = Mutex::new(Life { expires, renewable: renewable && expires.is_some() });
        Some(Self { header, issued, proven, since, granted, life })
    }

    pub(super) fn header(&self) -> HeaderValue {
        self.header.clone()
    }

    fn life(&self) -> MutexGuard<'_, Life> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how much time is left; `None` where it never expires.
    pub(super) fn left(&self) -> Option<Duration> {
        self.life().expires.map(|end| end.saturating_duration_since(Instant::now()))
    }

    pub(super) fn is_expired(&self) -> bool {
        self.left().is_some_and(|left| left.is_zero())
    }

    pub(super) fn is_renewable(&self) -> bool {
        self.life().renewable
    }

    /// Records that Vault renewed it, for this long from now.
    pub(super) fn renewed(&self, left: Duration, renewable: bool) {
        *self.life() = Life { expires: Some(Instant::now() + left), renewable };
    }

    /// Records that Vault does not renew it any more.
    pub(super) fn set_not_renewable(&self) {
        self.life().renewable = false;
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}
