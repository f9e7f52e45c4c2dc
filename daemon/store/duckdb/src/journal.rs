//! Accesses to secrets on their way into the tables: a file beside the database, synced before an access is answered.
//!
//! A commit costs DuckDB a millisecond, and no secret is handed out before its access is on disk. To append a line to a
//! file and sync it costs a tenth of that. What stands there goes into the tables in one transaction with whatever is
//! committed next, before anybody reads the log, when nobody waits, and when the daemon starts: the tables are the log,
//! and this is only how its newest rows get there. Rows are those of the chain, so order and hashes are the same as if
//! they had gone there at once.
//!
//! One line is what was written at once. Only the last one can be in pieces, because nothing follows before a line is
//! synced; such a line was never answered for.

use std::{
    borrow::Cow,
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{StoreError, dir::io_error};
use kontraktor_domain::{Head, Row, RowBody};

/// So many rows are not kept beside the tables any longer.
const MANY: usize = 1024;

/// The file, and what stands in it that is not in the tables.
pub(super) struct Journal {
    path: PathBuf,
    /// None: it is only read.
    file: Option<File>,
    /// How long it is, in whole lines.
    len: u64,
    waiting: Vec<Row<'static>>,
}

/// A row of `audit_events` as it is written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Access {
    seq: u64,
    at_us: i64,
    actor: String,
    via: String,
    operation: String,
    project: Option<String>,
    env: Option<String>,
    key: Option<String>,
    reference: String,
    version: String,
    peer: String,
    count: u64,
    problem: Option<String>,
    #[serde(with = "hex::serde")]
    hash: Vec<u8>,
}

impl Journal {
    /// Opens it, or makes it. What stands there and is not in the tables yet, whose newest row is `head`, waits.
    pub(super) fn open(path: &Path, head: Head) -> Result<Self, StoreError> {
        let Found { rows: waiting, end } = read(path, head)?;
        check(path, head, &waiting)?;
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
            .map_err(io_error("cannot open", path))?;
        // A line in pieces is cut off, and what stands there may not have been synced by who wrote it.
        file.set_len(end).and_then(|()| file.sync_all()).map_err(io_error("cannot mend", path))?;
        super::open::sync_directory_of(path)?;
        Ok(Self { path: path.to_owned(), file: Some(file), len: end, waiting })
    }

    /// Opens it for reading alone. Whether its rows follow those of the tables is for whoever walks the chain to find out.
    pub(super) fn open_read_only(path: &Path, head: Head) -> Result<Self, StoreError> {
        let Found { rows: waiting, end } = read(path, head)?;
        Ok(Self { path: path.to_owned(), file: None, len: end, waiting })
    }

    /// Whether something is to be moved into the tables.
    pub(super) fn is_to_be_moved(&self) -> bool {
        self.file.is_some() && !self.waiting.is_empty()
    }

    /// What waits to go into the tables.
    pub(super) fn waiting(&self) -> &[Row<'static>] {
        &self.waiting
    }

    /// Takes rows in, all or none, if they may stand here for a while: accesses, and not too many. True: they are on disk.
    /// After an error, what stands there has to be read again.
    pub(super) fn append(&mut self, rows: &[Row<'_>]) -> Result<bool, StoreError> {
        let Some(file) = self.file.as_mut().filter(|_| self.waiting.len() + rows.len() <= MANY) else {
            return Ok(false);
        };
        let Some(accesses) = rows.iter().map(Access::of).collect::<Option<Vec<_>>>() else {
            return Ok(false);
        };
        let mut text =
            serde_json::to_vec(&accesses).map_err(|error| StoreError::Failed(error.to_string()))?;
        text.push(b'\n');
        let written = file.write_all(&text).and_then(|()| file.sync_data());
        if let Err(error) = written {
            // What a failed sync left may be read again, and is not on disk: it must not count as kept.
            let _ = file.set_len(self.len);
            return Err(self.failed("write", &error));
        }
        self.len += text.len() as u64;
        self.waiting.extend(accesses.into_iter().map(Row::from));
        Ok(true)
    }

    /// All of it is in the tables.
    pub(super) fn clear(&mut self) -> Result<(), StoreError> {
        self.waiting.clear();
        // Where a crash brings it back, it is older than the newest row, and skipped.
        let emptied = self.file.as_ref().map_or(Ok(()), |file| file.set_len(0));
        emptied.map_err(|error| self.failed("empty", &error))?;
        self.len = 0;
        Ok(())
    }

    fn failed(&self, what: &str, error: &io::Error) -> StoreError {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StoreError::Full(error.to_string()),
            _ => StoreError::Failed(format!("cannot {what} {}: {error}", self.path.display())),
        }
    }
}

