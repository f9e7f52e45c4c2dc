//! What a caller may do where: their scopes, as far as roles give them.

use kontraktor_domain::{RoleBindings, Sight, State};
use kontraktor_model::{
    access::{Pattern, Scope, Scopes},
    names::{EnvPath, ProjectName},
};

use super::{Authority, Caller, Resource};

/// What a caller may do, by the role bindings of one point in time. Nothing is allocated to find out.
#[derive(Debug, Clone, Copy)]
pub struct Rights<'a> {
    caller: &'a Caller,
    bindings: &'a RoleBindings,
}

impl<'a> Rights<'a> {
    /// Returns the rights of a caller.
    pub fn new(caller: &'a Caller, bindings: &'a RoleBindings) -> Self {
        Self { caller, bindings }
    }

    /// Returns whose rights they are.
    pub fn caller(&self) -> &'a Caller {
        self.caller
    }

    /// Returns the scopes that the caller has where `matches` accepts the pattern of a role.
    pub fn where_matched(&self, matches: impl Fn(&Pattern) -> bool) -> Scopes {
        let Caller { actor, groups, scopes, authority, .. } = self.caller;
        match authority {
            Authority::Unrestricted => *scopes,
            Authority::Roles => scopes.and(self.bindings.scopes(actor, groups, matches)),
        }
    }

    /// Returns the scopes that the caller has on a resource.
    pub fn on(&self, resource: Resource<'_>) -> Scopes {
        self.where_matched(|pattern| resource.is_matched_by(pattern))
    }

    /// Returns the scopes that the caller has on a project or on some environment that it could have.
    pub fn within(&self, project: &ProjectName) -> Scopes {
        self.where_matched(|pattern| pattern.may_match_in(project))
    }

    /// Returns the scopes that the caller has on anything.
    pub fn anywhere(&self) -> Scopes {
        self.where_matched(|_| true)
    }

    /// Returns whether the caller owns a resource: their roles give every scope there. Their token need not have it.
    pub fn owns(&self, resource: Resource<'_>) -> bool {
        let Caller { actor, groups, authority, .. } = self.caller;
        let roles = || self.bindings.scopes(actor, groups, |pattern| resource.is_matched_by(pattern));
        *authority == Authority::Unrestricted || roles().contains(Scope::Admin)
    }

    /// Returns whether nothing is hidden from the caller: they own everything.
    pub fn sees_everything(&self) -> bool {
        self.owns(Resource::Daemon)
    }

    /// Returns whether the caller knows of a project: some role of theirs reaches it, or an environment that it could have.
    pub fn sees_project(&self, name: &ProjectName) -> bool {
        self.within(name).intersects(SEEING)
    }

    /// Returns whether the caller knows of an environment.
    pub fn sees_environment(&self, path: &EnvPath) -> bool {
        self.on(Resource::Environment(path)).intersects(SEEING)
    }

    /// Returns whether the caller may read an environment.
    pub fn reads(&self, path: &EnvPath) -> bool {
        self.on(Resource::Environment(path)).contains(Scope::EnvRead)
    }

    /// Returns the patterns on which the caller has a scope. None: on everything.
    pub fn patterns(&self, scope: Scope) -> Option<Vec<Pattern>> {
        let Caller { actor, groups, scopes, authority, .. } = self.caller;
        if !scopes.contains(scope) {
            return Some(Vec::new());
        }
        if *authority == Authority::Unrestricted {
            return None;
        }
        let roles = self.bindings.roles(actor, groups).filter(|(_, role)| role.scopes().contains(scope));
        let mut patterns: Vec<_> = roles.map(|(pattern, _)| pattern.clone()).collect();
        patterns.sort();
        patterns.dedup();
        if patterns.first().is_some_and(Pattern::matches_all) { None } else { Some(patterns) }
    }

    /// Returns whether the caller knows that a resource exists, or may know it because everybody does.
    pub(super) fn sees(&self, resource: Resource<'_>) -> bool {
        match resource {
            Resource::Project(name) => self.sees_project(name),
            Resource::Schema(..) | Resource::Environment(_) | Resource::Key(..) => {
                self.on(resource).intersects(SEEING)
            }
            // Only those see roles who may grant them, and only owners of everything see service accounts.
            Resource::Role(_) | Resource::ServiceAccount(_) => self.owns(resource),
            Resource::Daemon
            | Resource::Reference(_)
            | Resource::Vault(_)
            | Resource::Hold(_)
            | Resource::Log => true,
        }
    }
}

/// One of these on a resource lets a caller know of it.
const SEEING: Scopes = Scopes::of(&[Scope::EnvRead, Scope::EnvWrite]);

/// A caller's refusals name only environments that they may read.
impl Sight for Caller {
    fn reads(&self, state: &State, path: &EnvPath) -> bool {
        Rights::new(self, state.roles()).reads(path)
    }
}
