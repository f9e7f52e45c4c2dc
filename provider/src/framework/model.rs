//! Typed models: structs whose fields are known, null or unknown, and their way from and to values.
//!
//! [`model!`](crate::model) declares one. It knows types and values, not what the fields mean.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret as _, SecretString};
use tfplugin_proto::value::{Number, Type, Value};

use super::schema::Fields;

/// An attribute's value at one moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Attr<T> {
    /// Not set.
    #[default]
    Null,
    /// Set, but not known before something else has been applied.
    Unknown,
    /// Set and known.
    Known(T),
}

impl<T> Attr<T> {
    /// The value, when it is set and known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Null | Self::Unknown => None,
        }
    }

    /// Whether it is not set.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Whether it is not known yet.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown)
    }
}

impl<T: AsRef<str>> Attr<T> {
    /// The text, or the empty one where there is none.
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

/// A value does not have the shape that the model announces.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place} is not a {expected}")]
pub struct ModelError {
    place: String,
    expected: &'static str,
}

impl ModelError {
    fn new(expected: &'static str) -> Self {
        Self { place: "it".to_owned(), expected }
    }

    /// The same error, told of the named attribute.
    #[must_use]
    pub fn within(mut self, name: &str) -> Self {
        self.place = if self.place == "it" { name.to_owned() } else { format!("{name}.{}", self.place) };
        self
    }
}

/// What a known value can be.
pub trait Content: Sized {
    /// Its type in schemas.
    fn ty() -> Type;
    /// Reads a value that is neither null nor unknown.
    fn read(value: &Value) -> Result<Self, ModelError>;
    /// The value.
    fn write(&self) -> Value;
}

/// What can stand in a model or a collection: content that may be null or unknown.
pub trait Field: Sized {
    /// Its type in schemas.
    fn ty() -> Type;
    /// Reads any value.
    fn read(value: &Value) -> Result<Self, ModelError>;
    /// The value.
    fn write(&self) -> Value;
}

/// An object with typed attributes. Declared by [`model!`](crate::model).
pub trait Model: Sized + Clone + Send + Sync + 'static {
    /// The attributes and their types.
    fn attribute_types() -> Vec<(&'static str, Type)>;
    /// Reads the attributes; a missing one is null.
    fn from_fields(fields: &Fields) -> Result<Self, ModelError>;
    /// All attributes.
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

/// A text that no message, log line or failed test shows, and that is wiped when it is not needed any more. To the host it
/// is a text like any other: what the attribute is marked as is the schema's matter.
#[derive(Debug, Clone)]
pub struct Sensitive(SecretString);

impl Sensitive {
    /// Takes the text.
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

/// Reads one field of an object for [`model!`](crate::model).
pub fn read_field<F: Field>(fields: &Fields, name: &str) -> Result<F, ModelError> {
    F::read(fields.get(name).unwrap_or(&Value::Null)).map_err(|error| error.within(name))
}

/// Reads an object for [`model!`](crate::model).
pub fn read_object<M: Model>(value: &Value) -> Result<M, ModelError> {
    if let Value::Map(fields) = value { M::from_fields(fields) } else { Err(ModelError::new("object")) }
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
        /// What is not to be shown.
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
