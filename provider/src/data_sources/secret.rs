//! `data.kontraktor_secret`: one secret, for hosts that know no ephemeral resources. The value enters the state.

use async_trait::async_trait;

use crate::framework::{DataSource, Diagnostics, Found, Schema, Sensitive};
use crate::model;
use crate::secret_target::{self, Arguments};
use crate::session::Session;

model! {
    /// The data source's arguments and results.
    pub(crate) struct Model {
        /// The project.
        project: String,
        /// The environment's name inside the project.
        env: String,
        /// The key of a secret reference.
        key: String,
        /// A reference itself.
        reference: String,
        /// The id of a `kontraktor_secret_reference`.
        id: String,
        /// The text.
        value: Sensitive,
        /// The bytes.
        value_base64: Sensitive,
        /// What the vault calls the version.
        version: String,
        /// The vault's name.
        vault: String,
        /// Whether the vault did not answer.
        stale: bool,
    }
}

impl Model {
    fn arguments(&self) -> Arguments<'_> {
        let Self { project, env, key, reference, id, .. } = self;
        Arguments { project, env, key, reference, id }
    }
}

/// The data source.
pub(crate) struct Secret;

#[async_trait]
impl DataSource<Session> for Secret {
    type Model = Model;

    fn type_name(&self) -> &'static str {
        "kontraktor_secret"
    }

    fn schema(&self) -> Schema {
        let mut attributes = secret_target::attributes();
        attributes.extend(secret_target::results());
        Schema::new(
            "The value enters the state and every saved plan, in the clear, and stays there until it is overwritten: \
             whoever can read those can read the secret. From Terraform 1.10 and OpenTofu 1.11 on, use the ephemeral \
             resource `kontraktor_secret`, which leaves no trace.\n\nOne secret, read from its vault through the daemon, \
             for hosts that know no ephemeral resources. Name it by exactly one of: `project`, `env` and `key`; \
             `reference`; `id`. It is read anew in every plan. A lease that comes with it is not renewed: what it is good \
             for ends when the vault says so. Secrets of up to 16 MiB can be read.",
            attributes,
        )
    }

    fn validate(&self, config: &Model) -> Diagnostics {
        config.arguments().validate()
    }

    async fn read(&self, session: &Session, config: Model) -> Result<Found<Model>, Diagnostics> {
        let target = config.arguments().target()?;
        let read = session.read_secret(target.message.clone(), false).await;
        let (secret, _) = read.map_err(|unresolved| target.unresolved(unresolved, false))?;
        let shown = target.show(&secret);
        let result = Model {
            value: shown.value,
            value_base64: shown.value_base64,
            version: shown.version,
            vault: shown.vault,
            stale: shown.stale,
            ..config
        };
        Ok(Found { result, warnings: shown.warnings })
    }
}
