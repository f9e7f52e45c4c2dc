//! The provider block, its fallbacks in the process's environment, and the catalog of resources, data sources and functions.

use std::ffi::OsString;
use std::time::Duration;

use async_trait::async_trait;
use kontraktor_proto::client::{Client, ClientOptions, DEFAULT_TIMEOUT};
use kontraktor_proto::endpoint::{
    DAEMON_UID_VARIABLE, HOST_VARIABLE, Host, TIMEOUT_VARIABLE, TOKEN_VARIABLE, parse_daemon_uid,
};
use secrecy::SecretString;
use tfplugin_proto::value::Type;

use crate::framework::{
    Attr, Attribute, Block, Catalog, Diagnostic, Diagnostics, Provider, Readiness, Schema,
};
use crate::resources::conflict;
use crate::session::{BatchOptions, Defaults, Session};
use crate::{data_sources, ephemeral, errors, functions, model, resources, validators};

model! {
    /// How writes are batched.
    pub struct BatchConfig {
        /// How long a write waits for others, in milliseconds.
        window_ms: u64,
        /// The maximum number of writes in one request.
        max_items: u64,
    }
}

impl BatchConfig {
    /// Values that are left out or not known yet have their defaults: they decide when something is written, never what.
    fn options(&self) -> BatchOptions {
        let default = BatchOptions::default();
        BatchOptions {
            window: self.window_ms.known().map_or(default.window, |ms| Duration::from_millis(*ms)),
            max_items: (self.max_items.known())
                .and_then(|items| usize::try_from(*items).ok())
                .unwrap_or(default.max_items),
        }
    }
}

model! {
    /// The provider block.
    pub struct Config {
        /// The daemon's address.
        host: String,
        /// The bearer token.
        oauth_token: String,
        /// How long a call may take.
        timeout: String,
        /// Whether writes create missing projects and environments.
        create_missing: bool,
        /// What to do when an object was changed outside of the plan.
        on_conflict: String,
        /// How writes are batched.
        batch: BatchConfig,
    }
}

/// The settings in the process's environment; the provider block takes precedence. Empty values count as unset.
#[derive(Clone, Default)]
pub struct Settings {
    /// `KONTRAKTOR_HOST`.
    pub host: Option<String>,
    /// `KONTRAKTOR_TOKEN`.
    pub token: Option<SecretString>,
    /// `KONTRAKTOR_TIMEOUT`.
    pub timeout: Option<String>,
    /// `KONTRAKTOR_DAEMON_UID`.
    pub daemon_uid: Option<String>,
    /// The environment variables whose values are not valid UTF-8. They do not count as unset: without its host, a
    /// provider would talk to another daemon.
    pub invalid_unicode: Vec<&'static str>,
}

impl Settings {
    /// Reads the settings of this process.
    pub fn from_process() -> Self {
        Self::from_lookup(|name| std::env::var_os(name))
    }

    /// Reads the settings from the environment variables that `lookup` returns.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<OsString>) -> Self {
        let mut invalid_unicode = Vec::new();
        let mut read = |name| match lookup(name)?.into_string() {
            Ok(text) => Some(text).filter(|text| !text.is_empty()),
            Err(_) => {
                invalid_unicode.push(name);
                None
            }
        };
        let (host, token, timeout) = (read(HOST_VARIABLE), read(TOKEN_VARIABLE), read(TIMEOUT_VARIABLE));
        let daemon_uid = read(DAEMON_UID_VARIABLE);
        Self { host, token: token.map(Into::into), timeout, daemon_uid, invalid_unicode }
    }

    /// Refuses an environment variable that would be used and is not valid UTF-8.
    fn require_text(&self, name: &str) -> Result<(), Diagnostic> {
        if !self.invalid_unicode.contains(&name) {
            return Ok(());
        }
        Err(Diagnostic::error(
            format!("Invalid {name}"),
            format!("The environment variable {name} is not valid UTF-8. Correct it, or unset it."),
        ))
    }
}

