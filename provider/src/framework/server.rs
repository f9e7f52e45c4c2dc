//! The protocol's provider service for a [`Provider`]: one file for each group of calls.
//!
//! This file owns the lookups that the calls share, and the list of calls; `connection` owns what a connection shares. Errors
//! are returned as diagnostics wherever the response has room for them, never as gRPC errors.

mod apply;
mod configure;
mod connection;
mod data;
mod ephemeral;
mod functions;
mod identity;
mod import;
mod move_state;
mod plan;
mod read;
mod schema;
mod unsupported;
mod upgrade;
mod validate;

use std::sync::{Arc, OnceLock};

use tfplugin_proto::wire::{self, provider_server};
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status, Streaming};

use self::connection::ConnectionState;
use super::data_source::ErasedDataSource;
use super::diagnostics::Diagnostic;
use super::ephemeral::ErasedEphemeral;
use super::function::Function;
use super::provider::{Catalog, Provider};
use super::resource::ErasedResource;
use super::schema::Schema;

/// The server of one provider process.
pub struct Server<P: Provider> {
    provider: P,
    provider_schema: OnceLock<Schema>,
    catalog: Catalog<P::Session>,
    default_connection: Arc<ConnectionState<P::Session>>,
}

impl<P: Provider> Server<P> {
    /// Creates a server that is not configured yet.
    pub fn new(provider: P) -> Self {
        let catalog = provider.catalog();
        Self { provider, provider_schema: OnceLock::new(), catalog, default_connection: Arc::default() }
    }

    fn provider_schema(&self) -> &Schema {
        self.provider_schema.get_or_init(|| self.provider.schema())
    }

    fn resource(&self, name: &str) -> Result<&dyn ErasedResource<P::Session>, Diagnostic> {
        self.catalog.resources.get(name).map(AsRef::as_ref).ok_or_else(|| unknown("resource", name))
    }

    fn data_source(&self, name: &str) -> Result<&dyn ErasedDataSource<P::Session>, Diagnostic> {
        self.catalog.data_sources.get(name).map(AsRef::as_ref).ok_or_else(|| unknown("data source", name))
    }

    fn ephemeral(&self, name: &str) -> Result<&dyn ErasedEphemeral<P::Session>, Diagnostic> {
        self.catalog
            .ephemerals
            .get(name)
            .map(AsRef::as_ref)
            .ok_or_else(|| unknown("ephemeral resource", name))
    }

    fn function(&self, name: &str) -> Option<&dyn Function> {
        self.catalog.functions.get(name).map(AsRef::as_ref)
    }
}

fn unknown(kind: &str, name: &str) -> Diagnostic {
    Diagnostic::error(
        format!("Unknown {kind} {name}"),
        format!(
            "This version of the provider has no {kind} {name}. Check the spelling, or use a version of the provider that \
             has it."
        ),
    )
}

type RpcResult<T> = Result<Response<T>, Status>;

#[expect(clippy::unnecessary_wraps, reason = "every call returns this type")]
fn respond<T>(response: T) -> RpcResult<T> {
    Ok(Response::new(response))
}

/// Responds with a stream of one event.
fn respond_once<T: Send + 'static>(event: T) -> RpcResult<BoxStream<T>> {
    respond(Box::pin(tokio_stream::once(Ok(event))))
}

#[tonic::async_trait]
impl<P: Provider> provider_server::Provider for Server<P> {
    async fn get_metadata(
        &self,
        _request: Request<wire::get_metadata::Request>,
    ) -> RpcResult<wire::get_metadata::Response> {
        respond(self.metadata())
    }

    async fn get_provider_schema(
        &self,
        _request: Request<wire::get_provider_schema::Request>,
    ) -> RpcResult<wire::get_provider_schema::Response> {
        respond(self.schemas())
    }

    async fn get_resource_identity_schemas(
        &self,
        _request: Request<wire::get_resource_identity_schemas::Request>,
    ) -> RpcResult<wire::get_resource_identity_schemas::Response> {
        respond(identity::schemas())
    }

    async fn validate_provider_config(
        &self,
        request: Request<wire::validate_provider_config::Request>,
    ) -> RpcResult<wire::validate_provider_config::Response> {
        respond(self.validate_provider(&request.into_inner()))
    }

    async fn validate_resource_config(
        &self,
        request: Request<wire::validate_resource_config::Request>,
    ) -> RpcResult<wire::validate_resource_config::Response> {
        respond(self.validate_resource(&request.into_inner()))
    }

