//! Conversions between the wire and `kontraktor-model`: the names of environments, roles and the types of values.

use kontraktor_model::{
    access::Role,
    names::{EnvPath, NameError},
    value::{ValueError, ValueType},
};

use crate::v1;

impl From<&EnvPath> for v1::EnvironmentName {
    fn from(path: &EnvPath) -> Self {
        Self { project: path.project.to_string(), env: path.env.to_string() }
    }
}

impl From<EnvPath> for v1::EnvironmentName {
    fn from(path: EnvPath) -> Self {
        Self::from(&path)
    }
}

impl TryFrom<&v1::EnvironmentName> for EnvPath {
    type Error = NameError;

    fn try_from(name: &v1::EnvironmentName) -> Result<Self, NameError> {
        Self::new(&name.project, &name.env)
    }
}

impl From<Role> for v1::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Viewer => Self::Viewer,
            Role::Editor => Self::Editor,
            Role::SecretReader => Self::SecretReader,
            Role::Owner => Self::Owner,
        }
    }
}

/// Returns the role that the number in a message's field stands for; none for an unknown number and `ROLE_UNSPECIFIED`.
pub fn role(wire: i32) -> Option<Role> {
    match v1::Role::try_from(wire).ok()? {
        v1::Role::Unspecified => None,
        v1::Role::Viewer => Some(Role::Viewer),
        v1::Role::Editor => Some(Role::Editor),
        v1::Role::SecretReader => Some(Role::SecretReader),
        v1::Role::Owner => Some(Role::Owner),
    }
}

impl From<ValueType> for v1::ValueType {
    fn from(value_type: ValueType) -> Self {
        match value_type {
            ValueType::String => Self::String,
            ValueType::Number => Self::Number,
            ValueType::Bool => Self::Bool,
            ValueType::Json => Self::Json,
        }
    }
}

impl TryFrom<v1::ValueType> for ValueType {
    type Error = ValueError;

    /// `VALUE_TYPE_UNSPECIFIED` is an error: a message always names the type.
    fn try_from(value_type: v1::ValueType) -> Result<Self, ValueError> {
        match value_type {
            v1::ValueType::Unspecified => Err(ValueError::NoSuchType),
            v1::ValueType::String => Ok(Self::String),
            v1::ValueType::Number => Ok(Self::Number),
            v1::ValueType::Bool => Ok(Self::Bool),
            v1::ValueType::Json => Ok(Self::Json),
        }
    }
}

/// Returns the type that the number in a message's field stands for.
///
/// # Errors
/// Where the number is unknown or `VALUE_TYPE_UNSPECIFIED`.
pub fn value_type(wire: i32) -> Result<ValueType, ValueError> {
    v1::ValueType::try_from(wire).map_err(|_| ValueError::NoSuchType)?.try_into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_types_convert_in_both_directions() {
        for known in ValueType::ALL {
            let wire = v1::ValueType::from(known);
            assert_eq!(ValueType::try_from(wire), Ok(known));
            assert_eq!(value_type(i32::from(wire)), Ok(known));
        }
        assert_eq!(value_type(0), Err(ValueError::NoSuchType));
        assert_eq!(value_type(77), Err(ValueError::NoSuchType));
    }
}
