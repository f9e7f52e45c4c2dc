//! Typed models: structs whose fields are known, null or unknown, and their conversion from and to values.
//!
//! [`model!`](crate::model) declares one. The module knows types and values, not what the fields mean.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret as _, SecretString};
use tfplugin_proto::value::{Number, Type, Value};

use super::diagnostics::Diagnostic;
use super::fields::Fields;

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Attr<T> {
    /// Not set.
    #[default]
    Null,
    /// Set, but known only after something else is applied.
    Unknown,
    /// Set and known.
    Known(T),
}

impl<T> Attr<T> {
    /// Returns the value if it is set and known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Null | Self::Unknown => None,
        }
    }

    /// Returns whether it is not set.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Returns whether it is not known yet.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown)
    }
}

impl<T: AsRef<str>> Attr<T> {
    /// Returns the text, or an empty one if it is null or unknown.
    pub fn text(&self) -> &str {
        self.known().map_or("", AsRef::as_ref)
    }
}

impl<T> From<Option<T>> for Attr<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Self::Known)
    }
}

impl From<&str> for Attr<String> {
    fn from(value: &str) -> Self {
        Self::Known(value.to_owned())
    }
}

/// The error for a value that does not have the model's type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} is not a {expected}", path.as_deref().unwrap_or("the value"))]
pub struct ModelError {
    path: Option<String>,
    expected: &'static str,
}

impl ModelError {
    fn new(expected: &'static str) -> Self {
        Self { path: None, expected }
    }

    /// Returns the same error for a value inside the named attribute.
    #[must_use]
    pub fn within(mut self, name: &str) -> Self {
        self.path = Some(self.path.map_or_else(|| name.to_owned(), |path| format!("{name}.{path}")));
        self
    }
}

/// The content of a known value.
pub trait Content: Sized {
    /// Returns its type in schemas.
    fn ty() -> Type;
    /// Converts a value that is neither null nor unknown.
    fn read(value: &Value) -> Result<Self, ModelError>;
    /// Converts it to a value.
    fn write(&self) -> Value;
}

/// A field of a model or an element of a collection: content that may be null or unknown.
pub trait Field: Sized {
    /// Returns its type in schemas.
    fn ty() -> Type;
    /// Converts any value.
    fn read(value: &Value) -> Result<Self, ModelError>;
    /// Converts it to a value.
    fn write(&self) -> Value;
}

/// An object with typed attributes. Declared by [`model!`](crate::model).
pub trait Model: Sized + Clone + Send + Sync + 'static {
    /// Returns the attributes and their types.
    fn attribute_types() -> Vec<(&'static str, Type)>;
    /// Converts fields; a missing attribute is null.
    fn from_fields(fields: &Fields) -> Result<Self, ModelError>;
    /// Converts it to fields, with all attributes.
    fn to_fields(&self) -> Fields;
}

impl<T: Content> Field for Attr<T> {
    fn ty() -> Type {
        T::ty()
    }

    fn read(value: &Value) -> Result<Self, ModelError> {
        match value {
            Value::Null => Ok(Self::Null),
            Value::Unknown => Ok(Self::Unknown),
            known => T::read(known).map(Self::Known),
        }
    }

    fn write(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Unknown => Value::Unknown,
            Self::Known(value) => value.write(),
        }
    }
}

impl Content for String {
    fn ty() -> Type {
        Type::String
    }

    fn read(value: &Value) -> Result<Self, ModelError> {
        value.as_str().map(str::to_owned).ok_or_else(|| ModelError::new("string"))
    }

    fn write(&self) -> Value {
        Value::String(self.clone())
    }
}

/// A text that is never printed and is wiped when dropped. To the host it is a string like any other; the schema decides
/// whether the attribute is marked sensitive.
#[derive(Debug, Clone)]
pub struct Sensitive(SecretString);

impl Sensitive {
    /// Wraps a text.
    pub fn new(text: impl Into<SecretString>) -> Self {
        Self(text.into())
    }
}

impl PartialEq for Sensitive {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }
}

impl Content for Sensitive {
    fn ty() -> Type {
        Type::String
    }

    fn read(value: &Value) -> Result<Self, ModelError> {
        value.as_str().map(Self::new).ok_or_else(|| ModelError::new("string"))
    }

    fn write(&self) -> Value {
        Value::String(self.0.expose_secret().to_owned())
    }
}

impl Content for bool {
    fn ty() -> Type {
        Type::Bool
    }

    fn read(value: &Value) -> Result<Self, ModelError> {
        if let Value::Bool(flag) = value { Ok(*flag) } else { Err(ModelError::new("bool")) }
    }

    fn write(&self) -> Value {
        Value::Bool(*self)
    }
}

impl Content for u64 {
    fn ty() -> Type {
        Type::Number
    }

    fn read(value: &Value) -> Result<Self, ModelError> {
        let number = if let Value::Number(number) = value { number.to_u64() } else { None };
        number.ok_or_else(|| ModelError::new("whole number from 0"))
    }

    fn write(&self) -> Value {
        Value::Number(Number::from(*self))
    }
}

