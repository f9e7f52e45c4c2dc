//! `dotenv_encode(variables, dialect...)`: formats a map as a dotenv file.

use kontraktor_model::dotenv::{self, Dialect, EncodeError};
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
            description: "Writes one line `KEY=value` for each element, sorted by key, for the readers of one dialect. Readers of \
                such files disagree about quotes and escapes, so the function fails, and names the key, if the dialect's \
                readers would not read a value back exactly.\n\n\
                - The default, `dotenv`, is for python-dotenv, dotenv for Node, `node --env-file` and godotenv. It cannot express `${`, a \
                pair of backslashes, a backslash at the end, a carriage return, a single quote together with `\"`, `\\` or `$`, \
                and keys with `-`.\n\
                - The dialect `docker` is for `docker run --env-file`, which takes quotes as part of the value. It cannot express line breaks, nor \
                lines of more than 65,535 bytes.\n\
                - The dialect `compose` is for Docker Compose. It can express everything.\n\
                - The dialect `shell` is for a POSIX shell (`set -a; . ./file`). It can express every value, but only keys of `A-Z`, `a-z`, `0-9` \
                and `_`.\n\n\
                Simple values are written without quotes. Line breaks are written as they are, inside quotes. `dotenv_decode` \
                reads every dialect back exactly except `docker`. No dialect can express a NUL character.",
            parameters: vec![Parameter::new(
                "variables",
                Type::map(Type::String),
                "The values by key, such as `data.kontraktor_environment.NAME.variables`.",
            )],
            variadic: Some(Parameter::new(
                "dialect",
                Type::String,
                "The dialect: `dotenv`, `docker`, `compose` or `shell`. At most one.",
            )),
            returns: Type::String,
        }
    }

    fn call(&self, arguments: &[Value]) -> Result<Value, FunctionError> {
        let dialect = match arguments.get(1..).unwrap_or_default() {
            [] => Dialect::default(),
            [dialect] => dialect.as_str().and_then(|name| name.parse().ok()).ok_or_else(|| {
                FunctionError::argument(1, "dialect must be one of dotenv, docker, compose, shell")
            })?,
            _ => return Err(FunctionError::argument(2, "at most one dialect can be set. Remove the others")),
        };
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
        let text = dotenv::encode(dialect, variables).map_err(|error| {
            let remedy = match &error {
                EncodeError::Inexpressible { key, .. } => {
                    format!(". Choose another dialect, or leave {key} out")
                }
                _ => String::new(),
            };
            FunctionError::argument(0, format!("{error}{remedy}"))
        })?;
        Ok(Value::from(text))
    }
}
