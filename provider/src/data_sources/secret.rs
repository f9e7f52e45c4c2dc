//! `data.kontraktor_secret`: one secret, for hosts that know no ephemeral resources. The value enters the state.

use async_trait::async_trait;

use crate::framework::{DataSource, Diagnostics, Found, Schema};
use crate::secret_target::{self, Model};
use crate::session::Session;

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
        let (result, warnings) = target.show(&secret, config);
        Ok(Found { result, warnings })
    }
}
