//! The journal: a file beside the database for accesses to secrets that are not in the tables yet. It is synced before an
//! access is answered.
//!
//! A commit costs DuckDB a millisecond, and no secret is returned before its access is on disk. Appending a line to a file
//! and syncing it costs a tenth of that. Pending rows are moved into the tables in one transaction with the next commit,
//! before accesses are read, when the writer has nothing to do, and when the store is closed: the tables are the log, and
//! the journal is only how its newest rows get there. They are rows of the chain, so order and hashes are the same as
//! without it.
//!
//! A line holds the rows of one commit. Only the last line can be incomplete, because nothing is appended before a line is
//! synced; its request was never answered.

use std::{
    borrow::Cow,
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use kontraktor_hardening::file::{self, OpenError, Rule};
use serde::{Deserialize, Serialize};

use super::{
    StoreError,
    dir::{io_error, open_error},
    rows,
};
use kontraktor_domain::{Head, Row, RowBody};

/// With more rows than this, a commit goes to the tables.
const MAX_PENDING: usize = 1024;

/// The file, and its rows that are not in the tables.
pub(super) struct Journal {
    path: PathBuf,
    /// None: opened read-only.
    file: Option<File>,
    /// The length of its complete lines, in bytes.
    len: u64,
    pending: Vec<Row<'static>>,
}

/// A row of `audit_events`, as the journal holds it.
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
    /// Opens or creates it. `head` is the newest row of the tables; later rows are pending.
    pub(super) fn open(path: &Path, head: Head) -> Result<Self, StoreError> {
        let Content { rows: pending, end } = read(path, head)?;
        check(path, head, &pending)?;
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(0o600);
        let file =
            file::open_with(&mut options, path, Rule::Data).map_err(open_error("cannot open", path))?;
        // An incomplete line is cut off. The process that wrote the others may have ended before it synced them.
        file.set_len(end).and_then(|()| file.sync_all()).map_err(io_error("cannot repair", path))?;
        super::open::sync_directory_of(path)?;
        Ok(Self { path: path.to_owned(), file: Some(file), len: end, pending })
    }

    /// Opens it read-only. Whether its rows follow those of the tables is left to the verification of the chain.
    pub(super) fn open_read_only(path: &Path, head: Head) -> Result<Self, StoreError> {
        let Content { rows: pending, end } = read(path, head)?;
        Ok(Self { path: path.to_owned(), file: None, len: end, pending })
    }

    /// Whether rows have to be moved into the tables.
    pub(super) fn has_pending(&self) -> bool {
        self.file.is_some() && !self.pending.is_empty()
    }

    /// The newest row in it.
    pub(super) fn head(&self) -> Result<Option<Head>, StoreError> {
        self.pending.last().map(rows::head_of).transpose()
    }

    /// The rows that are not in the tables yet.
    pub(super) fn pending(&self) -> &[Row<'static>] {
        &self.pending
    }

    /// Appends rows, all or none, if they may be pending: only accesses, and not too many. True: they are on disk. After an
    /// error, the journal has to be opened again.
    pub(super) fn append(&mut self, rows: &[Row<'_>]) -> Result<bool, StoreError> {
        let Some(file) = self.file.as_mut().filter(|_| self.pending.len() + rows.len() <= MAX_PENDING) else {
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
            // After a failed sync the line may be readable without being on disk: it must not count as kept.
            let _ = file.set_len(self.len);
            return Err(self.failed("write", &error));
        }
        self.len += text.len() as u64;
        self.pending.extend(accesses.into_iter().map(Row::from));
        Ok(true)
    }

    /// Empties it: its rows are in the tables.
    pub(super) fn clear(&mut self) -> Result<(), StoreError> {
        if self.len == 0 {
            return Ok(());
        }
        self.pending.clear();
        // If a crash restores them, they are older than the newest row, and skipped.
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

/// The content of a journal file.
#[derive(Default)]
struct Content {
    /// The rows after the newest one of the tables.
    rows: Vec<Row<'static>>,
    /// Where the last complete line ends, in bytes.
    end: u64,
}

/// Reads a journal file. Rows up to `head`, the newest one of the tables, are skipped.
fn read(path: &Path, head: Head) -> Result<Content, StoreError> {
    let text = match file::read(path, Rule::Data) {
        Ok(text) => text,
        Err(OpenError::Io(error)) if error.kind() == ErrorKind::NotFound => return Ok(Content::default()),
        Err(error) => return Err(open_error("cannot read", path)(error)),
    };
    let mut content = Content::default();
    let mut lines = text.split_inclusive(|byte| *byte == b'\n').enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        match serde_json::from_slice::<Vec<Access>>(line) {
            Ok(rows) if line.ends_with(b"\n") => {
                content.rows.extend(rows.into_iter().filter(|row| row.seq > head.seq).map(Row::from));
                content.end += line.len() as u64;
            }
            _ if lines.peek().is_none() => {}
            _ => {
                let (line, path) = (number + 1, path.display());
                return Err(StoreError::Corrupt(format!("line {line} of {path} is not a journal entry")));
            }
        }
    }
    Ok(content)
}

/// Checks that the rows follow those of the tables.
fn check(path: &Path, head: Head, pending: &[Row<'_>]) -> Result<(), StoreError> {
    let mut before = head;
    for row in pending {
        let hash = row.hash_after(&before.hash);
        if row.seq != before.seq + 1 || row.hash.as_ref() != hash.as_bytes() {
            return Err(StoreError::Corrupt(format!(
                "row {} in {} does not follow row {} of the database; it was altered, or the two are from different backups",
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
    /// Returns None for a row of another table, or of a batch.
    fn of(row: &Row<'_>) -> Option<Self> {
        let RowBody::Access { operation, project, env, key, reference, version, peer, count, problem } =
            &row.body
        else {
            return None;
        };
        if row.batch_id.is_some() || row.batch_digest.is_some() || row.batch_item.is_some() {
            return None;
        }
        let owned = |text: &Option<Cow<'_, str>>| text.as_deref().map(str::to_owned);
        Some(Self {
            seq: row.seq,
            at_us: row.at_us,
            actor: row.actor.as_ref().to_owned(),
            via: row.via.as_ref().to_owned(),
            operation: operation.as_ref().to_owned(),
            project: owned(project),
            env: owned(env),
            key: owned(key),
            reference: reference.as_ref().to_owned(),
            version: version.as_ref().to_owned(),
            peer: peer.as_ref().to_owned(),
            count: *count,
            problem: owned(problem),
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
