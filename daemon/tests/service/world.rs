//! Requests to put to the rules, and a state to put them to.

use jiff::Timestamp;
use kontraktor_proto::value::ValueType;
use kontraktord::domain::{
    Batch, Caller, Expect, Fact, Operate, Outcome, Put, Refusal, Request, State, WriteItem, decide,
};
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

    pub(crate) fn ask(&mut self, request: &Request) -> Result<(Vec<Fact>, Outcome), Refusal> {
        let decision = decide(&self.state, request, &caller(), self.now)?;
        self.state = decision.state;
        Ok((decision.facts, decision.outcome))
    }
}

pub(crate) fn caller() -> Caller {
    Caller { actor: "unix:ada".into(), via: "test".into() }
}

pub(crate) fn batch(id: u128, groups: Vec<Vec<WriteItem>>) -> Request {
    Request::WriteVariables(Batch { id: Uuid::from_u128(id), groups })
}

pub(crate) fn put(path: &str, key: &str, value: &str) -> WriteItem {
    let (project, env) = path.split_once('/').unwrap();
    let put = Put {
        value_type: Some(ValueType::String),
        value: Some(value.to_owned()),
        description: String::new(),
        create_missing: true,
    };
    WriteItem {
        project: project.to_owned(),
        env: env.to_owned(),
        key: key.to_owned(),
        operation: Some(Operate::Put(put)),
        expect: Expect::Nothing,
    }
}

pub(crate) fn delete(path: &str, key: &str) -> WriteItem {
    WriteItem { operation: Some(Operate::Delete), ..put(path, key, "") }
}

pub(crate) fn expecting_absence(item: WriteItem) -> WriteItem {
    WriteItem { expect: Expect::Absent, ..item }
}
