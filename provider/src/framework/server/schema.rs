//! GetMetadata and GetProviderSchema: the catalog, and its schemas.

use tfplugin_proto::wire::{self, get_metadata, get_provider_schema};

use super::Server;
use crate::framework::provider::Provider;

/// The provider plans destroys, answers without a preceding request for the schema, and responds to moves between types.
fn capabilities() -> wire::ServerCapabilities {
    wire::ServerCapabilities {
        plan_destroy: true,
        get_provider_schema_optional: true,
        move_resource_state: true,
        ..Default::default()
    }
}

impl<P: Provider> Server<P> {
    pub(super) fn metadata(&self) -> get_metadata::Response {
        let name = |name: &&'static str| (*name).to_owned();
        get_metadata::Response {
            server_capabilities: Some(capabilities()),
            resources: (self.catalog.resources.keys().map(name))
                .map(|type_name| get_metadata::ResourceMetadata { type_name })
                .collect(),
            data_sources: (self.catalog.data_sources.keys().map(name))
                .map(|type_name| get_metadata::DataSourceMetadata { type_name })
                .collect(),
            ephemeral_resources: (self.catalog.ephemerals.keys().map(name))
                .map(|type_name| get_metadata::EphemeralResourceMetadata { type_name })
                .collect(),
            functions: (self.catalog.functions.keys().map(name))
                .map(|name| get_metadata::FunctionMetadata { name })
                .collect(),
            ..Default::default()
        }
    }

    pub(super) fn schemas(&self) -> get_provider_schema::Response {
        get_provider_schema::Response {
            provider: Some(self.provider_schema().to_wire()),
            resource_schemas: (self.catalog.resources.iter())
                .map(|(name, resource)| ((*name).to_owned(), resource.schema().to_wire()))
                .collect(),
            data_source_schemas: (self.catalog.data_sources.iter())
                .map(|(name, source)| ((*name).to_owned(), source.schema().to_wire()))
                .collect(),
            ephemeral_resource_schemas: (self.catalog.ephemerals.iter())
                .map(|(name, resource)| ((*name).to_owned(), resource.schema().to_wire()))
                .collect(),
            functions: self.functions().functions,
            server_capabilities: Some(capabilities()),
            ..Default::default()
        }
    }
}
