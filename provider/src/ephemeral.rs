//! The ephemeral resources: one file for each. Their values exist for one walk; leases are renewed during the walk and
//! released at its end.

mod environment;
mod holds;
mod secret;

pub(crate) use environment::Environment;
pub(crate) use secret::Secret;
