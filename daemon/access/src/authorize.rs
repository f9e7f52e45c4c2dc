//! The one decision: may this caller do this action to this resource?

use std::sync::Arc;

use kontraktor_domain::{Code, Refusal};

use super::{Action, Caller, Requirement, Resource, Scopes};

/// Why a caller may not do something. It says nothing about the resource, which need not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("permission denied: {action} requires the scope {}, which {actor} does not have", list(*.missing, *.alternatives))]
pub struct Denied {
    /// Who.
    pub actor: Arc<str>,
    /// What they wanted to do.
    pub action: Action,
    /// The scopes that they lack.
    pub missing: Scopes,
    /// Whether one of the missing scopes is enough.
    pub alternatives: bool,
}

/// Decides whether a caller may do something. It allocates nothing where they may.
///
/// Scopes hold for every resource alike so far; a caller whose rights differ by resource is decided here and nowhere else.
pub fn authorize(caller: &Caller, action: Action, _resource: Resource<'_>) -> Result<(), Denied> {
    let (allowed, missing, alternatives) = match action.requirement() {
        Requirement::KnownCaller => return Ok(()),
        Requirement::All(scopes) => {
            (caller.scopes.contains_all(scopes), scopes.without(caller.scopes), false)
        }
        Requirement::Any(scopes) => (caller.scopes.intersects(scopes), scopes, true),
    };
    if allowed {
        return Ok(());
    }
    Err(Denied { actor: Arc::clone(&caller.actor), action, missing, alternatives })
}

fn list(scopes: Scopes, alternatives: bool) -> String {
    let names: Vec<&str> = scopes.iter().map(Into::into).collect();
    names.join(if alternatives { " or " } else { " and " })
}

impl From<&Denied> for Refusal {
    fn from(denied: &Denied) -> Self {
        let scopes = list(denied.missing, denied.alternatives);
        Self::new(Code::Denied, denied.to_string())
            .remedy(format!("ask the daemon's operator for the scope {scopes}"))
    }
}

#[cfg(test)]
mod tests {
    use strum::VariantArray as _;

    use super::*;
    use crate::Scope;

    #[test]
    fn every_action_but_the_status_requires_a_scope() {
        let nobody = Caller::new("unix:eve", "test", Scopes::NONE);
        let owner = Caller::new("unix:ada", "test", Scopes::ALL);
        for action in Action::VARIANTS {
            assert_eq!(authorize(&owner, *action, Resource::Daemon), Ok(()), "{action}");
            let allowed = authorize(&nobody, *action, Resource::Daemon).is_ok();
            assert_eq!(allowed, *action == Action::DaemonStatus, "{action}");
        }
    }

    #[test]
    fn a_denial_names_the_missing_scopes_and_not_the_resource() {
        let reader = Caller::new("unix:eve", "test", Scopes::of(&[Scope::EnvRead]));
        let path = "secret-project/dev".parse().unwrap();
        let denied = |action| authorize(&reader, action, Resource::Environment(&path)).unwrap_err();
        let messages = [Action::VariableWrite, Action::SecretReadEnvironment, Action::SecretCheck]
            .map(|action| Refusal::from(&denied(action)))
            .map(|refusal| format!("{} {}", refusal.message, refusal.remedy))
            .join("\n");
        assert_eq!(
            messages,
            "permission denied: variable.write requires the scope env.write, which unix:eve does not have ask the daemon's operator for the scope env.write\n\
             permission denied: secret.read-environment requires the scope secret.read, which unix:eve does not have ask the daemon's operator for the scope secret.read\n\
             permission denied: secret.check requires the scope env.write or secret.read, which unix:eve does not have ask the daemon's operator for the scope env.write or secret.read"
        );
    }
}
