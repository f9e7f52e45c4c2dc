//! A row of the log as it is stored: texts and numbers, nothing parsed. Rows are what the hash chain covers, so a row
//! that no longer means anything can still be told from the one that was written.

mod convert;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use kontraktor_model::names::NameError;
use uuid::Uuid;

use super::{
    Hash,
    hash::{FieldHasher, HashError},
};

pub use self::convert::{imports, timestamp};

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
    /// What the log it stands in has of its own.
    pub body: RowBody<'a>,
    /// Over this row and the one before.
    pub hash: Cow<'a, [u8]>,
}

/// The columns that each log has of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowBody<'a> {
    /// `project_log`
    Project {
        /// The name.
        name: Cow<'a, str>,
        /// The word of a [`super::ProjectOperation`].
        operation: Cow<'a, str>,
        /// Afterwards.
        description: Cow<'a, str>,
        /// Afterwards.
        implicit: bool,
        /// Afterwards.
        protected: bool,
    },
    /// `environment_log`
    Environment {
        /// The environment.
        id: Uuid,
        /// Its project's name.
        project: Cow<'a, str>,
        /// Its name.
        env: Cow<'a, str>,
        /// The word of a [`super::EnvironmentOperation`].
        operation: Cow<'a, str>,
        /// Afterwards.
        revision: u64,
        /// Afterwards.
        description: Cow<'a, str>,
        /// Afterwards.
        implicit: bool,
        /// Afterwards.
        protected: bool,
        /// Afterwards: a JSON array of `project/env`. None: it imports nothing.
        imports: Option<Cow<'a, str>>,
    },
    /// `audit_variable_writes`
    Variable {
        /// The row's own id. It follows from the row's hash ([`Hash::to_uuid`]), so the chain covers it too.
        id: Uuid,
        /// The environment.
        environment: Uuid,
        /// The key.
        key: Cow<'a, str>,
        /// The word of a [`super::VariableOperation`].
        operation: Cow<'a, str>,
        /// The environment's, afterwards.
        revision: u64,
        /// The word of a `ValueType`.
        value_type: Cow<'a, str>,
        /// None: the key did not exist.
        old_value: Option<Cow<'a, str>>,
        /// None: the key was deleted.
        new_value: Option<Cow<'a, str>>,
        /// Of the new value, or of the deleted one.
        description: Cow<'a, str>,
        /// Of the new value.
        protected: bool,
    },
    /// `schema_log`
    Schema {
        /// The project's name.
        project: Cow<'a, str>,
        /// Its own.
        name: Cow<'a, str>,
        /// The word of a [`super::SchemaOperation`].
        operation: Cow<'a, str>,
        /// Afterwards; for a deletion, before.
        key_pattern: Cow<'a, str>,
        /// Afterwards; for a deletion, before.
        schema: Cow<'a, str>,
    },
    /// `audit_events`
    Access {
        /// The word of a [`super::AccessOperation`]; for a denial of something else than a secret, the action follows it:
        /// `denied variable.write`.
        operation: Cow<'a, str>,
        /// None: no environment was asked.
        project: Option<Cow<'a, str>>,
        /// None: no environment was asked.
        env: Option<Cow<'a, str>>,
        /// None: no key was asked for.
        key: Option<Cow<'a, str>>,
        /// The reference that was resolved, or nothing.
        reference: Cow<'a, str>,
        /// What the vault calls the version, or nothing.
        version: Cow<'a, str>,
        /// From where.
        peer: Cow<'a, str>,
        /// How often.
        count: u64,
        /// The word of a [`super::Code`].
        problem: Option<Cow<'a, str>>,
    },
    /// `secret_version_log`
    Version {
        /// The environment.
        environment: Uuid,
        /// The key.
        key: Cow<'a, str>,
        /// The reference that was resolved.
        reference: Cow<'a, str>,
        /// What the vault calls the version.
        version: Cow<'a, str>,
    },
    /// `batch_log`
    Batch {
        /// How many items the batch had.
        items: u32,
        /// Their results, encoded.
        results: Cow<'a, str>,
    },
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
    #[error("{0} microseconds is no moment of the calendar")]
    Time(i64),
    /// A record of results that cannot be read.
    #[error("the record of a batch cannot be read: {0}")]
    Record(String),
    /// A list of imports that cannot be read.
    #[error("the imports of an environment cannot be read: {0}")]
    Imports(String),
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
            .text(self.body.table());
        match &self.body {
            RowBody::Project { name, operation, description, implicit, protected } => {
                let row = common.text(name).text(operation).text(description).flag(*implicit);
                with_settings(row, *protected, None)
            }
            RowBody::Environment {
                id,
                project,
                env,
                operation,
                revision,
                description,
                implicit,
                protected,
                imports,
            } => {
                let row = common
                    .bytes(id.as_bytes())
                    .text(project)
                    .text(env)
                    .text(operation)
                    .number(*revision)
                    .text(description)
                    .flag(*implicit);
                with_settings(row, *protected, imports.as_deref())
            }
            RowBody::Variable {
                id: _,
                environment,
                key,
                operation,
                revision,
                value_type,
                old_value,
                new_value,
                description,
                protected,
            } => {
                let row = common
                    .bytes(environment.as_bytes())
                    .text(key)
                    .text(operation)
                    .number(*revision)
                    .text(value_type)
                    .optional(old_value.as_deref().map(str::as_bytes))
                    .optional(new_value.as_deref().map(str::as_bytes))
                    .text(description);
                with_settings(row, *protected, None)
            }
            RowBody::Schema { project, name, operation, key_pattern, schema } => {
                common.text(project).text(name).text(operation).text(key_pattern).text(schema)
            }
            RowBody::Access { operation, project, env, key, reference, version, peer, count, problem } => {
                common
                    .text(operation)
                    .optional(project.as_deref().map(str::as_bytes))
                    .optional(env.as_deref().map(str::as_bytes))
                    .optional(key.as_deref().map(str::as_bytes))
                    .text(reference)
                    .text(version)
                    .text(peer)
                    .number(*count)
                    .optional(problem.as_deref().map(str::as_bytes))
            }
            RowBody::Version { environment, key, reference, version } => {
                common.bytes(environment.as_bytes()).text(key).text(reference).text(version)
            }
            RowBody::Batch { items, results } => common.number(u64::from(*items)).text(results),
        }
        .finish()
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

impl RowBody<'_> {
    /// The table that such rows stand in.
    pub fn table(&self) -> &'static str {
        match self {
            Self::Project { .. } => "project_log",
            Self::Environment { .. } => "environment_log",
            Self::Variable { .. } => "audit_variable_writes",
            Self::Schema { .. } => "schema_log",
            Self::Access { .. } => "audit_events",
            Self::Version { .. } => "secret_version_log",
            Self::Batch { .. } => "batch_log",
        }
    }
}
