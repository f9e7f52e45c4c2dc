//! Managed resources: the trait that a resource implements, and its untyped form that the server calls.
//!
//! It turns values into models and back. When which function is called is the server's part.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use serde_json::value::RawValue;
use tfplugin_proto::value::Value;

use super::diagnostics::{Diagnostic, Diagnostics};
use super::model::{Model, ModelError};
use super::private::Private;
use super::schema::{Fields, Schema};

/// The attributes of a stored object as JSON texts, by name.
pub type RawFields = BTreeMap<String, Box<RawValue>>;

/// What a call brings beside the object.
pub struct Context<S> {
    /// What the configured provider shares.
    pub session: Arc<S>,
    /// What the object remembers; changes are kept.
    pub private: Private,
    /// What the author wrote, where an object is created or changed; empty in every other call.
    pub config: Fields,
}

impl<S> Context<S> {
    /// Whether the author left the attribute to the provider.
    pub fn is_left_out(&self, attribute: &str) -> bool {
        is_left_out(&self.config, attribute)
    }
}

fn is_left_out(config: &Fields, attribute: &str) -> bool {
    config.get(attribute).is_none_or(Value::is_null)
}

/// What a plan may look at beside the object.
pub struct PlanContext<S> {
    /// The session, where it can be asked: the provider is configured, and its block is known.
    pub session: Option<Arc<S>>,
    /// The session, where the provider is configured, also while it cannot be asked yet.
    pub configured: Option<Arc<S>>,
    /// What the object remembers; changes are kept.
    pub private: Private,
    /// What the author wrote; empty where a destroy is planned.
    pub config: Fields,
}

impl<S> PlanContext<S> {
    /// Whether the author left the attribute to the provider.
    pub fn is_left_out(&self, attribute: &str) -> bool {
        is_left_out(&self.config, attribute)
    }
}

/// A create or update that failed.
#[derive(Debug, Clone)]
pub struct Failure<T> {
    /// Why, with at least one error.
    pub diagnostics: Diagnostics,
    /// The object as far as it exists now. `None`: as before the call. Unknown attributes become null.
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

    /// The name in HCL, with the provider's prefix.
    fn type_name(&self) -> &'static str;

    /// Its schema. The attributes are those of the model.
    fn schema(&self) -> Schema;

    /// Checks what a single attribute's check cannot. Unknown values are legal.
    fn validate(&self, _config: &Self::State) -> Diagnostics {
        Diagnostics::new()
    }

    /// Fills in computed attributes that the rest of the plan tells already.
    fn refine(&self, _planned: &mut Self::State) {}

    /// Last word on a create (`prior` is `None`) or update: may refine what is planned, warn, or refuse. What the author
    /// wrote must stay as it is. With `replaces`, what changed makes a new object: the host destroys the prior one, and
    /// asks again for the new one, with no prior state.
    ///
    /// Called for every object in every plan and again in every apply, so whoever asks the network here asks often.
    async fn plan(
        &self,
        _cx: &mut PlanContext<S>,
        _prior: Option<&Self::State>,
        _planned: &mut Self::State,
        _replaces: bool,
    ) -> Diagnostics {
        Diagnostics::new()
    }

    /// Before a destroy is planned: an error refuses it. A replacement asks [`Resource::plan`] instead.
    async fn plan_destroy(&self, _cx: &mut PlanContext<S>, _prior: &Self::State) -> Diagnostics {
        Diagnostics::new()
    }

    /// Makes the object. The answer is wholly known and keeps what was planned.
    async fn create(
        &self,
        cx: &mut Context<S>,
        planned: Self::State,
    ) -> Result<Self::State, Failure<Self::State>>;

    /// The object as it is now; `None` when it is gone.
    async fn read(&self, cx: &mut Context<S>, state: Self::State)
    -> Result<Option<Self::State>, Diagnostics>;

    /// Changes the object. The answer is wholly known and keeps what was planned.
    async fn update(
        &self,
        cx: &mut Context<S>,
        prior: Self::State,
        planned: Self::State,
    ) -> Result<Self::State, Failure<Self::State>>;

