//! Running a command as a child process, as transparently as possible: its output passes through with secrets masked, signals
//! are forwarded, and its exit code is reported as shells do.
//!
//! [`Invocation::exec`] replaces this process with the command; [`Child`] runs the command beside it, and reaps orphans if this
//! process [adopts](adopts_orphans) them. [`runs_code`] recognizes variables that nobody should set for a command unasked. This
//! module knows what to mask, but not where secrets and variables come from.

mod child;
mod code_variables;
mod invocation;
mod orphans;
mod signals;
mod streams;

pub use self::{
    child::{Child, Exit},
    code_variables::runs_code,
    invocation::{Invocation, StartError},
    orphans::adopts_orphans,
};
