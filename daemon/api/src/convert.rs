//! Where wire types stop: every conversion between `kontraktor.v1` and the domain, in both directions.
//!
//! It checks the form of what comes in (absent messages, names, ids, times); the rules are the service's.

use jiff::Timestamp;
use kontraktor_model::{
    limits::MAX_ANSWER_BYTES,
    names::{EnvName, EnvPath, Key, NameError, ProjectName, SchemaName},
    reference::Reference,
    value::ValueType,
};
use kontraktor_proto::{problem::to_status, v1};
use tonic::Status;
use uuid::Uuid;

use kontraktor_domain::{
    AuditEntry, Authorship, Batch, BatchOutcome, Code, Environment, EnvironmentSettings, Expect, ItemOutcome,
    ItemResult, Kind, Operate, Operation, Project, ProjectSettings, Put, Refusal, Restored, SeenVersion,
    Variable, VariableSchema, WriteItem,
};
use kontraktor_service::{Entry, PageRequest, Snapshot};
use kontraktor_store::PointInTime;

/// A domain error as the status of a failed call.
pub(super) fn status(refusal: impl Into<Refusal>) -> Status {
    to_status(problem(&refusal.into()))
}

pub(super) fn problem(refusal: &Refusal) -> v1::Problem {
    v1::Problem {
        code: code(refusal.code).into(),
        field: refusal.field.to_string(),
        message: refusal.message.clone(),
        remedy: refusal.remedy.clone(),
        current: refusal.current.as_ref().map(|current| {
            variable(&current.variable, None, &current.environment, current.environment_revision)
        }),
        retry_after_ms: refusal.retry_after_ms,
        schema_violation: refusal.violation.as_deref().map(|violation| v1::SchemaViolation {
            schema: violation.schema.clone(),
            schema_path: violation.schema_path.clone(),
            value_path: violation.value_path.clone(),
        }),
    }
}

fn code(code: Code) -> v1::ProblemCode {
    match code {
        Code::Invalid => v1::ProblemCode::Invalid,
        Code::NotFound => v1::ProblemCode::NotFound,
        Code::AlreadyExists => v1::ProblemCode::AlreadyExists,
        Code::KeyExists => v1::ProblemCode::KeyExists,
        Code::Conflict => v1::ProblemCode::Conflict,
        Code::NotEmpty => v1::ProblemCode::NotEmpty,
        Code::Skipped => v1::ProblemCode::Skipped,
        Code::BatchMismatch => v1::ProblemCode::BatchMismatch,
        Code::Busy => v1::ProblemCode::Busy,
        Code::StorageFull => v1::ProblemCode::StorageFull,
        Code::Storage => v1::ProblemCode::Storage,
        Code::ShuttingDown => v1::ProblemCode::ShuttingDown,
        Code::Denied => v1::ProblemCode::Denied,
        Code::Protected => v1::ProblemCode::Protected,
        Code::Imported => v1::ProblemCode::Imported,
        Code::ImportCycle => v1::ProblemCode::ImportCycle,
        Code::SchemaViolation => v1::ProblemCode::SchemaViolation,
        Code::InvalidReference => v1::ProblemCode::InvalidReference,
        Code::NotASecret => v1::ProblemCode::NotASecret,
        Code::UnknownVault => v1::ProblemCode::UnknownVault,
        Code::VaultUnavailable => v1::ProblemCode::VaultUnavailable,
        Code::VaultSignIn => v1::ProblemCode::VaultSignIn,
        Code::VaultDenied => v1::ProblemCode::VaultDenied,
        Code::VaultAnswer => v1::ProblemCode::VaultAnswer,
        Code::SecretNotFound => v1::ProblemCode::SecretNotFound,
        Code::SecretVersionGone => v1::ProblemCode::SecretVersionGone,
        Code::SecretDisabled => v1::ProblemCode::SecretDisabled,
        Code::SecretFieldMissing => v1::ProblemCode::SecretFieldMissing,
        Code::SecretNotJson => v1::ProblemCode::SecretNotJson,
        Code::SecretTooLarge => v1::ProblemCode::SecretTooLarge,
        Code::HoldGone => v1::ProblemCode::HoldGone,
        Code::SecretVersionUnknown => v1::ProblemCode::SecretVersionUnknown,
    }
}

