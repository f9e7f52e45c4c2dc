//! Patterns: what a role is bound on.

use std::{fmt, str::FromStr};

use super::{AccessError, quoted};
use crate::names::{EnvName, EnvPath, ProjectName};

/// What a role binding is about: `*` (everything, the daemon itself too), `PROJECT/*` (a project, its schemas and its
/// environments), `*/ENV` (the environments of this name in every project), or `PROJECT/ENV`.
///
/// Patterns are ordered by project, then by environment, with `*` before every name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern {
    /// None: every project.
    project: Option<ProjectName>,
    /// None: every environment, and what is around it.
    env: Option<EnvName>,
}

impl Pattern {
    /// Matches everything.
    pub const ALL: Self = Self { project: None, env: None };

    /// Matches a project, its schemas and its environments.
    pub fn of_project(name: &ProjectName) -> Self {
        Self { project: Some(name.clone()), env: None }
    }

    /// Matches one environment.
    pub fn of_environment(path: &EnvPath) -> Self {
        Self { project: Some(path.project.clone()), env: Some(path.env.clone()) }
    }

    /// Returns the one project that the pattern is about. None: it is about every project.
    pub fn project(&self) -> Option<&ProjectName> {
        self.project.as_ref()
    }

    /// Returns the one name of environments that the pattern is about. None: it is about every environment.
    pub fn env(&self) -> Option<&EnvName> {
        self.env.as_ref()
    }

    /// Returns whether it matches everything, the daemon itself too.
    pub fn matches_all(&self) -> bool {
        self.project.is_none() && self.env.is_none()
    }

    /// Returns whether it matches an environment.
    pub fn matches(&self, path: &EnvPath) -> bool {
        self.project.as_ref().is_none_or(|project| *project == path.project)
            && self.env.as_ref().is_none_or(|env| *env == path.env)
    }

    /// Returns whether it matches a project itself: its settings and its schemas.
    pub fn matches_project(&self, name: &ProjectName) -> bool {
        self.env.is_none() && self.may_match_in(name)
    }

    /// Returns whether it matches a project, or an environment that the project could have.
    pub fn may_match_in(&self, name: &ProjectName) -> bool {
        self.project.as_ref().is_none_or(|project| project == name)
    }

    /// Returns whether it matches everything that another pattern matches.
    pub fn covers(&self, other: &Self) -> bool {
        (self.project.is_none() || self.project == other.project)
            && (self.env.is_none() || self.env == other.env)
    }

    /// Returns whether some environment, which need not exist, is matched by both.
    pub fn overlaps(&self, other: &Self) -> bool {
        fn meet<T: PartialEq>(one: Option<&T>, other: Option<&T>) -> bool {
            one.zip(other).is_none_or(|(one, other)| one == other)
        }
        meet(self.project.as_ref(), other.project.as_ref()) && meet(self.env.as_ref(), other.env.as_ref())
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.project, &self.env) {
            (None, None) => f.pad("*"),
            (None, Some(env)) => write!(f, "*/{env}"),
            (Some(project), None) => write!(f, "{project}/*"),
            (Some(project), Some(env)) => write!(f, "{project}/{env}"),
        }
    }
}

impl FromStr for Pattern {
    type Err = AccessError;

