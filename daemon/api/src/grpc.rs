//! `kontraktor.v1`, `grpc.health.v1` and reflection.
//!
//! It is thin: each function turns a message into the domain's words, asks the service, and turns the answer back.

mod access;
mod audit;
pub(crate) mod convert;
mod environments;
mod health;
mod projects;
mod schemas;
mod secrets;
mod status;
mod system;
mod variables;

use std::{path::Path, sync::Arc};

use axum::Router;
use kontraktor_access::Caller;
use kontraktor_model::limits::{MAX_ANSWER_BYTES, MAX_MESSAGE_BYTES};
use kontraktor_proto::{
    FILE_DESCRIPTOR_SET,
    v1::{
        access_server::AccessServer, audit_server::AuditServer, environments_server::EnvironmentsServer,
        projects_server::ProjectsServer, schemas_server::SchemasServer, secrets_server::SecretsServer,
        system_server::SystemServer, variables_server::VariablesServer,
    },
};
use kontraktor_service::Service;
use tonic::{Request, Status, service::Routes};

pub(crate) use self::{
    health::Health,
    status::{problem, status},
    system::daemon_status,
};
use super::stopping::Stopping;
use kontraktor_domain::{Code, Refusal};

/// The largest question about the API itself. It names a symbol or a file, and its stream lasts as long as its client likes.
const MAX_QUESTION_BYTES: usize = 64 * 1024;

/// What every service of the API works on.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) service: Service,
    pub(crate) data_dir: Arc<Path>,
    /// For streams without an end of their own.
    pub(crate) stopping: Stopping,
}

/// Returns the routes of all gRPC services.
pub(crate) fn routes(api: &Api, health: &Health) -> Result<Router, tonic_reflection::server::Error> {
    macro_rules! limited {
        ($server:ident) => {
            $server::new(api.clone())
                .max_decoding_message_size(MAX_MESSAGE_BYTES)
                .max_encoding_message_size(MAX_ANSWER_BYTES)
        };
    }
    let described = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let routes = Routes::new(limited!(ProjectsServer))
        .add_service(limited!(EnvironmentsServer))
        .add_service(limited!(VariablesServer))
        .add_service(limited!(SchemasServer))
        .add_service(limited!(SecretsServer))
        .add_service(limited!(AuditServer))
        .add_service(limited!(AccessServer))
        .add_service(limited!(SystemServer))
        .add_service(described().build_v1()?.max_decoding_message_size(MAX_QUESTION_BYTES))
        // Older tools know only this one.
        .add_service(described().build_v1alpha()?.max_decoding_message_size(MAX_QUESTION_BYTES))
        .add_service(health.server());
    Ok(routes.into_axum_router())
}

/// Returns who calls, as the authentication layer found out.
fn caller<T>(request: &Request<T>) -> Result<Arc<Caller>, Status> {
    let caller = request.extensions().get::<Arc<Caller>>();
    caller.cloned().ok_or_else(|| status(Refusal::new(Code::Denied, "the request has no caller")))
}

#[cfg(test)]
mod tests;