pub(super) fn project_name(name: &str) -> Result<ProjectName, Status> {
    name.parse().map_err(|error: NameError| status(error))
}

pub(super) fn env_name(name: &str) -> Result<EnvName, Status> {
    name.parse().map_err(|error: NameError| status(error))
}

pub(super) fn schema_name(name: &str) -> Result<SchemaName, Status> {
    name.parse().map_err(|error: NameError| status(error))
}

pub(super) fn key(key: &str) -> Result<Key, Status> {
    key.parse().map_err(|error: NameError| status(error))
}

pub(super) fn page(size: u32, token: String) -> PageRequest {
    PageRequest { size, token }
}

/// The environment that the message `field` names; the message must be there.
pub(super) fn env_path(field: &'static str, name: Option<&v1::EnvironmentName>) -> Result<EnvPath, Status> {
    let name = name.ok_or_else(|| {
        status(Refusal::invalid(
            field,
            format!("{field} is missing; it must name a project and an environment"),
        ))
    })?;
    EnvPath::try_from(name).map_err(status)
}

/// A UUID in one of its usual spellings. The nil UUID is what a client sends that never made one.
pub(super) fn uuid(field: &'static str, text: &str) -> Result<Uuid, Status> {
    let message = match Uuid::parse_str(text) {
        Ok(id) if id.is_nil() => format!("{field} is the nil UUID, which tells no batch from another"),
        Ok(id) => return Ok(id),
        Err(_) if text.is_empty() => format!("{field} is missing"),
        Err(_) => format!("{field} is not a UUID"),
    };
    Err(status(
        Refusal::invalid(field, message)
            .remedy("send a fresh UUID with each batch, and the same one again only to repeat that batch"),
    ))
}

/// A time between the years -9999 and 9999, as jiff has them.
pub(super) fn time(field: &'static str, time: &prost_types::Timestamp) -> Result<Timestamp, Status> {
    let time = (0..1_000_000_000)
        .contains(&time.nanos)
        .then(|| Timestamp::new(time.seconds, time.nanos).ok())
        .flatten();
    time.ok_or_else(|| status(Refusal::invalid(field, format!("{field} is not a moment that can be named"))))
}

pub(super) fn timestamp(time: Timestamp) -> prost_types::Timestamp {
    // Protobuf counts nanoseconds forward from the second, also before 1970; jiff counts them towards it.
    let (mut seconds, mut nanos) = (time.as_second(), time.subsec_nanosecond());
    if nanos < 0 {
        seconds -= 1;
        nanos += 1_000_000_000;
    }
    prost_types::Timestamp { seconds, nanos }
}

fn authorship(written: &Authorship) -> v1::Authorship {
    v1::Authorship {
        actor: written.actor.to_string(),
        via: written.via.to_string(),
        time: Some(timestamp(written.at)),
    }
}

pub(super) fn count64(entries: usize) -> u64 {
    u64::try_from(entries).unwrap_or(u64::MAX)
}

fn count(entries: usize) -> u32 {
    u32::try_from(entries).unwrap_or(u32::MAX)
}

/// Names of environments, each checked.
pub(super) fn imports(names: &[v1::EnvironmentName]) -> Result<Vec<EnvPath>, Status> {
    names
        .iter()
        .map(|name| {
            EnvPath::try_from(name).map_err(|error| {
                status(Refusal::invalid(
                    "imports",
                    format!("an import is not the name of an environment: {error}"),
                ))
            })
        })
        .collect()
}

fn import_names(imports: &[EnvPath]) -> Vec<v1::EnvironmentName> {
    imports.iter().map(Into::into).collect()
}

pub(super) fn project_settings(settings: v1::ProjectSettings) -> ProjectSettings {
    ProjectSettings { description: settings.description, protected: settings.deletion_protection }
}

pub(super) fn environment_settings(settings: v1::EnvironmentSettings) -> Result<EnvironmentSettings, Status> {
    Ok(EnvironmentSettings {
        imports: imports(&settings.imports)?,
        description: settings.description,
        protected: settings.deletion_protection,
    })
}

