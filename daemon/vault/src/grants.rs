//! Grants: which environments may hold references to which paths of a vault. The operator writes them, so that those who may
//! write references do not reach everything that the daemon's own credential can.

use kontraktor_model::{
    access::{AccessError, Pattern},
    names::EnvPath,
    reference::Reference,
};
use serde::Deserialize;

/// The length of a path in a grant, in bytes.
const MAX_PATH_BYTES: usize = 512;

/// One grant as the configuration writes it: `{ env = "infra-demo/*", path = "secret/app/*" }`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GrantTable {
    pub(crate) env: String,
    pub(crate) path: String,
}

/// What a vault grants to environments. Nothing: it serves only those whom grants do not limit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants(Vec<Grant>);

/// A path, and who may have it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Grant {
    env: Pattern,
    path: String,
}

impl Grants {
    /// Parses grants, each an environment's pattern and a path.
    ///
    /// # Errors
    /// Which grant is wrong, and why.
    pub fn parse<'a>(grants: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, String> {
        let grants = grants.into_iter().zip(1..).map(|((env, path), number)| {
            let invalid = |reason: String| format!("invalid value for `allow` number {number}: {reason}");
            let env =
                env.parse().map_err(|error: AccessError| invalid(format!("{error}; {}", error.remedy())))?;
            check_path(path).map_err(invalid)?;
            Ok(Grant { env, path: path.to_owned() })
        });
        grants.collect::<Result<_, String>>().map(Self)
    }

    /// Returns whether nothing is granted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether an environment may hold a reference; without one, whether any may.
    pub fn allow(&self, environment: Option<&EnvPath>, reference: &Reference) -> bool {
        let text = reference.to_string();
        let path = path_of(&text);
        self.0.iter().any(|grant| {
            environment.is_none_or(|environment| grant.env.matches(environment)) && matches(&grant.path, path)
        })
    }

    /// Returns for which environments there are grants.
    pub fn environments(&self) -> Vec<Pattern> {
        self.0.iter().map(|grant| grant.env.clone()).collect()
    }
}

/// Returns the path of a reference, after the vault's name, in its one spelling: what separates its parts is not in them.
fn path_of(reference: &str) -> &str {
    let after_scheme = reference.split_once("://").map_or(reference, |(_, rest)| rest);
    let path = after_scheme.split_once('/').map_or("", |(_, path)| path);
    path.split(['?', '#']).next().unwrap_or_default()
}

fn check_path(path: &str) -> Result<(), String> {
    if path.is_empty() {
        return Err("the path is empty; use `*` for every path".to_owned());
    }
    if path.len() > MAX_PATH_BYTES {
        return Err(format!("the path is {} bytes long; the limit is {MAX_PATH_BYTES}", path.len()));
    }
    if path.starts_with('/') || path.contains("//") || path.contains("://") {
        return Err(
            "expected the path of references after the vault's name, as in \"secret/app/*\"".to_owned()
        );
    }
    if path.contains(['?', '#']) || path.contains(|c: char| c.is_control() || c.is_whitespace()) {
        return Err(
            "a path has no version, no field and no blanks; write it as references do, percent-encoded"
                .to_owned(),
        );
    }
    Ok(())
}

