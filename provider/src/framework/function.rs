//! Provider functions: pure, and called in a process that may not be configured.

use tfplugin_proto::value::{Type, Value};
use tfplugin_proto::wire;

/// One parameter.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Its name in messages and documentation.
    pub name: &'static str,
    /// Its type.
    pub ty: Type,
    /// Its description, in Markdown.
    pub description: &'static str,
    /// Whether null is passed to the function; otherwise the host refuses it.
    pub allow_null: bool,
    /// Whether unknown is passed to the function; otherwise the host makes the result unknown.
    pub allow_unknown: bool,
}

impl Parameter {
    /// Creates a parameter that is never null or unknown.
    pub fn new(name: &'static str, ty: Type, description: &'static str) -> Self {
        Self { name, ty, description, allow_null: false, allow_unknown: false }
    }

    fn to_wire(&self) -> wire::function::Parameter {
        wire::function::Parameter {
            name: self.name.to_owned(),
            r#type: self.ty.to_json(),
            allow_null_value: self.allow_null,
            allow_unknown_values: self.allow_unknown,
            description: self.description.to_owned(),
            description_kind: wire::StringKind::Markdown.into(),
        }
    }
}

/// A function's parameters, result and description.
#[derive(Debug, Clone)]
pub struct Signature {
    /// A summary of one line.
    pub summary: &'static str,
    /// What it does, in Markdown.
    pub description: &'static str,
    /// Its parameters, in order.
    pub parameters: Vec<Parameter>,
    /// The parameter for further arguments; `None`: there are none.
    pub variadic: Option<Parameter>,
    /// The type of the result.
    pub returns: Type,
}

impl Signature {
    /// Converts it to the protocol's message.
    pub fn to_wire(&self) -> wire::Function {
        wire::Function {
            parameters: self.parameters.iter().map(Parameter::to_wire).collect(),
            variadic_parameter: self.variadic.as_ref().map(Parameter::to_wire),
            r#return: Some(wire::function::Return { r#type: self.returns.to_json() }),
            summary: self.summary.to_owned(),
            description: self.description.to_owned(),
            description_kind: wire::StringKind::Markdown.into(),
            ..Default::default()
        }
    }

    /// Returns the parameter for the argument at a position.
    pub(super) fn parameter(&self, position: usize) -> Option<&Parameter> {
        self.parameters.get(position).or(self.variadic.as_ref())
    }
}

/// The error of a function call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionError {
    /// The message.
    pub text: String,
    /// The position of the argument that it is about, from 0.
    pub argument: Option<usize>,
}

impl FunctionError {
    /// Creates an error about the call as a whole.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), argument: None }
    }

    /// Creates an error about one argument.
    pub fn argument(position: usize, text: impl Into<String>) -> Self {
        Self { text: text.into(), argument: Some(position) }
    }

    pub(super) fn to_wire(&self) -> wire::FunctionError {
        wire::FunctionError {
            text: self.text.clone(),
            function_argument: self.argument.and_then(|position| i64::try_from(position).ok()),
        }
    }
}

/// A function. It has access to neither a session nor the network.
pub trait Function: Send + Sync + 'static {
    /// Returns the name in HCL, without the provider's prefix.
    fn name(&self) -> &'static str;

    /// Returns the signature.
    fn signature(&self) -> Signature;

    /// Returns the result for the arguments; variadic ones are at the end.
    fn call(&self, arguments: &[Value]) -> Result<Value, FunctionError>;
}