    async fn validate_data_resource_config(
        &self,
        request: Request<wire::validate_data_resource_config::Request>,
    ) -> RpcResult<wire::validate_data_resource_config::Response> {
        respond(self.validate_data_source(&request.into_inner()))
    }

    async fn validate_ephemeral_resource_config(
        &self,
        request: Request<wire::validate_ephemeral_resource_config::Request>,
    ) -> RpcResult<wire::validate_ephemeral_resource_config::Response> {
        respond(self.validate_ephemeral(&request.into_inner()))
    }

    async fn upgrade_resource_state(
        &self,
        request: Request<wire::upgrade_resource_state::Request>,
    ) -> RpcResult<wire::upgrade_resource_state::Response> {
        let connection = self.connection(&request);
        respond(self.upgrade(&connection, &request.into_inner()))
    }

    async fn upgrade_resource_identity(
        &self,
        request: Request<wire::upgrade_resource_identity::Request>,
    ) -> RpcResult<wire::upgrade_resource_identity::Response> {
        respond(identity::upgrade(&request.into_inner()))
    }

    async fn configure_provider(
        &self,
        request: Request<wire::configure_provider::Request>,
    ) -> RpcResult<wire::configure_provider::Response> {
        let connection = self.connection(&request);
        respond(self.configure(&connection, &request.into_inner()).await)
    }

    async fn read_resource(
        &self,
        request: Request<wire::read_resource::Request>,
    ) -> RpcResult<wire::read_resource::Response> {
        let connection = self.connection(&request);
        respond(self.read(&connection, request.into_inner()).await)
    }

    async fn plan_resource_change(
        &self,
        request: Request<wire::plan_resource_change::Request>,
    ) -> RpcResult<wire::plan_resource_change::Response> {
        let connection = self.connection(&request);
        respond(self.plan(&connection, request.into_inner()).await)
    }

    async fn apply_resource_change(
        &self,
        request: Request<wire::apply_resource_change::Request>,
    ) -> RpcResult<wire::apply_resource_change::Response> {
        let connection = self.connection(&request);
        respond(self.apply(&connection, request.into_inner()).await)
    }

    async fn import_resource_state(
        &self,
        request: Request<wire::import_resource_state::Request>,
    ) -> RpcResult<wire::import_resource_state::Response> {
        let connection = self.connection(&request);
        respond(self.import(&connection, &request.into_inner()))
    }

    async fn move_resource_state(
        &self,
        request: Request<wire::move_resource_state::Request>,
    ) -> RpcResult<wire::move_resource_state::Response> {
        respond(self.move_state(&request.into_inner()))
    }

    async fn read_data_source(
        &self,
        request: Request<wire::read_data_source::Request>,
    ) -> RpcResult<wire::read_data_source::Response> {
        let connection = self.connection(&request);
        respond(self.read_data(&connection, &request.into_inner()).await)
    }

    async fn generate_resource_config(
        &self,
        request: Request<wire::generate_resource_config::Request>,
    ) -> RpcResult<wire::generate_resource_config::Response> {
        respond(unsupported::generate_resource_config(&request.into_inner()))
    }

    async fn open_ephemeral_resource(
        &self,
        request: Request<wire::open_ephemeral_resource::Request>,
    ) -> RpcResult<wire::open_ephemeral_resource::Response> {
        let connection = self.connection(&request);
        respond(self.open(&connection, &request.into_inner()).await)
    }

    async fn renew_ephemeral_resource(
        &self,
        request: Request<wire::renew_ephemeral_resource::Request>,
    ) -> RpcResult<wire::renew_ephemeral_resource::Response> {
        let connection = self.connection(&request);
        respond(self.renew(&connection, request.into_inner()).await)
    }

    async fn close_ephemeral_resource(
        &self,
        request: Request<wire::close_ephemeral_resource::Request>,
    ) -> RpcResult<wire::close_ephemeral_resource::Response> {
        let connection = self.connection(&request);
        respond(self.close(&connection, &request.into_inner()).await)
    }

    async fn list_resource(
        &self,
        request: Request<wire::list_resource::Request>,
    ) -> RpcResult<BoxStream<wire::list_resource::Event>> {
        respond_once(unsupported::list_resource(&request.into_inner()))
    }

