//! Events as rows, and rows as events again.

use std::{borrow::Cow, sync::Arc};

use jiff::Timestamp;
use kontraktor_model::names::EnvPath;
use uuid::Uuid;

use super::{
    super::{
        Access, AccessEvent, AccountSecret, ActorEvent, BatchMark, BatchRecord, Body, EnvironmentEvent,
        Event, Hash, ProjectEvent, RoleBindingEvent, RoleGrant, SchemaEvent, ServiceAccountEvent,
        VariableEvent, VersionEvent, access::split_denied,
    },
    Row, RowBody, RowError,
};

impl Row<'_> {
    /// Reads the row back as a event. `path_of` finds the name of an environment by its id.
    pub fn to_event(&self, path_of: impl FnOnce(Uuid) -> Option<EnvPath>) -> Result<Event, RowError> {
        let body = match &self.body {
            RowBody::Project { name, operation, description, implicit, protected } => {
                Body::Project(ProjectEvent {
                    name: name.parse()?,
                    operation: word(operation, "operation on a project")?,
                    description: description.as_ref().into(),
                    implicit: *implicit,
                    protected: *protected,
                })
            }
            RowBody::Environment {
                id,
                project,
                env,
                operation,
                revision,
                description,
                implicit,
                protected,
                imports,
            } => Body::Environment(EnvironmentEvent {
                id: *id,
                path: EnvPath::new(project, env)?,
                operation: word(operation, "operation on an environment")?,
                revision: *revision,
                description: description.as_ref().into(),
                implicit: *implicit,
                protected: *protected,
                imports: imports.as_deref().map_or_else(|| Ok(Arc::default()), self::imports)?,
            }),
            RowBody::Variable {
                id: _,
                environment,
                key,
                operation,
                revision,
                value_type,
                old_value,
                new_value,
                description,
                protected,
            } => Body::Variable(VariableEvent {
                environment: *environment,
                path: path_of(*environment).ok_or(RowError::Environment(*environment))?,
                key: key.parse()?,
                operation: word(operation, "operation on a variable")?,
                revision: *revision,
                kind: word(value_type, "type of a value")?,
                old_value: old_value.as_deref().map(Arc::from),
                new_value: new_value.as_deref().map(Arc::from),
                description: description.as_ref().into(),
                protected: *protected,
            }),
            RowBody::Schema { project, name, operation, key_pattern, schema } => Body::Schema(SchemaEvent {
                project: project.parse()?,
                name: name.parse()?,
                operation: word(operation, "operation on a schema")?,
                key_pattern: key_pattern.as_ref().into(),
                schema: schema.as_ref().into(),
            }),
            RowBody::Access { operation, project, env, key, reference, version, peer, count, problem } => {
                let (environment, project) = match (project, env) {
                    (Some(project), Some(env)) => (Some(EnvPath::new(project, env)?), None),
                    (Some(project), None) => (None, Some(project.parse()?)),
                    _ => (None, None),
                };
                let (operation, action) = split_denied(operation);
                let access = Access {
                    operation: word(operation, "operation on a secret")?,
                    action: action.map(Into::into),
                    project,
                    environment,
                    key: key.as_deref().map(str::parse).transpose()?,
                    reference: non_empty(reference),
                    version: non_empty(version),
                    peer: non_empty(peer),
                    problem: problem
                        .as_deref()
                        .map(|problem| word(problem, "code of a refusal"))
                        .transpose()?,
                };
                Body::Access(AccessEvent { access, count: *count })
            }
            RowBody::Version { environment, key, reference, version } => Body::Version(VersionEvent {
                environment: *environment,
                path: path_of(*environment).ok_or(RowError::Environment(*environment))?,
                key: key.parse()?,
                reference: reference.as_ref().into(),
                version: version.as_ref().into(),
            }),
            RowBody::Batch { items, results } => Body::Batch(BatchRecord::parse(*items, results)?),
            RowBody::RoleBinding { operation, role, subject, pattern } => {
                Body::RoleBinding(RoleBindingEvent {
                    grant: RoleGrant {
                        pattern: pattern.parse()?,
                        subject: subject.parse()?,
                        role: role.parse()?,
                    },
                    operation: word(operation, "operation on a role binding")?,
                })
            }
            RowBody::ServiceAccount {
                name,
                operation,
                client_id,
                description,
                scopes,
                secrets,
                public_key,
            } => Body::ServiceAccount(ServiceAccountEvent {
                name: name.parse()?,
                operation: word(operation, "operation on a service account")?,
                client_id: client_id.as_ref().into(),
                description: description.as_ref().into(),
                scopes: scopes.parse()?,
                secrets: secrets.as_deref().map_or_else(|| Ok(Arc::default()), account_secrets)?,
                public_key: public_key.as_deref().map(Arc::from),
            }),
            RowBody::Actor { display_name } => {
                Body::Actor(ActorEvent { display_name: display_name.as_ref().into() })
            }
        };
        let batch = match (self.batch_id, &self.batch_digest) {
            (Some(id), Some(digest)) => {
                Some(BatchMark { id, digest: Hash::try_from(digest.as_ref())?, item: self.batch_item })
            }
            _ => None,
        };
        Ok(Event {
            seq: self.seq,
            at: timestamp(self.at_us)?,
            actor: self.actor.as_ref().into(),
            via: self.via.as_ref().into(),
            batch,
            body,
            hash: Hash::try_from(self.hash.as_ref())?,
        })
    }
}