/// Returns a configured text; an empty one counts as unset, as in the process's environment.
fn non_empty(configured: &Attr<String>) -> Option<&str> {
    configured.known().map(String::as_str).filter(|text| !text.is_empty())
}

/// The provider.
pub struct Kontraktor {
    settings: Settings,
}

impl Kontraktor {
    /// Creates a provider with these settings from the process's environment.
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    fn host(&self, configured: &Attr<String>) -> Result<Host, Diagnostic> {
        let (text, from_block) = match non_empty(configured) {
            Some(text) => (Some(text), true),
            None => {
                self.settings.require_text(HOST_VARIABLE)?;
                (self.settings.host.as_deref(), false)
            }
        };
        let invalid = |message: String| {
            if from_block {
                Diagnostic::error("Invalid host", message).at("host")
            } else {
                Diagnostic::error(format!("Invalid {HOST_VARIABLE}"), message)
            }
        };
        match Host::parse(text) {
            Ok(Host::Https(_)) => Err(invalid(
                "The daemon does not support https connections yet. Leave host out to use the local daemon's socket, or \
                 set it to a socket such as unix:///path/to/kontraktord.sock."
                    .to_owned(),
            )),
            Ok(host) => Ok(host),
            Err(error) => Err(match error.remedy() {
                Some(remedy) => Diagnostic::error(
                    "Socket path too long",
                    errors::sentence(&error.to_string()) + " " + &errors::sentence(&remedy),
                ),
                None => invalid(format!("{error}.")),
            }),
        }
    }

    /// Returns the user whose daemon is trusted besides this user's and root's. There is no attribute for it: a configuration
    /// that someone else wrote must not decide whom this user trusts.
    fn daemon_uid(&self) -> Result<Option<u32>, Diagnostic> {
        self.settings.require_text(DAEMON_UID_VARIABLE)?;
        parse_daemon_uid(self.settings.daemon_uid.as_deref().unwrap_or_default()).map_err(|message| {
            Diagnostic::error(format!("Invalid {DAEMON_UID_VARIABLE}"), errors::sentence(&message))
        })
    }

    fn timeout(&self, configured: &Attr<String>) -> Result<Duration, Diagnostic> {
        if let Some(text) = configured.known() {
            return validators::parse_timeout(text)
                .map_err(|message| Diagnostic::error("Invalid timeout", message).at("timeout"));
        }
        self.settings.require_text(TIMEOUT_VARIABLE)?;
        let Some(text) = &self.settings.timeout else { return Ok(DEFAULT_TIMEOUT) };
        validators::parse_timeout(text)
            .map_err(|message| Diagnostic::error(format!("Invalid {TIMEOUT_VARIABLE}"), message))
    }

    fn token(&self, configured: &Attr<String>) -> Result<Option<SecretString>, Diagnostic> {
        if let Some(token) = non_empty(configured) {
            return Ok(Some(token.into()));
        }
        self.settings.require_text(TOKEN_VARIABLE)?;
        Ok(self.settings.token.clone())
    }
}

#[async_trait]
impl Provider for Kontraktor {
    type Config = Config;
    type Session = Session;

