//! Import ids: `PROJECT/ENV` takes all own keys of the environment, `PROJECT/ENV:KEY1,KEY2` takes those, and
//! `PROJECT/ENV:*` takes the environment itself, for `ownership = "exclusive"`.
//!
//! The id stays in the state until the read that follows.

use std::collections::BTreeSet;

use kontraktor_model::names::{EnvPath, Key};

use super::model::State;
use crate::{
    framework::{Attr, Diagnostic, Diagnostics},
    places,
};

/// Which keys an import takes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// All that are there.
    All,
    /// The environment, with all that are there and come.
    Environment,
    /// These.
    Keys(BTreeSet<String>),
}

const SHAPE: &str = "PROJECT/ENV, PROJECT/ENV:KEY1,KEY2 or PROJECT/ENV:*";

/// What the id means.
fn parse(id: &str) -> Result<(EnvPath, Taken), Diagnostic> {
    let (path, keys) = id.split_once(':').map_or((id, None), |(path, keys)| (path, Some(keys)));
    let [project, env] = places::split_id(path, SHAPE)?;
    let path = EnvPath::new(project, env).map_err(|error| places::bad_id(id, &error))?;
    let taken = match keys {
        None => Taken::All,
        Some("*") => Taken::Environment,
        Some(keys) => {
            let keys = keys.split(',').map(|key| key.parse::<Key>().map(|key| key.to_string()));
            Taken::Keys(keys.collect::<Result<_, _>>().map_err(|error| places::bad_id(id, &error))?)
        }
    };
    Ok((path, taken))
}

/// The state that the read after an import begins with.
pub(super) fn state(id: &str) -> Result<State, Diagnostics> {
    let (path, _) = parse(id)?;
    Ok(State {
        id: id.into(),
        project: path.project.as_str().into(),
        env: path.env.as_str().into(),
        ..State::default()
    })
}

/// Which keys the state that was just imported is to take; `None` for any other state.
pub(super) fn under_way(state: &State) -> Result<Option<Taken>, Diagnostic> {
    match &state.ownership {
        Attr::Null => Ok(Some(parse(state.id.text())?.1)),
        Attr::Known(_) | Attr::Unknown => Ok(None),
    }
}
