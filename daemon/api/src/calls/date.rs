//! The `date` header of answers. Where it is missing, the HTTP library adds it, by a clock of its own that panics before 1970
//! and after the year 9999.

use std::sync::Arc;

use jiff::{Timestamp, fmt::rfc2822::DateTimePrinter};
use tonic::codegen::http::{
    HeaderMap, HeaderValue,
    header::{DATE, Entry},
};

/// The clock of the `date` header. It must not panic.
#[derive(Clone)]
pub(super) struct DateHeader(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl DateHeader {
    pub(super) fn new(clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(clock))
    }

    /// Adds the header where it is missing.
    pub(super) fn add_to(&self, headers: &mut HeaderMap) {
        if let Entry::Vacant(vacant) = headers.entry(DATE) {
            vacant.insert(value((self.0)()));
        }
    }
}

/// Returns the time in the form of RFC 9110 §5.6.7; the year 1970 for years that the form cannot express.
fn value(time: Timestamp) -> HeaderValue {
    let text = DateTimePrinter::new().timestamp_to_rfc9110_string(&time).ok();
    text.and_then(|text| HeaderValue::try_from(text).ok())
        .unwrap_or(HeaderValue::from_static("Thu, 01 Jan 1970 00:00:00 GMT"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_has_a_date_and_one_that_exists_is_kept() {
        for (time, expected) in [
            (Timestamp::UNIX_EPOCH, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (Timestamp::from_second(-1).unwrap(), "Wed, 31 Dec 1969 23:59:59 GMT"),
            (Timestamp::MIN, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (Timestamp::MAX, "Thu, 30 Dec 9999 22:00:00 GMT"),
        ] {
            let mut headers = HeaderMap::new();
            DateHeader::new(move || time).add_to(&mut headers);
            assert_eq!(headers[DATE], expected);
            DateHeader::new(|| Timestamp::MAX).add_to(&mut headers);
            assert_eq!(headers[DATE], expected);
        }
    }
}
