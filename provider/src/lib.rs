//! The Terraform provider for Kontraktor.
//!
//! Terraform's side is `framework`, Kontraktor's side is `session`; between them, each resource and data source is one
//! file. The provider judges names and values with the daemon's own rules (`kontraktor-proto`) and knows nothing of how
//! they are stored.

pub mod docs;
pub mod framework;

mod data_sources;
mod ephemeral;
mod functions;
mod messages;
mod places;
mod point_in_time;
mod provider;
mod resources;
mod rules;
mod secret_target;
mod session;
#[cfg(test)]
mod tests;

pub use provider::{Kontraktor, Settings};

/// The provider's address in the registry, which is also what `TF_REATTACH_PROVIDERS` names it.
pub const ADDRESS: &str = "registry.terraform.io/kontraktor/kontraktor";
