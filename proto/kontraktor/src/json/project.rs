//! Projects.

use serde::Serialize;

use super::authorship::Authorship;
use crate::v1;

/// A list of projects.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProjectList {
    /// The projects, by name.
    pub projects: Vec<Project>,
}

/// A project.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Project {
    /// The project's name.
    #[serde(rename = "project")]
    pub name: String,
    /// What the project is for.
    pub description: String,
    /// Whether a write created it on the way, and nobody has created it explicitly since.
    pub implicit: bool,
    /// The number of its environments.
    pub environment_count: u32,
    /// The number of its schemas.
    pub schema_count: u32,
    /// Whether it is protected from deletion.
    pub deletion_protection: bool,
    /// Who created it.
    pub created: Option<Authorship>,
    /// Who last changed the project itself, not what is in it.
    pub changed: Option<Authorship>,
}

impl From<v1::Project> for Project {
    fn from(project: v1::Project) -> Self {
        Self {
            name: project.name,
            description: project.description,
            implicit: project.implicit,
            environment_count: project.environment_count,
            schema_count: project.schema_count,
            deletion_protection: project.deletion_protection,
            created: project.created.map(Authorship::from),
            changed: project.changed.map(Authorship::from),
        }
    }
}
