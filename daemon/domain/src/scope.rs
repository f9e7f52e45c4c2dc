//! What a caller may do. Whoever asks has a set of scopes; what needs which, the service knows.

use std::fmt;

use super::entry::words;

words! {
    /// One thing that a caller may do.
    Scope {
        /// To read environments and the log.
        EnvRead = "env.read",
        /// To write projects, environments, variables, schemas and secret references.
        EnvWrite = "env.write",
        /// To be handed secrets. It does not come with [`Scope::EnvRead`].
        SecretRead = "secret.read",
    }
}

/// What a caller may do, all together.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Scopes(u8);

impl Scopes {
    /// Everything: the owner of the daemon.
    pub const ALL: Self =
        Self(Self::bit(Scope::EnvRead) | Self::bit(Scope::EnvWrite) | Self::bit(Scope::SecretRead));

    const fn bit(scope: Scope) -> u8 {
        1 << scope as u8
    }

    /// Whether this is among them.
    pub fn contains(self, scope: Scope) -> bool {
        self.0 & Self::bit(scope) != 0
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | Self::bit(scope)))
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [Scope::EnvRead, Scope::EnvWrite, Scope::SecretRead];
        f.debug_set().entries(all.into_iter().filter(|scope| self.contains(*scope))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in_and_nothing_else() {
        let some: Scopes = [Scope::EnvRead, Scope::SecretRead].into_iter().collect();
        assert!(some.contains(Scope::EnvRead) && some.contains(Scope::SecretRead));
        assert!(!some.contains(Scope::EnvWrite));
        assert_eq!(format!("{some:?}"), "{EnvRead, SecretRead}");
        let all: Scopes = [Scope::EnvRead, Scope::EnvWrite, Scope::SecretRead].into_iter().collect();
        assert_eq!(all, Scopes::ALL);
        assert!(!Scopes::default().contains(Scope::EnvRead));
    }
}
