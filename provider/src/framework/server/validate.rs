//! The Validate calls: the schema's validators, then the resource's own. Nothing here uses the network.

use tfplugin_proto::wire::{
    self, validate_data_resource_config, validate_ephemeral_resource_config, validate_provider_config,
    validate_resource_config,
};

use super::Server;
use crate::framework::diagnostics::{Diagnostic, Diagnostics};
use crate::framework::dynamic::decode_required;
use crate::framework::fields::Fields;
use crate::framework::model::to_model;
use crate::framework::provider::Provider;
use crate::framework::schema::Schema;

const WHAT: &str = "configuration";

fn validated(
    schema: &Schema,
    config: Option<&wire::DynamicValue>,
    validate: impl FnOnce(&Fields) -> Diagnostics,
) -> Diagnostics {
    match decode_required(config, &schema.object_type(), WHAT) {
        Ok(config) => validate(&config),
        Err(diagnostic) => diagnostic.into(),
    }
}

fn to_wire(diagnostics: Result<Diagnostics, Diagnostic>) -> Vec<wire::Diagnostic> {
    diagnostics.unwrap_or_else(Into::into).to_wire()
}

impl<P: Provider> Server<P> {
    pub(super) fn validate_provider(
        &self,
        request: &validate_provider_config::Request,
    ) -> validate_provider_config::Response {
        let schema = self.provider_schema();
        let diagnostics = validated(schema, request.config.as_ref(), |config| {
            let mut diagnostics = schema.validate(config);
            match to_model(config) {
                Ok(config) => diagnostics.append(self.provider.validate(&config)),
                // A value that a validator refuses often does not fit the model either; the validator says why.
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
            validated(resource.schema(), request.config.as_ref(), |config| resource.validate(config))
        });
        validate_resource_config::Response { diagnostics: to_wire(diagnostics) }
    }

    pub(super) fn validate_data_source(
        &self,
        request: &validate_data_resource_config::Request,
    ) -> validate_data_resource_config::Response {
        let diagnostics = self.data_source(&request.type_name).map(|source| {
            validated(source.schema(), request.config.as_ref(), |config| source.validate(config))
        });
        validate_data_resource_config::Response { diagnostics: to_wire(diagnostics) }
    }

    pub(super) fn validate_ephemeral(
        &self,
        request: &validate_ephemeral_resource_config::Request,
    ) -> validate_ephemeral_resource_config::Response {
        let diagnostics = self.ephemeral(&request.type_name).map(|resource| {
            validated(resource.schema(), request.config.as_ref(), |config| resource.validate(config))
        });
        validate_ephemeral_resource_config::Response { diagnostics: to_wire(diagnostics) }
    }
}
