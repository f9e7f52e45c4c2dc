//! The Terraform provider for Kontraktor.
//!
//! `framework` implements Terraform's side, `session` Kontraktor's side; each resource and data source between them is one
//! file. The provider validates names and values with the daemon's own rules (`kontraktor-model`) and does not know how
//! they are stored.

pub mod framework;

mod data_sources;
mod ephemeral;
mod equality;
mod errors;
mod functions;
mod key_kind;
mod locations;
mod point_in_time;
mod provider;
mod resources;
mod secret_target;
mod session;
#[cfg(test)]
mod tests;
mod validators;

pub use provider::{Kontraktor, Settings};

/// The provider's source address in the registry, which is also its key in `TF_REATTACH_PROVIDERS`.
pub const ADDRESS: &str = "registry.terraform.io/kontraktor/kontraktor";
