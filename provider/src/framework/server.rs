//! The protocol's provider service over a [`Provider`]: one file for each group of calls.
//!
//! This file owns what the calls share (looking things up) and the list of calls; what a connection shares is in `slot`. Failures are
//! diagnostics wherever an answer has room for them, never gRPC errors.

mod apply;
mod configure;
mod data;
mod ephemeral;
mod functions;
mod identity;
mod import;
mod move_state;
mod others;
mod plan;
mod read;
mod schema;
mod slot;
mod upgrade;
mod validate;

use std::sync::{Arc, OnceLock};

use tfplugin_proto::wire::{self, provider_server};
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status, Streaming};

use self::slot::Slot;
use super::data_source::ErasedDataSource;
use super::diagnostics::Diagnostic;
use super::ephemeral::ErasedEphemeral;
use super::function::Function;
use super::provider::{Catalog, Provider};
use super::resource::ErasedResource;
use super::schema::Schema;

/// One provider process.
pub struct Server<P: Provider> {
    provider: P,
    provider_schema: OnceLock<Schema>,
    catalog: Catalog<P::Session>,
    unconnected: Arc<Slot<P::Session>>,
}

impl<P: Provider> Server<P> {
    /// A server that is not configured yet.
    pub fn new(provider: P) -> Self {
        let catalog = provider.catalog();
        Self { provider, provider_schema: OnceLock::new(), catalog, unconnected: Arc::default() }
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
        format!("There is no {kind} {name}"),
        format!(
            "This version of the provider offers no {kind} of that name. Check its spelling and the provider's version."
        ),
    )
}

type Answer<T> = Result<Response<T>, Status>;

#[expect(clippy::unnecessary_wraps, reason = "the last word of each call, whose type is fixed")]
fn answer<T>(response: T) -> Answer<T> {
    Ok(Response::new(response))
}

/// A stream of one event.
fn answer_once<T: Send + 'static>(event: T) -> Answer<BoxStream<T>> {
    answer(Box::pin(tokio_stream::once(Ok(event))))
}

#[tonic::async_trait]
impl<P: Provider> provider_server::Provider for Server<P> {
    async fn get_metadata(
        &self,
        _request: Request<wire::get_metadata::Request>,
    ) -> Answer<wire::get_metadata::Response> {
        answer(self.metadata())
    }

    async fn get_provider_schema(
        &self,
        _request: Request<wire::get_provider_schema::Request>,
    ) -> Answer<wire::get_provider_schema::Response> {
        answer(self.schemas())
    }

    async fn get_resource_identity_schemas(
        &self,
        _request: Request<wire::get_resource_identity_schemas::Request>,
    ) -> Answer<wire::get_resource_identity_schemas::Response> {
        answer(identity::schemas())
    }

    async fn validate_provider_config(
        &self,
        request: Request<wire::validate_provider_config::Request>,
    ) -> Answer<wire::validate_provider_config::Response> {
        answer(self.validate_provider(&request.into_inner()))
    }

    async fn validate_resource_config(
        &self,
        request: Request<wire::validate_resource_config::Request>,
    ) -> Answer<wire::validate_resource_config::Response> {
        answer(self.validate_resource(&request.into_inner()))
    }

    async fn validate_data_resource_config(
        &self,
        request: Request<wire::validate_data_resource_config::Request>,
    ) -> Answer<wire::validate_data_resource_config::Response> {
        answer(self.validate_data_source(&request.into_inner()))
    }

    async fn validate_ephemeral_resource_config(
        &self,
        request: Request<wire::validate_ephemeral_resource_config::Request>,
    ) -> Answer<wire::validate_ephemeral_resource_config::Response> {
        answer(self.validate_ephemeral(&request.into_inner()))
    }

    async fn upgrade_resource_state(
        &self,
        request: Request<wire::upgrade_resource_state::Request>,
    ) -> Answer<wire::upgrade_resource_state::Response> {
        answer(self.upgrade(&request.into_inner()))
    }

    async fn upgrade_resource_identity(
        &self,
        request: Request<wire::upgrade_resource_identity::Request>,
    ) -> Answer<wire::upgrade_resource_identity::Response> {
        answer(identity::upgrade(&request.into_inner()))
    }

    async fn configure_provider(
        &self,
        request: Request<wire::configure_provider::Request>,
    ) -> Answer<wire::configure_provider::Response> {
        let slot = self.slot(&request);
        answer(self.configure(&slot, &request.into_inner()).await)
    }

    async fn read_resource(
        &self,
        request: Request<wire::read_resource::Request>,
    ) -> Answer<wire::read_resource::Response> {
        let slot = self.slot(&request);
        answer(self.read(&slot, request.into_inner()).await)
    }

    async fn plan_resource_change(
        &self,
        request: Request<wire::plan_resource_change::Request>,
    ) -> Answer<wire::plan_resource_change::Response> {
        let slot = self.slot(&request);
        answer(self.plan(&slot, request.into_inner()).await)
    }

    async fn apply_resource_change(
        &self,
        request: Request<wire::apply_resource_change::Request>,
    ) -> Answer<wire::apply_resource_change::Response> {
        let slot = self.slot(&request);
        answer(self.apply(&slot, request.into_inner()).await)
    }

    async fn import_resource_state(
        &self,
        request: Request<wire::import_resource_state::Request>,
    ) -> Answer<wire::import_resource_state::Response> {
        let slot = self.slot(&request);
        answer(self.import(&slot, &request.into_inner()))
    }

    async fn move_resource_state(
        &self,
        request: Request<wire::move_resource_state::Request>,
    ) -> Answer<wire::move_resource_state::Response> {
        answer(self.move_state(&request.into_inner()))
    }

