//! The harness of the acceptance tests: the real terraform, the real provider, the real daemon, in a scratch directory.
//!
//! It knows how to start, stop and ask them. What they ought to do stands in `tests/`.

mod binaries;
pub mod doubles;
mod run;
pub mod servers;
mod workspace;
mod world;

pub use binaries::{binary, repository};
pub use run::Run;
pub use workspace::{Install, Workspace};
pub use world::World;
