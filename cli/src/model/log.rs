//! Entries of the log, for `ktr audit` and `ktr var history`.

use kontraktor_proto::v1;
use serde::Serialize;

use super::{Written, names, secret::code, type_name};

/// The type of rows about secret references.
const REFERENCE: &str = "secret_reference";

#[derive(Debug, Serialize)]
pub(crate) struct Entries {
    pub(crate) entries: Vec<Entry>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Entry {
    pub(crate) sequence: u64,
    pub(crate) written: Option<Written>,
    pub(crate) operation: String,
    pub(crate) project: Option<String>,
    pub(crate) env: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) revision: Option<u64>,
    #[serde(rename = "type")]
    pub(crate) value_type: Option<&'static str>,
    pub(crate) old_value: Option<String>,
    pub(crate) new_value: Option<String>,
    pub(crate) description: String,
    pub(crate) schema: Option<String>,
    pub(crate) deletion_protection: Option<bool>,
    pub(crate) imports: Option<Vec<String>>,
    pub(crate) batch_id: Option<String>,
    pub(crate) access: Option<Access>,
    pub(crate) hash: String,
}

/// Of an access to a secret, and of a line of the lockfile.
#[derive(Debug, Serialize)]
pub(crate) struct Access {
    pub(crate) reference: String,
    pub(crate) version: Option<String>,
    pub(crate) peer: Option<String>,
    pub(crate) count: u64,
    pub(crate) problem: Option<String>,
}

impl From<v1::SecretAccess> for Access {
    fn from(access: v1::SecretAccess) -> Self {
        let some = |text: String| Some(text).filter(|text| !text.is_empty());
        let problem = access.problem();
        Self {
            problem: (problem != v1::ProblemCode::Unspecified).then(|| code(problem)),
            reference: access.reference,
            version: some(access.version),
            peer: some(access.peer),
            count: access.count,
        }
    }
}

impl From<v1::AuditEntry> for Entry {
    fn from(entry: v1::AuditEntry) -> Self {
        let name = entry.operation().as_str_name();
        let operation = name.strip_prefix("AUDIT_OPERATION_").unwrap_or(name).to_ascii_lowercase();
        let some = |text: String| Some(text).filter(|text| !text.is_empty());
        // Rows of other kinds do not have these, which is something else than having them switched off or empty.
        let has_protection =
            ["project_", "environment_", "variable_"].iter().any(|kind| operation.starts_with(kind));
        let has_imports = operation.starts_with("environment_");
        Self {
            deletion_protection: has_protection.then_some(entry.deletion_protection),
            imports: has_imports.then(|| names(&entry.imports)),
            schema: some(entry.schema),
            operation,
            sequence: entry.sequence,
            written: entry.written.map(Written::from),
            project: some(entry.project),
            env: some(entry.env),
            key: some(entry.key),
            revision: Some(entry.revision).filter(|revision| *revision != 0),
            value_type: if entry.secret_reference { Some(REFERENCE) } else { type_name(entry.r#type) },
            access: entry.access.map(Access::from),
            old_value: entry.old_value,
            new_value: entry.new_value,
            description: entry.description,
            batch_id: some(entry.batch_id),
            hash: entry.hash,
        }
    }
}
