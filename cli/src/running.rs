//! Running a command as a child process, as transparently as possible: its output passes through with secrets masked, signals
//! are forwarded, and its exit code is reported as shells do.
//!
//! [`Invocation::exec`] replaces this process with the command; [`Child`] runs the command beside it. This
//! module knows what to mask, but not where secrets and variables come from.

mod child;
mod invocation;
mod signals;
mod streams;

pub use self::{
    child::{Child, Exit},
    invocation::{Invocation, StartError},
};
