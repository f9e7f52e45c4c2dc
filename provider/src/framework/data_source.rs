//! Data sources: the trait to implement, and its type-erased form for the server.

use std::sync::OnceLock;

use async_trait::async_trait;

use super::diagnostics::Diagnostics;
use super::fields::Fields;
use super::model::Model;
use super::model::to_model;
use super::schema::Schema;

/// The result of reading a data source.
#[derive(Debug, Clone)]
pub struct ReadResult<M> {
    /// All attributes, wholly known.
    pub result: M,
    /// Warnings about the result. It must not contain errors.
    pub warnings: Diagnostics,
}

/// A result without warnings.
impl<M> From<M> for ReadResult<M> {
    fn from(result: M) -> Self {
        Self { result, warnings: Diagnostics::new() }
    }
}

/// A data source over a provider's session `S`.
#[async_trait]
pub trait DataSource<S>: Send + Sync + 'static {
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

    /// Reads the data. The configuration is wholly known, and the result must be.
    async fn read(&self, session: &S, config: Self::Model) -> Result<ReadResult<Self::Model>, Diagnostics>;
}

/// A data source with its model erased.
#[async_trait]
pub(super) trait ErasedDataSource<S>: Send + Sync {
    fn schema(&self) -> &Schema;
    fn validate(&self, config: &Fields) -> Diagnostics;
    async fn read(&self, session: &S, config: Fields) -> Result<ReadResult<Fields>, Diagnostics>;
}

/// The type-erased form of `D`. Its schema is built on first use.
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
        let mut diagnostics = self.schema().validate(config);
        match to_model(config) {
            Ok(config) => diagnostics.append(self.inner.validate(&config)),
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
        diagnostics
    }

    async fn read(&self, session: &S, config: Fields) -> Result<ReadResult<Fields>, Diagnostics> {
        let ReadResult { result, warnings } = self.inner.read(session, to_model(&config)?).await?;
        Ok(ReadResult { result: result.to_fields(), warnings })
    }
}
