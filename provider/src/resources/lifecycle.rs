//! What several resources share in their life cycle: descriptions in the state, and what is reported when a create, update
//! or delete fails.

use kontraktor_proto::v1::ProblemCode;
use tfplugin_proto::value::Type;

use crate::{
    errors,
    framework::{Attr, Attribute, Diagnostic, Private},
    session::SessionError,
};

/// Returns the stored description, or the state's own null if the stored one is empty.
pub(super) fn stored_description(held: &Attr<String>, stored: &str) -> Attr<String> {
    if held.text() == stored && !held.is_unknown() { held.clone() } else { stored.into() }
}

/// Returns the attribute that deletes a project or environment together with its contents.
pub(super) fn force_destroy_attribute(description: &'static str) -> Attribute {
    Attribute::optional("force_destroy", Type::Bool, description)
}

/// The private state of a project or environment that was implicit when it was imported.
const IMPLICIT: &str = "implicit";

/// Returns whether a stored project or environment is not the one in the state: that one was deleted, and a write created
/// another one implicitly. What a resource creates or adopts is explicit, and only an imported one may be implicit.
pub(super) fn is_successor(private: &mut Private, imported: bool, implicit: bool) -> bool {
    if !implicit {
        private.remove(IMPLICIT);
        return false;
    }
    if imported {
        private.set(IMPLICIT, "true");
    }
    private.get(IMPLICIT).is_none()
}

/// Reports a failed create, and returns whether the object may exist.
pub(super) fn not_created(
    noun: &str,
    resource_type: &str,
    id: &str,
    error: &SessionError,
) -> (Diagnostic, bool) {
    let action = format!("create {noun} {id}");
    if error.outcome_unknown() {
        return (errors::outcome_unknown(&action, error, errors::STATE_AFTER_CREATE), true);
    }
    let diagnostic = match error.problem() {
        Some(problem) if problem.code() == ProblemCode::AlreadyExists => {
            errors::already_exists(resource_type, id, &problem.message)
        }
        _ => errors::request_failed(&action, error),
    };
    (diagnostic, false)
}

/// Reports a failed delete of a project or environment. The state stays as it was.
pub(super) fn not_deleted(noun: &str, id: &str, error: &SessionError) -> Diagnostic {
    let action = format!("delete {noun} {id}");
    if error.is(ProblemCode::NotEmpty) {
        let reference = if noun == "project" {
            "project = kontraktor_project.NAME.name"
        } else {
            "env = kontraktor_environment.NAME.env"
        };
        errors::not_empty(&action, error, noun, reference)
    } else if error.is(ProblemCode::Imported) {
        errors::imported(&action, error)
    } else {
        not_changed(&action, error)
    }
}

/// Reports a failed update or delete. The state stays as it was.
pub(super) fn not_changed(action: &str, error: &SessionError) -> Diagnostic {
    if error.outcome_unknown() {
        errors::outcome_unknown(action, error, errors::STATE_AFTER_CHANGE)
    } else if errors::is_not_found(error) {
        errors::deleted_since_plan(action, error)
    } else {
        errors::request_failed(action, error)
    }
}
