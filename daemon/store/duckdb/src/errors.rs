//! What DuckDB's errors mean to us. It gives texts, not codes, so the texts are what is looked at.

use duckdb::Error;

use super::StoreError;

/// The system's words for a disk or a quota that is used up (`strerror` of ENOSPC and EDQUOT).
const FULL: [&str; 2] = ["No space left on device", "Disk quota exceeded"];

/// After these an instance must not be used any more.
const FATAL: [&str; 3] = ["FATAL Error", "INTERNAL Error", "database has been invalidated"];

pub(super) fn classify(error: Error) -> StoreError {
    let text = error.to_string();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    // What follows an empty line is advice to those who run DuckDB by hand.
    let message = text.split("\n\n").next().unwrap_or_default().to_owned();
    // A full disk may come wrapped in a fatal error: it is survived by reopening, so it counts first.
    if says(&FULL) {
        StoreError::Full(message)
    } else if says(&FATAL) {
        StoreError::Fatal(message)
    } else {
        StoreError::Failed(message)
    }
}

/// For what is read: an error of conversion means that the row is none of ours.
pub(super) fn unreadable(error: Error) -> StoreError {
    match error {
        Error::FromSqlConversionFailure(..)
        | Error::IntegralValueOutOfRange(..)
        | Error::UnsignedIntegralValueOutOfRange(..)
        | Error::Utf8Error(_)
        | Error::InvalidColumnType(..) => StoreError::Corrupt(error.to_string()),
        other => classify(other),
    }
}
