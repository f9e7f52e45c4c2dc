//! ReadResource: the current object. While the provider cannot make requests yet, the state is kept.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tfplugin_proto::wire::read_resource::{Request, Response};

use super::Server;
use super::connection::ConnectionState;
use crate::framework::diagnostics::{Diagnostics, Severity};
use crate::framework::dynamic::{decode_object, encode_object};
use crate::framework::fields::Fields;
use crate::framework::private::Private;
use crate::framework::provider::{Provider, Readiness};
use crate::framework::resource::Context;

impl<P: Provider> Server<P> {
    pub(super) async fn read(&self, connection: &ConnectionState<P::Session>, request: Request) -> Response {
        let kept = Response {
            new_state: request.current_state.clone(),
            private: request.private.clone(),
            ..Default::default()
        };
        match self.try_read(connection, request).await {
            Ok(Some(response)) => response,
            Ok(None) => kept,
            Err(diagnostics) => Response { diagnostics: diagnostics.to_wire(), ..kept },
        }
    }

    /// `None`: keep the state as it came.
    async fn try_read(
        &self,
        connection: &ConnectionState<P::Session>,
        request: Request,
    ) -> Result<Option<Response>, Diagnostics> {
        let resource = self.resource(&request.type_name)?;
        let ty = resource.schema().object_type();
        let Some(state) = decode_object(request.current_state.as_ref(), &ty, "state")? else {
            return Ok(None);
        };
        let configured = connection.configured()?;
        if let Readiness::NotYet(mut diagnostic) = self.provider.readiness(&configured.session) {
            if configured.warned_not_ready.swap(true, Ordering::Relaxed) {
                return Ok(None);
            }
            diagnostic.severity = Severity::Warning;
            return Err(diagnostic.into());
        }
        let private = Private::decode(&request.private)?;
        let before = state.clone();
        let mut cx = Context {
            session: Arc::clone(&configured.session),
            private,
            config: Fields::new(),
            warnings: Diagnostics::new(),
        };
        let state = connection.or_stopped(resource.read(&mut cx, state)).await?;
        resource.observe(&configured.session, &cx.private, &before, false);
        if let Some(state) = &state {
            resource.observe(&configured.session, &cx.private, state, true);
        }
        Ok(Some(Response {
            private: if state.is_some() { cx.private.encode() } else { Vec::new() },
            new_state: Some(encode_object(state, &ty)?),
            diagnostics: cx.warnings.to_wire(),
            ..Default::default()
        }))
    }
}
