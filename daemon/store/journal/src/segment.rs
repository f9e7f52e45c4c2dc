//! One file of the journal: its name, its header, and its entries.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind},
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use kontraktor_domain::{Hash, Head};
use kontraktor_hardening::file::{self, OpenError, Rule};
use kontraktor_store::StoreError;
use nix::errno::Errno;
use uuid::Uuid;

use super::{
    error::{damaged, io_error, open_error, write_error},
    frame::{self, Frame, Header, Seed},
};

/// What the names of the journal's files begin with; a number follows.
pub const PREFIX: &str = "kontraktor.journal.";

/// A file that is being made.
const DRAFT: &str = "kontraktor.journal.new";

const MAGIC: &[u8; 8] = b"KTRJRNL\n";

/// The version of the format that is written.
const FORMAT: u32 = 1;

/// The length of a segment's header in bytes. The first entry is behind it.
pub(crate) const HEADER_BYTES: usize = 128;

/// A segment as it is known without being open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) number: u64,
    pub(crate) path: PathBuf,
    /// The length of the file.
    pub(crate) size: usize,
    /// The version of the tables that its rows are for.
    pub(crate) tables: u32,
    /// The row before its first one.
    pub(crate) before: Head,
    pub(crate) seed: Seed,
    /// The sequence number of its last row; `before` if it has none.
    pub(crate) last: u64,
}

/// An entry of a segment that was read.
pub(crate) struct Entry {
    pub(crate) at: usize,
    pub(crate) header: Header,
    /// Where the payload is in the segment's bytes, without its last byte.
    pub(crate) payload: std::ops::Range<usize>,
}

/// A segment that was read.
pub(crate) struct Content {
    pub(crate) segment: Segment,
    pub(crate) bytes: Vec<u8>,
    pub(crate) entries: Vec<Entry>,
    /// Where the next entry is written.
    pub(crate) end: usize,
    /// An entry behind the last one was not written completely.
    pub(crate) torn: bool,
}

/// Lists the journal's files in a directory, in order, with their numbers.
pub(crate) fn list(dir: &Path) -> Result<Vec<(u64, PathBuf)>, StoreError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(io_error("cannot read", dir))? {
        let entry = entry.map_err(io_error("cannot read", dir))?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(PREFIX)).map(str::parse);
        if let Some(Ok(number)) = number {
            found.push((number, entry.path()));
        }
    }
    found.sort_unstable();
    Ok(found)
}

impl Segment {
    /// Makes a file of this length that continues after a row.
    pub(crate) fn create(
        dir: &Path,
        number: u64,
        size: usize,
        tables: u32,
        before: Head,
    ) -> Result<(Self, File), StoreError> {
        let id = Uuid::new_v4();
        let path = dir.join(format!("{PREFIX}{number:08}"));
        let draft = dir.join(DRAFT);
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(io_error("cannot remove", &draft)(error));
            }
            _ => {}
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(0o600);
        let file = file::open_with(&mut options, &draft, Rule::Data).map_err(|error| match error {
            OpenError::Io(error) => write_error("cannot create", &draft, error),
            untrusted @ OpenError::Untrusted(_) => open_error("cannot create", &draft)(untrusted),
        })?;
        // All room is taken now: an append must not find the disk full, and its sync need not write the file's length.
        let made = allocate(&file, size)
            .and_then(|()| file.write_all_at(&encode_header(size, tables, before, id), 0))
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(&draft, &path));
        if let Err(error) = made {
            let _ = fs::remove_file(&draft);
            return Err(write_error("cannot write", &path, error));
        }
        if let Err(error) = sync_directory(dir) {
            // It must not be found by the next start: what follows goes into the file before it.
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        let segment = Self { number, path, size, tables, before, seed: seed(id), last: before.seq };
        Ok((segment, file))
    }

    /// Opens it again, to continue it.
    pub(crate) fn open(&self) -> Result<File, StoreError> {
        file::open_with(OpenOptions::new().read(true).write(true), &self.path, Rule::Data)
            .map_err(open_error("cannot open", &self.path))
    }

    /// Reads a file of the journal. What is torn or damaged in it is found; whether it follows the others is not checked.
    pub(crate) fn read(number: u64, path: PathBuf, supported: u32) -> Result<Content, StoreError> {
        let bytes = file::read(&path, Rule::Data).map_err(open_error("cannot read", &path))?;
        let mut segment = decode_header(number, path, &bytes, supported)?;
        let mut entries = Vec::new();
        let mut at = HEADER_BYTES;
        let torn = loop {
            match frame::decode(segment.seed, &bytes, at) {
                Frame::Entry { header, payload, next } => {
                    if header.first != segment.last + 1 {
                        return Err(damaged(
                            &segment.path,
                            format!(
                                "the entry at byte {at} begins with row {}, and row {} comes before it",
                                header.first, segment.last
                            ),
                        ));
                    }
                    let start = at + frame::HEADER_BYTES;
                    segment.last += u64::from(header.rows);
                    entries.push(Entry { at, header, payload: start..start + payload.len() });
                    at = next;
                }
                // Where an entry was torn, the sectors behind its missing ones may have been written.
                Frame::End if frame::is_zero(&bytes[at.min(bytes.len())..]) => break false,
                Frame::End | Frame::Torn => break true,
                Frame::Damaged => {
                    return Err(damaged(
                        &segment.path,
                        format!("the entry at byte {at} is not what was written"),
                    ));
                }
            }
        };
        Ok(Content { segment, bytes, entries, end: at, torn })
    }
}

