//! The body of an answer, gathered to a limit, in memory that is wiped when the SDK lets go of it. What hyper and
//! rustls read into before is theirs, and not wiped.

use std::time::Duration;

use bytes::Bytes;
use kontraktor_model::limits::MAX_SECRET_BYTES;
use zeroize::Zeroizing;

/// The largest answer that is read: a secret of the largest size in base64, and what is said about it.
const MAX_ANSWER_BYTES: usize = MAX_SECRET_BYTES / 3 * 4 + 64 * 1024;

/// Why an answer's body was not read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unread {
    /// It is longer than a secret can be.
    #[error("the answer is larger than {MAX_ANSWER_BYTES} bytes")]
    TooLarge,
    /// The connection ended within.
    #[error("the answer broke off")]
    BrokenOff,
}

/// A body as it comes in.
#[derive(Default)]
pub(crate) struct Answer {
    parts: Vec<Bytes>,
    length: usize,
}

impl Answer {
    /// For a body of this length, where its sender said so.
    pub(crate) fn expect(length: Option<u64>) -> Result<Self, Unread> {
        match length {
            Some(length) if length > MAX_ANSWER_BYTES as u64 => Err(Unread::TooLarge),
            _ => Ok(Self::default()),
        }
    }

    /// Takes the next part.
    pub(crate) fn push(&mut self, part: Bytes) -> Result<(), Unread> {
        self.length += part.len();
        if self.length > MAX_ANSWER_BYTES {
            return Err(Unread::TooLarge);
        }
        self.parts.push(part);
        Ok(())
    }

    /// All of it, in one piece that is wiped with its last holder.
    pub(crate) fn finish(self) -> Bytes {
        // Of the right size at once: a vector that grows leaves copies of itself behind.
        let mut whole = Zeroizing::new(Vec::with_capacity(self.length));
        for part in self.parts {
            whole.extend_from_slice(&part);
        }
        Bytes::from_owner(whole)
    }
}

/// What a `Retry-After` header asks for, when it says so in seconds. A date would need a clock to compare with, and
/// neither cloud sends one.
pub(crate) fn parse_retry_after(value: Option<&str>) -> Option<Duration> {
    value?.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_in_parts_becomes_one() {
        let mut answer = Answer::expect(Some(6)).unwrap();
        answer.push(Bytes::from_static(b"abc")).unwrap();
        answer.push(Bytes::from_static(b"def")).unwrap();
        assert_eq!(answer.finish(), b"abcdef".as_slice());
    }

    #[test]
    fn a_body_beyond_the_limit_is_not_read() {
        assert_eq!(Answer::expect(Some(MAX_ANSWER_BYTES as u64 + 1)).err(), Some(Unread::TooLarge));
        let mut answer = Answer::expect(None).unwrap();
        let part = Bytes::from(vec![0; MAX_ANSWER_BYTES / 2 + 1]);
        answer.push(part.clone()).unwrap();
        assert_eq!(answer.push(part), Err(Unread::TooLarge));
    }

    #[test]
    fn seconds_are_understood_and_nothing_else() {
        assert_eq!(parse_retry_after(Some("7")), Some(Duration::from_secs(7)));
        for other in [None, Some(""), Some("-1"), Some("Wed, 21 Oct 2026 07:28:00 GMT")] {
            assert_eq!(parse_retry_after(other), None);
        }
    }
}
