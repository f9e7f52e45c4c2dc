//! The operator's settings of an issuer in `kontraktord.toml`.

use std::path::PathBuf;

use kontraktor_hardening::file::{Rule, read};
use reqwest::{Certificate, Url};
use serde::Deserialize;
use strum::VariantArray as _;

use super::IssuerSettings;
use crate::{
    algorithm::SignatureAlgorithm,
    settings::{Texts, scopes},
};

/// Prefixes of actors and groups that are not those of issuers.
const RESERVED_NAMES: [&str; 5] = ["unix", "service-account", "group", "cert", "source"];

/// The longest name of an issuer, in bytes.
const MAX_NAME_BYTES: usize = 128;

/// One `[[issuer]]` table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerTable {
    url: Option<String>,
    name: Option<String>,
    audience: Option<Texts>,
    actor_claim: Option<String>,
    groups_claim: Option<String>,
    name_claim: Option<String>,
    algorithms: Option<Vec<String>>,
    scopes: Option<Vec<String>>,
    token_type: Option<String>,
    jwks_url: Option<String>,
    ca_file: Option<PathBuf>,
}

/// Checks the settings of all issuers. Connects to none of them.
///
/// # Errors
/// The issuer and the setting that are wrong, never a value that may be a credential.
pub fn build(tables: &[IssuerTable]) -> Result<Vec<IssuerSettings>, String> {
    let mut issuers: Vec<IssuerSettings> = Vec::with_capacity(tables.len());
    for (number, table) in (1..).zip(tables) {
        let named = |problem: String| match &table.name {
            Some(name) if is_name(name) => format!("issuer \"{name}\": {problem}"),
            _ => format!("[[issuer]] number {number}: {problem}"),
        };
        let issuer = table.build().map_err(named)?;
        if issuers.iter().any(|other| other.name == issuer.name) {
            return Err(named(format!("duplicate name {}; set `name` to another one", issuer.name)));
        }
        if issuers.iter().any(|other| other.url == issuer.url) {
            return Err(named(
                "another issuer has the same `url`; list all audiences in one of them".to_owned(),
            ));
        }
        issuers.push(issuer);
    }
    Ok(issuers)
}

impl IssuerTable {
    fn build(&self) -> Result<IssuerSettings, String> {
        let text =
            self.url.as_deref().ok_or("missing setting `url`; it is the `iss` of the issuer's tokens")?;
        let url = checked_url("url", text)?;
        let name = match &self.name {
            Some(name) => name.clone(),
            None => url.host_str().unwrap_or_default().to_owned(),
        };
        if !is_name(&name) {
            return Err(format!(
                "invalid value for `name`: expected 1 to {MAX_NAME_BYTES} characters of A-Z, a-z, 0-9, \".\", \"_\" and \"-\""
            ));
        }
        if RESERVED_NAMES.contains(&name.as_str()) {
            return Err(format!(
                "invalid value for `name`: {} are reserved for other callers",
                RESERVED_NAMES.join(", ")
            ));
        }
        let audience = self.audience.clone().unwrap_or_default().0;
        if audience.is_empty() || audience.iter().any(String::is_empty) {
            return Err(
                "missing setting `audience`; it is the `aud` of tokens that are meant for this daemon"
                    .to_owned(),
            );
        }
        let claim = |setting: &str, name: &Option<String>| match name {
            Some(name) if name.is_empty() => Err(format!("invalid value for `{setting}`: it is empty")),
            other => Ok(other.clone()),
        };
        if let Some(jwks_url) = &self.jwks_url {
            checked_url("jwks_url", jwks_url)?;
        }
        Ok(IssuerSettings {
            name,
            url: text.to_owned(),
            audience,
            actor_claim: claim("actor_claim", &self.actor_claim)?.unwrap_or_else(|| "sub".to_owned()),
            groups_claim: claim("groups_claim", &self.groups_claim)?,
            name_claim: claim("name_claim", &self.name_claim)?,
            algorithms: self.algorithms()?,
            scopes: scopes(self.scopes.as_deref())?,
            token_type: self.token_type.as_deref().map(|name| {
                let name = name.to_ascii_lowercase();
                name.strip_prefix("application/").map_or(name.clone(), str::to_owned)
            }),
            jwks_url: self.jwks_url.clone(),
            authorities: self.authorities()?,
        })
    }

    fn algorithms(&self) -> Result<Vec<SignatureAlgorithm>, String> {
        let Some(names) = &self.algorithms else { return Ok(SignatureAlgorithm::VARIANTS.to_vec()) };
        let algorithms: Result<Vec<_>, _> = names.iter().map(|name| name.parse()).collect();
        algorithms.ok().filter(|algorithms| !algorithms.is_empty()).ok_or_else(|| {
            let known: Vec<&str> = SignatureAlgorithm::VARIANTS.iter().map(Into::into).collect();
            format!("invalid value for `algorithms`: expected some of {}", known.join(", "))
        })
    }

