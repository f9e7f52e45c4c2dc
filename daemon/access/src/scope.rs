//! Scopes: what a caller may do, in a few words.

use std::fmt;

use strum::{Display, EnumString, IntoStaticStr, VariantArray};

/// One thing that a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Display, EnumString, IntoStaticStr, VariantArray)]
pub enum Scope {
    /// Read projects, environments, variables, schemas and the log.
    #[strum(serialize = "env.read")]
    EnvRead,
    /// Write projects, environments, variables, schemas and secret references.
    #[strum(serialize = "env.write")]
    EnvWrite,
    /// Receive secrets. [`Scope::EnvRead`] does not include it.
    #[strum(serialize = "secret.read")]
    SecretRead,
    /// Manage roles, service accounts and the daemon. It includes no other scope.
    #[strum(serialize = "admin")]
    Admin,
}

impl Scope {
    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of scopes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Scopes(u8);

impl Scopes {
    /// No scope at all.
    pub const NONE: Self = Self(0);

    /// Every scope: the owner of the daemon.
    pub const ALL: Self = Self::of(Scope::VARIANTS);

    /// Returns the set of these scopes.
    pub const fn of(scopes: &[Scope]) -> Self {
        let (mut bits, mut index) = (0, 0);
        while index < scopes.len() {
            bits |= scopes[index].bit();
            index += 1;
        }
        Self(bits)
    }

    /// Returns whether the set has a scope.
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Returns whether the set has every scope of another one.
    pub const fn contains_all(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns whether the set shares a scope with another one.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Returns the scopes of this set that another one lacks.
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns the scopes in their own order.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::VARIANTS.iter().copied().filter(move |scope| self.contains(*scope))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_the_scopes_that_it_was_made_of() {
        let some: Scopes = [Scope::EnvRead, Scope::SecretRead].into_iter().collect();
        assert!(some.contains(Scope::EnvRead) && some.contains(Scope::SecretRead));
        assert!(!some.contains(Scope::EnvWrite));
        assert_eq!(format!("{some:?}"), "{EnvRead, SecretRead}");
        let all: Scopes = [Scope::EnvRead, Scope::EnvWrite, Scope::SecretRead].into_iter().collect();
        assert_eq!(all, Scopes::ALL);
        assert!(!Scopes::NONE.contains(Scope::EnvRead));
        assert_eq!(all.without(some), Scopes::of(&[Scope::EnvWrite]));
        assert!(all.contains_all(some) && !some.contains_all(all) && some.intersects(all));
    }
}
