//! The trait that a provider implements: its configuration block, its session, and the catalog of what it offers.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::data_source::{self, DataSource, ErasedDataSource};
use super::diagnostics::{Diagnostic, Diagnostics};
use super::ephemeral::{self, EphemeralResource, ErasedEphemeral};
use super::function::{Function, Signature};
use super::model::Model;
use super::resource::{self, ErasedResource, Resource};
use super::schema::Schema;

/// Whether a session can make requests.
#[derive(Debug, Clone, PartialEq)]
pub enum Readiness {
    /// It can.
    Ready,
    /// Something in the provider block is not known yet. The diagnostic says what.
    NotYet(Diagnostic),
}

/// A provider.
#[async_trait]
pub trait Provider: Send + Sync + 'static {
    /// The provider block.
    type Config: Model;
    /// What one configured provider shares among its calls.
    type Session: Send + Sync + 'static;

    /// Returns the schema of the provider block. Its attributes are those of the model.
    fn schema(&self) -> Schema;

    /// Validates what a single attribute's validator cannot. Values may be unknown.
    fn validate(&self, _config: &Self::Config) -> Diagnostics {
        Diagnostics::new()
    }

    /// Creates the session. In a plan, values may be unknown.
    async fn configure(
        &self,
        terraform_version: &str,
        config: Self::Config,
    ) -> Result<Self::Session, Diagnostics>;

    /// Returns whether objects can be read. If not, their state is kept, and the diagnostic is shown once, as a warning.
    fn readiness(&self, session: &Self::Session) -> Readiness;

    /// Called when the host wants to stop: calls should finish as soon as they can. More calls may still follow.
    fn stop(&self, _session: &Self::Session) {}

    /// Returns the catalog of resources, data sources, ephemeral resources and functions.
    fn catalog(&self) -> Catalog<Self::Session>;
}

/// The resources, data sources, ephemeral resources and functions of a provider, by name.
pub struct Catalog<S> {
    pub(super) resources: BTreeMap<&'static str, Box<dyn ErasedResource<S>>>,
    pub(super) data_sources: BTreeMap<&'static str, Box<dyn ErasedDataSource<S>>>,
    pub(super) ephemerals: BTreeMap<&'static str, Box<dyn ErasedEphemeral<S>>>,
    pub(super) functions: BTreeMap<&'static str, Box<dyn Function>>,
}

impl<S> Default for Catalog<S> {
    fn default() -> Self {
        Self {
            resources: BTreeMap::new(),
            data_sources: BTreeMap::new(),
            ephemerals: BTreeMap::new(),
            functions: BTreeMap::new(),
        }
    }
}

impl<S: Send + Sync + 'static> Catalog<S> {
    /// Creates an empty catalog.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a resource.
    #[must_use]
    pub fn resource(mut self, resource: impl Resource<S>) -> Self {
        self.resources.insert(resource.type_name(), Box::new(resource::Erased::new(resource)));
        self
    }

    /// Adds a data source.
    #[must_use]
    pub fn data_source(mut self, source: impl DataSource<S>) -> Self {
        self.data_sources.insert(source.type_name(), Box::new(data_source::Erased::new(source)));
        self
    }

    /// Adds an ephemeral resource.
    #[must_use]
    pub fn ephemeral(mut self, resource: impl EphemeralResource<S>) -> Self {
        self.ephemerals.insert(resource.type_name(), Box::new(ephemeral::Erased::new(resource)));
        self
    }

    /// Adds a function.
    #[must_use]
    pub fn function(mut self, function: impl Function) -> Self {
        self.functions.insert(function.name(), Box::new(function));
        self
    }

    /// Returns the schemas of the resources, by name.
    pub fn resource_schemas(&self) -> impl Iterator<Item = (&'static str, &Schema)> {
        self.resources.iter().map(|(name, resource)| (*name, resource.schema()))
    }

    /// Returns the schemas of the data sources, by name.
    pub fn data_source_schemas(&self) -> impl Iterator<Item = (&'static str, &Schema)> {
        self.data_sources.iter().map(|(name, source)| (*name, source.schema()))
    }

    /// Returns the schemas of the ephemeral resources, by name.
    pub fn ephemeral_schemas(&self) -> impl Iterator<Item = (&'static str, &Schema)> {
        self.ephemerals.iter().map(|(name, resource)| (*name, resource.schema()))
    }

    /// Returns the signatures of the functions, by name.
    pub fn function_signatures(&self) -> impl Iterator<Item = (&'static str, Signature)> {
        self.functions.iter().map(|(name, function)| (*name, function.signature()))
    }
}
