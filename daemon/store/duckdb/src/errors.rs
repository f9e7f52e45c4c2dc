//! Classifies DuckDB's errors. It reports texts, not codes, so the texts are matched.

use std::path::Path;

use duckdb::Error;

use super::StoreError;

/// The system's messages for a full disk or an exhausted quota (`strerror` of ENOSPC and EDQUOT).
const FULL: [&str; 2] = ["No space left on device", "Disk quota exceeded"];

/// After one of these, an instance must not be used any more.
const FATAL: [&str; 3] = ["FATAL Error", "INTERNAL Error", "database has been invalidated"];

/// What DuckDB reports of a file that is not as it was written: checksums of blocks, headers and the write-ahead log, contents
/// that cannot be decoded, and an end that comes too early.
const DAMAGED: [&str; 6] = [
    "Corrupt database file",
    "Corrupt WAL",
    "checksum",
    "Serialization Error",
    "Failed to deserialize",
    "Could not read enough bytes",
];

/// Names the file in an error that says that it is damaged.
pub(super) fn located(error: StoreError, path: &Path) -> StoreError {
    match error {
        StoreError::Failed(reason) | StoreError::Fatal(reason)
            if DAMAGED.iter().any(|part| reason.contains(part)) =>
        {
            StoreError::Damaged { path: path.to_owned(), reason }
        }
        other => other,
    }
}

pub(super) fn classify(error: Error) -> StoreError {
    let text = error.to_string();
    let contains = |texts: &[&str]| texts.iter().any(|part| text.contains(part));
    // The text after an empty line is advice for interactive use of DuckDB.
    let message = text.split("\n\n").next().unwrap_or_default().to_owned();
    // A full disk may be reported within a fatal error; the store survives it by reopening, so it is matched first.
    if contains(&FULL) {
        StoreError::Full(message)
    } else if contains(&FATAL) {
        StoreError::Fatal(message)
    } else {
        StoreError::Failed(message)
    }
}

/// Classifies errors of reading: one of conversion means that no daemon wrote the row.
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
