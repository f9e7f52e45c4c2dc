//! A token of Vault's: what the daemon is known by, and how long it lasts.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use reqwest::header::HeaderValue;
use tokio::time::Instant;
use zeroize::Zeroizing;

/// Longer than this, nothing of Vault's is taken to last; far below what overflows.
const MAX_LIFE: Duration = Duration::from_hours(24 * 365 * 10);

/// A length of time that came from outside.
pub(super) fn seconds(count: u64) -> Duration {
    Duration::from_secs(count).min(MAX_LIFE)
}

/// A token. Its text is wiped when the last holder lets go of it, and never printed.
pub(super) struct Token {
    header: HeaderValue,
    /// Whether the daemon got it by signing in, and so may end it.
    pub(super) ours: bool,
    /// Whether Vault is known to have known it, and not just not known to refuse it.
    pub(super) proven: bool,
    /// Since when it is used.
    pub(super) since: Instant,
    /// How long Vault let it live at first; `None`: for ever, or nobody knows.
    pub(super) granted: Option<Duration>,
    life: Mutex<Life>,
}

struct Life {
    ends: Option<Instant>,
    renewable: bool,
}

impl Token {
    /// `None`: the text can be no token. `granted` is zero or `None` for one that does not end.
    pub(super) fn new(
        text: Zeroizing<Vec<u8>>,
        ours: bool,
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
        let ends = granted.map(|life| since + life);
        let life = Mutex::new(Life { ends, renewable: renewable && ends.is_some() });
        Some(Self { header, ours, proven, since, granted, life })
    }

    pub(super) fn header(&self) -> HeaderValue {
        self.header.clone()
    }

    fn life(&self) -> MutexGuard<'_, Life> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How much time is left; `None`: it does not end.
    pub(super) fn left(&self) -> Option<Duration> {
        self.life().ends.map(|end| end.saturating_duration_since(Instant::now()))
    }

    pub(super) fn is_over(&self) -> bool {
        self.left().is_some_and(|left| left.is_zero())
    }

    pub(super) fn is_renewable(&self) -> bool {
        self.life().renewable
    }

    /// Vault prolonged it, to this long from now.
    pub(super) fn prolonged(&self, left: Duration, renewable: bool) {
        *self.life() = Life { ends: Some(Instant::now() + left), renewable };
    }

    /// Vault will not prolong it any more.
    pub(super) fn runs_out(&self) {
        self.life().renewable = false;
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}
