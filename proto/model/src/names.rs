//! The names of projects, environments, keys and others, each a type of its own that cannot hold a name against the rule.
//! It knows nothing of what exists.

use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc};

use crate::limits::{MAX_KEY_CHARS, MAX_NAME_CHARS};

/// A name against the rule. Its text states what is wrong, the rule, and the limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {kind}; {rule}")]
pub struct NameError {
    field: &'static str,
    kind: NameErrorKind,
    rule: &'static str,
}

impl NameError {
    /// The field to blame, as the API and HCL name it: `project`, `env`, `key`, `name` (of a schema or a service account),
    /// `vault` or `environment`.
    pub fn field(&self) -> &'static str {
        self.field
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum NameErrorKind {
    Empty,
    TooLong { bytes: usize },
    First(char),
    Last(char),
    Character { character: char, position: usize },
    NotTwoParts,
}

impl fmt::Display for NameErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty"),
            Self::TooLong { bytes } => write!(f, "is {bytes} bytes long"),
            Self::First(character) => write!(f, "begins with {character:?}"),
            Self::Last(character) => write!(f, "ends with {character:?}"),
            Self::Character { character, position } => write!(f, "has {character:?} at character {position}"),
            Self::NotTwoParts => f.write_str("is not of the form PROJECT/ENV"),
        }
    }
}

const NAME_RULE: &str =
    "use 1 to 63 characters of a-z, 0-9 and \"-\", with a letter or a digit at the beginning and at the end";
const KEY_RULE: &str =
    "use 1 to 255 characters of A-Z, a-z, 0-9, \"_\", \".\" and \"-\", beginning with a letter or \"_\"";
const PATH_RULE: &str =
    "write the project's name, one slash and the environment's name, as in infra-demo/dev";

fn check(
    text: &str,
    max: usize,
    allowed: fn(char) -> bool,
    first: fn(char) -> bool,
    last: fn(char) -> bool,
) -> Result<(), NameErrorKind> {
    let Some(begin) = text.chars().next() else {
        return Err(NameErrorKind::Empty);
    };
    // Before the characters are looked at, so that a message never quotes from something enormous.
    if text.len() > max {
        return Err(NameErrorKind::TooLong { bytes: text.len() });
    }
    if let Some((index, character)) = text.chars().enumerate().find(|(_, c)| !allowed(*c)) {
        return Err(NameErrorKind::Character { character, position: index + 1 });
    }
    if !first(begin) {
        return Err(NameErrorKind::First(begin));
    }
    match text.chars().next_back() {
        Some(end) if !last(end) => Err(NameErrorKind::Last(end)),
        _ => Ok(()),
    }
}

fn is_lower_alphanumeric(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

fn check_name(text: &str) -> Result<(), NameErrorKind> {
    check(
        text,
        MAX_NAME_CHARS,
        |c| is_lower_alphanumeric(c) || c == '-',
        is_lower_alphanumeric,
        is_lower_alphanumeric,
    )
}

fn check_key(text: &str) -> Result<(), NameErrorKind> {
    check(
        text,
        MAX_KEY_CHARS,
        |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'),
        |c| c.is_ascii_alphabetic() || c == '_',
        |_| true,
    )
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $field:literal, $rule:ident, $check:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(Arc<str>);

        impl $type {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            fn check(text: &str) -> Result<(), NameError> {
                $check(text).map_err(|kind| NameError { field: $field, kind, rule: $rule })
            }
        }

        impl FromStr for $type {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::check(text)?;
                Ok(Self(text.into()))
            }
        }

        impl TryFrom<&str> for $type {
            type Error = NameError;

            fn try_from(text: &str) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                Self::check(&text)?;
                Ok(Self(text.into()))
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.as_str().to_owned()
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        // Ordering and hashing are those of the text, so maps can be asked with a plain &str.
        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }
    };
}

name!(
    /// The name of a project: `[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`.
    ProjectName, "project", NAME_RULE, check_name
);
name!(
    /// The name of an environment inside its project: `[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`.
    EnvName, "env", NAME_RULE, check_name
);
name!(
    /// The name of a JSON Schema inside its project: `[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`.
    SchemaName, "name", NAME_RULE, check_name
);
name!(
    /// The name of a vault in the daemon's configuration: `[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`.
    VaultName, "vault", NAME_RULE, check_name
);
name!(
    /// The name of a service account: `[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`.
    AccountName, "name", NAME_RULE, check_name
);
name!(
    /// The key of a variable: `[A-Za-z_][A-Za-z0-9_.-]{0,254}`.
    Key, "key", KEY_RULE, check_key
);

