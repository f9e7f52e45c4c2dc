//! Role bindings: who has which role on what.

use std::sync::Arc;

use imbl::{HashMap, OrdMap};
use kontraktor_model::access::{Pattern, Role, Scopes, Subject, SubjectKind};

use super::Authorship;

/// A role for a subject on what a pattern matches. Ordered by pattern, subject and role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleGrant {
    /// On what.
    pub pattern: Pattern,
    /// To whom.
    pub subject: Subject,
    /// Which role.
    pub role: Role,
}

impl RoleGrant {
    /// Returns whether it makes its subject an owner of everything.
    pub fn is_owner_of_all(&self) -> bool {
        self.role == Role::Owner && self.pattern.matches_all()
    }
}

/// A role that is granted, and who granted it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleBinding {
    /// What is granted.
    pub grant: RoleGrant,
    /// Who granted it.
    pub created: Authorship,
}

/// What happened to a role binding.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, strum::Display, strum::EnumString, strum::IntoStaticStr,
)]
#[strum(serialize_all = "snake_case")]
pub enum RoleBindingOperation {
    /// The role was granted.
    Granted,
    /// The role was revoked.
    Revoked,
}

impl RoleBindingOperation {
    /// Returns the word that the log holds.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A role was granted or revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleBindingEvent {
    /// Which.
    pub grant: RoleGrant,
    /// What happened.
    pub operation: RoleBindingOperation,
}

/// All role bindings. Those of one subject are found without reading the others.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RoleBindings {
    all: OrdMap<RoleGrant, Arc<Authorship>>,
    actors: HashMap<Arc<str>, Arc<[(Pattern, Role)]>>,
    /// Without the prefix that tells groups from actors.
    groups: HashMap<Arc<str>, Arc<[(Pattern, Role)]>>,
}

impl RoleBindings {
    /// Returns all, by pattern, subject and role.
    pub fn all(&self) -> &OrdMap<RoleGrant, Arc<Authorship>> {
        &self.all
    }

    /// Returns the roles of an actor, and what they are bound on.
    pub fn of_actor(&self, actor: &str) -> &[(Pattern, Role)] {
        self.actors.get(actor).map_or(&[], |roles| roles)
    }

    /// Returns the roles of a group, given as `ISSUER:GROUP`, and what they are bound on.
    pub fn of_group(&self, group: &str) -> &[(Pattern, Role)] {
        self.groups.get(group).map_or(&[], |roles| roles)
    }

    /// Returns the scopes that an actor and their groups have where `matches` accepts the pattern.
    pub fn scopes(&self, actor: &str, groups: &[Arc<str>], matches: impl Fn(&Pattern) -> bool) -> Scopes {
        let roles = self.roles(actor, groups);
        roles
            .filter(|(pattern, _)| matches(pattern))
            .fold(Scopes::NONE, |scopes, (_, role)| scopes.or(role.scopes()))
    }

    /// Returns the roles of an actor and their groups, and what they are bound on.
    pub fn roles<'a>(
        &'a self,
        actor: &'a str,
        groups: &'a [Arc<str>],
    ) -> impl Iterator<Item = &'a (Pattern, Role)> {
        self.of_actor(actor).iter().chain(groups.iter().flat_map(|group| self.of_group(group)))
    }

    /// Returns one, where it is granted.
    pub fn get(&self, grant: &RoleGrant) -> Option<RoleBinding> {
        let created = self.all.get(grant)?;
        Some(RoleBinding { grant: grant.clone(), created: Authorship::clone(created) })
    }

    /// Returns what is granted to a subject.
    pub fn of_subject(&self, subject: &Subject) -> Vec<RoleGrant> {
        self.list(subject)
            .iter()
            .map(|(pattern, role)| RoleGrant {
                pattern: pattern.clone(),
                subject: subject.clone(),
                role: *role,
            })
            .collect()
    }

    /// Returns how many subjects are owners of everything.
    pub fn owners_of_all(&self) -> usize {
        // What is bound on everything comes first.
        let grants = self.all.keys().take_while(|grant| grant.pattern.matches_all());
        grants.filter(|grant| grant.role == Role::Owner).count()
    }

    pub(crate) fn apply(&mut self, event: &RoleBindingEvent, written: Authorship) {
        match event.operation {
            RoleBindingOperation::Granted => {
                self.all.insert(event.grant.clone(), Arc::new(written));
            }
            RoleBindingOperation::Revoked => {
                self.all.remove(&event.grant);
            }
        }
        let RoleGrant { pattern, subject, role } = &event.grant;
        let one = (pattern.clone(), *role);
        let mut roles: Vec<_> = self.list(subject).iter().filter(|other| **other != one).cloned().collect();
        if event.operation == RoleBindingOperation::Granted {
            roles.push(one);
            // The widest first.
            roles.sort();
        }
        let (map, name) = match subject.kind() {
            SubjectKind::Group(group) => (&mut self.groups, group),
            SubjectKind::ServiceAccount(_) | SubjectKind::Actor(_) => (&mut self.actors, subject.as_str()),
        };
        if roles.is_empty() {
            map.remove(name);
        } else {
            map.insert(name.into(), roles.into());
        }
    }

    fn list(&self, subject: &Subject) -> &[(Pattern, Role)] {
        match subject.kind() {
            SubjectKind::Group(group) => self.of_group(group),
            SubjectKind::ServiceAccount(_) | SubjectKind::Actor(_) => self.of_actor(subject.as_str()),
        }
    }
}