/// The log holds an empty text for none.
fn non_empty(text: &str) -> Option<Arc<str>> {
    (!text.is_empty()).then(|| text.into())
}

/// None for no imports.
fn imports_text(imports: &[EnvPath]) -> Option<String> {
    let names: Vec<String> = imports.iter().map(EnvPath::to_string).collect();
    (!names.is_empty()).then(|| serde_json::to_string(&names).expect("a list of texts is always JSON"))
}

/// None for no secrets.
fn account_secrets_text(secrets: &[AccountSecret]) -> Option<String> {
    (!secrets.is_empty())
        .then(|| serde_json::to_string(secrets).expect("hashes, texts and times are always JSON"))
}

fn account_secrets(text: &str) -> Result<Arc<[AccountSecret]>, RowError> {
    let secrets: Vec<AccountSecret> =
        serde_json::from_str(text).map_err(|error| RowError::Secrets(error.to_string()))?;
    Ok(secrets.into())
}

/// The imports of an environment as its row has them.
pub fn imports(text: &str) -> Result<Arc<[EnvPath]>, RowError> {
    let names: Vec<String> =
        serde_json::from_str(text).map_err(|error| RowError::Imports(error.to_string()))?;
    names.iter().map(|name| name.parse().map_err(RowError::Name)).collect()
}

/// The moment that a stored number of microseconds stands for.
pub fn timestamp(at_us: i64) -> Result<Timestamp, RowError> {
    Timestamp::from_microsecond(at_us).map_err(|_| RowError::Time(at_us))
}

fn word<T: std::str::FromStr>(text: &str, what: &'static str) -> Result<T, RowError> {
    text.parse().map_err(|_| RowError::Word(text.to_owned(), what))
}

