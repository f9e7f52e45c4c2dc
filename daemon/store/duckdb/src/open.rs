//! Opens the database file. Nothing is written to a file that is not known to be a database of Kontraktor.

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Read},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use duckdb::{AccessMode, Config, Connection};
use kontraktor_hardening::file::{self, Rule};
use kontraktor_journal::Journal;

use super::{
    DuckDbOptions, SCHEMA_VERSION, StoreError,
    dir::{io_error, open_error},
    errors::{classify, located},
    schema::{Tables, find, migrate},
};

/// Opens the database for reading and writing, and creates it if it does not exist.
pub(super) fn writable(path: &Path, options: &DuckDbOptions) -> Result<Connection, StoreError> {
    if path.exists() {
        check(path, options)?;
    } else {
        create(path, options)?;
    }
    checked(path, options)
}

/// Creates the database under another name and renames it when it is complete. An incomplete one, left by a daemon that was
/// killed, would look damaged.
fn create(path: &Path, options: &DuckDbOptions) -> Result<(), StoreError> {
    let has_journal = Journal::exists(path.parent().unwrap_or(path))?;
    let left = [(wal_of(path).exists(), "write-ahead log"), (has_journal, "journal")];
    if let Some((_, left)) = left.iter().find(|(exists, _)| *exists) {
        let reason = format!(
            "the file is missing, but its {left} exists: restore it, or move the {left} away to start with an empty database"
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
    fs::set_permissions(&draft, mode).map_err(io_error("cannot restrict access to", &draft))?;
    fs::rename(&draft, path).map_err(io_error("cannot create", path))?;
    sync_directory_of(path)
}

/// Returns the path of a database's write-ahead log, as DuckDB names it.
pub(super) fn wal_of(path: &Path) -> PathBuf {
    let mut wal = path.to_owned().into_os_string();
    wal.push(".wal");
    wal.into()
}

/// Opens a database that passed [`check`], or creates it.
pub(super) fn checked(path: &Path, options: &DuckDbOptions) -> Result<Connection, StoreError> {
    let connection = connect(path, options, AccessMode::ReadWrite)?;
    // The writer decides about checkpoints: an automatic one stalls a commit for hundreds of milliseconds.
    connection
        .execute_batch("SET checkpoint_threshold = '1TB'; PRAGMA disable_checkpoint_on_shutdown;")
        .map_err(classify)?;
    match find(&connection)? {
        Tables::None => migrate(&connection, 0)?,
        Tables::Version(version) => upgrade(&connection, path, version)?,
        Tables::Foreign => return Err(foreign(path)),
    }
    Ok(connection)
}

/// Upgrades older tables. The marker file beside the database outlives a crash between a change of the tables and the
/// checkpoint after it: until that checkpoint the change is in the write-ahead log, where no row may follow it.
fn upgrade(connection: &Connection, path: &Path, version: u32) -> Result<(), StoreError> {
    let marker = path.with_extension("upgrading");
    if version >= SCHEMA_VERSION && !marker.exists() {
        return Ok(());
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    file::open_with(&mut options, &marker, Rule::Data).map_err(open_error("cannot create", &marker))?;
    sync_directory_of(&marker)?;
    tracing::info!(from = version, to = SCHEMA_VERSION, "upgrading the tables");
    migrate(connection, version)?;
    fs::remove_file(&marker).map_err(io_error("cannot remove", &marker))
}

/// Syncs the directory of a file: until then, the file's name is not on disk.
pub(super) fn sync_directory_of(path: &Path) -> Result<(), StoreError> {
    let directory = path.parent().unwrap_or(path);
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(io_error("cannot sync", directory))
}

/// Opens the database read-only.
pub(super) fn read_only(path: &Path, options: &DuckDbOptions) -> Result<Connection, StoreError> {
    if !path.exists() {
        return Err(StoreError::Missing { path: path.to_owned() });
    }
    check(path, options)?;
    let connection = connect(path, options, AccessMode::ReadOnly)?;
    match find(&connection)? {
        Tables::Version(found) if found < SCHEMA_VERSION => {
            Err(StoreError::Older { path: path.to_owned(), found, supported: SCHEMA_VERSION })
        }
        _ => Ok(connection),
    }
}

/// Refuses a file that this daemon cannot use, having opened it read-only.
fn check(path: &Path, options: &DuckDbOptions) -> Result<(), StoreError> {
    let unusable = |reason: String| StoreError::Unusable { path: path.to_owned(), reason };
    let mut header = [0; 12];
    file::open(path, Rule::Data)
        .map_err(open_error("cannot open", path))?
        .read_exact(&mut header)
        .map_err(|_| unusable("it is too short to be a DuckDB database".to_owned()))?;
    // DuckDB's storage format: a checksum of 8 bytes, then these four.
    if &header[8..] != b"DUCK" {
        return Err(unusable("it is not a DuckDB database".to_owned()));
    }
    let refused = |error: StoreError| match located(error, path) {
        StoreError::Failed(reason) | StoreError::Fatal(reason) => unusable(reason),
        other => other,
    };
    let connection = connect(path, options, AccessMode::ReadOnly).map_err(refused)?;
    match find(&connection) {
        Ok(Tables::None | Tables::Version(0..=SCHEMA_VERSION)) => Ok(()),
        Ok(Tables::Version(found)) => {
            Err(StoreError::Newer { path: path.to_owned(), found, supported: SCHEMA_VERSION })
        }
        Ok(Tables::Foreign) => Err(foreign(path)),
        Err(error) => Err(refused(error)),
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
