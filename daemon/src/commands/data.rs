//! Opening the data directory: which store it is, and which exit code each of its errors has.

use std::path::Path;

use crate::exit::{Exit, Failure};
use kontraktor_service::DAMAGED_REMEDY;
use kontraktor_store::StoreError;
use kontraktor_store_duckdb::{DataDir, DuckDbOptions, DuckDbStore};

/// What to do about a file that is not a database of Kontraktor.
const UNUSABLE_REMEDY: &str = "restore it from a backup, or choose another data directory with `--data-dir`";

/// Locks the directory and opens the database, and creates both where they do not exist.
pub(super) fn open(data_dir: &Path) -> Result<DuckDbStore, StoreError> {
    DuckDbStore::open(DataDir::lock(data_dir)?, DuckDbOptions::default())
}

/// Opens the database as it is, beside other readers. [`StoreError::Locked`]: a daemon has it.
pub(super) fn open_read_only(data_dir: &Path) -> Result<DuckDbStore, StoreError> {
    DuckDbStore::open_read_only(DataDir::lock_for_reading(data_dir)?, DuckDbOptions::default())
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let exit = match &error {
            StoreError::Locked { .. } => Exit::InUse,
            StoreError::Missing { .. }
            | StoreError::Unusable { .. }
            | StoreError::Newer { .. }
            | StoreError::Older { .. }
            | StoreError::Damaged { .. }
            | StoreError::Corrupt(_) => Exit::Data,
            StoreError::Directory { .. } => Exit::Usage,
            StoreError::Full(_)
            | StoreError::Fatal(_)
            | StoreError::Failed(_)
            | StoreError::Closed
            | StoreError::Io { .. } => Exit::Failure,
        };
        let hint = match &error {
            StoreError::Damaged { .. } | StoreError::Corrupt(_) => Some(DAMAGED_REMEDY),
            StoreError::Unusable { .. } => Some(UNUSABLE_REMEDY),
            _ => None,
        };
        let failure = Self::new(exit, error);
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
