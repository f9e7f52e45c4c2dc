//! Hints that many commands share: where to look when something does not exist.

use kontraktor_model::names::ProjectName;
use kontraktor_proto::v1::ProblemCode;

use super::{CliError, Kind};

const LIST_PROJECTS: &str = "list projects with `ktr project list`";
const LIST_ENVIRONMENTS: &str = "list environments with `ktr env list`";

impl CliError {
    /// Adds a hint if the project does not exist.
    pub(crate) fn hint_missing_project(self) -> Self {
        self.hint_for(Kind::NotFound, || LIST_PROJECTS.to_owned())
    }

    /// Adds a hint if the project exists already.
    pub(crate) fn hint_existing_project(self) -> Self {
        self.hint_on(ProblemCode::AlreadyExists, || LIST_PROJECTS.to_owned())
    }

    /// Adds a hint if the environment does not exist. The daemon's own hints for revisions, times, keys, secrets and vaults
    /// are better, and are kept.
    pub(crate) fn hint_missing_environment(self) -> Self {
        let other = matches!(self.field.as_deref(), Some("at" | "until" | "to_revision" | "key"));
        let absent = self.code.is_none_or(|code| code == ProblemCode::NotFound);
        if self.kind == Kind::NotFound && absent && !other { self.hint(LIST_ENVIRONMENTS) } else { self }
    }

    /// Adds a hint if an environment to import does not exist.
    pub(crate) fn hint_missing_import(self) -> Self {
        if self.field.as_deref() == Some("imports") { self.hint_missing_environment() } else { self }
    }

    /// Adds a hint if other writers were faster again and again.
    pub(crate) fn hint_race(self) -> Self {
        self.hint_for(Kind::Conflict, || "try again: others are writing the same keys".to_owned())
    }

    /// Adds a hint if the schema, or its project, does not exist.
    pub(crate) fn hint_missing_schema(self, project: &ProjectName) -> Self {
        if self.field.as_deref() == Some("project") {
            return self.hint_missing_project();
        }
        self.hint_for(Kind::NotFound, || format!("list schemas with `ktr schema list {project}`"))
    }
}
