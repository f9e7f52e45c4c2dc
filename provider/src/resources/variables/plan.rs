//! What a plan refuses, and what of the computed attributes it can tell.
//!
//! The network is asked only where keys are added or exclusive ownership begins: what others hold there is better known
//! before an apply than in the middle of one.

use kontraktor_model::{limits::MAX_BATCH_ITEMS, names::EnvPath};
use kontraktor_proto::v1;

use super::{changes::Changes, model::State, remembered::Remembered, told, write};
use crate::{
    framework::{Attr, Diagnostics, PlanContext},
    messages,
    resources::{conflict::OnConflict, protection},
    session::{Claim, Session},
};

pub(super) async fn plan(
    cx: &PlanContext<Session>,
    prior: Option<&State>,
    planned: &mut State,
    replaces: bool,
) -> Result<(), Diagnostics> {
    let remembered = Remembered::load(&cx.private)?;
    if let (true, Some(prior)) = (replaces, prior) {
        // The new object is asked about when the host plans it.
        return gone(prior, &remembered);
    }
    let creates = prior.is_none();
    protection::plan_left_out(cx, &planned.on_conflict, &mut planned.deletion_protection, creates);
    if !planned.keys_known() || planned.project.is_unknown() || planned.env.is_unknown() {
        return Ok(());
    }
    let env = planned.path()?;
    let changes = Changes::between(prior, Some(planned), &remembered);
    fits(&env, &changes)?;
    if let Some(prior) = prior {
        may_go(&env, prior, &changes, &remembered)?;
    }
    let nothing = changes.is_empty();
    if let Some(session) = &cx.session {
        if let Some(prior) = prior {
            claim(session, &env, prior);
        }
        // Where it is not known yet, the next plan knows.
        if let Ok(on_conflict) = session.on_conflict(&planned.on_conflict) {
            let overwrite = on_conflict == OnConflict::Overwrite;
            unhindered(session, &env, prior, planned, overwrite).await?;
        }
    }
    if nothing {
        planned.revision = prior.map_or(Attr::Null, |prior| prior.revision.clone());
    }
    Ok(())
}

/// Whether the object may be destroyed.
pub(super) fn destroy(cx: &PlanContext<Session>, prior: &State) -> Result<(), Diagnostics> {
    gone(prior, &Remembered::load(&cx.private)?)
}

fn gone(prior: &State, remembered: &Remembered) -> Result<(), Diagnostics> {
    let env = prior.path()?;
    let changes = Changes::between(Some(prior), None, remembered);
    may_go(&env, prior, &changes, remembered)?;
    fits(&env, &changes)
}

/// Whether one write takes it. A value that is not known yet counts as empty.
fn fits(env: &EnvPath, changes: &Changes<'_>) -> Result<(), Diagnostics> {
    if changes.len() > MAX_BATCH_ITEMS {
        return Err(told::too_many(env, changes.len()).into());
    }
    Ok(write::fits(env, changes)?)
}

/// Whether nothing that goes is protected.
fn may_go(
    env: &EnvPath,
    prior: &State,
    changes: &Changes<'_>,
    remembered: &Remembered,
) -> Result<(), Diagnostics> {
    let going = changes.deletes.keys().copied();
    let protected: Vec<&str> = going.filter(|key| prior.protects(key, remembered)).collect();
    if protected.is_empty() { Ok(()) } else { Err(told::protected(env, &protected).into()) }
}

/// Whether what is stored leaves room for what is planned.
async fn unhindered(
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
    let snapshot = match session.own(env).await {
        Ok(snapshot) => snapshot,
        Err(trouble) if exclusive => return Err(messages::failed(&format!("read {env}"), &trouble).into()),
        // Only a kindness: the write finds out.
        Err(_) => None,
    };
    let Some(snapshot) = snapshot else { return Ok(()) };
    let is_reference = |key: &&str| !before.contains_key(key) && snapshot.reference(key).is_some();
    let references: Vec<&str> = after.keys().copied().filter(is_reference).collect();
    if !references.is_empty() {
        return Err(told::or_destroy(told::references(env, &references)).into());
    }
    let stored = snapshot.variables().map(|variable: &v1::Variable| variable.key.as_str());
    let hindering = stored.filter(|key| {
        let planned = after.contains_key(key);
        !before.contains_key(key) && if exclusive { !(overwrite && planned) } else { planned }
    });
    let mut hindering: Vec<&str> = hindering.collect();
    if hindering.is_empty() || (prior.is_none() && is_itself(session, env, planned, &hindering)) {
        return Ok(());
    }
    hindering.sort_unstable();
    if exclusive {
        Err(told::or_destroy(told::foreign(env, &hindering, prior.is_some())).into())
    } else {
        Err(told::or_destroy(told::exist(env, &hindering, prior.is_some())).into())
    }
}

/// Notes what the resource holds where no read of this walk did: a host that was told not to refresh does not read.
fn claim(session: &Session, env: &EnvPath, prior: &State) {
    let exclusive = prior.is_exclusive();
    let noted = session.is_claimed(env, |claim| {
        claim.exclusive == exclusive
            && claim.keys.len() == prior.keys().count()
            && prior.keys().all(|key| claim.keys.contains(key))
    });
    if !noted {
        session.claim(env, Claim { exclusive, keys: prior.keys().map(str::to_owned).collect() });
    }
}

/// Whether what hinders a create is the resource itself, which is being replaced: a host then plans it as if there were
/// none, and destroys the old one first. It is known by what was read or planned before in this walk. The write expects the keys to be
/// gone, so a mistake is found before anything is written.
fn is_itself(session: &Session, env: &EnvPath, planned: &State, hindering: &[&str]) -> bool {
    session.is_claimed(env, |claim| {
        claim.exclusive == planned.is_exclusive()
            && if claim.exclusive {
                hindering.iter().all(|key| claim.keys.contains(*key))
            } else {
                claim.keys.len() == planned.keys().count()
                    && planned.keys().all(|key| claim.keys.contains(key))
            }
    })
}
