//! Resource identities. No resource has one: objects are imported by ID.

use tfplugin_proto::wire::{get_resource_identity_schemas, upgrade_resource_identity};

use crate::framework::diagnostics::Diagnostic;

pub(super) fn schemas() -> get_resource_identity_schemas::Response {
    get_resource_identity_schemas::Response::default()
}

pub(super) fn upgrade(request: &upgrade_resource_identity::Request) -> upgrade_resource_identity::Response {
    let diagnostic = Diagnostic::error(
        "Resource identity is not supported",
        format!(
            "The state holds a resource identity for {}, which this version of the provider does not define. Use the \
             provider release that wrote the state, or a newer one.",
            request.type_name
        ),
    );
    upgrade_resource_identity::Response { diagnostics: vec![diagnostic.to_wire()], ..Default::default() }
}
