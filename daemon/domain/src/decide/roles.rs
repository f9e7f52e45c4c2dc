//! The rules of role bindings. Who may grant and revoke is decided elsewhere.

use kontraktor_model::limits::{MAX_ROLE_BINDINGS, MAX_ROLE_BINDINGS_OF_SUBJECT};

use super::{
    super::{
        Authorship, Body, Code, GrantRole, Refusal, RevokeRole, RoleBinding, RoleBindingEvent,
        RoleBindingOperation, RoleGrant, RoleGranted, State,
    },
    Command, Draft, find_role_binding,
};

impl Command for GrantRole {
    type Outcome = RoleGranted;

    fn apply(&self, draft: &mut Draft<'_>) -> Result<Self::Outcome, Refusal> {
        let Self { grant } = self;
        let bindings = draft.state().roles();
        if let Some(binding) = bindings.get(grant) {
            return Ok(RoleGranted { binding, created: false });
        }
        let full = |message: String| {
            Err(Refusal::invalid("subject", message).remedy(
                "revoke bindings that nobody needs, or bind roles to groups and on wider patterns such as PROJECT/*",
            ))
        };
        if bindings.all().len() >= MAX_ROLE_BINDINGS {
            return full(format!("there are {MAX_ROLE_BINDINGS} role bindings already, which is the limit"));
        }
        if bindings.of_subject(&grant.subject).len() >= MAX_ROLE_BINDINGS_OF_SUBJECT {
            return full(format!(
                "{} has {MAX_ROLE_BINDINGS_OF_SUBJECT} role bindings already, which is the limit of a subject",
                grant.subject
            ));
        }
        record(draft, grant, RoleBindingOperation::Granted);
        let created = draft.state().roles().get(grant).map(|binding| binding.created);
        let created = created.unwrap_or_else(|| unreachable!("it was granted just now"));
        Ok(RoleGranted { binding: RoleBinding { grant: grant.clone(), created }, created: true })
    }
}

impl Command for RevokeRole {
    type Outcome = ();

    fn apply(&self, draft: &mut Draft<'_>) -> Result<Self::Outcome, Refusal> {
        let Self { grant, keep_last_owner } = self;
        find_role_binding(draft.state(), grant)?;
        if *keep_last_owner {
            check_owner_remains(draft.state(), std::slice::from_ref(grant))?;
        }
        record(draft, grant, RoleBindingOperation::Revoked);
        Ok(())
    }
}

pub(super) fn record(draft: &mut Draft<'_>, grant: &RoleGrant, operation: RoleBindingOperation) {
    draft.record(None, Body::RoleBinding(RoleBindingEvent { grant: grant.clone(), operation }));
}

/// Refuses where nobody would own everything any more.
pub(super) fn check_owner_remains(state: &State, revoked: &[RoleGrant]) -> Result<(), Refusal> {
    let owners = revoked.iter().filter(|grant| grant.is_owner_of_all()).count();
    if owners == 0 || owners < state.roles().owners_of_all() {
        return Ok(());
    }
    Err(Refusal::new(
        Code::Protected,
        "this would revoke the role owner on * from its last subject, and nobody could grant roles any more",
    )
    .field("subject")
    .remedy("grant the role owner on * to another subject first, or do it over the daemon's socket"))
}

impl RoleBinding {
    /// Returns the binding of an entry of [`super::super::RoleBindings::all`].
    pub fn of(entry: (&RoleGrant, &Authorship)) -> Self {
        Self { grant: entry.0.clone(), created: entry.1.clone() }
    }
}
