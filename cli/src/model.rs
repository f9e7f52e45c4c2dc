//! What the commands print, as data: the one place where messages of the API become the documented JSON.
//! Fields may be added; none is renamed, removed or given another meaning.

mod difference;
mod log;
mod schema;
mod secret;

use std::fmt;

use jiff::Timestamp;
use kontraktor_model::value::ValueType;
use kontraktor_proto::v1;
use serde::Serialize;

pub(crate) use self::{
    difference::{Difference, SecretVersions},
    log::{Access, Entries, Entry},
    schema::{Schema, Schemas},
    secret::{Problem, Resolved, Secret, SecretReference, Secrets, Vault, Vaults},
};

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
    pub(crate) schemas: u32,
    pub(crate) deletion_protection: bool,
    pub(crate) created: Option<Written>,
    pub(crate) changed: Option<Written>,
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
    pub(crate) secret_references: u32,
    pub(crate) imports: Vec<String>,
    pub(crate) deletion_protection: bool,
    pub(crate) created: Option<Written>,
    pub(crate) changed: Option<Written>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Snapshot {
    pub(crate) project: String,
    pub(crate) env: String,
    pub(crate) revision: u64,
    pub(crate) version: String,
    pub(crate) description: String,
    pub(crate) imports: Vec<String>,
    pub(crate) variables: Vec<Variable>,
    pub(crate) secret_references: Vec<SecretReference>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Variable {
    pub(crate) key: String,
    #[serde(rename = "type")]
    pub(crate) value_type: &'static str,
    pub(crate) value: Option<String>,
    pub(crate) description: String,
    pub(crate) revision: u64,
    pub(crate) deletion_protection: bool,
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
            schemas: project.schemas,
            deletion_protection: project.deletion_protection,
            created: project.created.map(Written::from),
            changed: project.changed.map(Written::from),
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
            secret_references: environment.secret_references,
            imports: names(&environment.imports),
            deletion_protection: environment.deletion_protection,
            created: environment.created.map(Written::from),
            changed: environment.changed.map(Written::from),
        }
    }
}

impl From<v1::Snapshot> for Snapshot {
    fn from(snapshot: v1::Snapshot) -> Self {
        let name = snapshot.name.unwrap_or_default();
        let (references, variables): (Vec<_>, Vec<_>) =
            snapshot.variables.into_iter().partition(|variable| variable.reference().is_some());
        Self {
            project: name.project,
            env: name.env,
            revision: snapshot.revision,
            version: snapshot.version,
            description: snapshot.description,
            imports: names(&snapshot.imports),
            variables: variables.into_iter().map(Variable::from).collect(),
            secret_references: references.into_iter().filter_map(SecretReference::of).collect(),
        }
    }
}

impl From<v1::Variable> for Variable {
    fn from(variable: v1::Variable) -> Self {
        Self {
            value_type: type_name(variable.r#type).unwrap_or("unknown"),
            value: variable.value().map(str::to_owned),
            key: variable.key,
            description: variable.description,
            revision: variable.revision,
            deletion_protection: variable.deletion_protection,
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

/// `PROJECT/ENV@REVISION`, as `ktr env diff` takes it.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}@{}", self.project, self.env, self.revision)
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
    kontraktor_proto::value_type(wire).ok().map(ValueType::as_str)
}

/// Environments as `PROJECT/ENV`, in the order that they have.
pub(crate) fn names(environments: &[v1::EnvironmentName]) -> Vec<String> {
    environments.iter().map(|name| format!("{}/{}", name.project, name.env)).collect()
}

/// RFC 3339 in UTC, to the microsecond, always of the same length so that it sorts as text.
pub(crate) fn time(time: prost_types::Timestamp) -> String {
    Timestamp::new(time.seconds, time.nanos).map(|time| format!("{time:.6}")).unwrap_or_default()
}
