//! Turns stored variables into state: which keys belong to the resource, which map holds each, and in which spelling.

use std::collections::{BTreeMap, BTreeSet};

use kontraktor_model::{names::EnvPath, value::ValueType};
use kontraktor_proto::v1;

use super::{
    import::{self, ImportScope},
    key_errors,
    model::{ADDITIVE, EXCLUSIVE, State, Typed},
    private_state::PrivateState,
};
use crate::{
    errors,
    framework::{Attr, Context, Diagnostics},
    locations,
    resources::lifecycle::stored_description,
    session::{Claim, Session, Snapshot},
};

pub(super) async fn read(cx: &mut Context<Session>, state: State) -> Result<Option<State>, Diagnostics> {
    let env = state.path()?;
    let scope = import::pending(&state)?;
    let snapshot = cx.session.own_snapshot(&env).await;
    let snapshot =
        snapshot.map_err(|error| errors::request_failed(&format!("read environment {env}"), &error))?;
    let Some(snapshot) = snapshot else {
        // A resource without keys is not gone with the environment: it never needed it.
        let held_nothing = scope.is_none() && state.keys().next().is_none();
        return Ok(held_nothing.then_some(state));
    };
    let variables = match &scope {
        Some(ImportScope::Keys(keys)) => imported(&env, keys, &snapshot)?,
        Some(ImportScope::All | ImportScope::Environment) => snapshot.variables().collect(),
        None if state.is_exclusive() => snapshot.variables().collect(),
        None => state.keys().filter_map(|key| snapshot.get(key)).collect(),
    };
    let mut private_state = PrivateState::of(variables.iter().copied());
    let held: BTreeSet<String> = state.keys().map(str::to_owned).collect();
    let read = stored(state, &env, scope.as_ref(), &variables, &private_state)?;
    let exclusive = read.is_exclusive();
    let keys = if exclusive { read.keys().map(str::to_owned).collect() } else { held };
    cx.session.claim(&env, Claim { exclusive, keys });
    if !read.deletion_protection.is_null() {
        private_state.protected.clear();
    }
    private_state.store(&mut cx.private);
    Ok(Some(read))
}

/// Returns the variables of the keys in the import ID.
fn imported<'a>(
    env: &EnvPath,
    keys: &BTreeSet<String>,
    snapshot: &'a Snapshot,
) -> Result<Vec<&'a v1::Variable>, Diagnostics> {
    let missing: Vec<&str> =
        keys.iter().map(String::as_str).filter(|key| snapshot.get(key).is_none()).collect();
    let references: Vec<&str> =
        missing.iter().copied().filter(|key| snapshot.reference(key).is_some()).collect();
    if missing.is_empty() {
        Ok(keys.iter().filter_map(|key| snapshot.get(key)).collect())
    } else {
        Err(key_errors::nothing_to_import(env, &missing, &references).into())
    }
}

/// Returns the state for the stored variables, with the state's own maps and spelling where those are equivalent.
fn stored(
    held: State,
    env: &EnvPath,
    scope: Option<&ImportScope>,
    variables: &[&v1::Variable],
    private_state: &PrivateState,
) -> Result<State, Diagnostics> {
    let mut plain = BTreeMap::new();
    let mut typed = BTreeMap::new();
    for variable in variables {
        let key = &variable.key;
        let (value_type, value) = locations::content(variable, &format_args!("{env}/{key}"))?;
        let before = held.typed.known().and_then(|typed| typed.get(key)).and_then(Attr::known);
        if before.is_none() && value_type == ValueType::String && variable.description.is_empty() {
            plain.insert(key.clone(), Attr::Known(value.to_owned()));
        } else {
            let before = before.cloned().unwrap_or_default();
            typed.insert(key.clone(), Attr::Known(element(&before, variable, value_type, value)));
        }
    }
    let newest = private_state.revisions.values().max().copied();
    let ownership = match scope {
        Some(ImportScope::Environment) => EXCLUSIVE.into(),
        Some(ImportScope::All | ImportScope::Keys(_)) => ADDITIVE.into(),
        None => held.ownership,
    };
    Ok(State {
        id: Attr::Known(env.to_string()),
        project: env.project.as_str().into(),
        env: env.env.as_str().into(),
        variables: map(&held.variables, plain),
        typed: map(&held.typed, typed),
        ownership,
        on_conflict: held.on_conflict,
        deletion_protection: if variables.is_empty() {
            held.deletion_protection
        } else {
            private_state.protection().into()
        },
        // A deletion can be newer than all remaining keys.
        revision: held.revision.known().copied().max(newest).into(),
    })
}

fn element(held: &Typed, variable: &v1::Variable, value_type: ValueType, value: &str) -> Typed {
    let same_type = held.r#type.is_null() || held.r#type.text() == value_type.as_str();
    let value = match held.value.known() {
        Some(text) if same_type && value_type.same(text, value) => text.clone(),
        _ => value.to_owned(),
    };
    Typed {
        value: Attr::Known(value),
        r#type: value_type.as_str().into(),
        description: stored_description(&held.description, &variable.description),
    }
}

/// Returns the map, or null if it is empty and was null before.
fn map<T>(held: &Attr<BTreeMap<String, T>>, stored: BTreeMap<String, T>) -> Attr<BTreeMap<String, T>> {
    if stored.is_empty() && held.known().is_none() { Attr::Null } else { Attr::Known(stored) }
}
