//! A row of the log as it is stored: texts and numbers, nothing parsed. Rows are what the hash chain covers, so that a row
//! that was altered shows even where it can no longer be parsed.

mod columns;
mod convert;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use kontraktor_model::{access::AccessError, names::NameError};
use uuid::Uuid;

use super::{
    Hash,
    hash::{FieldHasher, HashError},
};

pub use self::{
    columns::{Column, ColumnType, Field, FieldReader, LOGS, Log, RowBody},
    convert::{imports, timestamp},
};

/// A stored row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row<'a> {
    /// Place in the one sequence of all logs, from 1.
    pub seq: u64,
    /// Microseconds since 1970, UTC.
    pub at_us: i64,
    /// Who.
    pub actor: Cow<'a, str>,
    /// Through what.
    pub via: Cow<'a, str>,
    /// The batch that it came in.
    pub batch_id: Option<Uuid>,
    /// SHA-256 of the batch's content.
    pub batch_digest: Option<Cow<'a, [u8]>>,
    /// The item's place in the batch.
    pub batch_item: Option<u32>,
    /// The columns of the log that it belongs to.
    pub body: RowBody<'a>,
    /// Over this row and the one before.
    pub hash: Cow<'a, [u8]>,
}

/// A stored row that means nothing: it was not written by this daemon, or was altered since.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// A name against its rule.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Not a hash.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// A word that stands for nothing.
    #[error("{0:?} is no {1}")]
    Word(String, &'static str),
    /// A moment beyond the calendar.
    #[error("{0} microseconds are outside the range of times")]
    Time(i64),
    /// A record of results that cannot be read.
    #[error("the record of a batch cannot be read: {0}")]
    Record(String),
    /// A list of imports that cannot be read.
    #[error("the imports of an environment cannot be read: {0}")]
    Imports(String),
    /// A role, a subject, a pattern or a scope against its rule.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// A list of secrets of a service account that cannot be read.
    #[error("the secrets of a service account cannot be read: {0}")]
    Secrets(String),
    /// A row about an environment that has no row of its own.
    #[error("environment {0} has no row of its own")]
    Environment(Uuid),
}

/// Separates the hashes of rows from those of anything else, and of later forms of the rows.
const ROW_PURPOSE: &str = "kontraktor log row 1";

impl Row<'_> {
    /// The hash that this row must have after a row with the hash `before` ([`Hash::ZERO`] for the first).
    ///
    /// SHA-256 over, in this order: the text `kontraktor log row 1`; the 32 bytes of `before`; the sequence number; the
    /// microseconds; actor; via; batch id, batch digest and batch item, each optional; the name of the table; and the
    /// table's own columns in the order of [`RowBody`], the row's `id` left out because it follows from the hash.
    /// Every field is preceded by its length as 8 bytes, most significant first. Numbers are 8 bytes in the same
    /// order, flags one byte, UUIDs 16. An optional field is preceded by the byte 1, or is the byte 0 alone. Where a row
    /// is protected or has imports, the text `settings`, the flag and the optional imports follow at the end: rows that
    /// were written before there were such columns keep their hashes.
    pub fn hash_after(&self, before: &Hash) -> Hash {
        let item = self.batch_item.map(|item| u64::from(item).to_be_bytes());
        let common = FieldHasher::new(ROW_PURPOSE)
            .bytes(before.as_bytes())
            .number(self.seq)
            .signed(self.at_us)
            .text(&self.actor)
            .text(&self.via)
            .optional(self.batch_id.as_ref().map(|id| id.as_bytes().as_slice()))
            .optional(self.batch_digest.as_deref())
            .optional(item.as_ref().map(<[u8; 8]>::as_slice))
            .text(self.body.log().table);
        let (protected, imports) = match &self.body {
            RowBody::Project { protected, .. } | RowBody::Variable { protected, .. } => (*protected, None),
            RowBody::Environment { protected, imports, .. } => (*protected, imports.as_deref()),
            RowBody::Schema { .. }
            | RowBody::Access { .. }
            | RowBody::Version { .. }
            | RowBody::RoleBinding { .. }
            | RowBody::ServiceAccount { .. }
            | RowBody::Actor { .. }
            | RowBody::Batch { .. } => (false, None),
        };
        with_settings(self.body.hash(common), protected, imports).finish()
    }
}

/// Rows with nothing set are hashed as they were before these columns existed.
fn with_settings(row: FieldHasher, protected: bool, imports: Option<&str>) -> FieldHasher {
    if protected || imports.is_some() {
        row.text("settings").flag(protected).optional(imports.map(str::as_bytes))
    } else {
        row
    }
}
