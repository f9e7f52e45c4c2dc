//! The body of a response, read up to a limit into memory that is wiped when the SDK drops it. The buffers of hyper and
//! rustls are not wiped.

use std::time::Duration;

use bytes::Bytes;
use kontraktor_model::limits::MAX_SECRET_BYTES;
use zeroize::Zeroizing;

/// The largest body that is read: a secret of the largest size in base64, and its metadata.
const MAX_BODY_BYTES: usize = MAX_SECRET_BYTES / 3 * 4 + 64 * 1024;

/// Why a body was not read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyError {
    /// It is larger than a secret can be.
    #[error("the response is larger than {MAX_BODY_BYTES} bytes")]
    TooLarge,
    /// The connection ended before the body did.
    #[error("the response was interrupted")]
    Interrupted,
}

/// A body that is being received.
#[derive(Default)]
pub(crate) struct ResponseBody {
    parts: Vec<Bytes>,
    length: usize,
}

impl ResponseBody {
    /// Starts a body of this length, where the headers say it.
    pub(crate) fn with_length(length: Option<u64>) -> Result<Self, BodyError> {
        match length {
            Some(length) if length > MAX_BODY_BYTES as u64 => Err(BodyError::TooLarge),
            _ => Ok(Self::default()),
        }
    }

    /// Appends the next part.
    pub(crate) fn push(&mut self, part: Bytes) -> Result<(), BodyError> {
        self.length += part.len();
        if self.length > MAX_BODY_BYTES {
            return Err(BodyError::TooLarge);
        }
        self.parts.push(part);
        Ok(())
    }

    /// Returns the whole body, which is wiped with its last clone.
    pub(crate) fn finish(self) -> Bytes {
        // Allocated with its final size: a vector that grows leaves unwiped copies behind.
        let mut whole = Zeroizing::new(Vec::with_capacity(self.length));
        for part in self.parts {
            whole.extend_from_slice(&part);
        }
        Bytes::from_owner(whole)
    }
}

/// Parses a `Retry-After` header in seconds. A date would need a clock to compare with, and neither cloud sends one.
pub(crate) fn parse_retry_after(value: Option<&str>) -> Option<Duration> {
    value?.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_in_parts_becomes_one() {
        let mut body = ResponseBody::with_length(Some(6)).unwrap();
        body.push(Bytes::from_static(b"abc")).unwrap();
        body.push(Bytes::from_static(b"def")).unwrap();
        assert_eq!(body.finish(), b"abcdef".as_slice());
    }

    #[test]
    fn a_body_beyond_the_limit_is_not_read() {
        assert_eq!(
            ResponseBody::with_length(Some(MAX_BODY_BYTES as u64 + 1)).err(),
            Some(BodyError::TooLarge)
        );
        let mut body = ResponseBody::with_length(None).unwrap();
        let part = Bytes::from(vec![0; MAX_BODY_BYTES / 2 + 1]);
        body.push(part.clone()).unwrap();
        assert_eq!(body.push(part), Err(BodyError::TooLarge));
    }

    #[test]
    fn retry_after_is_parsed_in_seconds_only() {
        assert_eq!(parse_retry_after(Some("7")), Some(Duration::from_secs(7)));
        for other in [None, Some(""), Some("-1"), Some("Wed, 21 Oct 2026 07:28:00 GMT")] {
            assert_eq!(parse_retry_after(other), None);
        }
    }
}