    async fn validate_list_resource_config(
        &self,
        request: Request<wire::validate_list_resource_config::Request>,
    ) -> RpcResult<wire::validate_list_resource_config::Response> {
        respond(unsupported::validate_list_resource(&request.into_inner()))
    }

    async fn get_functions(
        &self,
        _request: Request<wire::get_functions::Request>,
    ) -> RpcResult<wire::get_functions::Response> {
        respond(self.functions())
    }

    async fn call_function(
        &self,
        request: Request<wire::call_function::Request>,
    ) -> RpcResult<wire::call_function::Response> {
        respond(self.call(&request.into_inner()))
    }

    async fn validate_action_config(
        &self,
        request: Request<wire::validate_action_config::Request>,
    ) -> RpcResult<wire::validate_action_config::Response> {
        respond(unsupported::validate_action(&request.into_inner()))
    }

    async fn plan_action(
        &self,
        request: Request<wire::plan_action::Request>,
    ) -> RpcResult<wire::plan_action::Response> {
        respond(unsupported::plan_action(&request.into_inner()))
    }

    async fn invoke_action(
        &self,
        request: Request<wire::invoke_action::Request>,
    ) -> RpcResult<BoxStream<wire::invoke_action::Event>> {
        respond_once(unsupported::invoke_action(&request.into_inner()))
    }

    async fn validate_state_store_config(
        &self,
        request: Request<wire::validate_state_store_config::Request>,
    ) -> RpcResult<wire::validate_state_store_config::Response> {
        let diagnostics = unsupported::no_state_store(&request.into_inner().type_name);
        respond(wire::validate_state_store_config::Response { diagnostics })
    }

    async fn configure_state_store(
        &self,
        request: Request<wire::configure_state_store::Request>,
    ) -> RpcResult<wire::configure_state_store::Response> {
        let diagnostics = unsupported::no_state_store(&request.into_inner().type_name);
        respond(wire::configure_state_store::Response { diagnostics, ..Default::default() })
    }

    async fn read_state_bytes(
        &self,
        request: Request<wire::read_state_bytes::Request>,
    ) -> RpcResult<BoxStream<wire::read_state_bytes::ResponseChunk>> {
        let diagnostics = unsupported::no_state_store(&request.into_inner().type_name);
        respond_once(wire::read_state_bytes::ResponseChunk { diagnostics, ..Default::default() })
    }

    async fn write_state_bytes(
        &self,
        request: Request<Streaming<wire::write_state_bytes::RequestChunk>>,
    ) -> RpcResult<wire::write_state_bytes::Response> {
        let first = request.into_inner().message().await?;
        let name = first.and_then(|chunk| chunk.meta).map(|meta| meta.type_name).unwrap_or_default();
        respond(wire::write_state_bytes::Response { diagnostics: unsupported::no_state_store(&name) })
    }

    async fn lock_state(
        &self,
        request: Request<wire::lock_state::Request>,
    ) -> RpcResult<wire::lock_state::Response> {
        let diagnostics = unsupported::no_state_store(&request.into_inner().type_name);
        respond(wire::lock_state::Response { diagnostics, ..Default::default() })
    }

    async fn unlock_state(
        &self,
        request: Request<wire::unlock_state::Request>,
    ) -> RpcResult<wire::unlock_state::Response> {
        let diagnostics = unsupported::no_state_store(&request.into_inner().type_name);
        respond(wire::unlock_state::Response { diagnostics })
    }

    async fn get_states(
        &self,
        request: Request<wire::get_states::Request>,
    ) -> RpcResult<wire::get_states::Response> {
        let diagnostics = unsupported::no_state_store(&request.into_inner().type_name);
        respond(wire::get_states::Response { diagnostics, ..Default::default() })
    }

    async fn delete_state(
        &self,
        request: Request<wire::delete_state::Request>,
    ) -> RpcResult<wire::delete_state::Response> {
        let diagnostics = unsupported::no_state_store(&request.into_inner().type_name);
        respond(wire::delete_state::Response { diagnostics })
    }

    async fn stop_provider(
        &self,
        request: Request<wire::stop_provider::Request>,
    ) -> RpcResult<wire::stop_provider::Response> {
        // Reads in progress are cancelled; later calls are served as usual.
        let connection = self.connection(&request);
        connection.stop();
        if let Ok(configured) = connection.configured() {
            self.provider.stop(&configured.session);
        }
        respond(wire::stop_provider::Response::default())
    }
}
