//! Builds requests, and decides them on a state without a service: what the tests of stores and of the service begin with.

use jiff::{SignedDuration, Timestamp};
use kontraktor_domain::{
    Access, AccessOperation, AccountCredential, AccountSecret, Author, Batch, Command, CreateEnvironment,
    CreateProject, CreateServiceAccount, DeleteEnvironment, DeleteProject, DeleteServiceAccount,
    EnvironmentSettings, Event, Expect, GrantRole, NewSecret, Operate, ProjectSettings, Put, PutContent,
    RecordAccesses, Refusal, ReportedVersion, RevokeRole, RoleGrant, RotateServiceAccount, State,
    UpdateEnvironment, UpdateProject, WriteItem,
};
use kontraktor_model::{access::Scopes, value::ValueType};
use uuid::Uuid;

use crate::{Commit, Store};

/// A state that requests are decided on, one after the other.
pub struct World {
    /// The state after the requests so far.
    pub state: State,
    /// The time of the next request.
    pub now: Timestamp,
    /// The author of the next request.
    pub author: Author,
}

impl World {
    /// Starts with a state, on a fixed day.
    pub fn new(state: State) -> Self {
        Self { state, now: "2026-01-02T03:04:05.678901Z".parse().unwrap(), author: author() }
    }

    /// Decides a request and applies its events.
    pub fn ask<C: Command>(&mut self, command: &C) -> Result<(Vec<Event>, C::Outcome), Refusal> {
        let decision = command.decide(&self.state, &self.author, self.now)?;
        self.state = decision.state;
        Ok((decision.events, decision.outcome))
    }
}

/// Appends events to a log that nobody else writes.
pub fn append(store: &dyn Store, events: &[Event]) {
    assert_eq!(store.commit(store.head().unwrap(), events).unwrap(), Commit::Committed);
}

/// Returns the author of requests where they have no other.
pub fn author() -> Author {
    Author::new("unix:ada", "test")
}

/// Returns an author with a readable name.
pub fn named(actor: &str, name: &str) -> Author {
    Author { display_name: Some(name.into()), ..Author::new(actor, "test") }
}

/// Returns a batch of groups.
pub fn batch(id: u128, groups: Vec<Vec<WriteItem>>) -> Batch {
    Batch { id: Uuid::from_u128(id), groups }
}

/// Returns an item that sets a string.
pub fn put(path: &str, key: &str, value: &str) -> WriteItem {
    let (project, env) = path.split_once('/').unwrap();
    let put = Put {
        content: PutContent::Value { value_type: ValueType::String, text: value.to_owned() },
        description: String::new(),
        create_missing: true,
        protected: None,
    };
    WriteItem {
        project: project.to_owned(),
        env: env.to_owned(),
        key: key.to_owned(),
        operation: Ok(Operate::Put(put)),
        expect: Expect::Nothing,
    }
}

/// Returns an item that sets a secret reference.
pub fn refer(path: &str, key: &str, reference: &str) -> WriteItem {
    let mut item = put(path, key, "");
    if let Ok(Operate::Put(put)) = &mut item.operation {
        put.content = PutContent::Reference(reference.to_owned());
    }
    item
}

/// Returns two accesses to a secret, with the version that its vault reported.
pub fn seen(path: &str, key: &str, reference: &str, version: &str) -> RecordAccesses {
    let access = Access {
        operation: AccessOperation::Read,
        action: None,
        project: None,
        environment: Some(path.parse().unwrap()),
        key: Some(key.parse().unwrap()),
        reference: (!reference.is_empty()).then(|| reference.into()),
        version: (!version.is_empty()).then(|| version.into()),
        peer: Some("pid:4711".into()),
        problem: None,
    };
    let reported = ReportedVersion {
        author: author(),
        environment: path.parse().unwrap(),
        key: key.parse().unwrap(),
        reference: reference.into(),
        version: version.into(),
    };
    RecordAccesses { accesses: vec![(author(), access, 2)], versions: vec![reported] }
}

/// Returns an item that deletes a key.
pub fn delete(path: &str, key: &str) -> WriteItem {
    WriteItem { operation: Ok(Operate::Delete), ..put(path, key, "") }
}

/// Lets an item expect that its key does not exist.
pub fn expecting_absence(item: WriteItem) -> WriteItem {
    WriteItem { expect: Expect::Absent, ..item }
}

