//! `dotenv_encode(variables)`: formats a map as a dotenv file.

use kontraktor_model::dotenv;
use tfplugin_proto::value::{Type, Value};

use crate::framework::{Function, FunctionError, Parameter, Signature};

/// The function.
pub(crate) struct DotenvEncode;

impl Function for DotenvEncode {
    fn name(&self) -> &'static str {
        "dotenv_encode"
    }

    fn signature(&self) -> Signature {
        Signature {
            summary: "Formats a map as a dotenv file.",
            description: "Writes one line `KEY=value` for each element, sorted by key, in a form that a POSIX shell \
                (`set -a; . ./file`), Docker Compose and dotenv libraries read in the same way: simple values without \
                quotes, other values in single quotes, or in double quotes if they contain a single quote. Line breaks are \
                written as they are, inside quotes.\n\n\
                A value with a single quote is double-quoted, with a backslash before `\\`, `\"`, `$` and the backtick. \
                Shells and `dotenv_decode` remove these backslashes; Node's dotenv keeps them, and some other readers keep \
                those before `$` or the backtick.\n\n\
                Keys must be valid Kontraktor keys. Shells accept only `A-Z`, `a-z`, `0-9` and `_` in names: leave keys with \
                `.` or `-` out of a file that a shell sources.",
            parameters: vec![Parameter::new(
                "variables",
                Type::map(Type::String),
                "The values by key, such as `data.kontraktor_environment.NAME.variables`.",
            )],
            variadic: None,
            returns: Type::String,
        }
    }

    fn call(&self, arguments: &[Value]) -> Result<Value, FunctionError> {
        let mut variables = Vec::new();
        for (key, value) in arguments.first().and_then(Value::as_map).into_iter().flatten() {
            let value = value.as_str().ok_or_else(|| {
                let text = format!(
                    "the value of {key} is null. Remove the key, or set it to a string, which may be empty"
                );
                FunctionError::argument(0, text)
            })?;
            variables.push((key.as_str(), value));
        }
        let text =
            dotenv::encode(variables).map_err(|error| FunctionError::argument(0, error.to_string()))?;
        Ok(Value::from(text))
    }
}
