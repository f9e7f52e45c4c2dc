//! The operator's settings of a vault in `kontraktord.toml`, made into a vault. Credentials are never among them: settings
//! name files, environment variables or the platform's identity, and a value in their place is refused unread.

use std::{collections::BTreeSet, fmt, time::Duration};

use kontraktor_model::names::{NameError, VaultName};
use serde::{
    Deserialize,
    de::{self, Unexpected, Visitor},
};

use super::{
    broker::{ConfiguredVault, Limits},
    grants::{GrantTable, Grants},
    kind::{KindSettings, VaultKind},
    kinds::KINDS,
};

/// One `[[vault]]` table, of which only the settings of all kinds are checked. Equal tables make equal vaults.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct VaultTable {
    name: Option<String>,
    kind: Option<String>,
    timeout: Option<Period>,
    concurrency: Option<usize>,
    breaker_failures: Option<u32>,
    breaker_open: Option<Period>,
    cache: Option<CacheTable>,
    #[serde(default)]
    allow: Vec<GrantTable>,
    #[serde(flatten)]
    of_kind: KindSettings,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct CacheTable {
    ttl: Option<Period>,
    stale_while_error: Option<Period>,
    negative_ttl: Option<Period>,
    max_entries: Option<usize>,
    max_bytes: Option<usize>,
}

/// A duration as in `5m` or `1h 30s`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Period(Duration);

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(PeriodText)
    }
}

struct PeriodText;

impl Visitor<'_> for PeriodText {
    type Value = Period;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as \"5s\", \"10m\" or \"1h 30m\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Period, E> {
        humantime::parse_duration(text)
            .map(Period)
            .map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
    }
}

/// Builds the vaults of all tables. Connects to none of them: a vault that is down degrades its own secrets alone.
///
/// # Errors
/// The vault and the setting that are wrong, never a value that may be a credential.
pub fn build(tables: &[VaultTable]) -> Result<Vec<ConfiguredVault>, String> {
    build_with(tables, KINDS)
}

/// Builds the vaults of all tables, of these kinds. As [`build`].
///
/// # Errors
/// As for [`build`].
pub fn build_with(tables: &[VaultTable], kinds: &[&VaultKind]) -> Result<Vec<ConfiguredVault>, String> {
    let mut vaults: Vec<ConfiguredVault> = Vec::with_capacity(tables.len());
    for (number, table) in (1..).zip(tables) {
        let vault = table.build(kinds).map_err(|problem| match &table.name {
            Some(name) => format!("vault \"{name}\": {problem}"),
            None => format!("[[vault]] number {number}: {problem}"),
        })?;
        if vaults.iter().any(|other| other.name == vault.name) {
            return Err(format!("vault \"{}\": duplicate name; give each vault its own name", vault.name));
        }
        vaults.push(vault);
    }
    Ok(vaults)
}

/// Returns the names of the vaults whose tables are the same in both configurations.
pub fn unchanged(before: &[VaultTable], after: &[VaultTable]) -> BTreeSet<VaultName> {
    let same = after.iter().filter(|table| before.contains(table));
    same.filter_map(|table| table.name.as_deref()?.parse().ok()).collect()
}

impl VaultTable {
    fn build(&self, kinds: &[&VaultKind]) -> Result<ConfiguredVault, String> {
        let name: VaultName = self
            .name
            .as_deref()
            .ok_or("missing setting `name`; references contain it, as in vault://NAME/…")?
            .parse()
            .map_err(|error: NameError| error.to_string())?;
        let expected = || {
            let names: Vec<_> = kinds.iter().map(|kind| kind.scheme.name).collect();
            format!("expected one of {}", names.join(", "))
        };
        let kind = self.kind.as_deref().ok_or_else(|| format!("missing setting `kind`; {}", expected()))?;
        let limits = self.limits()?;
        let grants = Grants::parse(self.allow.iter().map(|grant| (&*grant.env, &*grant.path)))?;
        self.of_kind.refuse_credentials()?;
        // An unknown kind is not repeated: a credential may have been put in its place.
        let kind = kinds
            .iter()
            .find(|known| known.scheme.name == kind)
            .ok_or_else(|| format!("unknown kind; {}", expected()))?;
        // Before the vault reads the file: a change in between is found by the next reload.
        let ca_digest = self.of_kind.ca_digest();
        let vault = (kind.build)(&name, &self.of_kind)?;
        let address = self.of_kind.address().map(str::to_owned);
        Ok(ConfiguredVault { name, kind: kind.scheme.name, address, limits, grants, ca_digest, vault })
    }

