//! Ephemeral resources: values that exist for one walk and are never stored in the state.

use std::sync::OnceLock;
use std::time::SystemTime;

use async_trait::async_trait;

use super::diagnostics::{Diagnostic, Diagnostics};
use super::fields::Fields;
use super::model::Model;
use super::model::to_model;
use super::resource::Context;
use super::schema::Schema;

/// The result of opening an ephemeral resource.
#[derive(Debug, Clone)]
pub struct OpenResult<M> {
    /// All attributes, wholly known.
    pub result: M,
    /// When to renew it. The host renews exactly then, so set it well before the end. `None`: never.
    pub renew_at: Option<SystemTime>,
    /// Warnings about the result. It must not contain errors.
    pub warnings: Diagnostics,
}

impl<M> OpenResult<M> {
    /// Creates a result that needs no renewal and has no warnings.
    pub fn new(result: M) -> Self {
        Self { result, renew_at: None, warnings: Diagnostics::new() }
    }
}

/// An ephemeral resource over a provider's session `S`.
#[async_trait]
pub trait EphemeralResource<S: Send + Sync + 'static>: Send + Sync + 'static {
    /// Its attributes: arguments and results.
    type Model: Model;

    /// Returns the type's name in HCL, with the provider's prefix.
    fn type_name(&self) -> &'static str;

    /// Returns the schema. Its attributes are those of the model.
    fn schema(&self) -> Schema;

    /// Validates what a single attribute's validator cannot. Values may be unknown.
    fn validate(&self, _config: &Self::Model) -> Diagnostics {
        Diagnostics::new()
    }

    /// Opens the resource. Renewing and closing receive nothing but the private state, so store there what they need.
    async fn open(
        &self,
        cx: &mut Context<S>,
        config: Self::Model,
    ) -> Result<OpenResult<Self::Model>, Diagnostics>;

    /// Renews the resource, and returns when to renew it again.
    async fn renew(&self, _cx: &mut Context<S>) -> Result<Option<SystemTime>, Diagnostics> {
        Err(Diagnostic::error(
            "Renewal is not supported",
            format!("{} never asks for a renewal. This is a bug in the host.", self.type_name()),
        )
        .into())
    }

    /// Closes the resource. An error fails the whole run; a warning does not.
    async fn close(&self, _cx: &mut Context<S>) -> Result<(), Diagnostics> {
        Ok(())
    }
}

/// An ephemeral resource with its model erased.
#[async_trait]
pub(super) trait ErasedEphemeral<S>: Send + Sync {
    fn schema(&self) -> &Schema;
    fn validate(&self, config: &Fields) -> Diagnostics;
    async fn open(&self, cx: &mut Context<S>, config: Fields) -> Result<OpenResult<Fields>, Diagnostics>;
    async fn renew(&self, cx: &mut Context<S>) -> Result<Option<SystemTime>, Diagnostics>;
    async fn close(&self, cx: &mut Context<S>) -> Result<(), Diagnostics>;
}

/// The type-erased form of `E`. Its schema is built on first use.
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
        let mut diagnostics = self.schema().validate(config);
        match to_model(config) {
            Ok(config) => diagnostics.append(self.inner.validate(&config)),
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
        diagnostics
    }

    async fn open(&self, cx: &mut Context<S>, config: Fields) -> Result<OpenResult<Fields>, Diagnostics> {
        let opened = self.inner.open(cx, to_model(&config)?).await?;
        Ok(OpenResult {
            result: opened.result.to_fields(),
            renew_at: opened.renew_at,
            warnings: opened.warnings,
        })
    }

    async fn renew(&self, cx: &mut Context<S>) -> Result<Option<SystemTime>, Diagnostics> {
        self.inner.renew(cx).await
    }

    async fn close(&self, cx: &mut Context<S>) -> Result<(), Diagnostics> {
        self.inner.close(cx).await
    }
}
