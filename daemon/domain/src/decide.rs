//! The rules: given what stands, what does a request lead to? Either to events and an outcome, or to a refusal and no
//! event at all.

mod draft;
mod environments;
mod imports;
mod projects;
mod protection;
mod restore;
mod schemas;
#[cfg(test)]
mod tests;
mod trail;
mod variables;

use jiff::Timestamp;
use kontraktor_model::{limits::MAX_LISTED_NAMES, value::check_description};

use self::draft::Draft;
pub use self::{
    environments::find as find_environment, projects::find as find_project, schemas::find as find_schema,
};
use super::{Author, Authorship, Code, Event, Outcome, Refusal, Request, State};

/// What a request leads to.
#[derive(Debug, Clone)]
pub struct Decision {
    /// To be committed, all or none. Empty where there is nothing to do.
    pub events: Vec<Event>,
    /// The answer, once the events are committed.
    pub outcome: Outcome,
    /// What stands with the events applied.
    pub state: State,
}

/// Decides a request. `now` becomes the time of its events, cut to whole microseconds.
pub fn decide(
    state: &State,
    request: &Request,
    author: &Author,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let mut draft = Draft::new(state, author, now);
    let outcome = match request {
        Request::CreateProject { name, settings, adopt_existing } => {
            projects::create(&mut draft, name, settings, *adopt_existing)
        }
        Request::UpdateProject { name, description, protected, expect } => {
            projects::update(&mut draft, name, description.as_deref(), *protected, expect.as_ref())
        }
        Request::DeleteProject { name, force } => projects::delete(&mut draft, name, *force),
        Request::CreateEnvironment { path, settings, create_missing, adopt_existing } => {
            environments::create(&mut draft, path, settings, *create_missing, *adopt_existing)
        }
        Request::UpdateEnvironment { path, description, protected, imports, expect } => environments::update(
            &mut draft,
            path,
            description.as_deref(),
            *protected,
            imports.as_deref(),
            expect.as_ref(),
        ),
        Request::DeleteEnvironment { path, force } => environments::delete(&mut draft, path, *force),
        Request::RestoreEnvironment { path, past, expect_revision } => {
            restore::restore(&mut draft, path, past, *expect_revision)
        }
        Request::CreateSchema { project, name, settings, create_missing, adopt_existing } => {
            schemas::create(&mut draft, project, name, settings, *create_missing, *adopt_existing)
        }
        Request::UpdateSchema { project, name, settings, expect } => {
            schemas::update(&mut draft, project, name, settings, expect.as_ref())
        }
        Request::DeleteSchema { project, name } => schemas::delete(&mut draft, project, name),
        Request::WriteVariables(batch) => variables::write(&mut draft, batch),
        Request::Record(trail) => Ok(trail::record(&mut draft, trail)),
    }?;
    Ok(draft.finish(outcome))
}

fn checked_description(description: &str) -> Result<(), Refusal> {
    check_description(description).map_err(Refusal::from)
}

/// Refuses where settings are others than were expected: those of which `differences` says so.
fn check_settings(
    what: &str,
    differences: &[(&'static str, bool)],
    changed: &Authorship,
) -> Result<(), Refusal> {
    let names: Vec<&str> =
        differences.iter().filter(|(_, differs)| *differs).map(|(name, _)| *name).collect();
    if names.is_empty() {
        return Ok(());
    }
    let message = format!(
        "{what} differs from what was expected in {}: it was changed last by {} through {} at {}",
        names.join(" and "),
        changed.actor,
        changed.via,
        changed.at,
    );
    Err(Refusal::new(Code::Conflict, message).remedy("read it again, and decide anew"))
}

/// A refusal travels in the trailers of a call, which HTTP/2 bounds.
const MAX_LISTED_BYTES: usize = 4_096;

/// Up to 20 names, and how many more there are: `A, B, C and 4 more`. Fewer where they are very long.
fn list_names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut listed = String::new();
    let mut left_out = 0_usize;
    for (count, name) in names.enumerate() {
        if count >= MAX_LISTED_NAMES || left_out > 0 || listed.len() + name.len() > MAX_LISTED_BYTES {
            left_out += 1;
            continue;
        }
        if count > 0 {
            listed.push_str(", ");
        }
        listed.push_str(name);
    }
    if left_out > 0 {
        listed.push_str(&format!(" and {left_out} more"));
    }
    listed
}

/// `1 variable`, `2 variables`.
fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
