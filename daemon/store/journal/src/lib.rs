//! The journal: what the daemon appends to and syncs before it answers. Its rows are moved into the database afterwards, many at a
//! time.
//!
//! # Files
//!
//! `kontraktor.journal.00000001` and the following numbers, in the data directory; the last one is appended to. A file has a fixed
//! length, which its header names and which is reserved when it is made: an append does not find the disk full half-way (on a file system
//! that can reserve: those that copy on each write may), and a file that was cut off is recognized. Files are removed, the oldest first, when a checkpoint of the database has their rows.
//!
//! All numbers are little-endian. A file begins with a header of 128 bytes:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `KTRJRNL` and a line feed |
//! | 4 | the version of this format: 1 |
//! | 4 | the version of the tables that the rows are for |
//! | 8 | the length of the file |
//! | 8, 32 | sequence number and hash of the row before the first one: which log it continues |
//! | 16 | a random identifier; its CRC-32 is what the checksums of the entries begin with |
//! | 4 | CRC-32 of the bytes before |
//!
//! Entries follow, at multiples of 8 bytes. One entry has the rows of one commit:
//!
//! | bytes | what |
//! |---|---|
//! | 4 | the length of the payload |
//! | 4 | the number of rows |
//! | 8 | the sequence number of the first one |
//! | 4 | CRC-32 of the payload |
//! | 4 | CRC-32 of the bytes before |
//! | … | the payload: rows, and a last byte `a5` |
//!
//! A row is the name of its table and the columns in their order ([`kontraktor_domain::Log::columns`]), its hash among them.
//!
//! # What was interrupted, and what is damaged
//!
//! Nothing is appended before the entry before it is synced, so only the last entry can be incomplete, and its request was not
//! answered. Disks write whole sectors of 512 bytes: an entry that was interrupted lacks at least one, which is zeros still. Such an
//! entry, with no other behind it, is dropped. Whatever else does not match its checksum was whole once, and answered: the journal
//! is damaged, and is refused.

mod error;
mod frame;
mod row_codec;
mod segment;
#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use kontraktor_domain::{Hash, Head, Row};
use kontraktor_store::StoreError;

use self::{
    error::{damaged, write_error},
    segment::{Content, Entry, Segment, sync_directory},
};

pub use self::segment::PREFIX;

/// The length of the first file. Each is twice as long as the one before, up to [`MAX_SEGMENT_BYTES`].
const MIN_SEGMENT_BYTES: usize = 256 * 1024;

/// The length of a file, if no single entry is longer.
const MAX_SEGMENT_BYTES: usize = 8 * 1024 * 1024;

/// Files are this long, or a multiple of it.
const PAGE_BYTES: usize = 4096;

/// The journal of a data directory that this process has locked.
#[derive(Debug)]
pub struct Journal {
    dir: PathBuf,
    tables: u32,
    /// Oldest first; the last one is appended to.
    segments: VecDeque<Segment>,
    file: File,
    /// Where the next entry is written.
    end: usize,
    head: Head,
    /// An entry that could not be written or synced, and the row that it ends with. Whether it is on disk is unknown.
    unresolved: Option<(Vec<u8>, Head)>,
}

/// What a journal has that the database has not.
pub type Rows = Vec<Row<'static>>;

impl Journal {
    /// Returns whether a directory has a journal.
    pub fn exists(dir: &Path) -> Result<bool, StoreError> {
        segment::list(dir).map(|found| !found.is_empty())
    }

    /// Makes the first file of a journal that continues after a row.
    pub fn create(dir: &Path, tables: u32, head: Head) -> Result<Self, StoreError> {
        let number = segment::list(dir)?.last().map_or(1, |(number, _)| number + 1);
        let (segment, file) = Segment::create(dir, number, MIN_SEGMENT_BYTES, tables, head)?;
        Ok(Self {
            dir: dir.to_owned(),
            tables,
            segments: VecDeque::from([segment]),
            file,
            end: segment::HEADER_BYTES,
            head,
            unresolved: None,
        })
    }

