//! Readable names of actors: what people are shown beside the identifier that never changes.

use std::sync::Arc;

use imbl::HashMap;
use kontraktor_model::limits::MAX_DISPLAY_NAMES;

/// An actor has another readable name than before. The event's own actor is the one who has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActorEvent {
    /// The name from now on.
    pub display_name: Arc<str>,
}

/// The current readable name of each actor that has one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DisplayNames(HashMap<Arc<str>, Arc<str>>);

impl DisplayNames {
    /// Returns the name of an actor.
    pub fn get(&self, actor: &str) -> Option<&Arc<str>> {
        self.0.get(actor)
    }

    /// Returns how many actors have one.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether no actor has one.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether a name is to be recorded: it differs from the current one of the actor, and there is room for it. Names are in
    /// memory for ever, and anybody whom an issuer knows can bring one.
    pub(crate) fn accepts(&self, actor: &str, name: &str) -> bool {
        match self.get(actor) {
            Some(current) => **current != *name,
            None => self.len() < MAX_DISPLAY_NAMES,
        }
    }

    pub(crate) fn apply(&mut self, actor: &Arc<str>, event: &ActorEvent) {
        self.0.insert(Arc::clone(actor), Arc::clone(&event.display_name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_so_many_names_and_those_that_have_one_can_still_change_it() {
        let mut names = DisplayNames::default();
        let event = ActorEvent { display_name: "Ada".into() };
        for number in 0..MAX_DISPLAY_NAMES {
            let actor: Arc<str> = format!("idp:{number}").into();
            assert!(names.accepts(&actor, "Ada"));
            names.apply(&actor, &event);
        }
        assert!(!names.accepts("idp:new", "Ada"));
        assert!(names.accepts("idp:7", "Eve"));
        assert!(!names.accepts("idp:7", "Ada"), "it has that name");
    }
}
