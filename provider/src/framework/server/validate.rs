//! The Validate calls: the schema's checks, then those of the resource. Nothing here reaches the network.

use tfplugin_proto::wire::{
    self, validate_data_resource_config, validate_ephemeral_resource_config, validate_provider_config,
    validate_resource_config,
};

use super::Server;
use crate::framework::diagnostics::{Diagnostic, Diagnostics};
use crate::framework::dynamic::decode_required;
use crate::framework::provider::Provider;
use crate::framework::resource::typed;
use crate::framework::schema::{Fields, Schema};

const WHAT: &str = "configuration";

fn checked(
    schema: &Schema,
    config: Option<&wire::DynamicValue>,
    check: impl FnOnce(&Fields) -> Diagnostics,
) -> Diagnostics {
    match decode_required(config, &schema.object_type(), WHAT) {
        Ok(config) => check(&config),
        Err(diagnostic) => diagnostic.into(),
    }
}

fn told(diagnostics: Result<Diagnostics, Diagnostic>) -> Vec<wire::Diagnostic> {
    diagnostics.unwrap_or_else(Into::into).to_wire()
}

impl<P: Provider> Server<P> {
    pub(super) fn validate_provider(
        &self,
        request: &validate_provider_config::Request,
    ) -> validate_provider_config::Response {
        let schema = self.provider_schema();
        let diagnostics = checked(schema, request.config.as_ref(), |config| {
            let mut diagnostics = schema.check(config);
            match typed(config) {
                Ok(config) => diagnostics.append(self.provider.validate(&config)),
                // What a check refuses often does not fit the model either, and the check says why.
                Err(_) if diagnostics.has_errors() => {}
                Err(diagnostic) => diagnostics.push(diagnostic),
            }
            diagnostics
        });
        validate_provider_config::Response { diagnostics: diagnostics.to_wire() }
    }

    pub(super) fn validate_resource(
        &self,
        request: &validate_resource_config::Request,
    ) -> validate_resource_config::Response {
        let diagnostics = self.resource(&request.type_name).map(|resource| {
            checked(resource.schema(), request.config.as_ref(), |config| resource.validate(config))
        });
        validate_resource_config::Response { diagnostics: told(diagnostics) }
    }

    pub(super) fn validate_data_source(
        &self,
        request: &validate_data_resource_config::Request,
    ) -> validate_data_resource_config::Response {
        let diagnostics = self.data_source(&request.type_name).map(|source| {
            checked(source.schema(), request.config.as_ref(), |config| source.validate(config))
        });
        validate_data_resource_config::Response { diagnostics: told(diagnostics) }
    }

    pub(super) fn validate_ephemeral(
        &self,
        request: &validate_ephemeral_resource_config::Request,
    ) -> validate_ephemeral_resource_config::Response {
        let diagnostics = self.ephemeral(&request.type_name).map(|resource| {
            checked(resource.schema(), request.config.as_ref(), |config| resource.validate(config))
        });
        validate_ephemeral_resource_config::Response { diagnostics: told(diagnostics) }
    }
}