    /// Opens the journal of a database that ends with the row `database`, and returns the rows after it.
    ///
    /// A journal that does not have that row, or another one in its place, is of another log than the database, and refused.
    pub fn open(dir: &Path, tables: u32, database: Head) -> Result<(Self, Rows), StoreError> {
        let (contents, obsolete) = read_needed(dir, tables, database)?;
        let (Some(first), Some(last)) = (contents.first(), contents.last()) else {
            return Self::create(dir, tables, database).map(|journal| (journal, Rows::new()));
        };
        let (start, end) = (first.segment.before.seq, last.segment.last);
        if database.seq < start {
            return Err(mismatch(
                dir,
                &format!(
                    "the database ends with row {}, and the journal begins after row {start}",
                    database.seq
                ),
            ));
        }
        if database.seq > end {
            let what = format!("the database ends with row {}, and the journal with row {end}", database.seq);
            return Err(mismatch(dir, &what));
        }
        let rows = rows_after(&contents, database)?;
        check_chain(dir, database, &rows)?;
        let head = match rows.last() {
            Some(row) => head_of(row)?,
            None => database,
        };
        let segments: VecDeque<_> = contents.iter().map(|content| content.segment.clone()).collect();
        let Some(active) = contents.into_iter().next_back() else { unreachable!("there is a last one") };
        let file = active.segment.open()?;
        rewrite_end(&file, &active)
            .map_err(|error| write_error("cannot repair", &active.segment.path, error))?;
        sync_directory(dir)?;
        remove(&obsolete);
        // Rows of other tables than those that the file says go into a file of their own.
        let end = if active.segment.tables == tables { active.end } else { active.segment.size };
        let journal = Self { dir: dir.to_owned(), tables, segments, file, end, head, unresolved: None };
        Ok((journal, rows))
    }

    /// Reads the rows after the row `database` and changes nothing. Whether they continue it is left to the verification of the
    /// chain.
    pub fn read(dir: &Path, tables: u32, database: Head) -> Result<Rows, StoreError> {
        rows_after(&read_needed(dir, tables, database)?.0, database)
    }

    /// Whether it is unknown what became of the last append.
    pub fn is_unresolved(&self) -> bool {
        self.unresolved.is_some()
    }

    /// Makes appends fail, or succeed again: for tests of what uses it.
    #[cfg(any(test, feature = "failures"))]
    pub fn fail_appends(&mut self, fail: bool) -> io::Result<()> {
        let path = &self.active().path;
        self.file = std::fs::OpenOptions::new().read(true).write(!fail).open(path)?;
        Ok(())
    }

    /// The newest row.
    pub fn head(&self) -> Head {
        self.head
    }

