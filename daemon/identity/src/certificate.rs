//! Rules for client certificates: which names in a verified certificate make which actor, groups and scopes.

use std::sync::Arc;

use kontraktor_access::Scopes;
use serde::Deserialize;

use super::settings::{MAX_SUBJECT_BYTES, is_identifier, matches, scopes};

/// What actors and groups of certificates begin with.
const PREFIX: &str = "cert:";

/// One `[[client-certificate]]` table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateTable {
    common_name: Option<String>,
    dns: Option<String>,
    uri: Option<String>,
    email: Option<String>,
    organizational_unit: Option<String>,
    actor: Option<String>,
    groups: Option<Vec<String>>,
    scopes: Option<Vec<String>>,
}

/// The names in a certificate that was verified.
#[derive(Debug, Clone, Copy, Default)]
pub struct CertificateNames<'a> {
    /// The common name of the subject.
    pub common_name: Option<&'a str>,
    /// The organizational units of the subject.
    pub organizational_units: &'a [String],
    /// The alternative names of the subject.
    pub dns_names: &'a [String],
    /// As before.
    pub uris: &'a [String],
    /// As before.
    pub emails: &'a [String],
}

/// Who a certificate speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateIdentity {
    /// `cert:NAME`.
    pub actor: Arc<str>,
    /// `cert:GROUP` for each group.
    pub groups: Arc<[Arc<str>]>,
    /// What its owner may do.
    pub scopes: Scopes,
}

/// The rules, in order: the first one that matches decides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CertificateRules(Vec<Rule>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    /// All of them must match. The first one names the actor where the rule does not.
    criteria: Vec<(Criterion, String)>,
    actor: Option<Arc<str>>,
    groups: Arc<[Arc<str>]>,
    scopes: Scopes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Criterion {
    CommonName,
    Dns,
    Uri,
    Email,
    OrganizationalUnit,
}

impl CertificateRules {
    /// Checks the rules.
    ///
    /// # Errors
    /// The rule by its number, and the setting.
    pub fn build(tables: &[CertificateTable]) -> Result<Self, String> {
        let rules = (1..).zip(tables).map(|(number, table)| {
            table.build().map_err(|problem| format!("[[client-certificate]] number {number}: {problem}"))
        });
        rules.collect::<Result<_, _>>().map(Self)
    }

    /// Returns how many rules there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there is no rule: then no certificate makes an actor.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns who a certificate speaks for, by the first rule that matches it.
    pub fn identify(&self, names: CertificateNames<'_>) -> Option<CertificateIdentity> {
        self.0.iter().find_map(|rule| rule.identify(names))
    }
}

impl Rule {
    fn identify(&self, names: CertificateNames<'_>) -> Option<CertificateIdentity> {
        let mut matched = self.criteria.iter().map(|(criterion, pattern)| criterion.find(pattern, names));
        let first = matched.next()??;
        if !matched.all(|found| found.is_some()) {
            return None;
        }
        let actor = self.actor.clone().unwrap_or_else(|| format!("{PREFIX}{first}").into());
        Some(CertificateIdentity { actor, groups: Arc::clone(&self.groups), scopes: self.scopes })
    }
}

impl Criterion {
    /// Returns the first name that the pattern matches.
    fn find<'a>(self, pattern: &str, names: CertificateNames<'a>) -> Option<&'a str> {
        let one = names.common_name.as_slice();
        let several = |names: &'a [String], separator| {
            names.iter().map(String::as_str).find(|name| is_usable(name) && matches(pattern, name, separator))
        };
        match self {
            Self::CommonName => {
                one.iter().copied().find(|name| is_usable(name) && matches(pattern, name, None))
            }
            Self::Dns => several(names.dns_names, Some('.')),
            Self::Uri => several(names.uris, Some('/')),
            Self::Email => several(names.emails, Some('@')),
            Self::OrganizationalUnit => several(names.organizational_units, None),
        }
    }
}

/// A name with a control character could look like another one in the log.
fn is_usable(name: &str) -> bool {
    is_identifier(name, MAX_SUBJECT_BYTES - PREFIX.len())
}

