//! ImportResourceState: the state that follows from the import ID; the host reads the rest afterwards.

use tfplugin_proto::wire::import_resource_state::{ImportedResource, Request, Response};

use super::Server;
use super::connection::ConnectionState;
use crate::framework::diagnostics::{Diagnostic, Diagnostics};
use crate::framework::dynamic::encode_object;
use crate::framework::provider::{Provider, Readiness};

impl<P: Provider> Server<P> {
    pub(super) fn import(&self, connection: &ConnectionState<P::Session>, request: &Request) -> Response {
        match self.try_import(connection, request) {
            Ok(imported) => Response { imported_resources: vec![imported], ..Default::default() },
            Err(diagnostics) => Response { diagnostics: diagnostics.to_wire(), ..Default::default() },
        }
    }

    fn try_import(
        &self,
        connection: &ConnectionState<P::Session>,
        request: &Request,
    ) -> Result<ImportedResource, Diagnostics> {
        let resource = self.resource(&request.type_name)?;
        if request.id.is_empty() {
            return Err(Diagnostic::error(
                "Missing import ID",
                format!("{} is imported by its ID. Set `id` in the import block.", request.type_name),
            )
            .into());
        }
        // The read that follows would have to keep a state with nothing but the ID.
        if let Readiness::NotYet(diagnostic) = self.provider.readiness(&connection.configured()?.session) {
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
