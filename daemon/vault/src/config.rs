//! What the operator says of a vault in `kontraktord.toml`, made into a vault. Credentials are never among it: settings
//! name files, environment variables or the platform's identity, and a value in their place is refused unread.

use std::{fmt, sync::Arc, time::Duration};

use figment::value::{Dict, Value};
use kontraktor_model::names::VaultName;
use serde::{
    Deserialize,
    de::{self, Unexpected, Visitor},
};

use super::{
    AwsSettings, AwsVault, AzureSettings, AzureVault, Configured, Limits, Vault,
    hashicorp::{HashicorpSettings, HashicorpVault},
    told,
};

/// One `[[vault]]` table, of which only what all kinds share is read so far.
#[derive(Debug, Clone, Deserialize)]
pub struct VaultTable {
    name: Option<String>,
    kind: Option<String>,
    timeout: Option<Period>,
    concurrency: Option<usize>,
    breaker_failures: Option<u32>,
    breaker_open: Option<Period>,
    cache: Option<CacheTable>,
    /// What its kind has of its own.
    #[serde(flatten)]
    own: Dict,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct CacheTable {
    ttl: Option<Period>,
    stale_while_error: Option<Period>,
    negative_ttl: Option<Period>,
    max_entries: Option<usize>,
    max_bytes: Option<usize>,
}

/// A length of time, as in `5m` or `1h 30s`.
#[derive(Debug, Clone, Copy)]
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
        f.write_str("a length of time such as \"5s\", \"10m\" or \"1h 30m\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Period, E> {
        humantime::parse_duration(text)
            .map(Period)
            .map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
    }
}

/// The kinds that there are: the schemes of references to them.
const KINDS: &str = "vault, aws-sm and azure-kv";

/// Names under which a credential's value would be looked for in vain.
const INLINE: [&str; 8] = [
    "token",
    "secret_id",
    "client_secret",
    "password",
    "access_key",
    "secret_key",
    "secret_access_key",
    "key",
];

/// Makes the vaults of all tables. Nothing is connected to: a vault that is down degrades its own secrets alone.
///
/// # Errors
/// What is wrong, with the vault and the setting, and never with a value that may be a credential.
pub fn build(tables: &[VaultTable]) -> Result<Vec<Configured>, String> {
    let mut vaults: Vec<Configured> = Vec::with_capacity(tables.len());
    for (number, table) in (1..).zip(tables) {
        let vault = table.build().map_err(|problem| match &table.name {
            Some(name) => format!("vault \"{name}\": {problem}"),
            None => format!("[[vault]] number {number}: {problem}"),
        })?;
        if vaults.iter().any(|other| other.name == vault.name) {
            return Err(format!("vault \"{}\" is there twice: give each a name of its own", vault.name));
        }
        vaults.push(vault);
    }
    Ok(vaults)
}

impl VaultTable {
    fn build(&self) -> Result<Configured, String> {
        let name: VaultName = self
            .name
            .as_deref()
            .ok_or("name is missing: it is what references begin with, as in vault://NAME/…")?
            .parse()
            .map_err(|error: kontraktor_model::names::NameError| error.to_string())?;
        let kind = self.kind.as_deref().ok_or(format!("kind is missing: there are {KINDS}"))?;
        let limits = self.limits()?;
        self.no_credentials()?;
        let (kind, vault): (&'static str, Arc<dyn Vault>) = match kind {
            "vault" => ("vault", Arc::new(HashicorpVault::new(&name, self.own::<HashicorpSettings>()?)?)),
            "aws-sm" => ("aws-sm", Arc::new(AwsVault::new(&name, self.own::<AwsSettings>()?)?)),
            "azure-kv" => ("azure-kv", Arc::new(AzureVault::new(&name, self.own::<AzureSettings>()?)?)),
            _ => return Err(format!("kind is none that there is: there are {KINDS}")),
        };
        let address = self.own.get("address").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Configured { name, kind, address, limits, vault })
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
            Err(format!("{setting} is {}; it must be {least} to {most}", humantime::format_duration(value)))
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
            Err(format!("{setting} is {value}; it must be 1 to {most}"))
        };
        counted("concurrency", limits.concurrency, 256)?;
        counted("breaker_failures", limits.breaker_failures as usize, 1000)?;
        counted("cache.max_entries", limits.max_entries, 1_000_000)?;
        counted("cache.max_bytes", limits.max_bytes, 16 * 1024 * 1024 * 1024)?;
        Ok(limits)
    }

    /// A credential that stands in the file itself would be read by everybody who reads the file, and be printed by the
    /// parser's errors.
    fn no_credentials(&self) -> Result<(), String> {
        let auth = self.own.get("auth").and_then(Value::as_dict);
        let names = self.own.keys().chain(auth.into_iter().flat_map(Dict::keys));
        for name in names {
            if INLINE.contains(&name.as_str()) {
                return Err(format!(
                    "{name} stands in the file itself: put the value into a file that only the daemon can read, and \
                     name it as {name}_file"
                ));
            }
        }
        Ok(())
    }

    fn own<T: for<'de> Deserialize<'de>>(&self) -> Result<T, String> {
        Value::from(self.own.clone()).deserialize().map_err(told)
    }
}

