//! Values as Terraform knows them: each is known, null or unknown at every depth, and numbers are exact.
//!
//! This module owns the value, its type, paths into it, and the two codecs of a `DynamicValue`. It refuses to
//! know what a schema, a plan or a provider is.

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

/// How deep a value or a type may nest, counting every list, map, object, tuple and dynamic wrapper.
///
/// Decoders refuse what is deeper, so that bytes from outside cannot exhaust the stack.
pub const MAX_DEPTH: usize = 128;

/// A value of Terraform's type system.
///
/// A value does not carry its type (a list and a set look alike), except where the type is dynamic; the codecs
/// take the type beside the value.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Value {
    /// No value. What it would have been is told by the type beside it.
    #[default]
    Null,
    /// Not known until apply. Refinements that a host sends with it are read over.
    Unknown,
    /// `true` or `false`.
    Bool(bool),
    /// An exact number.
    Number(Number),
    /// A text in normalisation form C, as the host has it. The codecs normalise.
    String(String),
    /// The elements of a list, set or tuple.
    List(Vec<Value>),
    /// The elements of a map or the attributes of an object. An object holds every attribute of its type.
    Map(BTreeMap<String, Value>),
    /// A known, null or unknown value with the type that it has at run time, where the schema says dynamic.
    Dynamic(Box<(Type, Value)>),
}

impl Value {
    /// A value for a place whose type is dynamic. With `ty` dynamic itself it is the value as it stands, because
    /// wrapping twice says nothing more.
    pub fn dynamic(ty: Type, value: Self) -> Self {
        if ty == Type::Dynamic { value } else { Self::Dynamic(Box::new((ty, value))) }
    }

    /// An object from its attributes.
    pub fn object<K: Into<String>>(attributes: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Map(attributes.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }

    /// Whether it is null, also when it is a null with a type in a dynamic place.
    pub fn is_null(&self) -> bool {
        matches!(self.inner(), Self::Null)
    }

    /// Whether it is unknown as a whole, also when it is an unknown with a type in a dynamic place.
    pub fn is_unknown(&self) -> bool {
        matches!(self.inner(), Self::Unknown)
    }

    /// Whether nothing in it, at any depth, is unknown.
    pub fn is_wholly_known(&self) -> bool {
        match self {
            Self::Unknown => false,
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) => true,
            Self::List(elements) => elements.iter().all(Self::is_wholly_known),
            Self::Map(elements) => elements.values().all(Self::is_wholly_known),
            Self::Dynamic(inner) => inner.1.is_wholly_known(),
        }
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self.inner() {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The truth value, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self.inner() {
            Self::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// The number, if it is one.
    pub fn as_number(&self) -> Option<&Number> {
        match self.inner() {
            Self::Number(number) => Some(number),
            _ => None,
        }
    }

    /// The elements, if it is a list, set or tuple.
    pub fn as_list(&self) -> Option<&[Self]> {
        match self.inner() {
            Self::List(elements) => Some(elements),
            _ => None,
        }
    }

    /// The elements or attributes, if it is a map or object.
    pub fn as_map(&self) -> Option<&BTreeMap<String, Self>> {
        match self.inner() {
            Self::Map(elements) => Some(elements),
            _ => None,
        }
    }

    /// The attribute of an object or the element of a map.
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.as_map()?.get(name)
    }

    /// What stands at `path`; `None` when the path leads nowhere, which includes a path through null or unknown.
    pub fn at(&self, path: &AttributePath) -> Option<&Self> {
        path.steps().iter().try_fold(self, |value, step| match step {
            Step::Attribute(name) | Step::Key(name) => value.get(name),
            Step::Index(index) => value.as_list()?.get(usize::try_from(*index).ok()?),
        })
    }

    /// Whether the value could be encoded for `ty`: same shape at every depth, every attribute of an object there
    /// and no other. Null and unknown conform to everything.
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

    /// Reads the value out of a message of the protocol. A message that is absent or empty is null; msgpack is
    /// preferred when a host sends both encodings.
    pub fn from_dynamic(message: Option<&wire::DynamicValue>, ty: &Type) -> Result<Self, DecodeError> {
        match message {
            Some(message) if !message.msgpack.is_empty() => Self::from_msgpack(&message.msgpack, ty),
            Some(message) if !message.json.is_empty() => Self::from_json(&message.json, ty),
            _ => Ok(Self::Null),
        }
    }

    /// The message of the protocol for this value, always in msgpack: JSON has no way to say unknown.
    pub fn to_dynamic(&self, ty: &Type) -> Result<wire::DynamicValue, EncodeError> {
        Ok(wire::DynamicValue { msgpack: self.to_msgpack(ty)?, json: Vec::new() })
    }

    /// The value under its dynamic wrapper, or itself.
    pub fn inner(&self) -> &Self {
        match self {
            Self::Dynamic(inner) => inner.1.inner(),
            _ => self,
        }
    }

    /// The kind of the value, for messages.
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

/// Brings a text into normalisation form C, in which hosts keep every string. Most text is so already and costs one
/// look at each character.
fn nfc(text: String) -> String {
    if is_nfc_quick(text.chars()) == unicode_normalization::IsNormalized::Yes {
        text
    } else {
        text.nfc().collect()
    }
}
