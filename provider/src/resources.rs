//! The managed resources: one file for each.

pub(crate) mod conflict;
mod environment;
mod environment_key;
mod lifecycle;
mod project;
pub(crate) mod protection;
mod role_binding;
mod secret_reference;
mod variable;
mod variable_schema;
mod variables;

pub(crate) use environment::Environment;
pub(crate) use project::Project;
pub(crate) use role_binding::RoleBinding;
pub(crate) use secret_reference::SecretReference;
pub(crate) use variable::Variable;
pub(crate) use variable_schema::VariableSchema;
pub(crate) use variables::Variables;
