//! Accesses to secrets: nothing is refused, everything is recorded. A version is recorded where it differs from the last
//! one, and the key still holds the reference that it belongs to.

use std::sync::Arc;

use super::{
    super::{AccessEvent, Body, RecordAccesses, Refusal, ReportedVersion, VersionEvent},
    Command, Draft, Weight,
};

impl Command for RecordAccesses {
    type Outcome = ();

    fn apply(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        for (author, access, count) in &self.accesses {
            draft.record_of(author, Body::Access(AccessEvent { access: access.clone(), count: *count }));
        }
        for reported in &self.versions {
            if let Some(event) = new_version(draft, reported) {
                draft.record_of(&reported.author, Body::Version(event));
            }
        }
        Ok(())
    }

    fn weight(&self) -> Weight {
        Weight::of_items(std::iter::repeat_n(0, self.accesses.len() + self.versions.len()))
    }
}

fn new_version(draft: &Draft<'_>, reported: &ReportedVersion) -> Option<VersionEvent> {
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
