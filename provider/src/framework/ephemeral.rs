//! Ephemeral resources: values that live for one walk and never reach the state.

use std::sync::OnceLock;
use std::time::SystemTime;

use async_trait::async_trait;

use super::diagnostics::{Diagnostic, Diagnostics};
use super::model::Model;
use super::resource::{Context, typed};
use super::schema::{Fields, Schema};

/// What opening an ephemeral resource gave.
#[derive(Debug, Clone)]
pub struct Opened<M> {
    /// All attributes, wholly known.
    pub result: M,
    /// When it must be renewed; the host renews exactly then, so leave a lead. `None`: never.
    pub renew_at: Option<SystemTime>,
    /// What there is to say about it. An error among them would be told beside a result, so there is none.
    pub warnings: Diagnostics,
}

impl<M> Opened<M> {
    /// What needs no renewal, and about which there is nothing to say.
    pub fn new(result: M) -> Self {
        Self { result, renew_at: None, warnings: Diagnostics::new() }
    }
}

/// An ephemeral resource over a provider's session `S`.
#[async_trait]
pub trait EphemeralResource<S: Send + Sync + 'static>: Send + Sync + 'static {
    /// Its attributes: arguments and results.
    type Model: Model;

    /// The name in HCL, with the provider's prefix.
    fn type_name(&self) -> &'static str;

    /// Its schema. The attributes are those of the model.
    fn schema(&self) -> Schema;

    /// Checks what a single attribute's check cannot. Unknown values are legal.
    fn validate(&self, _config: &Self::Model) -> Diagnostics {
        Diagnostics::new()
    }

    /// Opens it. What renewing and closing need goes into the private state: they are given nothing else.
    async fn open(
        &self,
        cx: &mut Context<S>,
        config: Self::Model,
    ) -> Result<Opened<Self::Model>, Diagnostics>;

    /// Renews it and says when to do so again.
    async fn renew(&self, _cx: &mut Context<S>) -> Result<Option<SystemTime>, Diagnostics> {
        Err(Diagnostic::error(
            format!("{} cannot be renewed", self.type_name()),
            "The provider never asked for a renewal. This is a defect of the caller.",
        )
        .into())
    }

    /// Closes it. Failing to is told as it is: an error fails the whole run, a warning does not.
    async fn close(&self, _cx: &mut Context<S>) -> Result<(), Diagnostics> {
        Ok(())
    }
}

/// An ephemeral resource whose model is hidden behind fields.
#[async_trait]
pub(super) trait ErasedEphemeral<S>: Send + Sync {
    fn schema(&self) -> &Schema;
    fn validate(&self, config: &Fields) -> Diagnostics;
    async fn open(&self, cx: &mut Context<S>, config: Fields) -> Result<Opened<Fields>, Diagnostics>;
    async fn renew(&self, cx: &mut Context<S>) -> Result<Option<SystemTime>, Diagnostics>;
    async fn close(&self, cx: &mut Context<S>) -> Result<(), Diagnostics>;
}

/// The untyped form of `E`. Its schema is built when it is first asked for.
pub(super) struct Erased<E> {
    inner: E,
    schema: OnceLock<Schema>,
}

impl<E> Erased<E> {
    pub(super) fn new(inner: E) -> Self {
        Self { inner, schema: OnceLock::new() }
    }
}

#[async_trait]
impl<S: Send + Sync + 'static, E: EphemeralResource<S>> ErasedEphemeral<S> for Erased<E> {
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

    async fn open(&self, cx: &mut Context<S>, config: Fields) -> Result<Opened<Fields>, Diagnostics> {
        let opened = self.inner.open(cx, typed(&config)?).await?;
        Ok(Opened { result: opened.result.to_fields(), renew_at: opened.renew_at, warnings: opened.warnings })
    }

    async fn renew(&self, cx: &mut Context<S>) -> Result<Option<SystemTime>, Diagnostics> {
        self.inner.renew(cx).await
    }

    async fn close(&self, cx: &mut Context<S>) -> Result<(), Diagnostics> {
        self.inner.close(cx).await
    }
}
