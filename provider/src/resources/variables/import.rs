//! Import IDs: `PROJECT/ENV` imports all own keys of the environment, `PROJECT/ENV:KEY1,KEY2` imports those keys, and
//! `PROJECT/ENV:*` imports the environment itself, for `ownership = "exclusive"`.
//!
//! The ID stays in the state until the read that follows.

use std::collections::BTreeSet;

use kontraktor_model::names::{EnvPath, Key};

use super::model::State;
use crate::{
    framework::{Attr, Diagnostic, Diagnostics},
    locations,
};

/// Which keys are imported.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ImportScope {
    /// All existing keys.
    All,
    /// The environment, with all existing and future keys.
    Environment,
    /// These keys.
    Keys(BTreeSet<String>),
}

const SHAPE: &str = "PROJECT/ENV, PROJECT/ENV:KEY1,KEY2 or PROJECT/ENV:*";

/// Parses an import ID.
fn parse(id: &str) -> Result<(EnvPath, ImportScope), Diagnostic> {
    let (path, keys) = id.split_once(':').map_or((id, None), |(path, keys)| (path, Some(keys)));
    let [project, env] = locations::split_id(path, SHAPE)?;
    let path = EnvPath::new(project, env).map_err(|error| locations::invalid_import_id(id, &error))?;
    let scope = match keys {
        None => ImportScope::All,
        Some("*") => ImportScope::Environment,
        Some(keys) => {
            let keys = keys.split(',').map(|key| key.parse::<Key>().map(|key| key.to_string()));
            ImportScope::Keys(
                keys.collect::<Result<_, _>>().map_err(|error| locations::invalid_import_id(id, &error))?,
            )
        }
    };
    Ok((path, scope))
}

/// Returns the state with which the read after an import begins.
pub(super) fn state(id: &str) -> Result<State, Diagnostics> {
    let (path, _) = parse(id)?;
    Ok(State {
        id: id.into(),
        project: path.project.as_str().into(),
        env: path.env.as_str().into(),
        ..State::default()
    })
}

/// Returns which keys an imported state is to hold; `None` for any other state.
pub(super) fn pending(state: &State) -> Result<Option<ImportScope>, Diagnostic> {
    match &state.ownership {
        Attr::Null => Ok(Some(parse(state.id.text())?.1)),
        Attr::Known(_) | Attr::Unknown => Ok(None),
    }
}