#[cfg(test)]
mod tests {
    use figment::{
        Figment,
        providers::{Format as _, Toml},
    };

    use super::*;

    #[derive(Deserialize)]
    struct File {
        #[serde(default)]
        vault: Vec<VaultTable>,
    }

    fn built(text: &str) -> Result<Vec<Configured>, String> {
        let file: File = Figment::from(Toml::string(text)).extract().map_err(|error| error.to_string())?;
        build(&file.vault)
    }

    fn refused(text: &str) -> String {
        built(text).err().unwrap_or_else(|| panic!("it was taken: {text}"))
    }

    fn aws(more: &str) -> String {
        format!("[[vault]]\nname = \"prod\"\nkind = \"aws-sm\"\nregion = \"eu-central-1\"\n{more}\n")
    }

    #[test]
    fn limits_have_defaults_and_can_be_set() {
        let vaults = built(&aws("")).unwrap();
        assert_eq!(
            (vaults[0].name.as_str(), vaults[0].kind, vaults[0].address.as_str()),
            ("prod", "aws-sm", "")
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
        assert_eq!((&vaults[0].limits, vaults[0].address.as_str()), (&expected, "https://sm.example.com"));
        assert!(built("").unwrap().is_empty());
    }

    #[test]
    fn what_is_wrong_is_named_with_the_vault_and_the_setting() {
        insta::assert_snapshot!(refused("[[vault]]\nkind = \"aws-sm\"\n"), @"[[vault]] number 1: name is missing: it is what references begin with, as in vault://NAME/…");
        insta::assert_snapshot!(refused("[[vault]]\nname = \"Prod\"\nkind = \"aws-sm\"\n"), @r#"vault "Prod": vault has 'P' at character 1: use 1 to 63 characters of a-z, 0-9 and "-", with a letter or a digit at the beginning and at the end"#);
        insta::assert_snapshot!(refused("[[vault]]\nname = \"prod\"\n"), @r#"vault "prod": kind is missing: there are vault, aws-sm and azure-kv"#);
        insta::assert_snapshot!(refused("[[vault]]\nname = \"prod\"\nkind = \"consul\"\n"), @r#"vault "prod": kind is none that there is: there are vault, aws-sm and azure-kv"#);
        insta::assert_snapshot!(refused(&aws("regoin = \"x\"")), @r#"vault "prod": regoin is no setting; there are address, region, auth, assume_role, ca_file"#);
        insta::assert_snapshot!(refused(&aws("auth = { method = \"magic\" }")), @r#"vault "prod": auth.method is none that there is; there are chain, profile"#);
        insta::assert_snapshot!(refused(&aws("cache = { ttl = \"2d\" }")), @r#"vault "prod": cache.ttl is 2days; it must be 0s to 1day"#);
        insta::assert_snapshot!(refused(&aws("concurrency = 0")), @r#"vault "prod": concurrency is 0; it must be 1 to 256"#);
        insta::assert_snapshot!(refused(&aws("timeout = \"10ms\"")), @r#"vault "prod": timeout is 10ms; it must be 100ms to 5m"#);
        insta::assert_snapshot!(refused(&format!("{}{}", aws(""), aws(""))), @r#"vault "prod" is there twice: give each a name of its own"#);
        assert!(refused(&aws("timeout = \"soon\"")).contains("length of time"));
    }

    #[test]
    fn a_credential_in_the_file_is_refused_and_not_repeated() {
        for more in [
            "token = \"hunter2\"",
            "auth = { method = \"token\", token = \"hunter2\" }",
            "auth = { method = \"client_secret\", client_secret = \"hunter2\" }",
            "auth = { method = \"hunter\", secret_id = 42 }",
        ] {
            let told = refused(&aws(more));
            assert!(told.contains("_file") && told.contains("prod"), "{told}");
            assert!(!told.contains("hunter2") && !told.contains("42"), "{told}");
        }
    }
}
