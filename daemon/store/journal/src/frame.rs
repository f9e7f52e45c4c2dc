//! One entry: a header, a payload, and zeros up to the next multiple of eight bytes.

use std::ops::Range;

/// The length of an entry's header in bytes.
pub(crate) const HEADER_BYTES: usize = 24;

/// Entries begin at multiples of this many bytes.
pub(crate) const ALIGNMENT: usize = 8;

/// What a disk writes as a whole. An entry that a crash interrupted lacks whole sectors, which are zeros still.
const SECTOR_BYTES: usize = 512;

/// The last byte of a payload, so that the sector that it ends in is never all zeros.
const END: u8 = 0xa5;

/// What the header of an entry says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// The length of the payload.
    pub(crate) len: u32,
    /// The number of its rows.
    pub(crate) rows: u32,
    /// The sequence number of the first one.
    pub(crate) first: u64,
    payload_crc: u32,
}

/// What is at a place of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    /// Nothing was written here or behind it.
    End,
    /// A whole entry, and where the next one begins.
    Entry {
        /// Its header.
        header: Header,
        /// Its payload without the last byte.
        payload: &'a [u8],
        /// Where the next one begins.
        next: usize,
    },
    /// Part of an entry whose writing was interrupted: sectors of it are missing, and nothing follows it.
    Torn,
    /// What nobody wrote.
    Damaged,
}

/// What the checksums of a segment's entries begin with, so that nothing that was written elsewhere, a value included, is taken for
/// one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seed(pub(crate) u32);

impl Seed {
    fn checksum(self, bytes: &[u8]) -> u32 {
        let mut hasher = crc32fast::Hasher::new_with_initial(self.0);
        hasher.update(bytes);
        hasher.finalize()
    }
}

/// Returns an entry's bytes around a payload that `encode` appends. None: it would be longer than 4 GiB.
pub(crate) fn encode(
    seed: Seed,
    first: u64,
    rows: u32,
    encode: impl FnOnce(&mut Vec<u8>),
) -> Option<Vec<u8>> {
    let mut entry = vec![0; HEADER_BYTES];
    encode(&mut entry);
    entry.push(END);
    let len = u32::try_from(entry.len() - HEADER_BYTES).ok()?;
    let payload_crc = seed.checksum(&entry[HEADER_BYTES..]);
    entry[0..4].copy_from_slice(&len.to_le_bytes());
    entry[4..8].copy_from_slice(&rows.to_le_bytes());
    entry[8..16].copy_from_slice(&first.to_le_bytes());
    entry[16..20].copy_from_slice(&payload_crc.to_le_bytes());
    let crc = seed.checksum(&entry[..20]);
    entry[20..24].copy_from_slice(&crc.to_le_bytes());
    entry.resize(entry.len().next_multiple_of(ALIGNMENT), 0);
    Some(entry)
}

impl Header {
    /// None: the checksum is wrong, or it cannot be an entry's.
    fn decode(seed: Seed, bytes: &[u8]) -> Option<Self> {
        let number = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
        let header = Self {
            len: number(0)?,
            rows: number(4)?,
            first: u64::from_le_bytes(*bytes.get(8..)?.first_chunk()?),
            payload_crc: number(16)?,
        };
        let is_valid = number(20)? == seed.checksum(&bytes[..20]) && header.len > 0 && header.rows > 0;
        is_valid.then_some(header)
    }

    /// Where the payload is in the segment, for a header at `at`.
    fn payload(&self, at: usize) -> Option<Range<usize>> {
        let start = at.checked_add(HEADER_BYTES)?;
        Some(start..start.checked_add(usize::try_from(self.len).ok()?)?)
    }
}

/// Reads what is at a place of a segment.
pub(crate) fn decode(seed: Seed, segment: &[u8], at: usize) -> Frame<'_> {
    let rest = segment.get(at..).unwrap_or_default();
    if rest.len() < HEADER_BYTES {
        return if is_zero(rest) {
            Frame::End
        } else {
            torn_or_damaged(seed, segment, at, at..segment.len())
        };
    }
    if let Some(whole) = entry(seed, segment, at) {
        return whole;
    }
    match Header::decode(seed, rest) {
        // The checksum covers the length, so it is where the entry ends.
        Some(header) => match header.payload(at) {
            Some(payload) if payload.end <= segment.len() => {
                torn_or_damaged(seed, segment, at, at..payload.end)
            }
            _ => Frame::Damaged,
        },
        None if is_zero(rest) => Frame::End,
        None => torn_or_damaged(seed, segment, at, at..at + HEADER_BYTES),
    }
}

/// Reads a whole entry.
fn entry(seed: Seed, segment: &[u8], at: usize) -> Option<Frame<'_>> {
    let header = Header::decode(seed, segment.get(at..)?)?;
    let payload = segment.get(header.payload(at)?)?;
    let (last, content) = payload.split_last()?;
    if *last != END || seed.checksum(payload) != header.payload_crc {
        return None;
    }
    let end = at + HEADER_BYTES + payload.len();
    let next = end.next_multiple_of(ALIGNMENT);
    // A bit that was set in the padding shows, too.
    is_zero(segment.get(end..next.min(segment.len()))?).then_some(Frame::Entry {
        header,
        payload: content,
        next,
    })
}

/// An incomplete entry is torn if one of its sectors was not written, and nothing was written after it. Everything else was whole
/// once.
fn torn_or_damaged(seed: Seed, segment: &[u8], at: usize, span: Range<usize>) -> Frame<'static> {
    let lacks_a_sector = sectors(span).any(|sector| is_zero(&segment[sector]));
    let followed = (at + ALIGNMENT..segment.len())
        .step_by(ALIGNMENT)
        .filter(|later| segment[*later..].first_chunk::<4>().is_some_and(|len| *len != [0; 4]))
        .any(|later| entry(seed, segment, later).is_some());
    if lacks_a_sector && !followed { Frame::Torn } else { Frame::Damaged }
}

/// Cuts a span where sectors begin.
fn sectors(span: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let mut start = span.start;
    std::iter::from_fn(move || {
        let end = (start + 1).next_multiple_of(SECTOR_BYTES).min(span.end);
        let sector = start..end;
        (start < end).then(|| {
            start = end;
            sector
        })
    })
}

/// Returns whether all bytes are zero.
pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<8>();
    words.iter().all(|word| *word == [0; 8]) && rest.iter().all(|byte| *byte == 0)
}
