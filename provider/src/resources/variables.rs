//! `kontraktor_variables`: many variables of one environment, as one object and in one atomic write.
//!
//! This file says which call does what. `model` knows which keys a resource holds; `changes` and `plan` decide what an apply
//! changes, `write` writes it, and `read` and `import` turn what is stored into state.

mod changes;
mod import;
mod key_errors;
mod model;
mod plan;
mod private_state;
mod read;
mod schema;
mod write;

use async_trait::async_trait;

use self::model::State;
use crate::framework::{Context, Diagnostics, Failure, PlanContext, Private, Resource, Schema};
use crate::locations;
use crate::session::Session;

/// The type's name in HCL.
const TYPE_NAME: &str = "kontraktor_variables";

/// The resource.
pub(crate) struct Variables;

#[async_trait]
impl Resource<Session> for Variables {
    type State = State;

    fn type_name(&self) -> &'static str {
        TYPE_NAME
    }

    fn schema(&self) -> Schema {
        schema::schema()
    }

    fn validate(&self, config: &State) -> Diagnostics {
        schema::validate(config)
    }

    fn observe(&self, session: &Session, private: &Private, state: &State, exists: bool) {
        plan::observe(session, private, state, exists);
    }

    fn refine(&self, planned: &mut State) {
        planned.id = locations::id([&planned.project, &planned.env]);
    }

    async fn plan(
        &self,
        cx: &mut PlanContext<Session>,
        prior: Option<&State>,
        planned: &mut State,
        replaces: bool,
    ) -> Diagnostics {
        plan::plan(cx, prior, planned, replaces).await.err().unwrap_or_default()
    }

    async fn plan_destroy(&self, cx: &mut PlanContext<Session>, prior: &State) -> Diagnostics {
        plan::destroy(cx, prior).err().unwrap_or_default()
    }

    async fn create(&self, cx: &mut Context<Session>, planned: State) -> Result<State, Failure<State>> {
        write::put(cx, None, planned).await
    }

    async fn read(&self, cx: &mut Context<Session>, state: State) -> Result<Option<State>, Diagnostics> {
        read::read(cx, state).await
    }

    async fn update(
        &self,
        cx: &mut Context<Session>,
        prior: State,
        planned: State,
    ) -> Result<State, Failure<State>> {
        write::put(cx, Some(prior), planned).await
    }

    async fn delete(&self, cx: &mut Context<Session>, prior: State) -> Result<(), Diagnostics> {
        write::delete(cx, prior).await
    }

    fn import(&self, id: &str) -> Result<State, Diagnostics> {
        import::state(id)
    }
}
