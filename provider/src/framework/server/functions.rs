//! GetFunctions and CallFunction. They do not need a configured provider.

use tfplugin_proto::value::Value;
use tfplugin_proto::wire::{call_function, get_functions};

use super::Server;
use crate::framework::dynamic::{decode, encode};
use crate::framework::function::FunctionError;
use crate::framework::provider::Provider;

impl<P: Provider> Server<P> {
    pub(super) fn functions(&self) -> get_functions::Response {
        get_functions::Response {
            functions: (self.catalog.functions.iter())
                .map(|(name, function)| ((*name).to_owned(), function.signature().to_wire()))
                .collect(),
            ..Default::default()
        }
    }

    pub(super) fn call(&self, request: &call_function::Request) -> call_function::Response {
        self.try_call(request).unwrap_or_else(|error| call_function::Response {
            error: Some(error.to_wire()),
            ..Default::default()
        })
    }

    fn try_call(&self, request: &call_function::Request) -> Result<call_function::Response, FunctionError> {
        let function = self
            .function(&request.name)
            .ok_or_else(|| FunctionError::new(format!("The provider has no function {}.", request.name)))?;
        let signature = function.signature();
        if request.arguments.len() < signature.parameters.len() {
            return Err(FunctionError::new(format!(
                "{} takes at least {} arguments, but {} were given.",
                request.name,
                signature.parameters.len(),
                request.arguments.len()
            )));
        }
        let mut arguments: Vec<Value> = Vec::with_capacity(request.arguments.len());
        for (position, argument) in request.arguments.iter().enumerate() {
            let parameter = signature.parameter(position).ok_or_else(|| {
                FunctionError::argument(position, format!("{} takes fewer arguments.", request.name))
            })?;
            let value = decode(Some(argument), &parameter.ty, parameter.name)
                .map_err(|diagnostic| FunctionError::argument(position, diagnostic.detail))?;
            arguments.push(value);
        }
        let result = function.call(&arguments)?;
        let result = encode(&result, &signature.returns)
            .map_err(|diagnostic| FunctionError::new(diagnostic.detail))?;
        Ok(call_function::Response { result: Some(result), ..Default::default() })
    }
}