    /// The length of all its files.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.size as u64).sum()
    }

    /// Makes sure that the next commit of usual length finds room.
    pub fn make_room(&mut self) -> Result<(), StoreError> {
        if self.end + PAGE_BYTES > self.active().size { self.rotate(PAGE_BYTES) } else { Ok(()) }
    }

    /// Appends the rows of one commit, and returns the length of their entry. When this returns, they are on disk.
    ///
    /// After [`StoreError::Full`] nothing was written. After [`StoreError::Failed`] that is unknown until
    /// [`recover`](Self::recover) has returned.
    pub fn append(&mut self, rows: &[Row<'_>]) -> Result<usize, StoreError> {
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(0) };
        if self.unresolved.is_some() {
            let reason = "an earlier append to the journal failed, and must be resolved first";
            return Err(StoreError::Failed(reason.to_owned()));
        }
        let last = head_of(last)?;
        let mut entry = self.encode(first.seq, rows)?;
        if self.end + entry.len() > self.active().size {
            self.rotate(entry.len())?;
            entry = self.encode(first.seq, rows)?;
        }
        let len = entry.len();
        self.write(entry, last).map(|()| len)
    }

    /// Finds out what became of an append that failed, and returns the newest row. It is written once more: after a failed
    /// sync the system forgets that it has something to write.
    pub fn recover(&mut self) -> Result<Head, StoreError> {
        if let Some((entry, last)) = self.unresolved.take() {
            self.write(entry, last)?;
        }
        Ok(self.head)
    }

    /// Forgets the files whose rows are all in a checkpoint of the database, which goes up to the row `seq`. The caller removes
    /// them with [`remove`].
    #[must_use = "the files have to be removed"]
    pub fn release(&mut self, seq: u64) -> Vec<PathBuf> {
        let mut released = Vec::new();
        while self.segments.len() > 1 && self.segments[0].last <= seq {
            released.extend(self.segments.pop_front().map(|segment| segment.path));
        }
        released
    }

    fn active(&self) -> &Segment {
        self.segments.back().unwrap_or_else(|| unreachable!("there is always a file to append to"))
    }

    fn encode(&self, first: u64, rows: &[Row<'_>]) -> Result<Vec<u8>, StoreError> {
        let count = u32::try_from(rows.len()).ok();
        let payload = |into: &mut Vec<u8>| rows.iter().for_each(|row| row_codec::encode(row, into));
        count
            .and_then(|count| frame::encode(self.active().seed, first, count, payload))
            .ok_or_else(|| StoreError::Failed("a commit is longer than 4 GiB".to_owned()))
    }

    fn write(&mut self, entry: Vec<u8>, last: Head) -> Result<(), StoreError> {
        let written = self.file.write_all_at(&entry, self.end as u64).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            let error = write_error("cannot write", &self.active().path, error);
            self.unresolved = Some((entry, last));
            return Err(error);
        }
        self.end += entry.len();
        self.head = last;
        if let Some(active) = self.segments.back_mut() {
            active.last = last.seq;
        }
        Ok(())
    }

    /// Continues in a new file that has room for an entry of this length. On a disk that is nearly full it is a shorter one.
    fn rotate(&mut self, entry: usize) -> Result<(), StoreError> {
        let least = (segment::HEADER_BYTES + entry).next_multiple_of(PAGE_BYTES);
        let usual = (2 * self.active().size).clamp(MIN_SEGMENT_BYTES, MAX_SEGMENT_BYTES);
        let number = self.active().number + 1;
        let mut size = usual.max(least);
        loop {
            match Segment::create(&self.dir, number, size, self.tables, self.head) {
                Ok((segment, file)) => {
                    tracing::debug!(number, size, "the journal continues in a new file");
                    self.segments.push_back(segment);
                    self.file = file;
                    self.end = segment::HEADER_BYTES;
                    return Ok(());
                }
                Err(StoreError::Full(_)) if size > least => size = (size / 2).max(least),
                Err(error) => return Err(error),
            }
        }
    }
}

/// Removes files that [`Journal::release`] returned. One that cannot be removed is removed at the next start.
pub fn remove(released: &[PathBuf]) {
    for path in released {
        if let Err(error) = std::fs::remove_file(path) {
            tracing::warn!(path = %path.display(), %error, "a file of the journal that is not needed any more cannot be removed");
        }
    }
}

/// Reads the files that have rows after the row `database`, and returns the paths of older ones. Each continues the one before.
fn read_needed(dir: &Path, tables: u32, database: Head) -> Result<(Vec<Content>, Vec<PathBuf>), StoreError> {
    let mut left = segment::list(dir)?;
    let mut contents: VecDeque<Content> = VecDeque::new();
    while let Some((number, path)) = left.pop() {
        let before = Segment::read(number, path, tables)?;
        if let Some(after) = contents.front() {
            check_continues(&before, after)?;
        }
        let begins = before.segment.before.seq;
        contents.push_front(before);
        if begins <= database.seq {
            break;
        }
    }
    Ok((contents.into(), left.into_iter().map(|(_, path)| path).collect()))
}

