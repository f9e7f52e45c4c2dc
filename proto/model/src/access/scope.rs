//! Scopes: what a caller may do, in a few words.

use std::{fmt, str::FromStr};

use strum::{Display, IntoStaticStr, VariantArray};

use super::{AccessError, quoted};

/// One thing that a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Display, IntoStaticStr, VariantArray)]
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
    /// Returns the name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl FromStr for Scope {
    type Err = AccessError;

    fn from_str(text: &str) -> Result<Self, AccessError> {
        Self::VARIANTS.iter().copied().find(|scope| scope.as_str() == text).ok_or_else(|| AccessError {
            field: "scopes",
            message: format!("unknown scope {}", quoted(text)),
            remedy: "use env.read, env.write, secret.read and admin",
        })
    }
}

/// A set of scopes. Its text is the names with blanks between them, as OAuth writes them.
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

    /// Returns the scopes that both sets have.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Returns the scopes that one of the sets has.
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns whether the set has no scope.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
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

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, scope) in self.iter().enumerate() {
            let blank = if place == 0 { "" } else { " " };
            write!(f, "{blank}{scope}")?;
        }
        Ok(())
    }
}

impl FromStr for Scopes {
    type Err = AccessError;

    fn from_str(text: &str) -> Result<Self, AccessError> {
        text.split_ascii_whitespace().map(Scope::from_str).collect()
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
        let all: Scopes = Scope::VARIANTS.iter().copied().collect();
        assert_eq!(all, Scopes::ALL);
        assert!(!Scopes::NONE.contains(Scope::EnvRead));
        assert_eq!(all.without(some), Scopes::of(&[Scope::EnvWrite, Scope::Admin]));
        assert!(all.contains_all(some) && !some.contains_all(all) && some.intersects(all));
        assert_eq!((some.or(all), some.and(all), some.and(Scopes::NONE)), (all, some, Scopes::NONE));
        assert_eq!(some.to_string(), "env.read secret.read");
        assert_eq!(all.to_string().parse(), Ok(all));
        assert_eq!("env.read root".parse::<Scopes>().expect_err("unknown").field(), "scopes");
    }
}
