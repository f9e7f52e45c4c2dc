//! Opening the data directory: which store it is, and which exit code each of its errors has.

use std::path::Path;

use crate::exit::{Exit, Failure};
use kontraktor_store::StoreError;
use kontraktor_store_duckdb::{DataDir, DuckDbOptions, DuckDbStore};

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
            | StoreError::Corrupt(_) => Exit::Data,
            StoreError::Directory { .. } => Exit::Usage,
            StoreError::Full(_)
            | StoreError::Fatal(_)
            | StoreError::Failed(_)
            | StoreError::Closed
            | StoreError::Io { .. } => Exit::Failure,
        };
        Self::new(exit, error)
    }
}
