//! A row of the log as it is stored: texts and numbers, nothing parsed. Rows are what the hash chain covers, so a row
//! that no longer means anything can still be told from the one that was written.

use std::{borrow::Cow, sync::Arc};

use jiff::Timestamp;
use kontraktor_proto::names::{EnvPath, NameError};
use uuid::Uuid;

use super::{
    BatchMark, BatchRecord, Body, EnvironmentFact, Fact, Hash, ProjectFact, VariableFact,
    hash::{FieldHasher, HashError},
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
    /// order, flags one byte, UUIDs 16. An optional field is preceded by the byte 1, or is the byte 0 alone.
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
            RowBody::Project { name, operation, description, implicit } => {
                common.text(name).text(operation).text(description).flag(*implicit)
            }
            RowBody::Environment { id, project, env, operation, revision, description, implicit } => common
                .bytes(id.as_bytes())
                .text(project)
                .text(env)
                .text(operation)
                .number(*revision)
                .text(description)
                .flag(*implicit),
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
            } => common
                .bytes(environment.as_bytes())
                .text(key)
                .text(operation)
                .number(*revision)
                .text(value_type)
                .optional(old_value.as_deref().map(str::as_bytes))
                .optional(new_value.as_deref().map(str::as_bytes))
                .text(description),
            RowBody::Batch { items, results } => common.number(u64::from(*items)).text(results),
        }
        .finish()
    }

    /// Reads the row back as a fact. `path_of` finds the name of an environment by its id.
    pub fn to_fact(&self, path_of: impl FnOnce(Uuid) -> Option<EnvPath>) -> Result<Fact, RowError> {
        let body = match &self.body {
            RowBody::Project { name, operation, description, implicit } => Body::Project(ProjectFact {
                name: name.parse()?,
                operation: word(operation, "operation on a project")?,
                description: description.as_ref().into(),
                implicit: *implicit,
            }),
            RowBody::Environment { id, project, env, operation, revision, description, implicit } => {
                Body::Environment(EnvironmentFact {
                    id: *id,
                    path: EnvPath::new(project, env)?,
                    operation: word(operation, "operation on an environment")?,
                    revision: *revision,
                    description: description.as_ref().into(),
                    implicit: *implicit,
                })
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
            } => Body::Variable(VariableFact {
                environment: *environment,
                path: path_of(*environment).ok_or(RowError::Environment(*environment))?,
                key: key.parse()?,
                operation: word(operation, "operation on a variable")?,
                revision: *revision,
                value_type: word(value_type, "type of a value")?,
                old_value: old_value.as_deref().map(Arc::from),
                new_value: new_value.as_deref().map(Arc::from),
                description: description.as_ref().into(),
            }),
            RowBody::Batch { items, results } => Body::Batch(BatchRecord::parse(*items, results)?),
        };
        let batch = match (self.batch_id, &self.batch_digest) {
            (Some(id), Some(digest)) => {
                Some(BatchMark { id, digest: Hash::try_from(digest.as_ref())?, item: self.batch_item })
            }
            _ => None,
        };
        Ok(Fact {
            seq: self.seq,
            at: timestamp(self.at_us)?,
            actor: self.actor.as_ref().into(),
            via: self.via.as_ref().into(),
            batch,
            body,
            hash: Hash::try_from(self.hash.as_ref())?,
        })
    }
}

/// The moment that a stored number of microseconds stands for.
pub(crate) fn timestamp(at_us: i64) -> Result<Timestamp, RowError> {
    Timestamp::from_microsecond(at_us).map_err(|_| RowError::Time(at_us))
}

fn word<T: std::str::FromStr>(text: &str, what: &'static str) -> Result<T, RowError> {
    text.parse().map_err(|_| RowError::Word(text.to_owned(), what))
}

impl RowBody<'_> {
    /// The table that such rows stand in.
    pub fn table(&self) -> &'static str {
        match self {
            Self::Project { .. } => "project_log",
            Self::Environment { .. } => "environment_log",
            Self::Variable { .. } => "audit_variable_writes",
            Self::Batch { .. } => "batch_log",
        }
    }
}

