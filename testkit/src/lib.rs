//! Starts what tests need: `kontraktord`, terraform with the provider, real servers, and doubles of services that
//! cannot run here.
//!
//! It knows how to start, ask, break and stop them. What they must do is for the tests of each crate to say.

mod binaries;
mod daemon;
pub mod doubles;
mod output;
mod process;
mod run;
pub mod servers;
mod wait;
mod workspace;
mod world;

pub use binaries::{binary, repository};
pub use daemon::{Daemon, DaemonBuilder, Ended};
pub use run::Run;
pub use wait::{BOUND, eventually, eventually_async, eventually_some};
pub use workspace::{Install, Workspace};
pub use world::World;
