//! Types of values, and cty's JSON notation for them (`"string"`, `["list","string"]`, `["object",{…}]`).

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde_json::Value as Json;
use thiserror::Error;

use super::MAX_DEPTH;

/// The type of a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Type {
    /// `true` or `false`.
    Bool,
    /// An exact decimal number.
    Number,
    /// Text.
    String,
    /// Any type; the value carries its actual type.
    Dynamic,
    /// Elements of one type, in order.
    List(Box<Type>),
    /// Unordered, distinct elements of one type.
    Set(Box<Type>),
    /// Elements of one type, by string keys.
    Map(Box<Type>),
    /// A fixed number of elements, each with a type of its own.
    Tuple(Vec<Type>),
    /// A fixed set of attributes, each with a type of its own.
    Object(ObjectType),
}

/// The attributes of an object type.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ObjectType {
    /// The attributes by name.
    pub attributes: BTreeMap<String, Type>,
    /// The attributes that an author may leave out. Only type constraints have them, never the type of a value.
    pub optional: BTreeSet<String>,
}

/// The error for a text that is not a type in cty's JSON notation.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not a type in cty's JSON notation: {0}")]
pub struct TypeError(String);

impl Type {
    /// Returns the type of a list of `element`.
    pub fn list(element: Self) -> Self {
        Self::List(Box::new(element))
    }

    /// Returns the type of a set of `element`.
    pub fn set(element: Self) -> Self {
        Self::Set(Box::new(element))
    }

    /// Returns the type of a map of `element`.
    pub fn map(element: Self) -> Self {
        Self::Map(Box::new(element))
    }

    /// Returns the type of an object with these attributes, none of them optional.
    pub fn object<K: Into<String>>(attributes: impl IntoIterator<Item = (K, Self)>) -> Self {
        let attributes = attributes.into_iter().map(|(name, ty)| (name.into(), ty)).collect();
        Self::Object(ObjectType { attributes, optional: BTreeSet::new() })
    }

    /// Returns the attributes, if it is an object.
    pub fn as_object(&self) -> Option<&ObjectType> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// Encodes the type in cty's JSON notation, as used in schemas.
    pub fn to_json(&self) -> Vec<u8> {
        self.to_json_value().to_string().into_bytes()
    }

    fn to_json_value(&self) -> Json {
        match self {
            Self::Bool => "bool".into(),
            Self::Number => "number".into(),
            Self::String => "string".into(),
            Self::Dynamic => "dynamic".into(),
            Self::List(element) => Json::Array(vec!["list".into(), element.to_json_value()]),
            Self::Set(element) => Json::Array(vec!["set".into(), element.to_json_value()]),
            Self::Map(element) => Json::Array(vec!["map".into(), element.to_json_value()]),
            Self::Tuple(elements) => {
                Json::Array(vec!["tuple".into(), elements.iter().map(Self::to_json_value).collect()])
            }
            Self::Object(object) => {
                let attributes =
                    object.attributes.iter().map(|(name, ty)| (name.clone(), ty.to_json_value()));
                let mut parts = vec!["object".into(), Json::Object(attributes.collect())];
                if !object.optional.is_empty() {
                    parts.push(object.optional.iter().map(|name| Json::String(name.clone())).collect());
                }
                Json::Array(parts)
            }
        }
    }

    /// Parses a type in cty's JSON notation.
    ///
    /// # Errors
    /// If it is not a type in that notation, or nested deeper than [`MAX_DEPTH`].
    pub fn from_json(json: &[u8]) -> Result<Self, TypeError> {
        let json = serde_json::from_slice(json).map_err(|e| TypeError(e.to_string()))?;
        Self::from_json_value(&json, MAX_DEPTH)
    }

    fn from_json_value(json: &Json, depth: usize) -> Result<Self, TypeError> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(TypeError(format!("the nesting is deeper than {MAX_DEPTH}")));
        };
        let parts = match json {
            Json::String(name) => return Self::primitive(name),
            Json::Array(parts) => parts.as_slice(),
            other => return Err(TypeError(format!("expected a string or an array, found {other}"))),
        };
        let (kind, arguments) =
            parts.split_first().ok_or_else(|| TypeError("the array is empty".to_owned()))?;
        let one = |arguments: &[Json]| match arguments {
            [element] => Self::from_json_value(element, depth).map(Box::new),
            _ => Err(TypeError(format!("{kind} takes one element type"))),
        };
        match kind.as_str() {
            Some("list") => one(arguments).map(Self::List),
            Some("set") => one(arguments).map(Self::Set),
            Some("map") => one(arguments).map(Self::Map),
            Some("tuple") => match arguments {
                [Json::Array(elements)] => {
                    let elements = elements.iter().map(|element| Self::from_json_value(element, depth));
                    elements.collect::<Result<_, _>>().map(Self::Tuple)
                }
                _ => Err(TypeError("a tuple takes an array of element types".to_owned())),
            },
            Some("object") => Self::object_from_json(arguments, depth),
            _ => Err(TypeError(format!("unknown type constructor {kind}"))),
        }
    }

    fn primitive(name: &str) -> Result<Self, TypeError> {
        match name {
            "bool" => Ok(Self::Bool),
            "number" => Ok(Self::Number),
            "string" => Ok(Self::String),
            "dynamic" => Ok(Self::Dynamic),
            _ => Err(TypeError(format!("unknown type {name:?}"))),
        }
    }

    fn object_from_json(arguments: &[Json], depth: usize) -> Result<Self, TypeError> {
        let (attributes, optional) = match arguments {
            [Json::Object(attributes)] => (attributes, [].as_slice()),
            [Json::Object(attributes), Json::Array(optional)] => (attributes, optional.as_slice()),
            _ => return Err(TypeError("an object takes a map of attribute types".to_owned())),
        };
        let attributes: BTreeMap<_, _> = attributes
            .iter()
            .map(|(name, ty)| Ok((super::nfc(name.clone()), Self::from_json_value(ty, depth)?)))
            .collect::<Result<_, TypeError>>()?;
        let optional = optional.iter().map(|name| match name {
            Json::String(name) if attributes.contains_key(name) => Ok(name.clone()),
            _ => Err(TypeError(format!("the optional attribute {name} is not among the attributes"))),
        });
        let optional = optional.collect::<Result<_, _>>()?;
        Ok(Self::Object(ObjectType { attributes, optional }))
    }
}

impl fmt::Display for Type {
    /// Formats the type as a type constraint in HCL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("bool"),
            Self::Number => f.write_str("number"),
            Self::String => f.write_str("string"),
            Self::Dynamic => f.write_str("any"),
            Self::List(element) => write!(f, "list({element})"),
            Self::Set(element) => write!(f, "set({element})"),
            Self::Map(element) => write!(f, "map({element})"),
            Self::Tuple(elements) => {
                f.write_str("tuple([")?;
                for (position, element) in elements.iter().enumerate() {
                    write!(f, "{}{element}", if position == 0 { "" } else { ", " })?;
                }
                f.write_str("])")
            }
            Self::Object(object) => {
                f.write_str("object({")?;
                for (position, (name, ty)) in object.attributes.iter().enumerate() {
                    let comma = if position == 0 { "" } else { ", " };
                    if object.optional.contains(name) {
                        write!(f, "{comma}{name} = optional({ty})")?;
                    } else {
                        write!(f, "{comma}{name} = {ty}")?;
                    }
                }
                f.write_str("})")
            }
        }
    }
}
