//! The rules: decides commands against a state. A command leads either to events and an outcome, or to a refusal and no
//! event at all.

mod accesses;
mod at_version;
mod draft;
mod environments;
mod imports;
mod lookup;
mod projects;
mod protection;
mod restore;
mod roles;
mod schemas;
mod service_accounts;
#[cfg(test)]
mod tests;
mod variables;

use jiff::Timestamp;
use kontraktor_model::{limits::MAX_LISTED_NAMES, value::check_description};

pub use self::{
    at_version::{AtVersion, Versioned},
    draft::Draft,
    lookup::{find_environment, find_project, find_role_binding, find_schema, find_service_account},
};
use super::{Author, Authorship, Code, Event, Everything, Refusal, Sight, State};

/// A request that writes.
pub trait Command: Send + Sync + 'static {
    /// The answer to it.
    type Outcome: Send + 'static;

    /// Applies the rules: adds the events that the command leads to.
    fn apply(&self, draft: &mut Draft<'_>) -> Result<Self::Outcome, Refusal>;

    /// Decides against a state, which stays unchanged; it may be decided again against another one. `now` becomes the time
    /// of the events, cut to whole microseconds.
    fn decide(
        &self,
        state: &State,
        author: &Author,
        now: Timestamp,
    ) -> Result<Decision<Self::Outcome>, Refusal> {
        self.decide_for(state, author, &Everything, now)
    }

    /// The same for an author who does not see everything.
    fn decide_for(
        &self,
        state: &State,
        author: &Author,
        sight: &dyn Sight,
        now: Timestamp,
    ) -> Result<Decision<Self::Outcome>, Refusal> {
        let mut draft = Draft::new(state, author, sight, now);
        let outcome = self.apply(&mut draft)?;
        Ok(draft.finish(outcome))
    }

    /// Returns what it takes to hold the command in a queue and to write it.
    fn weight(&self) -> Weight {
        Weight::of_texts(0)
    }
}

/// A command whose outcome does not matter: what lists of different commands hold.
pub trait AnyCommand: Send + Sync + 'static {
    /// Applies the rules, as [`Command::apply`] does.
    fn apply_any(&self, draft: &mut Draft<'_>) -> Result<(), Refusal>;
}

impl<C: Command> AnyCommand for C {
    fn apply_any(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        self.apply(draft).map(drop)
    }
}

impl Command for Box<dyn AnyCommand> {
    type Outcome = ();

    fn apply(&self, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        (**self).apply_any(draft)
    }
}

/// What a command leads to.
#[derive(Debug, Clone)]
pub struct Decision<O> {
    /// To be committed, all or none. Empty where there is nothing to do.
    pub events: Vec<Event>,
    /// The answer, once the events are committed.
    pub outcome: O,
    /// The state with the events applied.
    pub state: State,
}

/// The size of a command, estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weight {
    /// Items to write; at least 1.
    pub items: usize,
    /// Bytes of memory.
    pub bytes: usize,
}

impl Weight {
    /// Bytes of a command besides its texts and items.
    const BASE: usize = 2_048;

    /// Bytes of an item besides its texts.
    const ITEM: usize = 512;

    /// A command without items, with so many bytes of texts.
    fn of_texts(bytes: usize) -> Self {
        Self { items: 1, bytes: Self::BASE + bytes }
    }

    /// A command with items, each with so many bytes of texts.
    fn of_items(texts: impl Iterator<Item = usize>) -> Self {
        let (items, bytes) =
            texts.fold((0, Self::BASE), |(items, bytes), text| (items + 1, bytes + Self::ITEM + text));
        Self { items: items.max(1), bytes }
    }
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
        "{what} differs from the expected settings in {}; it was last changed by {} through {} at {}",
        names.join(" and "),
        changed.actor,
        changed.via,
        changed.at,
    );
    Err(Refusal::new(Code::Conflict, message).remedy("read it again, then retry"))
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
