//! Roles: names for sets of scopes.

use std::str::FromStr;

use strum::{Display, IntoStaticStr, VariantArray};

use super::{AccessError, Scope, Scopes, quoted};

/// What a subject may do on what a pattern matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Display, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum Role {
    /// Reads environments, their variables, history and audit entries.
    Viewer,
    /// Also writes.
    Editor,
    /// Reads what a viewer reads, and receives secrets.
    SecretReader,
    /// Does all of this, and grants and revokes roles.
    Owner,
}

impl Role {
    /// Returns the scopes that the role gives.
    pub const fn scopes(self) -> Scopes {
        match self {
            Self::Viewer => Scopes::of(&[Scope::EnvRead]),
            Self::Editor => Scopes::of(&[Scope::EnvRead, Scope::EnvWrite]),
            Self::SecretReader => Scopes::of(&[Scope::EnvRead, Scope::SecretRead]),
            Self::Owner => Scopes::ALL,
        }
    }

    /// Returns the smallest role that gives all of these scopes.
    pub fn with(scopes: Scopes) -> Self {
        let smallest = Self::VARIANTS.iter().find(|role| role.scopes().contains_all(scopes));
        smallest.copied().unwrap_or(Self::Owner)
    }

    /// Returns the name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl FromStr for Role {
    type Err = AccessError;

    fn from_str(text: &str) -> Result<Self, AccessError> {
        Self::VARIANTS.iter().copied().find(|role| role.as_str() == text).ok_or_else(|| AccessError {
            field: "role",
            message: format!("unknown role {}", quoted(text)),
            remedy: "use one of viewer, editor, secret-reader and owner",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_has_its_scopes_and_its_name() {
        for role in Role::VARIANTS {
            assert_eq!(role.as_str().parse::<Role>().as_ref(), Ok(role));
            assert_eq!(Role::with(role.scopes()), *role);
        }
        assert_eq!(Role::with(Scopes::of(&[Scope::EnvWrite])), Role::Editor);
        assert_eq!(Role::with(Scopes::of(&[Scope::EnvWrite, Scope::SecretRead])), Role::Owner);
        assert_eq!(Role::with(Scopes::of(&[Scope::Admin])), Role::Owner);
        let error = "root".parse::<Role>().unwrap_err();
        insta::assert_snapshot!(format!("{}: {error}; {}", error.field(), error.remedy()), @r#"role: unknown role "root"; use one of viewer, editor, secret-reader and owner"#);
    }
}
