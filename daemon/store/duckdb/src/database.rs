//! The connections of an open database.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use duckdb::Connection;

use super::{
    StoreError,
    append::{self, ColumnOrders},
    errors::classify,
    open,
};
use kontraktor_domain::{Event, Row};

/// The connections of an open database: one that writes, and one that readers are cloned from.
pub(super) struct Database {
    tables: Mutex<Tables>,
    /// Never used itself.
    reader: Mutex<Connection>,
}

/// The connection that writes.
pub(super) struct Tables {
    pub(super) connection: Connection,
    orders: ColumnOrders,
    wal: PathBuf,
    /// A move failed, and only a reopened database tells whether it was kept. Rows that are moved again would be there twice.
    unresolved: bool,
}

impl Database {
    pub(super) fn new(connection: Connection, path: &Path) -> Result<Self, StoreError> {
        let reader = connection.try_clone().map_err(classify)?;
        let orders = ColumnOrders::read(&connection)?;
        let tables = Tables { connection, orders, wal: open::wal_of(path), unresolved: false };
        Ok(Self { tables: Mutex::new(tables), reader: Mutex::new(reader) })
    }

    /// Returns a connection to read with.
    pub(super) fn reader(&self) -> Result<Connection, StoreError> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner).try_clone().map_err(classify)
    }

    /// What a lock protects here is a handle, never half changed, so a panic of another holder is no reason to stop.
    pub(super) fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn close(self) -> Result<(), StoreError> {
        drop(self.reader);
        let tables = self.tables.into_inner().unwrap_or_else(PoisonError::into_inner);
        tables.connection.close().map_err(|(_, error)| classify(error))
    }
}

impl Tables {
    /// Appends events to the tables, all or none.
    pub(super) fn append<'a>(
        &mut self,
        events: impl IntoIterator<Item = &'a Event>,
    ) -> Result<(), StoreError> {
        if self.unresolved {
            let reason = "rows could not be moved into it, and it has to be reopened first";
            return Err(StoreError::Failed(reason.to_owned()));
        }
        let rows: Vec<_> = events.into_iter().map(Row::from).collect();
        self.unresolved = true;
        append::commit(&self.connection, &self.orders, &rows)?;
        self.unresolved = false;
        Ok(())
    }

    pub(super) fn checkpoint(&self) -> Result<(), StoreError> {
        self.connection.execute_batch("CHECKPOINT").map_err(classify)
    }

    /// The length of DuckDB's own write-ahead log.
    pub(super) fn wal_bytes(&self) -> u64 {
        fs::metadata(&self.wal).map_or(0, |metadata| metadata.len())
    }
}