/// What stands in a journal.
#[derive(Default)]
struct Found {
    /// Beyond the newest row of the tables.
    rows: Vec<Row<'static>>,
    /// Where the last whole line ends.
    end: u64,
}

/// Reads what stands in a journal beyond the newest row of the tables.
fn read(path: &Path, head: Head) -> Result<Found, StoreError> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::default()),
        Err(error) => return Err(io_error("cannot read", path)(error)),
    };
    let mut found = Found::default();
    let mut lines = text.split_inclusive(|byte| *byte == b'\n').enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        match serde_json::from_slice::<Vec<Access>>(line) {
            Ok(rows) if line.ends_with(b"\n") => {
                found.rows.extend(rows.into_iter().filter(|row| row.seq > head.seq).map(Row::from));
                found.end += line.len() as u64;
            }
            _ if lines.peek().is_none() => {}
            _ => {
                let (line, path) = (number + 1, path.display());
                return Err(StoreError::Corrupt(format!(
                    "line {line} of {path} is not what was written there"
                )));
            }
        }
    }
    Ok(found)
}

/// Whether the rows follow those of the tables.
fn check(path: &Path, head: Head, waiting: &[Row<'_>]) -> Result<(), StoreError> {
    let mut before = head;
    for row in waiting {
        let hash = row.hash_after(&before.hash);
        if row.seq != before.seq + 1 || row.hash.as_ref() != hash.as_bytes() {
            return Err(StoreError::Corrupt(format!(
                "row {} in {} does not follow row {} of the database: was it altered, or are they from different backups?",
                row.seq,
                path.display(),
                before.seq,
            )));
        }
        before = Head { seq: row.seq, hash };
    }
    Ok(())
}

impl Access {
    /// None: the row is of another table, or of a batch.
    fn of(row: &Row<'_>) -> Option<Self> {
        let RowBody::Access { operation, project, env, key, reference, version, peer, count, problem } =
            &row.body
        else {
            return None;
        };
        if row.batch_id.is_some() || row.batch_digest.is_some() || row.batch_item.is_some() {
            return None;
        }
        let own = |text: &Option<Cow<'_, str>>| text.as_deref().map(str::to_owned);
        Some(Self {
            seq: row.seq,
            at_us: row.at_us,
            actor: row.actor.as_ref().to_owned(),
            via: row.via.as_ref().to_owned(),
            operation: operation.as_ref().to_owned(),
            project: own(project),
            env: own(env),
            key: own(key),
            reference: reference.as_ref().to_owned(),
            version: version.as_ref().to_owned(),
            peer: peer.as_ref().to_owned(),
            count: *count,
            problem: own(problem),
            hash: row.hash.to_vec(),
        })
    }
}

impl From<Access> for Row<'static> {
    fn from(access: Access) -> Self {
        Self {
            seq: access.seq,
            at_us: access.at_us,
            actor: access.actor.into(),
            via: access.via.into(),
            batch_id: None,
            batch_digest: None,
            batch_item: None,
            hash: access.hash.into(),
            body: RowBody::Access {
                operation: access.operation.into(),
                project: access.project.map(Into::into),
                env: access.env.map(Into::into),
                key: access.key.map(Into::into),
                reference: access.reference.into(),
                version: access.version.into(),
                peer: access.peer.into(),
                count: access.count,
                problem: access.problem.map(Into::into),
            },
        }
    }
}
