//! The checks of a plan, and the computed attributes that it knows.
//!
//! The daemon is asked only if keys are added or exclusive ownership begins: it is better to find other resources' keys
//! before an apply than in the middle of one.

use kontraktor_model::{limits::MAX_BATCH_ITEMS, names::EnvPath};
use kontraktor_proto::v1;

use super::{TYPE_NAME, changes::Changes, key_errors, model::State, private_state::PrivateState, write};
use crate::{
    errors,
    framework::{Attr, Diagnostics, PlanContext, Private},
    resources::{conflict::OnConflict, protection},
    session::{Claim, Session},
};

pub(super) async fn plan(
    cx: &PlanContext<Session>,
    prior: Option<&State>,
    planned: &mut State,
    replaces: bool,
) -> Result<(), Diagnostics> {
    let private_state = PrivateState::load(&cx.private)?;
    if let (true, Some(prior)) = (replaces, prior) {
        // The new object is planned in a call of its own.
        return check_destroyed(prior, &private_state);
    }
    let creates = prior.is_none();
    protection::plan_default(cx, &planned.on_conflict, &mut planned.deletion_protection, creates);
    if !planned.keys_known() || planned.project.is_unknown() || planned.env.is_unknown() {
        return Ok(());
    }
    let env = planned.path()?;
    if creates {
        check_replacement(cx, &env, planned)?;
    }
    let changes = Changes::between(prior, Some(planned), &private_state);
    check_size(&env, &changes)?;
    if let Some(prior) = prior {
        check_deletes(&env, prior, &changes, &private_state)?;
    }
    let nothing = changes.is_empty();
    if let Some(session) = &cx.session {
        if let Some(prior) = prior {
            claim(session, &env, prior);
        }
        // If it is not known yet, the next plan checks.
        if let Ok(on_conflict) = session.on_conflict(&planned.on_conflict) {
            let overwrite = on_conflict == OnConflict::Overwrite;
            check_existing_keys(session, &env, prior, planned, overwrite).await?;
        }
    }
    if nothing {
        planned.revision = prior.map_or(Attr::Null, |prior| prior.revision.clone());
    }
    Ok(())
}

/// Records which keys of the state are protected, for [`check_replacement`].
pub(super) fn observe(session: &Session, private: &Private, state: &State, exists: bool) {
    let private_state = PrivateState::load(private).unwrap_or_default();
    let Ok(env) = state.path() else { return };
    for key in state.keys() {
        let protected = exists && state.protects(key, &private_state);
        session.record_protection(TYPE_NAME, &format!("{env}/{key}"), protected);
    }
}

/// Checks that a create does not replace protected keys of the state.
fn check_replacement(cx: &PlanContext<Session>, env: &EnvPath, planned: &State) -> Result<(), Diagnostics> {
    let protected = |key: &&str| protection::replaces_protected(cx, TYPE_NAME, &format!("{env}/{key}"));
    let mut keys: Vec<&str> = planned.keys().filter(protected).collect();
    if keys.is_empty() {
        return Ok(());
    }
    keys.sort_unstable();
    let mut diagnostic = key_errors::protected(env, &keys);
    diagnostic.detail.push_str(protection::TAINTED);
    Err(diagnostic.into())
}

/// Checks whether the object may be destroyed.
pub(super) fn destroy(cx: &PlanContext<Session>, prior: &State) -> Result<(), Diagnostics> {
    check_destroyed(prior, &PrivateState::load(&cx.private)?)
}

fn check_destroyed(prior: &State, private_state: &PrivateState) -> Result<(), Diagnostics> {
    let env = prior.path()?;
    let changes = Changes::between(Some(prior), None, private_state);
    check_deletes(&env, prior, &changes, private_state)?;
    check_size(&env, &changes)
}

/// Checks that the changes fit into one write. A value that is not known yet counts as empty.
fn check_size(env: &EnvPath, changes: &Changes<'_>) -> Result<(), Diagnostics> {
    if changes.len() > MAX_BATCH_ITEMS {
        return Err(key_errors::too_many(env, changes.len()).into());
    }
    Ok(write::check_size(env, changes)?)
}

