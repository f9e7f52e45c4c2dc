//! Locations of projects, environments and variables: parsed from attributes and import IDs, and formatted as IDs.

use kontraktor_model::{
    names::{EnvPath, Key, NameError, ProjectName},
    value::ValueType,
};
use kontraktor_proto::v1;

use crate::framework::{Attr, Diagnostic};

/// The environment and key of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VariableLocation {
    pub(crate) env: EnvPath,
    pub(crate) key: Key,
}

impl std::fmt::Display for VariableLocation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.env, self.key)
    }
}

/// Reports a name that breaks its rule, at the attribute that holds it.
pub(crate) fn invalid_name(error: &NameError) -> Diagnostic {
    Diagnostic::error(format!("Invalid {}", error.field()), format!("{error}.")).at(error.field())
}

pub(crate) fn project(name: &Attr<String>) -> Result<ProjectName, Diagnostic> {
    name.text().parse().map_err(|error| invalid_name(&error).at("name"))
}

pub(crate) fn environment(project: &Attr<String>, env: &Attr<String>) -> Result<EnvPath, Diagnostic> {
    EnvPath::new(project.text(), env.text()).map_err(|error| invalid_name(&error))
}

pub(crate) fn variable(
    project: &Attr<String>,
    env: &Attr<String>,
    key: &Attr<String>,
) -> Result<VariableLocation, Diagnostic> {
    let env = environment(project, env)?;
    let key = key.text().parse().map_err(|error| invalid_name(&error))?;
    Ok(VariableLocation { env, key })
}

/// Returns the parts joined by slashes, for plans; unknown while any of them is unknown.
pub(crate) fn id<const N: usize>(parts: [&Attr<String>; N]) -> Attr<String> {
    let known: Vec<&str> = parts.iter().filter_map(|part| part.known()).map(String::as_str).collect();
    if known.len() == N { Attr::Known(known.join("/")) } else { Attr::Unknown }
}

/// Splits an import ID into its parts. `shape` is the form that the message asks for.
pub(crate) fn split_id<'a, const N: usize>(id: &'a str, shape: &str) -> Result<[&'a str; N], Diagnostic> {
    let parts: Vec<&str> = id.split('/').collect();
    <[&str; N]>::try_from(parts).map_err(|_| {
        Diagnostic::error(
            "Invalid import ID",
            format!("The import ID {id:?} has the wrong number of parts. Use the form {shape}; names contain no slash."),
        )
    })
}

/// Reports an import ID in which a name breaks its rule.
pub(crate) fn invalid_import_id(id: &str, error: &NameError) -> Diagnostic {
    Diagnostic::error("Invalid import ID", format!("In the import ID {id:?}, {error}."))
}

/// Returns a variable's type and value. A newer daemon may hold what this provider cannot represent.
pub(crate) fn content<'a>(
    variable: &'a v1::Variable,
    location: &impl std::fmt::Display,
) -> Result<(ValueType, &'a str), Diagnostic> {
    match (ValueType::try_from(variable.r#type()), &variable.content) {
        (Ok(value_type), Some(v1::variable::Content::Value(value))) => Ok((value_type, value)),
        _ => Err(Diagnostic::error(
            "Unsupported kind of variable",
            format!(
                "{location} is of a kind that this version of the provider does not support. Upgrade the provider, or \
                 write the variable again as one of string, number, bool or json."
            ),
        )),
    }
}