impl CertificateTable {
    fn build(&self) -> Result<Rule, String> {
        let all = [
            (Criterion::CommonName, "common_name", &self.common_name),
            (Criterion::Dns, "dns", &self.dns),
            (Criterion::Uri, "uri", &self.uri),
            (Criterion::Email, "email", &self.email),
            (Criterion::OrganizationalUnit, "organizational_unit", &self.organizational_unit),
        ];
        let mut criteria = Vec::new();
        for (criterion, setting, pattern) in all {
            match pattern {
                Some(pattern) if pattern.is_empty() => {
                    return Err(format!("invalid value for `{setting}`: it is empty"));
                }
                Some(pattern) => criteria.push((criterion, pattern.clone())),
                None => {}
            }
        }
        if criteria.is_empty() {
            return Err(
                "missing setting `common_name`, `dns`, `uri`, `email` or `organizational_unit`; at least one is required"
                    .to_owned(),
            );
        }
        let prefixed = |setting: &str, name: &str| {
            if is_usable(name) {
                return Ok(Arc::from(format!("{PREFIX}{name}")));
            }
            Err(format!("invalid value for `{setting}`: expected 1 to 507 bytes without control characters"))
        };
        let groups = self.groups.iter().flatten().map(|group| prefixed("groups", group));
        Ok(Rule {
            criteria,
            actor: self.actor.as_deref().map(|name| prefixed("actor", name)).transpose()?,
            groups: groups.collect::<Result<_, _>>()?,
            scopes: scopes(self.scopes.as_deref())?,
        })
    }
}

#[cfg(test)]
mod tests {
    use kontraktor_access::Scope;
    use serde_json::{Value, json};

    use super::*;
    use crate::settings::USUAL_SCOPES;

    fn rules(tables: Value) -> Result<CertificateRules, String> {
        CertificateRules::build(&serde_json::from_value::<Vec<_>>(tables).unwrap())
    }

    fn actor(rules: &CertificateRules, names: CertificateNames<'_>) -> Option<String> {
        rules.identify(names).map(|identity| identity.actor.to_string())
    }

    #[test]
    fn the_first_rule_that_matches_decides() {
        let rules = rules(json!([
            { "dns": "*.ci.example.com", "organizational_unit": "build", "actor": "ci", "groups": ["builders"],
              "scopes": ["env.read"] },
            { "uri": "spiffe://example.com/team/*" },
            { "common_name": "team *" },
        ]))
        .unwrap();
        let dns = ["runner.ci.example.com".to_owned()];
        let units = ["build".to_owned()];
        let found = rules
            .identify(CertificateNames {
                dns_names: &dns,
                organizational_units: &units,
                ..Default::default()
            })
            .unwrap();
        assert_eq!((&*found.actor, &*found.groups[0]), ("cert:ci", "cert:builders"));
        assert_eq!(found.scopes, Scopes::of(&[Scope::EnvRead]));

        // Both criteria of the first rule are required.
        let names = CertificateNames { dns_names: &dns, common_name: Some("team a"), ..Default::default() };
        assert_eq!(rules.identify(names).unwrap().scopes, USUAL_SCOPES);
        assert_eq!(actor(&rules, names).as_deref(), Some("cert:team a"));

        let uris = ["https://x".to_owned(), "spiffe://example.com/team/a".to_owned()];
        let names = CertificateNames { uris: &uris, ..Default::default() };
        assert_eq!(actor(&rules, names).as_deref(), Some("cert:spiffe://example.com/team/a"));
        let uris = ["spiffe://example.com/team/a/b".to_owned()];
        assert_eq!(actor(&rules, CertificateNames { uris: &uris, ..Default::default() }), None);
        assert_eq!(actor(&rules, CertificateNames::default()), None);
    }

    #[test]
    fn a_name_that_could_look_like_another_one_makes_no_actor() {
        let rules = rules(json!([{ "common_name": "**" }])).unwrap();
        for name in ["", "ada\nactor=root", "ada\u{0}", &"a".repeat(508)] {
            let names = CertificateNames { common_name: Some(name), ..Default::default() };
            assert_eq!(actor(&rules, names), None, "{name:?}");
        }
    }

    #[test]
    fn errors_name_the_rule_and_the_setting() {
        let refused = |table: Value| rules(json!([{ "dns": "a" }, table])).unwrap_err();
        insta::assert_snapshot!(refused(json!({ "actor": "a" })), @"[[client-certificate]] number 2: missing setting `common_name`, `dns`, `uri`, `email` or `organizational_unit`; at least one is required");
        insta::assert_snapshot!(refused(json!({ "email": "" })), @"[[client-certificate]] number 2: invalid value for `email`: it is empty");
        insta::assert_snapshot!(refused(json!({ "dns": "a", "actor": "" })), @"[[client-certificate]] number 2: invalid value for `actor`: expected 1 to 507 bytes without control characters");
        insta::assert_snapshot!(refused(json!({ "dns": "a", "scopes": ["all"] })), @"[[client-certificate]] number 2: invalid value for `scopes`: expected some of env.read, env.write, secret.read, admin");
    }
}
