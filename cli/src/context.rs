//! What a command works with: the client, the output, and the clock.

use std::env;

use jiff::Timestamp;
use kontraktor_proto::{
    client::{Client, ClientOptions},
    endpoint::{DAEMON_UID_VARIABLE, TOKEN_VARIABLE, parse_daemon_uid},
};

use crate::{connection::Connection, error::CliError, output::Output};

pub(crate) struct Context {
    pub(crate) client: Client,
    pub(crate) out: Output,
    pub(crate) now: fn() -> Timestamp,
}

impl Context {
    /// Makes a context without connecting: the first request connects.
    pub(crate) fn new(connection: &Connection) -> Result<Self, CliError> {
        let (host, timeout) = (connection.host()?, connection.timeout()?);
        let token = match env::var(TOKEN_VARIABLE) {
            Ok(token) if !token.is_empty() => Some(token.into()),
            Ok(_) | Err(env::VarError::NotPresent) => None,
            Err(env::VarError::NotUnicode(_)) => {
                return Err(CliError::usage(format!("{TOKEN_VARIABLE} is not valid UTF-8")));
            }
        };
        let options =
            ClientOptions { timeout, token, daemon_uid: daemon_uid()?, ..ClientOptions::new(host, "ktr") };
        Ok(Self { client: Client::new(options), out: Output::new(), now })
    }
}

/// Returns the user whose daemon is trusted besides this user's and root's.
fn daemon_uid() -> Result<Option<u32>, CliError> {
    let text = env::var_os(DAEMON_UID_VARIABLE).unwrap_or_default();
    parse_daemon_uid(&text.to_string_lossy()).map_err(CliError::usage)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the program's only clock; everything else takes the time as a parameter"
)]
fn now() -> Timestamp {
    Timestamp::now()
}
