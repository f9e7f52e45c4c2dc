//! Names and ids out of messages, each checked.

use kontraktor_domain::Refusal;
use kontraktor_model::names::{AccountName, EnvName, EnvPath, Key, NameError, ProjectName, SchemaName};
use kontraktor_proto::v1;
use tonic::Status;
use uuid::Uuid;

use crate::grpc::status::status;

pub(crate) fn project_name(name: &str) -> Result<ProjectName, Status> {
    name.parse().map_err(|error: NameError| status(error))
}

pub(crate) fn env_name(name: &str) -> Result<EnvName, Status> {
    name.parse().map_err(|error: NameError| status(error))
}

pub(crate) fn schema_name(name: &str) -> Result<SchemaName, Status> {
    name.parse().map_err(|error: NameError| status(error))
}

pub(crate) fn account_name(name: &str) -> Result<AccountName, Status> {
    name.parse().map_err(|error: NameError| status(error))
}

pub(crate) fn key(key: &str) -> Result<Key, Status> {
    key.parse().map_err(|error: NameError| status(error))
}

/// The environment that the message `field` names; the message must be there.
pub(crate) fn env_path(field: &'static str, name: Option<&v1::EnvironmentName>) -> Result<EnvPath, Status> {
    let name = name.ok_or_else(|| {
        status(Refusal::invalid(field, format!("{field} is missing; expected a project and an environment")))
    })?;
    EnvPath::try_from(name).map_err(status)
}

/// A UUID in one of its usual spellings. The nil UUID is what a client sends that never made one.
pub(crate) fn uuid(field: &'static str, text: &str) -> Result<Uuid, Status> {
    let message = match Uuid::parse_str(text) {
        Ok(id) if id.is_nil() => format!("{field} is the nil UUID, which identifies no batch"),
        Ok(id) => return Ok(id),
        Err(_) if text.is_empty() => format!("{field} is missing"),
        Err(_) => format!("{field} is not a UUID"),
    };
    Err(status(
        Refusal::invalid(field, message)
            .remedy("send a new UUID with each batch, and the same one again only to repeat that batch"),
    ))
}

/// Names of environments, each checked.
pub(crate) fn imports(names: &[v1::EnvironmentName]) -> Result<Vec<EnvPath>, Status> {
    names
        .iter()
        .map(|name| {
            EnvPath::try_from(name).map_err(|error| {
                status(Refusal::invalid(
                    "imports",
                    format!("invalid name of an imported environment: {error}"),
                ))
            })
        })
        .collect()
}

pub(super) fn import_names(imports: &[EnvPath]) -> Vec<v1::EnvironmentName> {
    imports.iter().map(Into::into).collect()
}
