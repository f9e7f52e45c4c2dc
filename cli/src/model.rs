//! What the commands print, as data: the one place where messages of the API become the documented JSON.
//! Fields may be added; none is renamed, removed or given another meaning.

use jiff::Timestamp;
use kontraktor_proto::{
    v1::{self, variable::Content},
    value::ValueType,
};
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(crate) struct Projects {
    pub(crate) projects: Vec<Project>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Project {
    #[serde(rename = "project")]
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) implicit: bool,
    pub(crate) environments: u32,
    pub(crate) created: Option<Written>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Environments {
    pub(crate) environments: Vec<Environment>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Environment {
    pub(crate) project: String,
    pub(crate) env: String,
    pub(crate) description: String,
    pub(crate) implicit: bool,
    pub(crate) revision: u64,
    pub(crate) variables: u32,
    pub(crate) created: Option<Written>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Snapshot {
    pub(crate) project: String,
    pub(crate) env: String,
    pub(crate) revision: u64,
    pub(crate) version: String,
    pub(crate) variables: Vec<Variable>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Variable {
    pub(crate) key: String,
    #[serde(rename = "type")]
    pub(crate) value_type: &'static str,
    pub(crate) value: Option<String>,
    pub(crate) description: String,
    pub(crate) revision: u64,
    pub(crate) written: Option<Written>,
    pub(crate) origin: Option<Origin>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Origin {
    pub(crate) project: String,
    pub(crate) env: String,
    pub(crate) revision: u64,
}

/// Who wrote, through what, and when.
#[derive(Debug, Serialize)]
pub(crate) struct Written {
    pub(crate) actor: String,
    pub(crate) via: String,
    pub(crate) time: String,
}

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
    pub(crate) batch_id: Option<String>,
    pub(crate) hash: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct Status {
    pub(crate) host: String,
    pub(crate) version: String,
    pub(crate) started: Option<String>,
    pub(crate) data_dir: String,
    pub(crate) store_version: String,
    pub(crate) schema_version: u32,
    pub(crate) projects: u64,
    pub(crate) environments: u64,
    pub(crate) variables: u64,
    pub(crate) head_sequence: u64,
    pub(crate) head_hash: String,
    pub(crate) actor: String,
    pub(crate) writable: bool,
    pub(crate) trouble: Option<String>,
}

impl From<v1::Project> for Project {
    fn from(project: v1::Project) -> Self {
        Self {
            name: project.name,
            description: project.description,
            implicit: project.implicit,
            environments: project.environments,
            created: project.created.map(Written::from),
        }
    }
}

impl From<v1::Environment> for Environment {
    fn from(environment: v1::Environment) -> Self {
        let name = environment.name.unwrap_or_default();
        Self {
            project: name.project,
            env: name.env,
            description: environment.description,
            implicit: environment.implicit,
            revision: environment.revision,
            variables: environment.variables,
            created: environment.created.map(Written::from),
        }
    }
}

impl From<v1::Snapshot> for Snapshot {
    fn from(snapshot: v1::Snapshot) -> Self {
        let name = snapshot.name.unwrap_or_default();
        Self {
            project: name.project,
            env: name.env,
            revision: snapshot.revision,
            version: snapshot.version,
            variables: snapshot.variables.into_iter().map(Variable::from).collect(),
        }
    }
}

impl From<v1::Variable> for Variable {
    fn from(variable: v1::Variable) -> Self {
        Self {
            value_type: type_name(variable.r#type).unwrap_or("unknown"),
            key: variable.key,
            value: variable.content.map(|Content::Value(value)| value),
            description: variable.description,
            revision: variable.revision,
            written: variable.written.map(Written::from),
            origin: variable.origin.map(Origin::from),
        }
    }
}

impl From<v1::Origin> for Origin {
    fn from(origin: v1::Origin) -> Self {
        let name = origin.environment.unwrap_or_default();
        Self { project: name.project, env: name.env, revision: origin.revision }
    }
}

impl From<v1::Authorship> for Written {
    fn from(written: v1::Authorship) -> Self {
        Self { actor: written.actor, via: written.via, time: written.time.map(time).unwrap_or_default() }
    }
}

impl Written {
    /// The time to the second, for tables.
    pub(crate) fn seconds(&self) -> String {
        match self.time.split_once('.') {
            Some((seconds, _)) => format!("{seconds}Z"),
            None => self.time.clone(),
        }
    }
}

impl From<v1::AuditEntry> for Entry {
    fn from(entry: v1::AuditEntry) -> Self {
        let name = entry.operation().as_str_name();
        let operation = name.strip_prefix("AUDIT_OPERATION_").unwrap_or(name).to_ascii_lowercase();
        let some = |text: String| Some(text).filter(|text| !text.is_empty());
        Self {
            operation,
            sequence: entry.sequence,
            written: entry.written.map(Written::from),
            project: some(entry.project),
            env: some(entry.env),
            key: some(entry.key),
            revision: Some(entry.revision).filter(|revision| *revision != 0),
            value_type: type_name(entry.r#type),
            old_value: entry.old_value,
            new_value: entry.new_value,
            description: entry.description,
            batch_id: some(entry.batch_id),
            hash: entry.hash,
        }
    }
}

impl Status {
    pub(crate) fn new(host: String, status: v1::Status) -> Self {
        Self {
            host,
            version: status.version,
            started: status.started.map(time),
            data_dir: status.data_dir,
            store_version: status.store_version,
            schema_version: status.schema_version,
            projects: status.projects,
            environments: status.environments,
            variables: status.variables,
            head_sequence: status.head_sequence,
            head_hash: status.head_hash,
            actor: status.actor,
            writable: status.writable,
            trouble: Some(status.trouble).filter(|trouble| !trouble.is_empty()),
        }
    }
}

fn type_name(wire: i32) -> Option<&'static str> {
    ValueType::try_from(wire).ok().map(ValueType::as_str)
}

/// RFC 3339 in UTC, to the microsecond, always of the same length so that it sorts as text.
fn time(time: prost_types::Timestamp) -> String {
    Timestamp::new(time.seconds, time.nanos).map(|time| format!("{time:.6}")).unwrap_or_default()
}