    fn from_str(text: &str) -> Result<Self, AccessError> {
        let invalid = |reason: String| AccessError {
            field: "pattern",
            message: format!("invalid pattern {}: {reason}", quoted(text)),
            remedy: "use `*`, `PROJECT/*`, `*/ENV` or `PROJECT/ENV`",
        };
        if text == "*" {
            return Ok(Self::ALL);
        }
        let Some((project, env)) = text.split_once('/').filter(|(_, env)| !env.contains('/')) else {
            return Err(invalid("expected one slash, as in infra-demo/* and infra-demo/dev".to_owned()));
        };
        if project == "*" && env == "*" {
            return Err(invalid("write `*` for everything".to_owned()));
        }
        let name = |text: &str| if text == "*" { None } else { Some(text.to_owned()) };
        let project = name(project).map(ProjectName::try_from).transpose();
        let env = name(env).map(EnvName::try_from).transpose();
        match (project, env) {
            (Ok(project), Ok(env)) => Ok(Self { project, env }),
            (Err(error), _) | (_, Err(error)) => Err(invalid(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(text: &str) -> Pattern {
        text.parse().expect("a good pattern")
    }

    #[test]
    fn a_pattern_matches_what_it_says() {
        let project = |name: &str| -> ProjectName { name.parse().expect("a good name") };
        let path = |text: &str| -> EnvPath { text.parse().expect("a good path") };
        for (text, matching, other) in [
            ("*", &["a/dev", "b/prod"][..], &[][..]),
            ("a/*", &["a/dev", "a/prod"], &["b/dev", "aa/dev"]),
            ("*/dev", &["a/dev", "b/dev"], &["a/prod"]),
            ("a/dev", &["a/dev"], &["a/prod", "b/dev"]),
        ] {
            assert!(matching.iter().all(|env| pattern(text).matches(&path(env))), "{text}");
            assert!(!other.iter().any(|env| pattern(text).matches(&path(env))), "{text}");
        }
        for (text, itself, inside) in [
            ("*", true, true),
            ("a/*", true, true),
            ("*/dev", false, true),
            ("a/dev", false, true),
            ("b/*", false, false),
        ] {
            assert_eq!(pattern(text).matches_project(&project("a")), itself, "{text}");
            assert_eq!(pattern(text).may_match_in(&project("a")), inside, "{text}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused_with_the_rule() {
        let mut errors = Vec::new();
        for text in ["", "dev", "a/b/c", "*/*", "A/*", "a/", "**", "a*/dev", &"x/".repeat(100)] {
            let error = text.parse::<Pattern>().expect_err(text);
            assert_eq!(error.field(), "pattern");
            errors.push(error.to_string());
        }
        insta::assert_snapshot!(errors[0], @r#"invalid pattern "": expected one slash, as in infra-demo/* and infra-demo/dev"#);
        insta::assert_snapshot!(errors[3], @r#"invalid pattern "*/*": write `*` for everything"#);
        insta::assert_snapshot!(errors[4], @r#"invalid pattern "A/*": project has 'A' at character 1; use 1 to 63 characters of a-z, 0-9 and "-", with a letter or a digit at the beginning and at the end"#);
    }

    fn patterns() -> impl Strategy<Value = Pattern> {
        let part = || prop_oneof![Just("*"), Just("a"), Just("b"), Just("c-1")];
        (part(), part()).prop_map(|(project, env)| {
            let text = if (project, env) == ("*", "*") { "*".to_owned() } else { format!("{project}/{env}") };
            pattern(&text)
        })
    }

    fn paths() -> Vec<EnvPath> {
        let names = ["a", "b", "c-1", "d"];
        names
            .iter()
            .flat_map(|project| names.map(|env| EnvPath::new(project, env).expect("good names")))
            .collect()
    }

    proptest! {
        #[test]
        fn a_pattern_is_read_back_from_its_text(one in patterns()) {
            prop_assert_eq!(pattern(&one.to_string()), one);
        }

        /// The names of `paths` have one that no pattern names, so that it stands for all the others.
        #[test]
        fn covering_is_matching_all_that_the_other_matches(one in patterns(), other in patterns()) {
            let all = paths().iter().all(|path| one.matches(path) || !other.matches(path));
            prop_assert_eq!(one.covers(&other), all);
            let some = paths().iter().any(|path| one.matches(path) && other.matches(path));
            prop_assert_eq!(one.overlaps(&other), some);
            prop_assert_eq!(other.overlaps(&one), some);
            for path in paths() {
                prop_assert_eq!(one.matches(&path), one.covers(&Pattern::of_environment(&path)));
                prop_assert_eq!(one.matches_project(&path.project), one.covers(&Pattern::of_project(&path.project)));
                prop_assert_eq!(one.may_match_in(&path.project), one.overlaps(&Pattern::of_project(&path.project)));
            }
        }

        #[test]
        fn covering_is_an_order(one in patterns(), two in patterns(), three in patterns()) {
            prop_assert!(one.covers(&one) && Pattern::ALL.covers(&one));
            prop_assert!(!(one.covers(&two) && two.covers(&three)) || one.covers(&three));
            prop_assert!(!(one.covers(&two) && two.covers(&one)) || one == two);
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in ".{0,20}") {
            if let Ok(parsed) = text.parse::<Pattern>() {
                prop_assert_eq!(parsed.to_string(), text);
            }
        }
    }
}
