//! The provider block, its fallbacks in the process's environment, and the catalog of resources, data sources and functions.

mod connection;
mod schema;
mod settings;

use std::time::Duration;

use async_trait::async_trait;
use kontraktor_proto::client::Client;

pub use self::settings::Settings;
use crate::framework::{Catalog, Diagnostics, Provider, Readiness, Schema};
use crate::session::{BatchOptions, Defaults, Session};
use crate::{data_sources, ephemeral, errors, functions, model, resources};

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
        /// The certificates of the authorities that are trusted.
        ca_certificate: String,
        /// The client certificate.
        client_certificate: String,
        /// The key of the client certificate.
        client_key: String,
        /// The bearer token.
        oauth_token: String,
        /// The client id.
        client_id: String,
        /// The client secret.
        client_secret: String,
        /// The token endpoint.
        token_url: String,
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

/// The provider.
pub struct Kontraktor {
    settings: Settings,
}

impl Kontraktor {
    /// Creates a provider with these settings from the process's environment.
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }
}

#[async_trait]
impl Provider for Kontraktor {
    type Config = Config;
    type Session = Session;

    fn schema(&self) -> Schema {
        schema::schema()
    }

    fn validate(&self, config: &Config) -> Diagnostics {
        match connection::validate(config) {
            Ok(()) => Diagnostics::new(),
            Err(diagnostic) => diagnostic.into(),
        }
    }

    async fn configure(&self, terraform_version: &str, config: Config) -> Result<Session, Diagnostics> {
        let unknown = connection::unknown(&config);
        let client = if unknown.is_empty() {
            let mut options = connection::options(&self.settings, &config)?;
            options.user_agent = format!(
                "terraform-provider-kontraktor/{} terraform/{terraform_version}",
                env!("CARGO_PKG_VERSION")
            );
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
            .resource(resources::RoleBinding)
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