pub(super) fn project(project: &Project) -> v1::Project {
    v1::Project {
        name: project.name.to_string(),
        description: project.description.to_string(),
        implicit: project.implicit,
        environments: count(project.environments.len()),
        created: Some(authorship(&project.created)),
        deletion_protection: project.protected,
        schemas: count(project.schemas.len()),
        changed: Some(authorship(&project.changed)),
    }
}

pub(super) fn schema(schema: &VariableSchema) -> v1::VariableSchema {
    v1::VariableSchema {
        project: schema.project.to_string(),
        name: schema.name.to_string(),
        key_pattern: schema.key_pattern.to_string(),
        schema: schema.schema.to_string(),
        changed: Some(authorship(&schema.changed)),
    }
}

pub(super) fn environment(environment: &Environment) -> v1::Environment {
    v1::Environment {
        name: Some((&environment.path).into()),
        description: environment.description.to_string(),
        implicit: environment.implicit,
        revision: environment.revision,
        variables: count(environment.variables.len() - environment.reference_count()),
        created: Some(authorship(&environment.created)),
        imports: import_names(&environment.imports),
        deletion_protection: environment.protected,
        changed: Some(authorship(&environment.changed)),
        secret_references: count(environment.reference_count()),
    }
}

pub(super) fn restored(restored: &Restored) -> v1::RollbackEnvironmentResponse {
    v1::RollbackEnvironmentResponse {
        environment: Some(environment(&restored.environment)),
        variables_written: count(restored.written),
        variables_deleted: count(restored.deleted),
    }
}

/// A variable with its origin: the environment that it stands in, at that environment's revision.
pub(super) fn variable(
    variable: &Variable,
    seen: Option<&SeenVersion>,
    origin: &EnvPath,
    origin_revision: u64,
) -> v1::Variable {
    let content = match variable.kind {
        Kind::Value(_) => v1::variable::Content::Value(variable.value.to_string()),
        Kind::Reference => v1::variable::Content::Reference(reference(&variable.value, seen)),
    };
    v1::Variable {
        key: variable.key.to_string(),
        r#type: value_type_of(Some(variable.kind)).into(),
        content: Some(content),
        description: variable.description.to_string(),
        revision: variable.revision,
        written: Some(authorship(&variable.written)),
        origin: Some(v1::Origin { environment: Some(origin.into()), revision: origin_revision }),
        deletion_protection: variable.protected,
    }
}

/// A key of its environment's own.
pub(super) fn own(environment: &Environment, found: &Variable) -> v1::Variable {
    variable(found, environment.seen_version(found), &environment.path, environment.revision)
}

fn reference(url: &str, seen: Option<&SeenVersion>) -> v1::SecretReference {
    let parsed = url.parse::<Reference>();
    v1::SecretReference {
        url: url.to_owned(),
        vault: parsed.map(|reference| reference.vault().to_string()).unwrap_or_default(),
        version: seen.map(|seen| seen.version.to_string()).unwrap_or_default(),
        version_seen: seen.map(|seen| timestamp(seen.since)),
    }
}

fn value_type_of(kind: Option<Kind>) -> v1::ValueType {
    kind.and_then(Kind::value_type).map_or(v1::ValueType::Unspecified, v1::ValueType::from)
}

/// A time of an environment's history; the message must name one.
pub(super) fn at(field: &'static str, wire: v1::PointInTime) -> Result<PointInTime, Status> {
    match wire.at {
        Some(v1::point_in_time::At::Revision(revision)) => Ok(PointInTime::Revision(revision)),
        Some(v1::point_in_time::At::Time(at)) => time(field, &at).map(PointInTime::Time),
        None => Err(status(
            Refusal::invalid(field, format!("{field} names neither a revision nor a time"))
                .remedy("name one of them, or leave it out for what stands now"),
        )),
    }
}

/// A snapshot without its variables, for those who hold them already.
pub(super) fn not_modified(snapshot: &Snapshot) -> v1::Snapshot {
    v1::Snapshot { not_modified: true, ..bare(snapshot) }
}

