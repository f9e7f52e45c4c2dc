//! What is remembered of one vault's secrets: values until they are too old even to stand in for a vault that is down, and
//! for a few seconds that a secret cannot be had. Bounded by entries and bytes; who was not asked for longest goes first.
//!
//! It never holds what has a lease, and does not know who asks.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use lru::LruCache;
use tokio::time::Instant;

use super::{Content, Limits, VaultError};

/// What an entry takes besides its texts, roughly.
const ENTRY_BYTES: usize = 256;

/// A secret as it was read.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) content: Content,
    pub(super) version: Option<String>,
    /// When the vault was asked.
    pub(super) read: Instant,
    /// The same for people.
    pub(super) fetched: Timestamp,
}

/// What is remembered of a secret.
#[derive(Debug)]
pub(super) enum Found {
    Secret(Arc<Stored>),
    Refused(VaultError),
}

enum Entry {
    Secret(Arc<Stored>),
    Refused { error: VaultError, until: Instant },
}

/// The secrets of one vault, by their locators.
pub(super) struct Cache {
    entries: LruCache<Box<str>, Entry>,
    bytes: usize,
    secrets: usize,
    /// Grows when everything is forgotten: what was asked for before that is not kept after it.
    generation: u64,
    /// Whether somebody comes by to throw out what is too old.
    swept: bool,
    ttl: Duration,
    keep: Duration,
    negative_ttl: Duration,
    max_entries: usize,
    max_bytes: usize,
}

impl Cache {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            entries: LruCache::unbounded(),
            bytes: 0,
            secrets: 0,
            generation: 0,
            swept: false,
            ttl: limits.ttl,
            keep: limits.ttl.saturating_add(limits.stale_while_error),
            negative_ttl: limits.negative_ttl,
            max_entries: limits.max_entries,
            max_bytes: limits.max_bytes,
        }
    }

    /// What can be answered without asking the vault.
    pub(super) fn get(&mut self, locator: &str, now: Instant) -> Option<Found> {
        match self.entries.get(locator)? {
            Entry::Secret(stored) if now.duration_since(stored.read) < self.ttl => {
                Some(Found::Secret(Arc::clone(stored)))
            }
            Entry::Refused { error, until } if now < *until => Some(Found::Refused(error.clone())),
            Entry::Secret(_) | Entry::Refused { .. } => None,
        }
    }

    /// The last good value, for when the vault does not answer.
    pub(super) fn last_good(&mut self, locator: &str, now: Instant) -> Option<Arc<Stored>> {
        match self.entries.get(locator)? {
            Entry::Secret(stored) if now.duration_since(stored.read) < self.keep => Some(Arc::clone(stored)),
            Entry::Secret(_) | Entry::Refused { .. } => None,
        }
    }

    /// Which generation a read belongs to that begins now.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Remembers a value. True: from now on somebody has to [`sweep`](Self::sweep).
    pub(super) fn keep(&mut self, locator: &str, stored: Arc<Stored>, generation: u64) -> bool {
        if self.ttl.is_zero() || generation != self.generation {
            return false;
        }
        // What was read later stays, also where the answers came in the other order.
        if let Some(Entry::Secret(newer)) = self.entries.peek(locator)
            && newer.read > stored.read
        {
            return false;
        }
        self.put(locator, Entry::Secret(stored))
    }

    /// Remembers that there is nothing to be had. As with [`keep`](Self::keep).
    pub(super) fn refuse(
        &mut self,
        locator: &str,
        error: &VaultError,
        generation: u64,
        now: Instant,
    ) -> bool {
        if generation != self.generation {
            return false;
        }
        // Also without anything to remember: the vault has spoken, and the value before is no longer good.
        self.remove(locator);
        !self.negative_ttl.is_zero()
            && self.put(locator, Entry::Refused { error: error.clone(), until: now + self.negative_ttl })
    }

    fn put(&mut self, locator: &str, entry: Entry) -> bool {
        self.remove(locator);
        let bytes = cost(locator, &entry);
        if bytes > self.max_bytes || self.max_entries == 0 {
            return false;
        }
        while self.entries.len() >= self.max_entries || self.bytes + bytes > self.max_bytes {
            let Some((oldest, entry)) = self.entries.pop_lru() else { break };
            self.count_out(&oldest, &entry);
        }
        self.bytes += bytes;
        self.secrets += usize::from(matches!(entry, Entry::Secret(_)));
        self.entries.put(locator.into(), entry);
        !std::mem::replace(&mut self.swept, true)
    }

    fn remove(&mut self, locator: &str) {
        if let Some(entry) = self.entries.pop(locator) {
            self.count_out(locator, &entry);
        }
    }

    fn count_out(&mut self, locator: &str, entry: &Entry) {
        self.bytes -= cost(locator, entry);
        self.secrets -= usize::from(matches!(entry, Entry::Secret(_)));
    }

    /// Forgets everything; how many secrets that were.
    pub(super) fn clear(&mut self) -> usize {
        self.generation += 1;
        self.entries.clear();
        self.bytes = 0;
        std::mem::take(&mut self.secrets)
    }

    /// Throws out what can no longer be answered with. False: there is nothing left, and nobody needs to come again until
    /// [`keep`](Self::keep) or [`refuse`](Self::refuse) says so.
    pub(super) fn sweep(&mut self, now: Instant) -> bool {
        let (keep, mut bytes, mut secrets) = (self.keep, self.bytes, self.secrets);
        self.entries.retain(|locator, entry| {
            let good = match entry {
                Entry::Secret(stored) => now.duration_since(stored.read) < keep,
                Entry::Refused { until, .. } => now < *until,
            };
            if !good {
                bytes -= cost(locator, entry);
                secrets -= usize::from(matches!(entry, Entry::Secret(_)));
            }
            good
        });
        (self.bytes, self.secrets) = (bytes, secrets);
        self.swept = !self.entries.is_empty();
        self.swept
    }

    /// How many secrets there are, and how many bytes all entries take.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.secrets, self.bytes)
    }
}

fn cost(locator: &str, entry: &Entry) -> usize {
    let texts = match entry {
        Entry::Secret(stored) => stored.content.len(),
        Entry::Refused { error, .. } => error.message.len() + error.remedy.len(),
    };
    ENTRY_BYTES + locator.len() + texts
}
