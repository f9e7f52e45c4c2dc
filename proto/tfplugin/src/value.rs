//! Terraform's values: known, null or unknown at every depth, with exact numbers.
//!
//! This module owns values, their types, paths into them, and the two codecs of a `DynamicValue`. It does not know schemas,
//! plans or providers.

mod decode;
mod encode;
mod error;
mod json;
mod number;
mod path;
#[cfg(test)]
mod tests;
mod types;

use std::collections::BTreeMap;

use unicode_normalization::{UnicodeNormalization as _, is_nfc_quick};

pub use self::{
    error::{DecodeError, EncodeError},
    number::{Number, NumberError},
    path::{AttributePath, Step},
    types::{ObjectType, Type, TypeError},
};
use crate::wire;

/// The maximum nesting depth of a value or a type, counting every list, map, object, tuple and dynamic wrapper.
///
/// Decoders refuse deeper values, so that untrusted bytes cannot exhaust the stack.
pub const MAX_DEPTH: usize = 128;

/// A value of Terraform's type system.
///
/// A value does not carry its type (a list and a set look alike), except where the type is dynamic; the codecs
/// take the type beside the value.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Value {
    /// No value.
    #[default]
    Null,
    /// Not known until apply. Refinements from the host are ignored.
    Unknown,
    /// `true` or `false`.
    Bool(bool),
    /// An exact number.
    Number(Number),
    /// A string in Unicode normalization form C, which the codecs enforce.
    String(String),
    /// The elements of a list, set or tuple.
    List(Vec<Value>),
    /// The elements of a map or the attributes of an object. An object holds every attribute of its type.
    Map(BTreeMap<String, Value>),
    /// A known, null or unknown value with its actual type, if the schema's type is dynamic.
    Dynamic(Box<(Type, Value)>),
}

impl Value {
    /// Wraps a value of type `ty` for an attribute of dynamic type. If `ty` itself is dynamic, the value is returned unchanged.
    pub fn dynamic(ty: Type, value: Self) -> Self {
        if ty == Type::Dynamic { value } else { Self::Dynamic(Box::new((ty, value))) }
    }

    /// Creates an object from its attributes.
    pub fn object<K: Into<String>>(attributes: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Map(attributes.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }

    /// Returns whether it is null, with or without a dynamic wrapper.
    pub fn is_null(&self) -> bool {
        matches!(self.inner(), Self::Null)
    }

    /// Returns whether it is unknown as a whole, with or without a dynamic wrapper.
    pub fn is_unknown(&self) -> bool {
        matches!(self.inner(), Self::Unknown)
    }

    /// Returns whether nothing in it is unknown, at any depth.
    pub fn is_wholly_known(&self) -> bool {
        match self {
            Self::Unknown => false,
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) => true,
            Self::List(elements) => elements.iter().all(Self::is_wholly_known),
            Self::Map(elements) => elements.values().all(Self::is_wholly_known),
            Self::Dynamic(inner) => inner.1.is_wholly_known(),
        }
    }

    /// Returns the string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self.inner() {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the bool, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self.inner() {
            Self::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// Returns the number, if it is one.
    pub fn as_number(&self) -> Option<&Number> {
        match self.inner() {
            Self::Number(number) => Some(number),
            _ => None,
        }
    }

    /// Returns the elements, if it is a list, set or tuple.
    pub fn as_list(&self) -> Option<&[Self]> {
        match self.inner() {
            Self::List(elements) => Some(elements),
            _ => None,
        }
    }

    /// Returns the elements or attributes, if it is a map or object.
    pub fn as_map(&self) -> Option<&BTreeMap<String, Self>> {
        match self.inner() {
            Self::Map(elements) => Some(elements),
            _ => None,
        }
    }

    /// Returns an attribute of an object or an element of a map.
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.as_map()?.get(name)
    }

    /// Returns the value at `path`, or `None` if the path leads nowhere, for example through null or unknown.
    pub fn at(&self, path: &AttributePath) -> Option<&Self> {
        path.steps().iter().try_fold(self, |value, step| match step {
            Step::Attribute(name) | Step::Key(name) => value.get(name),
            Step::Index(index) => value.as_list()?.get(usize::try_from(*index).ok()?),
        })
    }

    /// Returns whether the value can be encoded as `ty`: it has the same shape at every depth, and every object has exactly the
    /// attributes of its type. Null and unknown conform to every type.
    pub fn conforms_to(&self, ty: &Type) -> bool {
        match (self, ty) {
            (Self::Null | Self::Unknown, _)
            | (Self::Bool(_), Type::Bool)
            | (Self::Number(_), Type::Number)
            | (Self::String(_), Type::String) => true,
            (Self::List(elements), Type::List(element) | Type::Set(element)) => {
                elements.iter().all(|value| value.conforms_to(element))
            }
            (Self::List(elements), Type::Tuple(types)) => {
                elements.len() == types.len()
                    && elements.iter().zip(types).all(|(value, ty)| value.conforms_to(ty))
            }
            (Self::Map(elements), Type::Map(element)) => {
                elements.values().all(|value| value.conforms_to(element))
            }
            (Self::Map(values), Type::Object(object)) => {
                values.len() == object.attributes.len()
                    && values.iter().all(|(name, value)| {
                        object.attributes.get(name).is_some_and(|ty| value.conforms_to(ty))
                    })
            }
            (Self::Dynamic(inner), Type::Dynamic) => inner.1.conforms_to(&inner.0),
            _ => false,
        }
    }

    /// Decodes a message of the protocol. An absent or empty message is null; msgpack is preferred if both encodings are set.
    pub fn from_dynamic(message: Option<&wire::DynamicValue>, ty: &Type) -> Result<Self, DecodeError> {
        match message {
            Some(message) if !message.msgpack.is_empty() => Self::from_msgpack(&message.msgpack, ty),
            Some(message) if !message.json.is_empty() => Self::from_json(&message.json, ty),
            _ => Ok(Self::Null),
        }
    }

    /// Encodes the value as a message of the protocol, always in msgpack, because JSON cannot represent unknown values. Numbers
    /// are sent as text: a host decodes them with the precision that the numbers of a state file have, and `terraform plan
    /// -refresh-only` would report a number of any other precision as changed.
    pub fn to_dynamic(&self, ty: &Type) -> Result<wire::DynamicValue, EncodeError> {
        Ok(wire::DynamicValue { msgpack: self.to_host_msgpack(ty)?, json: Vec::new() })
    }

    /// Returns the value inside its dynamic wrapper, or itself.
    pub fn inner(&self) -> &Self {
        match self {
            Self::Dynamic(inner) => inner.1.inner(),
            _ => self,
        }
    }

    /// Returns the kind of the value, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Unknown => "unknown",
            Self::Bool(_) => "a bool",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::List(_) => "a sequence",
            Self::Map(_) => "a map or object",
            Self::Dynamic(_) => "a value of dynamic type",
        }
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number.into())
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(number.into())
    }
}

impl From<Number> for Value {
    fn from(number: Number) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    /// `None` is null.
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl FromIterator<Self> for Value {
    fn from_iter<I: IntoIterator<Item = Self>>(elements: I) -> Self {
        Self::List(elements.into_iter().collect())
    }
}

/// Converts a string to Unicode normalization form C, as hosts do. Most strings already are in that form, which costs one look
/// at each character.
fn nfc(text: String) -> String {
    if is_nfc_quick(text.chars()) == unicode_normalization::IsNormalized::Yes {
        text
    } else {
        text.nfc().collect()
    }
}