fn check_continues(before: &Content, after: &Content) -> Result<(), StoreError> {
    if before.torn {
        let reason = format!("the entry at byte {} is not what was written", before.end);
        return Err(damaged(&before.segment.path, reason));
    }
    let (last, hash) = (before.segment.last, last_hash(before)?);
    if after.segment.before != (Head { seq: last, hash }) {
        let reason = format!(
            "it does not continue {}, which ends with row {last}; a file between them may be missing",
            before.segment.path.file_name().unwrap_or_default().display()
        );
        return Err(damaged(&after.segment.path, reason));
    }
    Ok(())
}

fn rows_of(content: &Content, entry: &Entry) -> Result<Rows, StoreError> {
    let payload = &content.bytes[entry.payload.clone()];
    row_codec::decode(payload, entry.header.rows, content.segment.tables).map_err(|row_codec::Unreadable| {
        damaged(&content.segment.path, format!("the entry at byte {} cannot be read", entry.at))
    })
}

/// Returns the hash of the last row.
fn last_hash(content: &Content) -> Result<Hash, StoreError> {
    let Some(entry) = content.entries.last() else { return Ok(content.segment.before.hash) };
    let rows = rows_of(content, entry)?;
    rows.last().map_or(Ok(content.segment.before.hash), |row| head_of(row).map(|head| head.hash))
}

/// Decodes the rows after the row `database`. It must be the same row here, if it is here.
fn rows_after(contents: &[Content], database: Head) -> Result<Rows, StoreError> {
    let mut found = Rows::new();
    for content in contents {
        for entry in &content.entries {
            let last = entry.header.first + u64::from(entry.header.rows) - 1;
            if last < database.seq {
                continue;
            }
            found.extend(rows_of(content, entry)?);
        }
    }
    let here =
        found.iter().find(|row| row.seq == database.seq).map(|row| *row.hash == *database.hash.as_bytes());
    let before = contents.iter().find(|content| content.segment.before.seq == database.seq);
    let is_same = here.or_else(|| before.map(|content| content.segment.before.hash == database.hash));
    if is_same == Some(false) {
        let dir =
            contents.first().and_then(|content| content.segment.path.parent()).unwrap_or(Path::new("."));
        return Err(mismatch(dir, &differs(database.seq)));
    }
    found.retain(|row| row.seq > database.seq);
    Ok(found)
}

/// Checks that each row's hash covers the one before.
fn check_chain(dir: &Path, database: Head, rows: &[Row<'_>]) -> Result<(), StoreError> {
    let mut before = database;
    for row in rows {
        let hash = row.hash_after(&before.hash);
        if row.seq != before.seq + 1 || *row.hash != *hash.as_bytes() {
            return Err(mismatch(dir, &format!("row {} does not follow row {}", row.seq, before.seq)));
        }
        before = Head { seq: row.seq, hash };
    }
    Ok(())
}

/// Writes the last entry once more, because the process that wrote it may have ended before it was synced, and zeros over one
/// that is torn.
fn rewrite_end(file: &File, active: &Content) -> io::Result<()> {
    if let Some(last) = active.entries.last() {
        file.write_all_at(&active.bytes[last.at..active.end], last.at as u64)?;
    }
    if active.torn {
        tracing::warn!(
            path = %active.segment.path.display(),
            byte = active.end,
            "the last entry of the journal was not written completely; its request was not answered, and it is dropped"
        );
        file.write_all_at(&vec![0; active.segment.size - active.end], active.end as u64)?;
    }
    file.sync_data()
}

fn head_of(row: &Row<'_>) -> Result<Head, StoreError> {
    let hash = Hash::try_from(row.hash.as_ref())
        .map_err(|_| StoreError::Corrupt(format!("the hash of row {} is not 32 bytes long", row.seq)))?;
    Ok(Head { seq: row.seq, hash })
}

fn differs(seq: u64) -> String {
    format!("row {seq} of the database and of the journal are different")
}

/// Database and journal are not of the same log.
fn mismatch(dir: &Path, what: &str) -> StoreError {
    let reason = format!(
        "{what}: the two are from different backups, or one was altered; restore both from the same backup"
    );
    StoreError::Directory { dir: dir.to_owned(), reason }
}
