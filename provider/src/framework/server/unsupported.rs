//! Calls that this provider does not support: list resources, actions, state stores, generated configuration. Each responds
//! with a diagnostic.

use tfplugin_proto::wire::{
    self, generate_resource_config, invoke_action, list_resource, plan_action, validate_action_config,
    validate_list_resource_config,
};

use super::unknown;
use crate::framework::diagnostics::Diagnostic;

fn no(kind: &str, name: &str) -> Vec<wire::Diagnostic> {
    vec![unknown(kind, name).to_wire()]
}

pub(super) fn no_state_store(name: &str) -> Vec<wire::Diagnostic> {
    no("state store", name)
}

pub(super) fn generate_resource_config(
    request: &generate_resource_config::Request,
) -> generate_resource_config::Response {
    let diagnostic = Diagnostic::error(
        "Generated configuration is not supported",
        format!(
            "The provider does not generate the configuration of {}. Use `terraform plan -generate-config-out=FILE`.",
            request.type_name
        ),
    );
    generate_resource_config::Response { diagnostics: vec![diagnostic.to_wire()], ..Default::default() }
}

pub(super) fn list_resource(request: &list_resource::Request) -> list_resource::Event {
    list_resource::Event { diagnostic: no("list resource", &request.type_name), ..Default::default() }
}

pub(super) fn validate_list_resource(
    request: &validate_list_resource_config::Request,
) -> validate_list_resource_config::Response {
    validate_list_resource_config::Response { diagnostics: no("list resource", &request.type_name) }
}

pub(super) fn validate_action(request: &validate_action_config::Request) -> validate_action_config::Response {
    validate_action_config::Response { diagnostics: no("action", &request.action_type) }
}

pub(super) fn plan_action(request: &plan_action::Request) -> plan_action::Response {
    plan_action::Response { diagnostics: no("action", &request.action_type), ..Default::default() }
}

pub(super) fn invoke_action(request: &invoke_action::Request) -> invoke_action::Event {
    let completed = invoke_action::event::Completed { diagnostics: no("action", &request.action_type) };
    invoke_action::Event { r#type: Some(invoke_action::event::Type::Completed(completed)) }
}
