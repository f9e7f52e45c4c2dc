//! Environments, and snapshots of them.

use serde::Serialize;

use super::{authorship::Authorship, secret::SecretReference, text::environment_names, variable::Variable};
use crate::v1;

/// A list of environments.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EnvironmentList {
    /// The environments, by project and name.
    pub environments: Vec<Environment>,
}

/// An environment without its variables.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Environment {
    /// The project's name.
    pub project: String,
    /// The environment's name within its project.
    pub env: String,
    /// What the environment is for.
    pub description: String,
    /// Whether a write created it on the way, and nobody has created it explicitly since.
    pub implicit: bool,
    /// The environment's own revision.
    pub revision: u64,
    /// The number of its own variables.
    pub variable_count: u32,
    /// The number of its own secret references.
    pub secret_reference_count: u32,
    /// What it imports as `PROJECT/ENV`: later imports override earlier ones, own variables override all.
    pub imports: Vec<String>,
    /// Whether it is protected from deletion.
    pub deletion_protection: bool,
    /// Who created it.
    pub created: Option<Authorship>,
    /// Who last changed the environment itself, not what is in it.
    pub changed: Option<Authorship>,
}

/// An environment with its variables, now or at a point in time.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Snapshot {
    /// The project's name.
    pub project: String,
    /// The environment's name within its project.
    pub env: String,
    /// The environment's own revision.
    pub revision: u64,
    /// Opaque; equal versions mean equal content, imports included.
    pub version: String,
    /// What the environment is for.
    pub description: String,
    /// What it imports as `PROJECT/ENV`: later imports override earlier ones, own variables override all.
    pub imports: Vec<String>,
    /// The variables, by key.
    pub variables: Vec<Variable>,
    /// The secret references, by key.
    pub secret_references: Vec<SecretReference>,
}

/// A commit that changed a watched environment, or one that it imports.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EnvironmentChange {
    /// The version of the snapshot afterwards, to resume with; empty where the environment was deleted.
    pub version: String,
    /// The watched environment's own revision afterwards.
    pub revision: u64,
    /// The environment that was written, as `PROJECT/ENV`: the watched one, or one that it imports.
    pub origin: String,
    /// The keys that were written or deleted there; empty where only settings changed.
    pub keys: Vec<String>,
    /// Who wrote it; `null` where that is not known.
    pub written: Option<Authorship>,
    /// Changes before this one are not known: read the snapshot.
    pub reset: bool,
    /// The environment was deleted. Nothing comes after it.
    pub deleted: bool,
}

impl From<v1::EnvironmentChange> for EnvironmentChange {
    fn from(change: v1::EnvironmentChange) -> Self {
        let origin = change.origin.unwrap_or_default();
        Self {
            version: change.version,
            revision: change.revision,
            origin: format!("{}/{}", origin.project, origin.env),
            keys: change.keys,
            written: change.written.map(Authorship::from),
            reset: change.reset,
            deleted: change.deleted,
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
            variable_count: environment.variable_count,
            secret_reference_count: environment.secret_reference_count,
            imports: environment_names(&environment.imports),
            deletion_protection: environment.deletion_protection,
            created: environment.created.map(Authorship::from),
            changed: environment.changed.map(Authorship::from),
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
            imports: environment_names(&snapshot.imports),
            variables: variables.into_iter().map(Variable::from).collect(),
            secret_references: references.into_iter().filter_map(SecretReference::from_variable).collect(),
        }
    }
}
