//! JSON Schemas on the keys of a project.

use serde::Serialize;

use super::authorship::Authorship;
use crate::v1;

/// A list of schemas.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SchemaList {
    /// The schemas of one project, by name.
    pub schemas: Vec<Schema>,
}

/// A schema that a project attaches to keys.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Schema {
    /// The project's name.
    pub project: String,
    /// The schema's name within its project.
    pub name: String,
    /// The regular expression that matches whole keys.
    pub key_pattern: String,
    /// The JSON Schema as it was written, byte for byte.
    #[serde(rename = "schema")]
    pub text: String,
    /// Who changed it last.
    pub changed: Option<Authorship>,
}

impl From<v1::VariableSchema> for Schema {
    fn from(schema: v1::VariableSchema) -> Self {
        Self {
            project: schema.project,
            name: schema.name,
            key_pattern: schema.key_pattern,
            text: schema.schema,
            changed: schema.changed.map(Authorship::from),
        }
    }
}