    fn authorities(&self) -> Result<Option<Vec<u8>>, String> {
        let Some(path) = &self.ca_file else { return Ok(None) };
        let pem = read(path, Rule::Trusted)
            .map_err(|error| format!("cannot read `ca_file` {}: {error}", path.display()))?;
        let is_valid = Certificate::from_pem_bundle(&pem).is_ok_and(|all| !all.is_empty());
        if !is_valid {
            return Err(format!("`ca_file` {} has no certificate in PEM", path.display()));
        }
        Ok(Some(pem))
    }
}

fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(allowed)
}

/// Checks the address of something of an issuer. It is never repeated: it may contain a password.
fn checked_url(setting: &str, text: &str) -> Result<Url, String> {
    let invalid = |problem: &str| format!("invalid value for `{setting}`: {problem}");
    let url = Url::parse(text).map_err(|_| invalid("expected a URL such as https://login.example.com"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("it contains a user or a password; remove it"));
    }
    if text.contains(['?', '#']) {
        return Err(invalid("it contains \"?\" or \"#\"; remove that and what follows"));
    }
    if !super::http::may_fetch(&url) {
        return Err(invalid("it must begin with https:// (http:// only on this machine)"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(url: &str) -> IssuerTable {
        IssuerTable {
            url: Some(url.to_owned()),
            name: None,
            audience: Some(Texts(vec!["kontraktor".to_owned()])),
            actor_claim: None,
            groups_claim: None,
            name_claim: None,
            algorithms: None,
            scopes: None,
            token_type: None,
            jwks_url: None,
            ca_file: None,
        }
    }

    fn refused(table: IssuerTable) -> String {
        build(&[table]).unwrap_err()
    }

    #[test]
    fn an_issuer_is_named_after_its_host() {
        let issuers = build(&[table("https://login.example.com/tenant/")]).unwrap();
        assert_eq!(
            (issuers[0].name.as_str(), issuers[0].url.as_str()),
            ("login.example.com", "https://login.example.com/tenant/")
        );
        assert_eq!(issuers[0].actor_claim, "sub");
        let local = build(&[table("http://127.0.0.1:4000")]).unwrap();
        assert_eq!(local[0].name, "127.0.0.1");
    }

    #[test]
    fn errors_name_the_setting_and_never_the_value() {
        let usual = || table("https://a.example.com");
        let messages = [
            refused(IssuerTable { url: None, ..usual() }),
            refused(table("hunter2")),
            refused(table("http://hunter2.example.com")),
            refused(table("https://user:hunter2@a.example.com")),
            refused(table("https://a.example.com?hunter2")),
            refused(IssuerTable { jwks_url: Some("ftp://hunter2".to_owned()), ..usual() }),
            refused(IssuerTable { audience: None, ..usual() }),
            refused(IssuerTable { audience: Some(Texts(vec![String::new()])), ..usual() }),
            refused(IssuerTable { name: Some("a:hunter2".to_owned()), ..usual() }),
            refused(IssuerTable { name: Some("cert".to_owned()), ..usual() }),
            refused(IssuerTable { algorithms: Some(vec!["HS256".to_owned()]), ..usual() }),
            refused(IssuerTable { algorithms: Some(Vec::new()), ..usual() }),
            refused(IssuerTable { scopes: Some(vec!["hunter2".to_owned()]), ..usual() }),
            refused(IssuerTable { actor_claim: Some(String::new()), ..usual() }),
            refused(IssuerTable { ca_file: Some("/does/not/exist".into()), ..usual() }),
            build(&[usual(), usual()]).unwrap_err(),
            build(&[usual(), IssuerTable { name: Some("b".to_owned()), ..usual() }]).unwrap_err(),
        ]
        .join("\n");
        assert!(!messages.contains("hunter2"), "{messages}");
        insta::assert_snapshot!(messages, @r##"
        [[issuer]] number 1: missing setting `url`; it is the `iss` of the issuer's tokens
        [[issuer]] number 1: invalid value for `url`: expected a URL such as https://login.example.com
        [[issuer]] number 1: invalid value for `url`: it must begin with https:// (http:// only on this machine)
        [[issuer]] number 1: invalid value for `url`: it contains a user or a password; remove it
        [[issuer]] number 1: invalid value for `url`: it contains "?" or "#"; remove that and what follows
        [[issuer]] number 1: invalid value for `jwks_url`: it must begin with https:// (http:// only on this machine)
        [[issuer]] number 1: missing setting `audience`; it is the `aud` of tokens that are meant for this daemon
        [[issuer]] number 1: missing setting `audience`; it is the `aud` of tokens that are meant for this daemon
        [[issuer]] number 1: invalid value for `name`: expected 1 to 128 characters of A-Z, a-z, 0-9, ".", "_" and "-"
        issuer "cert": invalid value for `name`: unix, service-account, group, cert, source are reserved for other callers
        [[issuer]] number 1: invalid value for `algorithms`: expected some of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA
        [[issuer]] number 1: invalid value for `algorithms`: expected some of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA
        [[issuer]] number 1: invalid value for `scopes`: expected some of env.read, env.write, secret.read, admin
        [[issuer]] number 1: invalid value for `actor_claim`: it is empty
        [[issuer]] number 1: cannot read `ca_file` /does/not/exist: No such file or directory (os error 2)
        [[issuer]] number 2: duplicate name a.example.com; set `name` to another one
        issuer "b": another issuer has the same `url`; list all audiences in one of them
        "##);
    }
}
