//! `on_conflict`: what a resource does where someone else wrote in between.

use tfplugin_proto::value::{Type, Value};

use crate::framework::Attribute;
pub(crate) use crate::session::OnConflict;

/// The attribute of every resource that writes. It decides how is written, never what: changing it alone writes nothing.
pub(crate) fn on_conflict_attribute() -> Attribute {
    Attribute::optional(
        "on_conflict",
        Type::String,
        "What to do where someone else wrote after the plan was made, or what is to be created exists already: \
         `\"fail\"` stops before anything is written and shows both sides, `\"overwrite\"` writes in any case and takes \
         over what exists, which then stays where the same apply destroys the object that had it. Left out: the provider's `on_conflict`. Changing only this writes nothing.",
    )
    .check(on_conflict)
}

/// The check of an `on_conflict`.
pub(crate) fn on_conflict(value: &Value) -> Result<(), String> {
    match OnConflict::parse(value.as_str().unwrap_or_default()) {
        Some(_) => Ok(()),
        None => Err("on_conflict must be \"fail\" or \"overwrite\".".to_owned()),
    }
}
