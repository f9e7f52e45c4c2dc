//! Lists in pages. A page token is opaque to clients: it names the list and its filters, and the last entry given out.

use sha2::{Digest, Sha256};

use crate::domain::Refusal;

/// Which page of a list is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageRequest {
    /// At most so many entries; more than 1,000 are not given. 0: as many as the list gives by itself.
    pub size: u32,
    /// `next` of the page before; empty for the first.
    pub token: String,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The entries.
    pub items: Vec<T>,
    /// The token of the next page; empty: this is the last.
    pub next: String,
}

/// A list with its filters, as far as its tokens go.
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

    /// The token that goes on after the entry called `last`.
    pub(super) fn token(&self, last: &str) -> String {
        let mut bytes = self.fingerprint.to_vec();
        bytes.extend_from_slice(last.as_bytes());
        hex::encode(bytes)
    }

    /// The entry after which a token goes on. None: from the beginning.
    pub(super) fn after(&self, token: &str) -> Result<Option<String>, Refusal> {
        if token.is_empty() {
            return Ok(None);
        }
        let bytes = hex::decode(token).map_err(|_| bad_token())?;
        let rest = bytes.strip_prefix(&self.fingerprint).ok_or_else(bad_token)?;
        let last = std::str::from_utf8(rest).map_err(|_| bad_token())?;
        if last.is_empty() { Err(bad_token()) } else { Ok(Some(last.to_owned())) }
    }
}

pub(super) fn bad_token() -> Refusal {
    Refusal::invalid("page_token", "the page token is none of this list with these filters").remedy(
        "pass `next_page_token` of the page before and change nothing else, or leave it out to begin anew",
    )
}

/// How many entries a page has: what was asked for, `default` for 0, and `max` at most.
pub(super) fn page_size(asked: u32, default: u32, max: u32) -> usize {
    let size = if asked == 0 { default } else { asked };
    size.min(max) as usize
}

/// Cuts a page out of a list that goes on after the last entry given out.
pub(super) fn cut<T>(
    entries: impl Iterator<Item = T>,
    size: usize,
    listing: &Listing,
    name: impl Fn(&T) -> String,
) -> Page<T> {
    let mut items: Vec<T> = entries.take(size + 1).collect();
    let more = items.len() > size;
    items.truncate(size);
    let next = match items.last() {
        Some(last) if more => listing.token(&name(last)),
        _ => String::new(),
    };
    Page { items, next }
}
