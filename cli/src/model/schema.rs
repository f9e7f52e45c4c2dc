//! JSON Schemas, for `ktr schema`.

use kontraktor_proto::v1;
use serde::Serialize;

use super::Written;

#[derive(Debug, Serialize)]
pub(crate) struct Schemas {
    pub(crate) schemas: Vec<Schema>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Schema {
    pub(crate) project: String,
    pub(crate) name: String,
    pub(crate) key_pattern: String,
    #[serde(rename = "schema")]
    pub(crate) text: String,
    pub(crate) changed: Option<Written>,
}

impl From<v1::VariableSchema> for Schema {
    fn from(schema: v1::VariableSchema) -> Self {
        Self {
            project: schema.project,
            name: schema.name,
            key_pattern: schema.key_pattern,
            text: schema.schema,
            changed: schema.changed.map(Written::from),
        }
    }
}