impl<F: Field> Content for Vec<F> {
    fn ty() -> Type {
        Type::list(F::ty())
    }

    fn read(value: &Value) -> Result<Self, ModelError> {
        let Value::List(items) = value else { return Err(ModelError::new("list")) };
        items.iter().map(F::read).collect()
    }

    fn write(&self) -> Value {
        Value::List(self.iter().map(F::write).collect())
    }
}

impl<F: Field> Content for BTreeMap<String, F> {
    fn ty() -> Type {
        Type::map(F::ty())
    }

    fn read(value: &Value) -> Result<Self, ModelError> {
        let Value::Map(entries) = value else { return Err(ModelError::new("map")) };
        entries
            .iter()
            .map(|(name, value)| Ok((name.clone(), F::read(value).map_err(|error| error.within(name))?)))
            .collect()
    }

    fn write(&self) -> Value {
        Value::Map(self.iter().map(|(name, value)| (name.clone(), value.write())).collect())
    }
}

/// Converts one field of an object for [`model!`](crate::model).
pub fn read_field<F: Field>(fields: &Fields, name: &str) -> Result<F, ModelError> {
    F::read(fields.get(name).unwrap_or(&Value::Null)).map_err(|error| error.within(name))
}

/// Converts an object for [`model!`](crate::model).
pub fn read_object<M: Model>(value: &Value) -> Result<M, ModelError> {
    if let Value::Map(fields) = value { M::from_fields(fields) } else { Err(ModelError::new("object")) }
}

/// Converts fields that were decoded by the model's schema to the model.
pub(super) fn to_model<M: Model>(fields: &Fields) -> Result<M, Diagnostic> {
    M::from_fields(fields).map_err(|error| {
        Diagnostic::error(
            "Unsupported attribute value",
            format!("An attribute has a value that the provider cannot represent: {error}."),
        )
    })
}

/// Declares a model: a struct with an [`Attr`] for each attribute, named as in HCL (`r#type` for `type`).
///
/// ```
/// terraform_provider_kontraktor::model! {
///     /// A book.
///     pub struct Book {
///         /// Its title.
///         title: String,
///         /// Its pages.
///         pages: u64,
///     }
/// }
/// ```
#[macro_export]
macro_rules! model {
    ($(#[$meta:meta])* $vis:vis struct $name:ident { $($(#[$field_meta:meta])* $field:ident : $ty:ty),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Default)]
        $vis struct $name {
            $($(#[$field_meta])* $vis $field: $crate::framework::Attr<$ty>,)*
        }

        impl $crate::framework::Model for $name {
            fn attribute_types() -> Vec<(&'static str, ::tfplugin_proto::value::Type)> {
                vec![$((
                    stringify!($field).trim_start_matches("r#"),
                    <$ty as $crate::framework::model::Content>::ty(),
                )),*]
            }

            fn from_fields(
                fields: &$crate::framework::Fields,
            ) -> Result<Self, $crate::framework::ModelError> {
                Ok(Self {
                    $($field: $crate::framework::model::read_field(
                        fields,
                        stringify!($field).trim_start_matches("r#"),
                    )?,)*
                })
            }

            fn to_fields(&self) -> $crate::framework::Fields {
                $crate::framework::Fields::from([$((
                    stringify!($field).trim_start_matches("r#").to_owned(),
                    $crate::framework::model::Field::write(&self.$field),
                )),*])
            }
        }

        impl $crate::framework::model::Content for $name {
            fn ty() -> ::tfplugin_proto::value::Type {
                ::tfplugin_proto::value::Type::object(
                    <Self as $crate::framework::Model>::attribute_types(),
                )
            }

            fn read(
                value: &::tfplugin_proto::value::Value,
            ) -> Result<Self, $crate::framework::ModelError> {
                $crate::framework::model::read_object(value)
            }

            fn write(&self) -> ::tfplugin_proto::value::Value {
                ::tfplugin_proto::value::Value::Map($crate::framework::Model::to_fields(self))
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::model! {
        /// A model with sensitive fields.
        struct Safe {
            /// Alone.
            code: Sensitive,
            /// Among others.
            codes: BTreeMap<String, Attr<Sensitive>>,
        }
    }

    #[test]
    fn a_sensitive_text_is_a_text_to_the_host_and_to_nobody_else() {
        let code = || Attr::Known(Sensitive::new("hunter2"));
        let safe = Safe { code: code(), codes: Attr::Known([("a".to_owned(), code())].into()) };
        let shown = format!("{safe:?}");
        assert!(shown.contains("REDACTED") && !shown.contains("hunter2"), "{shown}");
        let fields = safe.to_fields();
        assert_eq!(fields["code"], Value::from("hunter2"));
        assert!(Safe::from_fields(&fields).is_ok_and(|read| read == safe));
        assert_ne!(code(), Attr::Known(Sensitive::new("hunter3")));
        let number = Fields::from([("code".to_owned(), Value::from(1_u64))]);
        assert_eq!(Safe::from_fields(&number).expect_err("a number").to_string(), "code is not a string");
    }
}
