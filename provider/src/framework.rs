//! A small framework for Terraform providers on `tfplugin-proto`: a resource, data source, ephemeral resource or
//! function is one file with its schema as data, a typed model and functions. The framework does what every provider needs:
//! plan rules, unknown values, defaults, replacement, private state, diagnostics, upgrades and imports.
//!
//! It owns the protocol's rules and does not know what any provider manages.

mod data_source;
mod diagnostics;
mod dynamic;
mod ephemeral;
mod fields;
mod function;
pub mod model;
mod plan;
mod private;
mod provider;
mod resource;
mod schema;
pub mod server;
#[cfg(test)]
pub(crate) mod tests;

pub use data_source::{DataSource, ReadResult};
pub use diagnostics::{Diagnostic, Diagnostics, Severity};
pub use ephemeral::{EphemeralResource, OpenResult};
pub use fields::Fields;
pub use function::{Function, FunctionError, Parameter, Signature};
pub use model::{Attr, Model, ModelError, Sensitive};
pub use private::Private;
pub use provider::{Catalog, Provider, Readiness};
pub use resource::{Context, Failure, PlanContext, RawFields, Resource};
pub use schema::{Attribute, Block, Mode, Nested, Schema, SemanticEquality, Validator};
pub use server::Server;