/// Creates a project.
pub fn create_project(name: &str, description: &str) -> CreateProject {
    let settings = ProjectSettings { description: description.to_owned(), ..ProjectSettings::default() };
    CreateProject { name: name.parse().unwrap(), settings, adopt_existing: false }
}

/// Changes the description of a project.
pub fn update_project(name: &str, description: &str) -> UpdateProject {
    UpdateProject {
        name: name.parse().unwrap(),
        description: Some(description.to_owned()),
        protected: None,
        expect: None,
    }
}

/// Deletes a project that is empty.
pub fn delete_project(name: &str) -> DeleteProject {
    DeleteProject { name: name.parse().unwrap(), force: false }
}

/// Creates an environment.
pub fn create_env(path: &str, description: &str) -> CreateEnvironment {
    let settings =
        EnvironmentSettings { description: description.to_owned(), ..EnvironmentSettings::default() };
    CreateEnvironment { path: path.parse().unwrap(), settings, create_missing: false, adopt_existing: false }
}

/// Changes the description of an environment.
pub fn update_env(path: &str, description: &str) -> UpdateEnvironment {
    UpdateEnvironment {
        path: path.parse().unwrap(),
        description: Some(description.to_owned()),
        protected: None,
        imports: None,
        expect: None,
    }
}

/// Deletes an environment that is empty.
pub fn delete_env(path: &str) -> DeleteEnvironment {
    DeleteEnvironment { path: path.parse().unwrap(), force: false }
}

/// Changes the imports of an environment.
pub fn importing(path: &str, imports: &[&str]) -> UpdateEnvironment {
    UpdateEnvironment {
        path: path.parse().unwrap(),
        description: None,
        protected: None,
        imports: Some(imports.iter().map(|import| import.parse().unwrap()).collect()),
        expect: None,
    }
}

/// Returns a role, a subject and a pattern.
pub fn role(role: &str, subject: &str, pattern: &str) -> RoleGrant {
    RoleGrant {
        pattern: pattern.parse().unwrap(),
        subject: subject.parse().unwrap(),
        role: role.parse().unwrap(),
    }
}

/// Grants a role.
pub fn grant(name: &str, subject: &str, pattern: &str) -> GrantRole {
    GrantRole { grant: role(name, subject, pattern) }
}

/// Revokes a role.
pub fn revoke(name: &str, subject: &str, pattern: &str) -> RevokeRole {
    RevokeRole { grant: role(name, subject, pattern), keep_last_owner: true }
}

/// Returns what is kept of the secret with a number, which is valid for a day.
pub fn secret(number: u8) -> NewSecret {
    NewSecret {
        hash: AccountSecret::hash_of(&format!("secret {number}")),
        hint: format!("hint-{number}"),
        lifetime: Some(SignedDuration::from_hours(24)),
    }
}

/// Creates a service account with a client id and a secret of this number.
pub fn create_account(name: &str, number: u8) -> CreateServiceAccount {
    CreateServiceAccount {
        name: name.parse().unwrap(),
        description: "a pipeline".to_owned(),
        scopes: Scopes::ALL,
        client_id: format!("sa-{number}").into(),
        credential: AccountCredential::Secret(secret(number)),
    }
}

/// Gives a service account another secret; the one before remains valid for an hour.
pub fn rotate_account(name: &str, number: u8) -> RotateServiceAccount {
    RotateServiceAccount {
        name: name.parse().unwrap(),
        secret: secret(number),
        overlap: SignedDuration::from_hours(1),
    }
}

/// Deletes a service account.
pub fn delete_account(name: &str) -> DeleteServiceAccount {
    DeleteServiceAccount { name: name.parse().unwrap(), keep_last_owner: true }
}

/// Returns the record of a token that was issued to a service account.
pub fn token(name: &str) -> RecordAccesses {
    let access = Access {
        operation: AccessOperation::TokenIssued,
        action: None,
        project: None,
        environment: None,
        key: None,
        reference: None,
        version: None,
        peer: Some("192.0.2.7".into()),
        problem: None,
    };
    let author = Author::new(format!("service-account:{name}"), "test");
    RecordAccesses { accesses: vec![(author, access, 1)], versions: Vec::new() }
}
