//! The rules: given what stands, what does a request lead to? Either to facts and an outcome, or to a refusal and no
//! fact at all.

mod draft;
mod environments;
mod projects;
#[cfg(test)]
mod tests;
mod variables;

use jiff::Timestamp;
use kontraktor_proto::{limits::MAX_LISTED_NAMES, value::check_description};

use self::draft::Draft;
pub use self::{environments::find as find_environment, projects::find as find_project};
use super::{Caller, Fact, Outcome, Refusal, Request, State};

/// What a request leads to.
#[derive(Debug, Clone)]
pub struct Decision {
    /// To be committed, all or none. Empty where there is nothing to do.
    pub facts: Vec<Fact>,
    /// The answer, once the facts are committed.
    pub outcome: Outcome,
    /// What stands with the facts applied.
    pub state: State,
}

/// Decides a request. `now` becomes the time of its facts, cut to whole microseconds.
pub fn decide(
    state: &State,
    request: &Request,
    caller: &Caller,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    let mut draft = Draft::new(state, caller, now);
    let outcome = match request {
        Request::CreateProject { name, description } => projects::create(&mut draft, name, description),
        Request::UpdateProject { name, description } => projects::update(&mut draft, name, description),
        Request::DeleteProject { name } => projects::delete(&mut draft, name),
        Request::CreateEnvironment { path, description, create_missing } => {
            environments::create(&mut draft, path, description, *create_missing)
        }
        Request::UpdateEnvironment { path, description } => {
            environments::update(&mut draft, path, description)
        }
        Request::DeleteEnvironment { path } => environments::delete(&mut draft, path),
        Request::WriteVariables(batch) => variables::write(&mut draft, batch),
    }?;
    Ok(draft.finish(outcome))
}

fn checked_description(description: &str) -> Result<(), Refusal> {
    check_description(description).map_err(Refusal::from)
}

/// Up to 20 names, and how many more there are: `A, B, C and 4 more`.
fn list_names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut listed = String::new();
    let mut count = 0_usize;
    for name in names {
        if count < MAX_LISTED_NAMES {
            if count > 0 {
                listed.push_str(", ");
            }
            listed.push_str(name);
        }
        count += 1;
    }
    if count > MAX_LISTED_NAMES {
        listed.push_str(&format!(" and {} more", count - MAX_LISTED_NAMES));
    }
    listed
}

/// `1 variable`, `2 variables`.
fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
