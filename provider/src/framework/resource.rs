//! Managed resources: the trait to implement, and its type-erased form for the server.
//!
//! It converts values to models and back. The server decides which function to call.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use serde_json::value::RawValue;
use tfplugin_proto::value::Value;

use super::diagnostics::{Diagnostic, Diagnostics};
use super::fields::Fields;
use super::model::Model;
use super::model::to_model;
use super::private::Private;
use super::schema::Schema;

/// The attributes of a stored object as JSON texts, by name.
pub type RawFields = BTreeMap<String, Box<RawValue>>;

/// What a call provides beside the object.
pub struct Context<S> {
    /// The session of the configured provider.
    pub session: Arc<S>,
    /// The object's private state. Changes are stored.
    pub private: Private,
    /// The configuration, if an object is created or changed; empty in every other call.
    pub config: Fields,
    /// What to report besides the result.
    pub warnings: Diagnostics,
}

impl<S> Context<S> {
    /// Returns whether the configuration leaves the attribute out.
    pub fn is_left_out(&self, attribute: &str) -> bool {
        is_left_out(&self.config, attribute)
    }
}

fn is_left_out(config: &Fields, attribute: &str) -> bool {
    config.get(attribute).is_none_or(Value::is_null)
}

/// What a plan provides beside the object.
pub struct PlanContext<S> {
    /// The session, if the provider is configured and can make requests.
    pub session: Option<Arc<S>>,
    /// The session, if the provider is configured, even if it cannot make requests yet.
    pub configured: Option<Arc<S>>,
    /// The object's private state. Changes are stored.
    pub private: Private,
    /// The configuration; empty if a destroy is planned.
    pub config: Fields,
}

impl<S> PlanContext<S> {
    /// Returns whether the configuration leaves the attribute out.
    pub fn is_left_out(&self, attribute: &str) -> bool {
        is_left_out(&self.config, attribute)
    }
}

/// A create or update that failed.
#[derive(Debug, Clone)]
pub struct Failure<T> {
    /// The errors; at least one.
    pub diagnostics: Diagnostics,
    /// The object as far as it exists now. `None`: unchanged. Unknown attributes become null.
    pub state: Option<T>,
}

impl<T> From<Diagnostics> for Failure<T> {
    fn from(diagnostics: Diagnostics) -> Self {
        Self { diagnostics, state: None }
    }
}

impl<T> From<Diagnostic> for Failure<T> {
    fn from(diagnostic: Diagnostic) -> Self {
        Diagnostics::from(diagnostic).into()
    }
}

/// A managed resource over a provider's session `S`.
#[async_trait]
pub trait Resource<S>: Send + Sync + 'static {
    /// Its attributes.
    type State: Model;

    /// Returns the type's name in HCL, with the provider's prefix.
    fn type_name(&self) -> &'static str;

    /// Returns the schema. Its attributes are those of the model.
    fn schema(&self) -> Schema;

    /// Validates what a single attribute's validator cannot. Values may be unknown.
    fn validate(&self, _config: &Self::State) -> Diagnostics {
        Diagnostics::new()
    }

    /// Fills in computed attributes that follow from the rest of the plan.
    fn refine(&self, _planned: &mut Self::State) {}

    /// Called with every object of the host's state as far as it is known: when the state is upgraded (then without private
    /// state), before and after each read, and before a change is planned. `exists`: whether the object exists, or is
    /// assumed to.
    ///
    /// A host plans an object that it replaces without being asked to, because it is tainted or by `-replace`, as a create
    /// without a prior state: only what was observed earlier tells that there is one.
    fn observe(&self, _session: &S, _private: &Private, _state: &Self::State, _exists: bool) {}

    /// Refines a planned create (`prior` is `None`) or update, or refuses it with an error. It must not change configured
    /// values. With `replaces`, the change forces a new object: the host destroys the prior one, and plans the new one in
    /// another call without a prior state.
    ///
    /// Called for every object in every plan and again in every apply, so requests from here are frequent.
    async fn plan(
        &self,
        _cx: &mut PlanContext<S>,
        _prior: Option<&Self::State>,
        _planned: &mut Self::State,
        _replaces: bool,
    ) -> Diagnostics {
        Diagnostics::new()
    }

    /// Called before a destroy is planned; an error refuses it. A replacement calls [`Resource::plan`] instead.
    async fn plan_destroy(&self, _cx: &mut PlanContext<S>, _prior: &Self::State) -> Diagnostics {
        Diagnostics::new()
    }

    /// Creates the object. The result must be wholly known and equal to what was planned.
    async fn create(
        &self,
        cx: &mut Context<S>,
        planned: Self::State,
    ) -> Result<Self::State, Failure<Self::State>>;

    /// Returns the current object; `None` if it no longer exists.
    async fn read(&self, cx: &mut Context<S>, state: Self::State)
    -> Result<Option<Self::State>, Diagnostics>;

    /// Updates the object. The result must be wholly known and equal to what was planned.
    async fn update(
        &self,
        cx: &mut Context<S>,
        prior: Self::State,
        planned: Self::State,
    ) -> Result<Self::State, Failure<Self::State>>;

    /// Deletes the object. An object that no longer exists counts as deleted.
    async fn delete(&self, cx: &mut Context<S>, prior: Self::State) -> Result<(), Diagnostics>;

    /// Returns what follows from the import ID; a read fills in the rest.
    fn import(&self, id: &str) -> Result<Self::State, Diagnostics>;

    /// Converts a stored state of an older schema version to the current one.
    fn upgrade(&self, version: i64, _state: RawFields) -> Result<RawFields, Diagnostics> {
        Err(Diagnostic::error(
            "Unsupported state version",
            format!(
                "The state of {} was written with schema version {version}, which this version of the provider cannot \
                 upgrade. Apply once with the provider release that wrote it, or with a release in between.",
                self.type_name()
            ),
        )
        .into())
    }
}

