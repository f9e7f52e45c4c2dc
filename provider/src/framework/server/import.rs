//! ImportResourceState: what the id says; the host reads the rest afterwards.

use tfplugin_proto::wire::import_resource_state::{ImportedResource, Request, Response};

use super::Server;
use super::slot::Slot;
use crate::framework::diagnostics::{Diagnostic, Diagnostics};
use crate::framework::dynamic::encode_object;
use crate::framework::provider::{Provider, Readiness};

impl<P: Provider> Server<P> {
    pub(super) fn import(&self, slot: &Slot<P::Session>, request: &Request) -> Response {
        match self.try_import(slot, request) {
            Ok(imported) => Response { imported_resources: vec![imported], ..Default::default() },
            Err(diagnostics) => Response { diagnostics: diagnostics.to_wire(), ..Default::default() },
        }
    }

    fn try_import(
        &self,
        slot: &Slot<P::Session>,
        request: &Request,
    ) -> Result<ImportedResource, Diagnostics> {
        let resource = self.resource(&request.type_name)?;
        if request.id.is_empty() {
            return Err(Diagnostic::error(
                "The import has no id",
                format!("{} is imported by its id. Give the import block an `id`.", request.type_name),
            )
            .into());
        }
        // The read that follows would have to keep a state of which nothing is known but the id.
        if let Readiness::NotYet(diagnostic) = self.provider.readiness(&slot.configured()?.session) {
            return Err(diagnostic.into());
        }
        let state = resource.import(&request.id)?;
        Ok(ImportedResource {
            type_name: request.type_name.clone(),
            state: Some(encode_object(Some(state), &resource.schema().object_type())?),
            ..Default::default()
        })
    }
}