/// A snapshot with the variables whose keys begin with `prefix`. Refused where no message could hold them.
pub(super) fn snapshot(snapshot: &Snapshot, prefix: &str) -> Result<v1::Snapshot, Status> {
    let entries = snapshot.variables(prefix);
    let bytes: usize = entries.iter().map(weigh).sum();
    if bytes > MAX_ANSWER_BYTES {
        let (path, count) = (&snapshot.environment().path, entries.len());
        return Err(status(
            Refusal::invalid(
                "prefix",
                format!(
                    "{count} variables of environment \"{path}\" take {bytes} bytes, and an answer may have \
                     {MAX_ANSWER_BYTES} (1 GiB)"
                ),
            )
            .remedy("ask for a part of them by a prefix of their keys"),
        ));
    }
    let variables = entries
        .iter()
        .map(|Entry { variable: found, origin }| {
            variable(found, origin.seen_version(found), &origin.path, origin.revision)
        })
        .collect();
    Ok(v1::Snapshot { variables, ..bare(snapshot) })
}

/// What a variable takes in a message, at most: its texts, its names, and 128 bytes for numbers, times and tags.
fn weigh(entry: &Entry<'_>) -> usize {
    let Entry { variable, origin } = entry;
    let text = variable.key.as_str().len() + variable.value.len() + variable.description.len();
    let origin = origin.path.project.as_str().len() + origin.path.env.as_str().len();
    text + origin + variable.written.actor.len() + variable.written.via.len() + 128
}

fn bare(snapshot: &Snapshot) -> v1::Snapshot {
    let environment = snapshot.environment();
    v1::Snapshot {
        name: Some((&environment.path).into()),
        revision: environment.revision,
        version: snapshot.version(),
        not_modified: false,
        variables: Vec::new(),
        imports: import_names(&environment.imports),
        description: environment.description.to_string(),
    }
}

pub(super) fn batch(request: v1::WriteVariablesRequest) -> Result<Batch, Status> {
    let id = uuid("batch_id", &request.batch_id)?;
    let groups =
        request.groups.into_iter().map(|group| group.items.into_iter().map(item).collect()).collect();
    Ok(Batch { id, groups })
}