    fn limits(&self) -> Result<Limits, String> {
        let default = Limits::default();
        let cache = self.cache.clone().unwrap_or_default();
        let period = |setting: Option<Period>, default| setting.map_or(default, |period| period.0);
        let limits = Limits {
            ttl: period(cache.ttl, default.ttl),
            stale_while_error: period(cache.stale_while_error, default.stale_while_error),
            negative_ttl: period(cache.negative_ttl, default.negative_ttl),
            max_entries: cache.max_entries.unwrap_or(default.max_entries),
            max_bytes: cache.max_bytes.unwrap_or(default.max_bytes),
            timeout: period(self.timeout, default.timeout),
            concurrency: self.concurrency.unwrap_or(default.concurrency),
            breaker_failures: self.breaker_failures.unwrap_or(default.breaker_failures),
            breaker_open: period(self.breaker_open, default.breaker_open),
        };
        let day = Duration::from_hours(24);
        let within = |setting: &str, value: Duration, least: Duration, most: Duration| {
            if (least..=most).contains(&value) {
                return Ok(());
            }
            let (least, most) = (humantime::format_duration(least), humantime::format_duration(most));
            Err(format!(
                "invalid value for `{setting}`: expected {least} to {most}, found {}",
                humantime::format_duration(value)
            ))
        };
        within("cache.ttl", limits.ttl, Duration::ZERO, day)?;
        within("cache.stale_while_error", limits.stale_while_error, Duration::ZERO, day * 7)?;
        within("cache.negative_ttl", limits.negative_ttl, Duration::ZERO, day)?;
        within("timeout", limits.timeout, Duration::from_millis(100), Duration::from_mins(5))?;
        within("breaker_open", limits.breaker_open, Duration::from_millis(100), Duration::from_hours(1))?;
        let counted = |setting: &str, value: usize, most: usize| {
            if (1..=most).contains(&value) {
                return Ok(());
            }
            Err(format!("invalid value for `{setting}`: expected 1 to {most}, found {value}"))
        };
        counted("concurrency", limits.concurrency, 256)?;
        counted("breaker_failures", limits.breaker_failures as usize, 1000)?;
        counted("cache.max_entries", limits.max_entries, 1_000_000)?;
        counted("cache.max_bytes", limits.max_bytes, 16 * 1024 * 1024 * 1024)?;
        Ok(limits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toml_settings::read_config;

    #[derive(Deserialize)]
    struct File {
        #[serde(default)]
        vault: Vec<VaultTable>,
    }

    fn built(text: &str) -> Result<Vec<ConfiguredVault>, String> {
        let file: File = read_config(text).map_err(|error| error.to_string())?;
        build(&file.vault)
    }

    fn refused(text: &str) -> String {
        built(text).err().unwrap_or_else(|| panic!("accepted: {text}"))
    }

    fn aws(more: &str) -> String {
        format!("[[vault]]\nname = \"prod\"\nkind = \"aws-sm\"\nregion = \"eu-central-1\"\n{more}\n")
    }

    #[test]
    fn limits_have_defaults_and_can_be_set() {
        let granted = built(&aws("allow = [{ env = \"a/*\", path = \"app/*\" }]")).unwrap();
        assert_eq!(granted[0].grants.environments(), ["a/*".parse().unwrap()]);
        let vaults = built(&aws("")).unwrap();
        assert!(vaults[0].grants.is_empty());
        assert_eq!(
            (vaults[0].name.as_str(), vaults[0].kind, vaults[0].address.as_deref()),
            ("prod", "aws-sm", None)
        );
        assert_eq!(vaults[0].limits, Limits::default());
        let vaults = built(&aws(
            "address = \"https://sm.example.com\"\ntimeout = \"2s\"\nconcurrency = 4\nbreaker_failures = 2\n\
             breaker_open = \"1m\"\ncache = { ttl = \"0s\", stale_while_error = \"1d\", negative_ttl = \"1s\", \
             max_entries = 7, max_bytes = 8 }",
        ))
        .unwrap();
        let expected = Limits {
            ttl: Duration::ZERO,
            stale_while_error: Duration::from_hours(24),
            negative_ttl: Duration::from_secs(1),
            max_entries: 7,
            max_bytes: 8,
            timeout: Duration::from_secs(2),
            concurrency: 4,
            breaker_failures: 2,
            breaker_open: Duration::from_mins(1),
        };
        assert_eq!(
            (&vaults[0].limits, vaults[0].address.as_deref()),
            (&expected, Some("https://sm.example.com"))
        );
        assert!(built("").unwrap().is_empty());
    }

    #[test]
    fn errors_name_the_vault_and_the_setting() {
        insta::assert_snapshot!(refused("[[vault]]\nkind = \"aws-sm\"\n"), @"[[vault]] number 1: missing setting `name`; references contain it, as in vault://NAME/…");
        insta::assert_snapshot!(refused("[[vault]]\nname = \"Prod\"\nkind = \"aws-sm\"\n"), @r#"vault "Prod": vault has 'P' at character 1; use 1 to 63 characters of a-z, 0-9 and "-", with a letter or a digit at the beginning and at the end"#);
        insta::assert_snapshot!(refused("[[vault]]\nname = \"prod\"\n"), @r#"vault "prod": missing setting `kind`; expected one of vault, aws-sm, azure-kv"#);
        insta::assert_snapshot!(refused("[[vault]]\nname = \"prod\"\nkind = \"consul\"\n"), @r#"vault "prod": unknown kind; expected one of vault, aws-sm, azure-kv"#);
        insta::assert_snapshot!(refused(&aws("regoin = \"x\"")), @r#"vault "prod": unknown setting `regoin`; expected one of address, allow_plain_http, region, auth, assume_role, ca_file"#);
        insta::assert_snapshot!(refused(&aws("auth = { method = \"magic\" }")), @r#"vault "prod": invalid value for `auth.method`: expected `chain` or `profile`"#);
        insta::assert_snapshot!(refused(&aws("cache = { ttl = \"2d\" }")), @r#"vault "prod": invalid value for `cache.ttl`: expected 0s to 1day, found 2days"#);
        insta::assert_snapshot!(refused(&aws("concurrency = 0")), @r#"vault "prod": invalid value for `concurrency`: expected 1 to 256, found 0"#);
        insta::assert_snapshot!(refused(&aws("timeout = \"10ms\"")), @r#"vault "prod": invalid value for `timeout`: expected 100ms to 5m, found 10ms"#);
        insta::assert_snapshot!(refused(&format!("{}{}", aws(""), aws(""))), @r#"vault "prod": duplicate name; give each vault its own name"#);
        insta::assert_snapshot!(refused(&aws("allow = [{ env = \"dev\", path = \"*\" }]")), @r#"vault "prod": invalid value for `allow` number 1: invalid pattern "dev": expected one slash, as in infra-demo/* and infra-demo/dev; use `*`, `PROJECT/*`, `*/ENV` or `PROJECT/ENV`"#);
        assert!(refused(&aws("allow = [{ env = \"*\" }]")).contains("path"));
        assert!(refused(&aws("timeout = \"soon\"")).contains("a duration such as"));
    }

    #[test]
    fn a_table_that_says_the_same_is_unchanged_wherever_it_is() {
        let tables = |text: &str| {
            let file: File = read_config(text).unwrap();
            file.vault
        };
        let named = |name: &str, more: &str| aws(more).replace("prod", name);
        let before = tables(&(named("a", "") + &named("b", "timeout = \"1s\"") + &named("gone", "")));
        let after = tables(
            &(named("b", "timeout = \"1000ms\"")
                + &named("new", "")
                + &named("a", "address = \"https://x\"")),
        );
        let unchanged: Vec<_> = unchanged(&before, &after).iter().map(ToString::to_string).collect();
        assert_eq!(unchanged, ["b"]);
    }

    #[test]
    fn a_credential_in_the_file_is_refused_and_not_repeated() {
        for more in [
            "token = \"hunter2\"",
            "auth = { method = \"token\", token = \"hunter2\" }",
            "auth = { method = \"client_secret\", client_secret = \"hunter2\" }",
            "auth = { method = \"hunter\", secret_id = 42 }",
        ] {
            let message = refused(&aws(more));
            assert!(message.contains("_file") && message.contains("prod"), "{message}");
            assert!(!message.contains("hunter2") && !message.contains("42"), "{message}");
        }
    }
}
