//! ApplyResourceChange: create, update and delete, and the state after a failure.

use std::sync::Arc;

use tfplugin_proto::value::{Type, Value};
use tfplugin_proto::wire::apply_resource_change::{Request, Response};

use super::Server;
use super::connection::ConnectionState;
use crate::framework::diagnostics::{Diagnostic, Diagnostics};
use crate::framework::dynamic::{decode_object, encode_object};
use crate::framework::fields::Fields;
use crate::framework::private::Private;
use crate::framework::provider::Provider;
use crate::framework::resource::{Context, ErasedResource, Failure};

impl<P: Provider> Server<P> {
    pub(super) async fn apply(&self, connection: &ConnectionState<P::Session>, request: Request) -> Response {
        // If nothing was changed, an error returns the prior state as it came.
        let unchanged = Response {
            new_state: request.prior_state.clone(),
            private: request.planned_private.clone(),
            ..Default::default()
        };
        match self.try_apply(connection, request).await {
            Ok(response) => response,
            Err(diagnostics) => Response { diagnostics: diagnostics.to_wire(), ..unchanged },
        }
    }

    async fn try_apply(
        &self,
        connection: &ConnectionState<P::Session>,
        request: Request,
    ) -> Result<Response, Diagnostics> {
        let resource = self.resource(&request.type_name)?;
        let ty = resource.schema().object_type();
        let prior = decode_object(request.prior_state.as_ref(), &ty, "prior state")?;
        let planned = decode_object(request.planned_state.as_ref(), &ty, "planned state")?;
        let config = decode_object(request.config.as_ref(), &ty, "configuration")?;
        let mut cx = Context {
            session: Arc::clone(&connection.configured()?.session),
            private: Private::decode(&request.planned_private)?,
            config: config.unwrap_or_default(),
            warnings: Diagnostics::new(),
        };
        let (state, mut diagnostics) = change(resource, &mut cx, prior, planned).await;
        diagnostics.append(cx.warnings);
        respond(state, &diagnostics, &cx.private, &ty)
    }
}

/// Calls the matching function, and returns what exists afterwards.
async fn change<S>(
    resource: &dyn ErasedResource<S>,
    cx: &mut Context<S>,
    prior: Option<Fields>,
    planned: Option<Fields>,
) -> (Option<Fields>, Diagnostics) {
    let (result, before) = match (prior, planned) {
        (None, None) => return (None, Diagnostics::new()),
        (Some(prior), None) => match resource.delete(cx, prior.clone()).await {
            Ok(()) => return (None, Diagnostics::new()),
            Err(diagnostics) => return (Some(prior), diagnostics),
        },
        (None, Some(planned)) => (resource.create(cx, planned).await, None),
        (Some(prior), Some(planned)) => (resource.update(cx, prior.clone(), planned).await, Some(prior)),
    };
    match result {
        Ok(state) if state.values().all(Value::is_wholly_known) => (Some(state), Diagnostics::new()),
        Ok(state) => (Some(without_unknowns(state)), unknown_after_apply().into()),
        Err(Failure { diagnostics, state }) => (state.map(without_unknowns).or(before), diagnostics),
    }
}

fn respond(
    state: Option<Fields>,
    diagnostics: &Diagnostics,
    private: &Private,
    ty: &Type,
) -> Result<Response, Diagnostics> {
    Ok(Response {
        private: if state.is_some() { private.encode() } else { Vec::new() },
        new_state: Some(encode_object(state, ty)?),
        diagnostics: diagnostics.to_wire(),
        ..Default::default()
    })
}

/// Replaces unknown values by null, because a stored state must be wholly known.
fn without_unknowns(mut state: Fields) -> Fields {
    for value in state.values_mut() {
        if !value.is_wholly_known() {
            *value = Value::Null;
        }
    }
    state
}

fn unknown_after_apply() -> Diagnostic {
    Diagnostic::error(
        "Unknown value after apply",
        "The object was changed, but the provider left a value unknown. Report this as a bug of the provider.",
    )
}