/// Nothing is checked: a bad item is refused by the rules, beside its good neighbours.
fn item(item: v1::WriteItem) -> WriteItem {
    let name = item.environment.unwrap_or_default();
    WriteItem {
        project: name.project,
        env: name.env,
        key: item.key,
        operation: item.operation.map(|operation| match operation {
            v1::write_item::Operation::Put(put) => {
                let (value, reference) = match put.content {
                    Some(v1::put::Content::Value(value)) => (Some(value), None),
                    Some(v1::put::Content::Reference(reference)) => (None, Some(reference)),
                    None => (None, None),
                };
                Operate::Put(Put {
                    value_type: value_type(put.r#type),
                    value,
                    reference,
                    description: put.description,
                    create_missing: put.create_missing,
                    protected: put.deletion_protection,
                })
            }
            v1::write_item::Operation::Delete(v1::Delete {}) => Operate::Delete,
        }),
        expect: match item.expect {
            Some(v1::write_item::Expect::ExpectAbsent(true)) => Expect::Absent,
            Some(v1::write_item::Expect::ExpectRevision(revision)) => Expect::Revision(revision),
            // Not to expect absence is to expect nothing.
            Some(v1::write_item::Expect::ExpectAbsent(false)) | None => Expect::Nothing,
        },
    }
}

/// None for the unspecified type and for numbers that this daemon does not know.
fn value_type(number: i32) -> Option<ValueType> {
    kontraktor_proto::value_type(number).ok()
}

pub(super) fn results(outcome: &BatchOutcome) -> v1::WriteVariablesResponse {
    v1::WriteVariablesResponse {
        results: outcome.results.iter().map(result).collect(),
        replayed: outcome.replayed,
    }
}

fn result(result: &ItemResult) -> v1::WriteResult {
    let (status, refused) = match &result.outcome {
        ItemOutcome::Written => (v1::WriteStatus::Written, None),
        ItemOutcome::Unchanged => (v1::WriteStatus::Unchanged, None),
        ItemOutcome::Deleted => (v1::WriteStatus::Deleted, None),
        ItemOutcome::Absent => (v1::WriteStatus::Absent, None),
        ItemOutcome::Refused(refusal) => (v1::WriteStatus::Refused, Some(problem(refusal))),
    };
    v1::WriteResult {
        status: status.into(),
        revision: result.revision,
        environment_revision: result.environment_revision,
        problem: refused,
    }
}

pub(super) fn entry(entry: AuditEntry) -> v1::AuditEntry {
    v1::AuditEntry {
        sequence: entry.seq,
        written: Some(authorship(&entry.written)),
        operation: operation(entry.operation).into(),
        project: entry.project,
        env: entry.env,
        key: entry.key,
        revision: entry.revision,
        r#type: value_type_of(entry.kind).into(),
        old_value: entry.old_value,
        new_value: entry.new_value,
        description: entry.description,
        batch_id: entry.batch_id.map(|id| id.to_string()).unwrap_or_default(),
        hash: entry.hash.to_string(),
        schema: entry.schema,
        deletion_protection: entry.protected,
        imports: import_names(&entry.imports),
        secret_reference: entry.kind.is_some_and(Kind::is_reference),
        access: entry.access.map(|access| v1::SecretAccess {
            reference: access.reference,
            version: access.version,
            peer: access.peer,
            count: access.count,
            problem: access.problem.map_or(v1::ProblemCode::Unspecified, code).into(),
        }),
    }
}

fn operation(operation: Operation) -> v1::AuditOperation {
    match operation {
        Operation::ProjectCreated => v1::AuditOperation::ProjectCreated,
        Operation::ProjectAdopted => v1::AuditOperation::ProjectAdopted,
        Operation::ProjectUpdated => v1::AuditOperation::ProjectUpdated,
        Operation::ProjectDeleted => v1::AuditOperation::ProjectDeleted,
        Operation::EnvironmentCreated => v1::AuditOperation::EnvironmentCreated,
        Operation::EnvironmentAdopted => v1::AuditOperation::EnvironmentAdopted,
        Operation::EnvironmentUpdated => v1::AuditOperation::EnvironmentUpdated,
        Operation::EnvironmentDeleted => v1::AuditOperation::EnvironmentDeleted,
        Operation::VariableCreated => v1::AuditOperation::VariableCreated,
        Operation::VariableUpdated => v1::AuditOperation::VariableUpdated,
        Operation::VariableDeleted => v1::AuditOperation::VariableDeleted,
        Operation::BatchRecorded => v1::AuditOperation::BatchRecorded,
        Operation::SchemaCreated => v1::AuditOperation::SchemaCreated,
        Operation::SchemaUpdated => v1::AuditOperation::SchemaUpdated,
        Operation::SchemaDeleted => v1::AuditOperation::SchemaDeleted,
        Operation::SecretRead => v1::AuditOperation::SecretRead,
        Operation::SecretChecked => v1::AuditOperation::SecretChecked,
        Operation::SecretFailed => v1::AuditOperation::SecretFailed,
        Operation::SecretDenied => v1::AuditOperation::SecretDenied,
        Operation::SecretVersion => v1::AuditOperation::SecretVersion,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_survive_both_ways_also_before_1970() {
        for (seconds, nanos) in [(0, 0), (1, 999_999_999), (-1, 1), (1_800_000_000, 123_456_000)] {
            let wire = prost_types::Timestamp { seconds, nanos };
            assert_eq!(timestamp(time("since", &wire).unwrap()), wire);
        }
    }

    #[test]
    fn moments_that_cannot_be_named_are_refused() {
        for (seconds, nanos) in [(i64::MAX, 0), (i64::MIN, 0), (0, -1), (0, 1_000_000_000)] {
            let refused = time("until", &prost_types::Timestamp { seconds, nanos }).unwrap_err();
            let problem = kontraktor_proto::problem::from_status(&refused).unwrap();
            assert_eq!((problem.code(), problem.field.as_str()), (v1::ProblemCode::Invalid, "until"));
        }
    }

    #[test]
    fn unknown_and_unspecified_types_reach_the_rules_as_none() {
        assert_eq!(value_type(0), None);
        assert_eq!(value_type(99), None);
        assert_eq!(value_type(v1::ValueType::Json.into()), Some(ValueType::Json));
    }

    #[test]
    fn an_item_of_which_everything_is_missing_is_left_to_the_rules() {
        let bare = item(v1::WriteItem::default());
        assert_eq!((bare.project.as_str(), bare.operation, bare.expect), ("", None, Expect::Nothing));
    }
}