    async fn read_data_source(
        &self,
        request: Request<wire::read_data_source::Request>,
    ) -> Answer<wire::read_data_source::Response> {
        let slot = self.slot(&request);
        answer(self.read_data(&slot, &request.into_inner()).await)
    }

    async fn generate_resource_config(
        &self,
        request: Request<wire::generate_resource_config::Request>,
    ) -> Answer<wire::generate_resource_config::Response> {
        answer(others::generate_resource_config(&request.into_inner()))
    }

    async fn open_ephemeral_resource(
        &self,
        request: Request<wire::open_ephemeral_resource::Request>,
    ) -> Answer<wire::open_ephemeral_resource::Response> {
        let slot = self.slot(&request);
        answer(self.open(&slot, &request.into_inner()).await)
    }

    async fn renew_ephemeral_resource(
        &self,
        request: Request<wire::renew_ephemeral_resource::Request>,
    ) -> Answer<wire::renew_ephemeral_resource::Response> {
        let slot = self.slot(&request);
        answer(self.renew(&slot, request.into_inner()).await)
    }

    async fn close_ephemeral_resource(
        &self,
        request: Request<wire::close_ephemeral_resource::Request>,
    ) -> Answer<wire::close_ephemeral_resource::Response> {
        let slot = self.slot(&request);
        answer(self.close(&slot, &request.into_inner()).await)
    }

    async fn list_resource(
        &self,
        request: Request<wire::list_resource::Request>,
    ) -> Answer<BoxStream<wire::list_resource::Event>> {
        answer_once(others::list_resource(&request.into_inner()))
    }

    async fn validate_list_resource_config(
        &self,
        request: Request<wire::validate_list_resource_config::Request>,
    ) -> Answer<wire::validate_list_resource_config::Response> {
        answer(others::validate_list_resource(&request.into_inner()))
    }

    async fn get_functions(
        &self,
        _request: Request<wire::get_functions::Request>,
    ) -> Answer<wire::get_functions::Response> {
        answer(self.functions())
    }

    async fn call_function(
        &self,
        request: Request<wire::call_function::Request>,
    ) -> Answer<wire::call_function::Response> {
        answer(self.call(&request.into_inner()))
    }

    async fn validate_action_config(
        &self,
        request: Request<wire::validate_action_config::Request>,
    ) -> Answer<wire::validate_action_config::Response> {
        answer(others::validate_action(&request.into_inner()))
    }

    async fn plan_action(
        &self,
        request: Request<wire::plan_action::Request>,
    ) -> Answer<wire::plan_action::Response> {
        answer(others::plan_action(&request.into_inner()))
    }

    async fn invoke_action(
        &self,
        request: Request<wire::invoke_action::Request>,
    ) -> Answer<BoxStream<wire::invoke_action::Event>> {
        answer_once(others::invoke_action(&request.into_inner()))
    }

    async fn validate_state_store_config(
        &self,
        request: Request<wire::validate_state_store_config::Request>,
    ) -> Answer<wire::validate_state_store_config::Response> {
        let diagnostics = others::no_state_store(&request.into_inner().type_name);
        answer(wire::validate_state_store_config::Response { diagnostics })
    }

    async fn configure_state_store(
        &self,
        request: Request<wire::configure_state_store::Request>,
    ) -> Answer<wire::configure_state_store::Response> {
        let diagnostics = others::no_state_store(&request.into_inner().type_name);
        answer(wire::configure_state_store::Response { diagnostics, ..Default::default() })
    }

    async fn read_state_bytes(
        &self,
        request: Request<wire::read_state_bytes::Request>,
    ) -> Answer<BoxStream<wire::read_state_bytes::ResponseChunk>> {
        let diagnostics = others::no_state_store(&request.into_inner().type_name);
        answer_once(wire::read_state_bytes::ResponseChunk { diagnostics, ..Default::default() })
    }

    async fn write_state_bytes(
        &self,
        request: Request<Streaming<wire::write_state_bytes::RequestChunk>>,
    ) -> Answer<wire::write_state_bytes::Response> {
        let first = request.into_inner().message().await?;
        let name = first.and_then(|chunk| chunk.meta).map(|meta| meta.type_name).unwrap_or_default();
        answer(wire::write_state_bytes::Response { diagnostics: others::no_state_store(&name) })
    }

    async fn lock_state(
        &self,
        request: Request<wire::lock_state::Request>,
    ) -> Answer<wire::lock_state::Response> {
        let diagnostics = others::no_state_store(&request.into_inner().type_name);
        answer(wire::lock_state::Response { diagnostics, ..Default::default() })
    }

    async fn unlock_state(
        &self,
        request: Request<wire::unlock_state::Request>,
    ) -> Answer<wire::unlock_state::Response> {
        let diagnostics = others::no_state_store(&request.into_inner().type_name);
        answer(wire::unlock_state::Response { diagnostics })
    }

    async fn get_states(
        &self,
        request: Request<wire::get_states::Request>,
    ) -> Answer<wire::get_states::Response> {
        let diagnostics = others::no_state_store(&request.into_inner().type_name);
        answer(wire::get_states::Response { diagnostics, ..Default::default() })
    }

    async fn delete_state(
        &self,
        request: Request<wire::delete_state::Request>,
    ) -> Answer<wire::delete_state::Response> {
        let diagnostics = others::no_state_store(&request.into_inner().type_name);
        answer(wire::delete_state::Response { diagnostics })
    }

    async fn stop_provider(
        &self,
        request: Request<wire::stop_provider::Request>,
    ) -> Answer<wire::stop_provider::Response> {
        // Advice: what reads now gives up, later calls are served as before.
        let slot = self.slot(&request);
        slot.stop();
        if let Ok(configured) = slot.configured() {
            self.provider.stop(&configured.session);
        }
        answer(wire::stop_provider::Response::default())
    }
}
