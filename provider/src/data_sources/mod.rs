//! The data sources: one file for each. They see effective variables.

mod environment;
mod projects;
mod variable;

pub(crate) use environment::Environment;
pub(crate) use projects::Projects;
pub(crate) use variable::Variable;

use kontraktor_proto::names::EnvPath;

use crate::framework::Diagnostic;

fn no_environment(path: &EnvPath) -> Diagnostic {
    Diagnostic::error(
        format!("There is no environment {path}"),
        format!(
            "The environment {} of the project {} does not exist. Check the names, or create it first; where it is \
             created in the same configuration, refer to that resource or name it in `depends_on`.",
            path.env, path.project
        ),
    )
    .at("env")
}
