//! `data.kontraktor_secret`: one secret, for hosts without ephemeral resources. The value is stored in the state.

use async_trait::async_trait;

use crate::framework::{DataSource, Diagnostics, ReadResult, Schema};
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
            "Reads one secret from its vault through the daemon, for hosts without ephemeral resources.\n\n!> \
             **Warning:** The value is stored in the state and in every saved plan, in clear text: anyone who can read \
             those can read the secret. With Terraform 1.10 or OpenTofu 1.11 and later, use the ephemeral resource \
             `kontraktor_secret` instead, which stores nothing.\n\nSet exactly one of: `project`, `env` and `key`; \
             `reference`; `id`. The secret is read again in every plan. If it has a lease, the lease is not renewed and \
             ends when the vault ends it. Secrets can be up to 16 MiB in size.",
            attributes,
        )
    }

    fn validate(&self, config: &Model) -> Diagnostics {
        config.arguments().validate()
    }

    async fn read(&self, session: &Session, config: Model) -> Result<ReadResult<Model>, Diagnostics> {
        let target = config.arguments().target()?;
        let read = session.read_secret(target.message.clone(), false).await;
        let (secret, _) = read.map_err(|unresolved| target.error(unresolved, false))?;
        let (result, warnings) = target.result(&secret, config);
        Ok(ReadResult { result, warnings })
    }
}
