//! Cursors of lists: what the service names a page by, sealed so that a client can neither read meaning into it nor change it.

mod key_file;

use std::{path::Path, sync::Arc};

use aws_lc_rs::{hmac, rand};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use kontraktor_domain::Refusal;

use super::problem::Problem;

/// How much of the code a cursor carries, in bytes.
const SEAL_BYTES: usize = 16;

/// The longest cursor that is looked at, in characters.
const MAX_CHARS: usize = 2048;

/// Seals cursors with the key of a data directory.
#[derive(Clone)]
pub(crate) struct Cursors(Arc<hmac::Key>);

impl Cursors {
    /// With this key: 32 random bytes.
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, key)))
    }

    /// With the key of a data directory, which is made where it is missing.
    pub(crate) fn of_data_dir(dir: &Path) -> Result<Self, aws_lc_rs::error::Unspecified> {
        let mut fresh = [0; 32];
        rand::fill(&mut fresh)?;
        Ok(Self::new(&key_file::key(dir, fresh)))
    }

    /// Returns the cursor for a token of the service's lists.
    pub(super) fn seal(&self, token: &str) -> String {
        let seal = hmac::sign(&self.0, token.as_bytes());
        let sealed = [&seal.as_ref()[..SEAL_BYTES], token.as_bytes()].concat();
        BASE64.encode(sealed)
    }

    /// Returns the token in a cursor that this daemon gave out.
    pub(super) fn open(&self, cursor: &str) -> Result<String, Problem> {
        self.opened(cursor).ok_or_else(|| foreign().into())
    }

    fn opened(&self, cursor: &str) -> Option<String> {
        if cursor.len() > MAX_CHARS {
            return None;
        }
        let sealed = BASE64.decode(cursor).ok()?;
        let (seal, token) = sealed.split_at_checked(SEAL_BYTES)?;
        let expected = hmac::sign(&self.0, token);
        let equal = aws_lc_rs::constant_time::verify_slices_are_equal(&expected.as_ref()[..SEAL_BYTES], seal);
        equal.ok()?;
        String::from_utf8(token.to_vec()).ok()
    }
}

/// The cursor of another list, or one that was changed.
pub(super) fn foreign() -> Refusal {
    Refusal::invalid("cursor", "the cursor does not belong to this list with these filters").remedy(
        "follow the link to the next page and change nothing else, or leave the cursor out to start over",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_opens_with_its_key_only_and_unchanged() {
        let cursors = Cursors::new(&[7; 32]);
        let sealed = cursors.seal("abc123");
        assert_eq!(cursors.open(&sealed).unwrap(), "abc123");
        assert!(Cursors::new(&[8; 32]).open(&sealed).is_err());
        for place in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(changed == sealed || cursors.open(&changed).is_err(), "{place}");
        }
        for broken in ["", "A", "abc123", "???", &"A".repeat(5000)] {
            assert!(cursors.open(broken).is_err());
        }
    }
}
