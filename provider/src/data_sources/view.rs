//! Reading a view of an environment, which several data sources share.

use std::sync::Arc;

use kontraktor_model::names::EnvPath;
use kontraktor_proto::v1::{self, ProblemCode};

use crate::{
    errors,
    framework::{Attr, Diagnostic},
    session::{Session, Snapshot, View},
};

/// Reads a view of an environment.
pub(super) async fn read_view(
    session: &Session,
    path: &EnvPath,
    view: &View,
) -> Result<Arc<Snapshot>, Diagnostic> {
    match session.view(path, view).await {
        Ok(Some(snapshot)) => Ok(snapshot),
        Ok(None) => Err(environment_not_found(path)),
        Err(error) => {
            let diagnostic = errors::request_failed(&format!("read environment {path}"), &error);
            // It may exist now, and not have existed at that time.
            let about_at = view.at.is_some() && error.is(ProblemCode::NotFound);
            Err(if about_at { diagnostic.at("at") } else { diagnostic })
        }
    }
}

/// Returns the origin of an effective variable, as `project/env`. `path` is the environment that was read.
pub(super) fn origin(variable: &v1::Variable, path: &EnvPath) -> String {
    let environment = variable.origin.as_ref().and_then(|origin| origin.environment.as_ref());
    environment.map_or_else(|| path.to_string(), |name| format!("{}/{}", name.project, name.env))
}

/// Returns the last seen version of a secret; null if no version was seen.
pub(super) fn version(reference: &v1::SecretReference) -> Attr<String> {
    Some(reference.version.clone()).filter(|version| !version.is_empty()).into()
}

fn environment_not_found(path: &EnvPath) -> Diagnostic {
    Diagnostic::error(
        "Environment not found",
        format!(
            "The project {} has no environment {}. Check the names, or create the environment first. If the same \
             configuration creates it, refer to that resource or list it in `depends_on`.",
            path.project, path.env
        ),
    )
    .at("env")
}
