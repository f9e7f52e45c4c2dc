//! Rows as bytes: the name of the table, and its columns in the order of [`Log::columns`], each preceded by its kind.

use kontraktor_domain::{Column, Field, FieldReader, LOGS, Row};
use uuid::Uuid;

mod tag {
    pub(super) const NULL: u8 = 0;
    pub(super) const TEXT: u8 = 1;
    pub(super) const BYTES: u8 = 2;
    pub(super) const UUID: u8 = 3;
    pub(super) const NUMBER: u8 = 4;
    pub(super) const COUNT: u8 = 5;
    pub(super) const TIME: u8 = 6;
    pub(super) const FALSE: u8 = 7;
    pub(super) const TRUE: u8 = 8;
}

/// The bytes are not those of rows, although their checksum is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unreadable;

/// Appends a row.
pub(crate) fn encode(row: &Row<'_>, into: &mut Vec<u8>) {
    text(into, row.body.log().table.as_bytes());
    for field in row.fields() {
        match field {
            Field::Null => into.push(tag::NULL),
            Field::Text(content) => {
                into.push(tag::TEXT);
                text(into, content.as_bytes());
            }
            Field::Bytes(content) => {
                into.push(tag::BYTES);
                text(into, content);
            }
            Field::Uuid(id) => {
                into.push(tag::UUID);
                into.extend(id.as_bytes());
            }
            Field::Number(number) => {
                into.push(tag::NUMBER);
                into.extend(number.to_le_bytes());
            }
            Field::Count(count) => {
                into.push(tag::COUNT);
                into.extend(count.to_le_bytes());
            }
            Field::Time(at) => {
                into.push(tag::TIME);
                into.extend(at.to_le_bytes());
            }
            Field::Flag(flag) => into.push(if flag { tag::TRUE } else { tag::FALSE }),
        }
    }
}

/// A length of four bytes, and the bytes. No column holds 4 GiB: a value has at most 64 KiB, and a batch's results a few MiB.
fn text(into: &mut Vec<u8>, content: &[u8]) {
    let len = u32::try_from(content.len()).unwrap_or(u32::MAX);
    into.extend(len.to_le_bytes());
    into.extend(content);
}

/// Reads all rows of a payload, which was written with tables of the version `tables`.
pub(crate) fn decode(payload: &[u8], rows: u32, tables: u32) -> Result<Vec<Row<'static>>, Unreadable> {
    let mut rest = payload;
    let mut found = Vec::new();
    for _ in 0..rows {
        let table = take_text(&mut rest)?;
        let log = LOGS.iter().find(|log| log.table.as_bytes() == table).ok_or(Unreadable)?;
        let left = &mut log.columns();
        found.push(Row::read(log, &mut Columns { rest: &mut rest, left, tables })?);
    }
    if rest.is_empty() { Ok(found) } else { Err(Unreadable) }
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Result<&'a [u8], Unreadable> {
    let (taken, after) = rest.split_at_checked(len).ok_or(Unreadable)?;
    *rest = after;
    Ok(taken)
}

fn take_array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Unreadable> {
    take(rest, N)?.try_into().map_err(|_| Unreadable)
}

fn take_text<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Unreadable> {
    let len = u32::from_le_bytes(take_array(rest)?);
    take(rest, usize::try_from(len).map_err(|_| Unreadable)?)
}

/// The columns of one row, one after the other.
struct Columns<'a, 'b> {
    rest: &'a mut &'b [u8],
    left: &'a mut dyn Iterator<Item = &'static Column>,
    tables: u32,
}

impl Columns<'_, '_> {
    /// Returns the tag of the next column. None: the row is from before the column.
    fn next(&mut self) -> Result<Option<u8>, Unreadable> {
        let column = self.left.next().ok_or(Unreadable)?;
        if column.since > self.tables {
            return Ok(None);
        }
        take_array::<1>(self.rest).map(|[tag]| Some(tag))
    }

    fn expect(&mut self, expected: u8) -> Result<(), Unreadable> {
        if self.next()? == Some(expected) { Ok(()) } else { Err(Unreadable) }
    }

    /// Returns whether there is a value.
    fn optional(&mut self, expected: u8) -> Result<bool, Unreadable> {
        match self.next()? {
            None | Some(tag::NULL) => Ok(false),
            Some(found) if found == expected => Ok(true),
            Some(_) => Err(Unreadable),
        }
    }

    fn string(&mut self) -> Result<String, Unreadable> {
        String::from_utf8(take_text(self.rest)?.to_vec()).map_err(|_| Unreadable)
    }
}

impl FieldReader for Columns<'_, '_> {
    type Error = Unreadable;

    fn text(&mut self) -> Result<String, Unreadable> {
        self.expect(tag::TEXT)?;
        self.string()
    }

    fn optional_text(&mut self) -> Result<Option<String>, Unreadable> {
        self.optional(tag::TEXT)?.then(|| self.string()).transpose()
    }

    fn bytes(&mut self) -> Result<Vec<u8>, Unreadable> {
        self.expect(tag::BYTES)?;
        take_text(self.rest).map(<[u8]>::to_vec)
    }

    fn optional_bytes(&mut self) -> Result<Option<Vec<u8>>, Unreadable> {
        self.optional(tag::BYTES)?.then(|| take_text(self.rest).map(<[u8]>::to_vec)).transpose()
    }

    fn uuid(&mut self) -> Result<Uuid, Unreadable> {
        self.expect(tag::UUID)?;
        take_array(self.rest).map(Uuid::from_bytes)
    }

    fn optional_uuid(&mut self) -> Result<Option<Uuid>, Unreadable> {
        self.optional(tag::UUID)?.then(|| take_array(self.rest).map(Uuid::from_bytes)).transpose()
    }

    fn number(&mut self) -> Result<u64, Unreadable> {
        self.expect(tag::NUMBER)?;
        take_array(self.rest).map(u64::from_le_bytes)
    }

    fn count(&mut self) -> Result<u32, Unreadable> {
        self.expect(tag::COUNT)?;
        take_array(self.rest).map(u32::from_le_bytes)
    }

    fn optional_count(&mut self) -> Result<Option<u32>, Unreadable> {
        self.optional(tag::COUNT)?.then(|| take_array(self.rest).map(u32::from_le_bytes)).transpose()
    }

    fn time(&mut self) -> Result<i64, Unreadable> {
        self.expect(tag::TIME)?;
        take_array(self.rest).map(i64::from_le_bytes)
    }

    fn flag(&mut self) -> Result<bool, Unreadable> {
        match self.next()? {
            // Rows from before the column mean the same.
            None | Some(tag::FALSE) => Ok(false),
            Some(tag::TRUE) => Ok(true),
            Some(_) => Err(Unreadable),
        }
    }
}
