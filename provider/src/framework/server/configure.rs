//! ConfigureProvider: creates the session that later calls share.

use tfplugin_proto::wire::configure_provider::{Request, Response};

use super::Server;
use super::connection::ConnectionState;
use crate::framework::diagnostics::Diagnostics;
use crate::framework::dynamic::decode_required;
use crate::framework::model::to_model;
use crate::framework::provider::Provider;

impl<P: Provider> Server<P> {
    pub(super) async fn configure(
        &self,
        connection: &ConnectionState<P::Session>,
        request: &Request,
    ) -> Response {
        let diagnostics = self.try_configure(connection, request).await.err().unwrap_or_default();
        Response { diagnostics: diagnostics.to_wire() }
    }

    async fn try_configure(
        &self,
        connection: &ConnectionState<P::Session>,
        request: &Request,
    ) -> Result<(), Diagnostics> {
        let schema = self.provider_schema();
        let config =
            decode_required(request.config.as_ref(), &schema.object_type(), "provider configuration")?;
        let diagnostics = schema.validate(&config);
        if diagnostics.has_errors() {
            return Err(diagnostics);
        }
        connection.configure(self.provider.configure(&request.terraform_version, to_model(&config)?).await?);
        Ok(())
    }
}
