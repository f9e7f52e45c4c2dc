//! A provider with one slow function, `sleep`, to see how a host handles a busy provider. It listens on TCP.

use std::{process::ExitCode, time::Duration};

use tfplugin_proto::{
    serve::{Mode, Plugin, Transport},
    value::{Type, Value},
    wire::{call_function, provider_server::Provider},
};
use tonic::{Request, Response, Status};

struct Slow;

#[tonic::async_trait]
impl Provider for Slow {
    /// Returns its argument, a number, after that many milliseconds.
    async fn call_function(
        &self,
        call: Request<call_function::Request>,
    ) -> Result<Response<call_function::Response>, Status> {
        let argument = call.into_inner().arguments.into_iter().next();
        let millis = Value::from_dynamic(argument.as_ref(), &Type::Number)
            .map_err(|e| Status::invalid_argument(e.to_string()))?;
        let millis = millis.as_number().and_then(tfplugin_proto::value::Number::to_u64).unwrap_or(0);
        tokio::time::sleep(Duration::from_millis(millis)).await;
        Ok(Response::new(call_function::Response { result: argument, error: None }))
    }
}

fn main() -> ExitCode {
    let plugin = Plugin::new("registry.terraform.io/example/slow", Slow);
    plugin.transport(Transport::Tcp).run(Mode::from_process())
}
