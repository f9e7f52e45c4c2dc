//! Readable names of the actors whose rows wait. They are kept beside the rows, so that accesses that differ in nothing else are equal,
//! and nobody has more rows for having more names: of several, the one that came last counts.

use std::{collections::HashMap, sync::Arc};

use kontraktor_domain::Author;

#[derive(Default)]
pub(super) struct Names(HashMap<Arc<str>, Arc<str>>);

impl Names {
    /// Keeps the author's name, and returns the author without it.
    pub(super) fn take_from(&mut self, author: Author) -> Author {
        if let Some(name) = &author.display_name {
            self.0.insert(Arc::clone(&author.actor), Arc::clone(name));
        }
        Author { display_name: None, ..author }
    }

    /// Returns the author with the name that was kept.
    pub(super) fn give_to(&self, author: Author) -> Author {
        Author { display_name: self.0.get(&author.actor).cloned(), ..author }
    }
}
