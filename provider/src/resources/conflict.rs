//! `on_conflict`: what a resource does when an object was changed outside of the plan.

use tfplugin_proto::value::{Type, Value};

use crate::framework::Attribute;
pub(crate) use crate::session::OnConflict;

/// Returns the attribute of every resource that writes. It decides how to write, never what: changing it alone writes nothing.
pub(crate) fn on_conflict_attribute() -> Attribute {
    Attribute::optional(
        "on_conflict",
        Type::String,
        "What to do when the object was changed after the plan was made, or already exists when it is to be created: \
         `\"fail\"` writes nothing and reports the difference, `\"overwrite\"` writes anyway and takes over what exists. \
         What was taken over is kept when the same apply destroys the object that held it before. Defaults to the \
         provider's `on_conflict`. Changing only this writes nothing.",
    )
    .validator(on_conflict)
}

/// Validates an `on_conflict`.
pub(crate) fn on_conflict(value: &Value) -> Result<(), String> {
    match OnConflict::parse(value.as_str().unwrap_or_default()) {
        Some(_) => Ok(()),
        None => Err("on_conflict must be \"fail\" or \"overwrite\".".to_owned()),
    }
}
