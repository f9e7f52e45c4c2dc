//! From the provider block and the process's environment to the options of the client.

use std::time::Duration;

use kontraktor_proto::{
    client::{
        ClientOptions, CredentialSettings, Credentials, DEFAULT_TIMEOUT, Level, Setting, SettingError,
        TlsOptions,
    },
    endpoint::{
        CA_CERTIFICATE_VARIABLE, CLIENT_CERTIFICATE_VARIABLE, CLIENT_ID_VARIABLE, CLIENT_KEY_VARIABLE,
        CLIENT_SECRET_VARIABLE, DAEMON_UID_VARIABLE, HOST_VARIABLE, Host, Scheme, TIMEOUT_VARIABLE,
        TOKEN_URL_VARIABLE, TOKEN_VARIABLE, parse_daemon_uid,
    },
};

use super::{Config, settings::Settings};
use crate::{
    errors,
    framework::{Attr, Diagnostic},
    validators,
};

/// Returns a configured text; an empty one counts as unset, as in the process's environment.
pub(super) fn non_empty(configured: &Attr<String>) -> Option<&str> {
    configured.known().map(String::as_str).filter(|text| !text.is_empty())
}

/// Returns the attributes of the connection whose values are not known yet.
pub(super) fn unknown(config: &Config) -> Vec<&'static str> {
    [
        ("host", config.host.is_unknown()),
        ("ca_certificate", config.ca_certificate.is_unknown()),
        ("client_certificate", config.client_certificate.is_unknown()),
        ("client_key", config.client_key.is_unknown()),
        ("oauth_token", config.oauth_token.is_unknown()),
        ("client_id", config.client_id.is_unknown()),
        ("client_secret", config.client_secret.is_unknown()),
        ("token_url", config.token_url.is_unknown()),
        ("timeout", config.timeout.is_unknown()),
    ]
    .into_iter()
    .filter_map(|(name, unknown)| unknown.then_some(name))
    .collect()
}

/// Returns the options of the client. Files with certificates are read, so that what is wrong with them is reported here.
pub(super) fn options(settings: &Settings, config: &Config) -> Result<ClientOptions, Diagnostic> {
    let mut options = ClientOptions::new(host(settings, &config.host)?, "terraform");
    options.timeout = timeout(settings, &config.timeout)?;
    options.daemon_uid = daemon_uid(settings)?;
    options.tls = tls(settings, config)?;
    options.credentials = credentials(settings, config)?;
    let over_tls = match &options.host {
        Host::Network(server) => server.scheme() == Scheme::Https,
        Host::Unix(_) => false,
    };
    if over_tls {
        options.tls.check().map_err(|error| invalid_setting(&error))?;
    }
    Ok(options)
}

/// Checks what the block alone can get wrong.
pub(super) fn validate(config: &Config) -> Result<(), Diagnostic> {
    if non_empty(&config.host).is_some() {
        host(&Settings::default(), &config.host)?;
    }
    let attribute = |name, value| non_empty(value).map(|text| Setting::new(name, Level::Configuration, text));
    let (token, client_id) =
        (attribute("oauth_token", &config.oauth_token), attribute("client_id", &config.client_id));
    // What is missing may come from the environment.
    if let (Some(_), Some(_)) = (&token, &client_id) {
        let both = CredentialSettings { token, client_id, ..CredentialSettings::default() };
        both.resolve().map_err(|error| invalid_setting(&error))?;
    }
    Ok(())
}

fn host(settings: &Settings, configured: &Attr<String>) -> Result<Host, Diagnostic> {
    let (text, from_block) = match non_empty(configured) {
        Some(text) => (Some(text), true),
        None => {
            settings.require_text(HOST_VARIABLE)?;
            (settings.host.as_deref(), false)
        }
    };
    Host::parse(text).map_err(|error| match error.remedy() {
        Some(remedy) => Diagnostic::error(
            "Socket path too long",
            errors::sentence(&error.to_string()) + " " + &errors::sentence(&remedy),
        ),
        None if from_block => Diagnostic::error("Invalid host", format!("{error}.")).at("host"),
        None => Diagnostic::error(format!("Invalid {HOST_VARIABLE}"), format!("{error}.")),
    })
}

/// Returns the user whose daemon is trusted besides this user's and root's. There is no attribute for it: a configuration
/// that someone else wrote must not decide whom this user trusts.
fn daemon_uid(settings: &Settings) -> Result<Option<u32>, Diagnostic> {
    settings.require_text(DAEMON_UID_VARIABLE)?;
    parse_daemon_uid(settings.daemon_uid.as_deref().unwrap_or_default()).map_err(|message| {
        Diagnostic::error(format!("Invalid {DAEMON_UID_VARIABLE}"), errors::sentence(&message))
    })
}

fn timeout(settings: &Settings, configured: &Attr<String>) -> Result<Duration, Diagnostic> {
    if let Some(text) = configured.known() {
        return validators::parse_timeout(text)
            .map_err(|message| Diagnostic::error("Invalid timeout", message).at("timeout"));
    }
    settings.require_text(TIMEOUT_VARIABLE)?;
    let Some(text) = &settings.timeout else { return Ok(DEFAULT_TIMEOUT) };
    validators::parse_timeout(text)
        .map_err(|message| Diagnostic::error(format!("Invalid {TIMEOUT_VARIABLE}"), message))
}

fn tls(settings: &Settings, config: &Config) -> Result<TlsOptions, Diagnostic> {
    let find = |name, variable, value| setting(settings, name, variable, value);
    Ok(TlsOptions {
        ca_certificate: find("ca_certificate", CA_CERTIFICATE_VARIABLE, &config.ca_certificate)?,
        client_certificate: find(
            "client_certificate",
            CLIENT_CERTIFICATE_VARIABLE,
            &config.client_certificate,
        )?,
        client_key: find("client_key", CLIENT_KEY_VARIABLE, &config.client_key)?,
    })
}

fn credentials(settings: &Settings, config: &Config) -> Result<Credentials, Diagnostic> {
    let find = |name, variable, value| setting(settings, name, variable, value);
    let found = CredentialSettings {
        token: find("oauth_token", TOKEN_VARIABLE, &config.oauth_token)?,
        client_id: find("client_id", CLIENT_ID_VARIABLE, &config.client_id)?,
        client_secret: find("client_secret", CLIENT_SECRET_VARIABLE, &config.client_secret)?,
        token_url: find("token_url", TOKEN_URL_VARIABLE, &config.token_url)?,
    };
    found.resolve().map_err(|error| invalid_setting(&error))
}

fn setting(
    settings: &Settings,
    attribute: &'static str,
    variable: &'static str,
    configured: &Attr<String>,
) -> Result<Option<Setting>, Diagnostic> {
    if let Some(text) = non_empty(configured) {
        return Ok(Some(Setting::new(attribute, Level::Configuration, text)));
    }
    let text = settings.connection(variable)?;
    Ok(text.map(|text| Setting::new(variable, Level::Environment, text)))
}

fn invalid_setting(error: &SettingError) -> Diagnostic {
    let diagnostic = Diagnostic::error(format!("Invalid {}", error.name), errors::sentence(&error.message));
    match error.level {
        Level::Configuration => diagnostic.at(error.name),
        Level::Environment => diagnostic,
    }
}
