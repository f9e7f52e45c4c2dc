//! Where things are: names out of attributes and import ids, and ids out of names.

use kontraktor_model::{
    names::{EnvPath, Key, NameError, ProjectName},
    value::ValueType,
};
use kontraktor_proto::v1;

use crate::framework::{Attr, Diagnostic};

/// One variable's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) env: EnvPath,
    pub(crate) key: Key,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.env, self.key)
    }
}

fn blamed(error: &NameError) -> Diagnostic {
    Diagnostic::error(format!("Invalid {}", error.field()), format!("{error}.")).at(error.field())
}

pub(crate) fn project(name: &Attr<String>) -> Result<ProjectName, Diagnostic> {
    name.text().parse().map_err(|error| blamed(&error).at("name"))
}

pub(crate) fn environment(project: &Attr<String>, env: &Attr<String>) -> Result<EnvPath, Diagnostic> {
    EnvPath::new(project.text(), env.text()).map_err(|error| blamed(&error))
}

pub(crate) fn variable(
    project: &Attr<String>,
    env: &Attr<String>,
    key: &Attr<String>,
) -> Result<Place, Diagnostic> {
    let env = environment(project, env)?;
    let key = key.text().parse().map_err(|error| blamed(&error))?;
    Ok(Place { env, key })
}

/// The id as far as its parts are known, for plans.
pub(crate) fn id<const N: usize>(parts: [&Attr<String>; N]) -> Attr<String> {
    let known: Vec<&str> = parts.iter().filter_map(|part| part.known()).map(String::as_str).collect();
    if known.len() == N { Attr::Known(known.join("/")) } else { Attr::Unknown }
}

/// The parts of an import id. `shape` is what the id should look like.
pub(crate) fn split_id<'a, const N: usize>(id: &'a str, shape: &str) -> Result<[&'a str; N], Diagnostic> {
    let parts: Vec<&str> = id.split('/').collect();
    <[&str; N]>::try_from(parts).map_err(|_| {
        Diagnostic::error(
            "The import id has the wrong shape",
            format!("The id is {id:?}, and it must be {shape}. Names hold no slash."),
        )
    })
}

/// A name out of an import id that breaks its rule.
pub(crate) fn bad_id(id: &str, error: &NameError) -> Diagnostic {
    Diagnostic::error("The import id is not valid", format!("In the id {id:?}, {error}."))
}

/// A variable's type and value. A newer daemon may hold what this provider cannot represent.
pub(crate) fn content<'a>(
    variable: &'a v1::Variable,
    place: &impl std::fmt::Display,
) -> Result<(ValueType, &'a str), Diagnostic> {
    match (ValueType::try_from(variable.r#type()), &variable.content) {
        (Ok(value_type), Some(v1::variable::Content::Value(value))) => Ok((value_type, value)),
        _ => Err(Diagnostic::error(
            format!("{place} holds what this provider does not know"),
            "The variable is of a kind that is newer than this version of the provider. Use a newer provider, or write \
             the variable again as one of string, number, bool or json.",
        )),
    }
}
