//! The provider block, what stands in for it in the process's environment, and the list of what is offered.

use std::ffi::OsString;
use std::time::Duration;

use async_trait::async_trait;
use kontraktor_proto::client::{Client, ClientOptions, DEFAULT_TIMEOUT};
use kontraktor_proto::endpoint::{HOST_VARIABLE, Host, TIMEOUT_VARIABLE, TOKEN_VARIABLE};
use secrecy::SecretString;
use tfplugin_proto::value::Type;

use crate::framework::{
    Attr, Attribute, Block, Catalog, Diagnostic, Diagnostics, Provider, Readiness, Schema,
};
use crate::resources::conflict;
use crate::session::{Defaults, Pace, Session};
use crate::{data_sources, ephemeral, functions, messages, model, resources, rules};

model! {
    /// How writes are gathered.
    pub struct BatchConfig {
        /// How long a write waits for company, in milliseconds.
        window_ms: u64,
        /// How many travel together at most.
        max_items: u64,
    }
}

impl BatchConfig {
    /// What is left out, or not known yet, is as by default: it decides when something is written, never what.
    fn pace(&self) -> Pace {
        let default = Pace::default();
        Pace {
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
        /// Where the daemon is.
        host: String,
        /// The bearer token.
        oauth_token: String,
        /// How long a call may take.
        timeout: String,
        /// Whether writes create what they need.
        create_missing: bool,
        /// What happens where someone else wrote in between.
        on_conflict: String,
        /// How writes are gathered.
        batch: BatchConfig,
    }
}

/// What the process's environment says; the provider block has precedence. Empty texts count as unset.
#[derive(Clone, Default)]
pub struct Settings {
    /// `KONTRAKTOR_HOST`.
    pub host: Option<String>,
    /// `KONTRAKTOR_TOKEN`.
    pub token: Option<SecretString>,
    /// `KONTRAKTOR_TIMEOUT`.
    pub timeout: Option<String>,
    /// The environment variables that are set to something that is no text. They count as unset nowhere: without
    /// its host, a provider would talk to another daemon.
    pub not_text: Vec<&'static str>,
}

impl Settings {
    /// Reads the settings of this process.
    pub fn from_process() -> Self {
        Self::from_lookup(|name| std::env::var_os(name))
    }

    /// Reads the settings from wherever `lookup` finds environment variables.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<OsString>) -> Self {
        let mut not_text = Vec::new();
        let mut read = |name| match lookup(name)?.into_string() {
            Ok(text) => Some(text).filter(|text| !text.is_empty()),
            Err(_) => {
                not_text.push(name);
                None
            }
        };
        let (host, token, timeout) = (read(HOST_VARIABLE), read(TOKEN_VARIABLE), read(TIMEOUT_VARIABLE));
        Self { host, token: token.map(Into::into), timeout, not_text }
    }

    /// Refuses an environment variable that would be used and is no text.
    fn require_text(&self, name: &str) -> Result<(), Diagnostic> {
        if !self.not_text.contains(&name) {
            return Ok(());
        }
        Err(Diagnostic::error(
            format!("Invalid {name}"),
            format!("The environment variable {name} is not valid UTF-8. Set it again, or unset it."),
        ))
    }
}

/// What the block says; an empty text says nothing, as in the process's environment.
fn said(configured: &Attr<String>) -> Option<&str> {
    configured.known().map(String::as_str).filter(|text| !text.is_empty())
}

/// The provider.
pub struct Kontraktor {
    settings: Settings,
}

impl Kontraktor {
    /// A provider with these settings from the process's environment.
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    fn host(&self, configured: &Attr<String>) -> Result<Host, Diagnostic> {
        let (text, from_block) = match said(configured) {
            Some(text) => (Some(text), true),
            None => {
                self.settings.require_text(HOST_VARIABLE)?;
                (self.settings.host.as_deref(), false)
            }
        };
        let blamed = |message: String| {
            if from_block {
                Diagnostic::error("Invalid host", message).at("host")
            } else {
                Diagnostic::error(format!("Invalid {HOST_VARIABLE}"), message)
            }
        };
        match Host::parse(text) {
            Ok(Host::Https(_)) => Err(blamed(
                "The daemon does not listen on https yet. Leave host out for the local daemon's socket, or name a \
                 socket as unix:///path/to/kontraktord.sock."
                    .to_owned(),
            )),
            Ok(host) => Ok(host),
            Err(error) => Err(blamed(format!("{error}."))),
        }
    }

