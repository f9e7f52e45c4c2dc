//! `dotenv_decode(text)`: parses a dotenv file.

use kontraktor_model::dotenv;
use tfplugin_proto::value::{Type, Value};

use crate::framework::{Function, FunctionError, Parameter, Signature};

/// The function.
pub(crate) struct DotenvDecode;

impl Function for DotenvDecode {
    fn name(&self) -> &'static str {
        "dotenv_decode"
    }

    fn signature(&self) -> Signature {
        Signature {
            summary: "Parses a dotenv file into a map.",
            description: "Parses lines of the form `KEY=value` and returns a map of strings.\n\n\
                - A leading `export`, blanks around the `=`, empty lines and comments are accepted. In an unquoted \
                value, ` #` starts a comment; a `#` inside a word does not.\n\
                - Single-quoted values are literal. Double-quoted values support the escapes `\\n`, `\\r`, `\\t`, `\\\\`, `\\\"`, `\\'`, \
                `\\$` and `` \\` ``; any other backslash is literal. Both can span lines.\n\
                - Lines end with LF or CRLF, and a byte order mark is skipped. In a file whose lines all end with CRLF, \
                line breaks inside quotes are read as LF.\n\
                - Nothing is expanded: `$HOME` stays `$HOME`.\n\
                - A duplicate key is an error that names both lines. Other parsers silently use the last one.\n\n\
                Errors name the line and column, and never show a value. The output of `dotenv_encode` is read back exactly, except in the dialect `docker`.",
            parameters: vec![Parameter::new(
                "text",
                Type::String,
                "The contents of the file, such as `file(\".env\")`.",
            )],
            variadic: None,
            returns: Type::map(Type::String),
        }
    }

    fn call(&self, arguments: &[Value]) -> Result<Value, FunctionError> {
        let text = arguments.first().and_then(Value::as_str).unwrap_or_default();
        let variables =
            dotenv::decode(text).map_err(|error| FunctionError::argument(0, error.to_string()))?;
        Ok(Value::object(variables.into_iter().map(|(key, value)| (key, Value::from(value)))))
    }
}
