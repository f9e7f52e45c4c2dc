//! Opening the database file: nothing is written to it before it is known to be ours.

use std::{
    fs::{self, File},
    io::Read,
    os::unix::fs::PermissionsExt,
    path::Path,
};

use duckdb::{AccessMode, Config, Connection};

use super::{
    super::dir::io_error,
    DuckDbOptions, SCHEMA_VERSION, StoreError,
    errors::classify,
    schema::{Found, find, migrate},
};

/// Opens for reading and writing; makes the file and the tables where they do not exist.
pub(super) fn writable(path: &Path, options: &DuckDbOptions) -> Result<Connection, StoreError> {
    if path.exists() {
        check(path, options)?;
        return checked(path, options);
    }
    let connection = checked(path, options)?;
    let mode = fs::Permissions::from_mode(0o600);
    fs::set_permissions(path, mode).map_err(io_error("cannot close to others", path))?;
    Ok(connection)
}

/// Opens for reading and writing what is known to be ours, or makes it.
pub(super) fn checked(path: &Path, options: &DuckDbOptions) -> Result<Connection, StoreError> {
    let connection = connect(path, options, AccessMode::ReadWrite)?;
    // When to checkpoint is the writer's decision: an automatic one stalls a commit for hundreds of milliseconds.
    connection
        .execute_batch("SET checkpoint_threshold = '1TB'; PRAGMA disable_checkpoint_on_shutdown;")
        .map_err(classify)?;
    match find(&connection)? {
        Found::Nothing => migrate(&connection, 0)?,
        Found::Version(version) => migrate(&connection, version)?,
        Found::Foreign => return Err(foreign(path)),
    }
    Ok(connection)
}

/// Opens for reading alone.
pub(super) fn read_only(path: &Path, options: &DuckDbOptions) -> Result<Connection, StoreError> {
    if !path.exists() {
        return Err(StoreError::Missing { path: path.to_owned() });
    }
    check(path, options)?;
    connect(path, options, AccessMode::ReadOnly)
}

/// Refuses what this daemon can't use, with the file opened for reading alone.
fn check(path: &Path, options: &DuckDbOptions) -> Result<(), StoreError> {
    let unusable = |reason: String| StoreError::Unusable { path: path.to_owned(), reason };
    let mut header = [0; 12];
    File::open(path)
        .map_err(io_error("cannot open", path))?
        .read_exact(&mut header)
        .map_err(|_| unusable("it is too short to be a DuckDB database".to_owned()))?;
    // DuckDB's storage format: a checksum of 8 bytes, then these four.
    if &header[8..] != b"DUCK" {
        return Err(unusable("it is not a DuckDB database".to_owned()));
    }
    let connection = connect(path, options, AccessMode::ReadOnly).map_err(|error| match error {
        StoreError::Failed(reason) | StoreError::Fatal(reason) => unusable(reason),
        other => other,
    })?;
    match find(&connection) {
        Ok(Found::Nothing | Found::Version(0..=SCHEMA_VERSION)) => Ok(()),
        Ok(Found::Version(found)) => {
            Err(StoreError::Newer { path: path.to_owned(), found, supported: SCHEMA_VERSION })
        }
        Ok(Found::Foreign) => Err(foreign(path)),
        Err(StoreError::Failed(reason) | StoreError::Fatal(reason)) => Err(unusable(reason)),
        Err(other) => Err(other),
    }
}

fn foreign(path: &Path) -> StoreError {
    StoreError::Unusable {
        path: path.to_owned(),
        reason: "it is a DuckDB database, but its tables are not Kontraktor's".to_owned(),
    }
}

fn connect(path: &Path, options: &DuckDbOptions, mode: AccessMode) -> Result<Connection, StoreError> {
    let config = || -> duckdb::Result<Config> {
        Config::default()
            .access_mode(mode)?
            .threads(i64::from(options.threads.max(1)))?
            .max_memory(&format!("{}MiB", options.memory_mib))?
            .enable_external_access(false)?
            .with("autoinstall_known_extensions", "false")?
            .with("autoload_known_extensions", "false")
    };
    Connection::open_with_flags(path, config().map_err(classify)?).map_err(classify)
}
