//! The global options: where the daemon is, and how long a request may take. It knows no command.

use std::{
    ffi::{OsStr, OsString},
    time::Duration,
};

use clap::Args;
use kontraktor_proto::{
    client::DEFAULT_TIMEOUT,
    endpoint::{HOST_VARIABLE, Host, TIMEOUT_VARIABLE},
};

use crate::error::CliError;

/// The global options.
///
/// Their values are parsed here and not by clap: clap repeats an invalid value in its error, and a host may hold a password;
/// and it blames the option even when the environment variable is wrong.
#[derive(Debug, Args)]
pub(crate) struct Connection {
    /// Address of the daemon, such as unix:///path/to/kontraktord.sock [default: the local daemon's socket]
    #[arg(long, global = true, env = HOST_VARIABLE, hide_env_values = true, value_name = "HOST")]
    host: Option<OsString>,
    /// Time limit for a request including retries, such as 500ms, 10s or 2m [default: 60s]
    #[arg(long, global = true, env = TIMEOUT_VARIABLE, hide_env_values = true, value_name = "DURATION")]
    timeout: Option<OsString>,
}

impl Connection {
    /// Returns the daemon's address.
    pub(crate) fn host(&self) -> Result<Host, CliError> {
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
    pub(crate) fn timeout(&self) -> Result<Duration, CliError> {
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

fn utf8<'a>(name: &str, value: Option<&'a OsStr>) -> Result<Option<&'a str>, String> {
    value.map(|value| value.to_str().ok_or_else(|| format!("invalid {name}: not valid UTF-8"))).transpose()
}
