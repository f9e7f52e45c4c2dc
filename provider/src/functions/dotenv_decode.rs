//! `dotenv_decode(text)`: the variables of a dotenv file.

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
            summary: "The variables of a dotenv file as a map.",
            description: "Reads lines of `KEY=value` and gives a map of texts.\n\n\
                - A word `export` before the key, blanks around the `=`, empty lines and comments are understood. In a value without \
                quotes ` #` begins a comment, and a `#` inside a word does not.\n\
                - Single quotes are literal. In double quotes `\\n`, `\\r`, `\\t`, `\\\\`, `\\\"`, `\\'`, `\\$` and `` \\` `` stand for \
                what they stand for everywhere; any other backslash is literal. Both may span lines.\n\
                - Lines end with LF or CRLF, and a byte order mark is skipped. In a file whose lines all end with CRLF, \
                line breaks inside quotes are read as LF.\n\
                - Nothing is expanded: `$HOME` stays `$HOME`.\n\
                - A key that stands there twice is an error that names both lines; other readers let the last one win in \
                silence.\n\n\
                Errors name line and column, and never show a value. What `dotenv_encode` writes is read back exactly.",
            parameters: vec![Parameter::new(
                "text",
                Type::String,
                "The file's text, as from `file(\".env\")`.",
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
