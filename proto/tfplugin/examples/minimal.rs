//! A provider with one function: `provider::minimal::greet(name)`.

use std::process::ExitCode;

use tfplugin_proto::{
    serve::{Mode, Plugin},
    value::{Type, Value},
    wire::{
        Function, Schema, call_function, function, get_provider_schema, provider_server::Provider, schema,
    },
};
use tonic::{Request, Response, Status};

struct Minimal;

#[tonic::async_trait]
impl Provider for Minimal {
    async fn get_provider_schema(
        &self,
        _: Request<get_provider_schema::Request>,
    ) -> Result<Response<get_provider_schema::Response>, Status> {
        let name =
            function::Parameter { name: "name".into(), r#type: Type::String.to_json(), ..Default::default() };
        let text = function::Return { r#type: Type::String.to_json() };
        let greet = Function { parameters: vec![name], r#return: Some(text), ..Default::default() };
        Ok(Response::new(get_provider_schema::Response {
            provider: Some(Schema { version: 0, block: Some(schema::Block::default()) }),
            functions: [("greet".into(), greet)].into(),
            ..Default::default()
        }))
    }

    async fn call_function(
        &self,
        call: Request<call_function::Request>,
    ) -> Result<Response<call_function::Response>, Status> {
        let name = Value::from_dynamic(call.get_ref().arguments.first(), &Type::String)
            .map_err(|e| Status::invalid_argument(e.to_string()))?;
        let text = Value::from(format!("Hello, {}!", name.as_str().unwrap_or("stranger")));
        let result = text.to_dynamic(&Type::String).map_err(|e| Status::internal(e.to_string()))?;
        Ok(Response::new(call_function::Response { result: Some(result), error: None }))
    }
}

fn main() -> ExitCode {
    Plugin::new("registry.terraform.io/example/minimal", Minimal).run(Mode::from_process())
}
