//! A small framework for Terraform providers on `tfplugin-proto`: a resource, data source, ephemeral resource or
//! function is one file with its schema as data, a typed model and functions; what every provider does alike
//! (plan rules, unknowns, defaults, replacement, private state, diagnostics, upgrades, imports) is done here.
//!
//! It owns the protocol's rules and refuses to know what any provider manages.

mod data_source;
mod diagnostics;
mod dynamic;
mod ephemeral;
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

pub use data_source::{DataSource, Found};
pub use diagnostics::{Diagnostic, Diagnostics, Severity};
pub use ephemeral::{EphemeralResource, Opened};
pub use function::{Function, FunctionError, Parameter, Signature};
pub use model::{Attr, Model, ModelError, Sensitive};
pub use private::Private;
pub use provider::{Catalog, Provider, Readiness};
pub use resource::{Context, Failure, PlanContext, RawFields, Resource};
pub use schema::{Attribute, Block, Check, Fields, Mode, Nested, Same, Schema};
pub use server::Server;
