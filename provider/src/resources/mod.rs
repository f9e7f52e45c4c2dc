//! The managed resources: one file for each.

mod environment;
mod project;
mod variable;

pub(crate) use environment::Environment;
pub(crate) use project::Project;
pub(crate) use variable::Variable;

use kontraktor_proto::v1::ProblemCode;

use crate::framework::{Attr, Diagnostic};
use crate::messages;
use crate::session::Trouble;

/// State keeps the author's spelling of "no description".
fn stored_description(held: &Attr<String>, stored: &str) -> Attr<String> {
    if held.text() == stored && !held.is_unknown() { held.clone() } else { stored.into() }
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
