//! `deletion_protection`: what a plan promises about it, and why a plan that would break it is refused.
//!
//! The daemon keeps the protection and has the last word. Refusing in the plan only says so earlier.

use tfplugin_proto::value::Type;

use super::conflict::OnConflict;
use crate::framework::{Attr, Attribute, Diagnostic, Diagnostics, PlanContext};
use crate::session::Session;

/// The attribute's name.
pub(crate) const ATTRIBUTE: &str = "deletion_protection";

/// The attribute of every resource that can be protected.
pub(crate) fn deletion_protection_attribute() -> Attribute {
    Attribute::optional_computed(
        ATTRIBUTE,
        Type::Bool,
        "Whether the daemon refuses to delete it, whoever asks, also when this block is gone. Destroying or replacing \
         what is protected fails when it is planned. To delete it, apply `false` first: switching off and deleting are \
         two applies. Left out: it stays as it is, and a new object is not protected.",
    )
}

/// What is protected, in the words of a message.
pub(crate) struct Protected<'a> {
    /// As in "the variable".
    pub(crate) noun: &'static str,
    /// Its import id.
    pub(crate) id: &'a str,
    /// The command of `ktr` that switches the protection off.
    pub(crate) command: String,
}

/// The planned protection where the author left it out: a new object has none, unless it may be one that exists.
pub(crate) fn plan_left_out(
    cx: &PlanContext<Session>,
    on_conflict: &Attr<String>,
    planned: &mut Attr<bool>,
    creates: bool,
) {
    if !creates || !cx.is_left_out(ATTRIBUTE) {
        return;
    }
    let on_conflict = cx.configured.as_ref().map(|session| session.on_conflict(on_conflict));
    if let Some(Ok(OnConflict::Fail)) = on_conflict {
        *planned = Attr::Known(false);
    }
}

/// Refuses to plan the end of what the state says is protected. `replaced`: a new object would take its place.
pub(crate) fn refuse(protection: &Attr<bool>, protected: &Protected<'_>, replaced: bool) -> Diagnostics {
    if protection.known() != Some(&true) {
        return Diagnostics::new();
    }
    let Protected { noun, id, command } = protected;
    let what = if replaced {
        format!("This change would replace it: {id} would be deleted, and a new {noun} created.")
    } else {
        format!("This plan would delete it: the {noun} {id} would be gone.")
    };
    Diagnostic::error(
        format!("The {noun} {id} is protected from deletion"),
        format!(
            "{what}\n\nWhere that is what you want, switch the protection off first: set {ATTRIBUTE} = false in the \
             resource and apply that alone, or run\n\n  {command}\n\nThen plan again. Switching the protection off \
             and deleting are two applies, never one."
        ),
    )
    .at(ATTRIBUTE)
    .into()
}
