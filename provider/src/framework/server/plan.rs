//! PlanResourceChange: the planned create, update or destroy.
//!
//! The plan rules of the schema come first, then the resource's own. Warnings are returned together with the plan; an error
//! replaces it.

use std::sync::Arc;

use tfplugin_proto::value::AttributePath;
use tfplugin_proto::wire::plan_resource_change::{Request, Response};

use super::Server;
use super::connection::ConnectionState;
use crate::framework::diagnostics::Diagnostics;
use crate::framework::dynamic::{decode_object, decode_required, encode_object};
use crate::framework::fields::Fields;
use crate::framework::plan::plan;
use crate::framework::private::Private;
use crate::framework::provider::{Provider, Readiness};
use crate::framework::resource::PlanContext;

impl<P: Provider> Server<P> {
    pub(super) async fn plan(&self, connection: &ConnectionState<P::Session>, request: Request) -> Response {
        self.try_plan(connection, request).await.unwrap_or_else(|diagnostics| Response {
            diagnostics: diagnostics.to_wire(),
            ..Default::default()
        })
    }

    async fn try_plan(
        &self,
        connection: &ConnectionState<P::Session>,
        request: Request,
    ) -> Result<Response, Diagnostics> {
        let resource = self.resource(&request.type_name)?;
        let schema = resource.schema();
        let ty = schema.object_type();
        let proposed = decode_object(request.proposed_new_state.as_ref(), &ty, "proposed state")?;
        let prior = decode_object(request.prior_state.as_ref(), &ty, "prior state")?;
        let private = Private::decode(&request.prior_private)?;
        if let (Some(prior), Ok(configured)) = (&prior, connection.configured()) {
            resource.observe(&configured.session, &private, prior, true);
        }
        if proposed.is_none() {
            let mut cx = self.plan_context(connection, private, Fields::new());
            let diagnostics = match &prior {
                Some(prior) => connection.or_stopped(resource.plan_destroy(&mut cx, prior)).await?,
                None => Diagnostics::new(),
            };
            if diagnostics.has_errors() {
                return Err(diagnostics);
            }
            // The private state is kept, because deleting may need it.
            return Ok(Response {
                planned_state: Some(encode_object(None, &ty)?),
                planned_private: cx.private.encode(),
                diagnostics: diagnostics.to_wire(),
                ..Default::default()
            });
        }
        let config = decode_required(request.config.as_ref(), &ty, "configuration")?;
        let planned = plan(schema, prior.as_ref(), &config);
        let replaces = !planned.requires_replace.is_empty();
        let mut cx = self.plan_context(connection, private, config);
        let refined = resource.plan(&mut cx, prior.as_ref(), &planned.fields, replaces);
        let (fields, diagnostics) = connection.or_stopped(refined).await?;
        if diagnostics.has_errors() {
            return Err(diagnostics);
        }
        let requires_replace = planned.requires_replace.into_iter();
        Ok(Response {
            planned_state: Some(encode_object(Some(fields), &ty)?),
            requires_replace: requires_replace.map(|name| AttributePath::attribute(name).into()).collect(),
            planned_private: cx.private.encode(),
            diagnostics: diagnostics.to_wire(),
            ..Default::default()
        })
    }

    fn plan_context(
        &self,
        connection: &ConnectionState<P::Session>,
        private: Private,
        config: Fields,
    ) -> PlanContext<P::Session> {
        let configured = connection.configured().ok().map(|configured| Arc::clone(&configured.session));
        let ready = |session: &Arc<P::Session>| self.provider.readiness(session) == Readiness::Ready;
        let session = configured.clone().filter(ready);
        PlanContext { session, configured, private, config }
    }
}
