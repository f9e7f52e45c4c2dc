//! OpenEphemeralResource, RenewEphemeralResource and CloseEphemeralResource.

use std::sync::Arc;

use tfplugin_proto::wire::{close_ephemeral_resource, open_ephemeral_resource, renew_ephemeral_resource};

use super::Server;
use super::connection::ConnectionState;
use crate::framework::diagnostics::Diagnostics;
use crate::framework::dynamic::{decode_required, encode_object};
use crate::framework::fields::Fields;
use crate::framework::private::Private;
use crate::framework::provider::Provider;
use crate::framework::resource::Context;

fn context<S>(connection: &ConnectionState<S>, private: Option<&[u8]>) -> Result<Context<S>, Diagnostics> {
    Ok(Context {
        session: Arc::clone(&connection.configured()?.session),
        private: Private::decode(private.unwrap_or_default())?,
        config: Fields::new(),
        warnings: Diagnostics::new(),
    })
}

impl<P: Provider> Server<P> {
    pub(super) async fn open(
        &self,
        connection: &ConnectionState<P::Session>,
        request: &open_ephemeral_resource::Request,
    ) -> open_ephemeral_resource::Response {
        self.try_open(connection, request).await.unwrap_or_else(|diagnostics| {
            open_ephemeral_resource::Response { diagnostics: diagnostics.to_wire(), ..Default::default() }
        })
    }

    async fn try_open(
        &self,
        connection: &ConnectionState<P::Session>,
        request: &open_ephemeral_resource::Request,
    ) -> Result<open_ephemeral_resource::Response, Diagnostics> {
        let resource = self.ephemeral(&request.type_name)?;
        let ty = resource.schema().object_type();
        let config = decode_required(request.config.as_ref(), &ty, "configuration")?;
        let mut cx = context(connection, None)?;
        let opened = resource.open(&mut cx, config).await?;
        Ok(open_ephemeral_resource::Response {
            renew_at: opened.renew_at.map(Into::into),
            result: Some(encode_object(Some(opened.result), &ty)?),
            private: Some(cx.private.encode()),
            diagnostics: opened.warnings.to_wire(),
            ..Default::default()
        })
    }

    pub(super) async fn renew(
        &self,
        connection: &ConnectionState<P::Session>,
        request: renew_ephemeral_resource::Request,
    ) -> renew_ephemeral_resource::Response {
        let kept = request.private.clone();
        self.try_renew(connection, &request).await.unwrap_or_else(|diagnostics| {
            renew_ephemeral_resource::Response {
                diagnostics: diagnostics.to_wire(),
                private: kept,
                ..Default::default()
            }
        })
    }

    async fn try_renew(
        &self,
        connection: &ConnectionState<P::Session>,
        request: &renew_ephemeral_resource::Request,
    ) -> Result<renew_ephemeral_resource::Response, Diagnostics> {
        let resource = self.ephemeral(&request.type_name)?;
        let mut cx = context(connection, request.private.as_deref())?;
        let renew_at = resource.renew(&mut cx).await?;
        Ok(renew_ephemeral_resource::Response {
            renew_at: renew_at.map(Into::into),
            private: Some(cx.private.encode()),
            ..Default::default()
        })
    }

    pub(super) async fn close(
        &self,
        connection: &ConnectionState<P::Session>,
        request: &close_ephemeral_resource::Request,
    ) -> close_ephemeral_resource::Response {
        let diagnostics = self.try_close(connection, request).await.err().unwrap_or_default();
        close_ephemeral_resource::Response { diagnostics: diagnostics.to_wire() }
    }

    async fn try_close(
        &self,
        connection: &ConnectionState<P::Session>,
        request: &close_ephemeral_resource::Request,
    ) -> Result<(), Diagnostics> {
        let resource = self.ephemeral(&request.type_name)?;
        let mut cx = context(connection, request.private.as_deref())?;
        resource.close(&mut cx).await
    }
}
