//! ConfigureProvider: makes the session that later calls share.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, PoisonError};

use tfplugin_proto::wire::configure_provider::{Request, Response};

use super::{Configured, Server};
use crate::framework::diagnostics::Diagnostics;
use crate::framework::dynamic::decode_required;
use crate::framework::provider::Provider;
use crate::framework::resource::typed;

impl<P: Provider> Server<P> {
    pub(super) async fn configure(&self, request: &Request) -> Response {
        let diagnostics = self.try_configure(request).await.err().unwrap_or_default();
        Response { diagnostics: diagnostics.to_wire() }
    }

    async fn try_configure(&self, request: &Request) -> Result<(), Diagnostics> {
        let schema = self.provider_schema();
        let config =
            decode_required(request.config.as_ref(), &schema.object_type(), "provider configuration")?;
        let diagnostics = schema.check(&config);
        if diagnostics.has_errors() {
            return Err(diagnostics);
        }
        let session = self.provider.configure(&request.terraform_version, typed(&config)?).await?;
        let configured = Configured { session: Arc::new(session), told_not_ready: AtomicBool::new(false) };
        *self.configured.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(configured));
        Ok(())
    }
}
