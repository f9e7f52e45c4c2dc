//! Ephemeral `kontraktor_secret`: one secret, for the duration of one walk.

use std::time::SystemTime;

use async_trait::async_trait;

use super::holds;
use crate::framework::{Context, Diagnostics, EphemeralResource, OpenResult, Schema};
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
            "Reads one secret from its vault through the daemon. Its value is stored in neither the state nor a plan; use it \
             in write-only arguments, provider blocks, provisioners and other ephemeral resources.\n\nSet exactly one of: \
             `project`, `env` and `key`; `reference`; `id`. Terraform opens the resource in every plan and apply as soon as \
             its arguments are known, and reads the secret again each time. If the vault creates the secret for a limited \
             time (a lease, as with Vault's database engine), the lease is renewed while Terraform needs it and revoked \
             afterwards. Secrets can be up to 16 MiB in size. Requires Terraform 1.10 or OpenTofu 1.11; for older versions \
             there is a data source, which stores the value in the state.",
            attributes,
        )
    }

    fn validate(&self, config: &Model) -> Diagnostics {
        config.arguments().validate()
    }

    async fn open(&self, cx: &mut Context<Session>, config: Model) -> Result<OpenResult<Model>, Diagnostics> {
        let target = config.arguments().target()?;
        let read = cx.session.read_secret(target.message.clone(), true).await;
        let (secret, hold) = read.map_err(|unresolved| target.error(unresolved, true))?;
        let (result, warnings) = target.result(&secret, config);
        let renew_at = holds::store(&mut cx.private, hold.as_slice(), &format!("secret {}", target.name()));
        Ok(OpenResult { result, renew_at, warnings })
    }

    async fn renew(&self, cx: &mut Context<Session>) -> Result<Option<SystemTime>, Diagnostics> {
        holds::renew(cx).await
    }

    async fn close(&self, cx: &mut Context<Session>) -> Result<(), Diagnostics> {
        holds::release(cx).await
    }
}
