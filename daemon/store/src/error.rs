//! What can go wrong with a store.

use std::{io, path::PathBuf};

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the data directory.
    #[error(
        "the data directory {} is in use by {}, or choose another --data-dir",
        dir.display(),
        pid.map_or_else(
            || "another process, such as `kontraktord audit verify`: wait until it is done".to_owned(),
            |pid| format!("process {pid}: stop that daemon first")
        )
    )]
    Locked {
        /// The directory.
        dir: PathBuf,
        /// The daemon that has it. None: it is locked by no daemon, but for reading.
        pid: Option<u32>,
    },
    /// The directory can't be used as it is.
    #[error("the data directory {} cannot be used: {reason}", dir.display())]
    Directory {
        /// The directory.
        dir: PathBuf,
        /// Why, and what to do.
        reason: String,
    },
    /// There is no database in the directory.
    #[error("there is no database at {}", path.display())]
    Missing {
        /// The file looked for.
        path: PathBuf,
    },
    /// The file is not one of ours. Nothing was changed.
    #[error("{} cannot be used as Kontraktor's database, and was left untouched: {reason}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The tables are of a later daemon. Nothing was changed.
    #[error(
        "{} has tables of version {found}, this kontraktord knows versions up to {supported}; the file was left \
         untouched: start the newer kontraktord that wrote it",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version in the file.
        found: u32,
        /// The newest version known here.
        supported: u32,
    },
    /// The tables are of an earlier daemon, and were to be read alone. Nothing was changed.
    #[error(
        "{} has tables of version {found}, and this kontraktord reads those of version {supported}; the file was left \
         untouched: start this kontraktord on it once, which brings the tables up to date, or read it with the \
         kontraktord that wrote it",
        path.display()
    )]
    Older {
        /// The file.
        path: PathBuf,
        /// The version in the file.
        found: u32,
        /// The version that is read here.
        supported: u32,
    },
    /// Rows that this daemon can't have written.
    #[error("the log cannot be read: {0}; run `kontraktord audit verify` to see where it breaks")]
    Corrupt(String),
    /// The disk is full. Reads go on, and writes may succeed again when there is room.
    #[error("the disk is full: {0}")]
    Full(String),
    /// The store can't be used any further by this process.
    #[error("the store failed: {0}")]
    Fatal(String),
    /// A single operation failed; the store is as it was.
    #[error("the store refused: {0}")]
    Failed(String),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// A file operation failed.
    #[error("{what} {}: {source}", path.display())]
    Io {
        /// What was tried: "cannot open" and the like.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}
