//! Ephemeral `kontraktor_secret`: one secret, for as long as a walk takes.

use std::time::SystemTime;

use async_trait::async_trait;

use super::holds;
use crate::framework::{Context, Diagnostics, EphemeralResource, Opened, Schema};
use crate::secret_target::{self, Model};
use crate::session::Session;

/// The ephemeral resource.
pub(crate) struct Secret;

#[async_trait]
impl EphemeralResource<Session> for Secret {
    type Model = Model;

    fn type_name(&self) -> &'static str {
        "kontraktor_secret"
    }

    fn schema(&self) -> Schema {
        let mut attributes = secret_target::attributes();
        attributes.extend(secret_target::results());
        Schema::new(
            "One secret, read from its vault through the daemon. Its value goes into no state and no plan; use it in \
             write-only arguments, in provider blocks, in provisioners and in other ephemeral resources.\n\nName it by \
             exactly one of: `project`, `env` and `key`; `reference`; `id`. Terraform opens it in every plan and apply as \
             soon as the arguments are known, so a secret is read anew each time. Where the vault made it for this \
             reader and for a time (a lease, as of Vault's database engine), it is renewed while Terraform needs it and \
             revoked afterwards. Secrets of up to 16 MiB can be read. Needs Terraform 1.10 or OpenTofu 1.11; \
             for older hosts there is a data source, which leaves the value in the state.",
            attributes,
        )
    }

    fn validate(&self, config: &Model) -> Diagnostics {
        config.arguments().validate()
    }

    async fn open(&self, cx: &mut Context<Session>, config: Model) -> Result<Opened<Model>, Diagnostics> {
        let target = config.arguments().target()?;
        let read = cx.session.read_secret(target.message.clone(), true).await;
        let (secret, hold) = read.map_err(|unresolved| target.unresolved(unresolved, true))?;
        let (result, warnings) = target.show(&secret, config);
        let renew_at =
            holds::keep(&mut cx.private, hold.as_slice(), &format!("the secret {}", target.name()));
        Ok(Opened { result, renew_at, warnings })
    }

    async fn renew(&self, cx: &mut Context<Session>) -> Result<Option<SystemTime>, Diagnostics> {
        holds::renew(cx).await
    }

    async fn close(&self, cx: &mut Context<Session>) -> Result<(), Diagnostics> {
        holds::release(cx).await
    }
}
