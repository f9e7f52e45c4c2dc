//! Entries of the log.

use kontraktor_domain::{AuditEntry, Kind, Operation};
use kontraktor_proto::v1;

use super::{authorship, names::import_names, variables::value_type_of};
use crate::grpc::status::code;

pub(in crate::grpc) fn entry(entry: AuditEntry) -> v1::AuditEntry {
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
            action: access.action,
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
        Operation::AccessDenied => v1::AuditOperation::AccessDenied,
    }
}
