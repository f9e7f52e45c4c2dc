//! The settings of who may call from the network: issuers of tokens, rules for client certificates, the daemon's own URL, limits.

use std::{num::NonZeroU32, path::PathBuf, time::Duration};

use kontraktor_api::RateLimitSettings;
use kontraktor_identity::{
    CertificateRules, CertificateTable, DEFAULT_TOKEN_LIFETIME, IssuerSettings, IssuerTable, TOKEN_LIFETIMES,
    build_issuers,
};

use super::{
    ConfigError, ProcessEnv, Setting,
    file::{FileLayer, LimitsTable},
    setting::Lookup,
    source::Source,
};

/// The highest number of requests a second that a limit can have.
const MAX_REQUESTS: u32 = 10_000_000;

/// The checked settings of who may call.
#[derive(Debug, Clone)]
pub struct Identities {
    /// The URL at which clients know the daemon: `iss` and `aud` of its own tokens.
    pub public_url: Setting<String>,
    /// How long the daemon's own tokens are valid.
    pub token_lifetime: Setting<Duration>,
    /// How many requests are allowed.
    pub limits: Setting<RateLimitSettings>,
    /// The configuration file and its tables, which no other source configures.
    tables: Option<(PathBuf, Vec<IssuerTable>, Vec<CertificateTable>)>,
}

impl Identities {
    pub(super) fn load(
        env: &ProcessEnv,
        file: &FileLayer,
        default_url: impl FnOnce() -> String,
    ) -> Result<Self, ConfigError> {
        let public_url = Lookup::flag("public-url", None)
            .or_variable(env, "KONTRAKTOR_PUBLIC_URL", |text| text.to_string_lossy().into_owned())
            .or_file(file, |values| values.public_url.clone())
            .or_default(|| Ok(default_url()))?
            .check(checked_url)?;
        let token_lifetime = Lookup::flag("tokens.lifetime", None)
            .or_file(file, |values| values.tokens.as_ref()?.lifetime.clone().map(Some))
            .or_default(|| Ok(None))?
            .check(|text| text.as_deref().map_or(Ok(DEFAULT_TOKEN_LIFETIME), checked_lifetime))?;
        let limits = Lookup::flag("limits", None)
            .or_file(file, |values| values.limits)
            .or_default(|| Ok(LimitsTable::default()))?
            .check(checked_limits)?;
        let tables = file
            .0
            .as_ref()
            .map(|(path, values)| (path.clone(), values.issuer.clone(), values.client_certificate.clone()));
        Ok(Self { public_url, token_lifetime, limits, tables })
    }

    /// Returns the settings with those of a running daemon that cannot change: what its tokens say.
    pub(super) fn with_fixed_settings_of(self, running: &Self) -> Self {
        let Self { public_url, token_lifetime, .. } = running.clone();
        Self { public_url, token_lifetime, ..self }
    }

