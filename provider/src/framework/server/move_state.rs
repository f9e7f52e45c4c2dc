//! MoveResourceState: `moved` blocks between resource types. None is supported.

use tfplugin_proto::wire::move_resource_state::{Request, Response};

use super::Server;
use crate::framework::diagnostics::Diagnostic;
use crate::framework::provider::Provider;

impl<P: Provider> Server<P> {
    pub(super) fn move_state(&self, request: &Request) -> Response {
        let diagnostic = self.resource(&request.target_type_name).err().unwrap_or_else(|| {
            Diagnostic::error(
                "Move between resource types is not supported",
                format!(
                    "The state of {} from {} cannot be moved to {}. Replace the `moved` block with a `removed` block for the \
                     old object and an `import` block for the new one.",
                    request.source_type_name, request.source_provider_address, request.target_type_name
                ),
            )
        });
        Response { diagnostics: vec![diagnostic.to_wire()], ..Default::default() }
    }
}
