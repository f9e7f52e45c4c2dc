//! Entries of the log.

use kontraktor_domain::{AccessEvent, AuditSubject, Operation};
use kontraktor_model::names::{Key, ProjectName};
use kontraktor_proto::v1;
use kontraktor_service::NamedEntry;

use super::{
    access::{logged_account, role_of},
    authorship,
    names::import_names,
    variables::value_type_of,
};
use crate::grpc::status::code;

/// Proto3 has no presence for most of these fields: absent ones are empty or zero.
pub(crate) fn entry(named: &NamedEntry) -> v1::AuditEntry {
    let NamedEntry { entry, actor_display_name } = named;
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let wire = v1::AuditEntry {
        sequence: entry.seq,
        actor_display_name: text(actor_display_name.as_deref()),
        written: Some(authorship(&entry.written)),
        operation: operation(entry.operation()).into(),
        project: text(entry.project().map(ProjectName::as_str)),
        env: text(entry.environment().map(|path| path.env.as_str())),
        key: text(entry.key().map(Key::as_str)),
        revision: entry.revision().unwrap_or_default(),
        old_value: entry.old_value().map(str::to_owned),
        new_value: entry.new_value().map(str::to_owned),
        description: text(entry.description()),
        batch_id: entry.batch_id.map(|id| id.to_string()).unwrap_or_default(),
        hash: entry.hash.to_string(),
        ..v1::AuditEntry::default()
    };
    match &entry.subject {
        AuditSubject::Project(project) => v1::AuditEntry { deletion_protection: project.protected, ..wire },
        AuditSubject::Environment(environment) => v1::AuditEntry {
            deletion_protection: environment.protected,
            imports: import_names(&environment.imports),
            ..wire
        },
        AuditSubject::Variable(variable) => v1::AuditEntry {
            deletion_protection: variable.protected,
            r#type: value_type_of(variable.kind).into(),
            secret_reference: variable.kind.is_reference(),
            ..wire
        },
        AuditSubject::Schema(schema) => v1::AuditEntry { schema: schema.name.to_string(), ..wire },
        AuditSubject::RoleBinding(binding) => {
            v1::AuditEntry { role_binding: Some(role_of(&binding.grant)), ..wire }
        }
        AuditSubject::ServiceAccount(account) => {
            v1::AuditEntry { service_account: Some(logged_account(account)), ..wire }
        }
        AuditSubject::Batch | AuditSubject::Actor(_) => wire,
        AuditSubject::Access(AccessEvent { access, count }) => {
            let access = v1::SecretAccess {
                action: text(access.action.as_deref()),
                reference: text(access.reference.as_deref()),
                version: text(access.version.as_deref()),
                peer: text(access.peer.as_deref()),
                count: *count,
                problem: access.problem.map_or(v1::ProblemCode::Unspecified, code).into(),
            };
            v1::AuditEntry { access: Some(access), ..wire }
        }
        AuditSubject::Version(version) => {
            let access = v1::SecretAccess {
                reference: version.reference.to_string(),
                version: version.version.to_string(),
                count: 1,
                ..v1::SecretAccess::default()
            };
            v1::AuditEntry { access: Some(access), ..wire }
        }
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
        Operation::RoleGranted => v1::AuditOperation::RoleGranted,
        Operation::RoleRevoked => v1::AuditOperation::RoleRevoked,
        Operation::ServiceAccountCreated => v1::AuditOperation::ServiceAccountCreated,
        Operation::ServiceAccountRotated => v1::AuditOperation::ServiceAccountRotated,
        Operation::ServiceAccountDeleted => v1::AuditOperation::ServiceAccountDeleted,
        Operation::TokenIssued => v1::AuditOperation::TokenIssued,
        Operation::TokenRefused => v1::AuditOperation::TokenRefused,
        Operation::ActorNamed => v1::AuditOperation::ActorNamed,
    }
}
