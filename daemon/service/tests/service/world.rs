//! The requests of the store's contract, and who makes them.

use kontraktor_access::{Caller, Scopes};
pub(crate) use kontraktor_store::contract::world::*;

/// A caller who may do everything.
pub(crate) fn caller() -> Caller {
    let author = author();
    Caller { peer: Some("pid:1".into()), ..Caller::new(author.actor, author.via, Scopes::ALL) }
}
