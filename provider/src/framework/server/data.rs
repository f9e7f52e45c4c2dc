//! ReadDataSource.

use std::sync::Arc;

use tfplugin_proto::wire::read_data_source::{Request, Response};

use super::Server;
use super::connection::ConnectionState;
use crate::framework::diagnostics::Diagnostics;
use crate::framework::dynamic::{decode_required, encode_object};
use crate::framework::provider::Provider;

impl<P: Provider> Server<P> {
    pub(super) async fn read_data(
        &self,
        connection: &ConnectionState<P::Session>,
        request: &Request,
    ) -> Response {
        self.try_read_data(connection, request).await.unwrap_or_else(|diagnostics| Response {
            diagnostics: diagnostics.to_wire(),
            ..Default::default()
        })
    }

    async fn try_read_data(
        &self,
        connection: &ConnectionState<P::Session>,
        request: &Request,
    ) -> Result<Response, Diagnostics> {
        let source = self.data_source(&request.type_name)?;
        let ty = source.schema().object_type();
        let config = decode_required(request.config.as_ref(), &ty, "configuration")?;
        let session = Arc::clone(&connection.configured()?.session);
        let found = connection.or_stopped(source.read(&session, config)).await?;
        Ok(Response {
            state: Some(encode_object(Some(found.result), &ty)?),
            diagnostics: found.warnings.to_wire(),
            ..Default::default()
        })
    }
}
