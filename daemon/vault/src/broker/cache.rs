//! The cache of one vault's secrets: values until they are too old even as a fallback for a vault that is down, and, for a
//! few seconds, errors. It is bounded by entries and bytes; the least recently used is removed first.
//!
//! It never holds a secret with a lease, and does not know who requests one.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use lru::LruCache;
use tokio::time::Instant;

use super::limits::Limits;
use crate::{error::VaultError, secret::Content};

/// The rough overhead of an entry.
const ENTRY_BYTES: usize = 256;

/// A secret as it was read.
#[derive(Debug)]
pub(super) struct StoredSecret {
    pub(super) content: Content,
    pub(super) version: Option<String>,
    /// When the vault was asked.
    pub(super) read: Instant,
    /// The same for people.
    pub(super) fetched: Timestamp,
}

/// What is known of a secret.
#[derive(Debug)]
pub(super) enum CacheHit {
    Secret(Arc<StoredSecret>),
    Error(VaultError),
}

enum Entry {
    Secret(Arc<StoredSecret>),
    Error { error: VaultError, until: Instant },
}

/// The secrets of one vault, by their locators.
pub(super) struct Cache {
    entries: LruCache<Box<str>, Entry>,
    bytes: usize,
    secrets: usize,
    /// Grows when the cache is cleared: what was requested before is not kept afterwards.
    generation: u64,
    /// Whether a task sweeps the cache.
    is_swept: bool,
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
            is_swept: false,
            ttl: limits.ttl,
            keep: limits.ttl.saturating_add(limits.stale_while_error),
            negative_ttl: limits.negative_ttl,
            max_entries: limits.max_entries,
            max_bytes: limits.max_bytes,
        }
    }

    /// Returns what can be answered without a call of the vault.
    pub(super) fn get(&mut self, locator: &str, now: Instant) -> Option<CacheHit> {
        match self.entries.get(locator)? {
            Entry::Secret(stored) if now.duration_since(stored.read) < self.ttl => {
                Some(CacheHit::Secret(Arc::clone(stored)))
            }
            Entry::Error { error, until } if now < *until => Some(CacheHit::Error(error.clone())),
            Entry::Secret(_) | Entry::Error { .. } => None,
        }
    }

    /// Returns the last good value, for when the vault does not answer.
    pub(super) fn last_good(&mut self, locator: &str, now: Instant) -> Option<Arc<StoredSecret>> {
        match self.entries.get(locator)? {
            Entry::Secret(stored) if now.duration_since(stored.read) < self.keep => Some(Arc::clone(stored)),
            Entry::Secret(_) | Entry::Error { .. } => None,
        }
    }

    /// Returns the generation of a read that begins now.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Caches a value. Returns true where the caller has to start a task that calls [`sweep`](Self::sweep).
    pub(super) fn insert(&mut self, locator: &str, stored: Arc<StoredSecret>, generation: u64) -> bool {
        if self.ttl.is_zero() || generation != self.generation {
            return false;
        }
        // The newer read stays, even where its answer came first.
        if let Some(Entry::Secret(newer)) = self.entries.peek(locator)
            && newer.read > stored.read
        {
            return false;
        }
        self.put(locator, Entry::Secret(stored))
    }

    /// Caches an error. Returns what [`insert`](Self::insert) does.
    pub(super) fn insert_error(
        &mut self,
        locator: &str,
        error: &VaultError,
        generation: u64,
        now: Instant,
    ) -> bool {
        if generation != self.generation {
            return false;
        }
        // Even where errors are not cached: after this answer, the value before is out of date.
        self.remove(locator);
        !self.negative_ttl.is_zero()
            && self.put(locator, Entry::Error { error: error.clone(), until: now + self.negative_ttl })
    }

    fn put(&mut self, locator: &str, entry: Entry) -> bool {
        self.remove(locator);
        let bytes = cost(locator, &entry);
        if bytes > self.max_bytes || self.max_entries == 0 {
            return false;
        }
        while self.entries.len() >= self.max_entries || self.bytes + bytes > self.max_bytes {
            let Some((oldest, entry)) = self.entries.pop_lru() else { break };
            self.subtract(&oldest, &entry);
        }
        self.bytes += bytes;
        self.secrets += usize::from(matches!(entry, Entry::Secret(_)));
        self.entries.put(locator.into(), entry);
        !std::mem::replace(&mut self.is_swept, true)
    }

    fn remove(&mut self, locator: &str) {
        if let Some(entry) = self.entries.pop(locator) {
            self.subtract(locator, &entry);
        }
    }

    fn subtract(&mut self, locator: &str, entry: &Entry) {
        self.bytes -= cost(locator, entry);
        self.secrets -= usize::from(matches!(entry, Entry::Secret(_)));
    }

    /// Removes everything; returns how many secrets there were.
    pub(super) fn clear(&mut self) -> usize {
        self.generation += 1;
        self.entries.clear();
        self.bytes = 0;
        std::mem::take(&mut self.secrets)
    }

    /// Removes what has expired. Returns false where the cache is empty, so that nobody needs to sweep it until
    /// [`insert`](Self::insert) or [`insert_error`](Self::insert_error) says so.
    pub(super) fn sweep(&mut self, now: Instant) -> bool {
        let (keep, mut bytes, mut secrets) = (self.keep, self.bytes, self.secrets);
        self.entries.retain(|locator, entry| {
            let good = match entry {
                Entry::Secret(stored) => now.duration_since(stored.read) < keep,
                Entry::Error { until, .. } => now < *until,
            };
            if !good {
                bytes -= cost(locator, entry);
                secrets -= usize::from(matches!(entry, Entry::Secret(_)));
            }
            good
        });
        (self.bytes, self.secrets) = (bytes, secrets);
        self.is_swept = !self.entries.is_empty();
        self.is_swept
    }

    /// Returns the number of secrets, and the bytes of all entries.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.secrets, self.bytes)
    }
}

fn cost(locator: &str, entry: &Entry) -> usize {
    let texts = match entry {
        Entry::Secret(stored) => stored.content.len(),
        Entry::Error { error, .. } => error.message.len() + error.remedy.as_ref().map_or(0, String::len),
    };
    ENTRY_BYTES + locator.len() + texts
}
