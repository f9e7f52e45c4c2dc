//! The data sources: one file for each. They see effective variables, where they are not told otherwise.

mod environment;
mod environment_diff;
mod projects;
mod secret;
mod variable;
mod variable_history;

pub(crate) use environment::Environment;
pub(crate) use environment_diff::EnvironmentDiff;
pub(crate) use projects::Projects;
pub(crate) use secret::Secret;
pub(crate) use variable::Variable;
pub(crate) use variable_history::VariableHistory;

use std::sync::Arc;

use kontraktor_model::names::EnvPath;
use kontraktor_proto::v1::{self, ProblemCode};

use crate::{
    framework::{Attr, Diagnostic},
    messages,
    session::{Session, Snapshot, View},
};

/// What the view shows of an environment.
async fn look(session: &Session, path: &EnvPath, view: &View) -> Result<Arc<Snapshot>, Diagnostic> {
    match session.look(path, view).await {
        Ok(Some(snapshot)) => Ok(snapshot),
        Ok(None) => Err(no_environment(path)),
        Err(trouble) => {
            let diagnostic = messages::failed(&format!("read the environment {path}"), &trouble);
            // It may stand now, and not have stood at that moment.
            let blamed = view.at.is_some() && trouble.is(ProblemCode::NotFound);
            Err(if blamed { diagnostic.at("at") } else { diagnostic })
        }
    }
}

/// Where an effective variable comes from, as `project/env`. `path` is the environment that was asked for.
fn origin(variable: &v1::Variable, path: &EnvPath) -> String {
    let environment = variable.origin.as_ref().and_then(|origin| origin.environment.as_ref());
    environment.map_or_else(|| path.to_string(), |name| format!("{}/{}", name.project, name.env))
}

/// The version of a secret that was seen last; null where there is none.
fn version(reference: &v1::SecretReference) -> Attr<String> {
    Some(reference.version.clone()).filter(|version| !version.is_empty()).into()
}

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