/// Checks that no deleted key is protected.
fn check_deletes(
    env: &EnvPath,
    prior: &State,
    changes: &Changes<'_>,
    private_state: &PrivateState,
) -> Result<(), Diagnostics> {
    let deleted = changes.deletes.keys().copied();
    let protected: Vec<&str> = deleted.filter(|key| prior.protects(key, private_state)).collect();
    if protected.is_empty() { Ok(()) } else { Err(key_errors::protected(env, &protected).into()) }
}

/// Checks that no existing key conflicts with the plan.
async fn check_existing_keys(
    session: &Session,
    env: &EnvPath,
    prior: Option<&State>,
    planned: &State,
    overwrite: bool,
) -> Result<(), Diagnostics> {
    let before = prior.map(State::entries).unwrap_or_default();
    let after = planned.entries();
    let exclusive = planned.is_exclusive() && !prior.is_some_and(State::is_exclusive);
    let adds = after.keys().any(|key| !before.contains_key(key));
    if !exclusive && (overwrite || !adds) {
        return Ok(());
    }
    let snapshot = match session.own_snapshot(env).await {
        Ok(snapshot) => snapshot,
        Err(error) if exclusive => {
            return Err(errors::request_failed(&format!("read environment {env}"), &error).into());
        }
        // The write finds conflicts as well; this check only reports them earlier.
        Err(_) => None,
    };
    let Some(snapshot) = snapshot else { return Ok(()) };
    let is_reference = |key: &&str| !before.contains_key(key) && snapshot.reference(key).is_some();
    let references: Vec<&str> = after.keys().copied().filter(is_reference).collect();
    if !references.is_empty() {
        return Err(key_errors::or_destroy(key_errors::references(env, &references)).into());
    }
    let stored = snapshot.variables().map(|variable: &v1::Variable| variable.key.as_str());
    let conflicting = stored.filter(|key| {
        let planned = after.contains_key(key);
        !before.contains_key(key) && if exclusive { !(overwrite && planned) } else { planned }
    });
    let mut conflicting: Vec<&str> = conflicting.collect();
    if conflicting.is_empty() || (prior.is_none() && is_own_replacement(session, env, planned, &conflicting))
    {
        return Ok(());
    }
    conflicting.sort_unstable();
    if exclusive {
        Err(key_errors::or_destroy(key_errors::foreign(env, &conflicting, prior.is_some())).into())
    } else {
        Err(key_errors::or_destroy(key_errors::already_exist(env, &conflicting, prior.is_some())).into())
    }
}

/// Records what the resource holds if no read of this walk did: with `-refresh=false` the host does not read.
fn claim(session: &Session, env: &EnvPath, prior: &State) {
    let exclusive = prior.is_exclusive();
    let recorded = session.is_claimed(env, |claim| {
        claim.exclusive == exclusive
            && claim.keys.len() == prior.keys().count()
            && prior.keys().all(|key| claim.keys.contains(key))
    });
    if !recorded {
        session.claim(env, Claim { exclusive, keys: prior.keys().map(str::to_owned).collect() });
    }
}

/// Returns whether the keys that conflict with a create belong to the resource itself, which is being replaced: the host then
/// plans a create without a prior state, and destroys the old object first. The claims of this walk tell. The write
/// expects the keys to be absent, so a wrong guess is found before anything is written.
fn is_own_replacement(session: &Session, env: &EnvPath, planned: &State, conflicting: &[&str]) -> bool {
    session.is_claimed(env, |claim| {
        claim.exclusive == planned.is_exclusive()
            && if claim.exclusive {
                conflicting.iter().all(|key| claim.keys.contains(*key))
            } else {
                claim.keys.len() == planned.keys().count()
                    && planned.keys().all(|key| claim.keys.contains(key))
            }
    })
}