    /// Removes the object. One that is gone already counts as removed.
    async fn delete(&self, cx: &mut Context<S>, prior: Self::State) -> Result<(), Diagnostics>;

    /// What the import id says of the object; a read follows and fills in the rest.
    fn import(&self, id: &str) -> Result<Self::State, Diagnostics>;

    /// Turns a stored state of an older schema version into the current shape.
    fn upgrade(&self, version: i64, _state: RawFields) -> Result<RawFields, Diagnostics> {
        Err(Diagnostic::error(
            "The state is too old",
            format!(
                "The state was written with version {version} of the schema of {}, which this provider cannot \
                 upgrade. Apply once with the provider release that wrote it or a release in between.",
                self.type_name()
            ),
        )
        .into())
    }
}

/// A resource whose model is hidden behind fields.
#[async_trait]
pub(super) trait ErasedResource<S>: Send + Sync {
    fn schema(&self) -> &Schema;
    fn validate(&self, config: &Fields) -> Diagnostics;
    /// What is planned, and what there is to say about it; an error among that refuses the plan.
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

/// The untyped form of `R`. Its schema is built when it is first asked for.
pub(super) struct Erased<R> {
    inner: R,
    schema: OnceLock<Schema>,
}

impl<R> Erased<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, schema: OnceLock::new() }
    }
}

/// Reads a model out of fields that were decoded by its schema.
pub(super) fn typed<M: Model>(fields: &Fields) -> Result<M, Diagnostic> {
    M::from_fields(fields).map_err(|error: ModelError| {
        Diagnostic::error(
            "The values do not fit the provider's model",
            format!("An attribute holds what the provider cannot represent: {error}."),
        )
    })
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
        let mut diagnostics = self.schema().check(config);
        match typed(config) {
            Ok(config) => diagnostics.append(self.inner.validate(&config)),
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
        diagnostics
    }

    async fn plan(
        &self,
        cx: &mut PlanContext<S>,
        prior: Option<&Fields>,
        planned: &Fields,
        replaces: bool,
    ) -> Result<(Fields, Diagnostics), Diagnostics> {
        let prior = prior.map(typed).transpose()?;
        let mut planned = typed(planned)?;
        self.inner.refine(&mut planned);
        let diagnostics = self.inner.plan(cx, prior.as_ref(), &mut planned, replaces).await;
        Ok((planned.to_fields(), diagnostics))
    }

    async fn plan_destroy(
        &self,
        cx: &mut PlanContext<S>,
        prior: &Fields,
    ) -> Result<Diagnostics, Diagnostics> {
        Ok(self.inner.plan_destroy(cx, &typed(prior)?).await)
    }

    async fn create(&self, cx: &mut Context<S>, planned: Fields) -> Result<Fields, Failure<Fields>> {
        let created = self.inner.create(cx, typed(&planned)?).await;
        created.map(|state| state.to_fields()).map_err(untyped_failure)
    }

    async fn read(&self, cx: &mut Context<S>, state: Fields) -> Result<Option<Fields>, Diagnostics> {
        let read = self.inner.read(cx, typed(&state)?).await?;
        Ok(read.map(|state| state.to_fields()))
    }

    async fn update(
        &self,
        cx: &mut Context<S>,
        prior: Fields,
        planned: Fields,
    ) -> Result<Fields, Failure<Fields>> {
        let updated = self.inner.update(cx, typed(&prior)?, typed(&planned)?).await;
        updated.map(|state| state.to_fields()).map_err(untyped_failure)
    }

    async fn delete(&self, cx: &mut Context<S>, prior: Fields) -> Result<(), Diagnostics> {
        self.inner.delete(cx, typed(&prior)?).await
    }

    fn import(&self, id: &str) -> Result<Fields, Diagnostics> {
        Ok(self.inner.import(id)?.to_fields())
    }

    fn upgrade(&self, version: i64, state: RawFields) -> Result<RawFields, Diagnostics> {
        self.inner.upgrade(version, state)
    }
}
