//! Requests to put to the rules, and a state to put them to.

use jiff::Timestamp;
use kontraktor_domain::{
    Access, AccessOperation, Batch, Caller, EnvironmentSettings, Event, Expect, Operate, Outcome,
    ProjectSettings, Put, Refusal, ReportedVersion, Request, Scopes, State, Trail, WriteItem, decide,
};
use kontraktor_model::value::ValueType;
use uuid::Uuid;

/// A state that changes with what it is asked, without a service around it.
pub(crate) struct World {
    pub(crate) state: State,
    pub(crate) now: Timestamp,
}

impl World {
    pub(crate) fn new(state: State) -> Self {
        Self { state, now: "2026-01-02T03:04:05.678901Z".parse().unwrap() }
    }

    pub(crate) fn ask(&mut self, request: &Request) -> Result<(Vec<Event>, Outcome), Refusal> {
        let decision = decide(&self.state, request, &caller(), self.now)?;
        self.state = decision.state;
        Ok((decision.events, decision.outcome))
    }
}

pub(crate) fn caller() -> Caller {
    Caller { actor: "unix:ada".into(), via: "test".into(), peer: "pid:1".into(), scopes: Scopes::ALL }
}

pub(crate) fn batch(id: u128, groups: Vec<Vec<WriteItem>>) -> Request {
    Request::WriteVariables(Batch { id: Uuid::from_u128(id), groups })
}

pub(crate) fn put(path: &str, key: &str, value: &str) -> WriteItem {
    let (project, env) = path.split_once('/').unwrap();
    let put = Put {
        value_type: Some(ValueType::String),
        value: Some(value.to_owned()),
        reference: None,
        description: String::new(),
        create_missing: true,
        protected: None,
    };
    WriteItem {
        project: project.to_owned(),
        env: env.to_owned(),
        key: key.to_owned(),
        operation: Some(Operate::Put(put)),
        expect: Expect::Nothing,
    }
}

/// A key that refers to a secret.
pub(crate) fn refer(path: &str, key: &str, reference: &str) -> WriteItem {
    let mut item = put(path, key, "");
    if let Some(Operate::Put(put)) = &mut item.operation {
        (put.value_type, put.value, put.reference) = (None, None, Some(reference.to_owned()));
    }
    item
}

/// What a vault reported of a key's reference.
pub(crate) fn seen(path: &str, key: &str, reference: &str, version: &str) -> Request {
    let access = Access {
        operation: AccessOperation::Read,
        environment: Some(path.parse().unwrap()),
        key: Some(key.parse().unwrap()),
        reference: reference.into(),
        version: version.into(),
        peer: "pid:4711".into(),
        problem: None,
    };
    let reported = ReportedVersion {
        caller: caller(),
        environment: path.parse().unwrap(),
        key: key.parse().unwrap(),
        reference: reference.into(),
        version: version.into(),
    };
    Request::Record(Trail { accesses: vec![(caller(), access, 2)], versions: vec![reported] })
}

pub(crate) fn delete(path: &str, key: &str) -> WriteItem {
    WriteItem { operation: Some(Operate::Delete), ..put(path, key, "") }
}

pub(crate) fn expecting_absence(item: WriteItem) -> WriteItem {
    WriteItem { expect: Expect::Absent, ..item }
}

/// What a request asks for that says nothing but the names and a description.
pub(crate) fn create_project(name: &str, description: &str) -> Request {
    let settings = ProjectSettings { description: description.to_owned(), ..ProjectSettings::default() };
    Request::CreateProject { name: name.parse().unwrap(), settings, adopt_existing: false }
}

pub(crate) fn update_project(name: &str, description: &str) -> Request {
    Request::UpdateProject {
        name: name.parse().unwrap(),
        description: Some(description.to_owned()),
        protected: None,
        expect: None,
    }
}

pub(crate) fn delete_project(name: &str) -> Request {
    Request::DeleteProject { name: name.parse().unwrap(), force: false }
}

pub(crate) fn create_env(path: &str, description: &str) -> Request {
    let settings =
        EnvironmentSettings { description: description.to_owned(), ..EnvironmentSettings::default() };
    Request::CreateEnvironment {
        path: path.parse().unwrap(),
        settings,
        create_missing: false,
        adopt_existing: false,
    }
}

pub(crate) fn update_env(path: &str, description: &str) -> Request {
    Request::UpdateEnvironment {
        path: path.parse().unwrap(),
        description: Some(description.to_owned()),
        protected: None,
        imports: None,
        expect: None,
    }
}

pub(crate) fn delete_env(path: &str) -> Request {
    Request::DeleteEnvironment { path: path.parse().unwrap(), force: false }
}

/// Changes what an environment imports, and nothing else.
pub(crate) fn importing(path: &str, imports: &[&str]) -> Request {
    Request::UpdateEnvironment {
        path: path.parse().unwrap(),
        description: None,
        protected: None,
        imports: Some(imports.iter().map(|import| import.parse().unwrap()).collect()),
        expect: None,
    }
}