/// An environment's full name, written `project/env`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnvPath {
    /// The project that the environment belongs to.
    pub project: ProjectName,
    /// The environment's name inside the project.
    pub env: EnvName,
}

impl EnvPath {
    /// Checks both names; the error's field says which of them is wrong.
    pub fn new(project: &str, env: &str) -> Result<Self, NameError> {
        Ok(Self { project: project.parse()?, env: env.parse()? })
    }
}

impl fmt::Display for EnvPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.project, self.env)
    }
}

impl FromStr for EnvPath {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text.split_once('/') {
            Some((project, env)) if !env.contains('/') => Self::new(project, env),
            _ => Err(NameError { field: "environment", kind: NameErrorKind::NotTwoParts, rule: PATH_RULE }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal<T: FromStr<Err = NameError>>(text: &str) -> String {
        text.parse::<T>().err().expect("the name is against the rule").to_string()
    }

    #[test]
    fn names_at_the_edges_of_the_rule() {
        for good in ["a", "0", "a-b", "a--b", "infra-demo", &"x".repeat(63)] {
            assert_eq!(good.parse::<ProjectName>().expect("within the rule").as_str(), good);
            assert_eq!(good.parse::<EnvName>().expect("within the rule").as_str(), good);
        }
        for bad in ["", "-a", "a-", "A", "a_b", "a.b", "a/b", "ä", "a b", "a\n", &"x".repeat(64)] {
            assert!(bad.parse::<ProjectName>().is_err(), "{bad:?}");
            assert!(bad.parse::<EnvName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn keys_at_the_edges_of_the_rule() {
        for good in ["A", "_", "_0", "db.host-name", "a.", "a-", &"K".repeat(255)] {
            assert_eq!(good.parse::<Key>().expect("within the rule").as_str(), good);
        }
        for bad in ["", "0a", ".a", "-a", "a/b", "a b", "ä", "a=b", &"K".repeat(256)] {
            assert!(bad.parse::<Key>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn paths_have_two_parts() {
        let path: EnvPath = "infra-demo/dev".parse().expect("a good path");
        assert_eq!((path.project.as_str(), path.env.as_str()), ("infra-demo", "dev"));
        assert_eq!(path.to_string(), "infra-demo/dev");
        for (bad, field) in [
            ("dev", "environment"),
            ("a/b/c", "environment"),
            ("", "environment"),
            ("/dev", "project"),
            ("demo/", "env"),
            ("Demo/dev", "project"),
            ("demo/Dev", "env"),
        ] {
            assert_eq!(bad.parse::<EnvPath>().expect_err("against the rule").field(), field, "{bad:?}");
        }
    }

    #[test]
    fn refusals_read_well() {
        insta::assert_snapshot!(refusal::<ProjectName>(""), @r#"project is empty; use 1 to 63 characters of a-z, 0-9 and "-", with a letter or a digit at the beginning and at the end"#);
        insta::assert_snapshot!(refusal::<EnvName>("Dev"), @r#"env has 'D' at character 1; use 1 to 63 characters of a-z, 0-9 and "-", with a letter or a digit at the beginning and at the end"#);
        insta::assert_snapshot!(refusal::<EnvName>("dev-"), @r#"env ends with '-'; use 1 to 63 characters of a-z, 0-9 and "-", with a letter or a digit at the beginning and at the end"#);
        insta::assert_snapshot!(refusal::<Key>("9lives"), @r#"key begins with '9'; use 1 to 255 characters of A-Z, a-z, 0-9, "_", "." and "-", beginning with a letter or "_""#);
        insta::assert_snapshot!(refusal::<Key>(&"k".repeat(300)), @r#"key is 300 bytes long; use 1 to 255 characters of A-Z, a-z, 0-9, "_", "." and "-", beginning with a letter or "_""#);
        insta::assert_snapshot!(refusal::<Key>("a\nb"), @r#"key has '\n' at character 2; use 1 to 255 characters of A-Z, a-z, 0-9, "_", "." and "-", beginning with a letter or "_""#);
        insta::assert_snapshot!(refusal::<EnvPath>("dev"), @"environment is not of the form PROJECT/ENV; write the project's name, one slash and the environment's name, as in infra-demo/dev");
    }
}
