//! `kontraktor_variables` through the calls of a host, with the private state that a host carries along.

mod conflicts;
mod keys;
mod ownership;
mod protection;

use tfplugin_proto::value::{AttributePath, Value};
use tfplugin_proto::wire;
use tfplugin_proto::wire::provider_server::Provider as _;
use tonic::Request;

use super::{Harness, fields, render, text};
use crate::framework::Fields;

const VARIABLES: &str = "kontraktor_variables";

/// A configuration of `demo/dev`.
fn bulk<const N: usize>(attributes: [(&str, Value); N]) -> Fields {
    let mut bulk = fields([("project", text("demo")), ("env", text("dev"))]);
    bulk.extend(fields(attributes));
    bulk
}

/// The map of texts.
fn texts<const N: usize>(entries: [(&str, &str); N]) -> Value {
    Value::object(entries.map(|(key, value)| (key, text(value))))
}

/// An element of `typed`.
fn typed(value_type: &str, value: &str, description: Option<&str>) -> Value {
    let value_type = if value_type.is_empty() { Value::Null } else { text(value_type) };
    Value::object([("value", text(value)), ("type", value_type), ("description", description.into())])
}

fn elements<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::object(entries)
}

/// What a host keeps of one resource between its calls.
#[derive(Debug, Clone, Default)]
struct Held {
    state: Option<Fields>,
    private: Vec<u8>,
}

/// A plan, as a host takes it to the apply.
#[derive(Debug, Clone)]
struct Plan {
    planned: Option<Fields>,
    private: Vec<u8>,
    replaces: Vec<String>,
    diagnostics: Vec<String>,
}

impl Plan {
    /// The only message of a plan that is refused.
    fn refusal(&self) -> &str {
        assert_eq!((self.diagnostics.len(), &self.planned), (1, &None), "{:?}", self.diagnostics);
        &self.diagnostics[0]
    }

    /// The planned state of a plan that nothing speaks against.
    fn success(&self) -> &Fields {
        assert!(self.diagnostics.is_empty(), "{:?}", self.diagnostics);
        self.planned.as_ref().expect("it is no destroy")
    }
}

impl Held {
    fn state(&self) -> &Fields {
        self.state.as_ref().expect("it is there")
    }

    async fn plan(&self, harness: &Harness, config: Option<&Fields>) -> Plan {
        let request = wire::plan_resource_change::Request {
            type_name: VARIABLES.to_owned(),
            prior_state: harness.sent(VARIABLES, self.state.as_ref()),
            proposed_new_state: harness.sent(VARIABLES, config),
            config: harness.sent(VARIABLES, config),
            prior_private: self.private.clone(),
            ..Default::default()
        };
        let answer = harness.server.plan_resource_change(Request::new(request)).await.unwrap().into_inner();
        let paths = answer.requires_replace.into_iter();
        Plan {
            planned: harness.received(VARIABLES, answer.planned_state.as_ref()),
            private: answer.planned_private,
            replaces: paths.map(|path| AttributePath::from(path).to_string()).collect(),
            diagnostics: render(&answer.diagnostics),
        }
    }

    /// Applies an earlier plan, and returns the diagnostics.
    async fn carry_out(&mut self, harness: &Harness, config: Option<&Fields>, plan: Plan) -> Vec<String> {
        let request = wire::apply_resource_change::Request {
            type_name: VARIABLES.to_owned(),
            prior_state: harness.sent(VARIABLES, self.state.as_ref()),
            planned_state: harness.sent(VARIABLES, plan.planned.as_ref()),
            config: harness.sent(VARIABLES, config),
            planned_private: plan.private,
            ..Default::default()
        };
        let answer = harness.server.apply_resource_change(Request::new(request)).await.unwrap().into_inner();
        self.state = harness.received(VARIABLES, answer.new_state.as_ref());
        self.private = answer.private;
        render(&answer.diagnostics)
    }

    /// Plans and carries out.
    async fn apply(&mut self, harness: &Harness, config: &Fields) -> Vec<String> {
        let plan = self.plan(harness, Some(config)).await;
        plan.success();
        self.carry_out(harness, Some(config), plan).await
    }

    /// What must go well.
    async fn applied(&mut self, harness: &Harness, config: &Fields) {
        assert_eq!(self.apply(harness, config).await, Vec::<String>::new());
    }

    async fn destroy(&mut self, harness: &Harness) -> Vec<String> {
        let plan = self.plan(harness, None).await;
        assert!(plan.diagnostics.is_empty(), "{:?}", plan.diagnostics);
        self.carry_out(harness, None, plan).await
    }

    /// Reads in the walk that is under way.
    async fn read(&mut self, harness: &Harness) -> Vec<String> {
        let request = wire::read_resource::Request {
            type_name: VARIABLES.to_owned(),
            current_state: harness.sent(VARIABLES, self.state.as_ref()),
            private: self.private.clone(),
            ..Default::default()
        };
        let answer = harness.server.read_resource(Request::new(request)).await.unwrap().into_inner();
        self.state = harness.received(VARIABLES, answer.new_state.as_ref());
        self.private = answer.private;
        render(&answer.diagnostics)
    }

    /// Reads in a walk of its own, which goes well.
    async fn refresh(&mut self, harness: &Harness) {
        harness.configure([]).await;
        assert_eq!(self.read(harness).await, Vec::<String>::new());
    }

    /// Asserts that a new walk finds nothing to do.
    async fn assert_no_changes(&mut self, harness: &Harness, config: &Fields) {
        self.refresh(harness).await;
        let plan = self.plan(harness, Some(config)).await;
        assert_eq!(plan.success(), self.state());
    }

    /// Imports, and reads as a host does next.
    async fn import(harness: &Harness, id: &str) -> Result<Self, Vec<String>> {
        let request = wire::import_resource_state::Request {
            type_name: VARIABLES.to_owned(),
            id: id.to_owned(),
            ..Default::default()
        };
        let answer = harness.server.import_resource_state(Request::new(request)).await.unwrap().into_inner();
        let Some(imported) = answer.imported_resources.into_iter().next() else {
            return Err(render(&answer.diagnostics));
        };
        let state = harness.received(VARIABLES, imported.state.as_ref());
        let mut held = Self { state, private: imported.private };
        harness.configure([]).await;
        let diagnostics = held.read(harness).await;
        if diagnostics.is_empty() { Ok(held) } else { Err(diagnostics) }
    }
}

/// A resource that was created.
async fn created(harness: &Harness, config: &Fields) -> Held {
    let mut held = Held::default();
    held.applied(harness, config).await;
    held
}
