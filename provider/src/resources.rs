//! The managed resources: one file for each.

pub(crate) mod conflict;
mod environment;
mod own_key;
mod project;
pub(crate) mod protection;
mod secret_reference;
mod variable;
mod variable_schema;
mod variables;

pub(crate) use environment::Environment;
pub(crate) use project::Project;
pub(crate) use secret_reference::SecretReference;
pub(crate) use variable::Variable;
pub(crate) use variable_schema::VariableSchema;
pub(crate) use variables::Variables;

use kontraktor_proto::v1::ProblemCode;

use tfplugin_proto::value::Type;

use crate::framework::{Attr, Attribute, Diagnostic};
use crate::messages;
use crate::session::Trouble;

/// State keeps the author's spelling of "no description".
fn stored_description(held: &Attr<String>, stored: &str) -> Attr<String> {
    if held.text() == stored && !held.is_unknown() { held.clone() } else { stored.into() }
}

/// The attribute that lets a project or environment go with all that is in it.
fn force_destroy_attribute(description: &'static str) -> Attribute {
    Attribute::optional("force_destroy", Type::Bool, description)
}

/// A failed create of a project or environment: the message, and whether the object may exist.
fn not_created(kind: &str, id: &str, trouble: &Trouble) -> (Diagnostic, bool) {
    let doing = format!("create {id}");
    if trouble.outcome_unknown() {
        return (messages::outcome_unknown(&doing, trouble, messages::KEPT_AFTER_CREATE), true);
    }
    let diagnostic = match trouble.problem() {
        Some(problem) if problem.code() == ProblemCode::AlreadyExists => {
            messages::exists(kind, id, &problem.message)
        }
        _ => messages::failed(&doing, trouble),
    };
    (diagnostic, false)
}

/// A failed delete of a project or environment: the state stays as it was.
fn not_deleted(noun: &str, id: &str, trouble: &Trouble) -> Diagnostic {
    let doing = format!("delete the {noun} {id}");
    if trouble.is(ProblemCode::NotEmpty) {
        messages::not_empty(&doing, trouble, noun)
    } else {
        not_changed(&doing, trouble)
    }
}

/// A failed update or delete: the state stays as it was.
fn not_changed(doing: &str, trouble: &Trouble) -> Diagnostic {
    if trouble.outcome_unknown() {
        messages::outcome_unknown(doing, trouble, messages::KEPT_AFTER_CHANGE)
    } else if messages::is_gone(trouble) {
        messages::gone(doing, trouble)
    } else {
        messages::failed(doing, trouble)
    }
}