/// Matches a path with a pattern: `*` is any part of one segment; `**`, and `*` at the end, is anything. Takes time in
/// proportion to the product of both lengths: the path is a client's.
fn matches(pattern: &str, path: &str) -> bool {
    let path = path.as_bytes();
    // Whether what was read of the pattern matches the first bytes of the path, for each number of bytes.
    let mut reached = vec![false; path.len() + 1];
    reached[0] = true;
    let mut rest = pattern.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'*' {
            for length in (0..path.len()).rev() {
                reached[length + 1] = reached[length] && path[length] == first;
            }
            reached[0] = false;
            continue;
        }
        let stars = rest.iter().take_while(|byte| **byte == b'*').count();
        rest = &rest[stars..];
        let crosses_segments = stars > 0 || rest.is_empty();
        for length in 0..path.len() {
            if reached[length] && (crosses_segments || path[length] != b'/') {
                reached[length + 1] = true;
            }
        }
    }
    reached[path.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(grants: &[(&str, &str)]) -> Result<Grants, String> {
        Grants::parse(grants.iter().copied())
    }

    #[test]
    fn a_star_stays_in_its_segment_unless_it_ends_the_pattern() {
        for (pattern, matching, other) in [
            ("*", &["secret/app/db", "x"][..], &[][..]),
            (
                "secret/app/*",
                &["secret/app/db", "secret/app/a/b"],
                &["secret/app", "secret/apps/db", "secret"],
            ),
            ("secret/*/db", &["secret/app/db"], &["secret/app/x/db", "secret/db", "secret/app/db/x"]),
            ("secret/**/db", &["secret/app/db", "secret/a/b/db"], &["secret/db2", "other/a/db"]),
            ("secret/app-*", &["secret/app-1", "secret/app-1/x"], &["secret/app", "secret/ap-1"]),
            ("secret/app", &["secret/app"], &["secret/app/", "secret/app2", "secret/ap"]),
            ("*/app", &["secret/app"], &["a/secret/app"]),
            ("a*b*c", &["abc", "axbxc"], &["ab/c", "a/bc", "abcd"]),
        ] {
            for path in matching {
                assert!(matches(pattern, path), "{pattern} {path}");
            }
            for path in other {
                assert!(!matches(pattern, path), "{pattern} {path}");
            }
        }
        let long = "a/".repeat(2_000);
        assert!(!matches("**a**a**a**a**a**b", &long));
    }

    #[test]
    fn grants_are_for_environments_and_paths() {
        let grants =
            grants(&[("infra-demo/*", "secret/app/*"), ("*/prod", "database/creds/ro"), ("a/b", "m%2Fn/x")])
                .unwrap();
        let allow = |env: &str, reference: &str| {
            grants.allow(Some(&env.parse().unwrap()), &reference.parse().unwrap())
        };
        assert!(allow("infra-demo/dev", "vault://kv/secret/app/db?version=3#password"));
        assert!(allow("other/prod", "vault://kv/database/creds/ro#f"));
        assert!(!allow("other/dev", "vault://kv/secret/app/db#f"));
        assert!(!allow("infra-demo/dev", "vault://kv/secret/root#app"));
        assert!(
            allow("a/b", "vault://kv/m%2Fn/x#f") && !allow("a/b", "vault://kv/m/n/x#f"),
            "a slash in a mount is no separator"
        );
        let any = |reference: &str| grants.allow(None, &reference.parse().unwrap());
        assert!(any("vault://kv/database/creds/ro#f") && !any("vault://kv/database/creds/rw#f"));
        assert!(!Grants::default().allow(None, &"vault://kv/secret/app#f".parse().unwrap()));
    }

    #[test]
    fn what_is_no_grant_is_refused_by_number() {
        let errors: Vec<_> =
            [("dev", "*"), ("*", ""), ("*", "/secret"), ("*", "vault://kv/secret"), ("*", "a#b")]
                .map(|grant| grants(&[("*", "*"), grant]).unwrap_err())
                .to_vec();
        insta::assert_snapshot!(errors.join("\n"), @r#"
        invalid value for `allow` number 2: invalid pattern "dev": expected one slash, as in infra-demo/* and infra-demo/dev; use `*`, `PROJECT/*`, `*/ENV` or `PROJECT/ENV`
        invalid value for `allow` number 2: the path is empty; use `*` for every path
        invalid value for `allow` number 2: expected the path of references after the vault's name, as in "secret/app/*"
        invalid value for `allow` number 2: expected the path of references after the vault's name, as in "secret/app/*"
        invalid value for `allow` number 2: a path has no version, no field and no blanks; write it as references do, percent-encoded
        "#);
    }
}