impl<'a> From<&'a Fact> for Row<'a> {
    fn from(fact: &'a Fact) -> Self {
        let body = match &fact.body {
            Body::Project(project) => RowBody::Project {
                name: project.name.as_str().into(),
                operation: project.operation.as_str().into(),
                description: project.description.as_ref().into(),
                implicit: project.implicit,
            },
            Body::Environment(environment) => RowBody::Environment {
                id: environment.id,
                project: environment.path.project.as_str().into(),
                env: environment.path.env.as_str().into(),
                operation: environment.operation.as_str().into(),
                revision: environment.revision,
                description: environment.description.as_ref().into(),
                implicit: environment.implicit,
            },
            Body::Variable(variable) => RowBody::Variable {
                id: fact.hash.to_uuid(),
                environment: variable.environment,
                key: variable.key.as_str().into(),
                operation: variable.operation.as_str().into(),
                revision: variable.revision,
                value_type: variable.value_type.as_str().into(),
                old_value: variable.old_value.as_deref().map(Cow::Borrowed),
                new_value: variable.new_value.as_deref().map(Cow::Borrowed),
                description: variable.description.as_ref().into(),
            },
            Body::Batch(record) => RowBody::Batch { items: record.items(), results: record.text().into() },
        };
        Self {
            seq: fact.seq,
            at_us: fact.at.as_microsecond(),
            actor: fact.actor.as_ref().into(),
            via: fact.via.as_ref().into(),
            batch_id: fact.batch.map(|mark| mark.id),
            batch_digest: fact.batch.as_ref().map(|mark| Cow::Borrowed(mark.digest.as_bytes().as_slice())),
            batch_item: fact.batch.and_then(|mark| mark.item),
            body,
            hash: Cow::Borrowed(fact.hash.as_bytes().as_slice()),
        }
    }
}

fn owned(text: Cow<'_, str>) -> Cow<'static, str> {
    Cow::Owned(text.into_owned())
}

impl Row<'_> {
    /// The same row, borrowing nothing.
    pub fn into_owned(self) -> Row<'static> {
        let body = match self.body {
            RowBody::Project { name, operation, description, implicit } => RowBody::Project {
                name: owned(name),
                operation: owned(operation),
                description: owned(description),
                implicit,
            },
            RowBody::Environment { id, project, env, operation, revision, description, implicit } => {
                RowBody::Environment {
                    id,
                    project: owned(project),
                    env: owned(env),
                    operation: owned(operation),
                    revision,
                    description: owned(description),
                    implicit,
                }
            }
            RowBody::Variable {
                id,
                environment,
                key,
                operation,
                revision,
                value_type,
                old_value,
                new_value,
                description,
            } => RowBody::Variable {
                id,
                environment,
                key: owned(key),
                operation: owned(operation),
                revision,
                value_type: owned(value_type),
                old_value: old_value.map(owned),
                new_value: new_value.map(owned),
                description: owned(description),
            },
            RowBody::Batch { items, results } => RowBody::Batch { items, results: owned(results) },
        };
        Row {
            seq: self.seq,
            at_us: self.at_us,
            actor: owned(self.actor),
            via: owned(self.via),
            batch_id: self.batch_id,
            batch_digest: self.batch_digest.map(|digest| Cow::Owned(digest.into_owned())),
            batch_item: self.batch_item,
            body,
            hash: Cow::Owned(self.hash.into_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The form of the hash is a promise to logs that exist. This one was computed by hand with another program.
    #[test]
    fn hashes_stay_what_they_are() {
        let row = Row {
            seq: 2,
            at_us: -1,
            actor: "unix:ada".into(),
            via: "ktr".into(),
            batch_id: None,
            batch_digest: None,
            batch_item: Some(3),
            body: RowBody::Project {
                name: "p".into(),
                operation: "created".into(),
                description: "".into(),
                implicit: true,
            },
            hash: Cow::Borrowed(&[]),
        };
        assert_eq!(
            row.hash_after(&Hash::ZERO).to_string(),
            "86c0811251be8e826309085f7d054fc3b51cf1a891b1a9ab56e2c38c2d4165e0"
        );
    }
}
