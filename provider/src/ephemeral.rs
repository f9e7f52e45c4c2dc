//! The ephemeral resources: one file for each. Their values live for one walk; leases are renewed for as long, and given
//! back at its end.

mod environment;
mod holds;
mod secret;

pub(crate) use environment::Environment;
pub(crate) use secret::Secret;