    fn schema(&self) -> Schema {
        Schema::new(
            "Manages environment configuration in Kontraktor: Terraform writes it, Terraform and applications read it.",
            vec![
                Attribute::optional(
                    "host",
                    Type::String,
                    "The daemon's address, such as `unix:///path/to/kontraktord.sock`. Defaults to the environment \
                     variable `KONTRAKTOR_HOST`, and otherwise to the socket of the current user's daemon. The daemon \
                     must run as the current user or as root, unless the environment variable `KONTRAKTOR_DAEMON_UID` \
                     is set to the uid of the user who runs it. `https://` addresses are not supported yet.",
                ),
                Attribute::optional(
                    "oauth_token",
                    Type::String,
                    "The bearer token to send with every request. Defaults to the environment variable \
                     `KONTRAKTOR_TOKEN`. The local socket needs no token.",
                )
                .sensitive(),
                Attribute::optional(
                    "timeout",
                    Type::String,
                    "The maximum duration of one call, retries included, such as `\"60s\"` or `\"2m\"`. At most 1h. \
                     Defaults to the environment variable `KONTRAKTOR_TIMEOUT`, and otherwise to `\"60s\"`.",
                )
                .validator(validators::timeout),
                Attribute::optional(
                    "create_missing",
                    Type::Bool,
                    "Whether writing a variable creates its project and environment if they do not exist. Defaults to \
                     `true`.",
                ),
                Attribute::optional(
                    "on_conflict",
                    Type::String,
                    "What resources do when an object was changed after the plan was made, or already exists when it is \
                     to be created: `\"fail\"` writes nothing and reports the difference, `\"overwrite\"` writes anyway \
                     and takes over what exists. Each resource can override this. Defaults to `\"fail\"`.",
                )
                .validator(conflict::on_conflict),
            ],
        )
        .block(Block::single(
            "batch",
            "How writes of variables are combined into requests. The defaults suit most configurations.",
            vec![
                Attribute::optional(
                    "window_ms",
                    Type::Number,
                    "How long a write waits for other writes to join its request, in milliseconds, from 0 to 100. While \
                     callers of an earlier request are expected back, it waits for them for up to another 100 ms. `0` \
                     sends every write at once and separately. Defaults to `3`.",
                )
                .validator(validators::window_ms),
                Attribute::optional(
                    "max_items",
                    Type::Number,
                    "The maximum number of writes in one request, from 1 to 10,000. Defaults to `10000`.",
                )
                .validator(validators::max_items),
            ],
        ))
    }

    fn validate(&self, config: &Config) -> Diagnostics {
        match non_empty(&config.host).map(|_| self.host(&config.host)) {
            Some(Err(diagnostic)) => diagnostic.into(),
            Some(Ok(_)) | None => Diagnostics::new(),
        }
    }

    async fn configure(&self, terraform_version: &str, config: Config) -> Result<Session, Diagnostics> {
        let unknown: Vec<&'static str> = [
            ("host", config.host.is_unknown()),
            ("oauth_token", config.oauth_token.is_unknown()),
            ("timeout", config.timeout.is_unknown()),
        ]
        .into_iter()
        .filter_map(|(name, unknown)| unknown.then_some(name))
        .collect();
        let client = if unknown.is_empty() {
            let mut options = ClientOptions::new(self.host(&config.host)?, "terraform");
            options.timeout = self.timeout(&config.timeout)?;
            options.user_agent = format!(
                "terraform-provider-kontraktor/{} terraform/{terraform_version}",
                env!("CARGO_PKG_VERSION")
            );
            options.token = self.token(&config.oauth_token)?;
            options.daemon_uid = self.daemon_uid()?;
            Ok(Client::new(options))
        } else {
            Err(unknown)
        };
        let options = config.batch.known().cloned().unwrap_or_default().options();
        let defaults = Defaults { create_missing: config.create_missing, on_conflict: config.on_conflict };
        Ok(Session::new(client, defaults, options))
    }

    fn readiness(&self, session: &Session) -> Readiness {
        match session.client() {
            Ok(_) => Readiness::Ready,
            Err(error) => Readiness::NotYet(errors::provider_not_ready(&error)),
        }
    }

    fn stop(&self, session: &Session) {
        session.stop();
    }

    fn catalog(&self) -> Catalog<Session> {
        Catalog::new()
            .resource(resources::Project)
            .resource(resources::Environment)
            .resource(resources::SecretReference)
            .resource(resources::Variable)
            .resource(resources::VariableSchema)
            .resource(resources::Variables)
            .data_source(data_sources::Environment)
            .data_source(data_sources::Variable)
            .data_source(data_sources::Projects)
            .data_source(data_sources::Secret)
            .data_source(data_sources::VariableHistory)
            .data_source(data_sources::EnvironmentDiff)
            .ephemeral(ephemeral::Secret)
            .ephemeral(ephemeral::Environment)
            .function(functions::DotenvDecode)
            .function(functions::DotenvEncode)
            .function(functions::ReferenceParse)
    }
}
