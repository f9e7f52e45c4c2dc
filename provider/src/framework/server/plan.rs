//! PlanResourceChange: what a create, update or destroy would come to. No network.

use tfplugin_proto::value::AttributePath;
use tfplugin_proto::wire::plan_resource_change::{Request, Response};

use super::Server;
use crate::framework::diagnostics::Diagnostics;
use crate::framework::dynamic::{decode_object, decode_required, encode_object};
use crate::framework::plan::plan;
use crate::framework::provider::Provider;

impl<P: Provider> Server<P> {
    pub(super) fn plan(&self, request: Request) -> Response {
        self.try_plan(request).unwrap_or_else(|diagnostics| Response {
            diagnostics: diagnostics.to_wire(),
            ..Default::default()
        })
    }

    fn try_plan(&self, request: Request) -> Result<Response, Diagnostics> {
        let resource = self.resource(&request.type_name)?;
        let schema = resource.schema();
        let ty = schema.object_type();
        let proposed = decode_object(request.proposed_new_state.as_ref(), &ty, "proposed state")?;
        if proposed.is_none() {
            // A destroy: the private state goes along, because deleting may need it.
            return Ok(Response {
                planned_state: Some(encode_object(None, &ty)?),
                planned_private: request.prior_private,
                ..Default::default()
            });
        }
        let prior = decode_object(request.prior_state.as_ref(), &ty, "prior state")?;
        let config = decode_required(request.config.as_ref(), &ty, "configuration")?;
        let planned = plan(schema, prior.as_ref(), &config);
        let fields = resource.refine(planned.fields)?;
        let requires_replace = planned.requires_replace.into_iter();
        Ok(Response {
            planned_state: Some(encode_object(Some(fields), &ty)?),
            requires_replace: requires_replace.map(|name| AttributePath::attribute(name).into()).collect(),
            planned_private: request.prior_private,
            ..Default::default()
        })
    }
}
