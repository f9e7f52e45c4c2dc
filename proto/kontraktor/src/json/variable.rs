//! Variables, and where they come from.

use std::fmt;

use serde::Serialize;

use super::{authorship::Authorship, text::type_name};
use crate::v1;

/// A variable that holds a plain value.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Variable {
    /// The key.
    pub key: String,
    /// `string`, `number`, `bool` or `json`; `unknown` for a type that this version does not know.
    #[serde(rename = "type")]
    pub value_type: &'static str,
    /// The value in the canonical form of its type.
    pub value: Option<String>,
    /// What the variable is for.
    pub description: String,
    /// The environment's revision that last wrote this key.
    pub revision: u64,
    /// Whether it is protected from deletion.
    pub deletion_protection: bool,
    /// Who wrote it last.
    pub written: Option<Authorship>,
    /// The environment that it comes from.
    pub origin: Option<Origin>,
}

/// The environment that an effective variable comes from.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Origin {
    /// The project's name.
    pub project: String,
    /// The environment's name within its project.
    pub env: String,
    /// The environment's revision that last wrote the key.
    pub revision: u64,
}

impl From<v1::Variable> for Variable {
    fn from(variable: v1::Variable) -> Self {
        Self {
            value_type: type_name(variable.r#type).unwrap_or("unknown"),
            value: variable.value().map(str::to_owned),
            key: variable.key,
            description: variable.description,
            revision: variable.revision,
            deletion_protection: variable.deletion_protection,
            written: variable.written.map(Authorship::from),
            origin: variable.origin.map(Origin::from),
        }
    }
}

impl From<v1::Origin> for Origin {
    fn from(origin: v1::Origin) -> Self {
        let name = origin.environment.unwrap_or_default();
        Self { project: name.project, env: name.env, revision: origin.revision }
    }
}

/// `PROJECT/ENV@REVISION`, as `ktr env diff` accepts it.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}@{}", self.project, self.env, self.revision)
    }
}
