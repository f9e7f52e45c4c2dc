//! Data sources: the trait that one implements, and its untyped form that the server calls.

use std::sync::OnceLock;

use async_trait::async_trait;

use super::diagnostics::Diagnostics;
use super::model::Model;
use super::resource::typed;
use super::schema::{Fields, Schema};

/// What reading a data source gave.
#[derive(Debug, Clone)]
pub struct Found<M> {
    /// All attributes, wholly known.
    pub result: M,
    /// What there is to say about it. An error among them would be told beside a result, so there is none.
    pub warnings: Diagnostics,
}

/// What was found, with nothing to say about it.
impl<M> From<M> for Found<M> {
    fn from(result: M) -> Self {
        Self { result, warnings: Diagnostics::new() }
    }
}

/// A data source over a provider's session `S`.
#[async_trait]
pub trait DataSource<S>: Send + Sync + 'static {
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

    /// Reads. The configuration is wholly known, and so is the answer.
    async fn read(&self, session: &S, config: Self::Model) -> Result<Found<Self::Model>, Diagnostics>;
}

/// A data source whose model is hidden behind fields.
#[async_trait]
pub(super) trait ErasedDataSource<S>: Send + Sync {
    fn schema(&self) -> &Schema;
    fn validate(&self, config: &Fields) -> Diagnostics;
    async fn read(&self, session: &S, config: Fields) -> Result<Found<Fields>, Diagnostics>;
}

/// The untyped form of `D`. Its schema is built when it is first asked for.
pub(super) struct Erased<D> {
    inner: D,
    schema: OnceLock<Schema>,
}

impl<D> Erased<D> {
    pub(super) fn new(inner: D) -> Self {
        Self { inner, schema: OnceLock::new() }
    }
}

#[async_trait]
impl<S: Send + Sync + 'static, D: DataSource<S>> ErasedDataSource<S> for Erased<D> {
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

    async fn read(&self, session: &S, config: Fields) -> Result<Found<Fields>, Diagnostics> {
        let Found { result, warnings } = self.inner.read(session, typed(&config)?).await?;
        Ok(Found { result: result.to_fields(), warnings })
    }
}