    /// Returns the settings that cannot change as texts, to be compared with another configuration's.
    pub fn fixed(&self) -> [(&'static str, String); 2] {
        [
            ("public-url", self.public_url.value.clone()),
            ("tokens.lifetime", humantime::format_duration(self.token_lifetime.value).to_string()),
        ]
    }

    /// Checks the issuers. Connects to none of them; reads the files that they name.
    pub fn issuers(&self) -> Result<Vec<IssuerSettings>, ConfigError> {
        let Some((path, tables, _)) = &self.tables else { return Ok(Vec::new()) };
        let failed = |problem| ConfigError::Table { path: path.clone(), problem };
        let issuers = build_issuers(tables).map_err(failed)?;
        let is_own = |issuer: &&IssuerSettings| issuer.url.trim_end_matches('/') == self.public_url.value;
        if let Some(own) = issuers.iter().find(is_own) {
            return Err(failed(format!(
                "issuer \"{}\": `url` is the daemon's own `public-url`; remove the table, its tokens are accepted anyway",
                own.name
            )));
        }
        Ok(issuers)
    }

    /// Checks the rules for client certificates.
    pub fn certificates(&self) -> Result<CertificateRules, ConfigError> {
        let Some((path, _, tables)) = &self.tables else { return Ok(CertificateRules::default()) };
        CertificateRules::build(tables).map_err(|problem| ConfigError::Table { path: path.clone(), problem })
    }

    /// Returns the settings for `--check-config`, each with its source.
    pub(super) fn rows(&self) -> [(&'static str, String, &Source); 3] {
        let RateLimitSettings {
            requests_per_second,
            burst,
            address_requests_per_second,
            address_burst,
            failure_cost,
        } = self.limits.value;
        let or_zero = |rate: Option<NonZeroU32>| rate.map_or(0, NonZeroU32::get);
        let (actors, addresses) = (or_zero(requests_per_second), or_zero(address_requests_per_second));
        let limits = format!(
            "{{ requests_per_second = {actors}, burst = {burst}, address_requests_per_second = \
             {addresses}, address_burst = {address_burst}, failure_cost = {failure_cost} }}"
        );
        let lifetime = humantime::format_duration(self.token_lifetime.value).to_string();
        [
            ("public-url", format!("{:?}", self.public_url.value), &self.public_url.source),
            ("tokens.lifetime", format!("{lifetime:?}"), &self.token_lifetime.source),
            ("limits", limits, &self.limits.source),
        ]
    }
}

/// Checks the daemon's own URL. It is not repeated: it may contain a password.
fn checked_url(text: String) -> Result<String, String> {
    let expected = || "expected https://HOST or https://HOST:PORT (http:// only for this machine)".to_owned();
    let (scheme, host) = text.split_once("://").ok_or_else(expected)?;
    let host = host.strip_suffix('/').unwrap_or(host);
    let allowed =
        |char: char| char.is_ascii_alphanumeric() || matches!(char, '.' | '-' | '_' | ':' | '[' | ']');
    if host.is_empty() || !host.chars().all(allowed) {
        return Err(expected());
    }
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let is_local = name == "localhost"
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback());
    match scheme {
        "https" => Ok(format!("https://{host}")),
        "http" if is_local => Ok(format!("http://{host}")),
        _ => Err(expected()),
    }
}

fn checked_lifetime(text: &str) -> Result<Duration, String> {
    let lifetime = humantime::parse_duration(text).ok().filter(|lifetime| TOKEN_LIFETIMES.contains(lifetime));
    lifetime.ok_or_else(|| "expected a duration such as \"15m\", of 10s to 1h".to_owned())
}

fn checked_limits(table: LimitsTable) -> Result<RateLimitSettings, String> {
    let default = RateLimitSettings::default();
    let error =
        |name: &str, number, least| format!("`{name}` is {number}; expected {least} to {MAX_REQUESTS}");
    let rate = |name: &str, setting, default| match setting {
        None => Ok(default),
        Some(number @ 0..=MAX_REQUESTS) => Ok(NonZeroU32::new(number)),
        Some(number) => Err(error(name, number, 0)),
    };
    let number = |name: &str, setting: Option<u32>, default| match setting.map(NonZeroU32::new) {
        None => Ok(default),
        Some(Some(number)) if number.get() <= MAX_REQUESTS => Ok(number),
        Some(number) => Err(error(name, number.map_or(0, NonZeroU32::get), 1)),
    };
    Ok(RateLimitSettings {
        requests_per_second: rate(
            "requests_per_second",
            table.requests_per_second,
            default.requests_per_second,
        )?,
        burst: number("burst", table.burst, default.burst)?,
        address_requests_per_second: rate(
            "address_requests_per_second",
            table.address_requests_per_second,
            default.address_requests_per_second,
        )?,
        address_burst: number("address_burst", table.address_burst, default.address_burst)?,
        failure_cost: number("failure_cost", table.failure_cost, default.failure_cost)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_url_is_https_or_of_this_machine_and_is_never_repeated() {
        for (text, expected) in [
            ("https://kontraktor.example.com", "https://kontraktor.example.com"),
            ("https://kontraktor.example.com:8743/", "https://kontraktor.example.com:8743"),
            ("http://127.0.0.1:8743", "http://127.0.0.1:8743"),
            ("http://[::1]:8743", "http://[::1]:8743"),
            ("http://localhost", "http://localhost"),
            ("http://[::ffff:127.0.0.1]:1", "http://[::ffff:127.0.0.1]:1"),
        ] {
            assert_eq!(checked_url(text.to_owned()).as_deref(), Ok(expected));
        }
        for text in [
            "",
            "hunter2",
            "https://",
            "http://hunter2.example.com",
            "ftp://localhost",
            "https://u:hunter2@h",
            "https://h/hunter2",
            "https://h?hunter2",
            "https://h#hunter2",
        ] {
            assert!(!checked_url(text.to_owned()).unwrap_err().contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn tokens_live_for_seconds_to_an_hour() {
        for (text, seconds) in [("10s", 10), ("15m", 900), ("1h", 3_600)] {
            assert_eq!(checked_lifetime(text), Ok(Duration::from_secs(seconds)));
        }
        for text in ["", "15", "9s", "61m", "1d", "hunter2", "-1m"] {
            let problem = "expected a duration such as \"15m\", of 10s to 1h";
            assert_eq!(checked_lifetime(text), Err(problem.to_owned()), "{text}");
        }
    }

    #[test]
    fn limits_have_bounds_and_zero_is_none() {
        assert_eq!(checked_limits(LimitsTable::default()), Ok(RateLimitSettings::default()));
        let off = LimitsTable { requests_per_second: Some(0), ..LimitsTable::default() };
        assert_eq!(checked_limits(off).unwrap().requests_per_second, None);
        for (table, problem) in [
            (
                LimitsTable { burst: Some(0), ..LimitsTable::default() },
                "`burst` is 0; expected 1 to 10000000",
            ),
            (
                LimitsTable { requests_per_second: Some(20_000_000), ..LimitsTable::default() },
                "`requests_per_second` is 20000000; expected 0 to 10000000",
            ),
        ] {
            assert_eq!(checked_limits(table).unwrap_err(), problem);
        }
    }
}
