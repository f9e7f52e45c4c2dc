//! A provider that only echoes: the resource `echo_variable` has the schema of `kontraktor_variable` and no backend. What
//! `kontraktor_variable` costs beyond it is Kontraktor's; the rest is the protocol's and Terraform's.

use std::process::ExitCode;

use terraform_provider_kontraktor::{Kontraktor, Settings, framework::Server};
use tfplugin_proto::{
    serve::{Mode, Plugin},
    value::{AttributePath, Type, Value},
    wire::{
        self, Schema, apply_resource_change, configure_provider, get_provider_schema, plan_resource_change,
        provider_server::Provider, read_resource, upgrade_resource_state, validate_provider_config,
        validate_resource_config,
    },
};
use tonic::{Request, Response, Status};

/// The attributes whose change makes a new resource.
const IDENTITY: [&str; 3] = ["project", "env", "key"];

struct Echo {
    schema: Schema,
    object: Type,
}

impl Echo {
    /// Takes the schema from Kontraktor's provider, so that the two cannot differ.
    async fn new() -> Result<Self, Status> {
        let kontraktor = Server::new(Kontraktor::new(Settings::from_lookup(|_| None)));
        let request = Request::new(get_provider_schema::Request::default());
        let mut schemas = kontraktor.get_provider_schema(request).await?.into_inner().resource_schemas;
        let schema = schemas
            .remove("kontraktor_variable")
            .ok_or_else(|| Status::not_found("the provider has no kontraktor_variable"))?;
        let attributes = schema.block.iter().flat_map(|block| &block.attributes);
        let attributes = attributes
            .map(|attribute| {
                Ok((attribute.name.clone(), Type::from_json(&attribute.r#type).map_err(internal)?))
            })
            .collect::<Result<Vec<_>, Status>>()?;
        Ok(Self { schema, object: Type::object(attributes) })
    }

    fn decode(&self, message: Option<&wire::DynamicValue>) -> Result<Value, Status> {
        Value::from_dynamic(message, &self.object).map_err(internal)
    }

    fn encode(&self, value: &Value) -> Result<Option<wire::DynamicValue>, Status> {
        value.to_dynamic(&self.object).map(Some).map_err(internal)
    }
}

fn internal(error: impl std::fmt::Display) -> Status {
    Status::internal(error.to_string())
}

#[tonic::async_trait]
impl Provider for Echo {
    async fn get_provider_schema(
        &self,
        _: Request<get_provider_schema::Request>,
    ) -> Result<Response<get_provider_schema::Response>, Status> {
        Ok(Response::new(get_provider_schema::Response {
            provider: Some(Schema { version: 0, block: Some(wire::schema::Block::default()) }),
            resource_schemas: [("echo_variable".to_owned(), self.schema.clone())].into(),
            ..Default::default()
        }))
    }

    async fn validate_provider_config(
        &self,
        _: Request<validate_provider_config::Request>,
    ) -> Result<Response<validate_provider_config::Response>, Status> {
        Ok(Response::new(Default::default()))
    }

    async fn configure_provider(
        &self,
        _: Request<configure_provider::Request>,
    ) -> Result<Response<configure_provider::Response>, Status> {
        Ok(Response::new(Default::default()))
    }

    async fn validate_resource_config(
        &self,
        _: Request<validate_resource_config::Request>,
    ) -> Result<Response<validate_resource_config::Response>, Status> {
        Ok(Response::new(Default::default()))
    }

    async fn upgrade_resource_state(
        &self,
        request: Request<upgrade_resource_state::Request>,
    ) -> Result<Response<upgrade_resource_state::Response>, Status> {
        let json = request.into_inner().raw_state.unwrap_or_default().json;
        let upgraded_state = Some(wire::DynamicValue { msgpack: Vec::new(), json });
        Ok(Response::new(upgrade_resource_state::Response { upgraded_state, ..Default::default() }))
    }

    async fn read_resource(
        &self,
        request: Request<read_resource::Request>,
    ) -> Result<Response<read_resource::Response>, Status> {
        let request = request.into_inner();
        Ok(Response::new(read_resource::Response {
            new_state: request.current_state,
            private: request.private,
            ..Default::default()
        }))
    }

    /// Plans what is proposed; what the provider computes is unknown where something changes.
    async fn plan_resource_change(
        &self,
        request: Request<plan_resource_change::Request>,
    ) -> Result<Response<plan_resource_change::Response>, Status> {
        let request = request.into_inner();
        let prior = self.decode(request.prior_state.as_ref())?;
        let mut planned = self.decode(request.proposed_new_state.as_ref())?;
        let mut requires_replace = Vec::new();
        if let Value::Map(attributes) = &mut planned {
            for (name, default) in [("type", Value::from("string")), ("deletion_protection", false.into())] {
                if let Some(value) =
                    attributes.get_mut(name).filter(|value| value.is_null() || value.is_unknown())
                {
                    *value = default;
                }
            }
            let changed = |name: &str| prior.get(name) != attributes.get(name);
            requires_replace = (IDENTITY.iter().filter(|name| !prior.is_null() && changed(name)))
                .map(|name| AttributePath::attribute(*name).into())
                .collect();
            let computed: &[&str] = if prior.is_null() || !requires_replace.is_empty() {
                &["id", "revision"]
            } else if attributes.keys().any(|name| changed(name)) {
                &["revision"]
            } else {
                &[]
            };
            for name in computed {
                attributes.insert((*name).to_owned(), Value::Unknown);
            }
        }
        Ok(Response::new(plan_resource_change::Response {
            planned_state: self.encode(&planned)?,
            requires_replace,
            planned_private: request.prior_private,
            ..Default::default()
        }))
    }

    /// Keeps what is planned, with an ID and a revision.
    async fn apply_resource_change(
        &self,
        request: Request<apply_resource_change::Request>,
    ) -> Result<Response<apply_resource_change::Response>, Status> {
        let request = request.into_inner();
        let mut state = self.decode(request.planned_state.as_ref())?;
        let id = IDENTITY.map(|name| state.get(name).and_then(Value::as_str).unwrap_or_default()).join("/");
        if let Value::Map(attributes) = &mut state {
            attributes.insert("id".to_owned(), Value::from(id));
            if attributes.get("revision").is_some_and(Value::is_unknown) {
                attributes.insert("revision".to_owned(), Value::from(1_u64));
            }
        }
        Ok(Response::new(apply_resource_change::Response {
            new_state: self.encode(&state)?,
            private: request.planned_private,
            ..Default::default()
        }))
    }
}

fn main() -> ExitCode {
    let echo = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(|error| error.to_string())
        .and_then(|runtime| runtime.block_on(Echo::new()).map_err(|status| status.message().to_owned()));
    match echo {
        Ok(echo) => Plugin::new("registry.terraform.io/echo/echo", echo).run(Mode::from_process()),
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