impl<'a> From<&'a Event> for Row<'a> {
    fn from(event: &'a Event) -> Self {
        let body = match &event.body {
            Body::Project(project) => RowBody::Project {
                name: project.name.as_str().into(),
                operation: project.operation.as_str().into(),
                description: project.description.as_ref().into(),
                implicit: project.implicit,
                protected: project.protected,
            },
            Body::Environment(environment) => RowBody::Environment {
                id: environment.id,
                project: environment.path.project.as_str().into(),
                env: environment.path.env.as_str().into(),
                operation: environment.operation.as_str().into(),
                revision: environment.revision,
                description: environment.description.as_ref().into(),
                implicit: environment.implicit,
                protected: environment.protected,
                imports: imports_text(&environment.imports).map(Cow::Owned),
            },
            Body::Variable(variable) => RowBody::Variable {
                id: event.hash.to_uuid(),
                environment: variable.environment,
                key: variable.key.as_str().into(),
                operation: variable.operation.as_str().into(),
                revision: variable.revision,
                value_type: variable.kind.as_str().into(),
                old_value: variable.old_value.as_deref().map(Cow::Borrowed),
                new_value: variable.new_value.as_deref().map(Cow::Borrowed),
                description: variable.description.as_ref().into(),
                protected: variable.protected,
            },
            Body::Schema(schema) => RowBody::Schema {
                project: schema.project.as_str().into(),
                name: schema.name.as_str().into(),
                operation: schema.operation.as_str().into(),
                key_pattern: schema.key_pattern.as_ref().into(),
                schema: schema.schema.as_ref().into(),
            },
            Body::Access(AccessEvent { access, count }) => RowBody::Access {
                operation: access.word(),
                project: access.project_name().map(|name| name.as_str().into()),
                env: access.environment.as_ref().map(|path| path.env.as_str().into()),
                key: access.key.as_ref().map(|key| key.as_str().into()),
                reference: access.reference.as_deref().unwrap_or_default().into(),
                version: access.version.as_deref().unwrap_or_default().into(),
                peer: access.peer.as_deref().unwrap_or_default().into(),
                count: *count,
                problem: access.problem.map(|problem| problem.as_str().into()),
            },
            Body::Version(version) => RowBody::Version {
                environment: version.environment,
                key: version.key.as_str().into(),
                reference: version.reference.as_ref().into(),
                version: version.version.as_ref().into(),
            },
            Body::Batch(record) => RowBody::Batch { items: record.items(), results: record.text().into() },
            Body::RoleBinding(RoleBindingEvent { grant, operation }) => RowBody::RoleBinding {
                operation: operation.as_str().into(),
                role: grant.role.as_str().into(),
                subject: grant.subject.as_str().into(),
                pattern: grant.pattern.to_string().into(),
            },
            Body::ServiceAccount(account) => RowBody::ServiceAccount {
                name: account.name.as_str().into(),
                operation: account.operation.as_str().into(),
                client_id: account.client_id.as_ref().into(),
                description: account.description.as_ref().into(),
                scopes: account.scopes.to_string().into(),
                secrets: account_secrets_text(&account.secrets).map(Cow::Owned),
                public_key: account.public_key.as_deref().map(Cow::Borrowed),
            },
            Body::Actor(actor) => RowBody::Actor { display_name: actor.display_name.as_ref().into() },
        };
        Self {
            seq: event.seq,
            at_us: event.at.as_microsecond(),
            actor: event.actor.as_ref().into(),
            via: event.via.as_ref().into(),
            batch_id: event.batch.map(|mark| mark.id),
            batch_digest: event.batch.as_ref().map(|mark| Cow::Borrowed(mark.digest.as_bytes().as_slice())),
            batch_item: event.batch.and_then(|mark| mark.item),
            body,
            hash: Cow::Borrowed(event.hash.as_bytes().as_slice()),
        }
    }
}

fn owned(text: Cow<'_, str>) -> Cow<'static, str> {
    Cow::Owned(text.into_owned())
}

impl Row<'_> {
    /// The same row, borrowing nothing.
    pub fn into_owned(self) -> Row<'static> {
        Row {
            seq: self.seq,
            at_us: self.at_us,
            actor: owned(self.actor),
            via: owned(self.via),
            batch_id: self.batch_id,
            batch_digest: self.batch_digest.map(|digest| Cow::Owned(digest.into_owned())),
            batch_item: self.batch_item,
            body: self.body.into_owned(),
            hash: Cow::Owned(self.hash.into_owned()),
        }
    }
}
