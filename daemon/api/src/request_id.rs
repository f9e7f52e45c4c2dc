//! The id of a request, by which its log lines are found: the client's own, or one that is made here.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tonic::codegen::http::HeaderMap;
use uuid::Uuid;

/// The header in which a client names its request, as proxies and other servers do.
const HEADER: &str = "x-request-id";

/// The longest id that is accepted from a client, in characters.
const MAX_CHARS: usize = 64;

/// The id of a request, as an extension of it.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) Arc<str>);

/// Makes ids. They differ between two runs of the daemon, too.
#[derive(Debug, Clone)]
pub(crate) struct RequestIds {
    prefix: u32,
    last: Arc<AtomicU64>,
}

impl RequestIds {
    pub(crate) fn new() -> Self {
        Self { prefix: Uuid::new_v4().as_fields().0, last: Arc::default() }
    }

    /// Returns the client's id where it has 1 to 64 characters of A-Z, a-z, 0-9, `.`, `_` and `-`, and a new one
    /// otherwise: nothing else gets into log lines.
    pub(crate) fn of(&self, headers: &HeaderMap) -> Arc<str> {
        let sent = headers.get(HEADER).and_then(|id| id.to_str().ok()).filter(|id| is_well_formed(id));
        match sent {
            Some(id) => id.into(),
            None => {
                let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
                format!("{:08x}-{number}", self.prefix).into()
            }
        }
    }
}

fn is_well_formed(id: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=MAX_CHARS).contains(&id.len()) && id.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(ids: &RequestIds, sent: &[u8]) -> Arc<str> {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, sent.try_into().unwrap());
        ids.of(&headers)
    }

    #[test]
    fn a_well_formed_id_is_kept_and_any_other_replaced() {
        let ids = RequestIds::new();
        for sent in ["a", "0193-ab_c.D", &"x".repeat(64)] {
            assert_eq!(&*id(&ids, sent.as_bytes()), sent);
        }
        for sent in [&b""[..], b"a b", b"a\tb", b"caf\xc3\xa9", b"\"quoted\"", &[b'x'; 65]] {
            assert!(is_well_formed(&id(&ids, sent)));
            assert_ne!(id(&ids, sent).as_bytes(), sent);
        }
        assert_ne!(ids.of(&HeaderMap::new()), ids.of(&HeaderMap::new()));
    }
}
