//! The global options: where the daemon is, who the client is, and how long a request may take. It knows no command.

use std::{
    env,
    ffi::{OsStr, OsString},
    time::Duration,
};

use clap::Args;
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

use crate::{error::CliError, option_names::with_option_names};

/// The heading in the help over the options for daemons on the network.
const NETWORK: &str = "Options for daemons on the network";

/// The global options.
///
/// Their values are parsed here and not by clap: clap repeats an invalid value in its error, and a host may hold a password;
/// and it blames the option even when the environment variable is wrong.
#[derive(Debug, Args)]
pub(crate) struct Connection {
    /// Address of the daemon: https://NAME[:PORT] or unix:///path/to/kontraktord.sock [default: the local daemon's socket]
    #[arg(long, global = true, env = HOST_VARIABLE, hide_env_values = true, value_name = "HOST")]
    host: Option<OsString>,
    /// Time limit for a request including retries, such as 500ms, 10s or 2m [default: 60s]
    #[arg(long, global = true, env = TIMEOUT_VARIABLE, hide_env_values = true, value_name = "DURATION")]
    timeout: Option<OsString>,
    /// File with the authorities that may have signed the daemon's certificate, in PEM [default: the system's] [env: KONTRAKTOR_CA_CERTIFICATE]
    #[arg(long, global = true, value_name = "FILE", help_heading = NETWORK)]
    ca_certificate: Option<OsString>,
    /// File with the client certificate, in PEM [env: KONTRAKTOR_CLIENT_CERTIFICATE]
    #[arg(long, global = true, value_name = "FILE", help_heading = NETWORK)]
    client_certificate: Option<OsString>,
    /// File with the private key of the client certificate, in PEM [env: KONTRAKTOR_CLIENT_KEY]
    #[arg(long, global = true, value_name = "FILE", help_heading = NETWORK)]
    client_key: Option<OsString>,
    /// Client ID of a service account, whose secret is in KONTRAKTOR_CLIENT_SECRET [env: KONTRAKTOR_CLIENT_ID]
    #[arg(long, global = true, value_name = "ID", help_heading = NETWORK)]
    client_id: Option<OsString>,
    /// Token endpoint for the client ID [default: the daemon's] [env: KONTRAKTOR_TOKEN_URL]
    #[arg(long, global = true, value_name = "URL", help_heading = NETWORK)]
    token_url: Option<OsString>,
}

impl Connection {
    /// Returns the options of the client.
    pub(crate) fn options(&self) -> Result<ClientOptions, CliError> {
        let mut options = ClientOptions::new(self.host()?, "ktr");
        options.timeout = self.timeout()?;
        options.daemon_uid = daemon_uid()?;
        options.tls = self.tls()?;
        options.credentials = self.credentials()?;
        let over_tls = match &options.host {
            Host::Network(server) => server.scheme() == Scheme::Https,
            Host::Unix(_) => false,
        };
        if over_tls {
            options.tls.check().map_err(invalid_setting)?;
        }
        Ok(options)
    }

    fn tls(&self) -> Result<TlsOptions, CliError> {
        Ok(TlsOptions {
            ca_certificate: setting(
                "--ca-certificate",
                self.ca_certificate.as_deref(),
                CA_CERTIFICATE_VARIABLE,
            )?,
            client_certificate: setting(
                "--client-certificate",
                self.client_certificate.as_deref(),
                CLIENT_CERTIFICATE_VARIABLE,
            )?,
            client_key: setting("--client-key", self.client_key.as_deref(), CLIENT_KEY_VARIABLE)?,
        })
    }

    /// Tokens and client secrets have no options: command lines are visible to others.
    fn credentials(&self) -> Result<Credentials, CliError> {
        let found = CredentialSettings {
            token: setting("", None, TOKEN_VARIABLE)?,
            client_id: setting("--client-id", self.client_id.as_deref(), CLIENT_ID_VARIABLE)?,
            client_secret: setting("", None, CLIENT_SECRET_VARIABLE)?,
            token_url: setting("--token-url", self.token_url.as_deref(), TOKEN_URL_VARIABLE)?,
        };
        found.resolve().map_err(invalid_setting)
    }

    /// Returns the daemon's address.
    fn host(&self) -> Result<Host, CliError> {
        let invalid = |message: String| {
            CliError::usage(message).hint(format!("correct the value of --host or {HOST_VARIABLE}"))
        };
        let text = utf8("host", self.host.as_deref()).map_err(invalid)?;
        Host::parse(text).map_err(|error| match error.remedy() {
            Some(remedy) => CliError::usage(error.to_string()).hint(remedy),
            None => invalid(error.to_string()),
        })
    }

    /// Returns the time limit for a request.
    fn timeout(&self) -> Result<Duration, CliError> {
        let invalid = |message: String| {
            CliError::usage(message).hint(format!("correct the value of --timeout or {TIMEOUT_VARIABLE}"))
        };
        // An empty environment variable counts as unset.
        let text = utf8("timeout", self.timeout.as_deref()).map_err(invalid)?.filter(|text| !text.is_empty());
        let Some(text) = text else { return Ok(DEFAULT_TIMEOUT) };
        match humantime::parse_duration(text) {
            Ok(Duration::ZERO) => Err(invalid("invalid timeout: expected more than zero".to_owned())),
            Ok(duration) => Ok(duration),
            Err(_) => Err(invalid(
                "invalid timeout: expected a number and a unit, such as 500ms, 10s or 2m".to_owned(),
            )),
        }
    }
}

/// Returns the user whose daemon is trusted besides this user's and root's.
fn daemon_uid() -> Result<Option<u32>, CliError> {
    let text = env::var_os(DAEMON_UID_VARIABLE).unwrap_or_default();
    parse_daemon_uid(&text.to_string_lossy()).map_err(CliError::usage)
}

/// Returns a setting of the command line, or else of the process's environment, where an empty one counts as unset.
fn setting(
    option: &'static str,
    value: Option<&OsStr>,
    variable: &'static str,
) -> Result<Option<Setting>, CliError> {
    let (name, level, value) = match (value, env::var_os(variable)) {
        (Some(value), _) => (option, Level::Configuration, value.to_owned()),
        (None, Some(value)) if !value.is_empty() => (variable, Level::Environment, value),
        _ => return Ok(None),
    };
    let text = value.into_string().map_err(|_| CliError::usage(format!("{name} is not valid UTF-8")))?;
    Ok(Some(Setting::new(name, level, text)))
}

fn invalid_setting(error: SettingError) -> CliError {
    let message = error.to_string();
    // Others may repeat the path of a file, which can be called as a setting is.
    if message.contains(" is missing; set ") {
        return CliError::usage(with_option_names(&message.replace("the setting ", "")));
    }
    CliError::usage(message)
}

fn utf8<'a>(name: &str, value: Option<&'a OsStr>) -> Result<Option<&'a str>, String> {
    value.map(|value| value.to_str().ok_or_else(|| format!("invalid {name}: not valid UTF-8"))).transpose()
}