fn seed(id: Uuid) -> Seed {
    Seed(crc32fast::hash(id.as_bytes()))
}

/// Takes the room that the file will need. Where the file system has no call for that, as NFS and ZFS, zeros are written.
fn allocate(file: &File, size: usize) -> io::Result<()> {
    let len = i64::try_from(size).map_err(io::Error::other)?;
    loop {
        match nix::fcntl::posix_fallocate(file, 0, len) {
            // A signal came.
            Err(Errno::EINTR) => {}
            Err(Errno::EOPNOTSUPP | Errno::ENOSYS | Errno::EINVAL) => return write_zeros(file, size),
            allocated => return allocated.map_err(io::Error::from),
        }
    }
}

fn write_zeros(file: &File, size: usize) -> io::Result<()> {
    let zeros = vec![0; 64 * 1024];
    for at in (0..size).step_by(zeros.len()) {
        file.write_all_at(&zeros[..zeros.len().min(size - at)], at as u64)?;
    }
    Ok(())
}

fn encode_header(size: usize, tables: u32, before: Head, id: Uuid) -> [u8; HEADER_BYTES] {
    let mut header = Vec::with_capacity(HEADER_BYTES);
    header.extend(MAGIC);
    header.extend(FORMAT.to_le_bytes());
    header.extend(tables.to_le_bytes());
    header.extend((size as u64).to_le_bytes());
    header.extend(before.seq.to_le_bytes());
    header.extend(before.hash.as_bytes());
    header.extend(id.as_bytes());
    header.extend(crc32fast::hash(&header).to_le_bytes());
    let mut whole = [0; HEADER_BYTES];
    whole[..header.len()].copy_from_slice(&header);
    whole
}

fn decode_header(number: u64, path: PathBuf, bytes: &[u8], supported: u32) -> Result<Segment, StoreError> {
    let header = |reason: &str| damaged(&path, format!("its header {reason}"));
    let mut rest = bytes.get(..HEADER_BYTES).ok_or_else(|| header("is incomplete"))?;
    let checked = &bytes[..80];
    if take(&mut rest) != *MAGIC {
        return Err(header("is not a journal's"));
    }
    let format = u32::from_le_bytes(take(&mut rest));
    let tables = u32::from_le_bytes(take(&mut rest));
    let size = u64::from_le_bytes(take(&mut rest));
    let seq = u64::from_le_bytes(take(&mut rest));
    let hash: [u8; 32] = take(&mut rest);
    let id = Uuid::from_bytes(take(&mut rest));
    if u32::from_le_bytes(take(&mut rest)) != crc32fast::hash(checked) || !frame::is_zero(rest) {
        return Err(header("is not what was written"));
    }
    if format != FORMAT {
        let reason = format!("its format is {format}, and this kontraktord reads format {FORMAT}");
        return Err(StoreError::Unusable { path, reason });
    }
    if tables > supported {
        return Err(StoreError::Newer { path, found: tables, supported });
    }
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    if bytes.len() != size {
        return Err(damaged(&path, format!("it has {} bytes, and was made with {size}", bytes.len())));
    }
    let hash = Hash::try_from(hash.as_slice()).map_err(|_| header("is not what was written"))?;
    Ok(Segment { number, path, size, tables, before: Head { seq, hash }, seed: seed(id), last: seq })
}

/// Takes bytes of a header, which is long enough.
fn take<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    let (taken, after) = rest.split_first_chunk().map_or(([0; N], &[][..]), |(taken, after)| (*taken, after));
    *rest = after;
    taken
}

/// Syncs a directory: until then, the names in it are not on disk.
pub(crate) fn sync_directory(dir: &Path) -> Result<(), StoreError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io_error("cannot sync", dir))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_taken_by_writing_where_there_is_no_other_way() {
        for size in [4096, 64 * 1024, 200 * 1024 + 5] {
            let file = tempfile::tempfile().unwrap();
            write_zeros(&file, size).unwrap();
            assert_eq!(file.metadata().unwrap().len(), size as u64);
        }
    }
}
