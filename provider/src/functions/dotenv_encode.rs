//! `dotenv_encode(variables)`: a map as a dotenv file.

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
            summary: "A map as the text of a dotenv file.",
            description: "Writes one `KEY=value` for each element, sorted by key, so that a POSIX shell (`set -a; . ./file`), \
                Docker Compose and the dotenv libraries read the same: plain values bare, others in single quotes, and in \
                double quotes where single quotes do not do. Line breaks stand as they are, inside quotes.\n\n\
                A value with a single quote stands in double quotes, with a backslash before `\\`, `\"`, `$` and the backtick. \
                Shells and `dotenv_decode` take these away again; Node's dotenv leaves them there, and some other readers \
                those before `$` or the backtick.\n\n\
                Keys keep the rule of Kontraktor's keys. A shell itself takes only `A-Z`, `a-z`, `0-9` and `_`: leave keys \
                with `.` or `-` out of a file that a shell sources.",
            parameters: vec![Parameter::new(
                "variables",
                Type::map(Type::String),
                "The values by key, as from `data.kontraktor_environment.NAME.variables`.",
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
                    "the value of {key} is null: leave the key out, or give it a text, which may be empty"
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