/// A resource with its model erased.
#[async_trait]
pub(super) trait ErasedResource<S>: Send + Sync {
    fn schema(&self) -> &Schema;
    fn validate(&self, config: &Fields) -> Diagnostics;
    fn observe(&self, session: &S, private: &Private, state: &Fields, exists: bool);
    /// Returns the planned fields and diagnostics; an error among those refuses the plan.
    async fn plan(
        &self,
        cx: &mut PlanContext<S>,
        prior: Option<&Fields>,
        planned: &Fields,
        replaces: bool,
    ) -> Result<(Fields, Diagnostics), Diagnostics>;
    async fn plan_destroy(&self, cx: &mut PlanContext<S>, prior: &Fields)
    -> Result<Diagnostics, Diagnostics>;
    async fn create(&self, cx: &mut Context<S>, planned: Fields) -> Result<Fields, Failure<Fields>>;
    async fn read(&self, cx: &mut Context<S>, state: Fields) -> Result<Option<Fields>, Diagnostics>;
    async fn update(
        &self,
        cx: &mut Context<S>,
        prior: Fields,
        planned: Fields,
    ) -> Result<Fields, Failure<Fields>>;
    async fn delete(&self, cx: &mut Context<S>, prior: Fields) -> Result<(), Diagnostics>;
    fn import(&self, id: &str) -> Result<Fields, Diagnostics>;
    fn upgrade(&self, version: i64, state: RawFields) -> Result<RawFields, Diagnostics>;
}

/// The type-erased form of `R`. Its schema is built on first use.
pub(super) struct Erased<R> {
    inner: R,
    schema: OnceLock<Schema>,
}

impl<R> Erased<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, schema: OnceLock::new() }
    }
}

fn untyped_failure<M: Model>(failure: Failure<M>) -> Failure<Fields> {
    Failure { diagnostics: failure.diagnostics, state: failure.state.as_ref().map(Model::to_fields) }
}

#[async_trait]
impl<S: Send + Sync + 'static, R: Resource<S>> ErasedResource<S> for Erased<R> {
    fn schema(&self) -> &Schema {
        self.schema.get_or_init(|| self.inner.schema())
    }

    fn validate(&self, config: &Fields) -> Diagnostics {
        let mut diagnostics = self.schema().validate(config);
        match to_model(config) {
            Ok(config) => diagnostics.append(self.inner.validate(&config)),
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
        diagnostics
    }

    fn observe(&self, session: &S, private: &Private, state: &Fields, exists: bool) {
        // A state that does not fit the model is reported by the call that uses it.
        if let Ok(state) = to_model(state) {
            self.inner.observe(session, private, &state, exists);
        }
    }

    async fn plan(
        &self,
        cx: &mut PlanContext<S>,
        prior: Option<&Fields>,
        planned: &Fields,
        replaces: bool,
    ) -> Result<(Fields, Diagnostics), Diagnostics> {
        let prior = prior.map(to_model).transpose()?;
        let mut planned = to_model(planned)?;
        self.inner.refine(&mut planned);
        let diagnostics = self.inner.plan(cx, prior.as_ref(), &mut planned, replaces).await;
        Ok((planned.to_fields(), diagnostics))
    }

    async fn plan_destroy(
        &self,
        cx: &mut PlanContext<S>,
        prior: &Fields,
    ) -> Result<Diagnostics, Diagnostics> {
        Ok(self.inner.plan_destroy(cx, &to_model(prior)?).await)
    }

    async fn create(&self, cx: &mut Context<S>, planned: Fields) -> Result<Fields, Failure<Fields>> {
        let created = self.inner.create(cx, to_model(&planned)?).await;
        created.map(|state| state.to_fields()).map_err(untyped_failure)
    }

    async fn read(&self, cx: &mut Context<S>, state: Fields) -> Result<Option<Fields>, Diagnostics> {
        let read = self.inner.read(cx, to_model(&state)?).await?;
        Ok(read.map(|state| state.to_fields()))
    }

    async fn update(
        &self,
        cx: &mut Context<S>,
        prior: Fields,
        planned: Fields,
    ) -> Result<Fields, Failure<Fields>> {
        let updated = self.inner.update(cx, to_model(&prior)?, to_model(&planned)?).await;
        updated.map(|state| state.to_fields()).map_err(untyped_failure)
    }

    async fn delete(&self, cx: &mut Context<S>, prior: Fields) -> Result<(), Diagnostics> {
        self.inner.delete(cx, to_model(&prior)?).await
    }

    fn import(&self, id: &str) -> Result<Fields, Diagnostics> {
        Ok(self.inner.import(id)?.to_fields())
    }

    fn upgrade(&self, version: i64, state: RawFields) -> Result<RawFields, Diagnostics> {
        self.inner.upgrade(version, state)
    }
}
