//! Role bindings: who may grant them, and who sees them.

use std::ops::Bound;

use kontraktor_access::{Action, Authority, Caller, Resource, Rights};
use kontraktor_domain::{
    GrantRole, Refusal, RevokeRole, RoleBinding, RoleGrant, RoleGranted, State, find_role_binding,
};
use kontraktor_model::{
    access::{Pattern, Subject, SubjectKind},
    limits::MAX_PAGE_SIZE,
};

use super::{
    Page, PageRequest, Service,
    page::{Listing, bad_token, cut, page_size},
};

/// A role that was granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantedRole {
    /// The binding.
    pub binding: RoleBinding,
    /// Whether it is new.
    pub created: bool,
    /// What the caller should know.
    pub warnings: Vec<String>,
}

impl Service {
    /// Grants a role. What is granted already changes nothing.
    pub async fn grant_role(&self, caller: &Caller, grant: RoleGrant) -> Result<GrantedRole, Refusal> {
        let RoleGranted { binding, created } = self.submit(caller, GrantRole { grant }).await?;
        let state = self.inner.state.load();
        let warnings = warnings(&state, Rights::new(caller, state.roles()), &binding.grant);
        Ok(GrantedRole { binding, created, warnings })
    }

    /// Revokes a role. Only over the socket may it be the last that owns everything.
    pub async fn revoke_role(&self, caller: &Caller, grant: RoleGrant) -> Result<(), Refusal> {
        let keep_last_owner = caller.authority != Authority::Unrestricted;
        self.submit(caller, RevokeRole { grant, keep_last_owner }).await
    }

    /// Returns a role binding.
    pub fn role_binding(&self, caller: &Caller, grant: &RoleGrant) -> Result<RoleBinding, Refusal> {
        self.authorize(caller, Action::RoleRead, Resource::Role(grant))?;
        find_role_binding(&self.inner.state.load(), grant)
    }

    /// Returns the role bindings that the caller may manage, by pattern, subject and role; those of a subject or on a pattern
    /// alone, where one is given.
    pub fn role_bindings(
        &self,
        caller: &Caller,
        subject: Option<&Subject>,
        pattern: Option<&Pattern>,
        page: &PageRequest,
    ) -> Result<Page<RoleBinding>, Refusal> {
        self.authorize(caller, Action::RoleList, Resource::Daemon)?;
        let pattern_text = pattern.map(Pattern::to_string).unwrap_or_default();
        let listing = Listing::new(&["roles", subject.map_or("", Subject::as_str), &pattern_text]);
        let after = listing
            .after(page.token.as_deref())?
            .map(|text| parsed(&text).ok_or_else(bad_token))
            .transpose()?;
        let state = self.inner.state.load();
        let rights = Rights::new(caller, state.roles());
        let start = after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        let bindings = state
            .roles()
            .all()
            .range::<_, RoleGrant>((start, Bound::Unbounded))
            .filter(|(grant, _)| subject.is_none_or(|subject| grant.subject == *subject))
            .filter(|(grant, _)| pattern.is_none_or(|pattern| grant.pattern == *pattern))
            .filter(|(grant, _)| rights.owns(Resource::Role(grant)))
            .map(|(grant, created)| RoleBinding::of((grant, created)));
        let size = page_size(page.size, MAX_PAGE_SIZE, MAX_PAGE_SIZE);
        Ok(cut(
            bindings,
            size,
            &listing,
            |binding| binding.grant.subject.as_str().len(),
            |binding| name(&binding.grant),
        ))
    }
}

/// What a page token names: no part has a line break.
fn name(grant: &RoleGrant) -> String {
    format!("{}\n{}\n{}", grant.pattern, grant.role, grant.subject)
}

fn parsed(text: &str) -> Option<RoleGrant> {
    let mut parts = text.splitn(3, '\n');
    let mut part = || parts.next().unwrap_or_default();
    let (pattern, role, subject) = (part().parse().ok()?, part().parse().ok()?, part().parse().ok()?);
    Some(RoleGrant { pattern, subject, role })
}

fn warnings(state: &State, rights: Rights<'_>, grant: &RoleGrant) -> Vec<String> {
    let mut warnings = Vec::new();
    let RoleGrant { pattern, subject, .. } = grant;
    let in_project = match pattern.project() {
        Some(name) => state.project(name).into_iter().collect::<Vec<_>>(),
        None => state.projects().values().collect(),
    };
    let matches_something = match pattern.env() {
        Some(env) => in_project.iter().any(|project| project.environments.contains_key(env)),
        None => pattern.matches_all() || !in_project.is_empty(),
    };
    if !matches_something {
        warnings.push(format!("the pattern {pattern} matches nothing yet"));
    }
    // Only those who see service accounts hear of one that does not exist.
    if let SubjectKind::ServiceAccount(name) = subject.kind()
        && rights.sees_everything()
        && name.parse().is_ok_and(|name| state.service_accounts().get(&name).is_none())
    {
        warnings.push(format!("the service account {name} does not exist yet"));
    }
    warnings
}
