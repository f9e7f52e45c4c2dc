//! Doubles of services that cannot run on a developer's machine. Each is a small HTTP server inside the test's process,
//! so that the test can change its content, break it and count requests while it runs.
//!
//! They know how the real services behave on the wire. They do not know Kontraktor.

mod azure;
mod certificates;
mod fault_server;
mod faults;
mod http;
mod server;
mod traffic;

pub use azure::{AzureKeyVault, AzureOptions, Draft, Secrets};
pub use certificates::{Authority, Validity};
pub use fault_server::FaultServer;
pub use faults::{Faults, HttpFault};
pub use http::{Answer, Request, Service};
pub use server::{Listener, Server};
pub use traffic::{Seen, Traffic};
