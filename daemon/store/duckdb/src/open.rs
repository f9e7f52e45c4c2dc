//! Opening the database file: nothing is written to it before it is known to be ours.

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Read},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use duckdb::{AccessMode, Config, Connection};

use super::{
    DuckDbOptions, SCHEMA_VERSION, StoreError,
    dir::{JOURNAL_FILE, io_error},
    errors::classify,
    schema::{Found, find, migrate},
};

/// Opens for reading and writing; makes the file and the tables where they do not exist.
pub(super) fn writable(path: &Path, options: &DuckDbOptions) -> Result<Connection, StoreError> {
    if path.exists() {
        check(path, options)?;
    } else {
        create(path, options)?;
    }
    checked(path, options)
}

/// Makes the database beside its place and moves it there when it is whole. Half a database, left by a daemon that was
/// killed meanwhile, could not be told from a damaged one.
fn create(path: &Path, options: &DuckDbOptions) -> Result<(), StoreError> {
    let journal = path.with_file_name(JOURNAL_FILE);
    let left = [
        (wal_of(path).exists(), "its write-ahead log"),
        (fs::metadata(journal).is_ok_and(|journal| journal.len() > 0), "its journal"),
    ];
    if let Some((_, left)) = left.iter().find(|(there, _)| *there) {
        let reason = format!(
            "{left} is there, and it is missing itself: put it back from where it went, or move {} away to begin anew",
            left.replace("its", "the")
        );
        return Err(StoreError::Unusable { path: path.to_owned(), reason });
    }
    let draft = path.with_extension("new");
    for left in [&draft, &wal_of(&draft)] {
        match fs::remove_file(left) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(io_error("cannot remove", left)(error));
            }
            _ => {}
        }
    }
    checked(&draft, options)?.close().map_err(|(_, error)| classify(error))?;
    let mode = fs::Permissions::from_mode(0o600);
    fs::set_permissions(&draft, mode).map_err(io_error("cannot close to others", &draft))?;
    fs::rename(&draft, path).map_err(io_error("cannot make", path))?;
    sync_directory_of(path)
}

/// The write-ahead log of a database, as DuckDB names it.
pub(super) fn wal_of(path: &Path) -> PathBuf {
    let mut wal = path.to_owned().into_os_string();
    wal.push(".wal");
    wal.into()
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
        Found::Version(version) => upgrade(&connection, path, version)?,
        Found::Foreign => return Err(foreign(path)),
    }
    Ok(connection)
}

/// Brings older tables up to date. The note beside the database outlives a crash between a change of the tables and the
/// checkpoint after it: until that checkpoint the change is in the write-ahead log, where no row may follow it.
fn upgrade(connection: &Connection, path: &Path, version: u32) -> Result<(), StoreError> {
    let note = path.with_extension("upgrading");
    if version >= SCHEMA_VERSION && !note.exists() {
        return Ok(());
    }
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&note)
        .map_err(io_error("cannot make", &note))?;
    sync_directory_of(&note)?;
    tracing::info!(from = version, to = SCHEMA_VERSION, "the tables are brought up to date");
    migrate(connection, version)?;
    fs::remove_file(&note).map_err(io_error("cannot remove", &note))
}

/// A name is on disk only when its directory is.
pub(super) fn sync_directory_of(path: &Path) -> Result<(), StoreError> {
    let directory = path.parent().unwrap_or(path);
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(io_error("cannot sync", directory))
}

/// Opens for reading alone.
pub(super) fn read_only(path: &Path, options: &DuckDbOptions) -> Result<Connection, StoreError> {
    if !path.exists() {
        return Err(StoreError::Missing { path: path.to_owned() });
    }
    check(path, options)?;
    let connection = connect(path, options, AccessMode::ReadOnly)?;
    match find(&connection)? {
        Found::Version(found) if found < SCHEMA_VERSION => {
            Err(StoreError::Older { path: path.to_owned(), found, supported: SCHEMA_VERSION })
        }
        _ => Ok(connection),
    }
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
