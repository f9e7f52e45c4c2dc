//! The one decision: may this caller do this action to this resource?

use std::{borrow::Cow, fmt, sync::Arc};

use kontraktor_domain::{Code, Refusal, RoleBindings};
use kontraktor_model::access::{Pattern, Role, Scopes};

use super::{
    Action, Authority, Caller, Requirement, Resource, Rights,
    action::{Reach, Unseen},
};

/// Why a caller may not do something. It does not depend on whether the resource exists.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("permission denied: {action} {reason}, which {actor} does not have")]
pub struct Denied {
    /// Who.
    pub actor: Arc<str>,
    /// What they wanted to do.
    pub action: Action,
    /// What they lack.
    pub reason: Reason,
}

/// What a caller lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Scopes, whatever the resource.
    Scopes {
        /// Which.
        missing: Scopes,
        /// Whether one of them is enough.
        alternatives: bool,
    },
    /// A role.
    Role {
        /// The smallest that is enough; several where one of them is.
        roles: Vec<Role>,
        /// Where it would be enough.
        on: Pattern,
        /// To the caller, the resource does not exist.
        unseen: bool,
    },
}

impl Denied {
    /// Returns whether the caller is to hear that the resource does not exist.
    pub fn is_unseen(&self) -> bool {
        matches!(self.reason, Reason::Role { unseen: true, .. })
    }
}

/// Decides whether a caller may do something, by their scopes and the roles that are bound to them. It allocates nothing
/// where they may.
pub fn authorize(
    caller: &Caller,
    bindings: &RoleBindings,
    action: Action,
    resource: Resource<'_>,
) -> Result<(), Denied> {
    let rule = action.rule();
    let (scopes, alternatives) = match rule.scopes {
        Requirement::KnownCaller => return Ok(()),
        Requirement::All(scopes) => (scopes, false),
        Requirement::Any(scopes) => (scopes, true),
    };
    let suffice = |has: Scopes| if alternatives { has.intersects(scopes) } else { has.contains_all(scopes) };
    let denied = |reason| Err(Denied { actor: Arc::clone(&caller.actor), action, reason });
    if !suffice(caller.scopes) {
        let missing = if alternatives { scopes } else { scopes.without(caller.scopes) };
        return denied(Reason::Scopes { missing, alternatives });
    }
    if caller.authority == Authority::Unrestricted {
        return Ok(());
    }
    let rights = Rights::new(caller, bindings);
    let allowed = match rule.reach {
        Reach::Shown => true,
        Reach::Itself => suffice(rights.on(resource)),
        Reach::Within => match resource {
            Resource::Project(name) => suffice(rights.within(name)),
            _ => true,
        },
        Reach::Anywhere => suffice(rights.anywhere()),
        Reach::Owner => rights.owns(resource),
    };
    if allowed {
        return Ok(());
    }
    let roles = match rule.reach {
        Reach::Owner => vec![Role::Owner],
        _ if alternatives => scopes.iter().map(|scope| Role::with(Scopes::of(&[scope]))).collect(),
        _ => vec![Role::with(scopes)],
    };
    let unseen = rule.unseen == Unseen::NotFound && !rights.sees(resource);
    denied(Reason::Role { roles, on: resource.pattern(), unseen })
}

fn list<T: fmt::Display>(names: impl IntoIterator<Item = T>, between: &str) -> String {
    names.into_iter().map(|name| name.to_string()).collect::<Vec<_>>().join(between)
}

/// What is missing: `the scope env.read`, `the role editor on infra-demo/dev`.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scopes { missing, alternatives } => {
                let between = if *alternatives { " or " } else { " and " };
                write!(f, "requires the scope {}", list(missing.iter(), between))
            }
            Self::Role { roles, on, .. } => write!(f, "requires the role {} on {on}", list(roles, " or ")),
        }
    }
}

impl From<&Denied> for Refusal {
    fn from(denied: &Denied) -> Self {
        let remedy = match &denied.reason {
            Reason::Scopes { missing, alternatives } => {
                let between = if *alternatives { " or " } else { " and " };
                format!("ask the daemon's operator for the scope {}", list(missing.iter(), between))
            }
            Reason::Role { roles, on, .. } => {
                let role = roles.first().map_or(Role::Owner.as_str(), |role| role.as_str());
                format!(
                    "ask an owner of {on} to grant it: `ktr role grant {role} --to {} --on '{on}'`",
                    shell_word(&denied.actor)
                )
            }
        };
        Self::new(Code::Denied, denied.to_string()).remedy(remedy)
    }
}

/// Returns a text as one word of a shell. Issuers choose subjects such as `auth0|5f7c`, and a command is there to be copied.
fn shell_word(text: &str) -> Cow<'_, str> {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "-_.,:/@+=".contains(char);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.into();
    }
    format!("'{}'", text.replace('\'', r"'\''")).into()
}

#[cfg(test)]
mod tests;
