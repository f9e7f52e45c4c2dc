//! The data sources: one file for each. They read effective variables unless configured otherwise.

mod environment;
mod environment_diff;
mod projects;
mod secret;
mod variable;
mod variable_history;
mod view;

pub(crate) use environment::Environment;
pub(crate) use environment_diff::EnvironmentDiff;
pub(crate) use projects::Projects;
pub(crate) use secret::Secret;
pub(crate) use variable::Variable;
pub(crate) use variable_history::VariableHistory;
