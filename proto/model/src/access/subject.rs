//! Subjects: who a role is bound to.

use std::{fmt, str::FromStr, sync::Arc};

use super::{AccessError, quoted};
use crate::{
    limits::MAX_SUBJECT_BYTES,
    names::{AccountName, NameError},
};

/// What the subject of a service account begins with.
pub const SERVICE_ACCOUNT_PREFIX: &str = "service-account:";

/// What the subject of a group begins with.
pub const GROUP_PREFIX: &str = "group:";

/// The origins of actors that the daemon vouches for itself, and the word for groups: no issuer has one of these names.
pub const RESERVED_ORIGINS: [&str; 5] = ["unix", "service-account", "group", "cert", "source"];

/// Who a role is bound to: an actor as the log shows it (`unix:NAME`, `ISSUER:SUBJECT`, `service-account:NAME`, `cert:NAME`),
/// or a group (`group:ISSUER:GROUP`).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject(Arc<str>);

/// What kind of subject it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubjectKind<'a> {
    /// A service account, by name.
    ServiceAccount(&'a str),
    /// A group with its origin, as `ISSUER:GROUP`.
    Group(&'a str),
    /// Any other actor.
    Actor(&'a str),
}

impl Subject {
    /// Returns the subject that a service account is.
    pub fn of_account(name: &AccountName) -> Self {
        Self(format!("{SERVICE_ACCOUNT_PREFIX}{name}").into())
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the kind.
    pub fn kind(&self) -> SubjectKind<'_> {
        if let Some(name) = self.0.strip_prefix(SERVICE_ACCOUNT_PREFIX) {
            SubjectKind::ServiceAccount(name)
        } else if let Some(group) = self.0.strip_prefix(GROUP_PREFIX) {
            SubjectKind::Group(group)
        } else {
            SubjectKind::Actor(&self.0)
        }
    }
}

impl FromStr for Subject {
    type Err = AccessError;

    fn from_str(text: &str) -> Result<Self, AccessError> {
        let invalid = |reason: String| AccessError {
            field: "subject",
            message: format!("invalid subject: {reason}"),
            remedy: "use `service-account:NAME`, `group:ISSUER:GROUP`, or an actor as the audit log shows it, such as `unix:ada` or \
                     `ISSUER:SUBJECT`",
        };
        if text.is_empty() {
            return Err(invalid("it is empty".to_owned()));
        }
        if text.len() > MAX_SUBJECT_BYTES {
            return Err(invalid(format!(
                "it is {} bytes long; the limit is {MAX_SUBJECT_BYTES}",
                text.len()
            )));
        }
        if let Some(position) = text.chars().position(char::is_control) {
            return Err(invalid(format!("it has a control character at character {}", position + 1)));
        }
        let has_origin = |text: &str| {
            text.split_once(':').is_some_and(|(from, name)| !from.is_empty() && !name.is_empty())
        };
        let subject = Self(text.into());
        match subject.kind() {
            SubjectKind::ServiceAccount(name) => {
                name.parse::<AccountName>()
                    .map_err(|error: NameError| invalid(format!("{}: {error}", quoted(text))))?;
            }
            SubjectKind::Group(group) if !has_origin(group) => {
                return Err(invalid(format!("{} does not name the origin of the group", quoted(text))));
            }
            SubjectKind::Actor(actor) if !has_origin(actor) => {
                return Err(invalid(format!("{} does not name its origin", quoted(text))));
            }
            SubjectKind::Group(_) | SubjectKind::Actor(_) => {}
        }
        Ok(subject)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_of_one_kind_each() {
        let subject = |text: &str| -> Subject { text.parse().expect("a good subject") };
        assert_eq!(subject("service-account:ci").kind(), SubjectKind::ServiceAccount("ci"));
        assert_eq!(subject("group:idp:Ops Team").kind(), SubjectKind::Group("idp:Ops Team"));
        for actor in [
            "unix:ada",
            "cert:ci.example.com",
            "token.actions.githubusercontent.com:repo:o/r:ref:refs/heads/main",
        ] {
            assert_eq!(subject(actor).kind(), SubjectKind::Actor(actor));
        }
        assert_eq!(subject(&format!("a:{}", "x".repeat(510))).as_str().len(), 512);
        assert_eq!(Subject::of_account(&"ci".parse().expect("a good name")), subject("service-account:ci"));
    }

    #[test]
    fn what_is_no_subject_is_refused() {
        let long = format!("a:{}", "x".repeat(511));
        let errors: Vec<_> = [
            "",
            "ada",
            ":ada",
            "unix:",
            "group:ops",
            "group:idp:",
            "service-account:",
            "service-account:CI",
            "a:b\n",
            &long,
        ]
        .map(|text| text.parse::<Subject>().expect_err(text))
        .iter()
        .map(|error| format!("{}: {error}", error.field()))
        .collect();
        insta::assert_snapshot!(errors.join("\n"), @r#"
        subject: invalid subject: it is empty
        subject: invalid subject: "ada" does not name its origin
        subject: invalid subject: ":ada" does not name its origin
        subject: invalid subject: "unix:" does not name its origin
        subject: invalid subject: "group:ops" does not name the origin of the group
        subject: invalid subject: "group:idp:" does not name the origin of the group
        subject: invalid subject: "service-account:": name is empty; use 1 to 63 characters of a-z, 0-9 and "-", with a letter or a digit at the beginning and at the end
        subject: invalid subject: "service-account:CI": name has 'C' at character 1; use 1 to 63 characters of a-z, 0-9 and "-", with a letter or a digit at the beginning and at the end
        subject: invalid subject: it has a control character at character 4
        subject: invalid subject: it is 513 bytes long; the limit is 512
        "#);
    }
}