    fn timeout(&self, configured: &Attr<String>) -> Result<Duration, Diagnostic> {
        if let Some(text) = configured.known() {
            return rules::parse_timeout(text)
                .map_err(|message| Diagnostic::error("Invalid timeout", message).at("timeout"));
        }
        self.settings.require_text(TIMEOUT_VARIABLE)?;
        let Some(text) = &self.settings.timeout else { return Ok(DEFAULT_TIMEOUT) };
        rules::parse_timeout(text)
            .map_err(|message| Diagnostic::error(format!("Invalid {TIMEOUT_VARIABLE}"), message))
    }

    fn token(&self, configured: &Attr<String>) -> Result<Option<SecretString>, Diagnostic> {
        if let Some(token) = said(configured) {
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
            "Environment configuration that lives in Kontraktor: written by Terraform, read by Terraform and by \
             applications.",
            vec![
                Attribute::optional(
                    "host",
                    Type::String,
                    "Where the daemon is: `unix:///path/to/kontraktord.sock`. Left out: `KONTRAKTOR_HOST`, and without \
                     that the socket of this user's daemon. `https://` addresses are refused until the daemon listens \
                     on them.",
                ),
                Attribute::optional(
                    "oauth_token",
                    Type::String,
                    "The token that is sent with every request. Left out: `KONTRAKTOR_TOKEN`. The local socket needs \
                     none.",
                )
                .sensitive(),
                Attribute::optional(
                    "timeout",
                    Type::String,
                    "How long one call may take, repetitions included, as a duration such as `\"60s\"` or `\"2m\"`; at \
                     most 1h. Left out: `KONTRAKTOR_TIMEOUT`, and without that `\"60s\"`.",
                )
                .check(rules::timeout),
                Attribute::optional(
                    "create_missing",
                    Type::Bool,
                    "Whether a variable may be written into a project and environment that do not exist yet, which \
                     creates them. Left out: true.",
                ),
                Attribute::optional(
                    "on_conflict",
                    Type::String,
                    "What resources do where someone else wrote after the plan was made, or what is to be created exists \
                     already: `\"fail\"` stops before anything is written and shows both sides, `\"overwrite\"` writes \
                     in any case and takes over what exists. Each resource can say otherwise. Left out: `\"fail\"`.",
                )
                .check(conflict::on_conflict),
            ],
        )
        .block(Block::single(
            "batch",
            "How the writes of variables are gathered into requests. Left out: the defaults, which suit most.",
            vec![
                Attribute::optional(
                    "window_ms",
                    Type::Number,
                    "How many milliseconds a write waits for others to travel with, from 0 to 100. While callers of an \
                     earlier request are about to come back, it waits for them 100 ms more at most. With 0 every write \
                     is sent at once, alone. Left out: 3.",
                )
                .check(rules::window_ms),
                Attribute::optional(
                    "max_items",
                    Type::Number,
                    "How many writes travel in one request at most, from 1 to 10,000. Left out: 10,000.",
                )
                .check(rules::max_items),
            ],
        ))
    }

    fn validate(&self, config: &Config) -> Diagnostics {
        match said(&config.host).map(|_| self.host(&config.host)) {
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
            Ok(Client::new(options))
        } else {
            Err(unknown)
        };
        let pace = config.batch.known().cloned().unwrap_or_default().pace();
        let defaults = Defaults { create_missing: config.create_missing, on_conflict: config.on_conflict };
        Ok(Session::new(client, defaults, pace))
    }

    fn readiness(&self, session: &Session) -> Readiness {
        match session.client() {
            Ok(_) => Readiness::Ready,
            Err(trouble) => Readiness::NotYet(messages::not_ready(&trouble)),
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
