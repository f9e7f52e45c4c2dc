//! Provider functions: pure, called in a process that may not be configured.

use tfplugin_proto::value::{Type, Value};
use tfplugin_proto::wire;

/// One parameter.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Its name in messages and documentation.
    pub name: &'static str,
    /// Its type.
    pub ty: Type,
    /// What it is, in Markdown.
    pub description: &'static str,
    /// Null is passed on; otherwise the host refuses it.
    pub allow_null: bool,
    /// Unknown is passed on; otherwise the host makes the result unknown.
    pub allow_unknown: bool,
}

impl Parameter {
    /// A parameter that is always set and known.
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

/// What a function takes and gives.
#[derive(Debug, Clone)]
pub struct Signature {
    /// One line.
    pub summary: &'static str,
    /// What it does, in Markdown.
    pub description: &'static str,
    /// Its parameters, in order.
    pub parameters: Vec<Parameter>,
    /// What further arguments are; `None`: there may be none.
    pub variadic: Option<Parameter>,
    /// The type of the result.
    pub returns: Type,
}

impl Signature {
    /// The signature as the protocol carries it.
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

    /// The parameter that the argument at the position belongs to.
    pub(super) fn parameter(&self, position: usize) -> Option<&Parameter> {
        self.parameters.get(position).or(self.variadic.as_ref())
    }
}

/// Why a function has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionError {
    /// A sentence.
    pub text: String,
    /// The position of the argument to blame, from 0.
    pub argument: Option<usize>,
}

impl FunctionError {
    /// An error of the call as a whole.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), argument: None }
    }

    /// An error of one argument.
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

/// A function. It sees neither a session nor the network.
pub trait Function: Send + Sync + 'static {
    /// The name in HCL, without the provider's prefix.
    fn name(&self) -> &'static str;

    /// What it takes and gives.
    fn signature(&self) -> Signature;

    /// The result for the arguments, variadic ones at the end.
    fn call(&self, arguments: &[Value]) -> Result<Value, FunctionError>;
}
