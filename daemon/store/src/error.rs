//! The errors of stores.

use std::{io, path::PathBuf};

/// Why an operation of a store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has locked the data directory.
    #[error(
        "the data directory {} is in use by {}, or choose another --data-dir",
        dir.display(),
        pid.map_or_else(
            || "another process, such as `kontraktord audit verify`; wait for it to finish".to_owned(),
            |pid| format!("process {pid}; stop that daemon")
        )
    )]
    Locked {
        /// The directory.
        dir: PathBuf,
        /// The daemon that locked it. None: another process locked it for reading.
        pid: Option<u32>,
    },
    /// The directory cannot be used as it is.
    #[error("cannot use the data directory {}: {reason}", dir.display())]
    Directory {
        /// The directory.
        dir: PathBuf,
        /// Why, and what to do.
        reason: String,
    },
    /// The directory contains no database.
    #[error("the database {} does not exist", path.display())]
    Missing {
        /// The missing file.
        path: PathBuf,
    },
    /// The file is not a database of Kontraktor. Nothing was changed.
    #[error("cannot use {} as Kontraktor's database: {reason}; nothing was changed", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why, and what to do.
        reason: String,
    },
    /// The tables are of a later daemon. Nothing was changed.
    #[error(
        "{} has tables of version {found}, and this kontraktord supports versions up to {supported}; nothing was changed. \
         Start the newer kontraktord that wrote it",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version in the file.
        found: u32,
        /// The newest version that this daemon supports.
        supported: u32,
    },
    /// The tables are of an earlier daemon, and the file was opened read-only. Nothing was changed.
    #[error(
        "{} has tables of version {found}, and this kontraktord reads version {supported}; nothing was changed. Start this \
         kontraktord once to upgrade the tables, or use the kontraktord that wrote them",
        path.display()
    )]
    Older {
        /// The file.
        path: PathBuf,
        /// The version in the file.
        found: u32,
        /// The version that this daemon reads.
        supported: u32,
    },
    /// A file of the store is damaged, as by a disk that fails.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The log contains rows that no daemon can have written.
    #[error("the log is damaged: {0}; run `kontraktord audit verify` to find the first damaged row")]
    Corrupt(String),
    /// The disk is full. Reads continue, and writes succeed again when there is room.
    #[error("the disk is full: {0}")]
    Full(String),
    /// This process cannot use the store any more.
    #[error("the store failed: {0}")]
    Fatal(String),
    /// A single operation failed.
    #[error("the database reported an error: {0}")]
    Failed(String),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// A file operation failed.
    #[error("{what} {}: {source}", path.display())]
    Io {
        /// The failed operation, such as "cannot open".
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}
