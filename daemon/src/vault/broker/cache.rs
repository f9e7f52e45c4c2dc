//! What was read of one vault, for a while: bounded in entries and in bytes, the least recently used go first. Values are
//! wiped when the last holder lets go of them.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use jiff::Timestamp;
use lru::LruCache;
use tokio::time::Instant;

use super::{
    super::{Content, VaultError},
    Limits,
};

/// What an entry takes beside its texts.
const ENTRY_BYTES: usize = 256;

/// A secret as it was read once.
#[derive(Debug, Clone)]
pub(super) struct Good {
    pub(super) content: Arc<Content>,
    pub(super) version: Option<String>,
    /// When, for people.
    pub(super) fetched: Timestamp,
    /// When, for the time to live.
    at: Instant,
}

impl Good {
    pub(super) fn new(content: Content, version: Option<String>, fetched: Timestamp, now: Instant) -> Self {
        Self { content: Arc::new(content), version, fetched, at: now }
    }
}

/// What is known of a locator.
#[derive(Debug)]
enum Entry {
    Good(Good),
    /// The vault said that it cannot be had.
    Bad {
        error: VaultError,
        until: Instant,
    },
}

/// By locator.
pub(super) struct Cache {
    entries: LruCache<String, Entry>,
    bytes: usize,
    max_bytes: usize,
    ttl: Duration,
    stale: Duration,
    negative_ttl: Duration,
}

impl Cache {
    pub(super) fn new(limits: &Limits) -> Self {
        let entries = NonZeroUsize::new(limits.max_entries).unwrap_or(NonZeroUsize::MIN);
        Self {
            entries: LruCache::new(entries),
            bytes: 0,
            max_bytes: limits.max_bytes,
            ttl: limits.ttl,
            stale: limits.stale,
            negative_ttl: limits.negative_ttl,
        }
    }

    /// What holds without asking the vault.
    pub(super) fn fresh(&mut self, locator: &str, now: Instant) -> Option<Result<Good, VaultError>> {
        match self.entries.get(locator)? {
            Entry::Good(good) if now < good.at + self.ttl => Some(Ok(good.clone())),
            Entry::Bad { error, until } if now < *until => Some(Err(error.clone())),
            _ => None,
        }
    }

    /// The last good value, where the vault does not answer and it is not too old for that.
    pub(super) fn stale(&mut self, locator: &str, now: Instant) -> Option<Good> {
        match self.entries.get(locator)? {
            Entry::Good(good) if now < good.at + self.ttl + self.stale => Some(good.clone()),
            _ => None,
        }
    }

    pub(super) fn put(&mut self, locator: String, good: Good) {
        if !(self.ttl + self.stale).is_zero() {
            self.insert(locator, Entry::Good(good));
        }
    }

    /// What the vault said replaces what it said before: a secret that was deleted is not handed out any more.
    pub(super) fn put_error(&mut self, locator: String, error: VaultError, now: Instant) {
        self.insert(locator, Entry::Bad { error, until: now + self.negative_ttl });
    }

    fn insert(&mut self, locator: String, entry: Entry) {
        let bytes = weigh(&locator, &entry);
        self.remove(&locator);
        if bytes > self.max_bytes {
            return;
        }
        self.bytes += bytes;
        if let Some((locator, pushed_out)) = self.entries.push(locator, entry) {
            self.bytes -= weigh(&locator, &pushed_out);
        }
        while self.bytes > self.max_bytes {
            let Some((locator, entry)) = self.entries.pop_lru() else { break };
            self.bytes -= weigh(&locator, &entry);
        }
    }

    pub(super) fn remove(&mut self, locator: &str) {
        if let Some((locator, entry)) = self.entries.pop_entry(locator) {
            self.bytes -= weigh(&locator, &entry);
        }
    }

    /// Forgets everything; says how many secrets that were.
    pub(super) fn clear(&mut self) -> usize {
        let secrets = self.secrets();
        self.entries.clear();
        self.bytes = 0;
        secrets
    }

    /// How many secrets are held.
    pub(super) fn secrets(&self) -> usize {
        self.entries.iter().filter(|(_, entry)| matches!(entry, Entry::Good(_))).count()
    }

    /// How many bytes all entries take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

fn weigh(locator: &str, entry: &Entry) -> usize {
    let held = match entry {
        Entry::Good(good) => good.content.len() + good.version.as_ref().map_or(0, String::len),
        Entry::Bad { error, .. } => error.message.len() + error.remedy.len(),
    };
    ENTRY_BYTES + locator.len() + held
}

#[cfg(test)]
mod tests {
    use super::{super::super::Fault, *};

    fn good(bytes: usize) -> Good {
        let content = Content::Whole(super::super::super::Bytes::new(vec![b'x'; bytes]));
        Good::new(content, None, Timestamp::UNIX_EPOCH, Instant::now())
    }

    fn cache(change: impl FnOnce(&mut Limits)) -> Cache {
        let mut limits = Limits { ttl: Duration::from_mins(5), ..Limits::default() };
        change(&mut limits);
        Cache::new(&limits)
    }

    #[tokio::test(start_paused = true)]
    async fn a_value_is_fresh_then_stale_then_gone() {
        let mut cache = cache(|limits| limits.stale = Duration::from_mins(10));
        cache.put("a".to_owned(), good(1));
        assert!(cache.fresh("a", Instant::now()).is_some());
        tokio::time::advance(Duration::from_mins(5)).await;
        assert!(cache.fresh("a", Instant::now()).is_none());
        assert!(cache.stale("a", Instant::now()).is_some());
        tokio::time::advance(Duration::from_mins(10)).await;
        assert!(cache.stale("a", Instant::now()).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_had_is_remembered_for_a_moment_and_replaces_what_could() {
        let mut cache = cache(|_| {});
        let gone = VaultError::new(Fault::NotFound, "there is none");
        cache.put("a".to_owned(), good(1));
        cache.put_error("a".to_owned(), gone.clone(), Instant::now());
        assert_eq!(cache.fresh("a", Instant::now()).unwrap().unwrap_err(), gone);
        assert!(cache.stale("a", Instant::now()).is_none());
        tokio::time::advance(Limits::default().negative_ttl).await;
        assert!(cache.fresh("a", Instant::now()).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn entries_and_bytes_are_bounded_and_the_least_used_go_first() {
        let mut small = cache(|limits| limits.max_entries = 2);
        for locator in ["a", "b"] {
            small.put(locator.to_owned(), good(1));
        }
        assert!(small.fresh("a", Instant::now()).is_some());
        small.put("c".to_owned(), good(1));
        assert!(small.fresh("b", Instant::now()).is_none() && small.fresh("a", Instant::now()).is_some());
        assert_eq!(small.bytes(), 2 * (ENTRY_BYTES + 2));

        let mut narrow = cache(|limits| limits.max_bytes = 10_000);
        narrow.put("a".to_owned(), good(4000));
        narrow.put("b".to_owned(), good(4000));
        narrow.put("c".to_owned(), good(4000));
        assert!(narrow.fresh("a", Instant::now()).is_none() && narrow.bytes() <= 10_000);
        narrow.put("d".to_owned(), good(20_000));
        assert!(narrow.fresh("d", Instant::now()).is_none(), "what is too large for all is not kept");
        narrow.put("b".to_owned(), good(1));
        assert_eq!(narrow.clear(), 2);
        assert_eq!(narrow.bytes(), 0);
    }
}
