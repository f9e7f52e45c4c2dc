//! Lists in pages. A page token is opaque to clients: it names the list and its filters, and the last entry of the page.

use kontraktor_model::{limits::MAX_NAME_CHARS, names::EnvPath};
use sha2::{Digest, Sha256};

use super::Order;
use kontraktor_domain::Refusal;

/// A request for one page of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageRequest {
    /// The maximum number of entries, up to 1,000. `None`: the default of the list.
    pub size: Option<u32>,
    /// `next` of the previous page; `None` for the first.
    pub token: Option<String>,
    /// The order, in lists that can have others than the usual one.
    pub order: Order,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The entries.
    pub items: Vec<T>,
    /// The token of the next page; `None`: this is the last.
    pub next: Option<String>,
}

/// Identifies a list with its filters in page tokens.
pub(super) struct Listing {
    fingerprint: [u8; 8],
}

impl Listing {
    /// `parts` are the list's name and its filters.
    pub(super) fn new(parts: &[&str]) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part.as_bytes());
        }
        let digest: [u8; 32] = hasher.finalize().into();
        let mut fingerprint = [0; 8];
        fingerprint.copy_from_slice(&digest[..8]);
        Self { fingerprint }
    }

    /// Returns the token that continues after the entry called `last`.
    pub(super) fn token(&self, last: &str) -> String {
        let mut bytes = self.fingerprint.to_vec();
        bytes.extend_from_slice(last.as_bytes());
        hex::encode(bytes)
    }

    /// Returns the entry after which a token continues. None: from the beginning.
    pub(super) fn after(&self, token: Option<&str>) -> Result<Option<String>, Refusal> {
        let Some(token) = token else { return Ok(None) };
        let bytes = hex::decode(token).map_err(|_| bad_token())?;
        let rest = bytes.strip_prefix(&self.fingerprint).ok_or_else(bad_token)?;
        let last = std::str::from_utf8(rest).map_err(|_| bad_token())?;
        if last.is_empty() { Err(bad_token()) } else { Ok(Some(last.to_owned())) }
    }
}

pub(super) fn bad_token() -> Refusal {
    Refusal::invalid("page_token", "the page token does not belong to this list with these filters").remedy(
        "pass `next_page_token` of the previous page and change nothing else, or leave it out to start over",
    )
}

/// Returns how many entries a page has: the number requested or `default`, and `max` at most.
pub(super) fn page_size(asked: Option<u32>, default: u32, max: u32) -> usize {
    asked.unwrap_or(default).min(max) as usize
}

/// How many bytes of text the entries of one page may hold: 3 MiB. With names and the rest of a thousand entries it stays
/// below the 4 MiB that gRPC clients accept by default. A page always has one entry.
pub(super) const PAGE_BYTES: usize = 3 * 1024 * 1024;

/// A page under construction.
pub(super) struct Cut<T> {
    items: Vec<T>,
    size: usize,
    bytes: usize,
}

impl<T> Cut<T> {
    /// Starts a page of at most `size` entries.
    pub(super) fn new(size: usize) -> Self {
        Self { items: Vec::new(), size, bytes: 0 }
    }

    /// Adds an entry of so many bytes of text. Returns false where it has no room: the page is complete.
    pub(super) fn push(&mut self, entry: T, bytes: usize) -> bool {
        let full = self.items.len() >= self.size || self.bytes + bytes > PAGE_BYTES;
        if full && !self.items.is_empty() {
            return false;
        }
        self.bytes += bytes;
        self.items.push(entry);
        true
    }

    /// Estimates how many more entries like those so far fit, plus one, which shows whether there are further pages.
    pub(super) fn wanted(&self) -> usize {
        let average = self.bytes / self.items.len().max(1) + 1;
        let room = PAGE_BYTES.saturating_sub(self.bytes) / average;
        room.min(self.size.saturating_sub(self.items.len())) + 1
    }

    /// Returns the entry that was added last.
    pub(super) fn last(&self) -> Option<&T> {
        self.items.last()
    }

    /// Returns the page; `more` is whether entries are left.
    pub(super) fn page(self, more: bool, listing: &Listing, name: impl Fn(&T) -> String) -> Page<T> {
        let next = match self.items.last() {
            Some(last) if more => Some(listing.token(&name(last))),
            _ => None,
        };
        Page { items: self.items, next }
    }
}

/// Cuts a page out of a list that starts after the last entry of the previous page. `weigh` returns how many bytes of text
/// an entry holds.
pub(super) fn cut<T>(
    mut entries: impl Iterator<Item = T>,
    size: usize,
    listing: &Listing,
    weigh: impl Fn(&T) -> usize,
    name: impl Fn(&T) -> String,
) -> Page<T> {
    let mut cut = Cut::new(size);
    let more = !entries.all(|entry| {
        let bytes = weigh(&entry);
        cut.push(entry, bytes)
    });
    cut.page(more, listing, name)
}

/// Estimates the bytes of the names of imported environments.
pub(super) fn weigh_imports(imports: &[EnvPath]) -> usize {
    imports.len() * 2 * (MAX_NAME_CHARS + 4)
}
