//! `grpc.health.v1`: whether the daemon serves, for the daemon as a whole and for each of its services.

use kontraktor_model::limits::MAX_MESSAGE_BYTES;
use kontraktor_proto::v1::{
    access_server::AccessServer, audit_server::AuditServer, environments_server::EnvironmentsServer,
    projects_server::ProjectsServer, schemas_server::SchemasServer, secrets_server::SecretsServer,
    system_server::SystemServer, variables_server::VariablesServer,
};
use tonic::server::NamedService;
use tonic_health::{
    ServingStatus,
    pb::health_server::HealthServer,
    server::{HealthReporter, HealthService},
};

use super::Api;

/// The names under which health is reported; the empty one is the daemon as a whole.
const NAMES: [&str; 9] = [
    "",
    <ProjectsServer<Api> as NamedService>::NAME,
    <EnvironmentsServer<Api> as NamedService>::NAME,
    <VariablesServer<Api> as NamedService>::NAME,
    <SchemasServer<Api> as NamedService>::NAME,
    <SecretsServer<Api> as NamedService>::NAME,
    <AuditServer<Api> as NamedService>::NAME,
    <AccessServer<Api> as NamedService>::NAME,
    <SystemServer<Api> as NamedService>::NAME,
];

/// The health of the daemon, as its clients see it.
pub(crate) struct Health {
    reporter: HealthReporter,
}

impl Health {
    /// Reports that every service serves.
    pub(crate) async fn serving() -> Self {
        let reporter = HealthReporter::new();
        for name in NAMES {
            reporter.set_service_status(name, ServingStatus::Serving).await;
        }
        Self { reporter }
    }

    /// Returns the service that answers.
    pub(super) fn server(&self) -> HealthServer<HealthService> {
        HealthServer::new(HealthService::from_health_reporter(self.reporter.clone()))
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
    }

    /// Reports the end to those who watch, and ends their streams: an open stream would hold the connection, and the
    /// connection would hold the shutdown.
    pub(crate) async fn end(&mut self) {
        for name in NAMES {
            self.reporter.set_service_status(name, ServingStatus::NotServing).await;
            self.reporter.clear_service_status(name).await;
        }
    }
}
