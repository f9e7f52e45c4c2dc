//! Accesses to secrets: nothing is refused here, everything is written down. A version is written down where it is another
//! than the one before, and the key still holds the reference that it belongs to.

use std::sync::Arc;

use super::{
    super::{AccessEvent, Body, Outcome, ReportedVersion, Trail, VersionEvent},
    draft::Draft,
};

pub(super) fn record(draft: &mut Draft<'_>, trail: &Trail) -> Outcome {
    for (author, access, count) in &trail.accesses {
        draft.record_of(author, Body::Access(AccessEvent { access: access.clone(), count: *count }));
    }
    for reported in &trail.versions {
        if let Some(event) = change(draft, reported) {
            draft.record_of(&reported.author, Body::Version(event));
        }
    }
    Outcome::Recorded
}

fn change(draft: &Draft<'_>, reported: &ReportedVersion) -> Option<VersionEvent> {
    let environment = draft.state().environment(&reported.environment)?;
    let variable = environment.variables.get(&reported.key)?;
    if !variable.kind.is_reference() || variable.value != reported.reference {
        return None;
    }
    let known = environment.versions.get(&reported.key);
    if known.is_some_and(|seen| seen.reference == reported.reference && seen.version == reported.version) {
        return None;
    }
    Some(VersionEvent {
        environment: environment.id,
        path: environment.path.clone(),
        key: reported.key.clone(),
        reference: Arc::clone(&reported.reference),
        version: Arc::clone(&reported.version),
    })
}
