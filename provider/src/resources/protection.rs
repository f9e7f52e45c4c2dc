//! `deletion_protection`: its default in a plan, and the refusal of a plan that would delete a protected object.
//!
//! The daemon enforces the protection and has the last word. The refusal in the plan only comes earlier.

use tfplugin_proto::value::Type;

use super::conflict::OnConflict;
use crate::framework::{Attr, Attribute, Diagnostic, Diagnostics, PlanContext};
use crate::session::Session;

/// The attribute's name.
pub(crate) const ATTRIBUTE: &str = "deletion_protection";

/// Returns the attribute of every resource that can be protected.
pub(crate) fn deletion_protection_attribute() -> Attribute {
    Attribute::optional_computed(
        ATTRIBUTE,
        Type::Bool,
        "Whether the daemon refuses to delete it, for every client and even when this block is removed. Destroying or \
         replacing a protected object fails during the plan. To delete it, apply `false` first and delete it in a second \
         apply. If omitted, an existing object keeps its protection, and a new object is not protected.",
    )
}

/// A protected object, as messages name it.
pub(crate) struct Protected<'a> {
    /// What it is, as in "the variable".
    pub(crate) noun: &'static str,
    /// Its import ID.
    pub(crate) id: &'a str,
    /// The `ktr` command that removes the protection.
    pub(crate) command: String,
}

/// Plans the protection if the configuration leaves it out: none for a new object, unless it may exist already.
pub(crate) fn plan_default(
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

/// Records whether an object of the host's state is protected, for [`check_replacement`].
pub(crate) fn observe(
    session: &Session,
    resource_type: &'static str,
    id: &Attr<String>,
    protection: &Attr<bool>,
    exists: bool,
) {
    if let Some(id) = id.known() {
        session.record_protection(resource_type, id, exists && protection.known() == Some(&true));
    }
}

/// Returns whether a planned create replaces a protected object of the host's state: one that is tainted, or that `-replace`
/// names. The daemon would refuse to delete the old one.
pub(crate) fn replaces_protected(cx: &PlanContext<Session>, resource_type: &'static str, id: &str) -> bool {
    cx.configured.as_ref().is_some_and(|session| session.is_protected(resource_type, id))
}

/// What to do if an object is replaced because it is tainted.
pub(crate) const TAINTED: &str =
    "\n\nIf the object is tainted, run `terraform untaint ADDRESS` to keep it as it is.";

/// Refuses to plan a create that replaces a protected object.
pub(crate) fn check_replacement(
    cx: &PlanContext<Session>,
    resource_type: &'static str,
    protected: &Protected<'_>,
) -> Diagnostics {
    if !replaces_protected(cx, resource_type, protected.id) {
        return Diagnostics::new();
    }
    let mut diagnostic = refusal(protected, true);
    diagnostic.detail.push_str(TAINTED);
    diagnostic.into()
}

/// Refuses to plan the end of a protected object. `replaced`: a new object would take its place.
pub(crate) fn check_destroy(
    protection: &Attr<bool>,
    protected: &Protected<'_>,
    replaced: bool,
) -> Diagnostics {
    if protection.known() == Some(&true) { refusal(protected, replaced).into() } else { Diagnostics::new() }
}

fn refusal(protected: &Protected<'_>, replaced: bool) -> Diagnostic {
    let Protected { noun, id, command } = protected;
    let what = if replaced {
        format!("This change would replace the {noun} {id}: delete it, and create a new one.")
    } else {
        format!("This plan would delete the {noun} {id}.")
    };
    Diagnostic::error(
        "Deletion protection is on",
        format!(
            "{what}\n\nTo delete it, remove the protection first: set {ATTRIBUTE} = false and apply that alone, or \
             run\n\n  {command}\n\nThen run `terraform plan` again. Removing the protection and deleting always take two \
             applies."
        ),
    )
    .at(ATTRIBUTE)
}
